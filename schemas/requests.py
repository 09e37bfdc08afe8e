"""Requests: what a company's privacy tool asks Linger to do with a customer, and the order that each becomes.

A request is a record of the topic of requests: JSON, with any key. A worker reads it, and writes the order into the
activity topic.
"""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from schemas.events import MAX_BODY_BYTES, InvalidEvent
from schemas.orders import ERASE, RESUME, SUPPRESS, Id, Order, OrderType, Text, encode_order, parse_order

INVALID_REQUEST: Final = "invalid_request"
"""Why a record of the topic of requests is a dead letter, unless its moment lies in the future."""
_TYPES: Final[dict[str, OrderType]] = {"erase": ERASE, "suppress": SUPPRESS, "resume": RESUME}


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request.

    Attributes:
        request: what to do: `erase`, `suppress` or `resume`; see `schemas.orders`.
        customer_id: the customer.
        reason: why, in words; it is stored, so it should not describe the person.
        by: who asks.
        request_id: unique among requests; without it, the place of the record in the topic.
        requested_at: when it was asked; without it, when the record was written.
        may_return: of an erasure: the customer may be written to again after coming back.
    """

    request: Literal["erase", "suppress", "resume"]
    customer_id: Id
    reason: Text
    by: Text
    request_id: Id | None = None
    requested_at: Annotated[datetime, Meta(tz=True)] | None = None
    may_return: bool = False


_decode: Final = msgspec.json.Decoder(Request).decode


def order_of_request(raw: bytes | None, position: str, written_ms: int, latest_ms: int) -> Order:
    """Return the order that a request becomes.

    Args:
        raw: the record's value.
        position: the place of the record, `topic:partition:offset`.
        written_ms: when the record was written, in epoch milliseconds.
        latest_ms: it was asked before this moment, in epoch milliseconds.

    Raises:
        InvalidEvent: if it is no request, or no order can be made of it.
    """
    if raw is None:
        raise InvalidEvent(INVALID_REQUEST, "the record has no value")
    if len(raw) > MAX_BODY_BYTES:
        raise InvalidEvent(INVALID_REQUEST, f"the record has {len(raw)} bytes, more than {MAX_BODY_BYTES}")
    try:
        request = _decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidEvent(INVALID_REQUEST, f"the request cannot be read: {error}") from None
    if request.may_return and request.request != "erase":
        raise InvalidEvent(INVALID_REQUEST, f"may_return belongs to 'erase', not to '{request.request}'")
    order = Order(
        event_id=request.request_id or position,
        type=_TYPES[request.request],
        customer_id=request.customer_id,
        occurred_at=request.requested_at or datetime.fromtimestamp(written_ms / 1000, UTC),
        reason=request.reason,
        by=request.by,
        may_return=request.may_return,
    )
    return _checked(order, latest_ms)


def _checked(order: Order, latest_ms: int) -> Order:
    """Return an order that every worker can read."""
    try:
        checked = parse_order(encode_order(order), latest_ms)
    except InvalidEvent as error:
        reason = INVALID_REQUEST if error.reason == "invalid_order" else error.reason
        raise InvalidEvent(reason, error.detail, field=error.field) from None
    if checked is None:
        raise InvalidEvent(INVALID_REQUEST, f"the order would be larger than {MAX_BODY_BYTES} bytes")
    return checked
