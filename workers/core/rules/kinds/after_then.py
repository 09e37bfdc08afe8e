"""`after: complaint, then: purchase, within: 2 days`: the latest event of a type was followed by another in time."""

from collections.abc import Iterator

from schemas.conditions import Followed
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, OfTwoSeries
from workers.core.conditions.history import knows_ever
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.customer.series import Series
from workers.core.phrases import Said, a, event_in_words, noun
from workers.core.rules.binding import Binding
from workers.core.rules.claims import EVER, ONE, AtLeast, Claim, State, events_of
from workers.core.rules.kind import Kind, first_named, one_event
from workers.core.text import Text, inside_quotes


class Answered(OfTwoSeries):
    """The latest first event was followed by a second one in time; time alone never changes the truth.

    Not observable if a later first event, or the second event, may have happened unseen before its series was
    watched. Also not if it is no longer known which event followed first, because events arrived late or the rule is
    new.

    Attributes:
        pair: key of the stored pair.
        within_ms: the longest time between the two, inclusive.
        followed: what begins the words of the second event.
    """

    cost = 2

    def __init__(self, basis: Basis, first: Series, then: Series, pair: str, when: Followed) -> None:
        super().__init__(basis, first, then)
        self.pair = pair
        self.within_ms = duration_ms(when.within)
        self.followed = inside_quotes(f", then {noun(then.type)} on ")

    def look(self, at_ms: int) -> int:
        """Compare the latest first event with the event that followed it first."""
        first = self.first
        self.flip_ms = FOREVER_MS
        if not first.is_present:
            return FALSE if knows_ever(self.customer, first) else NOT_OBSERVABLE
        if first.since_ms > first.last_ms:
            return NOT_OBSERVABLE
        truth = self._was_followed(first.last_ms)
        return NOT_OBSERVABLE if truth == FALSE and self.then.since_ms > first.last_ms else truth

    def _was_followed(self, first_ms: int) -> int:
        then, from_ms, until_ms = self.then, first_ms + self.least_ms, first_ms + self.within_ms
        if not then.is_present or then.last_ms < from_ms:
            return FALSE
        if then.last_ms <= until_ms:
            return TRUE
        state = self.customer.pairs.get(self.pair)
        if state is not None:
            paired_ms, followed_ms = state[0], state[1]
            if paired_ms == first_ms and followed_ms > 0:
                return TRUE if followed_ms <= until_ms else FALSE
        if then.first_ms >= from_ms:
            return TRUE if then.first_ms <= until_ms else FALSE
        return NOT_OBSERVABLE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the latest first event, -1 for none, and the second that followed it, 0 for none known."""
        evidence.numbers[self.at] = self.first.last_ms if self.first.is_present else -1
        state = self.customer.pairs.get(self.pair)
        followed_ms = 0 if state is None else state[1]
        evidence.numbers[self.at + 1] = followed_ms if followed_ms > 0 else 0

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write when the first happened, and when the second followed."""
        if evidence.numbers[self.at] < 0:
            text.copy(b'"never')
        else:
            text.copy(b'"last on ')
            text.moment(evidence.numbers[self.at])
        if evidence.numbers[self.at + 1]:
            text.copy(self.followed)
            text.moment(evidence.numbers[self.at + 1])
        text.byte(34)


def said(when: Followed, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    first, then = event_in_words(when.after), a(event_in_words(when.then))
    rest = f"followed by {then} within {write_duration(when.within)}"
    text = f"{a(first)} {rest}" if holds else f"no {first} {rest}"
    return Said(text, "has had", text)


def compile(when: Followed, binding: Binding) -> Answered:
    """Compile the condition for the customer of a rule set."""
    pair, first, then = binding.pair(*when.events())
    span = write_duration(when.within)
    basis = binding.basis(when, said, f"{noun(pair.then_type)} within {span}", span)
    return Answered(basis, first, then, pair.key, when)


def claims(when: Followed, holds: bool) -> Iterator[Claim]:
    """Yield its claims; none of its opposite."""
    if holds:
        after, then = (events_of(*events) for events in when.events())
        yield State(("after", after, then), "then")
        yield AtLeast(then, EVER, ONE)


KIND = Kind(
    word="after then",
    model=Followed,
    said=said,
    compile=compile,
    # The first could happen again. The second may follow, or a later first event may have come shortly before it:
    # both can turn it true.
    can_turn_false=first_named,
    least_events=one_event,
    claims=claims,
    windows=0,
)
