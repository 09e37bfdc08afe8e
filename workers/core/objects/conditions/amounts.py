"""Conditions on amounts: counts, sums, means, distinct values, and their change."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.actions import Reason
from schemas.durations import DAY_MS
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.events.decoding import MAX_STORED, UNIT
from workers.core.objects.conditions.observability import (
    NOTHING,
    OfOneType,
    counted_from,
    days_in_words,
    knows_ever,
    staged,
    watched_from,
    window_in_words,
)
from workers.core.objects.conditions.truth import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.objects.customer.activity import Activity
from workers.core.objects.customer.series import Series
from workers.core.phrases import noun, plural

_OUT_OF_REACH: Final = (1 << 63) - 1
"""More than the sum of any two stored numbers."""
_PERCENT: Final = 10_000
"""A share is a whole number of hundredths of a percent."""


class Volume(OfOneType):
    """The number of events, or the sum of an attribute, within the last days or ever.

    Seen events alone can reach a lower bound or exceed an upper one; any other result needs a fully watched window.
    Unseen values are assumed not to be negative.

    Attributes:
        adds: what is added up (an attribute's name), or None to count.
        low, high: inclusive bounds; sums in ten-thousandths. None for no bound.
        days: length of the window in UTC days, today included; None for the whole lifetime.
        bound: the bounds in words.
    """

    cost = 4

    def __init__(
        self,
        series: str,
        type: str,
        phrase: str,
        adds: str | None,
        low: int | None,
        high: int | None,
        days: int | None,
        bound: str,
    ) -> None:
        super().__init__(series, type, phrase)
        self.adds = adds
        self.low = low
        self.high = high
        self.days = days
        self.bound = bound
        self._window = window_in_words(days)
        # Zero events reach a lower bound of zero and exceed an upper bound below zero.
        self._enough = _OUT_OF_REACH if low is None or low <= 0 else min(low, _OUT_OF_REACH)
        self._too_many = _OUT_OF_REACH if high is None or high < 0 else min(high + 1, _OUT_OF_REACH)
        self._enough_until_ms = FOREVER_MS if low is None or low <= 0 else 0
        self._too_many_until_ms = FOREVER_MS if high is not None and high < 0 else 0

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Return the type if there is an upper bound, the only one that an unseen event can break."""
        return self.types if self.high is not None else NOTHING

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Return the type if there is a lower bound, the only one that an unseen event can help to reach."""
        return self.types if self.low is not None else NOTHING

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Walk the days, newest first, to those whose departure makes the amount fall to its bounds."""
        facts = activity.series.get(self.series)
        if self.days is None:
            return self._ever(activity, facts, observed), FOREVER_MS
        days = self.days
        too_many_until, enough_until = self._too_many_until_ms, self._enough_until_ms
        if facts is not None:
            amounts = facts.counts() if self.adds is None else facts.sums()
            most = facts.total if self.adds is None else _sum_of(amounts)
            if most < 0:
                watched_ms = counted_from(activity, self.series, facts, days, observed)
                return self._rising_and_falling(facts, at_ms, watched_ms)
            # A bound that all stored days together do not reach is not reached within a window either.
            enough = self._enough if most >= self._enough else _OUT_OF_REACH
            too_many = self._too_many if most >= self._too_many else _OUT_OF_REACH
            place = len(amounts) if enough < _OUT_OF_REACH or too_many < _OUT_OF_REACH else 0
            kept, first, number = facts.days(), at_ms // DAY_MS - days + 1, 0
            while place:
                place -= 1
                day = kept[place]
                if day < first:
                    break
                number += amounts[place]
                if number >= enough:
                    enough, enough_until = _OUT_OF_REACH, (day + days) * DAY_MS
                    if too_many == _OUT_OF_REACH:
                        break
                if number >= too_many:
                    too_many_until = (day + days) * DAY_MS
                    break
        if at_ms < enough_until and self.high is None:
            return TRUE, enough_until
        watched_ms = counted_from(activity, self.series, facts, days, observed)
        return staged(at_ms, too_many_until, enough_until, watched_ms, self.high is not None)

    def _ever(self, activity: Activity, facts: Series | None, observed: Coverage) -> int:
        value = 0 if facts is None else facts.total if self.adds is None else facts.total_sum
        return self._judge(value, knows_ever(activity, self.series, observed))

    def _judge(self, value: int, observable: bool) -> int:
        if self.high is not None and value > self.high:
            return FALSE
        if self.low is not None and value < self.low:
            return FALSE if observable else NOT_OBSERVABLE
        return TRUE if observable or self.high is None else NOT_OBSERVABLE

    def _rising_and_falling(self, facts: Series, at_ms: int, watched_ms: int) -> tuple[int, int]:
        """Walk the days as they leave the window; a sum may also rise, because some are negative."""
        days = self.days
        assert days is not None
        kept, sums = facts.days(), facts.sums()
        place = bisect_left(kept, at_ms // DAY_MS - days + 1)
        value, observable = sum(sums[place:]), at_ms >= watched_ms
        now = self._judge(value, observable)
        while True:
            leaves_ms = (kept[place] + days) * DAY_MS if place < len(kept) else FOREVER_MS
            moment_ms = leaves_ms if observable else min(leaves_ms, watched_ms)
            if moment_ms == FOREVER_MS:
                return now, FOREVER_MS
            if moment_ms == leaves_ms:
                value -= sums[place]
                place += 1
            observable = moment_ms >= watched_ms
            if self._judge(value, observable) != now:
                return now, moment_ms

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return the amount and, for an upper bound, how many more events would have prevented the action."""
        facts = activity.series.get(self.series)
        value = 0
        if facts is not None:
            value = facts.total if self.adds is None else facts.total_sum
            if self.days is not None:
                place = bisect_left(facts.days(), at_ms // DAY_MS - self.days + 1)
                value = sum((facts.counts() if self.adds is None else facts.sums())[place:])
        prevented = None
        if self.high is not None and self.adds is None:
            more = max(1, self.high - value + 1)
            events = noun(self.type) if more == 1 else plural(noun(self.type))
            prevented = f"{more} more {events}" + ("" if self.days is None else f" within {days_in_words(self.days)}")
        found = value if self.adds is None else value / UNIT
        return [Reason(self.phrase, found, self.bound, self._window, prevented)]


@dataclass(frozen=True)
class Fraction:
    """A bound of a mean, as a fraction, in ten-thousandths.

    Attributes:
        numerator, denominator: whole numbers; the denominator is positive.
        excluded: whether the bound itself is outside.
    """

    numerator: int
    denominator: int
    excluded: bool

    def is_reached(self, total: int, number: int) -> bool:
        """Return whether `total / number` meets a lower bound."""
        found, asked = total * self.denominator, self.numerator * number
        return found > asked or (found == asked and not self.excluded)

    def is_kept(self, total: int, number: int) -> bool:
        """Return whether `total / number` meets an upper bound."""
        found, asked = total * self.denominator, self.numerator * number
        return found < asked or (found == asked and not self.excluded)


def _sum_of(amounts: Sequence[int]) -> int:
    """Return the total of the daily sums, at most the largest stored number; -1 if one of them is below zero."""
    total = 0
    for amount in amounts:
        if amount < 0:
            return -1
        total += amount
        if total > MAX_STORED:
            total = MAX_STORED
    return total


class Average(OfOneType):
    """The mean of an attribute over the events that carry it as a number.

    Any unseen event could move it, so the window, or the whole history, must be watched. Without any number it is
    false.

    Attributes:
        low, high: inclusive or exclusive bounds as fractions; None for no bound.
        days: length of the window in UTC days, today included; None for the whole lifetime.
        bound: the bounds in words.
    """

    cost = 6

    def __init__(
        self,
        series: str,
        type: str,
        phrase: str,
        low: Fraction | None,
        high: Fraction | None,
        days: int | None,
        bound: str,
    ) -> None:
        super().__init__(series, type, phrase)
        self.low = low
        self.high = high
        self.days = days
        self.bound = bound

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Walk the days as they leave the window, once it is watched."""
        facts, days = activity.series.get(self.series), self.days
        if days is None:
            if not knows_ever(activity, self.series, observed):
                return NOT_OBSERVABLE, FOREVER_MS
            return (FALSE if facts is None else self._judge(facts.total_sum, facts.total)), FOREVER_MS
        watched_ms = watched_from(activity, self.series, facts, days, observed)
        if at_ms < watched_ms:
            return NOT_OBSERVABLE, watched_ms
        if facts is None:
            return FALSE, FOREVER_MS
        kept, counts, sums = facts.days(), facts.counts(), facts.sums()
        place, end = bisect_left(kept, at_ms // DAY_MS - days + 1), len(kept)
        total, number = sum(sums[place:]), sum(counts[place:])
        now = self._judge(total, number)
        while place < end:
            total -= sums[place]
            number -= counts[place]
            if self._judge(total, number) != now:
                return now, (kept[place] + days) * DAY_MS
            place += 1
        return now, FOREVER_MS

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return the mean, to four decimals."""
        total, number = _sum_and_number(activity.series.get(self.series), self.days, at_ms)
        mean = round(total / number / UNIT, 4) if number else None
        return [Reason(self.phrase, mean, self.bound, window_in_words(self.days))]

    def _judge(self, total: int, number: int) -> int:
        if not number:
            return FALSE
        low, high = self.low, self.high
        if low is not None and not low.is_reached(total, number):
            return FALSE
        return FALSE if high is not None and not high.is_kept(total, number) else TRUE


def _sum_and_number(facts: Series | None, days: int | None, at_ms: int) -> tuple[int, int]:
    if facts is None:
        return 0, 0
    if days is None:
        return facts.total_sum, facts.total
    place = bisect_left(facts.days(), at_ms // DAY_MS - days + 1)
    return sum(facts.sums()[place:]), sum(facts.counts()[place:])


class Distinct(OfOneType):
    """The number of distinct values of an attribute, within the last days or ever.

    A value counts on the last day on which it was seen. Exact up to `MAX_DISTINCT` + 1 values; of more, the latest
    are kept.

    Attributes:
        low, high: inclusive bounds; None for no bound.
        days: length of the window in UTC days, today included; None for the whole lifetime.
        bound: the bounds in words.
    """

    cost = 3

    def __init__(
        self,
        series: str,
        type: str,
        phrase: str,
        low: int | None,
        high: int | None,
        days: int | None,
        bound: str,
    ) -> None:
        super().__init__(series, type, phrase)
        self.low = low
        self.high = high
        self.days = days
        self.bound = bound

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Return the type if there is an upper bound, the only one that an unseen event can break."""
        return self.types if self.high is not None else NOTHING

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Return the type if there is a lower bound, the only one that an unseen event can help to reach."""
        return self.types if self.low is not None else NOTHING

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Find the values whose departure makes the number fall to its bounds."""
        days, low, high = self.days, self.low, self.high
        facts = activity.series.get(self.series)
        seen = [] if facts is None else facts.value_days
        number = len(seen)
        too_many_until = 0
        enough_until = FOREVER_MS if low is None or low <= 0 else 0
        if days is None:
            if low is not None and number >= low:
                enough_until = FOREVER_MS
            if high is not None and number > high:
                too_many_until = FOREVER_MS
            knows = knows_ever(activity, self.series, observed) and (facts is None or not facts.gone_day)
            return staged(at_ms, too_many_until, enough_until, 0 if knows else FOREVER_MS, high is not None)
        watched_ms = counted_from(activity, self.series, facts, days, observed)
        first = at_ms // DAY_MS - days + 1
        if not enough_until and low is not None and number >= low and seen[-low] >= first:
            enough_until = (seen[-low] + days) * DAY_MS
        if high is not None and number > high and seen[-high - 1] >= first:
            too_many_until = (seen[-high - 1] + days) * DAY_MS
        return staged(at_ms, too_many_until, enough_until, watched_ms, high is not None)

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return the number of distinct values."""
        facts = activity.series.get(self.series)
        seen = [] if facts is None else facts.value_days
        first = 0 if self.days is None else at_ms // DAY_MS - self.days + 1
        number = len(seen) - bisect_left(seen, first)
        return [Reason(self.phrase, number, self.bound, window_in_words(self.days))]


class Shift(OfOneType):
    """A comparison of the last days with the same number of days before; both windows must be watched.

    Attributes:
        adds: what is added up (an attribute's name), or None to count.
        is_rise: whether the amount must have risen; otherwise it must have fallen.
        share: the most that may remain after a fall, or the least to reach after a rise, in hundredths of a percent:
            100% is 10,000.
        least: the least amount in the earlier window; sums in ten-thousandths.
        days: length of each window in UTC days; the later one includes today.
        bound: in words.
    """

    cost = 7

    def __init__(
        self,
        series: str,
        type: str,
        phrase: str,
        adds: str | None,
        is_rise: bool,
        share: int,
        least: int,
        days: int,
        bound: str,
    ) -> None:
        super().__init__(series, type, phrase)
        self.adds = adds
        self.is_rise = is_rise
        self.share = share
        self.least = least
        self.days = days
        self.bound = bound

    def lowered_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return for how long an event works against a fall: until it moves to the earlier window."""
        if type_ == self.type and not self.is_rise:
            return (self.days - 1) * DAY_MS
        return super().lowered_ms(type_, was_cancelled)

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return for how long an event supports a rise: until it moves to the earlier window."""
        if type_ == self.type and self.is_rise:
            return (self.days - 1) * DAY_MS
        return super().raised_ms(type_, was_cancelled)

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Walk the days through both windows, once they are watched."""
        facts, window = activity.series.get(self.series), self.days
        watched_ms = watched_from(activity, self.series, facts, 2 * window, observed)
        if at_ms < watched_ms or facts is None:
            return (NOT_OBSERVABLE, watched_ms) if at_ms < watched_ms else (FALSE, FOREVER_MS)
        days, amounts = facts.days(), self._amounts(facts)
        end = len(days)
        leaves, passes = self._borders(facts, at_ms)
        before, latest = sum(amounts[leaves:passes]), sum(amounts[passes:])
        now = self._judge(before, latest)
        if self.adds is None and before + latest < self.least:
            return now, FOREVER_MS  # time alone never makes the earlier amount large enough
        while leaves < end:
            day = self._next_day(days, leaves, passes)
            if passes < end and days[passes] + window == day:
                before, latest = before + amounts[passes], latest - amounts[passes]
                passes += 1
            if days[leaves] + 2 * window == day:
                before -= amounts[leaves]
                leaves += 1
            if self._judge(before, latest) != now:
                return now, day * DAY_MS
        return now, FOREVER_MS

    def estimate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the truth, and the first moment at which a day changes or leaves its window."""
        facts = activity.series.get(self.series)
        watched_ms = watched_from(activity, self.series, facts, 2 * self.days, observed)
        if at_ms < watched_ms or facts is None:
            return (NOT_OBSERVABLE, watched_ms) if at_ms < watched_ms else (FALSE, FOREVER_MS)
        amounts = self._amounts(facts)
        leaves, passes = self._borders(facts, at_ms)
        truth = self._judge(sum(amounts[leaves:passes]), sum(amounts[passes:]))
        is_over = leaves == len(facts.days())
        return truth, FOREVER_MS if is_over else self._next_day(facts.days(), leaves, passes) * DAY_MS

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return the amounts of both windows."""
        facts = activity.series.get(self.series)
        before = latest = 0
        if facts is not None:
            leaves, passes = self._borders(facts, at_ms)
            before, latest = sum(self._amounts(facts)[leaves:passes]), sum(self._amounts(facts)[passes:])
        unit = 1 if self.adds is None else UNIT
        seen = f"{latest / unit:g} after {before / unit:g}"
        return [Reason(self.phrase, seen, self.bound, days_in_words(self.days))]

    def _amounts(self, facts: Series) -> list[int]:
        return facts.counts() if self.adds is None else facts.sums()

    def _borders(self, facts: Series, at_ms: int) -> tuple[int, int]:
        """Return the indexes of the first day in the earlier window and of the first day in the later one."""
        today = at_ms // DAY_MS
        return bisect_left(facts.days(), today - 2 * self.days + 1), bisect_left(facts.days(), today - self.days + 1)

    def _next_day(self, days: list[int], leaves: int, passes: int) -> int:
        """Return the next UTC day on which a day changes or leaves its window."""
        leaving = days[leaves] + 2 * self.days
        return min(leaving, days[passes] + self.days) if passes < len(days) else leaving

    def _judge(self, before: int, latest: int) -> int:
        if before < self.least:
            return FALSE
        found, asked = latest * _PERCENT, before * self.share
        return TRUE if (found >= asked if self.is_rise else found <= asked) else FALSE
