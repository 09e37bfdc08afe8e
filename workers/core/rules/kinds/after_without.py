"""`after: cart, without: purchase, for: 2 days`: an event happened, and another did not follow."""

from collections.abc import Iterator

from schemas.conditions import Unfollowed, event_and_filter
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Elementary, Words
from workers.core.conditions.history import knows_ever
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import NUMBERS_EACH, Evidence
from workers.core.customer.customer import Customer
from workers.core.customer.series import Series
from workers.core.phrases import Said, a, event_in_words, noun
from workers.core.rules.binding import Binding
from workers.core.rules.claims import EVER, ONE, AtLeast, Claim, Silence, State, events_of
from workers.core.rules.kind import Kind
from workers.core.text import Text


class Unanswered(Elementary):
    """The latest first event was not followed by a second one for a while.

    Not observable if a later first event, or the second event after it, may have happened unseen.

    Attributes:
        first, then: the first and the second series.
        least_ms: 1 if the second event must come later, not at the same moment; else 0.
        for_ms: how long no second event has followed.
    """

    cost = 2

    def __init__(
        self,
        words: Words,
        customer: Customer,
        first: Series,
        then: Series,
        least_ms: int,
        for_ms: int,
    ) -> None:
        super().__init__(words)
        self.customer = customer
        self.first = first
        self.then = then
        self.least_ms = least_ms
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
        evidence.numbers[NUMBERS_EACH * self.place] = self.first.last_ms if self.first.is_present else -1

    def word(self, text: Text, evidence: Evidence) -> None:
        """Write when the first happened, and until when the second would have prevented the action."""
        first_ms = evidence.numbers[NUMBERS_EACH * self.place]
        text.copy(self.head)
        self._write_last(text, first_ms)
        text.byte(34)
        text.copy(self.tail)
        if first_ms >= 0:
            self._write_prevented(text, first_ms + self.for_ms)
        text.byte(125)


def said(when: Unfollowed, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    first, then, span = event_in_words(when.after), a(event_in_words(when.without)), write_duration(when.for_)
    text = f"{a(first)} not followed by {then} within {span}" if holds else f"no {first} without {then} within {span}"
    return Said(text, "has had", text)


def compile(when: Unfollowed, binding: Binding) -> Unanswered:
    """Compile the condition for the customer of a rule set."""
    first, then = event_and_filter(when.after), event_and_filter(when.without)
    second, span = noun(then[0]), write_duration(when.for_)
    return Unanswered(
        binding.words(when, said, f"no {second} for {span}", span, f"a {second} before "),
        binding.customer,
        binding.series(*first),
        binding.series(*then),
        # No event follows itself.
        int(first[0] == then[0]),
        duration_ms(when.for_),
    )


def types(when: Unfollowed) -> set[str]:
    """Return the event types that it reads.

    Both can turn it false: the second may follow, and the first may happen again.
    """
    return {event_and_filter(when.after)[0], event_and_filter(when.without)[0]}


def can_turn_true(when: Unfollowed) -> set[str]:
    """Return the first type: it may have happened again after the second."""
    return {event_and_filter(when.after)[0]}


def least_events(when: Unfollowed) -> dict[str, int]:
    """Return that there is a first event."""
    return {event_and_filter(when.after)[0]: 1}


def quiet_after(when: Unfollowed) -> set[str]:
    """Return both types: the first event restarts the wait, and the second ends it."""
    first, then = event_and_filter(when.after), event_and_filter(when.without)
    quiet = set() if first[1] else {first[0]}
    return quiet if then[1] or then[0] == first[0] else {*quiet, then[0]}


def claims(when: Unfollowed, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    if holds:
        after, without = events_of(*event_and_filter(when.after)), events_of(*event_and_filter(when.without))
        yield State(("after", after, without), "without")
        yield Silence(without, when.for_)
        yield AtLeast(after, EVER, ONE)


def times(when: Unfollowed) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    yield f"{write_duration(when.for_)} after the last {noun(event_and_filter(when.after)[0])}"


KIND = Kind(
    word="after without",
    model=Unfollowed,
    said=said,
    compile=compile,
    types=types,
    can_turn_false=types,
    can_turn_true=can_turn_true,
    least_events=least_events,
    quiet_after=quiet_after,
    claims=claims,
    times=times,
    windows=0,
)
