"""Values as people write them: the same value as the grammar has it, or nothing.

Each function understands a text as a whole or not at all: of `30% of seats` no number is taken, and of
`1 day 60 minutes` no day. A text with two meanings, such as `6m`, has none here. Pure.
"""

import re
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import Final

from workers.rule_files.hints.likeness import did_you_mean

_HOURS: Final = {"second": Decimal(1) / 3600, "minute": Decimal(1) / 60, "hour": Decimal(1), "day": Decimal(24)}
_HOURS_IN: Final = _HOURS | {"week": Decimal(168), "month": Decimal(720), "year": Decimal(8760)}
_MOST_HOURS: Final = 3660 * 24
_UNITS: Final = {
    "second": "s sec secs second seconds",
    "minute": "min mins minute minutes",
    "hour": "h hr hrs hour hours",
    "day": "d day days tage tag dy",
    "week": "w wk wks week weeks",
    "month": "mo mon month months mth",
    "year": "y yr yrs year years",
}
_TEENS: Final = ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen")
_SMALL: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", *_TEENS, "nineteen")
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBERS: Final = {
    **{word: number for number, word in enumerate(_SMALL)},
    **{word: 10 * number for number, word in enumerate(_TENS, start=2)},
    "a": 1,
    "an": 1,
}
_AMOUNT: Final = r"(\d{1,6}(?:[.,]\d{1,2})?)"
_PART_OF_TIME: Final = re.compile(rf"{_AMOUNT}\s*-?([A-Za-z]+)")
_BEFORE_TIME: Final = re.compile(r"(?:(?:for|within|in|after|the|last|past|next|every)\s+){0,3}", re.IGNORECASE)
_AFTER_TIME: Final = re.compile(r"\s+(?:ago|old|long)$", re.IGNORECASE)
_ISO: Final = re.compile(
    r"P(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?"
)
_ISO_UNITS: Final = ("year", "month", "week", "day", "hour", "minute", "second")


def number_in(word: str) -> int | None:
    """Return the number that a word such as `three` or `forty-five` means, or None."""
    parts = word.strip().lower().replace("-", " ").split()
    numbers = [_NUMBERS.get(part) for part in parts]
    match numbers:
        case [int() as number]:
            return number
        case [int() as tens, int() as ones] if tens >= 20 and 0 < ones < 10 and parts[1] not in ("a", "an"):
            return tens + ones
    return None


def as_duration(written: str) -> str | None:
    """Return `45d`, `45days`, `1.5 days`, `1 day 6 hours`, `a week` or `P45D` as a duration, or None."""
    text = written.strip()
    amounts = _of_iso(text) if text.startswith("P") and text[1:2] in "T0123456789" else _amounts(text)
    if not amounts or any(unit is None for _, unit in amounts):
        return None
    units = [unit for _, unit in amounts if unit is not None]
    hours = sum((amount * _HOURS_IN[unit] for (amount, _), unit in zip(amounts, units, strict=True)), Decimal(0))
    if not hours or hours > _MOST_HOURS:
        return None
    smallest = min(units, key=_HOURS_IN.__getitem__)
    # Months and years have no fixed length: days are written instead.
    first = smallest if len(units) == 1 and smallest in (*_HOURS, "week") else "day"
    for shown_unit in (first, "day", "hour", "minute", "second"):
        whole = (hours / _HOURS_IN[shown_unit]).quantize(Decimal("0.000001"))
        if whole == whole.to_integral_value():
            return f"{int(whole)} {shown_unit}" + ("" if whole == 1 else "s")
    return None


def _of_iso(text: str) -> list[tuple[Decimal, str | None]]:
    match = _ISO.fullmatch(text)
    groups = () if match is None else match.groups()
    return [(Decimal(amount), unit) for amount, unit in zip(groups, _ISO_UNITS, strict=False) if amount is not None]


def _amounts(text: str) -> list[tuple[Decimal, str | None]]:
    """Return the numbers in a text with their units; nothing if anything else is in it."""
    text = _AFTER_TIME.sub("", text)
    begins = _BEFORE_TIME.match(text)
    text = text[begins.end() :] if begins is not None else text
    amounts = [(Decimal(match[1].replace(",", ".")), unit(match[2])) for match in _PART_OF_TIME.finditer(text)]
    if amounts:
        rest = _PART_OF_TIME.sub("", text).replace(",", " ").replace(" and ", " ")
        return [] if rest.strip() else amounts
    words = text.split()
    if len(words) == 1 and begins is not None and re.search(r"last|past|next", begins[0], re.IGNORECASE):
        return []  # the last year is a year of the calendar, or twelve months
    number = number_in(" ".join(words[:-1])) if len(words) > 1 else 1
    return [] if not words or not number or unit(words[-1]) is None else [(Decimal(number), unit(words[-1]))]


def unit(written: str) -> str | None:
    """Return the unit of time that a word means, or None; a bare `m` is a minute or a month, so none."""
    word = written.lower()
    meant = next((name for name, spellings in _UNITS.items() if word in spellings.split()), None)
    if meant is None and len(word) > 2 and (close := did_you_mean(word, [f"{name}s" for name in _UNITS])):
        return close[:-1]
    return meant


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def as_percent(written: str, key: str | None = None) -> str | None:
    """Return `50`, `0.5`, `50 percent` or `-50%` as a percentage, or None for anything else.

    Args:
        written: the text.
        key: its key. A sign that contradicts it, such as `up by: -20%`, has no meaning.
    """
    pattern = r"([-+]?)\s*(\d{1,4}(?:[.,]\d{1,2})?)\s*(%|percent|per cent|pct)?"
    match = re.fullmatch(pattern, written.strip(), re.IGNORECASE)
    if match is None or (match[1] and {"up by": "-", "down by": "+"}.get(key or "") == match[1]):
        return None
    number = Decimal(match[2].replace(",", "."))
    if 0 < number < 1 and match[3] is None:
        number *= 100
    return f"{_plain(number)}%" if number else None


_MEASURES: Final = {
    **dict.fromkeys(("latest", "last", "newest", "current", "present"), "latest"),
    **dict.fromkeys(("count", "number", "how many"), "count"),
    **dict.fromkeys(("sum", "total"), "sum"),
    **dict.fromkeys(("average", "mean", "avg"), "average"),
    **dict.fromkeys(("distinct", "unique", "different"), "distinct"),
    **dict.fromkeys(("days with", "active days"), "days with"),
}
_TIMES_IN_WORDS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), share)
    for pattern, share in (
        (r"^half(?: of)?(?: the)?(?=\s)", "50% of"),
        (r"^a quarter of(?: the)?(?=\s)", "25% of"),
        (r"^(?:twice|double|2 times|2x)(?: the)?(?=\s)", "200% of"),
        (r"^(?:three times|3 times|3x)(?: the)?(?=\s)", "300% of"),
    )
)
_MEASUREMENT: Final = re.compile(
    rf"(?P<share>\d{{1,4}}(?:[.,]\d{{1,2}})?\s*%\s+of\s+)?(?:the\s+)?(?:(?P<word>{'|'.join(_MEASURES)})\s+)?(?:of\s+)?"
    r"(?P<named>[\w-]+(?:\.\w+)?)(?:\s+(?:within|in|over)\s+(?:the\s+)?(?:last\s+|past\s+)?(?P<window>\d.*))?",
    re.IGNORECASE | re.ASCII,
)


def as_measurement(written: str) -> str | None:
    """Return `30% of seats.total` or `30% of last seats.total` with `latest`, or None for anything else.

    Without a word, an attribute is meant as its latest value, and an event type as the number of its events.
    """
    text = written.strip()
    for times, share in _TIMES_IN_WORDS:
        text = times.sub(share, text, count=1)
    match = _MEASUREMENT.fullmatch(text)
    if match is None:
        return None
    usual = "latest" if "." in match["named"] else "count"
    word = usual if match["word"] is None else _MEASURES[match["word"].lower()]
    window = "" if match["window"] is None else as_duration(match["window"]) or match["window"]
    share = "" if match["share"] is None else f"{match['share'].split('%')[0].strip().replace(',', '.')}% of "
    return f"{share}{word} {match['named']}{f' within {window}' if window and word != 'latest' else ''}"


def as_times(written: str) -> str | None:
    """Return `2.5`, `2.5x` or `2.5 time` as a number of times, or None for anything else."""
    match = re.fullmatch(r"x?\s*(\d{1,3}(?:[.,]\d{1,2})?)\s*(?:x|\u00d7|times?|-?fold)?", written.strip(), re.I)
    if match is None or not 1 <= Decimal(match[1].replace(",", ".")) <= 100:
        return None
    return f"{match[1].replace(',', '.')} times"


_DASH: Final = r"\s*[–—]\s*|\s+-\s+|(?<=\d)-(?=\d)|\s*\.{2,3}\s*|\s*…\s*|\s+to\s+|\s+and\s+|,\s+|;\s*"  # noqa: RUF001


def as_two_numbers(written: str) -> str | None:
    """Return `3-10`, `3 to 10` or `[3, 10]` as two numbers, or None for anything else."""
    text = re.sub(r"^between\s+", "", written.strip().strip("[]").strip(), flags=re.IGNORECASE)
    number = r"-?\d{1,12}(?:\.\d{1,4})?"
    match = re.fullmatch(rf"({number})(?:{_DASH}|\s+(?!-))({number})", text, re.IGNORECASE)
    return None if match is None else " and ".join(sorted(match.groups(), key=Decimal))


def as_two_ages(written: str) -> str | None:
    """Return `30-90 days` or `30 days to 90 days` as two ages, or None for anything else."""
    text = _AFTER_TIME.sub("", re.sub(r"^between\s+", "", written.strip(), flags=re.IGNORECASE))
    age = r"(\d{1,6})\s*([A-Za-z]+)?(?:\s+ago)?"
    match = re.fullmatch(rf"{age}(?:{_DASH}){age}", text, re.IGNORECASE)
    if match is None or match[4] is None:
        return None
    low_unit, high_unit = unit(match[2] or match[4]), unit(match[4])
    if low_unit is None or high_unit is None or {"month", "year"} & {low_unit, high_unit}:
        return None
    ages = sorted(
        ((int(number), name) for number, name in ((match[1], low_unit), (match[3], high_unit))),
        key=lambda each: each[0] * _HOURS_IN[each[1]],
    )
    hours = [number * _HOURS_IN[name] for number, name in ages]
    if not hours[0] or hours[0] == hours[1] or hours[1] > _MOST_HOURS:
        return None
    return f"{' and '.join(f'{number} {name}s' for number, name in ages)} ago"


_MOST: Final = r"(?:at most|max\.?|maximum|up to|no more than|not more than)?\s*"
_MESSAGES: Final = r"(?:e-?mails?|mails?|messages?|actions?|letters?|sms|pushes|notifications?|customers?)"


def as_pace(written: str) -> str | None:
    """Return `500/hour` or `500 an hour` as a pace, or None: without a period none is guessed."""
    text = re.sub(r"(?<=\d)[,.](?=\d{3}\b)", "", written.strip())  # thousands
    each = r"\s*(?:/|\bper\b|\ban?\b|\beach\b|\bevery\b|\bin an?\b)\s*"
    match = re.fullmatch(rf"{_MOST}(\d{{1,7}})\s*{_MESSAGES}?{each}(minute|min|hour|hr|h|day|d)", text, re.IGNORECASE)
    if match is None or not int(match[1]):
        return None
    return f"at most {match[1]} per {({'m': 'minute', 'h': 'hour', 'd': 'day'})[match[2][0].lower()]}"


def as_actions(written: str) -> str | None:
    """Return `2 emails` or `2x` as a number of actions, or None for anything else."""
    match = re.fullmatch(rf"{_MOST}(\d{{1,3}})\s*(?:x|\u00d7|times|{_MESSAGES})?", written.strip(), re.IGNORECASE)
    return f"{int(match[1])} action" + ("" if int(match[1]) == 1 else "s") if match and int(match[1]) else None


def as_time_of_day(written: str) -> str | None:
    """Return `9pm`, `21` or `21.30` as a time of day, or None for anything else."""
    pattern = r"(\d{1,2})(?:[.:h ]?(\d\d))?\s*(am|pm|a\.m\.|p\.m\.|h|uhr|o'clock)?"
    match = re.fullmatch(pattern, written.strip().lower())
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2] or 0)
    if match[3] and match[3][0] in "ap":
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if match[3][0] == "p" else 0)
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None


def as_offset(written: str) -> str | None:
    """Return `day 20`, `0` or `20d` as a time since the start, or None for anything else."""
    text = re.sub(r"[\s_-]+", " ", written).strip().lower()
    if text in ("0", "begin", "beginning", "now", "day 0", "0 days"):
        return "start"
    if (day := re.fullmatch(r"day\s*(\d{1,4})|(\d{1,4})", text)) is not None:
        return f"{day[1] or day[2]} days"
    return as_duration(written)


# --- numbers and bounds -------------------------------------------------------------------------------------------

_N: Final = r"(-?\d+(?:[.,]\d+)?)"
_WRITTEN: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), meant)
    for pattern, meant in (
        (rf"(?:>=|=>|≥|at least|min\.?|from|no less than|no fewer than|not less than)\s*{_N}", "at least: {0}"),
        (rf"{_N}\s*(?:\+|or more|and more|and above)", "at least: {0}"),
        (rf"(?:<=|=<|≤|at most|max\.?|up to|no more than|not more than)\s*{_N}", "at most: {0}"),
        (rf"{_N}\s*(?:-|or less|or fewer|and less|and below)", "at most: {0}"),
        (rf"(?:>|more than|above|over)\s*{_N}", "more than: {0}"),
        (rf"(?:<|less than|fewer than|below|under)\s*{_N}", "less than: {0}"),
        (rf"(?:!=|<>|≠|not)\s*{_N}", "other than: {0}"),
        (rf"(?:between\s+)?{_N}\s*(?:-|–|—|\.\.\.?|…|to|and)\s*{_N}", "between: {0} and {1}"),  # noqa: RUF001
    )
)
_ONE_NUMBER: Final = re.compile(rf"(?:==?\s*)?(?:[€$£¥]|[A-Za-z]{{3}}\s)?\s*{_N}\s*(?:[€$£¥]|[A-Za-z]{{3}})?")
_THOUSANDS: Final = re.compile(r"-?\d{1,3}(?:[,. ']\d{3})+")
_CURRENCIES: Final = frozenset(
    ("eur", "usd", "gbp", "chf", "sek", "nok", "dkk", "pln", "czk", "huf", "ron", "jpy", "cny", "inr", "aud", "cad")
)


def as_bound(written: str) -> str | None:
    """Return the number, or the bound with its number, that a text such as `>50` was meant to be; None for others."""
    text = written.strip()
    if _THOUSANDS.fullmatch(text):
        return re.sub(r"[^\d-]", "", text)
    for pattern, meant in _WRITTEN:
        if (match := pattern.fullmatch(text)) is not None:
            return meant.format(*(number.replace(",", ".") for number in match.groups()))
    match = _ONE_NUMBER.fullmatch(text)
    words = set(re.findall("[a-z]{3}", text.lower()))
    return None if match is None or words - _CURRENCIES else match[1].replace(",", ".")


def as_comparison(written: str) -> str | None:
    """Return `amount > 5` or `amount at least 5` as an attribute with a bound, or None for anything else."""
    match = re.fullmatch(r"([A-Za-z]\w{0,63})\s*([^\w\s].*|\s[a-z].*)", written.strip())
    bound = None if match is None else as_bound(match[2])
    if match is None or bound is None or (":" not in bound and not match[2].startswith("=")):
        return None
    return f"{match[1]}: {{{bound}}}" if ":" in bound else f"{match[1]}: {bound}"


def as_number(written: str, nouns: Collection[str] = ()) -> str | None:
    """Return `three`, `3x`, `3 purchases`, `500 EUR` or `1,000` as a number, or None for anything else.

    Args:
        written: the text.
        nouns: the words that may follow a number and mean what is counted, such as an event type.
    """
    text = written.strip()
    if (number := number_in(text)) is not None and text.lower() not in ("a", "an"):
        return str(number)
    counted = re.fullmatch(r"(\S+)\s*(?:x|\u00d7|times|([A-Za-z][A-Za-z_-]*))", text)
    if counted is not None and (counted[2] is None or _is_noun(counted[2], nouns)):
        text = counted[1]
    text = text.removesuffix(".")
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+\.\d+", text):
        text = text.replace(",", "")
    meant = as_bound(text)
    return meant if meant is not None and ":" not in meant and _decimal(meant) is not None else None


def _is_noun(word: str, nouns: Collection[str]) -> bool:
    plain = word.lower().replace("_", "-")
    return any(plain in (noun.replace("_", "-"), f"{noun.replace('_', '-')}s") for noun in nouns)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
