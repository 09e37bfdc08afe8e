"""`first: purchase, at most: 30 days ago`: how long ago something happened for the first time ever."""

from collections.abc import Iterator
from datetime import timedelta

from schemas.conditions import First
from workers.core.conditions.ages import Age, bound_in_words, said, times
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.conditions.history import knows_ever
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.phrases import without_history
from workers.core.rules.binding import Binding
from workers.core.rules.claims import EVER, ONE, AtLeast, Claim, Recent, events_of
from workers.core.rules.kind import Kind, one_event
from workers.core.text import Text


class Beginning(Age):
    """The age of the first event ever; false if there never was one.

    Unless the whole history is known, an earlier event may have gone unseen before the series was watched or the
    customer known. The first event is then the known one, or an unseen one at any earlier time.
    """

    cost = 1

    def look(self, at_ms: int) -> int:
        """It changes when the age passes a bound."""
        series = self.series
        self.flip_ms = FOREVER_MS
        if not knows_ever(self.customer, series):
            return self._uncertain_old(at_ms) if self.most_ms < 0 else self._uncertain(at_ms)
        if not series.is_present:
            return FALSE
        first_ms = series.first_ms
        if self.least_ms >= 0 and at_ms < first_ms + self.least_ms:
            self.flip_ms = first_ms + self.least_ms
            return FALSE
        if self.most_ms < 0:
            return TRUE
        if at_ms <= first_ms + self.most_ms:
            self.flip_ms = first_ms + self.most_ms + 1
            return TRUE
        return FALSE

    def _uncertain_old(self, at_ms: int) -> int:
        """Look without a greatest age: an unseen first event would only be older."""
        if not self.series.is_present:
            return NOT_OBSERVABLE
        enough_ms = self.series.first_ms + self.least_ms
        if at_ms >= enough_ms:
            return TRUE
        self.flip_ms = enough_ms
        return NOT_OBSERVABLE

    def _uncertain(self, at_ms: int) -> int:
        """Look with a greatest age: an unseen first event may be too old."""
        series = self.series
        since_ms = series.since_ms if series.since_ms > self.customer.first_ms else self.customer.first_ms
        latest_ms = series.first_ms if series.is_present else since_ms
        too_old_ms = (latest_ms if latest_ms < FOREVER_MS else FOREVER_MS) + self.most_ms + 1
        if at_ms >= too_old_ms:
            return FALSE
        if series.is_present and self.least_ms >= 0:
            # The known first event is too recent, and any unseen one would be too old.
            enough_ms = latest_ms + self.least_ms
            unseen_too_old_ms = since_ms + self.most_ms + 1
            if unseen_too_old_ms < enough_ms and at_ms < enough_ms:
                if at_ms >= unseen_too_old_ms:
                    self.flip_ms = enough_ms
                    return FALSE
                self.flip_ms = unseen_too_old_ms
                return NOT_OBSERVABLE
        if too_old_ms < FOREVER_MS:
            self.flip_ms = too_old_ms
        return NOT_OBSERVABLE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the first event; -1 for none."""
        evidence.numbers[self.at] = self.series.first_ms if self.series.is_present else -1

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write when the first event happened."""
        self.write_since(text, b'"first on ', evidence.numbers[self.at], b'"never"')


def compile(when: First, binding: Binding) -> Beginning:
    """Compile the condition for the customer of a rule set."""
    basis = binding.basis(when, said, bound_in_words(when))
    return Beginning(basis, binding.series(when.first, when.where), when)


def can_turn_false(when: First) -> set[str]:
    """Return the type if there is a greatest age: an earlier event can only make the age too large."""
    return set() if when.ages()[1] is None else {when.first}


def claims(when: First, holds: bool) -> Iterator[Claim]:
    """Yield its claims, or those of its opposite."""
    if not holds:
        return
    high, events = when.ages()[1], events_of(when.first, when.where)
    yield AtLeast(events, EVER, ONE)
    if high is not None:
        yield Recent(events, high, False)


def needs(when: First, holds: bool) -> Iterator[timedelta | str]:
    """Yield what must be known of a customer for it, or its opposite, to hold."""
    yield without_history(when.first)


KIND = Kind(
    word="first",
    model=First,
    said=said,
    compile=compile,
    can_turn_false=can_turn_false,
    least_events=one_event,
    claims=claims,
    times=times,
    needs=needs,
)
