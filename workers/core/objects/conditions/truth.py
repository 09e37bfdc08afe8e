"""Truth values, and the interface of a condition."""

from typing import Final

from schemas.actions import Reason
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.objects.customer.activity import Activity

FALSE: Final = 0
NOT_OBSERVABLE: Final = 1
TRUE: Final = 2


class Condition:
    """A condition of one customer."""

    @property
    def cost(self) -> int:
        """Return the relative cost of an evaluation; combinations evaluate cheap parts first."""
        raise NotImplementedError

    @property
    def types(self) -> frozenset[str]:
        """Return every event type that can change its truth."""
        raise NotImplementedError

    @property
    def can_turn_false(self) -> frozenset[str]:
        """Return the types whose unseen events could turn it from true to false."""
        raise NotImplementedError

    @property
    def can_turn_true(self) -> frozenset[str]:
        """Return the types whose unseen events could turn it from false to true; `not` swaps the two."""
        raise NotImplementedError

    def quiet_ms(self, type_: str) -> int:
        """Return how long the condition is certainly not true after an event of a type; 0 if it may be true at once.

        Args:
            type_: type of the customer's latest event.
        """
        raise NotImplementedError

    def lowered_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return how long an event of a type certainly cannot make the condition truer.

        Args:
            type_: type of the customer's latest event, which carries no negative number.
            was_cancelled: the customer had cancelled before.
        """
        raise NotImplementedError

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return how long such an event certainly cannot make it less true; arguments as for `lowered_ms`."""
        raise NotImplementedError

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the truth at a moment, and the first later moment at which time alone changes it.

        Args:
            activity: of the customer.
            at_ms: not before the customer's latest event.
            observed: since when and until when each type was watched.

        Returns:
            FALSE, NOT_OBSERVABLE or TRUE, and the exact moment in epoch milliseconds, FOREVER_MS for never.
        """
        raise NotImplementedError

    def estimate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the truth, and a lower bound for the moment: the truth does not change before it.

        A kind without a cheaper calculation evaluates.
        """
        return self.evaluate(activity, at_ms, observed)

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return what was observed, one entry per elementary condition, in the order of the rule."""
        raise NotImplementedError


class Elementary(Condition):
    """A condition without parts: the defaults that its kinds share."""

    def quiet_ms(self, type_: str) -> int:
        """Return 0: an event may make the condition true at once, unless a kind overrides this."""
        return 0

    def lowered_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return 0 for types that can turn it true, FOREVER_MS for others, unless a kind overrides this."""
        return 0 if type_ in self.can_turn_true else FOREVER_MS

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return 0 for types that can turn it false, FOREVER_MS for others, unless a kind overrides this."""
        return 0 if type_ in self.can_turn_false else FOREVER_MS
