"""A source record and its source -> one canonical event.

A source is compiled once; each record then costs one JSON parse, a few dictionary steps and one validation.
Knows no clock (the latest plausible moment is an argument), no logs and no Kafka: a record is a plain tuple here.

Codes of refusal beyond those of `schemas.events`: `bad_text` (a key or header that is not UTF-8) and
`unexpected_type` (a canonical topic brought a type that its source does not list).
"""

import json
import re
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from schemas.events import Event, InvalidEvent, Unusable, build_event, has_rounded_number, parse_event, read_json
from schemas.places import Place, Plain, When
from schemas.sources import Source

__all__ = ["SourceRecord", "Mapper", "compile_builder", "compile_finder", "compile_source"]


class SourceRecord(NamedTuple):
    """One record of a source topic, as Kafka returned it.

    Attributes:
        topic: the topic's name.
        partition: number of the partition.
        offset: its offset there.
        timestamp_ms: Kafka's timestamp, epoch milliseconds.
        key: the key, None without one.
        value: the value, None for a tombstone.
        headers: names and values, in order; names may repeat.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


Mapper = Callable[[SourceRecord, datetime], Event | None]
"""`mapper(record, latest)` -> the event, or None for a record that is skipped: by `only_when`, or as a tombstone.

`latest` is the latest plausible moment, aware; a later event is refused. Raises `InvalidEvent` and nothing else, for
any bytes. Two calls with the same record give the same event.
"""

_Find = Callable[[Any, SourceRecord], Any]
_Read = Callable[[Any], Any]
_Step = str | int

# Optional fields of the built-in types; if there is nothing at such a path, the field is left out.
_OPTIONAL: Final = frozenset({"order_id", "what", "reason", "effective_at"})

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# 10^11 ms. Seconds read as milliseconds all fall into January 1970; every customer would seem inactive for decades.
_EARLIEST_NUMBER: Final = datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)
_NUMERIC: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_STEPS: Final = re.compile(r"\[(\d+)\]|([^.\[\]]+)")


class _Field(NamedTuple):
    name: str
    at: str
    """Where the value is, in words, such as `path 'customer.id'`."""
    find: _Find
    read: _Read | None


class _Condition(NamedTuple):
    find: _Find
    allowed: frozenset[tuple[bool, Plain]]


def compile_source(source: Source, declared: Collection[str]) -> Mapper:
    """Compile a source into a function that maps its records.

    Values are read like this:

    * Ids and flat values are not converted; only a whole number becomes text where an id is needed, exactly.
    * ISO times need a zone in the text or a declared one; the zone in the text wins. A local time that occurs twice
      (at the end of summer time) counts as the first of the two; one that is skipped counts as the moment with the
      offset from before the change.
    * `seconds` and `milliseconds` may be numbers or numeric text, not before March 1973.
    * An optional field or an attribute without a value in the record is left out, and so is one whose value is
      impossible; `Event.left_out` names the latter.
    * An optional field or an attribute without a value in the record is left out.
    * A tombstone (a record without a value) deletes its key from a compacted topic. It is no event, and is skipped.

    Args:
        source: a validated source.
        declared: the event types declared beyond the built-in ones.
    """
    types = tuple(declared)
    if source.format == "canonical":
        return _canonical_mapper(source, types)
    find, build = compile_finder(source), compile_builder(source, types)

    def mapper(record: SourceRecord, latest: datetime) -> Event | None:
        fields = find(record)
        return None if fields is None else build(fields, latest)

    return mapper


def _canonical_mapper(source: Source, types: tuple[str, ...]) -> Mapper:
    expected = frozenset(source.events)

    def mapper(record: SourceRecord, latest: datetime) -> Event | None:
        if record.value is None:
            return None
        event = parse_event(record.value, types=types, latest=latest)
        if event.type not in expected:
            listed = ", ".join(sorted(expected))
            raise InvalidEvent(
                "unexpected_type", f"'type' is '{event.type}'; {source.topic} is to bring {listed}", field="type"
            )
        return event

    return mapper


Finder = Callable[[SourceRecord], dict[str, Any] | None]
"""`find(record)` -> an event's fields, not validated yet; None for a record that is skipped."""

Builder = Callable[[dict[str, Any], datetime], Event]
"""`build(fields, latest)` -> the event of these fields; raises `InvalidEvent`."""


def compile_finder(source: Source) -> Finder:
    """Return the first half of a mapper, for any format but canonical: it finds the fields."""
    conditions = tuple(_condition(path, wanted) for path, wanted in source.only_when.items())
    fields = tuple(_fields(source))
    attributes = tuple(_field(name, place, read=None, is_own=False) for name, place in source.attributes.items())
    base = {"type": source.event}

    def find_all(record: SourceRecord) -> dict[str, Any] | None:
        if record.value is None:
            return None
        document = read_json(record.value)
        if document.__class__ is not dict:
            raise InvalidEvent("not_an_object", f"expected a JSON object, found {_shown(document)}")
        for find, allowed in conditions:
            if not _is_one_of(find(document, record), allowed):
                return None
        values: dict[str, Any] = base.copy()
        for name, at, find, read in fields:
            value = find(document, record)
            if value is not None:
                values[name] = value if read is None else read(value)
            elif name not in _OPTIONAL:
                raise InvalidEvent("missing_field", f"'{name}' is missing: there is nothing at {at}", field=name)
        if attributes:
            values["attributes"] = found = _attributes(attributes, document, record)
            if has_rounded_number(found.values()):
                values["attributes"] = _attributes(attributes, json.loads(record.value or b""), record)
        return values

    return find_all


def compile_builder(source: Source, declared: Collection[str]) -> Builder:
    """Return the second half of a mapper, for any format but canonical: it validates the fields."""
    types = tuple(declared)
    places = {field.name: field.at for field in _fields(source)}

    def build(fields: dict[str, Any], latest: datetime) -> Event:
        try:
            return build_event(fields, types=types, latest=latest)
        except InvalidEvent as error:
            raise _located(error, places) from None

    return build


def _fields(source: Source) -> list[_Field]:
    """Return the declared fields, in the order of the schema."""
    declared = source.fields
    if declared is None:
        raise ValueError(f"source '{source.topic}' has no fields to map")
    places = {name: getattr(declared, name) for name in type(declared).model_fields}
    return [
        _field(name, place, read=_time_reader(name, place) if isinstance(place, When) else None)
        for name, place in places.items()
        if place is not None
    ]


def _field(name: str, place: Place, read: _Read | None, *, is_own: bool = True) -> _Field:
    find = _finder(place)
    if read is None and (name in _OPTIONAL or not is_own) and (place.header is not None or place.key):
        find = _readable(find)
    if not is_own and place.path is not None:
        find = _attribute_finder(place.path, find)
    if read is not None and name in _OPTIONAL:
        read = _usable(read)
    return _Field(name, _in_words(place), find, read)


def _readable(find: _Find) -> _Find:
    """Return a finder of an optional value; bytes that are no text are not a reason to refuse the record."""

    def found(document: Any, record: SourceRecord) -> Any:
        try:
            return find(document, record)
        except InvalidEvent as error:
            return Unusable(error.reason)

    return found


def _usable(read: _Read) -> _Read:
    """Return a reader of an optional value; one that cannot be read is not a reason to refuse the record."""

    def value_of(value: Any) -> Any:
        try:
            return read(value)
        except InvalidEvent as error:
            return Unusable("empty" if isinstance(value, str) and not value.strip() else error.reason)

    return value_of


def _attributes(attributes: Sequence[_Field], document: Any, record: SourceRecord) -> dict[str, Any]:
    values = {}
    for name, _, find, _ in attributes:
        value = find(document, record)
        if value is not None:
            values[name] = value
    return values


def _located(error: InvalidEvent, places: dict[str, str]) -> InvalidEvent:
    """Return the same refusal, with where in the source record the value was read."""
    at = places.get(error.field or "")
    return error if at is None else InvalidEvent(error.reason, f"{error.detail}; read from {at}", field=error.field)


def _condition(path: str, wanted: Plain | list[Plain]) -> _Condition:
    values = wanted if isinstance(wanted, list) else [wanted]
    return _Condition(_path_finder(path), frozenset((isinstance(value, bool), value) for value in values))


def _is_one_of(value: Any, allowed: frozenset[tuple[bool, Plain]]) -> bool:
    # true equals 1 in Python but not in JSON; objects and lists equal no plain value and cannot be hashed.
    return not isinstance(value, dict | list) and (isinstance(value, bool), value) in allowed


# --- where a value is -------------------------------------------------------------------------------------------


def _in_words(place: Place) -> str:
    if place.path is not None:
        return f"path '{place.path}'"
    if place.header is not None:
        return f"header '{place.header}'"
    if "constant" in place.model_fields_set:
        return "a constant"
    return "the record's key" if place.key else "the record's topic" if place.topic else "the record's position"


def _finder(place: Place) -> _Find:
    """Return a function of (document, record) that returns the value at a place, None if there is none."""
    if place.path is not None:
        return _path_finder(place.path)
    if place.header is not None:
        return _header_finder(place.header)
    if place.key:
        return lambda _, record: None if record.key is None else _text(record.key, "the record's key")
    if place.topic:
        return lambda _, record: record.topic
    if place.position:
        return lambda _, record: f"{record.topic}:{record.partition}:{record.offset}"
    constant = place.constant
    return lambda _, record: constant


def _steps(path: str) -> tuple[_Step, ...]:
    return tuple(int(index) if index else name for index, name in _STEPS.findall(path))


def _path_finder(path: str) -> _Find:
    steps = _steps(path)
    if len(steps) == 1:
        return lambda document, _: document.get(path)
    return lambda document, _: _walked(document, steps)


def _attribute_finder(path: str, find: _Find) -> _Find:
    """Return a finder of an attribute that distinguishes a value on the way from nothing at all.

    A consent that moves from `{"mail": {"ok": "no"}}` to `{"mail": "no"}` is there, and cannot be read: it must not
    count as if the customer had never answered.
    """
    steps = _steps(path)
    if len(steps) == 1:
        return find

    def found(document: Any, record: SourceRecord) -> Any:
        value = find(document, record)
        return Unusable("not_flat") if value is None and _ends_on_the_way(document, steps) else value

    return found


def _ends_on_the_way(node: Any, steps: tuple[_Step, ...]) -> bool:
    """Return whether a path to nothing leads through a value that is no object or list, and is not empty."""
    for step in steps:
        if node is None or node == "" or node in ([], {}):
            return False
        if step.__class__ is int:
            if node.__class__ is not list:
                return True
            if step >= len(node):
                return False
            node = node[step]
        elif node.__class__ is dict:
            node = node.get(step)
        else:
            return True
    return False


def _walked(node: Any, steps: tuple[_Step, ...]) -> Any:
    for step in steps:
        if step.__class__ is int:
            if node.__class__ is not list or step >= len(node):
                return None
            node = node[step]
        elif node.__class__ is dict:
            node = node.get(step)
        else:
            return None
    return node


def _header_finder(name: str) -> _Find:
    where = f"header '{name}'"

    def find(_: Any, record: SourceRecord) -> str | None:
        # Kafka allows repeated names and headers without a value; the last one is the newest.
        for header, value in reversed(record.headers):
            if header == name:
                return None if value is None else _text(value, where)
        return None

    return find


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidEvent("bad_text", f"{where} is not UTF-8: found {_shown(raw)}") from None


# --- how a time is written --------------------------------------------------------------------------------------


def _time_reader(name: str, place: When) -> _Read:
    where = f"'{name}', read from {_in_words(place)}"
    if place.format == "iso":
        zone = None if place.zone is None else ZoneInfo(place.zone)
        return lambda value: _iso_moment(value, zone, name, where)
    unit = timedelta(seconds=1) if place.format == "seconds" else timedelta(milliseconds=1)
    return lambda value: _numeric_moment(value, unit, name, where)


def _iso_moment(value: Any, zone: ZoneInfo | None, name: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment
        if zone is not None:
            return moment.replace(tzinfo=zone).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        hint = "; for numbers declare 'format'" if isinstance(value, int | float) else ""
        detail = f"{where}: expected an ISO 8601 time, found {_shown(value)}{hint}"
        raise InvalidEvent("impossible_time", detail, field=name) from None
    raise InvalidEvent("naive_time", f"{where}: {_shown(value)} has no zone; declare 'zone'", field=name)


def _numeric_moment(value: Any, unit: timedelta, name: str, where: str) -> datetime:
    words = "seconds" if unit.seconds else "milliseconds"
    number = _number(value)
    if number is None:
        detail = f"{where}: expected {words} since 1970, found {_shown(value)}"
        raise InvalidEvent("impossible_time", detail, field=name)
    try:
        moment = _EPOCH + number * unit
    except OverflowError:
        detail = f"{where}: {_shown(value)} {words} lie beyond the year 9999; are they a smaller unit?"
        raise InvalidEvent("impossible_time", detail, field=name) from None
    if moment < _EARLIEST_NUMBER:
        detail = f"{where}: {_shown(value)} {words} are {moment.isoformat()}; are they a larger unit?"
        raise InvalidEvent("impossible_time", detail, field=name)
    return moment


def _number(value: Any) -> int | float | None:
    if isinstance(value, str):
        if not _NUMERIC.fullmatch(value):
            return None
        return float(value) if "." in value else int(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _shown(value: Any, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
