"""A source record and its source -> canonical bytes, on a fast path for plain records.

Nearly every record is plain, and costs one pass of a compiled decoder. All others go through `mapping` and
`schemas.events`, which know every coercion and every reason for a refusal. Both paths refuse the same records and
produce events of the same meaning (a law of the tests). The written form may differ: the fast path keeps the zone of
an effective date, rounds a time finer than a microsecond instead of cutting it off, and keeps digits of a numeric
amount that a float cannot hold. Knows no clock, no logs, no Kafka.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, Final, NamedTuple

import msgspec

from schemas.events import (
    BUILT_IN,
    MAX_BODY_BYTES,
    MAX_TEXT_BYTES,
    Event,
    InvalidEvent,
    LeftOut,
    encode_event,
    parse_event,
)
from schemas.sources import Source
from workers.core.events.decoding import (
    DecodedEvent,
    NotCanonical,
    Wire,
    decode_event,
    epoch_ms,
    event_of,
    is_id,
    is_money,
    plausible_ms,
)
from workers.core.events.mapping import SourceRecord, compile_builder, compile_finder, compile_source
from workers.core.mapping.history import marked, named_ms

_LARGEST_INT: Final = (1 << 63) - 1
_SAFE_CHARACTERS: Final = MAX_TEXT_BYTES // 4
"""A text of at most this many characters is short enough in UTF-8: a character takes at most four bytes."""


class Canonical(NamedTuple):
    """One event as it is forwarded.

    Attributes:
        customer_id: the customer.
        type: the event type.
        value: the event as canonical JSON.
        at_ms: when it happened, in epoch milliseconds.
        unknown_fields: number of fields of the record that the event's type does not have.
        left_out: what was cut or left out of the record, as `left_out` of `schemas.events` says.
    """

    customer_id: str
    type: str
    value: bytes
    at_ms: int
    unknown_fields: int = 0
    left_out: LeftOut = ()


Converter = Callable[[SourceRecord, int], Canonical | None]
"""`convert(record, latest_ms)` -> the event, or None for a record that is skipped; raises `InvalidEvent`."""


class _StrictWire(Wire, forbid_unknown_fields=True, gc=False):
    """A canonical event without fields that would be lost."""


_decode: Final = msgspec.json.Decoder(_StrictWire).decode
_encode: Final = msgspec.json.Encoder().encode


def compile_converter(source: Source, declared: Collection[str]) -> Converter:
    """Compile a source into a function that converts its records; arguments as for `mapping.compile_source`."""
    convert = _canonical(source, declared) if source.format == "canonical" else _mapped(source, declared)
    before_ms = named_ms(source)
    if not before_ms:
        return convert

    def with_history(record: SourceRecord, latest_ms: int) -> Canonical | None:
        event = convert(record, latest_ms)
        if event is None or event.at_ms >= before_ms:
            return event
        return event._replace(value=marked(event.value, before_ms))

    return with_history


UntrustedReader = Callable[[bytes | None, int], tuple[DecodedEvent, LeftOut]]
"""`read(raw, latest_ms)` -> the event, and what was cut or left out of it; raises `InvalidEvent`."""


def compile_untrusted_reader(declared: Collection[str]) -> UntrustedReader:
    """Return a reader of unchecked canonical events; `declared` is as `types` of `parse_event`.

    It reads every event that a canonical source may bring, with the values that are folded when intake passes it on.
    """
    types = frozenset([*BUILT_IN, *declared])

    def read(raw: bytes | None, latest_ms: int) -> tuple[DecodedEvent, LeftOut]:
        if raw is not None and (wire := _checked(raw, types, latest_ms)) is not None:
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


def _checked(raw: bytes, types: Collection[str], latest_ms: int) -> Wire | None:
    """Return a canonical event of one of these types, None if it must take the slow path."""
    if len(raw) > MAX_BODY_BYTES:
        return None
    try:
        wire = _decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None  # the slow path finds the reason
    return wire if wire.type in types and _is_valid(wire, latest_ms) else None


def _canonical(source: Source, declared: Collection[str]) -> Converter:
    mapper, expected = compile_source(source, declared), frozenset(source.events)

    def convert(record: SourceRecord, latest_ms: int) -> Canonical | None:
        raw = record.value
        if raw is not None and (wire := _checked(raw, expected, latest_ms)) is not None:
            return Canonical(wire.customer_id, wire.type, raw, epoch_ms(wire.occurred_at))
        event = mapper(record, _moment(latest_ms))
        return None if event is None else _written(event)

    return convert


def _mapped(source: Source, declared: Collection[str]) -> Converter:
    find, build = compile_finder(source), compile_builder(source, declared)

    def convert(record: SourceRecord, latest_ms: int) -> Canonical | None:
        fields = find(record)
        if fields is None:
            return None
        wire = _converted(fields)
        if wire is not None and _is_valid(wire, latest_ms):
            return Canonical(wire.customer_id, wire.type, _encode(wire), epoch_ms(wire.occurred_at))
        return _written(build(fields, _moment(latest_ms)))

    return convert


def _written(event: Event) -> Canonical:
    at_ms = epoch_ms(event.occurred_at)
    return Canonical(
        event.customer_id, event.type, encode_event(event), at_ms, event.unknown_fields(), event.left_out()
    )


def _converted(fields: dict[str, Any]) -> Wire | None:
    """Return an event's fields as `Wire`, None if a field needs a coercion."""
    amount = fields.get("amount")
    if amount.__class__ is str:
        if not amount.isascii() or not amount.replace(".", "", 1).isdigit():
            return None
        fields = {**fields, "amount": Decimal(amount)}
    elif amount is not None and amount.__class__ is not int:
        return None  # the slow path decides how a float is written
    try:
        wire = msgspec.convert(fields, _StrictWire)
    except (msgspec.ValidationError, ValueError):
        return None
    if wire.occurred_at.utcoffset():
        wire.occurred_at = wire.occurred_at.astimezone(UTC)
    return wire


def _is_valid(wire: Wire, latest_ms: int) -> bool:
    """Return whether an event passes every check, so that the slow path would accept it unchanged."""
    kind = wire.type
    is_paid, is_ended = kind == "purchase", kind == "cancellation"
    if is_paid:
        if not is_money(wire.amount, wire.currency):
            return False
    elif wire.amount is not None or wire.currency is not None or wire.order_id is not None:
        return False
    if not is_ended and (wire.what is not None or wire.reason is not None or wire.effective_at is not None):
        return False
    if not (is_id(wire.event_id) and is_id(wire.customer_id)):
        return False
    if not 0 <= plausible_ms(wire.occurred_at) < latest_ms:
        return False
    if wire.order_id is not None and not is_id(wire.order_id):
        return False
    if wire.effective_at is not None and plausible_ms(wire.effective_at) < 0:
        return False
    if wire.history_until is not None and not 0 <= plausible_ms(wire.history_until) < latest_ms:
        return False
    return not wire.attributes or all(map(_is_plain, wire.attributes.values()))


def _is_plain(value: Any) -> bool:
    kind = value.__class__
    if kind is str:
        return len(value) <= _SAFE_CHARACTERS
    if kind is float:
        return isfinite(value)
    return kind is not int or -_LARGEST_INT <= value <= _LARGEST_INT


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
