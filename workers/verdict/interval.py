"""The interval of a difference of two shares, the only one that is ever shown. Pure.

Newcombe's interval (Newcombe 1998, method 10: Wilson's score interval of each arm, squared and added) with the width
of `width.standard_errors` in place of 1.96. For many customers it is difference ± width times standard error; for few
it stays sound where that breaks.
"""

from math import sqrt
from typing import Final

from workers.verdict.counts import Arm, Counts, Interval
from workers.verdict.width import standard_errors

LEAST_EXPECTED: Final = 5
"""Customers of the smaller arm times the higher rate (and times 1 - the lower): below this there is no verdict."""


def interval(counts: Counts, plan: int) -> Interval:
    """Return rate(treated) - rate(held out), and the ends that hold however often it is looked at.

    The unit is a share: -0.03 are 3 points fewer. Without a finished customer in an arm, nothing is excluded.

    Args:
        counts: the two arms.
        plan: the planned number of finished customers, see `Design`.
    """
    treated, held = counts.treated, counts.held
    if not treated.finished or not held.finished:
        return Interval(-1.0, 0.0, 1.0)
    square = standard_errors(counts.finished, plan) ** 2
    low_1, high_1 = _wilson(treated, square)
    low_0, high_0 = _wilson(held, square)
    p1, p0 = treated.rate, held.rate
    difference = p1 - p0
    down = sqrt((p1 - low_1) ** 2 + (high_0 - p0) ** 2)
    up = sqrt((high_1 - p1) ** 2 + (p0 - low_0) ** 2)
    return Interval(difference - down, difference, difference + up)


def expected(counts: Counts) -> float:
    """Return how many successes, or failures if they are fewer, the smaller arm should have had.

    It is made of the higher rate of the two (the lower one for failures), so an arm without one success does not
    hide a disaster. Below `LEAST_EXPECTED` an interval may be shown, but decides nothing.
    """
    rates = [arm.rate for arm in (counts.treated, counts.held) if arm.finished]
    if not rates:
        return 0.0
    smaller = min(counts.treated.finished, counts.held.finished)
    return smaller * min(max(rates), 1 - min(rates))


def _wilson(arm: Arm, square: float) -> tuple[float, float]:
    """Return the ends of Wilson's score interval; `square` is the squared number of standard errors."""
    n, p = arm.finished, arm.rate
    middle = (arm.won + square / 2) / (n + square)
    half = sqrt(square * (p * (1 - p) * n + square / 4)) / (n + square)
    # Rounding may leave an end on the wrong side of the rate when no customer succeeds, or all do.
    return min(p, max(0.0, middle - half)), max(p, min(1.0, middle + half))
