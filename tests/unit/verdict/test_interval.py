"""Laws of the interval of a difference of two shares."""

import pytest

from workers.verdict.counts import Arm, Counts
from workers.verdict.interval import expected, interval


@pytest.mark.parametrize(
    ("treated", "held", "low", "high"),
    [((5000, 850), (5000, 1000), -5.4, -0.6), ((9000, 1530), (1000, 200), -7.3, 0.8)],
)
def test_ten_thousand_customers_leave_so_much_open(
    treated: tuple[int, int], held: tuple[int, int], low: float, high: float
) -> None:
    seen = interval(Counts(Arm(*treated), Arm(*held)), 10_000)
    assert (round(100 * seen.low, 1), round(100 * seen.middle, 1), round(100 * seen.high, 1)) == (low, -3.0, high)


def test_an_arm_without_a_finished_customer_excludes_nothing() -> None:
    seen = interval(Counts(Arm(100, 20), Arm(0, 0)), 10_000)
    assert (seen.low, seen.high) == (-1, 1)
    assert expected(Counts(Arm(0, 0), Arm(0, 0))) == 0


def test_an_arm_in_which_nobody_succeeds_does_not_hide_a_disaster() -> None:
    counts = Counts(Arm(9000, 0), Arm(1000, 50))
    assert expected(counts) == pytest.approx(50)
    assert interval(counts, 10_000).is_below


def test_an_arm_of_a_few_customers_expects_little() -> None:
    assert expected(Counts(Arm(190, 19), Arm(10, 1))) == pytest.approx(1)
    assert expected(Counts(Arm(90, 89), Arm(10, 10))) == pytest.approx(10 * (1 - 89 / 90))
