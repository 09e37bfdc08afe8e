"""Measures: a number of a customer at a moment, how certain it is, and when time alone changes it.

A condition whose bound is another measurement follows two of them together.
"""

from typing import Final

from schemas.attribute_types import AttributeType
from schemas.conditions import MAX_DISTINCT
from schemas.durations import DAY_MS
from workers.core.conditions.history import counted_from, knows_ever, watched_from
from workers.core.coverage import FOREVER_MS
from workers.core.customer.customer import Customer
from workers.core.customer.days import Days
from workers.core.customer.series import Series
from workers.core.events.attribute_types import convert
from workers.core.events.decoding import UNIT
from workers.core.events.filters import scaled_number

KNOWN: Final = 0
"""It is exactly this."""
AT_LEAST: Final = 1
"""Events that were not seen may have made it larger."""
UNKNOWN: Final = 2
"""It may be anything."""
NOTHING: Final = 3
"""There is certainly no such number: a mean of no event."""


class Measure:
    """A number, as `value / parts` in ten-thousandths; both may take more than 64 bits.

    Attributes:
        value, parts: the number; `parts` is above zero.
        certainty: one of the four above.
        next_ms: the next moment at which any of these may change with time alone; FOREVER_MS for never.
    """

    def __init__(self) -> None:
        self.value = 0
        self.parts = 1
        self.certainty = UNKNOWN
        self.next_ms = FOREVER_MS

    def begin(self, at_ms: int) -> None:
        """Measure at a moment, not before the customer's latest event."""
        raise NotImplementedError

    def pass_to(self, at_ms: int) -> None:
        """Measure at a later moment than before, without an event in between."""
        raise NotImplementedError


class LatestNumber(Measure):
    """The latest value of an attribute."""

    def __init__(self, customer: Customer, attribute: str, kind: AttributeType | None) -> None:
        super().__init__()
        self.customer = customer
        self.attribute = attribute
        self.kind = kind

    def begin(self, at_ms: int) -> None:
        """Read it; a value that is no number is not known."""
        known = self.customer.attributes.get(self.attribute)
        value = None if known is None else known[0]
        if value is not None and self.kind is not None:
            value = convert(value, self.kind)
        number = scaled_number(value)
        self.certainty = UNKNOWN if number is None else KNOWN
        self.value = 0 if number is None else number

    def pass_to(self, at_ms: int) -> None:
        """Nothing changes."""


class OverDays(Measure):
    """A number made from the events of the last days, or of the whole lifetime.

    Attributes:
        series: their series.
        window: how many UTC days, today included; 0 for the lifetime.
        number: of the events or values that it is made from, or their sum in ten-thousandths.
    """

    def __init__(self, customer: Customer, series: Series, window: int) -> None:
        super().__init__()
        self.customer = customer
        self.series = series
        self.window = window
        self.number = 0
        self._place = self._end = 0
        self._watched_ms = 0

    def begin(self, at_ms: int) -> None:
        """Add up the days of the window."""
        series = self.series
        self.number, self._place, self._end = 0, 0, 0
        if not self.window:
            self.number = self.ever() if series.is_present else 0
            self._watched_ms = 0 if self.is_whole() else FOREVER_MS
        else:
            self._watched_ms = self.watched_ms()
            if series.is_present:
                days = self.days()
                self._place, self._end = days.first_from(at_ms // DAY_MS - self.window + 1), days.number
                for place in range(self._place, self._end):
                    self.number += self.amount(place)
        self.settle(at_ms)

    def pass_to(self, at_ms: int) -> None:
        """Take out the days that have left the window."""
        days = self.days()
        while self._place < self._end and (days.day[self._place] + self.window) * DAY_MS <= at_ms:
            self.number -= self.amount(self._place)
            self._place += 1
        self.settle(at_ms)

    def settle(self, at_ms: int) -> None:
        """Set the number, its certainty and the next moment, from what is in the window."""
        self.next_ms = self._watched_ms if at_ms < self._watched_ms else FOREVER_MS
        if self._place < self._end:
            days = self.days()
            leaves_ms = (days.day[self._place] + self.window) * DAY_MS
            if leaves_ms < self.next_ms:
                self.next_ms = leaves_ms
        self.set_number(at_ms >= self._watched_ms)

    def days(self) -> Days:
        """Return the days, or the values by the days on which they were seen last."""
        return self.series.days

    def amount(self, place: int) -> int:
        """Return what a day adds."""
        return self.series.days.count[place]

    def ever(self) -> int:
        """Return the number over the lifetime."""
        return self.series.total

    def is_whole(self) -> bool:
        """Return whether the number over the lifetime is certain."""
        return knows_ever(self.customer, self.series)

    def watched_ms(self) -> int:
        """Return from when on nothing of the window can be missing."""
        return counted_from(self.customer, self.series, self.window)

    def set_number(self, is_certain: bool) -> None:
        """Set the number: it counts events."""
        self.value = self.number * UNIT
        self.certainty = KNOWN if is_certain else AT_LEAST


class TotalOf(OverDays):
    """The sum of an attribute; what was not seen is assumed not to be negative."""

    def amount(self, place: int) -> int:
        """Return the sum of a day."""
        return self.series.days.sum[place]

    def ever(self) -> int:
        """Return the sum over the lifetime."""
        return self.series.total_sum

    def set_number(self, is_certain: bool) -> None:
        """Set the sum."""
        self.value = self.number
        self.certainty = KNOWN if is_certain else AT_LEAST


class MeanOf(TotalOf):
    """The mean of an attribute: there is none without events, and any event could move it.

    Attributes:
        events: how many there are.
    """

    def __init__(self, customer: Customer, series: Series, window: int) -> None:
        super().__init__(customer, series, window)
        self.events = 0

    def watched_ms(self) -> int:
        """Return from when on the customer was known in all of the window."""
        return watched_from(self.customer, self.series, self.window)

    def set_number(self, is_certain: bool) -> None:
        """Set the mean."""
        series = self.series
        self.events = series.total if series.is_present and not self.window else 0
        for place in range(self._place, self._end):
            self.events += series.days.count[place]
        self.certainty = UNKNOWN if not is_certain else KNOWN if self.events else NOTHING
        self.value, self.parts = self.number, max(1, self.events)


class DaysWith(OverDays):
    """The number of days with an event."""

    def amount(self, place: int) -> int:
        """Return 1."""
        return 1


class DifferentValues(OverDays):
    """The number of distinct values; of more than `MAX_DISTINCT`, only that there are as many is certain."""

    def days(self) -> Days:
        """Return the values, by the days on which they were seen last."""
        return self.series.values

    def amount(self, place: int) -> int:
        """Return 1."""
        return 1

    def ever(self) -> int:
        """Return how many are kept."""
        return self.series.values.number

    def is_whole(self) -> bool:
        """Return whether none can be missing."""
        return not (self.series.is_present and self.series.gone_day) and knows_ever(self.customer, self.series)

    def set_number(self, is_certain: bool) -> None:
        """Set the number."""
        self.value = self.number * UNIT
        self.certainty = KNOWN if is_certain and self.number <= MAX_DISTINCT else AT_LEAST
