"""`after: cart, without: purchase, for: 2 days`: an event happened, and another did not follow."""

from collections.abc import Iterator

from schemas.conditions import Unfollowed
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, OfTwoSeries
from workers.core.conditions.history import knows_ever
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.series import Series
from workers.core.phrases import Said, a, event_in_words, noun
from workers.core.rules.binding import Binding
from workers.core.rules.claims import EVER, ONE, AtLeast, Claim, Silence, State, events_of
from workers.core.rules.kind import Kind, first_named, one_event
from workers.core.text import Text


class Unanswered(OfTwoSeries):
    """The latest first event was not followed by a second one for a while.

    Not observable if a later first event, or the second event after it, may have happened unseen.

    Attributes:
        for_ms: how long no second event has followed.
    """

    cost = 2

    def __init__(self, basis: Basis, first: Series, then: Series, for_ms: int) -> None:
        super().__init__(basis, first, then)
        self.for_ms = for_ms

    def look(self, at_ms: int) -> int:
        """It turns true once, when the wait is long enough."""
        first, then = self.first, self.then
        self.flip_ms = FOREVER_MS
        if not first.is_present:
            return FALSE if knows_ever(self.customer, first) else NOT_OBSERVABLE
        first_ms, since_ms = first.last_ms, first.since_ms
        was_followed = then.is_present and then.last_ms >= first_ms + self.least_ms
        # If a later first event may have happened unseen, a second one must have come after that.
        if was_followed and (then.last_ms >= since_ms or first_ms >= since_ms):
            return FALSE
        enough_ms = first_ms + self.for_ms
        if at_ms < enough_ms:
            self.flip_ms = enough_ms
            return FALSE
        if was_followed or then.since_ms > first_ms:
            return NOT_OBSERVABLE
        if since_ms > first_ms:
            enough_ms = since_ms + self.for_ms
        if at_ms >= enough_ms:
            return TRUE
        if enough_ms < FOREVER_MS:
            self.flip_ms = enough_ms
        return NOT_OBSERVABLE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the latest first event; -1 for none."""
        evidence.numbers[self.at] = self.first.last_ms if self.first.is_present else -1

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write when the first happened."""
        self.write_since(text, b'"last on ', evidence.numbers[self.at], b'"never"')

    def write_prevented(self, text: Text, evidence: Evidence) -> None:
        """Write until when the second event would have prevented the action."""
        if evidence.numbers[self.at] >= 0:
            self.write_before(text, evidence.numbers[self.at] + self.for_ms)


def said(when: Unfollowed, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    first, then, span = event_in_words(when.after), a(event_in_words(when.without)), write_duration(when.for_)
    text = f"{a(first)} not followed by {then} within {span}" if holds else f"no {first} without {then} within {span}"
    return Said(text, "has had", text)


def compile(when: Unfollowed, binding: Binding) -> Unanswered:
    """Compile the condition for the customer of a rule set."""
    first, then = when.events()
    second, span = noun(then[0]), write_duration(when.for_)
    return Unanswered(
        binding.basis(when, said, f"no {second} for {span}", span, f"a {second} before "),
        binding.series(*first),
        binding.series(*then),
        duration_ms(when.for_),
    )


def quiet_after(when: Unfollowed) -> set[str]:
    """Return both types: the first event restarts the wait, and the second ends it."""
    first, then = when.events()
    quiet = set() if first[1] else {first[0]}
    return quiet if then[1] or then[0] == first[0] else {*quiet, then[0]}


def claims(when: Unfollowed, holds: bool) -> Iterator[Claim]:
    """Yield its claims; none of its opposite."""
    if holds:
        after, without = (events_of(*events) for events in when.events())
        yield State(("after", after, without), "without")
        yield Silence(without, when.for_)
        yield AtLeast(after, EVER, ONE)


def times(when: Unfollowed) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    first, _ = when.events()
    yield f"{write_duration(when.for_)} after the last {noun(first[0])}"


KIND = Kind(
    word="after without",
    model=Unfollowed,
    said=said,
    compile=compile,
    can_turn_true=first_named,  # it may have happened again after the second, which turns it false
    least_events=one_event,
    claims=claims,
    times=times,
    windows=0,
    quiet_after=quiet_after,
)
