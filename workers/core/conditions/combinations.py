"""All, any, not: Kleene's logic over three truth values."""

from operator import attrgetter
from typing import Final

from schemas.actions import Reason
from workers.core.conditions.observability import NOTHING
from workers.core.conditions.truth import FALSE, NOT_OBSERVABLE, TRUE, Condition
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.activity import Activity

_MAX_STEPS: Final = 64
"""How many flips of its parts a composite follows before it announces one that may change nothing."""


class Several(Condition):
    """All, or any, of several conditions; never changed.

    Attributes:
        parts: in the order of the rule.
        ruling: the truth value of one part that settles the whole: FALSE for all, TRUE for any.
    """

    def __init__(self, parts: tuple[Condition, ...], ruling: int) -> None:
        self.parts = parts
        self.ruling = ruling
        self._cheapest_first = tuple(sorted(parts, key=attrgetter("cost")))

    @property
    def cost(self) -> int:
        """As much as all parts."""
        return sum(part.cost for part in self.parts) + 1

    @property
    def types(self) -> frozenset[str]:
        """Union over the parts."""
        return NOTHING.union(*(part.types for part in self.parts))

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Union over the parts: more than necessary for `any`, never less."""
        return NOTHING.union(*(part.can_turn_false for part in self.parts))

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Union over the parts."""
        return NOTHING.union(*(part.can_turn_true for part in self.parts))

    def quiet_ms(self, type_: str) -> int:
        """As long as one part of `all` is not true, or every part of `any`."""
        quiet = [part.quiet_ms(type_) for part in self.parts]
        return max(quiet) if self.ruling == FALSE else min(quiet)

    def lowered_ms(self, type_: str, was_cancelled: bool) -> int:
        """As long as every part is."""
        return min(part.lowered_ms(type_, was_cancelled) for part in self.parts)

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """As long as every part is."""
        return min(part.raised_ms(type_, was_cancelled) for part in self.parts)

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Kleene's conjunction or disjunction; as long as one part rules, nothing the others do can matter."""
        truth, flip_ms = self._once(activity, at_ms, observed, True)
        if flip_ms == FOREVER_MS or (truth != NOT_OBSERVABLE and truth != self.ruling):
            return truth, flip_ms
        # The part that changes may not be the one that counts: follow the changes until the whole does.
        for _ in range(_MAX_STEPS):
            then, after_ms = self._once(activity, flip_ms, observed, True)
            if then != truth:
                break
            flip_ms = after_ms
            if flip_ms == FOREVER_MS:
                break
        return truth, flip_ms

    def estimate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Stop at the first part that changes, whether or not that changes the whole."""
        return self._once(activity, at_ms, observed, False)

    def _once(self, activity: Activity, at_ms: int, observed: Coverage, closely: bool) -> tuple[int, int]:
        """Return the truth at a moment, and until when it certainly stays: evaluated, or estimated."""
        ruling, whole, soonest_ms = self.ruling, TRUE - self.ruling, FOREVER_MS
        for part in self._cheapest_first:
            truth, flip_ms = (
                part.evaluate(activity, at_ms, observed) if closely else part.estimate(activity, at_ms, observed)
            )
            if truth == ruling:
                return ruling, flip_ms
            if truth == NOT_OBSERVABLE:
                whole = NOT_OBSERVABLE
            if flip_ms < soonest_ms:
                soonest_ms = flip_ms
        return whole, soonest_ms

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Concatenate those of the parts."""
        found: list[Reason] = []
        for part in self.parts:
            found += part.reasons(activity, at_ms, observed)
        return found


class Negation(Condition):
    """The opposite of a condition; what is not observable stays so."""

    def __init__(self, part: Condition) -> None:
        self.part = part

    @property
    def cost(self) -> int:
        """That of the part."""
        return self.part.cost

    @property
    def types(self) -> frozenset[str]:
        """Those of the part."""
        return self.part.types

    @property
    def can_turn_false(self) -> frozenset[str]:
        """What could make the part true."""
        return self.part.can_turn_true

    @property
    def can_turn_true(self) -> frozenset[str]:
        """What could make the part false."""
        return self.part.can_turn_false

    def quiet_ms(self, type_: str) -> int:
        """What is certainly not false is not followed up."""
        return 0

    def lowered_ms(self, type_: str, was_cancelled: bool) -> int:
        """The other way round."""
        return self.part.raised_ms(type_, was_cancelled)

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """The other way round."""
        return self.part.lowered_ms(type_, was_cancelled)

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Swap true and false; it flips with its part."""
        truth, flip_ms = self.part.evaluate(activity, at_ms, observed)
        return TRUE - truth, flip_ms

    def estimate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Swap true and false."""
        truth, flip_ms = self.part.estimate(activity, at_ms, observed)
        return TRUE - truth, flip_ms

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Those of the part, whose phrases say the opposite already."""
        return [
            Reason(reason.condition, reason.observed, f"not {reason.bound}", reason.window)
            for reason in self.part.reasons(activity, at_ms, observed)
        ]
