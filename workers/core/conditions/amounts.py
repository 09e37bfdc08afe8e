"""Amounts of events, values or money, within the last days or ever, against bounds."""

from typing import Final

from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, OfOneSeries, Words
from workers.core.customer.customer import Customer
from workers.core.customer.series import Series

OUT_OF_REACH: Final = 1 << 62
"""More than any stored number; larger bounds are cut to it."""
_BEYOND: Final = OUT_OF_REACH + 1


class Amount(OfOneSeries):
    """An amount of one series.

    Seen events alone can reach a lower bound or exceed an upper one; any other result needs a fully watched window.
    Unseen values are assumed not to be negative.

    Attributes:
        has_low, low, has_high, high: inclusive bounds, and whether there are any.
        least, most: the same bounds; beyond all numbers where there is none.
        days: length of the window in UTC days, today included; 0 for the whole lifetime.
    """

    def __init__(
        self,
        words: Words,
        customer: Customer,
        series: Series,
        low: int | None,
        high: int | None,
        days: int,
    ) -> None:
        super().__init__(words, customer, series)
        self.has_low, self.low = low is not None, _within_reach(low or 0)
        self.has_high, self.high = high is not None, _within_reach(high or 0)
        self.least = self.low if self.has_low else -_BEYOND
        self.most = self.high if self.has_high else _BEYOND
        self.days = days

    def judge_whole(self, value: int) -> int:
        """Compare a value that is all seen with the bounds; return the truth."""
        return FALSE if value < self.least or value > self.most else TRUE

    def judge(self, value: int, observable: bool) -> int:
        """Compare a value with the bounds; return the truth.

        Args:
            value: the amount, as far as it is seen.
            observable: whether nothing is missing.
        """
        if self.has_high and value > self.high:
            return FALSE
        if self.has_low and value < self.low:
            return FALSE if observable else NOT_OBSERVABLE
        return TRUE if observable or not self.has_high else NOT_OBSERVABLE


def _within_reach(bound: int) -> int:
    return max(-OUT_OF_REACH, min(OUT_OF_REACH, bound))
