# cython: overflowcheck=False
# Nothing here leaves 64 bits: moments are at most FOREVER_MS, and a duration is shorter than a calendar.
"""`in stage for: 30 days`: how long the customer has stood on the present step of the live ladder."""

from collections.abc import Iterator
from datetime import timedelta

from schemas.actions import Number
from schemas.conditions import InStage
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.conditions.ladder import Stretch
from workers.core.conditions.ladder_condition import LadderCondition
from workers.core.customer.candidate import Evidence
from workers.core.customer.stage import NO_MOVE
from workers.core.phrases import Said
from workers.core.rules.binding import Binding
from workers.core.rules.kind import Kind
from workers.core.text import Text


class Stays(LadderCondition):
    """The time since the customer stands on the present stage, whichever it is: it holds from an age on.

    Of a customer who did not move there, it is not known since when. Only one whose first event led there has just
    begun.
    """

    cost = 1

    def truth_in(self, stretch: Stretch, at_ms: int) -> int:
        """Return the truth at a moment of a stretch of time."""
        if not stretch.is_known:
            return NOT_OBSERVABLE
        if at_ms >= stretch.since_ms + self.turns_after_ms:
            return TRUE
        if stretch.direction == NO_MOVE and stretch.since_ms != self.customer.first_ms:
            return NOT_OBSERVABLE
        return FALSE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note since when; -1 for not known."""
        if self.ladder is None:
            evidence.numbers[self.at] = -1
            return
        stretch: Stretch = self.ladder.at(at_ms)
        evidence.numbers[self.at] = stretch.since_ms if stretch.is_known else -1

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write since when."""
        self.write_since(text, b'"since ', evidence.numbers[self.at], b'"unknown"')


def said(when: InStage, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    text = f"on the same stage for {'at least' if holds else 'less than'} {write_duration(when.in_stage_for)}"
    return Said(text, "has been", text)


def compile(when: InStage, binding: Binding) -> Stays:
    """Compile the condition for the customer of a rule set."""
    basis = binding.basis(when, said, f"at least {write_duration(when.in_stage_for)}")
    return Stays(basis, binding.ladder, duration_ms(when.in_stage_for))


def times(when: InStage) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    yield f"{write_duration(when.in_stage_for)} after the customer came to a stage"


def needs(when: InStage, holds: bool) -> Iterator[timedelta | str]:
    """Yield what must be known of a customer for it to hold."""
    if holds:
        yield when.in_stage_for


def changed_by(when: InStage, stays: Stays, truth: int, observed: Number, events: str) -> str:
    """Return that a move ends it."""
    return "begins again when the customer's stage changes"


def untold(when: InStage, is_known: bool) -> tuple[str | None, str]:
    """Return no type, and that the beginning is not known."""
    return None, "it is not known since when the customer stands on the stage, or on which"


KIND = Kind(
    word="in stage for",
    model=InStage,
    said=said,
    compile=compile,
    reads_ladder=True,
    times=times,
    needs=needs,
    changed_by=changed_by,
    untold=untold,
)
