# cython: overflowcheck=False
# Nothing here leaves 64 bits: moments are at most FOREVER_MS, and a duration is shorter than a calendar.
"""`moved: down, from: loyal, within: 30 days`: the customer came to the present stage by a move."""

from collections.abc import Iterator

from schemas.actions import Number
from schemas.conditions import Moved
from schemas.durations import duration_ms, write_duration
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis
from workers.core.conditions.ladder import ActiveLadder, Stretch
from workers.core.conditions.ladder_condition import LadderCondition
from workers.core.customer.candidate import Evidence
from workers.core.customer.stage import DOWN, NO_MOVE, UP, code_of_stage
from workers.core.phrases import Said
from workers.core.rules.binding import Binding
from workers.core.rules.claims import Claim, State
from workers.core.rules.kind import Kind
from workers.core.text import Text, as_json


class CameByMove(LadderCondition):
    """Whether the customer came to the present stage by a move in a direction.

    A stage that is known for the first time, or that changed with the ladder, is no move.

    Attributes:
        direction: the move's.
        origins: codes of the stages from which it counts; empty for any.
    """

    cost = 1

    def __init__(
        self, basis: Basis, ladder: ActiveLadder | None, direction: int, origins: frozenset[int], within_ms: int
    ) -> None:
        super().__init__(basis, ladder, within_ms)
        self.direction = direction
        self.origins = origins

    def truth_in(self, stretch: Stretch, at_ms: int) -> int:
        """Return the truth at a moment of a stretch of time."""
        if not stretch.is_known:
            return NOT_OBSERVABLE
        if stretch.direction != self.direction:
            return FALSE
        if self.origins and stretch.from_code not in self.origins:
            return FALSE
        return FALSE if 0 <= self.turns_after_ms <= at_ms - stretch.since_ms else TRUE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the move, and when it was."""
        if self.ladder is None:
            return
        stretch: Stretch = self.ladder.at(at_ms)
        is_move = stretch.is_known and stretch.direction != NO_MOVE
        evidence.numbers[self.at] = stretch.from_code if is_move else 0
        evidence.numbers[self.at + 1] = stretch.code
        evidence.numbers[self.at + 2] = stretch.since_ms

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write from where the customer came to which stage, and when."""
        if not evidence.numbers[self.at] or self.ladder is None:
            text.copy(b'"no move"')
            return
        before, after = self.ladder.name(evidence.numbers[self.at]), self.ladder.name(evidence.numbers[self.at + 1])
        text.copy(as_json(f"from {before or 'another stage'} to {after or 'another stage'} on ")[:-1])
        text.moment(evidence.numbers[self.at + 2])
        text.byte(34)


def said(when: Moved, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    origin = f" from {' or '.join(repr(name) for name in when.origins)}" if when.origins else ""
    ago = "" if when.within is None else f" less than {write_duration(when.within)} ago"
    text = f"moved {when.moved}{origin}{ago}"
    return Said(text, "has", text) if holds else Said(f"not {text}", "has", f"not {text}")


def compile(when: Moved, binding: Binding) -> CameByMove:
    """Compile the condition for the customer of a rule set."""
    origin = f" from {' or '.join(when.origins)}" if when.origins else ""
    window = None if when.within is None else write_duration(when.within)
    basis = binding.basis(when, said, f"{when.moved}{origin}", window)
    within_ms = -1 if when.within is None else duration_ms(when.within)
    direction = UP if when.moved == "up" else DOWN
    return CameByMove(basis, binding.ladder, direction, frozenset(map(code_of_stage, when.origins)), within_ms)


def claims(when: Moved, holds: bool) -> Iterator[Claim]:
    """Yield the direction of the latest move."""
    if holds:
        yield State(("moved",), when.moved)


def times(when: Moved) -> Iterator[str]:
    """Yield when it is checked besides after events."""
    if when.within is not None:
        yield f"{write_duration(when.within)} after the customer came to a stage"


def changed_by(when: Moved, came: CameByMove, truth: int, observed: Number, events: str) -> str:
    """Return that the next move changes it."""
    return "changes when the customer's stage does"


def untold(when: Moved, is_known: bool) -> tuple[str | None, str]:
    """Return no type, and that the stage is not known."""
    return None, "the stage is not known: a step above it is not certainly false, or there is no live ladder"


KIND = Kind(
    word="moved",
    model=Moved,
    said=said,
    compile=compile,
    reads_ladder=True,
    windows=0,
    claims=claims,
    times=times,
    changed_by=changed_by,
    untold=untold,
)
