"""Truth values, and what a condition is."""

from collections.abc import Callable
from typing import Final, Protocol

from schemas.actions import Reason
from workers.core.activity import Activity
from workers.core.observed import FOREVER_MS, Observed

FALSE: Final = 0
NOT_OBSERVABLE: Final = 1
TRUE: Final = 2


Look = Callable[[Activity, int, Observed], tuple[int, int]]


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

    def quiet_ms(self, type_: str) -> int:
        """Return for how long it certainly is not true after an event of a type; 0 for not at all.

        Args:
            type_: of an event that is later than everything else that is known of the customer.
        """

    def lowered_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return for how long it certainly is no truer after an event of a type than it would be without.

        Args:
            type_: of an event that is later than everything else that is known, and carries no negative number.
            was_cancelled: the customer had cancelled before.
        """

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """Return for how long it certainly is no less true; arguments as for `lowered_ms`."""

    def glance(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Return what `look` does, but perhaps a moment too early: the truth does not change before it."""

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


class Elementary:
    """What conditions without parts have in common: where a kind knows no shorter way, a glance is a look."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Let callers glance without a detour."""
        if "look" in cls.__dict__ and "glance" not in cls.__dict__:
            cls.glance = cls.look  # type: ignore[method-assign]

    def quiet_ms(self, type_: str) -> int:
        """Unless a kind knows better, an event may make it true at once."""
        return 0

    @property
    def needs(self) -> frozenset[str]:
        """Return types of which an event could make it false: see `Condition`."""
        raise NotImplementedError

    @property
    def spoils(self) -> frozenset[str]:
        """Return types of which an event could make it true: see `Condition`."""
        raise NotImplementedError

    def lowered_ms(self, type_: str, was_cancelled: bool) -> int:
        """Unless a kind knows better, what may make it true makes it truer."""
        return 0 if type_ in self.spoils else FOREVER_MS

    def raised_ms(self, type_: str, was_cancelled: bool) -> int:
        """Unless a kind knows better, what may make it false makes it less true."""
        return 0 if type_ in self.needs else FOREVER_MS

    def glance(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Return the truth, and when it changes at the earliest: see `Condition`."""
        return self.look(activity, at_ms, observed)

    def look(self, activity: Activity, at_ms: int, observed: Observed) -> tuple[int, int]:
        """Return the truth, and when it changes: see `Condition`."""
        raise NotImplementedError
