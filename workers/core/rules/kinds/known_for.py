"""`known for: 90 days`: how long the customer has been known, since the first event of any type."""

from collections.abc import Iterator
from datetime import timedelta

from schemas.conditions import Known
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis, Elementary
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.phrases import Said
from workers.core.rules.binding import Binding
from workers.core.rules.kind import Kind
from workers.core.text import Text


class Tenure(Elementary):
    """The time since the customer is known: since the event of any type that arrived first.

    A customer known for a shorter time may be an old one, unless the history of every watched type is complete, or
    the customer first appeared long after coverage began, and cannot have been forgotten before.

    Attributes:
        for_ms: the least time.
    """

    cost = 0

    def __init__(self, basis: Basis, for_ms: int) -> None:
        super().__init__(basis)
        self.for_ms = for_ms

    def look(self, at_ms: int) -> int:
        """It turns true once, when the customer has been known for long enough."""
        customer = self.customer
        enough_ms = customer.first_ms + self.for_ms
        if at_ms >= enough_ms:
            self.flip_ms = FOREVER_MS
            return TRUE
        self.flip_ms = enough_ms
        if customer.first_ms < customer.settled_ms or customer.may_be_back():
            return NOT_OBSERVABLE
        return FALSE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note since when the customer is known."""
        evidence.numbers[self.at] = self.customer.first_ms

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write since when the customer is known."""
        text.copy(b'"since ')
        text.moment(evidence.numbers[self.at])
        text.byte(34)


def said(when: Known, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    text = f"known for {'at least' if holds else 'less than'} {write_duration(when.known_for)}"
    return Said(text, "has been", text)


def compile(when: Known, binding: Binding) -> Tenure:
    """Compile the condition for the customer of a rule set."""
    basis = binding.basis(when, said, f"at least {write_duration(when.known_for)}")
    return Tenure(basis, duration_ms(when.known_for))


def times(when: Known) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    yield f"{write_duration(when.known_for)} after the customer's first event"


def needs(when: Known, holds: bool) -> Iterator[timedelta | str]:
    """Yield what must be known of a customer for it, or its opposite, to hold."""
    if holds:
        yield when.known_for


KIND = Kind(
    word="known for",
    model=Known,
    said=said,
    compile=compile,
    reads_tenure=True,
    times=times,
    needs=needs,
)
