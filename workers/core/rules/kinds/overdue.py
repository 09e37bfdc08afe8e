"""`overdue: purchase, by: 2.5 times, ...`: the last event is longer ago than the customer's own rhythm explains."""

from collections.abc import Iterator
from datetime import timedelta

from schemas.conditions import Overdue
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, OfOneSeries
from workers.core.conditions.history import knows_ever
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.series import Series
from workers.core.phrases import Said, filters, noun
from workers.core.rules.binding import Binding
from workers.core.rules.claims import EVER, ONE, AtLeast, Claim, Silence, events_of
from workers.core.rules.kind import Kind, one_event
from workers.core.text import Text


class Lateness(OfOneSeries):
    """The last event is longer ago than a multiple of the customer's own usual gap.

    The customer's usual gap is (2 x the usual gap of all customers + last - first) / (2 + days with the event - 1),
    over the whole lifetime, in whole milliseconds, rounded up. A customer without an event is not overdue.

    Attributes:
        times: the multiple of the usual gap, in hundredths: at most 10,000. Times the span of a calendar, that stays
            within 64 bits.
        usual_gap_ms: the usual gap of all customers.
        least_ms: the customer is not overdue before this age of the last event.
    """

    cost = 2

    def __init__(self, basis: Basis, series: Series, when: Overdue) -> None:
        super().__init__(basis, series)
        self.times = int(when.by * 100)
        self.usual_gap_ms = duration_ms(when.usual_gap)
        self.least_ms = duration_ms(when.at_least)

    def look(self, at_ms: int) -> int:
        """It turns true once, when the last event is old enough."""
        series = self.series
        self.flip_ms = FOREVER_MS
        if not series.is_present:
            return FALSE if knows_ever(self.customer, series) else NOT_OBSERVABLE
        patience_ms = self._patience_ms()
        if at_ms < series.last_ms + patience_ms:
            self.flip_ms = series.last_ms + patience_ms
            return FALSE
        if series.since_ms <= series.last_ms or at_ms >= series.since_ms + patience_ms:
            return TRUE
        if series.since_ms + patience_ms < FOREVER_MS:
            self.flip_ms = series.since_ms + patience_ms
        return NOT_OBSERVABLE

    def _patience_ms(self) -> int:
        series = self.series
        days = series.active_days or series.days.number or 1
        usual = self.times * (2 * self.usual_gap_ms + series.last_ms - series.first_ms)
        patience_ms = -(-usual // (100 * (1 + days)))
        return patience_ms if patience_ms > self.least_ms else self.least_ms

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the last event, -1 for none, the usual gap, and until when another would have prevented the action."""
        series = self.series
        evidence.numbers[self.at] = -1
        if not series.is_present:
            return
        days = series.active_days if series.active_days > 1 else 1
        from_ms = series.last_ms
        if from_ms < series.since_ms < FOREVER_MS:
            from_ms = series.since_ms
        evidence.numbers[self.at] = series.last_ms
        evidence.numbers[self.at + 1] = (2 * self.usual_gap_ms + series.last_ms - series.first_ms) // (1 + days)
        evidence.numbers[self.at + 2] = from_ms + self._patience_ms()

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the last event, and the usual gap."""
        if evidence.numbers[self.at] < 0:
            text.copy(b'"never"')
        else:
            text.copy(b'"last on ')
            text.moment(evidence.numbers[self.at])
            text.copy(b", usually every ")
            text.in_days(evidence.numbers[self.at + 1])
            text.copy(b' days"')

    def write_prevented(self, text: Text, evidence: Evidence) -> None:
        """Write until when another event would have prevented the action."""
        if evidence.numbers[self.at] >= 0:
            self.write_before(text, evidence.numbers[self.at + 2])


def said(when: Overdue, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    rest = (
        f"last {noun(when.overdue)}{filters(when.where)} is {'' if holds else 'not '}more than "
        f"{when.by:f} times their usual gap ago (and at least {write_duration(when.at_least)})"
    )
    return Said(f"their {rest}", "", rest)


def compile(when: Overdue, binding: Binding) -> Lateness:
    """Compile the condition for the customer of a rule set."""
    bound = f"{when.by:f} times the usual gap, at least {write_duration(when.at_least)}"
    return Lateness(
        binding.basis(when, said, bound, prevented=f"a {noun(when.overdue)} before "),
        # Buckets keep the days of late events apart.
        binding.series(when.overdue, when.where, days=1),
        when,
    )


def quiet_after(when: Overdue) -> set[str]:
    """Return the type: no customer is overdue before the least age."""
    return set() if when.where or not when.at_least else {when.overdue}


def claims(when: Overdue, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    if holds:
        events = events_of(when.overdue, when.where)
        yield AtLeast(events, EVER, ONE)
        yield Silence(events, when.at_least)


def times(when: Overdue) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    yield f"when the customer's own rhythm makes the next {noun(when.overdue)} overdue"


def looks_back(when: Overdue) -> timedelta:
    """Return the patience with a customer of the usual gap, and the least age at least."""
    return max(when.at_least, when.usual_gap * float(when.by))


KIND = Kind(
    word="overdue",
    model=Overdue,
    said=said,
    compile=compile,
    least_events=one_event,
    quiet_after=quiet_after,
    claims=claims,
    times=times,
    looks_back=looks_back,
)
