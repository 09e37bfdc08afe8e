"""Laws of what a command orders: the record is one that a worker reads, and older releases get none."""

import pytest

from schemas.orders import ERASE, RESUME, SUPPRESS, OrderType, encode_order, parse_order
from workers.customer_orders.orders import Instruction, required_reason
from workers.customer_orders.readiness import older_partitions
from workers.customer_orders.verifying import says
from workers.errors import StartupError
from workers.state.marks.mark import Mark

LATEST_MS = 2_000_000_000_000


@pytest.mark.parametrize("order_type", [ERASE, SUPPRESS, RESUME])
@pytest.mark.parametrize("at_ms", [0, 1_704_067_200_123])
def test_an_order_is_read_back_as_it_was_given(order_type: OrderType, at_ms: int) -> None:
    given = Instruction(order_type, "r" * 256, "b" * 249).order("Zoë\n1", "e1", at_ms)
    assert parse_order(encode_order(given), LATEST_MS) == given
    assert (given.event_id, given.customer_id, given.at_ms(), given.may_return) == ("e1", "Zoë\n1", at_ms, False)


def test_an_erasure_may_allow_to_come_back_and_says_so() -> None:
    order = Instruction(ERASE, "r", "b", may_return=True).order("ada", "e1", 1)
    assert order.may_return
    assert "may be written to" in Instruction(ERASE, "r", "b", may_return=True).effects()[-1]
    assert "--may-return allows it" in Instruction(ERASE, "r", "b").effects()[-1]


def test_a_reason_is_required_and_no_longer_than_an_order_keeps() -> None:
    assert required_reason("r" * 256) == "r" * 256
    with pytest.raises(StartupError, match="say why"):
        required_reason("")
    with pytest.raises(StartupError, match="--reason has 257 characters, at most 256"):
        required_reason("r" * 257)


def test_partitions_of_an_older_layout_are_refused_by_number() -> None:
    metas = {0: {"layout": "4"}, 1: {"offset": "3"}, 2: {"layout": "3"}, 3: {}}
    (problem,) = older_partitions(metas, ordered=4)
    assert problem.startswith("finish the upgrade first: linger upgrade finish. Partitions 1, 2 are")
    (problem,) = older_partitions({3: {}}, ordered=3)
    assert "Partitions 3 are" in problem


def test_partitions_of_this_layout_and_new_ones_take_orders() -> None:
    assert older_partitions({0: {"layout": "4"}, 1: {"layout": "5"}, 2: {}}, ordered=4) == []


@pytest.mark.parametrize(
    ("instruction", "mark", "answer"),
    [
        (Instruction(ERASE, "r", "b"), Mark(erased_ms=5, suppressed_ms=5), True),
        (Instruction(ERASE, "r", "b"), Mark(erased_ms=6, suppressed_ms=1), True),
        (Instruction(ERASE, "r", "b"), Mark(erased_ms=4, suppressed_ms=5), False),
        (Instruction(ERASE, "r", "b"), Mark(erased_ms=5), False),
        (Instruction(ERASE, "r", "b", may_return=True), Mark(erased_ms=5), True),
        (Instruction(ERASE, "r", "b"), Mark(), False),
        (Instruction(SUPPRESS, "r", "b"), Mark(suppressed_ms=3), True),
        (Instruction(SUPPRESS, "r", "b"), Mark(opted_out_ms=3), False),
        (Instruction(RESUME, "r", "b"), Mark(opted_out_ms=3), True),
        (Instruction(RESUME, "r", "b"), Mark(suppressed_ms=3), False),
    ],
)
def test_an_order_is_carried_out_if_the_mark_says_so(instruction: Instruction, mark: Mark, answer: bool) -> None:
    assert says(mark, instruction, 5) == answer
