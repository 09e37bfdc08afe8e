"""An order is never taken for an event, and an event never for an order."""

import orjson
import pytest

from schemas.events import InvalidEvent
from schemas.orders import encode_order, may_be_order, parse_order

LATEST = 2_000_000_000_000
ORDER = {
    "event_id": "o1",
    "type": "linger.erase",
    "customer_id": "ada",
    "occurred_at": "2024-01-02T00:00:00Z",
    "reason": "asked for it",
    "by": "officer",
}


def read(**changes: object) -> object:
    return parse_order(orjson.dumps({**ORDER, **changes}), LATEST)


def test_an_order_is_read_as_it_was_written() -> None:
    order = parse_order(orjson.dumps(ORDER), LATEST)
    assert order is not None
    assert order.at_ms() == 1_704_153_600_000
    assert may_be_order(encode_order(order))
    assert parse_order(encode_order(order), LATEST) == order


@pytest.mark.parametrize("type_", ["login", "erase", "linger", "xlinger.erase"])
def test_what_has_another_type_is_no_order(type_: str) -> None:
    assert read(type=type_) is None


def test_an_event_that_only_names_an_order_is_none() -> None:
    assert parse_order(b'{"type": "login", "attributes": {"page": "linger.erase"}}', LATEST) is None
    assert parse_order(b'["linger.erase"', LATEST) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"type": "linger.delete"}, "invalid_order"),
        ({"reason": None}, "invalid_order"),
        ({"customer_id": " "}, "invalid_order"),
        ({"customer_id": "é" * 200}, "invalid_order"),
        ({"occurred_at": "2024-01-02T00:00:00"}, "invalid_order"),
        ({"occurred_at": "1960-01-02T00:00:00Z"}, "invalid_order"),
        ({"occurred_at": "2124-01-02T00:00:00Z"}, "future_time"),
        ({"may_retrun": True}, "invalid_order"),
    ],
)
def test_an_order_that_cannot_be_carried_out_says_why(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        read(**changes)
    assert refused.value.reason == reason
