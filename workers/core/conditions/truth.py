"""Truth values, and what a condition is."""

from typing import Final, Protocol

from schemas.actions import Reason
from workers.core.activity import Activity
from workers.core.observed import Observed

FALSE: Final = 0
NOT_OBSERVABLE: Final = 1
TRUE: Final = 2


class Condition(Protocol):
    """A condition of one customer.

    Attributes:
        cost: how much one look costs beside others, to ask the cheap ones first.
        types: every event type that can change its truth.
        needs: the types of which an unseen event could turn it from true to false.
        spoils: the types of which an unseen event could turn it from false to true; `not` swaps the two.
    """

    @property
    def cost(self) -> int: ...  # noqa: D102
    @property
    def types(self) -> frozenset[str]: ...  # noqa: D102
    @property
    def needs(self) -> frozenset[str]: ...  # noqa: D102
    @property
    def spoils(self) -> frozenset[str]: ...  # noqa: D102

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Return the truth at a moment, and the first moment after it at which the truth changes if nothing happens.

        Args:
            activity: of the customer.
            at_ms: not before the customer's latest event.
            observed: what was watched.

        Returns:
            FALSE, NOT_OBSERVABLE or TRUE, and epoch milliseconds, FOREVER_MS for never; never earlier, never later.
        """

    def reasons(self, activity: Activity, at_ms: int, observed: Observed) -> list[Reason]:
        """Return what was observed, one entry per elementary condition, in the order of the rule."""
