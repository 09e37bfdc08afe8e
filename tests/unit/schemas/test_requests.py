"""Laws of requests: each becomes one order that every worker can read, or is refused with its reason."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import MAX_ID_BYTES, InvalidEvent
from schemas.orders import ERASE, RESUME, SUPPRESS, Order, encode_order, parse_order
from schemas.requests import order_of_request

WRITTEN_MS = 1_790_000_000_000
LATEST_MS = WRITTEN_MS + 60_000
POSITION = "linger.requests:0:41"
LEAST = {"request": "erase", "customer_id": "ada", "reason": "asked", "by": "desk"}


def order_of(**others: Any) -> Order:
    return order_of_request(json.dumps({**LEAST, **others}).encode(), POSITION, WRITTEN_MS, LATEST_MS)


@pytest.mark.parametrize(("word", "kind"), [("erase", ERASE), ("suppress", SUPPRESS), ("resume", RESUME)])
def test_a_request_becomes_an_order_of_its_place_and_moment(word: str, kind: str) -> None:
    order = order_of(request=word)
    assert (order.type, order.customer_id, order.reason, order.by) == (kind, "ada", "asked", "desk")
    assert (order.event_id, order.at_ms(), order.may_return) == (POSITION, WRITTEN_MS, False)


def test_what_a_request_says_of_itself_goes_before_its_place_and_moment() -> None:
    order = order_of(request_id="ticket-7", requested_at="2026-09-01T10:00:00+02:00", may_return=True)
    assert (order.event_id, order.may_return) == ("ticket-7", True)
    assert order.occurred_at == datetime(2026, 9, 1, 8, tzinfo=UTC)


@given(st.text(min_size=1, max_size=40), st.text(max_size=40), st.sampled_from(["erase", "suppress", "resume"]))
def test_every_order_of_a_request_can_be_read_by_a_worker(customer_id: str, reason: str, word: str) -> None:
    try:
        order = order_of(customer_id=customer_id, reason=reason, request=word)
    except InvalidEvent:
        assert not customer_id.strip()
    else:
        assert parse_order(encode_order(order), LATEST_MS) == order


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"request": "forget"}, "invalid_request"),
        ({"request": "linger.erase"}, "invalid_request"),
        ({"customer_id": ""}, "invalid_request"),
        ({"customer_id": "  "}, "invalid_request"),
        ({"customer_id": "é" * MAX_ID_BYTES}, "invalid_request"),
        ({"customer_id": 7}, "invalid_request"),
        ({"reason": None}, "invalid_request"),
        ({"reason": "x" * 10_000_000}, "invalid_request"),
        ({"extra": 1}, "invalid_request"),
        ({"requested_at": "2026-09-01T10:00:00"}, "invalid_request"),  # without an offset
        ({"requested_at": "yesterday"}, "invalid_request"),
        ({"requested_at": "2999-01-01T00:00:00Z"}, "future_time"),
        ({"request": "suppress", "may_return": True}, "invalid_request"),
    ],
)
def test_what_no_order_can_be_made_of_is_refused_with_its_reason(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        order_of(**change)
    assert refused.value.reason == reason


@pytest.mark.parametrize("missing", sorted(LEAST))
def test_a_request_without_what_it_needs_is_refused_and_the_field_is_named(missing: str) -> None:
    raw = json.dumps({name: value for name, value in LEAST.items() if name != missing}).encode()
    with pytest.raises(InvalidEvent, match=missing):
        order_of_request(raw, POSITION, WRITTEN_MS, LATEST_MS)


@pytest.mark.parametrize("raw", [None, b"", b"\xff", b"[]", b"null", b"{", b"[" * 100_000])
def test_a_record_that_is_no_request_is_refused(raw: bytes | None) -> None:
    with pytest.raises(InvalidEvent) as refused:
        order_of_request(raw, POSITION, WRITTEN_MS, LATEST_MS)
    assert refused.value.reason == "invalid_request"
