"""`all`, `any` and `not`: Kleene's logic over three truth values."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE, Condition
from workers.core.coverage import FOREVER_MS
from workers.core.customer.candidate import Evidence
from workers.core.text import Text

_MAX_STEPS: Final = 64
"""Changes of parts that a combination follows; it returns the next one even if that may not change the whole."""


class Part:
    """A part of a combination, and the one that is looked at after it: followed without a check of each type."""

    __slots__ = ("condition", "following")

    def __init__(self, condition: Condition, following: "Part | None") -> None:
        self.condition = condition
        self.following = following


class Several(Condition):
    """All, or any, of several conditions.

    Attributes:
        parts: in the order of the rule.
        ruling: the truth value with which one part decides the whole: FALSE for all, TRUE for any.
    """

    def __init__(self, parts: Sequence[Condition], ruling: int) -> None:
        super().__init__()
        self.parts = tuple(parts)
        self.ruling = ruling
        self._cheapest: Part | None = None
        cheapest_first = sorted(parts, key=attrgetter("cost"))
        for part in reversed(cheapest_first):
            self._cheapest = Part(part, self._cheapest)

    @property
    def cost(self) -> int:
        """Return the cost of all parts."""
        return sum(part.cost for part in self.parts) + 1

    def look(self, at_ms: int) -> int:
        """Return Kleene's conjunction or disjunction; while one part decides the whole, the others do not matter."""
        truth = _once(self, at_ms)
        flip_ms = self.flip_ms
        if flip_ms == FOREVER_MS or (truth != NOT_OBSERVABLE and truth != self.ruling):
            return truth
        # A change of one part may not change the whole: follow the changes until one does.
        for _ in range(_MAX_STEPS):
            if _once(self, flip_ms) != truth:
                break
            flip_ms = self.flip_ms
            if flip_ms == FOREVER_MS:
                break
        self.flip_ms = flip_ms
        return truth

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the numbers of all parts."""
        for part in self.parts:
            part.note(evidence, at_ms)

    def word(self, text: Text, evidence: Evidence) -> None:
        """Write the reasons of all parts, in the order of the rule."""
        is_first = True
        for part in self.parts:
            if not is_first:
                text.byte(44)
            is_first = False
            part.word(text, evidence)


class All(Several):
    """Every part must be true; one that is false decides."""

    def __init__(self, parts: Sequence[Condition]) -> None:
        super().__init__(parts, FALSE)


class Any(Several):
    """One part that is true is enough, and decides."""

    def __init__(self, parts: Sequence[Condition]) -> None:
        super().__init__(parts, TRUE)


class Not(Condition):
    """The opposite of a condition; not observable if the condition is not."""

    def __init__(self, part: Condition) -> None:
        super().__init__()
        self.part = part

    @property
    def cost(self) -> int:
        """Return the cost of the part."""
        return self.part.cost

    def look(self, at_ms: int) -> int:
        """Return the opposite truth; it changes when the part does."""
        truth = self.part.look(at_ms)
        self.flip_ms = self.part.flip_ms
        return TRUE - truth

    def note(self, evidence: Evidence, at_ms: int) -> None:
        """Note the numbers of the part."""
        self.part.note(evidence, at_ms)

    def word(self, text: Text, evidence: Evidence) -> None:
        """Write the reasons of the part, which state the opposite already: it was compiled inside `not`."""
        self.part.word(text, evidence)


def _once(several: Several, at_ms: int) -> int:
    """Return the truth at a moment; `flip_ms` is until when it certainly lasts."""
    ruling, whole, soonest_ms = several.ruling, TRUE - several.ruling, FOREVER_MS
    part = several._cheapest
    while part is not None:
        truth = part.condition.look(at_ms)
        flip_ms = part.condition.flip_ms
        if truth == ruling:
            several.flip_ms = flip_ms
            return ruling
        if truth == NOT_OBSERVABLE:
            whole = NOT_OBSERVABLE
        if flip_ms < soonest_ms:
            soonest_ms = flip_ms
        part = part.following
    several.flip_ms = soonest_ms
    return whole
