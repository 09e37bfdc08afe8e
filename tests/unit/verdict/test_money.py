"""Laws of the interval of money."""

import pytest

from workers.verdict.counts import Amounts
from workers.verdict.money import money


def paid(customers: int, payers: int, amount: float) -> Amounts:
    """`payers` of the customers paid `amount` each."""
    return Amounts(customers, payers * amount, payers * amount**2, payers)


def test_too_few_payers_have_no_interval() -> None:
    assert money(paid(9000, 900, 10), paid(1000, 99, 10), 10_000) is None


def test_it_is_the_difference_of_what_customers_paid() -> None:
    seen = money(paid(5000, 600, 10), paid(5000, 500, 10), 10_000)
    assert seen is not None
    assert seen.middle == pytest.approx(0.2)
    # 3.035 standard errors of about 0.0625
    assert (seen.low, seen.high) == pytest.approx((0.2 - 0.190, 0.2 + 0.190), abs=0.002)


def test_the_small_arms_own_spread_is_not_trusted() -> None:
    quiet = Amounts(1000, 1000.0, 1000.0, 1000)  # each paid 1
    loud = Amounts(9000, 9000.0, 90_000.0, 900)  # a tenth paid 10
    seen = money(loud, quiet, 10_000)
    assert seen is not None
    # 3.035 times √(0.81 times 10 times (1/9000 + 1/1000)); with each arm's own spread it would be 0.096.
    assert seen.high - seen.middle == pytest.approx(0.288, abs=0.002)


def test_customers_who_all_paid_the_same_leaves_no_doubt() -> None:
    seen = money(paid(200, 200, 3), paid(200, 200, 2), 400)
    assert seen is not None
    assert seen.is_above
