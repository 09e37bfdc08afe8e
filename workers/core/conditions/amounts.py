"""Amounts of events, values or money, within the last days or ever, against bounds."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from schemas.conditions import Bounds
from schemas.conditions.windows import Windowed
from schemas.durations import DAY_MS, duration_ms
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, OfOneSeries
from workers.core.customer.series import Series

OUT_OF_REACH: Final = 1 << 62
"""More than any stored number; larger bounds are cut to it."""
_BEYOND: Final = OUT_OF_REACH + 1
_LARGEST: Final = Decimal(10) ** 20
"""More than any stored number; larger bounds are cut to it."""
_LEAST: Final = Decimal(10) ** -20
"""Finer than any stored number; smaller bounds become it."""


class Amount(OfOneSeries):
    """An amount of one series.

    Seen events alone can reach a lower bound or exceed an upper one; any other result needs a fully watched window.
    Unseen values are assumed not to be negative.

    Attributes:
        has_low, low, has_high, high: inclusive bounds, and whether there are any.
        least, most: the same bounds; beyond all numbers where there is none.
        days: length of the window in UTC days, today included; 0 for the whole lifetime.
    """

    def __init__(self, basis: Basis, series: Series, when: Windowed, unit: int) -> None:
        super().__init__(basis, series)
        low, high = inclusive(when, unit)
        self.has_low, self.low = low is not None, _within_reach(low or 0)
        self.has_high, self.high = high is not None, _within_reach(high or 0)
        self.least = self.low if self.has_low else -_BEYOND
        self.most = self.high if self.has_high else _BEYOND
        self.days = window_days(when)

    def judge_whole(self, value: int) -> int:
        """Compare a value that is all seen with the bounds; return the truth."""
        return FALSE if value < self.least or value > self.most else TRUE

    def judge(self, value: int, observable: bool) -> int:
        """Compare a value with the bounds; return the truth.

        Args:
            value: the amount, as far as it is seen.
            observable: whether nothing is missing.
        """
        if observable:
            return self.judge_whole(value)
        if value > self.most:
            return FALSE
        return NOT_OBSERVABLE if self.has_high or value < self.least else TRUE


def bounded(bound: Decimal) -> Decimal:
    """Return an equivalent bound of limited size and precision."""
    if 0 < abs(bound) < _LEAST:
        return _LEAST.copy_sign(bound)
    return max(-_LARGEST, min(_LARGEST, bound))


def inclusive(when: Bounds, unit: int) -> tuple[int | None, int | None]:
    """Return the lower and the upper bound, both included, in whole multiples of `1 / unit`; None for no bound."""
    lower, upper = when.limits()
    low = high = None
    if lower is not None:
        whole = (bounded(lower[0]) * unit).to_integral_value(ROUND_CEILING)
        low = int(whole) + (lower[1] and whole == bounded(lower[0]) * unit)
    if upper is not None:
        whole = (bounded(upper[0]) * unit).to_integral_value(ROUND_FLOOR)
        high = int(whole) - (upper[1] and whole == bounded(upper[0]) * unit)
    return low, high


def window_days(when: Windowed) -> int:
    """Return how many UTC days the window of a condition has, today included; 0 without one."""
    return 0 if when.within is None else duration_ms(when.within) // DAY_MS


def _within_reach(bound: int) -> int:
    return max(-OUT_OF_REACH, min(OUT_OF_REACH, bound))
