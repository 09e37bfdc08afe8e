"""Suggestions: words and values that people write instead of those of the grammar, and their probable meaning.

Pure tables and small readers of texts. This module must never know where a text is in a file.
"""

import re
from collections.abc import Callable, Collection, Iterable
from typing import Final, NamedTuple
from zoneinfo import available_timezones

from schemas.actions import BUILT_IN_ACTIONS
from schemas.conditions import BOUND_WORDS, CONDITION_WORDS, COST_OF_WINNING, ELEMENTARY
from schemas.events import BUILT_IN
from schemas.places import PATH_PATTERN
from schemas.refusals import Format
from schemas.sources import UNWRAP_WORDS
from schemas.variables import MEASUREMENTS
from workers.rule_files.hints.likeness import did_you_mean, form_of
from workers.rule_files.hints.outcomes import as_points, as_share_of_all, as_success
from workers.rule_files.hints.values import (
    as_actions,
    as_duration,
    as_measurement,
    as_number,
    as_offset,
    as_pace,
    as_percent,
    as_time_of_day,
    as_times,
    as_two_ages,
    as_two_numbers,
)
from workers.rule_files.values.kinds import meant_currency

_BOUNDS: Final = {
    "at least": "min minimum atleast least gte ge >= ≥ => minimal from not_less_than not_fewer_than no_less_than "
    "no_fewer_than",
    "at most": "max maximum atmost most lte le <= ≤ =< maximal up_to not_more_than no_more_than not_over not_above",
    "more than": "gt > greater greater_than above over bigger_than larger_than higher_than exceeds",
    "fewer than": "lt < less lower_than smaller_than below under",
    "less than": "lt < less lower_than smaller_than below under",
    "exactly": "equals equal eq = == is exact equal_to",
    "between": "range from_to in_between",
}


_FIRST_WORDS: Final = frozenset((*CONDITION_WORDS, *MEASUREMENTS))


def _of_kinds(*, are_first: bool) -> dict[str, str]:
    """Return what people write instead of the keys of elementary conditions: of the first words, or of the others.

    Measurements of template variables count as conditions.
    """
    also_written = (
        item for kind in (*ELEMENTARY.values(), *MEASUREMENTS.values()) for item in kind.also_written.items()
    )
    return {key: guesses for key, guesses in also_written if (key in _FIRST_WORDS) == are_first}


_WORDS: Final = {
    # values of attributes
    "other than": "not is_not != <> except without not_in ne isnt none_of",
    "is": "equals equal eq = == in exactly value one_of",
    "is not": "not != <> other_than ne isnt not_in except",
    **_BOUNDS,
    # times
    "within": "for in last in_last in_the_last in_the_past during over period window timeframe past since days "
    "within_last",
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
    "stages": "ladder ladders levels tiers segments",
    "steps": "stages rungs levels tiers",
    "list": "listed index indexed show",
    "for every rule": "global globals settings every_rule all_rules for_all_rules defaults",
    "id": "rule rule_id key slug name identifier",
    "title": "name label headline subject",
    "description": "comment note notes about desc why",
    "when": "if condition conditions trigger where who segment on criteria",
    "unless": "except exclude excluding but_not not if_not unless_when without",
    "action": "then do send actions type",
    "template": "message email mail campaign content template_id template_name text",
    "locale": "language lang",
    "variables": "vars parameters params data fields placeholders",
    "channel": "medium via send_by send_via",
    "labels": "label tags tag constants extra",
    "again after": "repeat_after cooldown cool_down again pause not_again_for again_in",
    "again every": "repeat every repeat_every remind_every reminder reminders remind",
    "expires after": "expires expire expiry ttl valid_for expires_in expire_after valid_until expiration",
    "priority": "prio importance weight",
    "instead of": "replaces overrides instead supersedes suppresses beats",
    "brake": "global_limit total_limit max_total emergency_stop kill_switch circuit_breaker",
    "pace": "throttle rate rate_limit limit max_per_hour speed",
    "over pace": "when_over_pace overflow above_pace",
    "hold out": "holdout control control_group test_group control_share",
    "experiment": "ab_test test experiment_id",
    "variants": "variant versions alternatives split ab arms messages",
    "as before": "old_campaign control_as_before business_as_usual bau existing_campaign",
    "success": "goal conversion outcome target success_event measure kpi",
    "smallest difference": "mde minimum_detectable_effect least_difference min_difference",
    "count at most": "cap capped max_amount limit_amount winsorize",
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
    # what a customer is worth
    "revenue": "income sales turnover add adds sum_of plus",
    "less": "minus subtract refunds deduct costs without",
    "currency": "in unit money",
    "rates": "rate exchange_rates conversion convert fx",
    "cost of winning": "cac acquisition_cost cost_of_acquisition acquisition cost winning",
    "tiers": "levels ranks segments thresholds",
    "top": "best highest top_percent percentile most most_seen most_often most_frequent favourite favorite mode",
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
    "stage": "step level tier segment stands moved name",
}
_VALUES: Final = {
    "live": "on yes y true enabled active running production published 1",
    "paused": "off no n false disabled inactive stopped archived 0",
    "shadow": "test testing dry-run dryrun preview",
    "draft": "wip new idea",
    "cancelled": "canceled churned ended quit terminated left",
    "active": "current subscribed not_cancelled true",
    "at-risk": "at_risk risk churn-risk",
    "win-back": "winback reactivate",
    "never": "no none false null not off once",
    "by value": "value by_worth worth by_clv clv highest_value most_valuable value_first by_revenue",
    "down": "downward downwards lower fell fallen",
    "up": "upward upwards higher climbed risen",
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
            guesses.setdefault(form_of(guess), []).append(word)
    return guesses


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
    return next((word for word in (by_kind, *_KEYS_BY_GUESS.get(form_of(written), ())) if word in possible), None)


def meant_key(written: str, possible: Collection[str]) -> str | None:
    """Return the possible key that was probably meant, or None: by its form, by what people write, or by likeness."""
    form = form_of(written)
    alike = next((word for word in possible if form_of(word) == form), None)
    return alike or guessed_key(written, possible) or did_you_mean(written, possible)


def meant_value(written: str, possible: Collection[str]) -> str | None:
    """Return the possible value that was probably meant, or None: by form, by what people write, or by likeness."""
    form = form_of(written)
    return (
        next((word for word in possible if form_of(word) == form), None)
        or next((word for word in _VALUES_BY_GUESS.get(form, ()) if word in possible), None)
        or did_you_mean(written, possible)
    )


# --- names and places ------------------------------------------------------------------------------------------


def as_action(written: str) -> str | None:
    """Return the action that was meant, or a text as the name of one; None if it cannot be one."""
    return meant_value(written, BUILT_IN_ACTIONS) or as_id(written)


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
    if (attribute := form_of(written).replace(" ", "_")) in _ATTRIBUTES:
        return f"{_ATTRIBUTES[attribute]}.{attribute}"
    parts = re.split(r"[\s:/>.]+|->|::", written.strip())
    if len(parts) != 2 or not all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", part) for part in parts):
        return None
    first, second = parts[0].lower(), parts[1].replace("-", "_")
    # A condition, such as `count purchase`, is no attribute.
    return None if first in CONDITION_WORDS or second.lower() in BUILT_IN else f"{first}.{second}"


def as_name(written: str) -> str | None:
    """Return `Regular_Customer` as the name of a condition, or None if it cannot be one."""
    text = re.sub(r"[^a-z0-9-]+", " ", written.lower()).strip(" -")
    return text if re.fullmatch(r"[a-z][a-z0-9 -]{1,62}[a-z0-9]", text) else None


def as_zone(written: str) -> str | None:
    """Return the time zone of a city, or one with a similar name, or None."""
    zones = sorted(available_timezones())
    city = form_of(written.rpartition("/")[2])
    of_city = [zone for zone in zones if form_of(zone.rpartition("/")[2]) == city]
    return of_city[0] if of_city else did_you_mean(written, zones)


_BOUND_OF_WORTH: Final = {
    **{word: word for word in ("at least", "at most", "more than", "less than")},
    **dict.fromkeys((">=", "min", "minimum", "from"), "at least"),
    **dict.fromkeys(("<=", "max", "maximum", "up to"), "at most"),
    **dict.fromkeys((">", "above", "over"), "more than"),
    **dict.fromkeys(("<", "below", "under", "fewer than"), "less than"),
}
_AS_WORTH: Final = re.compile(
    rf"(?:({'|'.join(_BOUND_OF_WORTH)})\s*)?(?:(the )?(cost of winning|(?:winning|acquisition) costs?|cac)"
    r"|([\d.,]+(?:\s*[A-Za-z]{3})?))",
    re.IGNORECASE,
)
_AS_TOP: Final = re.compile(
    r"(?:the\s+)?(?:top|best|highest|upper)\s*([\d.]+)\s*(?:%|percent|per cent)?", re.IGNORECASE
)


def as_worth(written: str) -> str | None:
    """Return `>= 480`, `480 EUR`, `below cac` or `best 20 percent` as bounds for the value of a customer, or None."""
    text = written.strip()
    if (share := _AS_TOP.fullmatch(text) or re.fullmatch(r"([\d.]+)\s*%", text)) is not None:
        return f"top {share[1]}%"
    if (match := _AS_WORTH.fullmatch(text)) is None:
        return None
    amount = COST_OF_WINNING if match[3] else as_number(match[4])
    word = _BOUND_OF_WORTH["at least" if match[1] is None and not match[3] else (match[1] or "less than").lower()]
    return None if amount is None else f"{word} {amount}"


def as_amount(written: str) -> str | None:
    """Return `480 EUR` or `CAC` as an amount; what has a bound before the amount, as `as_worth` does; or None."""
    meant = as_worth(written)
    has_bound = written.strip().lower().startswith(tuple(_BOUND_OF_WORTH))
    return meant if meant is None or has_bound else re.sub(r"^(?:at least|less than) ", "", meant)


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
    form = form_of(written)
    meant = next((word for word, guesses in words.items() if form in map(form_of, guesses.split())), None)
    return meant or did_you_mean(written, words)


_READERS: Final[dict[Format, Callable[[str], str | None]]] = {
    "duration": as_duration,
    "percentage": as_percent,
    "measurement": as_measurement,
    "times": as_times,
    "two numbers": as_two_numbers,
    "two ages": as_two_ages,
    "pace": as_pace,
    "success": as_success,
    "points": as_points,
    "share of all": as_share_of_all,
    "actions": as_actions,
    "time of day": as_time_of_day,
    "offset": as_offset,
    "time zone": as_zone,
    "time format": as_time_format,
    "condition": as_condition,
    "currency": meant_currency,
    "value": as_worth,
    "amount": as_amount,
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
    if (
        word := next((word for word in _VALUES_BY_GUESS.get(form_of(written), ()) if word in words), None)
    ) is not None:
        return word
    if key == "between" and (ages := as_two_ages(written)) is not None and re.search("[A-Za-z]", written):
        return ages if ages != written else None
    if value_format == "percentage":
        return as_percent(written, key)
    read = None if value_format is None else _READERS[value_format]
    suggested = None if read is None else read(written[:200])
    return suggested if suggested != written else None


AN_EARLIER_VALUE: Final = (
    "what a value was before is asked with 'was:', how much it has changed with 'down by: 20%', and against an "
    "earlier day with 'compared with: 30 days ago'; a count is compared with the time before by 'change:'"
)
_CALENDAR: Final = re.compile(
    r"(?:this|last|next|previous|past)\s+(?:year|month|quarter|week)|\d{4}-\d\d-\d\d|(?:calendar|fiscal)\b.*",
    re.IGNORECASE,
)


def instead_of_format(value_format: Format | None, written: str) -> str | None:
    """Return what to write in place of a value that is not understood; None if the format says it all."""
    if value_format == "measurement":
        if re.search(r"\b(previous|before|last|former|usual|ago)\b", written):
            return AN_EARLIER_VALUE
        return "a measurement is a word and what it is about, such as 'latest subscription.seats' or 'count login'"
    bottom = re.match(r"(?:bottom|lowest|worst)\s+(\d{1,2})\s*(?:%|percent)", written)
    if value_format == "value" and bottom is not None:
        return f"those at the bottom are all others: 'not: {{value: top {100 - int(bottom[1])}%}}'"
    if value_format == "value" and re.match(r"(exactly|equals?|=)", written):
        return "write two bounds, such as {at least: 0, at most: 0}"
    if value_format == "duration" and _CALENDAR.fullmatch(written.strip()):
        return "rules know no months, years and dates of the calendar: write a number of days, counted back from now"
    if value_format == "duration" and re.search(r"\d", written):
        return "write one whole number and one unit, and nothing else; what else is said has a key of its own"
    return None


def as_begun(written: str) -> str | None:
    """Return how a condition is written that begins with other words, such as `previous nps.score`; or None."""
    begun = {word: hint for kind in ELEMENTARY.values() for word, hint in kind.begun.items()}
    word = form_of(written) if form_of(written) in begun else words_at_the_beginning(written, begun)
    return None if word is None else begun[word]


# --- several things in one text -----------------------------------------------------------------------------------

_PHRASES: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("no less than", "not less than", "no fewer than", "not fewer than", ">=", "=>", "≥"), "at least"
    ),
    **dict.fromkeys(("no more than", "not more than", "<=", "=<", "≤"), "at most"),
    **{"==": "exactly", "=": "exactly", ">": "more than", "<": "less than"},
    **dict.fromkeys(("in the last", "in the past", "in last"), "within"),
    **{word: word for word in (*BOUND_WORDS.values(), "within", "for")},
}
_BOUND_IN_TEXT: Final = re.compile(
    "|".join(
        rf"\b{phrase}\b" if phrase[0].isalpha() else rf"(?<![<>=!]){re.escape(phrase)}(?![<>=])"
        for phrase in sorted(_PHRASES, key=len, reverse=True)
    ),
    re.IGNORECASE,
)


class Lines(NamedTuple):
    """A text that holds several things, as lines.

    Attributes:
        value: what stays in its line.
        below: the entries that get lines of their own, such as `("at least", "3")`.
    """

    value: str
    below: tuple[tuple[str, str], ...]


def is_several(written: str) -> bool:
    """Return whether a text holds several things, such as `purchase at least 3`."""
    return _BOUND_IN_TEXT.search(written) is not None


def in_lines(written: str, kind: str) -> Lines | None:
    """Return how to write a text such as `purchase at least 3`; None unless every part of it is understood.

    Args:
        written: the text.
        kind: the first word of the condition, whose value the text is.
    """
    if kind not in ELEMENTARY:
        return None
    possible = [field.alias or name for name, field in ELEMENTARY[kind].model_fields.items()]
    matches = list(_BOUND_IN_TEXT.finditer(written))
    if not matches:
        return None
    ends = [match.start() for match in matches[1:]] + [len(written)]
    first = written[: matches[0].start()].strip(" ,:")
    below: dict[str, str] = {}
    for match, end in zip(matches, ends, strict=True):
        word = _PHRASES[re.sub(r"\s+", " ", match[0].lower())]
        key = word if word in possible else guessed_key(word, possible, kind)
        value = written[match.end() : end].strip(" ,:").removesuffix(" and")
        meant = _as_bound_or_span(value, [first])
        if key is None or key in below or meant is None:
            return None
        below[key] = meant
    if re.fullmatch(r"[A-Za-z][\w-]*(\.[A-Za-z]\w*)?", first) is None:
        return None
    return Lines(first, tuple(below.items()))


def _as_bound_or_span(written: str, nouns: Collection[str]) -> str | None:
    if re.fullmatch(r"\d+ (?:second|minute|hour|day|week)s?(?: ago)?", written):
        return written
    return as_number(written, nouns) or as_duration(written) or as_two_numbers(written)


MAPPING_KEYS: Final = frozenset(
    ("not", "when", "unless", "where", "quiet hours", "time zone", "consent", "variables")
)
"""Keys whose value is a mapping."""
TEXT_KEYS: Final = frozenset(("title", "description", "name", "template"))
"""Keys whose value is any text."""
_NO_TEXT: Final = MAPPING_KEYS | {"all", "any", "rules", "define", "for every rule", "examples", "given"}
_HOLD_KEYS: Final = _NO_TEXT | {"expect", "limits", "brake", "with"}
"""Keys whose value is no single text, so that a text behind them would be the next mistake."""


def key_at_the_beginning(line: str) -> str | None:
    """Return a line with the colon that it lacks, such as `at least: 3` for `at least 3`; None for any other line."""
    text = line.strip().removeprefix("- ")
    word = words_at_the_beginning(text, _WORDS)
    rest = "" if word is None else text[len(word) :].strip()
    if word is None or word in _HOLD_KEYS or (word in CONDITION_WORDS and re.search(r"\s", rest)):
        return None
    return f"{word}: {rest}"


def words_at_the_beginning(written: str, words: Iterable[str]) -> str | None:
    """Return the longest of some words that begins a text, such as `at least` of `at least 3`, or None."""
    text = written.lower()
    return max(
        (word for word in words if text.startswith(f"{word} ") or text.startswith(f"{word}:")), key=len, default=None
    )
