# cython: overflowcheck=False
# Nothing here leaves 64 bits: moments are at most FOREVER_MS, and a duration is shorter than a calendar.
"""`none: purchase, for: 45 days`: something did not happen for a while."""

from collections.abc import Iterator
from datetime import timedelta

from schemas.actions import Number
from schemas.conditions import Absent
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, OfOneSeries
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.series import Series
from workers.core.phrases import Said, a, filters, noun
from workers.core.rules.binding import Binding
from workers.core.rules.claims import Claim, Recent, Silence, events_of
from workers.core.rules.kind import Kind, always, no_type, of_that_kind
from workers.core.text import Text


class Absence(OfOneSeries):
    """No event for a while.

    False while the last event is recent. True once the customer has been known, and the series watched, for that long
    without an event.
    """

    cost = 1

    def __init__(self, basis: Basis, series: Series, for_ms: int) -> None:
        super().__init__(basis, series)
        self.for_ms = for_ms

    def look(self, at_ms: int) -> int:
        """It turns true once, when the silence is long enough."""
        series, from_ms = self.series, self.customer.first_ms
        if series.is_present:
            from_ms = series.last_ms
            if at_ms < from_ms + self.for_ms:
                self.flip_ms = from_ms + self.for_ms
                return FALSE
        if series.since_ms > from_ms:
            from_ms = series.since_ms
        enough_ms = from_ms + self.for_ms
        if at_ms >= enough_ms:
            self.flip_ms = FOREVER_MS
            return TRUE
        self.flip_ms = enough_ms if enough_ms < FOREVER_MS else FOREVER_MS
        return NOT_OBSERVABLE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the last event, and until when another would have prevented the action; -1 for none and unknown."""
        series = self.series
        from_ms = series.last_ms if series.is_present else self.customer.first_ms
        evidence.numbers[self.at] = series.last_ms if series.is_present else -1
        evidence.numbers[self.at + 1] = -1
        if series.since_ms < FOREVER_MS:
            evidence.numbers[self.at + 1] = max(from_ms, series.since_ms) + self.for_ms

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write when the last event happened."""
        self.write_since(text, b'"last on ', evidence.numbers[self.at], b'"never"')

    def write_prevented(self, text: Text, evidence: Evidence) -> None:
        """Write until when another event would have prevented the action."""
        if evidence.numbers[self.at + 1] >= 0:
            self.write_before(text, evidence.numbers[self.at + 1])


def said(when: Absent, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    what, span = f"{noun(when.none)}{filters(when.where)}", write_duration(when.for_)
    text = f"no {what} for {span}" if holds else f"{a(what)} in the last {span}"
    return Said(text, "has had", text)


def compile(when: Absent, binding: Binding) -> Absence:
    """Compile the condition for the customer of a rule set."""
    span = write_duration(when.for_)
    return Absence(
        binding.basis(when, said, f"none for {span}", span, f"a {noun(when.none)} before "),
        binding.series(when.none, when.where),
        duration_ms(when.for_),
    )


def quiet_after(when: Absent) -> set[str]:
    """Return the type: its event restarts the silence."""
    return set() if when.where else {when.none}


def claims(when: Absent, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    events = events_of(when.none, when.where)
    yield Silence(events, when.for_) if holds else Recent(events, when.for_, True)


def times(when: Absent) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    yield f"{write_duration(when.for_)} after the last {noun(when.none)}"


def needs(when: Absent, holds: bool) -> Iterator[timedelta | str]:
    """Yield what must be known of a customer for it, or its opposite, to hold."""
    if holds:
        yield when.for_


def changed_by(when: Absent, absence: Absence, truth: int, observed: Number, events: str) -> str:
    """Return that any event ends the silence."""
    verb = "can change" if truth == NOT_OBSERVABLE else "changes"
    return f"{verb} with the next {of_that_kind(absence, events)}"


KIND = Kind(
    word="none",
    model=Absent,
    said=said,
    compile=compile,
    can_turn_true=no_type,  # no event can begin a silence
    claims=claims,
    says_only_its_claims=always,
    times=times,
    needs=needs,
    changed_by=changed_by,
    quiet_after=quiet_after,
)
