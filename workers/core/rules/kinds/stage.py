"""`stage: loyal`, `stage: [loyal, fan]`: the customer stands on this step of the live ladder."""

from collections.abc import Iterator

from schemas.actions import Number
from schemas.conditions import Stage
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Basis
from workers.core.conditions.ladder import ActiveLadder, Stretch
from workers.core.conditions.ladder_condition import LadderCondition
from workers.core.customer.candidate import Evidence
from workers.core.customer.stage import code_of_stage
from workers.core.phrases import Said
from workers.core.rules.binding import Binding
from workers.core.rules.claims import Claim, State
from workers.core.rules.kind import Kind
from workers.core.text import Text, as_json


class OnStage(LadderCondition):
    """Whether the customer stands on one of some stages; not observable while the stage is not known.

    Attributes:
        codes: of the stages.
    """

    cost = 1

    def __init__(self, basis: Basis, ladder: ActiveLadder | None, codes: frozenset[int]) -> None:
        super().__init__(basis, ladder)
        self.codes = codes

    def truth_in(self, stretch: Stretch, at_ms: int) -> int:
        """Return the truth in a stretch of time, the same at all its moments."""
        if not stretch.is_known:
            return NOT_OBSERVABLE
        return TRUE if stretch.code in self.codes else FALSE

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the stage, and since when."""
        if self.ladder is None:
            return
        stretch: Stretch = self.ladder.at(at_ms)
        evidence.numbers[self.at] = stretch.code if stretch.is_known else 0
        evidence.numbers[self.at + 1] = stretch.since_ms

    def write_observed(self, text: Text, evidence: Evidence) -> None:
        """Write the stage; null if it is not known."""
        name = None
        if evidence.numbers[self.at] and self.ladder is not None:
            name = self.ladder.name(evidence.numbers[self.at])
        text.copy(as_json(name))


def said(when: Stage, *, holds: bool) -> Said:
    """Word the condition, or its opposite."""
    names = " or ".join(f"'{name}'" for name in when.stages)
    text = f"on the stage {names}" if holds else f"on another stage than {names}"
    return Said(text, "is", text)


def compile(when: Stage, binding: Binding) -> OnStage:
    """Compile the condition for the customer of a rule set."""
    basis = binding.basis(when, said, " or ".join(when.stages))
    return OnStage(basis, binding.ladder, frozenset(map(code_of_stage, when.stages)))


def claims(when: Stage, holds: bool) -> Iterator[Claim]:
    """Yield its claim, if it names one stage."""
    if holds and len(when.stages) == 1:
        yield State(("stage",), when.stages[0])


def changed_by(when: Stage, on_stage: OnStage, truth: int, observed: Number, events: str) -> str:
    """Return that the ladder says what would change it."""
    return "changes with the customer's stage"


def untold(when: Stage, is_known: bool) -> tuple[str | None, str]:
    """Return no type, and that a step above cannot be ruled out."""
    return None, "the stage is not known: a step above it is not certainly false, or there is no live ladder"


KIND = Kind(
    word="stage",
    model=Stage,
    said=said,
    compile=compile,
    reads_ladder=True,
    claims=claims,
    changed_by=changed_by,
    untold=untold,
)
