"""`count: purchase, at least: 3, within: 90 days`: how often something happened."""

from collections.abc import Iterator

from schemas.conditions import Count
from schemas.durations import DAY_MS, write_duration
from workers.core.conditions.amounts import OUT_OF_REACH, Amount, inclusive, window_days
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis
from workers.core.conditions.history import counted_from, knows_ever, staged
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.series import Series
from workers.core.phrases import Said, counted, noun, plural
from workers.core.rules.binding import Binding
from workers.core.rules.claims import Claim, Limit, events_of, numbers_of
from workers.core.rules.kind import Kind, of_that_kind
from workers.core.rules.windows import broken_by, needs, reached_by, times, window_in_words
from workers.core.text import Text, inside_quotes


class Counted(Amount):
    """The number of events, within the last days or ever.

    Attributes:
        enough, too_many: the numbers that reach the lower bound and exceed the upper one, `OUT_OF_REACH` for none.
        enough_until_ms, too_many_until_ms: until when they do so without any event: always or never.
        one_more, more: how the words of the events that would have prevented it end.
    """

    cost = 4

    def __init__(self, basis: Basis, series: Series, when: Count) -> None:
        super().__init__(basis, series, when, 1)
        # No event at all reaches a lower bound of zero and exceeds an upper bound below zero.
        always, over = self.has_low and self.low <= 0, self.has_high and self.high < 0
        self.enough = self.low if self.has_low and not always else OUT_OF_REACH
        self.too_many = self.high + 1 if self.has_high and not over else OUT_OF_REACH
        self.enough_until_ms = 0 if self.has_low and not always else FOREVER_MS
        self.too_many_until_ms = FOREVER_MS if over else 0
        name, span = noun(when.count), "" if when.within is None else f" within {write_duration(when.within)}"
        self.one_more, self.more = (inside_quotes(f" more {events}{span}") + b'"' for events in (name, plural(name)))

    def look(self, at_ms: int) -> int:
        """Walk the days, newest first, to those whose departure makes the number fall to its bounds."""
        series, window = self.series, self.days
        if not window:
            self.flip_ms = FOREVER_MS
            return self.judge(series.total if series.is_present else 0, knows_ever(self.customer, series))
        enough_until_ms, too_many_until_ms = self.enough_until_ms, self.too_many_until_ms
        if series.is_present:
            # A bound that all events together do not reach is not reached within a window either.
            enough = self.enough if series.total >= self.enough else OUT_OF_REACH
            too_many = self.too_many if series.total >= self.too_many else OUT_OF_REACH
            days, number = series.days, 0
            place = days.number if enough < OUT_OF_REACH or too_many < OUT_OF_REACH else 0
            day, count = days.day, days.count
            while place:
                place -= 1
                leaves_ms = (day[place] + window) * DAY_MS
                if leaves_ms <= at_ms:
                    break
                number += count[place]
                if number >= enough:
                    enough, enough_until_ms = OUT_OF_REACH, leaves_ms
                    if too_many == OUT_OF_REACH:
                        break
                if number >= too_many:
                    too_many_until_ms = leaves_ms
                    break
        if at_ms < enough_until_ms and not self.has_high:
            self.flip_ms = enough_until_ms
            return TRUE
        watched_ms = counted_from(self.customer, series, window)
        return staged(self, at_ms, too_many_until_ms, enough_until_ms, watched_ms, self.has_high)

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the number."""
        series, number = self.series, 0
        if series.is_present:
            number = series.total
            if self.days:
                days, number = series.days, 0
                for place in range(days.first_from(at_ms // DAY_MS - self.days + 1), days.number):
                    number += days.count[place]
        evidence.numbers[self.at] = number

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the number."""
        text.decimal(evidence.numbers[self.at])

    def write_prevented(self, text: Text, evidence: Evidence) -> None:
        """Write how many more events would have exceeded the upper bound."""
        more = self.high - evidence.numbers[self.at] + 1
        text.copy(self.prevented)
        text.decimal(more if more > 1 else 1)
        text.copy(self.more if more > 1 else self.one_more)


def said(when: Count, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    text = counted(when, when.count, "", holds)
    return Said(text, "has had", text)


def compile(when: Count, binding: Binding) -> Counted:
    """Compile the condition for the customer of a rule set."""
    prevented = None if when.limits()[1] is None else ""
    basis = binding.basis(when, said, when.words(), window_in_words(when), prevented)
    return Counted(basis, binding.series(when.count, when.where, days=window_days(when)), when)


def least_events(when: Count) -> dict[str, int]:
    """Return the fewest events with which it can be true."""
    low = inclusive(when, 1)[0]
    return {when.count: low} if low is not None and low > 0 else {}


def most_events(when: Count) -> dict[str, int]:
    """Return the most events with which it can be true, if it counts all that ever happened."""
    high = inclusive(when, 1)[1]
    return {when.count: max(0, high)} if high is not None and when.within is None and when.where is None else {}


def claims(when: Count, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    low, high = when.limits()
    limits: tuple[Limit | None, Limit | None] = (low, high)
    if not holds:
        if low is not None and high is not None:
            return  # the opposite of two bounds is either of two things
        limits = (None if high is None else (high[0], not high[1]), None if low is None else (low[0], not low[1]))
    yield from numbers_of(events_of(when.count, when.where), when.within, limits)


def says_only_its_claims(when: Count, holds: bool) -> bool:
    """Return whether it has one bound, or holds: the opposite of two bounds is either of two things."""
    return holds or None in when.limits()


def changed_by(when: Count, counted: Counted, truth: int, observed: float, events: str) -> str | None:
    """Return how many more events reach the lower bound, or exceed the upper one."""
    if truth == NOT_OBSERVABLE:
        return f"can change with the next {of_that_kind(counted, events)}"
    if truth == FALSE and counted.has_high and observed > counted.high:
        return None  # only time can reduce what is above the upper bound
    number = round((counted.high if truth == TRUE else counted.low) - observed) + (truth == TRUE)
    return f"changes with the next {noun(when.count) if number == 1 else f'{number} {plural(noun(when.count))}'}"


KIND = Kind(
    word="count",
    model=Count,
    said=said,
    compile=compile,
    can_turn_false=broken_by,
    can_turn_true=reached_by,
    least_events=least_events,
    most_events=most_events,
    claims=claims,
    says_only_its_claims=says_only_its_claims,
    times=times,
    needs=needs,
    changed_by=changed_by,
)
