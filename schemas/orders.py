"""Orders: what Linger is to do with a customer: to erase, suppress or resume.

An order is a record of the activity topic, so it has a place among the customer's events and survives a rebuild. Its
key is the customer's id. A direct producer, `linger customer` and the topic of requests write the same form.
"""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from schemas.events import MAX_BODY_BYTES, MAX_ID_BYTES, MAX_TEXT_BYTES, InvalidEvent

ERASE: Final = "linger.erase"
SUPPRESS: Final = "linger.suppress"
RESUME: Final = "linger.resume"
OrderType = Literal["linger.erase", "linger.suppress", "linger.resume"]
_MARK: Final = b'"linger.'
_LATEST_MS: Final = 253_370_764_800_000
"""The end of the year 9998."""

Id = Annotated[str, Meta(min_length=1, max_length=MAX_ID_BYTES)]
Text = Annotated[str, Meta(max_length=MAX_TEXT_BYTES // 4)]


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One order. The type of no event has a dot, so an order is never taken for one.

    Attributes:
        event_id: unique among orders; it is carried out again if it comes again, which changes nothing.
        type: what to do. `linger.erase`: forget the customer, take back what stands, and write no more.
            `linger.suppress`: never write to the customer. `linger.resume`: end a suppression; it is no consent, so
            an opt-out stays.
        customer_id: whose order it is.
        occurred_at: when it was given. Events from until then that come later are dropped after an erasure.
        reason: why, in words; it is stored, so it should not describe the person.
        by: who gave it.
        may_return: of an erasure: the customer may be written to again after coming back.
    """

    event_id: Id
    type: OrderType
    customer_id: Id
    occurred_at: Annotated[datetime, Meta(tz=True)]
    reason: Text
    by: Text
    may_return: bool = False

    def at_ms(self) -> int:
        """Return when it was given, in epoch milliseconds."""
        return round(self.occurred_at.timestamp() * 1000)


_decode: Final = msgspec.json.Decoder(Order).decode
encode_order: Final = msgspec.json.Encoder().encode


def may_be_order(raw: bytes) -> bool:
    """Return whether a record that is no plain event may be an order; cheap, and true for every order."""
    return _MARK in raw


def parse_order(raw: bytes, latest_ms: int) -> Order | None:
    """Read an order.

    Args:
        raw: a record's value.
        latest_ms: it was given before this moment, in epoch milliseconds.

    Returns:
        None if the record is none: its `type` is not that of an order.

    Raises:
        InvalidEvent: if it is an order that cannot be carried out.
    """
    if len(raw) > MAX_BODY_BYTES or not _is_order(raw):
        return None
    try:
        order = _decode(raw)
        at_ms = order.at_ms()
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise InvalidEvent("invalid_order", f"the order cannot be read: {error}") from None
    if not order.customer_id.strip() or len(order.customer_id.encode()) > MAX_ID_BYTES:
        raise InvalidEvent("invalid_order", "customer_id is empty or too long", field="customer_id")
    if at_ms < 0:
        raise InvalidEvent("invalid_order", f"the order was given before 1970: {order.occurred_at.isoformat()}")
    if at_ms >= min(latest_ms, _LATEST_MS):
        raise InvalidEvent("future_time", f"the order was given in the future: {order.occurred_at.isoformat()}")
    return order


class _OfAnyType(msgspec.Struct):
    type: str = ""


_type_of: Final = msgspec.json.Decoder(_OfAnyType).decode


def _is_order(raw: bytes) -> bool:
    if not may_be_order(raw):
        return False
    try:
        return _type_of(raw).type.startswith("linger.")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
