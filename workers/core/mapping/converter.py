"""A source record and its source -> canonical bytes, on a fast path for plain records.

Nearly every record is plain, and costs one pass of a compiled decoder. All others go through `cases` and
`schemas.events`, which know every coercion and every reason for a refusal. Both paths refuse the same records and
produce events of the same meaning (a law of the tests). The written form may differ: the fast path keeps the zone of
an effective date, rounds a time finer than a microsecond instead of cutting it off, and keeps digits of a numeric
amount that a float cannot hold. Knows no clock, no logs, no Kafka.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from schemas.events import (
    BUILT_IN,
    Event,
    InvalidEvent,
    LeftOut,
    encode_event,
    parse_event,
)
from schemas.sources import Source
from workers.core.events.checked import StrictWire, checked, is_valid
from workers.core.events.decoding import (
    DecodedEvent,
    NotCanonical,
    Wire,
    decode_event,
    epoch_ms,
    event_of,
)
from workers.core.mapping.cases import BY_ONLY_WHEN, CompiledCases, compile_cases
from workers.core.mapping.documents import ReadValue, compile_documents, compile_reader, not_an_object, reread_of
from workers.core.mapping.envelopes import Item
from workers.core.mapping.history import history_until_ms, marked, named_ms
from workers.core.mapping.mapper import compile_source
from workers.core.mapping.money import currency_of
from workers.core.mapping.places import Context
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped

_TOMBSTONE: Final = Skipped("tombstone")


class Canonical(NamedTuple):
    """One event as it is forwarded.

    Attributes:
        customer_id: the customer.
        type: the event type.
        value: the event as canonical JSON.
        at_ms: when it happened, in epoch milliseconds.
        unknown_fields: number of fields of the record that the event's type does not have.
        left_out: what was cut or left out of the record, as `left_out` of `schemas.events` says.
        case: the case of its source that made it; for a canonical source, the event type.
    """

    customer_id: str
    type: str
    value: bytes
    at_ms: int
    unknown_fields: int = 0
    left_out: LeftOut = ()
    case: str = ""


Converter = Callable[[SourceRecord, int], Canonical | Skipped]
"""`convert(record, latest_ms)` -> the event, or why there is none; raises `InvalidEvent`."""

ManyConverter = Callable[[SourceRecord, int], list[Canonical | Skipped | InvalidEvent]]
"""The same with one entry an item; raises `InvalidEvent` if the record as a whole cannot be read."""


_encode: Final = msgspec.json.Encoder().encode


def compile_converter(
    source: Source, declared: Collection[str], hash_key: bytes | None = None, read_value: ReadValue | None = None
) -> Converter:
    """Compile a source into a function that converts its records; arguments and errors as for `compile_source`."""
    if source.format == "canonical":
        return _with_history(_canonical(source, declared), named_ms(source))
    if source.has_many():
        raise ValueError(f"one record of source '{source.name}' can become several events")
    cases = compile_cases(source, declared, Context(hash_key), reread_of(source, read_value))
    if source.unwrap or source.one_of is not None:
        return _single(source, cases, read_value)
    return _with_history(_plain(cases, compile_reader(source, read_value)), named_ms(source))


def compile_many(
    source: Source, declared: Collection[str], hash_key: bytes | None = None, read_value: ReadValue | None = None
) -> ManyConverter:
    """Compile a source whose records can be several events each; arguments as for `compile_source`."""
    cases = compile_cases(source, declared, Context(hash_key), reread_of(source, read_value))
    documents, before_ms = compile_documents(source, read_value), named_ms(source)

    def convert(record: SourceRecord, latest_ms: int) -> list[Canonical | Skipped | InvalidEvent]:
        results: list[Canonical | Skipped | InvalidEvent] = []
        for number, item in enumerate(documents(record)):
            if not isinstance(item, Item):
                results.append(item)
                continue
            try:
                own = record._replace(item=number, whole=item.whole)
                results.append(_item(cases, item, own, latest_ms, before_ms))
            except InvalidEvent as error:
                results.append(error)
        return results

    return convert


UntrustedReader = Callable[[bytes | None, int], tuple[DecodedEvent, LeftOut]]
"""`read(raw, latest_ms)` -> the event, and what was cut or left out of it; raises `InvalidEvent`."""


def compile_untrusted_reader(declared: Collection[str]) -> UntrustedReader:
    """Return a reader of unchecked canonical events; `declared` is as `types` of `parse_event`.

    It reads every event that a canonical source may bring, with the values that are folded when intake passes it on.
    """
    types = frozenset([*BUILT_IN, *declared])

    def read(raw: bytes | None, latest_ms: int) -> tuple[DecodedEvent, LeftOut]:
        if raw is not None and (wire := checked(raw, types, latest_ms)) is not None:
            return event_of(wire, epoch_ms(wire.occurred_at)), ()
        return read_strictly(raw, declared, latest_ms)

    return read


def read_strictly(raw: bytes | None, declared: Collection[str], latest_ms: int) -> tuple[DecodedEvent, LeftOut]:
    """Parse one canonical event; return the values that are folded once it is written as intake writes it.

    Without the second step, times without seconds, ids that are numbers and other forms that only `parse_event` reads
    would be lost. Nothing that it accepts is refused here, except an event of the year 9999: its timers would lie
    beyond the calendar. That takes a `latest_ms` in that year.

    Args:
        raw: the bytes.
        declared: the event types declared beyond the built-in ones.
        latest_ms: the latest plausible time.

    Returns:
        The event, and what was cut or left out of it.

    Raises:
        InvalidEvent: with the reason of `parse_event`.
    """
    event = parse_event(raw, types=declared, latest=_moment(latest_ms))
    return written_and_read(event, declared), event.left_out()


def written_and_read(event: Event, declared: Collection[str]) -> DecodedEvent:
    """Return an event as it is folded after intake has written it.

    Raises:
        InvalidEvent: `impossible_field`, if folding cannot read it.
    """
    raw = encode_event(event)
    try:
        return decode_event(raw, declared)
    except NotCanonical:
        raise InvalidEvent("impossible_field", f"a value is out of bounds; it begins with {raw[:80]!r}") from None


def _canonical(source: Source, declared: Collection[str]) -> Converter:
    mapper, expected = compile_source(source, declared), frozenset(source.events)

    def convert(record: SourceRecord, latest_ms: int) -> Canonical | Skipped:
        raw = record.value
        if raw is not None and (wire := checked(raw, expected, latest_ms)) is not None:
            return Canonical(wire.customer_id, wire.type, raw, epoch_ms(wire.occurred_at), 0, (), wire.type)
        event = mapper(record, _moment(latest_ms))
        return _TOMBSTONE if event is None else _written(event, event.type)

    return convert


def _plain(cases: CompiledCases, read_value: ReadValue) -> Converter:
    """Return the converter of a source of objects with one case: what nearly every source is."""
    (case,) = cases.cases
    conditions, name, find, build = cases.conditions, case.name, case.find, case.build

    def convert(record: SourceRecord, latest_ms: int) -> Canonical | Skipped:
        raw = record.value
        if raw is None:
            return _TOMBSTONE
        document = read_value(raw)
        if document.__class__ is not dict:
            raise not_an_object(document)
        for holds in conditions:
            if not holds(document, record):
                return BY_ONLY_WHEN
        fields = find(document, record)
        wire = _converted(fields)
        if wire is not None and is_valid(wire, latest_ms):
            return Canonical(wire.customer_id, wire.type, _encode(wire), epoch_ms(wire.occurred_at), 0, (), name)
        return _written(build(fields, _moment(latest_ms)), name)

    return convert


def _single(source: Source, cases: CompiledCases, read_value: ReadValue | None) -> Converter:
    """Return the converter of any source whose records are one event each."""
    documents, before_ms = compile_documents(source, read_value), named_ms(source)

    def convert(record: SourceRecord, latest_ms: int) -> Canonical | Skipped:
        (item,) = documents(record)
        if isinstance(item, Item):
            return _item(cases, item, record, latest_ms, before_ms)
        if isinstance(item, InvalidEvent):
            raise item
        return item

    return convert


def _with_history(convert: Converter, before_ms: int) -> Converter:
    """Return the same converter, which marks what happened before a moment as history; 0 for no moment."""
    if not before_ms:
        return convert

    def with_history(record: SourceRecord, latest_ms: int) -> Canonical | Skipped:
        event = convert(record, latest_ms)
        if isinstance(event, Skipped) or event.at_ms >= before_ms:
            return event
        return event._replace(value=marked(event.value, before_ms))

    return with_history


def _item(
    cases: CompiledCases, item: Item, record: SourceRecord, latest_ms: int, before_ms: int
) -> Canonical | Skipped:
    event = _event_of(cases, item, record, latest_ms)
    if isinstance(event, Skipped) or not (item.is_history or before_ms):
        return event
    until_ms = history_until_ms(
        before_ms, event.at_ms, is_snapshot=item.is_history, written_ms=record.timestamp_ms, latest_ms=latest_ms
    )
    return event._replace(value=marked(event.value, until_ms)) if until_ms else event


def _event_of(cases: CompiledCases, item: Item, record: SourceRecord, latest_ms: int) -> Canonical | Skipped:
    case = cases.choose(item.document, record, item.no_activity)
    if isinstance(case, Skipped):
        return case
    fields = case.find(item.document, record)
    wire = _converted(fields)
    if wire is not None and is_valid(wire, latest_ms):
        at_ms = epoch_ms(wire.occurred_at)
        return Canonical(wire.customer_id, wire.type, _encode(wire), at_ms, 0, (), case.name)
    return _written(case.build(fields, _moment(latest_ms)), case.name)


def _written(event: Event, case: str) -> Canonical:
    at_ms = epoch_ms(event.occurred_at)
    value, unknown = encode_event(event), event.unknown_fields()
    return Canonical(event.customer_id, event.type, value, at_ms, unknown, event.left_out(), case)


def _converted(fields: dict[str, Any]) -> Wire | None:
    """Return an event's fields as `Wire`, None if a field needs a coercion."""
    amount = fields.get("amount")
    if amount.__class__ is str:
        if not amount.isascii() or not amount.replace(".", "", 1).isdigit():
            return None
        fields = {**fields, "amount": Decimal(amount)}
    elif amount.__class__ is float:
        written = repr(amount)
        if not written.replace(".", "", 1).isdigit():
            return None
        fields = {**fields, "amount": Decimal(written)}
    elif amount is not None and amount.__class__ is not int and amount.__class__ is not Decimal:
        return None
    try:
        wire = msgspec.convert(fields, StrictWire)
    except (msgspec.ValidationError, ValueError):
        currency = fields.get("currency")
        if (in_capitals := currency_of(currency)) is currency:
            return None
        return _converted({**fields, "currency": in_capitals})
    if wire.occurred_at.utcoffset():
        wire.occurred_at = wire.occurred_at.astimezone(UTC)
    return wire


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
