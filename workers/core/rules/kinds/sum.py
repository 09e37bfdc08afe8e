"""`sum: purchase.amount, at least: 500, within: 365 days`: the sum of an attribute."""

from schemas.conditions import Sum
from schemas.durations import DAY_MS
from workers.core.conditions.amounts import Amount, window_days
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.conditions.history import counted_from, knows_ever
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.events.decoding import MAX_STORED, UNIT
from workers.core.phrases import Said, attribute, bounds_in_words, filters, within
from workers.core.rules.binding import Binding
from workers.core.rules.kind import Kind, of_that_kind, one_event
from workers.core.rules.windows import (
    broken_by,
    claims,
    needs,
    reached_by,
    says_only_its_claims,
    times,
    window_in_words,
)
from workers.core.text import Text


class Summed(Amount):
    """The sum of an attribute, within the last days or ever, in ten-thousandths.

    Added up from the newest day on, a sum stays between `-MAX_STORED` and `MAX_STORED`, as that of each day does.
    """

    cost = 4

    def look(self, at_ms: int) -> int:
        """Follow the days back from when all of them have left the window; the sum may rise, as some are negative."""
        series, window = self.series, self.days
        self.flip_ms = FOREVER_MS
        if not window:
            return self.judge(series.total_sum if series.is_present else 0, knows_ever(self.customer, series))
        watched_ms = counted_from(self.customer, series, window)
        days, value = series.days, 0
        day, sums = days.day, days.sum
        place = days.number if series.is_present else 0
        observable = watched_ms < FOREVER_MS
        truth = self.judge(value, observable)
        while True:
            # The last moment from which on the window has this sum.
            from_ms = (day[place - 1] + window) * DAY_MS if place else at_ms
            if from_ms < at_ms:
                from_ms = at_ms
            if observable and from_ms < watched_ms:
                observable = False
                before = self.judge(value, observable)
                if before != truth:
                    truth, self.flip_ms = before, watched_ms
            if from_ms == at_ms:
                return truth
            place -= 1
            value += sums[place]
            if value > MAX_STORED:
                value = MAX_STORED
            elif value < -MAX_STORED:
                value = -MAX_STORED
            observable = watched_ms < from_ms
            before = self.judge(value, observable) if not observable else self.judge_whole(value)
            if before != truth:
                truth, self.flip_ms = before, from_ms

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the sum."""
        series, value = self.series, 0
        if series.is_present:
            value = series.total_sum
            if self.days:
                days, value = series.days, 0
                first = days.first_from(at_ms // DAY_MS - self.days + 1)
                place = days.number
                while place > first:
                    place -= 1
                    value += days.sum[place]
                    if value > MAX_STORED:
                        value = MAX_STORED
                    elif value < -MAX_STORED:
                        value = -MAX_STORED
        evidence.numbers[self.at] = value

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the sum."""
        text.amount(evidence.numbers[self.at])


def said(when: Sum, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    what = f"{attribute(when.sum)}{filters(when.where)}"
    rest = f"up to {bounds_in_words(when, holds=holds)} {within(when.within)}"
    return Said(f"{what} adding {rest}", "", f"{what} adds {rest}")


def compile(when: Sum, binding: Binding) -> Summed:
    """Compile the condition for the customer of a rule set."""
    name, adds = when.sum.split(".", 1)
    basis = binding.basis(when, said, when.words(), window_in_words(when))
    return Summed(basis, binding.series(name, when.where, adds, window_days(when)), when, UNIT)


def least_events(when: Sum) -> dict[str, int]:
    """Return one event if nothing at all does not reach the lower bound."""
    lower = when.limits()[0]
    return one_event(when) if lower is not None and lower[0] + lower[1] > 0 else {}


def changed_by(when: Sum, summed: Summed, truth: int, observed: float, events: str) -> str | None:
    """Return how much more reaches the lower bound, or exceeds the upper one."""
    if truth == NOT_OBSERVABLE:
        return f"can change with the next {of_that_kind(summed, events)}"
    if truth == FALSE and summed.has_high and observed > summed.high / UNIT:
        return None  # only time can reduce what is above the upper bound
    more = f"{(summed.high if truth == TRUE else summed.low) / UNIT - observed:.10g}"
    return f"changes when {attribute(when.sum)} grows by {'more than ' if truth == TRUE else ''}{more}"


KIND = Kind(
    word="sum",
    model=Sum,
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
