"""`all`, `any` and `not`: Kleene's logic over three truth values."""

from operator import attrgetter
from typing import Final

from schemas.actions import Reason
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.objects.conditions.observability import NOTHING
from workers.core.objects.conditions.truth import FALSE, NOT_OBSERVABLE, TRUE, Condition
from workers.core.objects.customer.activity import Activity

_MAX_STEPS: Final = 64
"""Changes of parts that a combination follows; it returns the next one even if that may not change the whole."""


class Several(Condition):
    """All, or any, of several conditions; immutable.

    Attributes:
        parts: in the order of the rule.
        ruling: the truth value with which one part decides the whole: FALSE for all, TRUE for any.
    """

    def __init__(self, parts: tuple[Condition, ...], ruling: int) -> None:
        self.parts = parts
        self.ruling = ruling
        self._cheapest_first = tuple(sorted(parts, key=attrgetter("cost")))

    @property
    def cost(self) -> int:
        """Return the cost of all parts."""
        return sum(part.cost for part in self.parts) + 1

    @property
    def types(self) -> frozenset[str]:
        """Return the union over the parts."""
        return NOTHING.union(*(part.types for part in self.parts))

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Return the union over the parts: sometimes more types than necessary, never fewer."""
        return NOTHING.union(*(part.can_turn_false for part in self.parts))

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Return the union over the parts."""
        return NOTHING.union(*(part.can_turn_true for part in self.parts))

    def quiet_ms(self, type_: str) -> int:
        """Return for how long one part of `all`, or every part of `any`, is certainly not true."""
        quiet = [part.quiet_ms(type_) for part in self.parts]
        return max(quiet) if self.ruling == FALSE else min(quiet)

    def lowered_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return for how long this is certain of every part."""
        return min(part.lowered_ms(type_, was_cancelled) for part in self.parts)

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return for how long this is certain of every part."""
        return min(part.raised_ms(type_, was_cancelled) for part in self.parts)

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return Kleene's conjunction or disjunction; while one part decides the whole, the others do not matter."""
        truth, flip_ms = self._once(activity, at_ms, observed, True)
        if flip_ms == FOREVER_MS or (truth != NOT_OBSERVABLE and truth != self.ruling):
            return truth, flip_ms
        # A change of one part may not change the whole: follow the changes until one does.
        for _ in range(_MAX_STEPS):
            then, after_ms = self._once(activity, flip_ms, observed, True)
            if then != truth:
                break
            flip_ms = after_ms
            if flip_ms == FOREVER_MS:
                break
        return truth, flip_ms

    def estimate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the truth, and when the first part changes, even if that does not change the whole."""
        return self._once(activity, at_ms, observed, False)

    def _once(self, activity: Activity, at_ms: int, observed: Coverage, closely: bool) -> tuple[int, int]:
        """Return the truth at a moment, and until when it certainly lasts.

        `closely` evaluates the parts; otherwise they are estimated.
        """
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
        """Return the reasons of all parts, in the order of the rule."""
        found: list[Reason] = []
        for part in self.parts:
            found += part.reasons(activity, at_ms, observed)
        return found


class Negation(Condition):
    """The opposite of a condition; not observable if the condition is not."""

    def __init__(self, part: Condition) -> None:
        self.part = part

    @property
    def cost(self) -> int:
        """Return the cost of the part."""
        return self.part.cost

    @property
    def types(self) -> frozenset[str]:
        """Return the types of the part."""
        return self.part.types

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Return the types that could make the part true."""
        return self.part.can_turn_true

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Return the types that could make the part false."""
        return self.part.can_turn_false

    def quiet_ms(self, type_: str) -> int:
        """Return 0: how long the part certainly is not false is unknown."""
        return 0

    def lowered_ms(self, type_: str, was_cancelled: bool) -> int:
        """The other way round."""
        return self.part.raised_ms(type_, was_cancelled)

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """The other way round."""
        return self.part.lowered_ms(type_, was_cancelled)

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the opposite truth; it changes when the part does."""
        truth, flip_ms = self.part.evaluate(activity, at_ms, observed)
        return TRUE - truth, flip_ms

    def estimate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the opposite of the part's estimate."""
        truth, flip_ms = self.part.estimate(activity, at_ms, observed)
        return TRUE - truth, flip_ms

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return the reasons of the part, whose phrases already state the opposite."""
        return [
            Reason(reason.condition, reason.observed, f"not {reason.bound}", reason.window)
            for reason in self.part.reasons(activity, at_ms, observed)
        ]
