"""Canonical bytes of the activity topic -> the few values that folding needs.

The hot path's reader, for bytes that `schemas.events.parse_event` has accepted once. It reads everything that
`encode_event` writes; bytes that it refuses go through `parse_event`, which finds the reason. It does not replace the
checks of `parse_event` for untrusted bytes. It knows no clock and checks only what is folded. So it accepts some
events that `parse_event` refuses: future events, an impossible order id or effective date, attribute texts that are
too long only in bytes, and errors in unknown fields. It reads a whole number beyond 64 bits exactly; `parse_event`
rounds it, or reads none if it has hundreds of digits.
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
"""Length of an event id's hash. At a billion events a year, a collision drops one event in 35,000 years."""
_new_hash: Final = blake2b(digest_size=FINGERPRINT_BYTES).copy
_LARGEST: Final = Decimal(10**13)
_LAST_YEAR: Final = 9998
_EPOCH_DAY: Final = datetime(1970, 1, 1, tzinfo=UTC).toordinal()


@dataclass
class DecodedEvent:
    """One event, as it is folded.

    Attributes:
        event_id: unique among the events of its type; a second event of the type with the same id is a duplicate.
        type: the event type.
        customer_id: the customer.
        at_ms: when the event happened, in epoch milliseconds.
        attributes: flat values by name, including built-in fields such as `amount` and `reason`.
        history_ms: the event is history: no rule that reads its type acts for the customer because of anything before
            this moment, in epoch milliseconds; 0 if it is not.
    """

    event_id: str
    type: str
    customer_id: str
    at_ms: int
    attributes: dict[str, Any]
    history_ms: int = 0

    def fingerprint(self) -> bytes:
        """Return the hash of type and id that the customer's ring of recent events keeps."""
        hashed = _new_hash()
        hashed.update(f"{self.type}\n{self.event_id}".encode())
        return hashed.digest()

    def fingerprint_of_0_1(self) -> bytes:
        """Return the hash of the id alone, which rings filled by release 0.1 still hold."""
        hashed = _new_hash()
        hashed.update(self.event_id.encode())
        return hashed.digest()


def number_of(fingerprint: bytes) -> int:
    """Return a fingerprint as a number, its first byte the least."""
    value = 0
    for place in range(len(fingerprint)):
        number = fingerprint[place]
        value |= number << 8 * place
    return value


class Wire(msgspec.Struct, gc=False, omit_defaults=True):
    """A canonical event as it is written, with the optional fields of all types.

    The fields are those of `schemas.events`; which of them a type has is not checked.
    """

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
    history_until: Annotated[datetime, Meta(tz=True)] | None = None
    attributes: Annotated[
        dict[str, Annotated[str, Meta(max_length=MAX_TEXT_BYTES)] | int | float | bool | None],
        Meta(max_length=MAX_ATTRIBUTES),
    ] = {}


_decode = msgspec.json.Decoder(Wire).decode


class NotCanonical(ValueError):
    """The bytes are not an event as intake writes it; `schemas.events.parse_event` finds the reason."""


def decode_event(raw: bytes, declared: Collection[str] = ()) -> DecodedEvent:
    """Read one canonical event.

    Args:
        raw: the bytes.
        declared: the event types declared beyond the built-in ones.

    Raises:
        NotCanonical: if the bytes are not a well-formed event of a known type.
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
    if wire.history_until is not None and plausible_ms(wire.history_until) < 0:
        raise NotCanonical
    return event_of(wire, at_ms)


def event_of(wire: Wire, at_ms: int) -> DecodedEvent:
    """Return the decoded event of a `Wire` that has passed every check and happened at `at_ms`."""
    history_ms = 0 if wire.history_until is None else epoch_ms(wire.history_until)
    return DecodedEvent(wire.event_id, wire.type, wire.customer_id, at_ms, _attributes(wire), history_ms)


def is_id(text: str) -> bool:
    """Return whether a text can be an id: not blank, and short enough."""
    # UTF-8 takes at most four bytes a character, so a shorter text needs no encoding.
    return bool(text.strip()) and (len(text) <= MAX_ID_BYTES // 4 or len(text.encode()) <= MAX_ID_BYTES)


def plausible_ms(moment: datetime) -> int:
    """Return a moment in epoch milliseconds; below zero if it is before 1970 or after the year 9998."""
    return epoch_ms(moment) if moment.year <= _LAST_YEAR else -1


def is_money(amount: Decimal | None, currency: str | None) -> bool:
    """Return whether an amount can be paid: it has a currency, is finite, and is from 0 to 10^12."""
    return amount is not None and currency is not None and amount.is_finite() and 0 <= amount <= 10**12


def epoch_ms(moment: datetime) -> int:
    """Return a moment in epoch milliseconds."""
    if moment.tzinfo is UTC:  # nearly all are UTC; this costs a third of the general conversion
        minutes = ((moment.toordinal() - _EPOCH_DAY) * 24 + moment.hour) * 60 + moment.minute
        return minutes * 60_000 + moment.second * 1000 + moment.microsecond // 1000
    # Not timestamp() * 1000: a float would sometimes lose the last millisecond.
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
    """Return a number in whole ten-thousandths, rounded half to even; 0 if the value is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return 0
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite():
        return 0
    # A larger whole number would overflow in storage; no amount of money is as large.
    return int((max(-_LARGEST, min(_LARGEST, number)) * UNIT).to_integral_value())
