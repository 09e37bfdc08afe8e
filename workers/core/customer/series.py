"""Series: the totals of one kind of events of a customer, and their days.

There is one object for each series that a rule set keeps; it is filled for one customer after the other.
"""

from typing import Any

from schemas.durations import DAY_MS
from workers.core.coverage import FOREVER_MS
from workers.core.customer.days import Days, bounded
from workers.core.customer.seen import Seen, note_seen
from workers.core.customer.specs import MAX_TOLD_APART


class Series:
    """The totals and days of one series.

    Attributes:
        key: its name in what is stored.
        type: event type of its events.
        has_sum: whether an attribute is added up.
        keep_days: how long its days are kept; 0 if only first, last and total are read.
        is_sign_of_life: whether its events show that a customer is back.
        since_ms: since when the series is watched; FOREVER_MS if it is not.
        is_complete: whether its history is complete from then on, for every customer.
        is_present: whether the customer has any event of it. If not, everything below means nothing.
        first_ms, last_ms: earliest and latest event.
        total, total_sum: over the lifetime; sums in ten-thousandths.
        active_days: number of UTC days with events, over the lifetime.
        gone_day: days up to and including this one are incomplete; 0 if all are complete.
        days: the days that are kept.
            Of a level, `count` is the time of day of its latest event in milliseconds, plus 1, and `sum` is what it
            said; the first day is the latest one that is not after the days that are asked for.
        seen: the values of its latest events (`customer.seen`); empty unless they are kept.
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
        "is_sign_of_life",
        "keep_days",
        "key",
        "last_ms",
        "seen",
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
        self.is_sign_of_life = False
        self.since_ms = FOREVER_MS
        self.is_complete = False
        self.days = Days()
        self.values = Days()
        self.seen: Seen = []
        self.is_present = False
        self.first_ms = self.last_ms = self.total = self.total_sum = self.active_days = self.gone_day = 0

    def clear(self) -> None:
        """Begin with a customer who has no event of it."""
        self.is_present = False
        self.first_ms = self.last_ms = self.total = self.total_sum = self.active_days = self.gone_day = 0
        self.days.number = self.values.number = 0
        if self.seen:
            self.seen = []

    def add(self, at_ms: int, amount: int, latest_day: int) -> None:
        """Fold one event, late or not.

        A late event is folded exactly, with one exception: its day is missing from `active_days` if it is before the
        kept days and after the first event.

        Args:
            at_ms: when it happened, from 1970 on.
            amount: what it adds up to, in ten-thousandths; 0 if nothing is added up.
            latest_day: the UTC day of the customer's latest event, this one included.
        """
        day, oldest = at_ms // DAY_MS, latest_day - self.keep_days
        self.count(at_ms, day)
        if self.has_sum:
            self.total_sum = bounded(self.total_sum + amount)
        if day > oldest:
            self.days.add(day, amount)
        elif day > self.gone_day:
            self.gone_day = day
        if self.days.number and self.days.day[0] <= oldest:
            self.drop_oldest(self.days.first_from(oldest + 1))

    def add_level(self, at_ms: int, level: int, latest_day: int) -> None:
        """Fold one event that reports a level: of each day the latest is kept, and one of all before `keep_days`.

        What is kept does not depend on the order of the events, but for two of one moment: the last one counts.
        Nothing is kept of a day up to `gone_day`, because it would be taken for the level of the days after it.

        Args:
            at_ms: when it happened, from 1970 on.
            level: in ten-thousandths.
            latest_day: the UTC day of the customer's latest event, this one included.
        """
        day, days, time = at_ms // DAY_MS, self.days, at_ms % DAY_MS + 1
        self.count(at_ms, day)
        if self.gone_day and day <= self.gone_day:
            return
        place = days.first_from(day)
        if place == days.number or days.day[place] != day:
            days.insert(place, day, time, level)
        elif time >= days.count[place]:
            days.count[place], days.sum[place] = time, level
        oldest, place = latest_day - self.keep_days, 0
        while place + 1 < days.number and days.day[place + 1] <= oldest:
            place += 1
        if place:
            self.drop_oldest(place)

    def add_value(self, at_ms: int, value: int, former: int) -> None:
        """Fold one event whose distinct values are counted.

        Args:
            at_ms: when it happened, from 1970 on.
            value: the hash of its value; -1 if it has none.
            former: the hash that release 0.1 gave to the value; -1 if it is the same.
        """
        day, values = at_ms // DAY_MS, self.values
        self.count(at_ms, day)
        if value < 0:
            return
        place = self.place_of(value)
        if place < 0 and former >= 0:
            place = self.place_of(former)
            if place >= 0:
                values.count[place] = value
        if place >= 0:
            if values.day[place] >= day:
                return
            values.remove(place, 1)
        values.insert(values.first_from(day + 1), day, value, 0)
        if values.number > MAX_TOLD_APART:
            # Still exact: no condition counts beyond that number.
            values.remove(0, 1)

    def add_seen(self, at_ms: int, value: Any) -> None:
        """Fold one event whose value is kept.

        Args:
            at_ms: when it happened, from 1970 on.
            value: as it is kept; None if it has none.
        """
        day = at_ms // DAY_MS
        self.count(at_ms, day)
        if value is not None:
            note_seen(self.seen, value, day)

    def count(self, at_ms: int, day: int) -> None:
        """Count an event of a moment, which is on a UTC day, in everything but the days."""
        if not self.is_present:
            self.is_present = True
            self.first_ms = self.last_ms = at_ms
            self.active_days = 1
        elif at_ms > self.last_ms:
            if day > self.last_ms // DAY_MS:
                self.active_days += 1
            self.last_ms = at_ms
        elif at_ms < self.first_ms:
            if day < self.first_ms // DAY_MS:
                self.active_days += 1
            self.first_ms = at_ms
        elif day > self.gone_day and not self.days.has(day):
            self.active_days += 1
        self.total += 1

    def place_of(self, value: int) -> int:
        """Return the place of a distinct value, -1 if it is not among them."""
        for place in range(self.values.number):
            if self.values.count[place] == value:
                return place
        return -1

    def drop_oldest(self, number: int) -> None:
        """Drop the oldest days, at least one of them and at most all."""
        newest = self.days.day[number - 1]
        if newest > self.gone_day:
            self.gone_day = newest
        self.days.remove(0, number)
