"""Truth values, and what a condition is."""

from typing import Final

from schemas.actions import Reason
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.activity import Activity

FALSE: Final = 0
NOT_OBSERVABLE: Final = 1
TRUE: Final = 2


class Condition:
    """A condition of one customer."""

    @property
    def cost(self) -> int:
        """Return how much one look costs beside others, to ask the cheap ones first."""
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
        """Return for how long it certainly is not true after an event of a type; 0 for not at all.

        Args:
            type_: of an event that is later than everything else that is known of the customer.
        """
        raise NotImplementedError

    def lowered_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return for how long it certainly is no truer after an event of a type than it would be without.

        Args:
            type_: of an event that is later than everything else that is known, and carries no negative number.
            was_cancelled: the customer had cancelled before.
        """
        raise NotImplementedError

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return for how long it certainly is no less true; arguments as for `lowered_ms`."""
        raise NotImplementedError

    def evaluate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return the truth at a moment, and the first moment after it at which the truth changes if nothing happens.

        Args:
            activity: of the customer.
            at_ms: not before the customer's latest event.
            observed: what was watched.

        Returns:
            FALSE, NOT_OBSERVABLE or TRUE, and epoch milliseconds, FOREVER_MS for never; never earlier, never later.
        """
        raise NotImplementedError

    def estimate(self, activity: Activity, at_ms: int, observed: Coverage) -> tuple[int, int]:
        """Return what `evaluate` does, but perhaps a moment too early: the truth does not change before it.

        A kind without a cheaper way evaluates.
        """
        return self.evaluate(activity, at_ms, observed)

    def reasons(self, activity: Activity, at_ms: int, observed: Coverage) -> list[Reason]:
        """Return what was observed, one entry per elementary condition, in the order of the rule."""
        raise NotImplementedError


class Elementary(Condition):
    """What conditions without parts have in common."""

    def quiet_ms(self, type_: str) -> int:
        """Unless a kind knows better, an event may make it true at once."""
        return 0

    def lowered_ms(self, type_: str, was_cancelled: bool) -> int:
        """Unless a kind knows better, what may make it true makes it truer."""
        return 0 if type_ in self.can_turn_true else FOREVER_MS

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """Unless a kind knows better, what may make it false makes it less true."""
        return 0 if type_ in self.can_turn_false else FOREVER_MS
