"""When: which values look like the moment of an event, in which unit or format, and whether the zone is known."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from workers.source_trial.guessing.guess import Guess, place_of, yaml_text
from workers.source_trial.guessing.leaves import Leaf
from workers.source_trial.guessing.vocabulary import words_of

__all__ = ["is_time", "moment_of"]

_ISO: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)([T ]\d\d:?\d\d(:?\d\d([.,]\d+)?)?\s?(Z|[+-]\d\d(:?\d\d)?)?)?", re.I)
_NUMBER: Final = re.compile(r"\d{9,20}(\.\d{1,9})?")
_UNITS: Final = (
    ("seconds", 1),
    ("milliseconds", 1_000),
    ("microseconds", 1_000_000),
    ("nanoseconds", 1_000_000_000),
)
_FROM: Final = datetime(2001, 9, 9, tzinfo=UTC).timestamp()
_UNTIL: Final = datetime(2060, 1, 1, tzinfo=UTC).timestamp()
_DAYS: Final = (_FROM / 86_400, _UNTIL / 86_400)
_FORMATS: Final = (
    *("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%Y%m%d%H%M%S"),
    *("%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d-%m-%Y %H:%M:%S"),
    *("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%d-%b-%Y %H:%M:%S", "%d/%b/%Y:%H:%M:%S %z"),
    *("%a, %d %b %Y %H:%M:%S %z", "%a, %d %b %Y %H:%M:%S GMT", "%d %b %Y %H:%M:%S", "%b %d, %Y %H:%M:%S"),
    *(
        "%a %b %d %H:%M:%S %Y",
        "%Y-%m-%d %H:%M:%S UTC",
        "%Y%m%dT%H%M%SZ",
        "%d/%m/%Y",
        "%m/%d/%Y",
        "%d.%m.%Y",
        "%Y%m%d",
    ),
)
_LONG: Final = timedelta(days=2)
_OF_ANOTHER_DAY: Final = 40
_ALWAYS_UTC: Final = ("GMT", "UTC", "Z")
_NAME_SCORES: Final = {
    **dict.fromkeys(("occurred", "happened"), 100),
    **dict.fromkeys(("timestamp", "time", "ts", "tstamp", "datetime", "when", "moment"), 85),
    **dict.fromkeys(("created", "create", "date", "published", "commit", "recorded", "closed"), 75),
    **dict.fromkeys(("at", "on"), 60),
}
_OF_TYPE: Final = {
    "purchase": frozenset(
        {"paid", "purchased", "purchase", "completed", "captured", "placed", "ordered", "order", "sale", "billed"}
    ),
    "login": frozenset({"login", "logged", "signed", "authenticated"}),
    "cancellation": frozenset({"canceled", "cancelled", "ended", "churned", "cancel"}),
}
_OF_THE_WAY: Final = frozenset(
    {
        *(
            "received",
            "sent",
            "processed",
            "ingested",
            "ingest",
            "loaded",
            "delivered",
            "collector",
            "etl",
            "publish",
        ),
        *("enqueued", "exported", "updated", "modified", "update", "last"),
    }
)
"""Of when a record was on its way, or changed again."""
_NEVER: Final = frozenset(
    {
        *(
            "expire",
            "expires",
            "abandon",
            "expiry",
            "expiration",
            "exp",
            "due",
            "birth",
            "birthday",
            "dob",
            "valid",
            "until",
            "next",
        ),
        *(
            "scheduled",
            "renewal",
            "trial",
            "period",
            "delivery",
            "shipping",
            "start",
            "starts",
            "end",
            "ends",
            "effective",
        ),
        *("first", "anchor", "zone", "timezone", "elapsed", "duration", "id", "session", "before", "since"),
    }
)
_HINTS: Final = frozenset(
    {*_NAME_SCORES, *_OF_THE_WAY, *(word for words in _OF_TYPE.values() for word in words), "us", "ms", "ns"}
)


def is_time(value: Any) -> bool:
    """Return whether a value alone looks like a moment: an ISO text, or a number of a plausible size."""
    return (isinstance(value, str) and _ISO.fullmatch(value.strip()) is not None) or _unit(value) is not None


def moment_of(leaves: Sequence[Leaf], event_type: str, *, later: bool = False) -> Guess | None:
    """Guess when an event happened; None if nothing looks like it.

    Args:
        leaves: the values of the samples.
        event_type: of the event: a time of its name (`paid_at` of a purchase) goes before others.
        later: look for when it takes effect instead, such as the end of a period.
    """
    scored = [(_score(leaf, event_type, later=later), leaf) for leaf in leaves]
    scored = [(score, leaf) for score, leaf in scored if score > 0]
    if not later:
        sent = _sent([leaf for score, leaf in scored if score > 75 or {*leaf.words} & _OF_THE_WAY])
        scored = [(score - _OF_ANOTHER_DAY * _is_far_from(leaf, sent), leaf) for score, leaf in scored]
    possible = sorted(scored, key=lambda found: -found[0])
    if not possible:
        return None
    best, leaf = possible[0]
    guess = _written(leaf)
    if guess is not None and guess.is_sure and best < 40 and not later:
        return guess.doubted(f"{guess.why}; its name hardly says that it is when the event happened")
    return guess


def _sent(leaves: Sequence[Leaf]) -> dict[int, datetime]:
    """Return about when each document was sent: the latest of the times that say so."""
    latest: dict[int, datetime] = {}
    for leaf in leaves:
        for number, moment in _moments(leaf):
            latest[number] = max(moment, latest.get(number, moment))
    return latest


def _is_far_from(leaf: Leaf, sent: Mapping[int, datetime]) -> bool:
    """Return whether a time is mostly that of something else, such as when the customer was created.

    That of a row of a database is not: snapshots show old rows.
    """
    if {"after", "before"} & {*leaf.parents}:
        return False
    far = [abs(sent.get(number, moment) - moment) > _LONG for number, moment in _moments(leaf)]
    return 2 * sum(far) > len(far)


def _moments(leaf: Leaf) -> Iterator[tuple[int, datetime]]:
    """Yield the moment in each document; where no zone is written, as if it were UTC."""
    kind = _format_of(list(leaf.values.values())) or ""
    for number, value in leaf.values.items():
        if kind.startswith("iso"):
            moment = datetime.fromisoformat(value.strip().upper().replace(",", ".").replace(" ", "T", 1))
        elif "%" in kind:
            moment = datetime.strptime(value.strip(), kind)
        elif kind:
            moment = datetime.fromtimestamp(_seconds(value, kind), UTC)
        else:
            continue
        yield number, moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _score(leaf: Leaf, event_type: str, *, later: bool) -> int:
    values = list(leaf.values.values())
    if not values or leaf.in_list or "before" in leaf.parents:
        return 0
    words = set(leaf.words)
    kind = _format_of(values)
    if kind is None or (not kind.startswith("iso") and not _is_named_so(leaf)):
        return 0
    if later:
        named = words & {"effective", "ends", "end", "until", "expires", "expiration"}
        return 50 - leaf.depth if named and not words & {"trial", "start"} else 0
    if words & _NEVER - ({"ended"} if event_type == "cancellation" else set()):
        return 0
    score = max((_NAME_SCORES[word] for word in words if word in _NAME_SCORES), default=20)
    if leaf.words in (("at",), ("on",)):
        score = 85
    if words & _OF_TYPE.get(event_type, frozenset()):
        score = 97
    elif any(words & others for others in _OF_TYPE.values()) and score > 70:
        score = 70  # paid_at of something that is no purchase
    if "event" in words:
        score += 10
    if kind in ("iso date", "days", "%Y%m%d"):
        score -= 45
    if "source" in leaf.parents:
        score -= 60  # of the connector; even the time of a row's last change says more
    if words & _OF_THE_WAY:
        score = min(score, 30)
    if {"gmt", "utc"} & words:
        score += 3
    missing = 40 * (leaf.documents - len(values)) // max(1, leaf.documents)
    return score - 2 * leaf.depth - missing


def _is_named_so(leaf: Leaf) -> bool:
    words = {*leaf.words}
    if leaf.words[-1:] == ("at",):
        return True
    return bool(words & _HINTS) or any("time" in word or "date" in word for word in words_of(leaf.name))


def _format_of(values: Sequence[Any]) -> str | None:
    """Return the format that all values have: a word or a format of strptime; None if there is none."""
    if all(isinstance(value, str) and _ISO.fullmatch(value.strip()) for value in values):
        if any(_parts(value)[3] is None for value in values):
            return "iso date"
        return "iso" if all(_parts(value)[6] for value in values) else "iso without zone"
    units = {_unit(value) for value in values}
    if len(units) == 1 and None not in units:
        return units.pop()
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return "days" if all(_DAYS[0] < value < _DAYS[1] for value in values) else None
    if all(isinstance(value, str) and len(value) >= 8 for value in values):
        return next((written for written in _FORMATS if all(_reads(value, written) for value in values)), None)
    return None


def _parts(value: str) -> tuple[str | None, ...]:
    match = _ISO.fullmatch(value.strip())
    return match.groups() if match else (None,) * 8


def _unit(value: Any) -> str | None:
    if isinstance(value, bool) or not (
        isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value))
    ):
        return None
    if isinstance(value, str) and len(value) == 14 and value.startswith("20") and _reads(value, "%Y%m%d%H%M%S"):
        return None  # digits of a date, not since 1970
    number = float(value)
    return next((word for word, factor in _UNITS if _FROM * factor <= number < _UNTIL * factor), None)


def _reads(value: str, written: str) -> bool:
    try:
        moment = datetime.strptime(value.strip(), written)
    except ValueError:
        return False
    return 1990 < moment.year < 2100


def _written(leaf: Leaf) -> Guess | None:
    """Return a time with its unit or format, and what is not known of its zone."""
    values = list(leaf.values.values())
    kind = _format_of(values)
    if kind is None:
        return None
    seen = f"{leaf.seen()}, such as {leaf.example()}"
    if kind == "iso":
        return Guess(place_of(leaf), seen, leaf=leaf)
    if kind in ("iso without zone", "iso date"):
        place = place_of(leaf, zone="UTC")
        if {"gmt", "utc"} & {*leaf.words}:
            return Guess(place, f"{seen}; its name says UTC", leaf=leaf)
        what = "days only" if kind == "iso date" else "no zone in the text"
        return Guess(place, f"{seen}: {what}; is it UTC, or for example Europe/Berlin?", is_sure=False, leaf=leaf)
    if "%" not in kind:
        said = _said(values[0], kind)
        return Guess(place_of(leaf, format=kind), f"{seen}, which is {said}", leaf=leaf)
    more = {"format": yaml_text(kind, in_flow=True)}
    if "%z" in kind:
        return Guess(place_of(leaf, **more), seen, leaf=leaf)
    guess = Guess(place_of(leaf, **more, zone="UTC"), seen, leaf=leaf)
    other = kind.replace("%d/%m", "%m/%d") if "%d/%m" in kind else kind
    if other != kind and all(_reads(value, other) for value in values):
        return guess.doubted(f"{seen}: day and month may be the other way round; and is it UTC?")
    if kind.endswith(_ALWAYS_UTC):
        return guess
    return guess.doubted(f"{seen}: no zone in the text; is it UTC, or for example Europe/Berlin?")


def _said(value: Any, unit: str) -> str:
    moment = datetime.fromtimestamp(_seconds(value, unit), UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _seconds(value: Any, unit: str) -> float:
    return float(value) / (1 / 86_400 if unit == "days" else dict(_UNITS)[unit])
