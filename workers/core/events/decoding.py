"""Canonical bytes of the activity topic -> the few values that folding needs.

The hot path's view of an event, for bytes that came through `schemas.events.parse_event` once: it reads whatever
`encode_event` writes, and what it refuses goes through `parse_event`, which finds the reason. It is no second door.
It knows no clock and checks only what is folded, so it also takes some of what `parse_event` refuses: events of the
future, an order id or an effective date that cannot be, texts within attributes that are too long only in bytes, and
whatever is amiss in fields that it does not know. A whole number beyond 64 bits it reads exactly, where `parse_event`
reads a rounded one, or none if it has hundreds of digits.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from schemas.events import BUILT_IN, MAX_ATTRIBUTES, MAX_BODY_BYTES, MAX_ID_BYTES, MAX_TEXT_BYTES

UNIT: Final = 10_000
"""Amounts and other summed numbers are kept as whole ten-thousandths."""

MAX_STORED: Final = (1 << 62) - 1

FINGERPRINT_BYTES: Final = 6
"""Stand for an event id. Of a billion events a year one is dropped for its neighbour's likeness in 35,000 years."""
_new_hash: Final = blake2b(digest_size=FINGERPRINT_BYTES).copy
_LARGEST: Final = Decimal(10**13)
_LAST_YEAR: Final = 9998
_EPOCH_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()


@dataclass
class DecodedEvent:
    """One event, as it is folded.

    Attributes:
        at_ms: when it happened, epoch milliseconds.
        attributes: flat values by name; built-in fields such as `amount` and `reason` are among them.
    """

    event_id: str
    type: str
    customer_id: str
    at_ms: int
    attributes: dict[str, Any]

    def fingerprint(self) -> bytes:
        """Return the bytes that stand for the event id in the customer's ring."""
        hashed = _new_hash()
        hashed.update(self.event_id.encode())
        return hashed.digest()


class Wire(msgspec.Struct, gc=False, omit_defaults=True):
    """A canonical event as it is written; which of the optional fields a type has is not known here."""

    event_id: Annotated[str, Meta(min_length=1, max_length=MAX_ID_BYTES)]
    type: Annotated[str, Meta(max_length=64)]
    customer_id: Annotated[str, Meta(min_length=1, max_length=MAX_ID_BYTES)]
    occurred_at: Annotated[datetime, Meta(tz=True)]
    amount: Decimal | None = None
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")] | None = None
    order_id: str | None = None
    what: Annotated[str, Meta(max_length=MAX_TEXT_BYTES)] | None = None
    reason: Annotated[str, Meta(max_length=MAX_TEXT_BYTES)] | None = None
    effective_at: Annotated[datetime, Meta(tz=True)] | None = None
    attributes: Annotated[
        dict[str, Annotated[str, Meta(max_length=MAX_TEXT_BYTES)] | int | float | bool | None],
        Meta(max_length=MAX_ATTRIBUTES),
    ] = {}


_decode = msgspec.json.Decoder(Wire).decode


class NotCanonical(ValueError):
    """The bytes are not what intake writes; ask `schemas.events.parse_event` for the reason."""


def decode_event(raw: bytes, declared: Collection[str] = ()) -> DecodedEvent:
    """Read one canonical event.

    Raises:
        NotCanonical: for whatever is not a well-formed event of a known type.
    """
    if len(raw) > MAX_BODY_BYTES:
        raise NotCanonical
    try:
        wire = _decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise NotCanonical from None
    if wire.type not in BUILT_IN and wire.type not in declared:
        raise NotCanonical
    if wire.type == "purchase" and not is_money(wire.amount, wire.currency):
        raise NotCanonical
    at_ms = plausible_ms(wire.occurred_at)
    if at_ms < 0 or not is_id(wire.customer_id) or not is_id(wire.event_id):
        raise NotCanonical
    return fact_of(wire, at_ms)


def fact_of(wire: Wire, at_ms: int) -> DecodedEvent:
    """Return an event that has passed every check and happened at `at_ms`, as it is folded."""
    return DecodedEvent(wire.event_id, wire.type, wire.customer_id, at_ms, _attributes(wire))


def is_id(text: str) -> bool:
    """Return whether a text can be an id: not blank, and short enough."""
    # A quarter of the bytes is enough for any text of so many characters.
    return bool(text.strip()) and (len(text) <= MAX_ID_BYTES // 4 or len(text.encode()) <= MAX_ID_BYTES)


def plausible_ms(moment: datetime) -> int:
    """Return a moment in epoch milliseconds; below zero if it lies outside the calendar that events have."""
    return epoch_ms(moment) if moment.year <= _LAST_YEAR else -1


def is_money(amount: Decimal | None, currency: str | None) -> bool:
    """Return whether an amount can have been paid."""
    return amount is not None and currency is not None and amount.is_finite() and 0 <= amount <= 10**12


def epoch_ms(moment: datetime) -> int:
    """Return a moment in epoch milliseconds."""
    if moment.tzinfo is UTC:  # as nearly all are; a third of what the general way costs
        minutes = ((moment.toordinal() - _EPOCH_DAY) * 24 + moment.hour) * 60 + moment.minute
        return minutes * 60_000 + moment.second * 1000 + moment.microsecond // 1000
    # Not timestamp() * 1000: a float would lose the last millisecond now and then.
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


def _attributes(wire: Wire) -> dict[str, Any]:
    attributes: dict[str, Any] = wire.attributes
    if wire.amount is not None:
        attributes["amount"] = wire.amount
    if wire.currency is not None:
        attributes["currency"] = wire.currency
    if wire.order_id is not None:
        attributes["order_id"] = wire.order_id
    if wire.what is not None:
        attributes["what"] = wire.what
    if wire.reason is not None:
        attributes["reason"] = wire.reason
    if wire.effective_at is not None:
        attributes["effective_at"] = wire.effective_at.isoformat()
    return attributes


def scaled(value: Any) -> int:
    """Return a number in whole ten-thousandths, rounded half to even; 0 for what is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return 0
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite():
        return 0
    # Beyond this a stored whole number would overflow; no amount of money is as large.
    return int((max(-_LARGEST, min(_LARGEST, number)) * UNIT).to_integral_value())
