"""`last: purchase, at least: 30 days ago`: how long ago something last happened."""

from collections.abc import Iterator

from schemas.conditions import Last
from workers.core.conditions.ages import Age, bound_in_words, said, times
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.conditions.history import knows_ever
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.phrases import noun
from workers.core.rules.binding import Binding
from workers.core.rules.claims import EVER, ONE, AtLeast, Claim, Recent, Silence, events_of
from workers.core.rules.kind import Kind, one_event
from workers.core.text import Text


class Recency(Age):
    """The age of the last event; false if there never was one.

    If watching began after the last known event, a later event may have gone unseen in between. If there is no known
    event, one may have happened before the customer was known.
    """

    cost = 1

    def look(self, at_ms: int) -> int:
        """It changes when the age passes a bound."""
        series = self.series
        if not series.is_present:
            return self._never(at_ms)
        last_ms = series.last_ms
        if self.least_ms >= 0 and at_ms < last_ms + self.least_ms:
            self.flip_ms = last_ms + self.least_ms
            return FALSE
        if series.since_ms > last_ms:
            return self._unwatched(at_ms, last_ms, series.since_ms)
        if self.most_ms >= 0 and at_ms <= last_ms + self.most_ms:
            self.flip_ms = last_ms + self.most_ms + 1
            return TRUE
        self.flip_ms = FOREVER_MS
        return TRUE if self.most_ms < 0 else FALSE

    def _never(self, at_ms: int) -> int:
        self.flip_ms = FOREVER_MS
        if knows_ever(self.customer, self.series):
            return FALSE
        if self.most_ms < 0:
            return NOT_OBSERVABLE
        from_ms = self.series.since_ms if self.series.since_ms > self.customer.first_ms else self.customer.first_ms
        too_old_ms = from_ms + self.most_ms + 1
        if at_ms >= too_old_ms:
            return FALSE
        if too_old_ms < FOREVER_MS:
            self.flip_ms = too_old_ms
        return NOT_OBSERVABLE

    def _unwatched(self, at_ms: int, last_ms: int, since_ms: int) -> int:
        """Look at a last event at any time between the last known one and the start of watching.

        The last known event has reached the least age.
        """
        least_ms, most_ms = self.least_ms, self.most_ms
        self.flip_ms = FOREVER_MS
        if most_ms >= 0 and at_ms > since_ms + most_ms:
            return FALSE
        is_old_enough = least_ms < 0 or at_ms >= since_ms + least_ms
        if is_old_enough and (most_ms < 0 or at_ms <= last_ms + most_ms):
            if most_ms >= 0:
                self.flip_ms = last_ms + most_ms + 1
            return TRUE
        becomes_ms = FOREVER_MS if most_ms < 0 else since_ms + most_ms + 1
        if not is_old_enough and (most_ms < 0 or since_ms + least_ms <= last_ms + most_ms):
            becomes_ms = since_ms + least_ms
        if becomes_ms < FOREVER_MS:
            self.flip_ms = becomes_ms
        return NOT_OBSERVABLE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the last event, -1 for none, and after when another would have prevented the action."""
        evidence.numbers[self.at] = self.series.last_ms if self.series.is_present else -1
        evidence.numbers[self.at + 1] = at_ms - self.least_ms

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write when the last event happened."""
        self.write_since(text, b'"last on ', evidence.numbers[self.at], b'"never"')

    def write_prevented(self, text: Text, evidence: Evidence) -> None:
        """Write after when another event would have prevented the action."""
        self.write_before(text, evidence.numbers[self.at + 1])


def compile(when: Last, binding: Binding) -> Recency:
    """Compile the condition for the customer of a rule set."""
    prevented = None if when.ages()[0] is None else f"a {noun(when.last)} after "
    basis = binding.basis(when, said, bound_in_words(when), prevented=prevented)
    return Recency(basis, binding.series(when.last, when.where), when)


def can_turn_false(when: Last) -> set[str]:
    """Return the type if there is a least age: a newer event can only make the age too small."""
    return set() if when.ages()[0] is None else {when.last}


def quiet_after(when: Last) -> set[str]:
    """Return the type if there is a least age, which a new event has to reach."""
    return set() if when.where or not when.ages()[0] else {when.last}


def claims(when: Last, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    if not holds:
        return
    (low, high), events = when.ages(), events_of(when.last, when.where)
    yield AtLeast(events, EVER, ONE)
    if low is not None:
        yield Silence(events, low)
    if high is not None:
        yield Recent(events, high, False)


KIND = Kind(
    word="last",
    model=Last,
    said=said,
    compile=compile,
    can_turn_false=can_turn_false,
    least_events=one_event,
    quiet_after=quiet_after,
    claims=claims,
    times=times,
)
