"""Episode: the state of one rule for one customer. There is one object a rule, for one customer after the other."""

from typing import Final

# Flags of a stored episode: which of its fields are written, in every layout.
HOLDS: Final = 1
BEGAN: Final = 2
ACTED: Final = 4
ACTED_AT_START: Final = 8
ACTED_BEFORE: Final = 16
IS_OPEN: Final = 32
WAITS: Final = 64
STRETCHES: Final = 128


class Episode:
    """The state of one rule for one customer.

    Attributes:
        is_present: whether there is anything to remember. If not, everything below is 0.
        holding: whether the rule holds now.
        start_ms: start of the current or last episode.
        acted_ms: when the rule last acted, 0 for never; the cool-down counts from here.
        before_ms: `acted_ms` before the last action, restored when a late event disproves that action.
        open_until_ms: until when the last action can still be retracted; 0 when it cannot.
        pending_ms: a due time at which the rule could not be decided yet, because a type that it reads was not seen
            up to then; 0 for none.
        true_since_ms: since when the condition holds, for a rule that requires it to last; 0 while it does not hold.
        held: beginnings and ends of earlier episodes, alternating; kept only while a waiting candidate depends on
            them.
        place: of its rule; -1 for a rule that is not in the rule set.
        is_listed, following: whether it is among those that `Customer.first_listed` begins, and the next of them.
        stood: beginnings and ends of the periods in which earlier actions were neither retracted nor expired; kept
            as `held`.
    """

    __slots__ = (
        "acted_ms",
        "before_ms",
        "following",
        "held",
        "holding",
        "is_listed",
        "is_present",
        "open_until_ms",
        "pending_ms",
        "place",
        "start_ms",
        "stood",
        "true_since_ms",
    )

    def __init__(self, place: int = -1) -> None:
        self.place = place
        self.is_listed = False
        self.following: Episode | None = None
        self.held: list[int] = []
        self.stood: list[int] = []
        self.is_present = self.holding = False
        self.start_ms = self.acted_ms = self.before_ms = 0
        self.open_until_ms = self.pending_ms = self.true_since_ms = 0

    def clear(self) -> None:
        """Forget everything."""
        self.is_present = self.holding = False
        self.start_ms = self.acted_ms = self.before_ms = 0
        self.open_until_ms = self.pending_ms = self.true_since_ms = 0
        if self.held:
            self.held = []
        if self.stood:
            self.stood = []
