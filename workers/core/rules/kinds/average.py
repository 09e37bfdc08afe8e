"""`average: purchase.amount, less than: 20, within: 90 days`: the mean of an attribute."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from schemas.conditions import Average
from schemas.durations import DAY_MS
from workers.core.conditions.amounts import bounded, window_days
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, OfOneSeries
from workers.core.conditions.history import knows_ever, watched_from
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.series import Series
from workers.core.events.decoding import UNIT
from workers.core.phrases import Said, attribute, bounds_in_words, filters, within, without_history
from workers.core.rules.binding import Binding
from workers.core.rules.kind import Kind, one_event
from workers.core.rules.windows import claims, says_only_its_claims, times, window_in_words
from workers.core.text import Text


class Mean(OfOneSeries):
    """The mean of an attribute over the events that carry it as a number.

    Any unseen event could move it, so the window, or the whole history, must be watched. Without any number it is
    false. Products with a bound may take more than 64 bits, so it is compared in Python's integers.

    Attributes:
        has_low, low, per_low, without_low: whether there is a lower bound, its numerator in ten-thousandths and its
            denominator (positive), and whether the bound itself is outside.
        has_high, high, per_high, without_high: the same of the upper bound.
        days: length of the window in UTC days, today included; 0 for the whole lifetime.
    """

    cost = 6

    def __init__(self, basis: Basis, series: Series, when: Average) -> None:
        super().__init__(basis, series)
        lower, upper = when.limits()
        self.has_low, self.has_high = lower is not None, upper is not None
        self.low, self.per_low, self.without_low = _fraction(lower)
        self.high, self.per_high, self.without_high = _fraction(upper)
        self.days = window_days(when)

    def look(self, at_ms: int) -> int:
        """Walk the days as they leave the window, once it is watched."""
        series, window = self.series, self.days
        self.flip_ms = FOREVER_MS
        if not window:
            if not knows_ever(self.customer, series):
                return NOT_OBSERVABLE
            return self.judge(series.total_sum, series.total) if series.is_present else FALSE
        watched_ms = watched_from(self.customer, series, window)
        if at_ms < watched_ms:
            self.flip_ms = watched_ms
            return NOT_OBSERVABLE
        if not series.is_present:
            return FALSE
        days = series.days
        first, total, number = days.first_from(at_ms // DAY_MS - window + 1), 0, 0
        for place in range(first, days.number):
            total += days.sum[place]
            number += days.count[place]
        now = self.judge(total, number)
        for place in range(first, days.number):
            total -= days.sum[place]
            number -= days.count[place]
            if self.judge(total, number) != now:
                self.flip_ms = (days.day[place] + window) * DAY_MS
                return now
        return now

    def judge(self, total: int, number: int) -> int:
        """Compare a mean with the bounds; return the truth. Any size of numbers; no events have no mean."""
        if not number:
            return FALSE
        if self.has_low:
            found, asked = total * self.per_low, self.low * number
            if found < asked or (found == asked and self.without_low):
                return FALSE
        if self.has_high:
            found, asked = total * self.per_high, self.high * number
            if found > asked or (found == asked and self.without_high):
                return FALSE
        return TRUE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the number of events and, if there are any, the mean to four decimals."""
        series, total, number = self.series, 0, 0
        if series.is_present:
            if self.days:
                days = series.days
                for place in range(days.first_from(at_ms // DAY_MS - self.days + 1), days.number):
                    total += days.sum[place]
                    number += days.count[place]
            else:
                total, number = series.total_sum, series.total
        evidence.numbers[self.at] = number
        if number:
            evidence.keep(self.place, round(total / number / UNIT, 4))

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the mean."""
        self.write_kept(text, evidence)


def said(when: Average, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    bounds = bounds_in_words(when) if holds else f"not {bounds_in_words(when)}"
    text = f"average {attribute(when.average)}{filters(when.where)} is {bounds} {within(when.within)}"
    return Said(f"the {text}", "", text)


def compile(when: Average, binding: Binding) -> Mean:
    """Compile the condition for the customer of a rule set."""
    name, adds = when.average.split(".", 1)
    basis = binding.basis(when, said, when.words(), window_in_words(when))
    return Mean(basis, binding.mean_series(name, when.where, adds, window_days(when)), when)


def _fraction(limit: tuple[Decimal, bool] | None) -> tuple[int, int, bool]:
    if limit is None:
        return 0, 1, False
    numerator, denominator = bounded(limit[0]).as_integer_ratio()
    return numerator * UNIT, denominator, limit[1]


def needs(when: Average, holds: bool) -> Iterator[timedelta | str]:
    """Yield what must be known of a customer for it, or its opposite, to hold: everything in the window."""
    yield without_history(when.average.split(".", 1)[0]) if when.within is None else when.within


KIND = Kind(
    word="average",
    model=Average,
    said=said,
    compile=compile,
    least_events=one_event,
    claims=claims,
    says_only_its_claims=says_only_its_claims,
    times=times,
    needs=needs,
)
