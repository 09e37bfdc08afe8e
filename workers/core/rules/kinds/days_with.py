"""`days with: login, at least: 5, within: 28 days`: on how many days something happened."""

from schemas.conditions import DaysWith
from schemas.durations import DAY_MS, write_duration
from workers.core.conditions.amounts import Amount, inclusive, window_days
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis
from workers.core.conditions.history import counted_from, staged
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.series import Series
from workers.core.phrases import Said, a, bounds_in_words, filters, noun, within
from workers.core.rules.binding import Binding
from workers.core.rules.kind import Kind, types_named
from workers.core.rules.windows import (
    broken_by,
    claims,
    needs,
    reached_by,
    says_only_its_claims,
    times,
    window_in_words,
)
from workers.core.text import Text, inside_quotes


class ActiveDays(Amount):
    """The number of UTC days with an event among the last days.

    Attributes:
        one_more, more: how the words of the days that would have prevented it end.
    """

    cost = 3

    def __init__(self, basis: Basis, series: Series, when: DaysWith) -> None:
        super().__init__(basis, series, when, 1)
        rest = f"with {a(noun(when.days_with))} within {write_duration(when.within)}"
        self.one_more, self.more = (inside_quotes(f" more {days} {rest}") + b'"' for days in ("day", "days"))

    def look(self, at_ms: int) -> int:
        """Find the days whose departure makes the number fall to its bounds."""
        series, window = self.series, self.days
        number = series.days.number if series.is_present else 0
        day = series.days.day
        # Those that left the window already are in the past, where they change nothing.
        enough_until_ms = FOREVER_MS if not self.has_low or self.low <= 0 else 0
        too_many_until_ms = 0
        if self.has_low and not enough_until_ms and number >= self.low:
            enough_until_ms = (day[number - self.low] + window) * DAY_MS
        if self.has_high and number > self.high:
            too_many_until_ms = (day[number - self.high - 1] + window) * DAY_MS
        watched_ms = counted_from(self.customer, series, window)
        return staged(self, at_ms, too_many_until_ms, enough_until_ms, watched_ms, self.has_high)

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the number of days."""
        series, number = self.series, 0
        if series.is_present:
            number = series.days.number - series.days.first_from(at_ms // DAY_MS - self.days + 1)
        evidence.numbers[self.at] = number

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the number."""
        text.decimal(evidence.numbers[self.at])

    def write_prevented(self, text: Text, evidence: Evidence) -> None:
        """Write how many more days would have exceeded the upper bound."""
        more = self.high - evidence.numbers[self.at] + 1
        text.copy(self.prevented)
        text.decimal(more if more > 1 else 1)
        text.copy(self.more if more > 1 else self.one_more)


def said(when: DaysWith, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    bounds = bounds_in_words(when, holds=holds, few="fewer")
    days = "day" if bounds.rsplit(" ", 1)[-1] == "1" else "days"
    text = f"{a(noun(when.days_with))}{filters(when.where)} on {bounds} {days} {within(when.within)}"
    return Said(text, "has had", text)


def compile(when: DaysWith, binding: Binding) -> ActiveDays:
    """Compile the condition for the customer of a rule set."""
    prevented = None if when.limits()[1] is None else ""
    basis = binding.basis(when, said, when.words(), window_in_words(when), prevented)
    return ActiveDays(basis, binding.series(when.days_with, when.where, days=window_days(when)), when)


def least_events(when: DaysWith) -> dict[str, int]:
    """Return the fewest events with which it can be true: one on each day."""
    low = inclusive(when, 1)[0]
    return dict.fromkeys(types_named(when), low) if low is not None and low > 0 else {}


def changed_by(when: DaysWith, active: ActiveDays, truth: int, observed: float, events: str) -> str | None:
    """Return how many more days reach the lower bound, or exceed the upper one."""
    if truth == NOT_OBSERVABLE:
        return f"can change with the next {events}"
    if truth == FALSE and active.has_high and observed > active.high:
        return None  # only time can reduce what is above the upper bound
    number = round((active.high if truth == TRUE else active.low) - observed) + (truth == TRUE)
    days = "one more day" if number == 1 else f"{number} more days"
    return f"changes after {a(noun(when.days_with))} on {days}"


KIND = Kind(
    word="days with",
    model=DaysWith,
    said=said,
    compile=compile,
    can_turn_false=broken_by,
    can_turn_true=reached_by,
    least_events=least_events,
    claims=claims,
    says_only_its_claims=says_only_its_claims,
    times=times,
    needs=needs,
    changed_by=changed_by,
)
