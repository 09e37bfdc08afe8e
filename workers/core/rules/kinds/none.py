# cython: overflowcheck=False
# Nothing here leaves 64 bits: moments are at most FOREVER_MS, and a duration is shorter than a calendar.
"""`none: purchase, for: 45 days`: something did not happen for a while."""

from collections.abc import Iterator
from datetime import timedelta

from schemas.conditions import Absent
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, OfOneSeries, Words
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import NUMBERS_EACH, Evidence
from workers.core.customer.customer import Customer
from workers.core.customer.series import Series
from workers.core.phrases import Said, a, filters, noun
from workers.core.rules.binding import Binding
from workers.core.rules.claims import Claim, Recent, Silence, events_of
from workers.core.rules.kind import Kind
from workers.core.text import Text


class Absence(OfOneSeries):
    """No event for a while.

    False while the last event is recent. True once the customer has been known, and the series watched, for that long
    without an event.
    """

    cost = 1

    def __init__(self, words: Words, customer: Customer, series: Series, for_ms: int) -> None:
        super().__init__(words, customer, series)
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
        series, at = self.series, NUMBERS_EACH * self.place
        from_ms = series.last_ms if series.is_present else self.customer.first_ms
        evidence.numbers[at] = series.last_ms if series.is_present else -1
        evidence.numbers[at + 1] = -1
        if series.since_ms < FOREVER_MS:
            evidence.numbers[at + 1] = max(from_ms, series.since_ms) + self.for_ms

    def word(self, text: Text, evidence: Evidence) -> None:
        """Write when the last event happened, and until when another would have prevented the action."""
        at = NUMBERS_EACH * self.place
        text.copy(self.head)
        self._write_last(text, evidence.numbers[at])
        text.byte(34)
        text.copy(self.tail)
        if evidence.numbers[at + 1] >= 0:
            self._write_prevented(text, evidence.numbers[at + 1])
        text.byte(125)


def said(when: Absent, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    what, span = f"{noun(when.none)}{filters(when.where)}", write_duration(when.for_)
    text = f"no {what} for {span}" if holds else f"{a(what)} in the last {span}"
    return Said(text, "has had", text)


def compile(when: Absent, binding: Binding) -> Absence:
    """Compile the condition for the customer of a rule set."""
    span = write_duration(when.for_)
    return Absence(
        binding.words(when, said, f"none for {span}", span, f"a {noun(when.none)} before "),
        binding.customer,
        binding.series(when.none, when.where),
        duration_ms(when.for_),
    )


def types(when: Absent) -> set[str]:
    """Return the event types that it reads."""
    return {when.none}


def can_turn_true(when: Absent) -> set[str]:
    """Return no type: no event can begin a silence."""
    return set()


def quiet_after(when: Absent) -> set[str]:
    """Return the type: its event restarts the silence."""
    return set() if when.where else {when.none}


def claims(when: Absent, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    events = events_of(when.none, when.where)
    yield Silence(events, when.for_) if holds else Recent(events, when.for_, True)


def says_only_its_claims(when: Absent, holds: bool) -> bool:
    """Return that they are all."""
    return True


def times(when: Absent) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    yield f"{write_duration(when.for_)} after the last {noun(when.none)}"


def needs(when: Absent, holds: bool) -> Iterator[timedelta | str]:
    """Yield what must be known of a customer for it, or its opposite, to hold."""
    if holds:
        yield when.for_


def changes_with_next(when: Absent) -> bool:
    """Return that any event ends the silence."""
    return True


KIND = Kind(
    word="none",
    model=Absent,
    said=said,
    compile=compile,
    types=types,
    can_turn_false=types,
    can_turn_true=can_turn_true,
    quiet_after=quiet_after,
    claims=claims,
    says_only_its_claims=says_only_its_claims,
    times=times,
    needs=needs,
    changes_with_next=changes_with_next,
    of_that_kind=True,
)
