"""One elementary condition of a rule, as it is written and bound to the customer. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from schemas.actions import Reason
from workers.core.conditions.condition import TRUE, Condition
from workers.core.customer.candidate import Evidence
from workers.core.decisions.wording import reasons_of
from workers.core.rules import whole_conditions
from workers.explain.moment import Moment

_NOT: Final = "not "
"""What the bound of a condition inside `not` begins with, once for each."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """An elementary condition of a rule, or its opposite.

    Attributes:
        moment: the customer and the moment.
        when: the condition as it is written.
        condition: the same, bound to the customer.
        negations: inside how many `not` it is; an odd number makes it the opposite of the condition.
    """

    moment: Moment
    when: Any
    condition: Condition
    negations: int

    @property
    def is_negated(self) -> bool:
        """Whether the opposite of the condition is meant."""
        return self.negations % 2 == 1

    @property
    def types(self) -> set[str]:
        """The event types that can change its truth."""
        return self._asked(whole_conditions.types_of)

    @property
    def can_turn_false(self) -> frozenset[str]:
        """The types whose unseen events could turn it from true to false."""
        asked = whole_conditions.can_turn_true if self.is_negated else whole_conditions.can_turn_false
        return frozenset(self._asked(asked))

    @property
    def can_turn_true(self) -> frozenset[str]:
        """The types whose unseen events could turn it from false to true."""
        asked = whole_conditions.can_turn_false if self.is_negated else whole_conditions.can_turn_true
        return frozenset(self._asked(asked))

    def evaluate(self, at_ms: int) -> tuple[int, int]:
        """Return its truth at a moment, and when time alone changes it next."""
        truth, change_ms = self.moment.evaluate(self.condition, at_ms)
        return TRUE - truth if self.is_negated else truth, change_ms

    def reason(self) -> Reason:
        """Return what is observed, in words."""
        moment = self.moment
        evidence = Evidence(moment.customer.most_conditions)
        self.condition.note(evidence, moment.at_ms)
        (reason,) = reasons_of(self.condition, evidence)
        bound = reason.bound.removeprefix(_NOT * self.negations)
        return Reason(
            reason.condition, reason.observed, f"{_NOT}{bound}" if self.is_negated else bound, reason.window
        )

    def _asked(self, asked: Callable[..., set[str]]) -> set[str]:
        return asked(self.when, self.moment.snapshot.rules.collected.types)
