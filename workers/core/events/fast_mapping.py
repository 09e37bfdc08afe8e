"""A foreign record and its source -> the canonical bytes that go on, as fast as that can be done.

Nearly every record is unremarkable, and costs one pass of a compiled decoder. Whatever that decoder has the least
doubt about goes through `mapping` and `schemas.events`, which know every coercion and every reason of a refusal:
the two never differ in what they refuse and in what an event says (a law of the tests), only in what it costs. How an
event says it may differ: an effective date keeps the zone it was written with, what is finer than a microsecond is
rounded and not cut off, and an amount that was written as a number keeps digits that a float has no room for.
"""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from schemas.events import BUILT_IN, MAX_BODY_BYTES, MAX_TEXT_BYTES, Event, encode_event, parse_event
from schemas.sources import Source
from workers.core.events.decoding import (
    DecodedEvent,
    Wire,
    decode_event,
    epoch_ms,
    fact_of,
    is_id,
    is_money,
    plausible_ms,
)
from workers.core.events.mapping import SourceRecord, compile_builder, compile_finder, compile_source

_LARGEST_INT: Final = (1 << 63) - 1
_SAFE_CHARACTERS: Final = MAX_TEXT_BYTES // 4
"""So many characters are short enough whatever they are."""


class Canonical(NamedTuple):
    """One event as it is passed on.

    Attributes:
        value: the event as canonical JSON.
        unknown_fields: how many fields the sender wrote that the type does not have.
    """

    customer_id: str
    type: str
    value: bytes
    unknown_fields: int = 0


Converter = Callable[[SourceRecord, int], Canonical | None]
"""`passage(record, latest_ms)` -> the event, or None for a record that is skipped; raises `InvalidEvent`."""


class _StrictWire(Wire, forbid_unknown_fields=True, gc=False):
    """A canonical event of which nothing would be left out."""


_decode: Final = msgspec.json.Decoder(_StrictWire).decode
_encode: Final = msgspec.json.Encoder().encode


def compile_converter(source: Source, declared: Collection[str]) -> Converter:
    """Turn a source into a function that passes its records on; arguments as for `mapping.compile_source`."""
    return _canonical(source, declared) if source.format == "canonical" else _foreign(source, declared)


UntrustedReader = Callable[[bytes | None, int], DecodedEvent]
"""`door(raw, latest_ms)` -> the event; raises `InvalidEvent`, or `NotCanonical` for what folding cannot read."""


def compile_untrusted_reader(declared: Collection[str]) -> UntrustedReader:
    """Return what reads canonical events that nobody has looked at yet; `declared` as for `parse_event`."""
    known = frozenset([*BUILT_IN, *declared])

    def door(raw: bytes | None, latest_ms: int) -> DecodedEvent:
        if raw is not None and (wire := _checked(raw, known, latest_ms)) is not None:
            return fact_of(wire, epoch_ms(wire.occurred_at))
        parse_event(raw, types=declared, latest=_moment(latest_ms))
        return decode_event(raw or b"", declared)

    return door


def _checked(raw: bytes, types: Collection[str], latest_ms: int) -> Wire | None:
    """Return a canonical event of one of these types, None if there is the least doubt about it."""
    if len(raw) > MAX_BODY_BYTES:
        return None
    try:
        wire = _decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None  # whoever is asked next knows why
    return wire if wire.type in types and _is_unremarkable(wire, latest_ms) else None


def _canonical(source: Source, declared: Collection[str]) -> Converter:
    mapper, expected = compile_source(source, declared), frozenset(source.events)

    def passage(record: SourceRecord, latest_ms: int) -> Canonical | None:
        raw = record.value
        if raw is not None and (wire := _checked(raw, expected, latest_ms)) is not None:
            return Canonical(wire.customer_id, wire.type, raw)
        event = mapper(record, _moment(latest_ms))
        return None if event is None else _written(event)

    return passage


def _foreign(source: Source, declared: Collection[str]) -> Converter:
    find, build = compile_finder(source), compile_builder(source, declared)

    def passage(record: SourceRecord, latest_ms: int) -> Canonical | None:
        found = find(record)
        if found is None:
            return None
        wire = _converted(found)
        if wire is not None and _is_unremarkable(wire, latest_ms):
            return Canonical(wire.customer_id, wire.type, _encode(wire))
        return _written(build(found, _moment(latest_ms)))

    return passage


def _written(event: Event) -> Canonical:
    return Canonical(event.customer_id, event.type, encode_event(event), event.unknown_fields())


def _converted(found: dict[str, Any]) -> Wire | None:
    """Return fields that are of the very types they should be as an event, None if any is not."""
    amount = found.get("amount")
    if amount.__class__ is str:
        if not amount.isascii() or not amount.replace(".", "", 1).isdigit():
            return None
        found = {**found, "amount": Decimal(amount)}
    elif amount is not None and amount.__class__ is not int:
        return None  # a float's digits are a matter of how one looks at them
    try:
        wire = msgspec.convert(found, _StrictWire)
    except (msgspec.ValidationError, ValueError):
        return None
    if wire.occurred_at.utcoffset():
        wire.occurred_at = wire.occurred_at.astimezone(UTC)
    return wire


def _is_unremarkable(wire: Wire, latest_ms: int) -> bool:
    """Tell whether an event can be passed on without another look, because every check passes."""
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
    return not wire.attributes or all(map(_is_plain, wire.attributes.values()))


def _is_plain(value: Any) -> bool:
    kind = value.__class__
    if kind is str:
        return len(value) <= _SAFE_CHARACTERS
    return kind is not int or -_LARGEST_INT <= value <= _LARGEST_INT


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
