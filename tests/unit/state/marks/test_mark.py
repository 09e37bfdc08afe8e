"""A mark says what must not be forgotten, and from which place in the log on it holds."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.orders import ERASE, RESUME, SUPPRESS, Order
from workers.core.customer.standing import AS_ANYBODY
from workers.state.marks.mark import Mark, decode_mark, encode_mark


def order(type_: Any, at_ms: int, *, may_return: bool = False) -> Order:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return Order(
        event_id="o",
        type=type_,
        customer_id="ada",
        occurred_at=moment,
        reason="asked",
        by="officer",
        may_return=may_return,
    )


def test_a_suppression_holds_after_its_place_and_not_before() -> None:
    mark = Mark("t").after_order(order(SUPPRESS, 5_000), 7)
    assert mark.standing(7) is AS_ANYBODY
    assert mark.standing(8).is_suppressed


def test_in_another_topic_it_holds_from_the_beginning() -> None:
    mark = Mark("t").after_order(order(SUPPRESS, 5_000), 7).of_topic("u")
    assert mark.standing(0).is_suppressed


def test_a_resumption_ends_a_suppression_and_no_opt_out() -> None:
    mark = Mark("t").after_answer(False, 4_000, 3).after_order(order(SUPPRESS, 5_000), 7)
    resumed = mark.after_order(order(RESUME, 6_000), 9)
    assert not resumed.standing(10).is_suppressed
    assert resumed.standing(10).opted_out_ms == 4_000


def test_a_resumption_from_before_the_latest_suppression_ends_nothing() -> None:
    mark = Mark("t").after_order(order(SUPPRESS, 5_000), 7).after_order(order(SUPPRESS, 8_000), 8)
    late = mark.after_order(order(RESUME, 7_000), 9)
    assert late.standing(10).is_suppressed
    assert not late.after_order(order(RESUME, 8_000), 10).standing(11).is_suppressed


def test_where_the_log_is_read_again_each_order_counts_as_it_did() -> None:
    orders = [(3, order(SUPPRESS, 5_000)), (5, order(RESUME, 6_000)), (7, order(SUPPRESS, 8_000))]
    mark = Mark("t")
    for offset, one in orders:
        mark = mark.after_order(one, offset)
    again, standings = mark, []
    for offset, one in orders:
        again = again.after_order(one, offset)
        standings.append(again.standing(offset + 1).is_suppressed)
    assert standings == [True, False, True]
    assert again == mark


@pytest.mark.parametrize("may_return", [False, True])
def test_erasing_suppresses_unless_the_customer_may_return(may_return: bool) -> None:
    mark = Mark("t").after_order(order(ERASE, 5_000, may_return=may_return), 7)
    assert mark.standing(8).is_suppressed is not may_return
    assert not mark.says_nothing


def test_an_erasure_never_ends_what_was_ordered_before() -> None:
    mark = Mark("t").after_answer(False, 4_000, 3).after_order(order(SUPPRESS, 4_500), 5)
    mark = mark.after_order(order(ERASE, 5_000, may_return=True), 7)
    assert mark.standing(8).is_suppressed
    assert mark.standing(8).opted_out_ms == 4_000


def test_what_happened_before_an_erasure_or_stands_before_it_is_erased() -> None:
    mark = Mark("t").after_order(order(ERASE, 5_000), 7)
    assert mark.is_erased(9, 5_000)
    assert mark.is_erased(3, 8_000)
    assert not mark.is_erased(9, 5_001)
    assert not Mark("t").is_erased(9, 1)


def test_a_no_ends_with_a_later_yes_and_with_no_other() -> None:
    said_no = Mark("t").after_answer(False, 4_000, 3)
    assert said_no.after_answer(True, 3_999, 5) == said_no
    assert said_no.after_answer(True, 4_000, 5) == said_no
    assert said_no.after_answer(True, 4_001, 5).says_nothing
    assert Mark("t").after_answer(True, 4_000, 3) == Mark("t")


def test_an_older_no_changes_nothing() -> None:
    said_no = Mark("t").after_answer(False, 4_000, 3)
    assert said_no.after_answer(False, 3_000, 5) == said_no


ORDERS = st.tuples(st.sampled_from([ERASE, SUPPRESS, RESUME]), st.integers(1, 10**9), st.booleans())


@given(st.lists(ORDERS, max_size=6))
def test_a_mark_is_read_as_it_was_written(orders: list[tuple[str, int, bool]]) -> None:
    mark = Mark("t")
    for offset, (type_, at_ms, may_return) in enumerate(orders):
        mark = mark.after_order(order(type_, at_ms, may_return=may_return), offset)
    assert decode_mark(encode_mark(mark)) == mark


def test_a_mark_of_a_later_release_is_read_and_one_with_less_too() -> None:
    assert decode_mark(b"\x92\xa1t\x05") == Mark("t", 5)
    later = b"\x98" + encode_mark(Mark("t", 5))[1:] + b"\x01"
    assert decode_mark(later) == Mark("t", 5)
