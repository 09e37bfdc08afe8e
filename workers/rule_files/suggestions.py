"""Suggestions: words and values that people write instead of those of the grammar, and their probable meaning.

Pure tables and small readers of texts. This module must never know where a text is in a file.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterable
from decimal import Decimal, InvalidOperation
from typing import Final
from zoneinfo import available_timezones

from schemas.conditions import CONDITION_WORDS, ELEMENTARY
from schemas.events import BUILT_IN
from schemas.places import PATH_PATTERN
from schemas.refusals import Format
from schemas.sources import UNWRAP_WORDS

_BOUNDS: Final = {
    "at least": "min minimum atleast least gte ge >= ≥ minimal from not_less_than not_fewer_than",
    "at most": "max maximum atmost most lte le <= ≤ maximal up_to not_more_than no_more_than",
    "more than": "gt > greater greater_than above over bigger_than larger_than higher_than exceeds",
    "fewer than": "lt < less lower_than smaller_than below under",
    "less than": "lt < less lower_than smaller_than below under",
    "exactly": "equals equal eq = == is exact times number amount value equal_to",
    "between": "range from_to in_between",
}


def _of_kinds(*, are_first: bool) -> dict[str, str]:
    """Return what people write instead of the keys of elementary conditions: of the first words, or of the others."""
    also_written = (item for kind in ELEMENTARY.values() for item in kind.also_written.items())
    return {key: guesses for key, guesses in also_written if (key in CONDITION_WORDS) == are_first}


_WORDS: Final = {
    # values of attributes
    "other than": "not is_not != <> except without not_in ne isnt none_of",
    "is": "equals equal eq = == in exactly value one_of",
    "is not": "not != <> other_than ne isnt not_in except",
    **_BOUNDS,
    # times
    "within": "for in last in_last in_the_last in_the_past during over period window timeframe past since days "
    "within_last in_the_next",
    "for": "within since in last in_last in_the_last during over period longer_than at_least days",
    **_of_kinds(are_first=False),
    # which events
    "where": "filter filters with if when only only_when attributes matching",
    "event": "type kind event_type name",
    # conditions
    "all": "and all_of both every",
    "any": "or any_of either one_of",
    "not": "no nor isnt",
    **_of_kinds(are_first=True),
    "meets": "use is_a definition ref reference segment condition",
    # rules
    "rules": "rule regeln",
    "define": "definitions definition defines segments conditions",
    "for every rule": "global globals settings every_rule all_rules for_all_rules defaults",
    "id": "rule rule_id key slug name identifier",
    "title": "name label headline subject",
    "description": "comment note notes about desc why",
    "when": "if condition conditions trigger where who segment on criteria",
    "unless": "except exclude excluding but_not not if_not unless_when without",
    "action": "then do send actions type",
    "template": "message email mail campaign content template_id template_name text",
    "variables": "vars parameters params data fields placeholders",
    "again after": "repeat_after cooldown cool_down again repeat pause every repeat_every not_again_for again_in",
    "expires after": "expires expire expiry ttl valid_for expires_in expire_after valid_until expiration",
    "priority": "prio importance rank weight order",
    "instead of": "replaces overrides instead supersedes suppresses beats",
    "brake": "global_limit total_limit max_total emergency_stop kill_switch circuit_breaker",
    "pace": "throttle rate rate_limit limit max_per_hour speed",
    "over pace": "when_over_pace overflow above_pace",
    "hold out": "holdout control control_group test_group control_share",
    "experiment": "ab_test test experiment_id",
    "existing": "include_existing existing_customers backfill",
    "examples": "example tests test",
    # what holds for every rule
    "limits": "limit caps cap frequency_cap max_actions",
    "quiet hours": "quiet quiet_time do_not_disturb night silent_hours sleep",
    "time zone": "tz zone timezone",
    "consent": "opt_in opt_out permission gdpr unsubscribed",
    "opted out": "no values opt_out when out",
    "otherwise": "default else fallback",
    "until": "to till end",
    "from": "start attribute since at field",
    "per": "every each",
    # examples
    "given": "events event input history when",
    "expect": "expected then output result expects",
    "at": "on when day after time date",
    "with": "attributes where data fields having",
    "every": "each interval",
    "times": "count repeat number",
    "watch for": "until watch duration run_for",
    "retracted": "retraction taken_back",
    "decision": "suppressed why_not outcome",
}
_VALUES: Final = {
    "live": "on yes y true enabled active running production published 1",
    "paused": "off no n false disabled inactive stopped archived 0",
    "shadow": "test testing dry-run dryrun preview",
    "draft": "wip new idea",
    "cancelled": "canceled churned ended quit terminated left inactive",
    "active": "current subscribed not_cancelled true",
    "at-risk": "at_risk risk churn-risk",
    "win-back": "winback reactivate",
    "never": "no none false null not off once",
    "nothing": "none no [] null nobody no_action nothing_happens",  # codespell:ignore nobody
    "start": "0 begin beginning now day_0",
    "leave alone": "no false exclude skip ignore",
    "include": "yes true all",
    "may be written to": "yes true opted_in in ok allowed",
    "opted out": "no false out",
    "true": "yes y on 1",
    "false": "no n off 0",
}


def _by_guess(table: dict[str, str]) -> dict[str, list[str]]:
    guesses: dict[str, list[str]] = {}
    for word, written in table.items():
        for guess in written.split():
            guesses.setdefault(_form(guess), []).append(word)
    return guesses


def _form(word: str) -> str:
    return re.sub(r"[\s_\u200b\ufeff-]+", " ", word).strip().lower()


_KEYS_BY_GUESS: Final = _by_guess(_WORDS)
_VALUES_BY_GUESS: Final = _by_guess(_VALUES)


def guessed_key(written: str, possible: Collection[str], kind: str = "") -> str | None:
    """Return the possible key for which people write another word, or None.

    Args:
        written: the word.
        possible: the keys that are possible.
        kind: the kind of condition, if it is one.
    """
    by_kind = ELEMENTARY[kind].meant_keys.get(written) if kind in ELEMENTARY else None
    return next((word for word in (by_kind, *_KEYS_BY_GUESS.get(_form(written), ())) if word in possible), None)


def did_you_mean(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known word that was probably meant, or None.

    Args:
        word: the word as it was written.
        known: the possible words.
        likeness: how similar they must be, from 0 (any word) to 1 (the same word).
    """
    by_form = {_form(possible): possible for possible in known}
    matches = difflib.get_close_matches(_form(word), by_form, n=1, cutoff=likeness)
    return by_form[matches[0]] if matches else None


def meant_key(written: str, possible: Collection[str]) -> str | None:
    """Return the possible key that was probably meant, or None: by its form, by what people write, or by likeness."""
    form = _form(written)
    alike = next((word for word in possible if _form(word) == form), None)
    return alike or guessed_key(written, possible) or did_you_mean(written, possible)


def meant_value(written: str, possible: Collection[str]) -> str | None:
    """Return the possible value that was probably meant, or None: by form, by what people write, or by likeness."""
    form = _form(written)
    return (
        next((word for word in possible if _form(word) == form), None)
        or next((word for word in _VALUES_BY_GUESS.get(form, ()) if word in possible), None)
        or did_you_mean(written, possible)
    )


# --- values as people write them --------------------------------------------------------------------------------

_AMOUNT: Final = r"(\d{1,6}(?:[.,]\d{1,2})?)"
_TIME: Final = re.compile(rf"^\D*?{_AMOUNT}\s*-?([A-Za-z]+)")
_HOURS: Final = {"second": Decimal(1) / 3600, "minute": Decimal(1) / 60, "hour": Decimal(1), "day": Decimal(24)}
_HOURS_IN: Final = _HOURS | {"week": Decimal(168), "month": Decimal(720), "year": Decimal(8760)}
_MOST_HOURS: Final = 3660 * 24
_UNITS: Final = {
    "second": "s sec secs second seconds",
    "minute": "m min mins minute minutes",
    "hour": "h hr hrs hour hours",
    "day": "d day days tage tag dy",
    "week": "w wk wks week weeks",
    "month": "mo mon month months mth",
    "year": "y yr yrs year years",
}
_SMALL: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
]
_NUMBERS: Final = {
    **{word: number for number, word in enumerate(_SMALL)},
    **{"a": 1, "an": 1, "once": 1, "twice": 2, "twenty": 20, "thirty": 30, "forty": 40, "sixty": 60, "ninety": 90},
}


def _number_in(word: str) -> int | None:
    """Return the number that a word such as `three` means, or None."""
    return _NUMBERS.get(word.strip().lower())


def as_duration(written: str) -> str | None:
    """Return `45d`, `45days`, `1.5 days`, `a week` or `P45D` as a duration, or None for anything else."""
    text = re.sub(r"^P(?:T?)(?=\d)", "", written.strip())
    amount, unit = _amount_and_unit(text)
    if unit is None or not amount:
        return None
    hours = amount * _HOURS_IN[unit]
    if hours > _MOST_HOURS:
        return None
    # Months and years have no fixed length: days are written instead.
    for shown_unit in (unit if unit in (*_HOURS, "week") else "day", "day", "hour", "minute", "second"):
        whole = (hours / _HOURS_IN[shown_unit]).quantize(Decimal("0.000001"))
        if whole == whole.to_integral_value():
            return f"{int(whole)} {shown_unit}" + ("" if whole == 1 else "s")
    return None


def _amount_and_unit(text: str) -> tuple[Decimal, str | None]:
    """Return the number and the unit in a text, in digits or words; 0 and None if they are missing."""
    if (match := _TIME.match(text)) is not None:
        return Decimal(match[1].replace(",", ".")), _unit(match[2])
    words = text.replace("-", " ").split()
    number = next((number for word in words if (number := _number_in(word)) is not None), None)
    unit = next((unit for word in reversed(words) if (unit := _unit(word)) is not None), None)
    if number is None and unit is not None and len(words) == 1:
        number = 1
    return Decimal(number or 0), unit


def _unit(written: str) -> str | None:
    word = written.lower()
    unit = next((unit for unit, spellings in _UNITS.items() if word in spellings.split()), None)
    if unit is None and len(word) > 2 and (close := did_you_mean(word, [f"{unit}s" for unit in _UNITS])):
        return close[:-1]
    return unit


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def as_percent(written: str) -> str | None:
    """Return `50`, `0.5`, `50 percent` or `-50%` as a percentage, or None for anything else."""
    match = re.search(r"\d{1,4}(?:[.,]\d{1,2})?", written)
    if match is None:
        return None
    number = Decimal(match[0].replace(",", "."))
    if 0 < number < 1 and "%" not in written:
        number *= 100
    return f"{_plain(number)}%" if number else None


def as_times(written: str) -> str | None:
    """Return `2.5`, `2.5x` or `2.5 time` as a number of times, or None for anything else."""
    match = re.search(r"\d{1,3}(?:[.,]\d{1,2})?", written)
    if match is None or not 1 <= Decimal(match[0].replace(",", ".")) <= 100:
        return None
    return f"{match[0].replace(',', '.')} times"


def as_two_numbers(written: str) -> str | None:
    """Return `3-10`, `3 to 10` or `[3, 10]` as two numbers, or None for anything else."""
    numbers = re.findall(r"\d{1,12}(?:\.\d{1,4})?", written)
    if len(numbers) != 2:
        return None
    return " and ".join(sorted(numbers, key=Decimal))


def as_two_ages(written: str) -> str | None:
    """Return `30-90 days` or `30 days to 90 days` as two ages, or None for anything else."""
    numbers = re.findall(r"\d{1,6}", written)
    unit = next((unit for word in reversed(re.findall(r"[A-Za-z]+", written)) if (unit := _unit(word))), "day")
    if len(numbers) != 2 or unit in ("month", "year"):
        return None
    low, high = sorted(map(int, numbers))
    if not low or high * _HOURS_IN[unit] > _MOST_HOURS:
        return None
    return f"{low} {unit}s and {high} {unit}s ago"


def as_pace(written: str) -> str | None:
    """Return `500/hour` or `500 an hour` as a pace, or None for anything else."""
    written = re.sub(r"(?<=\d)[,.](?=\d{3}\b)", "", written)  # thousands
    match = re.search(r"(\d{1,7})\D*?(minute|min|hour|hr|h|day|d)\b", written.lower())
    if match is None:
        number = re.search(r"\d{1,7}", written)
        return f"at most {number[0]} per hour" if number and int(number[0]) else None
    unit = {"m": "minute", "h": "hour", "d": "day"}[match[2][0]]
    return f"at most {match[1]} per {unit}" if int(match[1]) else None


def as_actions(written: str) -> str | None:
    """Return `2 emails` or `2x` as a number of actions, or None for anything else."""
    match = re.search(r"\d{1,3}", written)
    return f"{int(match[0])} action" + ("" if int(match[0]) == 1 else "s") if match and int(match[0]) else None


_CLOCK: Final = re.compile(r"(\d{1,2})(?:[.:h ]?(\d\d))?\s*(am|pm|a\.m\.|p\.m\.|h|uhr|o'clock)?")


def as_time_of_day(written: str) -> str | None:
    """Return `9pm`, `21` or `21.30` as a time of day, or None for anything else."""
    match = re.fullmatch(
        r"(\d{1,2})(?:[.:h ]?(\d\d))?\s*(am|pm|a\.m\.|p\.m\.|h|uhr|o'clock)?", written.strip().lower()
    )
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3] and match[3][0] in "ap" and 1 <= hour <= 12:
        hour = hour % 12 + (12 if match[3][0] == "p" else 0)
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None


def as_offset(written: str) -> str | None:
    """Return `day 20`, `0` or `20d` as a time since the start, or None for anything else."""
    if written.strip().lower() in _VALUES["start"].split() or _form(written) in ("day 0", "0 days"):
        return "start"
    if (day := re.fullmatch(r"day\s*(\d{1,4})|(\d{1,4})", written.strip().lower())) is not None:
        return f"{day[1] or day[2]} days"
    return as_duration(written)


def as_number(written: str) -> str | None:
    """Return `three`, `3x`, `3 purchases`, `>= 3` or `1,000` as a number, or None for anything else."""
    if (number := _number_in(written.strip())) is not None:
        return str(number)
    numbers = re.findall(r"-?\d[\d.,]*", written)
    if len(numbers) != 1:
        return None
    text = numbers[0].rstrip(".,")
    text = text.replace(",", "") if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?", text) else text.replace(",", ".")
    return text if _decimal(text) is not None else None


def as_id(written: str) -> str | None:
    """Return a title as an id, or None if it cannot be one."""
    text = re.sub(r"[^a-z0-9]+", "-", written.lower()).strip("-")
    return text[:64].rstrip("-") if re.match(r"[a-z].*[a-z0-9].", text) else None


def as_type(written: str) -> str | None:
    """Return `Purchase` or `newsletter opened` as an event type, or None if it cannot be one."""
    text = re.sub(r"[^a-z0-9-]+", "_", written.lower()).strip("_-")
    return text[:64] if re.match(r"[a-z]", text) and len(text.split("_")) < 4 else None


def as_attribute(written: str) -> str | None:
    """Return `order total` as the name of an attribute, or None if it cannot be one."""
    text = re.sub(r"[^A-Za-z0-9]+", "_", written).strip("_")
    return text if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", text) else None


_ATTRIBUTES: Final = {
    name: type_name
    for type_name, event in BUILT_IN.items()
    for name in event.model_fields
    if name not in ("event_id", "customer_id", "occurred_at", "history_until", "attributes", "type")
}


def as_reference(written: str) -> str | None:
    """Return `purchase amount`, `purchase:amount` or `Purchase.Amount` as a reference, or None for anything else."""
    if (attribute := _form(written).replace(" ", "_")) in _ATTRIBUTES:
        return f"{_ATTRIBUTES[attribute]}.{attribute}"
    parts = re.split(r"[\s:/>.]+|->|::", written.strip())
    if len(parts) != 2 or not all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", part) for part in parts):
        return None
    return f"{parts[0].lower()}.{parts[1].replace('-', '_')}"


def as_name(written: str) -> str | None:
    """Return `Regular_Customer` as the name of a condition, or None if it cannot be one."""
    text = re.sub(r"[^a-z0-9-]+", " ", written.lower()).strip(" -")
    return text if re.fullmatch(r"[a-z][a-z0-9 -]{1,62}[a-z0-9]", text) else None


def as_zone(written: str) -> str | None:
    """Return the time zone of a city, or one with a similar name, or None."""
    zones = sorted(available_timezones())
    city = _form(written.rpartition("/")[2])
    of_city = [zone for zone in zones if _form(zone.rpartition("/")[2]) == city]
    return of_city[0] if of_city else did_you_mean(written, zones)


def as_path(written: str) -> str | None:
    """Return `$.customer.id` or `Order ID` as a path of `sources.yaml`, or None if it cannot be one."""
    path = re.sub(r"\[(['\"])([^'\"\[\]]+)\1\]", r'."\2"', written.strip()).removeprefix("$").removeprefix(".")
    parts = [part if '"' in part or not re.search(r"\s", part) else f'"{part.strip()}"' for part in path.split(".")]
    path = ".".join(parts)
    return path if path != written and re.fullmatch(PATH_PATTERN, path) else None


def is_search(written: str) -> bool:
    """Return whether a text looks like an expression that searches, and like no path."""
    return re.search(r"[|(*]|\[[?:*\]]", written) is not None


_COMPARISON: Final = re.compile(r"(\S+)\s*(>=|<=|==|!=|<>|>|<|=)\s*(\S+)")
_WORD_OF_SIGN: Final = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def as_condition(written: str) -> str | None:
    """Return `amount > 0` as a condition of `only_when`, a name with blanks as a path, or None."""
    if (match := _COMPARISON.fullmatch(written.strip())) is not None:
        path, sign, value = match.groups()
        if sign in ("=", "=="):
            return f"{path}: {value}"
        return f"{path}: {{{_WORD_OF_SIGN.get(sign, 'other than')}: {value}}}"
    return None if is_search(written) else as_path(written)


def as_time_format(written: str) -> str | None:
    """Return `ms` or `unix` as a format of times, or None."""
    words = {
        "seconds": "s sec secs second unix epoch timestamp unixtime unix_time epoch_seconds",
        "milliseconds": "ms msec millis milli millisecond epoch_millis epoch_ms unix_ms timestamp_millis java",
        "microseconds": "us µs μs micros micro microsecond epoch_micros timestamp_micros",
        "nanoseconds": "ns nanos nano nanosecond epoch_nanos",
        "days": "day date epoch_days",
        "iso": "iso8601 iso_8601 rfc3339 rfc_3339 text string datetime",
    }
    form = _form(written)
    meant = next((word for word, guesses in words.items() if form in map(_form, guesses.split())), None)
    return meant or did_you_mean(written, words)


_READERS: Final[dict[Format, Callable[[str], str | None]]] = {
    "duration": as_duration,
    "percentage": as_percent,
    "times": as_times,
    "two numbers": as_two_numbers,
    "two ages": as_two_ages,
    "pace": as_pace,
    "actions": as_actions,
    "time of day": as_time_of_day,
    "offset": as_offset,
    "time zone": as_zone,
    "time format": as_time_format,
    "condition": as_condition,
    "unwrap": lambda written: did_you_mean(written, UNWRAP_WORDS),
}
"""By format: the function that rewrites other spellings of it."""
_VALUES_BY_KEY: Final = {"again after": ("never",)}


def rewritten(value_format: Format | None, written: str, key: str | None = None) -> str | None:
    """Return the probable meaning of a refused value, written correctly; None if it is not recognized.

    Args:
        value_format: the format that the value should have; None if no spelling of it is recognized.
        written: the value as the file has it.
        key: the key of the value.
    """
    words = _VALUES_BY_KEY.get(key or "", ())
    if (word := next((word for word in _VALUES_BY_GUESS.get(_form(written), ()) if word in words), None)) is not None:
        return word
    if key == "between" and (ages := as_two_ages(written)) is not None and re.search("[A-Za-z]", written):
        return ages if ages != written else None
    read = None if value_format is None else _READERS[value_format]
    suggested = None if read is None else read(written[:200])
    return suggested if suggested != written else None


_BOUND_IN_TEXT: Final = re.compile(
    r"\b(?:at least|at most|more than|fewer than|less than|exactly|between|within|for)\b|[<>=]=?", re.IGNORECASE
)


def in_lines(written: str, key: str | None = None) -> str | None:
    """Return how to write several things in one text, such as `purchase at least 3`; None if there is one."""
    match = _BOUND_IN_TEXT.search(written)
    if match is None:
        return None
    first, rest = written[: match.start()].strip(" :,"), written[match.end() :].strip(" :=")
    word = match[0].lower()
    word = (_KEYS_BY_GUESS.get(word) or [word])[0] if not word[0].isalpha() else word
    rest = (_BOUND_IN_TEXT.split(rest)[0]).strip()
    if not first or not rest or key is None:
        return "each thing is a line of its own, such as 'count: purchase' and below it 'at least: 3'"
    return f"write '{key}: {first[:40]}' and on the next line '{word}: {rest[:40]}'"


def key_at_the_beginning(line: str) -> str | None:
    """Return a line with the colon that it lacks, such as `at least: 3` for `at least 3`; None for any other line."""
    text = line.strip().removeprefix("- ")
    word = words_at_the_beginning(text, _WORDS)
    return None if word is None else f"{word}: {text[len(word) :].strip()}"


def words_at_the_beginning(written: str, words: Iterable[str]) -> str | None:
    """Return the longest of some words that begins a text, such as `at least` of `at least 3`, or None."""
    text = written.lower()
    return max(
        (word for word in words if text.startswith(f"{word} ") or text.startswith(f"{word}:")), key=len, default=None
    )
