"""The interval of a difference of money per customer. Pure.

Money seldom decides anything: a few large customers outweigh everything else. So each customer counts at most at a
cap that is fixed before the start, and what is estimated is the difference of the capped means.

Source: the mean ± width times standard error of arXiv 2103.06476, theorem 2.2. The standard error is the larger of
two: of each arm's own spread, and of the spread of both together, since the small arm's own is too small too often.
"""

from math import sqrt
from typing import Final

from workers.verdict.counts import Amounts, Interval
from workers.verdict.width import standard_errors

LEAST_PAYERS: Final = 100
"""Paying customers that each arm needs before there is an interval of money."""


def money(treated: Amounts, held: Amounts, plan: int) -> Interval | None:
    """Return money per treated customer less money per held-out customer, None with too few payers.

    The unit is that of the sums. The ends hold however often they are looked at.

    Args:
        treated: the treated customers.
        held: the held-out customers.
        plan: the planned number of finished customers, see `Design`.
    """
    if min(treated.payers, held.payers) < LEAST_PAYERS:
        return None
    customers = treated.customers + held.customers
    own = sum(_variance(arm.customers, arm.total, arm.squares) / arm.customers for arm in (treated, held))
    together = _variance(customers, treated.total + held.total, treated.squares + held.squares)
    error = sqrt(max(own, together * (1 / treated.customers + 1 / held.customers)))
    difference = treated.total / treated.customers - held.total / held.customers
    half = standard_errors(customers, plan) * error
    return Interval(difference - half, difference, difference + half)


def _variance(customers: int, total: float, squares: float) -> float:
    return max(0.0, squares - total * total / customers) / (customers - 1)
