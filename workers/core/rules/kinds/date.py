"""`date: cancellation.effective_at, in the next: 30 days`: a date in an event is soon, or some time ago."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from schemas.conditions import Date
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, Elementary
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.events.attribute_types import convert, date_ms_of
from workers.core.phrases import Said, date_in_words, noun
from workers.core.rules.binding import Binding
from workers.core.rules.claims import Claim, State
from workers.core.rules.kind import Kind, one_event, value_unknown
from workers.core.text import Text


class Deadline(Elementary):
    """A date from an event is soon, or some time ago.

    The latest value counts: an ISO date (its midnight) or time (UTC if it names no zone), or epoch milliseconds. Not
    observable while no value is known, or if the value is none of these.

    Attributes:
        attribute: `type.attribute`.
        ahead_ms: how far ahead the date may be; -1 if it must be past.
        over_ms: for how long it must be past.
        read: the value that was read last, as it is kept: the same value need not be read again.
        date_ms: the date that it says, -1 for none.
    """

    cost = 2

    def __init__(self, basis: Basis, attribute: str, when: Date) -> None:
        super().__init__(basis)
        self.attribute = attribute
        self.ahead_ms = -1 if when.in_the_next is None else duration_ms(when.in_the_next)
        self.over_ms = 0 if when.passed_for is None else duration_ms(when.passed_for)
        self.read: Any = None
        self.date_ms = -1

    def known_ms(self) -> int:
        """Return the date, in epoch milliseconds; -1 if none is known."""
        known = self.customer.attributes.get(self.attribute)
        if known is None:
            return -1
        kept = known[0]
        if kept is not self.read:
            date_ms = date_ms_of(convert(kept, "moment"))
            self.read = kept
            self.date_ms = -1 if date_ms is None else date_ms
        return self.date_ms

    def look(self, at_ms: int) -> int:
        """The truth changes when the date comes near enough, and when it passes."""
        date_ms = self.known_ms()
        self.flip_ms = FOREVER_MS
        if date_ms < 0:
            return NOT_OBSERVABLE
        if self.ahead_ms < 0:
            if at_ms >= date_ms + self.over_ms:
                return TRUE
            self.flip_ms = date_ms + self.over_ms
            return FALSE
        if at_ms >= date_ms:
            return FALSE
        if at_ms < date_ms - self.ahead_ms:
            self.flip_ms = date_ms - self.ahead_ms
            return FALSE
        self.flip_ms = date_ms
        return TRUE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the date; -1 for none."""
        evidence.numbers[self.at] = self.known_ms()

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the date."""
        self.write_since(text, b'"', evidence.numbers[self.at], b"null")


def said(when: Date, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    if when.in_the_next is not None:
        moment = f"is {'' if holds else 'not '}in the next {write_duration(when.in_the_next)}"
    else:
        assert when.passed_for is not None
        moment = f"{'passed' if holds else 'did not pass'} at least {write_duration(when.passed_for)} ago"
    what, name = date_in_words(when.date), noun(when.date.split(".", 1)[0])
    of, rest = f"the {what} of ", f"latest {name} {moment}"
    return Said(f"{of}the {rest}", "", rest, of)


def compile(when: Date, binding: Binding) -> Deadline:
    """Compile the condition for the customer of a rule set."""
    ahead, passed = when.in_the_next, when.passed_for
    bound = f"in the next {write_duration(ahead)}" if ahead is not None else ""
    if passed is not None:
        bound = f"passed for {write_duration(passed)}"
    return Deadline(binding.basis(when, said, bound), binding.specs.require_attribute(when.date), when)


def claims(when: Date, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    if holds:
        yield State(("date", when.date), "ahead" if when.in_the_next is not None else "over")


def times(when: Date) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    if when.in_the_next is not None:
        yield f"{write_duration(when.in_the_next)} before the {date_in_words(when.date)}, and on it"
    if when.passed_for is not None:
        yield f"{write_duration(when.passed_for)} after the {date_in_words(when.date)}"


def needs(when: Date, holds: bool) -> Iterator[timedelta | str]:
    """Yield what must be known of a customer for it, or its opposite, to hold."""
    yield f"customers without a known {date_in_words(when.date)}"


def looks_back(when: Date) -> timedelta:
    """Return how long ago the date was; `in the next` looks ahead."""
    return when.passed_for or timedelta()


KIND = Kind(
    word="date",
    model=Date,
    said=said,
    compile=compile,
    least_events=one_event,
    claims=claims,
    times=times,
    needs=needs,
    looks_back=looks_back,
    untold=value_unknown,
)
