"""Series: the totals of one kind of events of a customer, and their days.

There is one object for each series that a rule set keeps; it is filled for one customer after the other.
"""

from workers.core.coverage import FOREVER_MS
from workers.core.customer.days import Days


class Series:
    """The totals and days of one series.

    Attributes:
        key: its name in what is stored.
        type: event type of its events.
        has_sum: whether an attribute is added up.
        keep_days: how long its days are kept; 0 if only first, last and total are read.
        since_ms: since when the series is watched; FOREVER_MS if it is not.
        is_complete: whether its history is complete from then on, for every customer.
        is_present: whether the customer has any event of it. If not, everything below means nothing.
        first_ms, last_ms: earliest and latest event.
        total, total_sum: over the lifetime; sums in ten-thousandths.
        active_days: number of UTC days with events, over the lifetime.
        gone_day: days up to and including this one are incomplete; 0 if all are complete.
        days: the days that are kept.
        values: distinct values: the hash of each, in the column `count`, with the UTC day on which it was seen last,
            ascending by day. Empty unless they are counted; then there are no `days`, and `gone_day` is about values.
    """

    __slots__ = (
        "active_days",
        "days",
        "first_ms",
        "gone_day",
        "has_sum",
        "is_complete",
        "is_present",
        "keep_days",
        "key",
        "last_ms",
        "since_ms",
        "total",
        "total_sum",
        "type",
        "values",
    )

    def __init__(self, key: str, type: str, has_sum: bool, keep_days: int) -> None:
        self.key = key
        self.type = type
        self.has_sum = has_sum
        self.keep_days = keep_days
        self.since_ms = FOREVER_MS
        self.is_complete = False
        self.days = Days()
        self.values = Days()
        self.is_present = False
        self.first_ms = self.last_ms = self.total = self.total_sum = self.active_days = self.gone_day = 0

    def clear(self) -> None:
        """Begin with a customer who has no event of it."""
        self.is_present = False
        self.first_ms = self.last_ms = self.total = self.total_sum = self.active_days = self.gone_day = 0
        self.days.number = self.values.number = 0
