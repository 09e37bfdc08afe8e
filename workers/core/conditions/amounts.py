"""How much: counts, sums, means, different values, and how they changed."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from schemas.actions import Reason
from schemas.durations import DAY_MS
from workers.core.conditions.observability import (
    NOTHING,
    OfOneType,
    days_in_words,
    knows_ever,
    staged,
    watched_from,
    window_in_words,
)
from workers.core.conditions.truth import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.activity import Activity
from workers.core.customer.series import Series
from workers.core.events.decoding import MAX_STORED, UNIT
from workers.core.phrases import noun, plural

_OUT_OF_REACH: Final = (1 << 63) - 1
"""More than any two numbers that are kept add up to."""
_PERCENT: Final = 10_000
"""Percentages are kept as whole hundredths of a percent."""


class Volume(OfOneType):
    """How often something happened, or what it adds up to, within the last days or ever.

    What was seen is enough to reach a lower bound and to pass an upper one; anything else needs the window watched.
    What is added up is taken as not negative where something may be missing.

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
        # Nothing at all is enough for a bound of zero, and too much for a bound below zero.
        self._enough = _OUT_OF_REACH if low is None or low <= 0 else min(low, _OUT_OF_REACH)
        self._too_many = _OUT_OF_REACH if high is None or high < 0 else min(high + 1, _OUT_OF_REACH)
        self._enough_until_ms = FOREVER_MS if low is None or low <= 0 else 0
        self._too_many_until_ms = FOREVER_MS if high is not None and high < 0 else 0

    @property
    def can_turn_false(self) -> frozenset[str]:
        """An unseen event can only break an upper bound."""
        return self.types if self.high is not None else NOTHING

    @property
    def can_turn_true(self) -> frozenset[str]:
        """An unseen event can only reach a lower bound."""
        return self.types if self.low is not None else NOTHING

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Find the days with which the number falls to its bounds, newest first."""
        facts = activity.series.get(self.series)
        if self.days is None:
            return self._ever(activity, facts, observed), FOREVER_MS
        days = self.days
        too_many_until, enough_until = self._too_many_until_ms, self._enough_until_ms
        if facts is not None:
            amounts = facts.counts() if self.adds is None else facts.sums()
            most = facts.total if self.adds is None else _sum_of(amounts)
            if most < 0:
                watched_ms = watched_from(activity, self.series, facts, days, observed)
                return self._rising_and_falling(facts, at_ms, watched_ms)
            # A bound that all the kept days do not reach is not reached in a window either.
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
        watched_ms = watched_from(activity, self.series, facts, days, observed)
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
        """Follow the days as they leave the window: with negative numbers among them a sum may also rise."""
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
        """Return the number found and, for an upper bound, how many more would have prevented it."""
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
    """A bound of a mean, as a fraction of ten-thousandths.

    Attributes:
        numerator, denominator: whole numbers; the denominator is positive.
        excluded: the bound itself is not meant.
    """

    numerator: int
    denominator: int
    excluded: bool

    def is_reached(self, total: int, number: int) -> bool:
        """Return whether `total / number` is as large as a lower bound asks for."""
        found, asked = total * self.denominator, self.numerator * number
        return found > asked or (found == asked and not self.excluded)

    def is_kept(self, total: int, number: int) -> bool:
        """Return whether `total / number` is as small as an upper bound asks for."""
        found, asked = total * self.denominator, self.numerator * number
        return found < asked or (found == asked and not self.excluded)


def _sum_of(amounts: Sequence[int]) -> int:
    """Return what sums of days add up to, no more than is kept; -1 if one of them is below zero."""
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

    Any unseen event could move it, so the window has to be watched, or the whole history. Without any number
    nothing is met.

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
        """Follow the days as they leave the window, once it is watched."""
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
    """How many different values an attribute had, within the last days or ever.

    A value counts on the day on which it was seen last. Exact up to `MAX_DISTINCT` + 1; of more values,
    those seen last are kept.

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
        """An unseen event can only break an upper bound."""
        return self.types if self.high is not None else NOTHING

    @property
    def can_turn_true(self) -> frozenset[str]:
        """An unseen event can only reach a lower bound."""
        return self.types if self.low is not None else NOTHING

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Find the values with whose day the number falls to its bounds."""
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
        watched_ms = watched_from(activity, self.series, facts, days, observed)
        first = at_ms // DAY_MS - days + 1
        if not enough_until and low is not None and number >= low and seen[-low] >= first:
            enough_until = (seen[-low] + days) * DAY_MS
        if high is not None and number > high and seen[-high - 1] >= first:
            too_many_until = (seen[-high - 1] + days) * DAY_MS
        return staged(at_ms, too_many_until, enough_until, watched_ms, high is not None)

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return the number found."""
        facts = activity.series.get(self.series)
        seen = [] if facts is None else facts.value_days
        first = 0 if self.days is None else at_ms // DAY_MS - self.days + 1
        number = len(seen) - bisect_left(seen, first)
        return [Reason(self.phrase, number, self.bound, window_in_words(self.days))]


class Shift(OfOneType):
    """How the last days compare with as many days before; both windows have to be watched.

    Attributes:
        adds: what is added up (an attribute's name), or None to count.
        is_rise: it must have risen, or else fallen.
        share: hundredths of a percent that must be left at most, or reached at least: 100% is 10,000.
        least: so much there must have been before; sums in ten-thousandths.
        days: length of each window in UTC days, today included in the second.
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
        """What adds to the last days takes from a fall, until it counts to the days before."""
        if type_ == self.type and not self.is_rise:
            return (self.days - 1) * DAY_MS
        return super().lowered_ms(type_, was_cancelled)

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """What adds to the last days adds to a rise, until it counts to the days before."""
        if type_ == self.type and self.is_rise:
            return (self.days - 1) * DAY_MS
        return super().raised_ms(type_, was_cancelled)

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Follow the days through both windows, once they are watched."""
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
            return now, FOREVER_MS  # there will never be enough to compare with
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
        """Stop at the first day that passes or leaves."""
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
        """Return both numbers."""
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
        """Return the next day to leave the first window, and the next to pass into it from the second, as places."""
        today = at_ms // DAY_MS
        return bisect_left(facts.days(), today - 2 * self.days + 1), bisect_left(facts.days(), today - self.days + 1)

    def _next_day(self, days: list[int], leaves: int, passes: int) -> int:
        """Return the UTC day on which a day leaves or passes next."""
        leaving = days[leaves] + 2 * self.days
        return min(leaving, days[passes] + self.days) if passes < len(days) else leaving

    def _judge(self, before: int, latest: int) -> int:
        if before < self.least:
            return FALSE
        found, asked = latest * _PERCENT, before * self.share
        return TRUE if (found >= asked if self.is_rise else found <= asked) else FALSE
