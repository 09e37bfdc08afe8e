"""Laws of thresholds: a share of the customers is worth that or more."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.tiers.thresholds import Threshold, thresholds_of

UNIT = 10_000


def test_the_top_fifth_of_ten_customers_begins_with_the_second() -> None:
    values = [number * UNIT for number in range(1, 11)]
    assert thresholds_of(values, [Decimal(50), Decimal(20)]) == [
        Threshold(Decimal(20), Decimal(9), 2, 19 / 55),
        Threshold(Decimal(50), Decimal(6), 5, 40 / 55),
    ]


def test_customers_who_are_worth_the_same_belong_to_it_together() -> None:
    (threshold,) = thresholds_of([5 * UNIT, 5 * UNIT, 5 * UNIT, UNIT], [Decimal(25)])
    assert (threshold.amount, threshold.customers) == (5, 3)


def test_a_share_to_which_customers_without_value_would_belong_has_no_threshold() -> None:
    found = thresholds_of([3 * UNIT, 0, -UNIT, 0], [Decimal(1), Decimal(50)])
    assert [one.share for one in found] == [1]
    assert thresholds_of([], [Decimal(1)]) == []


@pytest.mark.parametrize("value", [12_345, 12_399])
def test_a_threshold_is_rounded_down_so_that_the_customer_belongs_to_it(value: int) -> None:
    (threshold,) = thresholds_of([value], [Decimal(1)])
    assert threshold.amount == Decimal("1.23")


@given(st.lists(st.integers(-UNIT, 10**9), max_size=60), st.lists(st.integers(1, 99), min_size=1, max_size=5))
def test_at_least_the_share_of_the_customers_is_worth_it_and_a_smaller_share_never_less(
    values: list[int], shares: list[int]
) -> None:
    found = thresholds_of(values, [Decimal(share) for share in shares])
    for one in found:
        assert one.customers * 100 >= one.share * len(values)
        assert sum(value >= one.amount * UNIT for value in values) == one.customers
    amounts = [one.amount for one in found]
    assert amounts == sorted(amounts, reverse=True)
