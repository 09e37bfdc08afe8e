"""Episode: the state of one rule for one customer. There is one object a rule, for one customer after the other."""

from typing import Final

from workers.core.customer.binary import FARTHEST_MS, Reader, Writer, within
from workers.core.events.decoding import MAX_STORED

# Flags of a stored episode: which of its fields are written, in every layout.
_HOLDS: Final = 1
_BEGAN: Final = 2
_ACTED: Final = 4
_ACTED_AT_START: Final = 8
_ACTED_BEFORE: Final = 16
_IS_OPEN: Final = 32
_WAITS: Final = 64
_STRETCHES: Final = 128

# In layout 4: what it waits for, and whether its rule repeats.
_IS_PENDING: Final = 1
_IS_TRUE: Final = 2
_REPEATS: Final = 4


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
        asked: how many moments of the present episode have passed at which a rule that repeats asks for an action;
            0 if it asked for none, and for all other rules.
        is_silent: whether nothing was published of the last action, because the customer is left out of what the rule
            sends. It counts all the same, so that such customers can be compared with the others.
        place: of its rule; -1 for a rule that is not in the rule set.
        is_listed, following: whether it is among those that `Customer.first_listed` begins, and the next of them.
        stood: beginnings and ends of the periods in which earlier actions were neither retracted nor expired; kept
            as `held`.
    """

    __slots__ = (
        "acted_ms",
        "asked",
        "before_ms",
        "following",
        "held",
        "holding",
        "is_listed",
        "is_present",
        "is_silent",
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
        self.is_present = self.holding = self.is_silent = False
        self.start_ms = self.acted_ms = self.before_ms = 0
        self.open_until_ms = self.pending_ms = self.true_since_ms = self.asked = 0

    def clear(self) -> None:
        """Forget everything."""
        self.is_present = self.holding = self.is_silent = False
        self.start_ms = self.acted_ms = self.before_ms = 0
        self.open_until_ms = self.pending_ms = self.true_since_ms = self.asked = 0
        if self.held:
            self.held = []
        if self.stood:
            self.stood = []

    def read(self, given: Reader) -> None:
        """Read what is stored into an episode that is empty."""
        flags = given.byte()
        self.holding = flags & _HOLDS != 0
        if flags & _BEGAN:
            self.start_ms = given.moment()
        if flags & _ACTED_AT_START:
            self.acted_ms = self.start_ms
        if flags & _ACTED:
            self.acted_ms = given.moment()
        if flags & _ACTED_BEFORE:
            self.before_ms = given.moment()
        if flags & _IS_OPEN:
            self.open_until_ms = given.moment()
        if flags & _WAITS:
            self.read_waits(given)
        if flags & _STRETCHES:
            self.held, self.stood = given.stretches(), given.stretches()

    def read_waits(self, given: Reader) -> None:
        """Read what it waits for, 0 for nothing; layout 3 refers to no other moment there."""
        if given.is_of_3:
            self.pending_ms = within(given.integer(), FARTHEST_MS)
            self.true_since_ms = within(given.integer(), FARTHEST_MS)
        else:
            waits = given.byte()
            self.pending_ms = given.moment() if waits & _IS_PENDING else 0
            self.true_since_ms = given.moment() if waits & _IS_TRUE else 0
            self.asked = within(given.number(), MAX_STORED) if waits & _REPEATS else 0

    def write(self, out: Writer) -> None:
        """Write everything."""
        flags_at, flags = out.at, _HOLDS if self.holding else 0
        out.byte(flags)
        if self.start_ms:
            flags |= _BEGAN
            out.moment(self.start_ms)
        if self.acted_ms:
            if self.acted_ms == self.start_ms:
                flags |= _ACTED_AT_START
            else:
                flags |= _ACTED
                out.moment(self.acted_ms)
        if self.before_ms:
            flags |= _ACTED_BEFORE
            out.moment(self.before_ms)
        if self.open_until_ms:
            flags |= _IS_OPEN
            out.moment(self.open_until_ms)
        if self.pending_ms or self.true_since_ms or (self.asked and not out.is_of_3):
            flags |= _WAITS
            self.write_waits(out)
        if self.held or self.stood:
            flags |= _STRETCHES
            out.moments(self.held)
            out.moments(self.stood)
        out.put[flags_at] = flags

    def write_waits(self, out: Writer) -> None:
        """Write what `read_waits` reads."""
        if out.is_of_3:
            out.integer(self.pending_ms)
            out.integer(self.true_since_ms)
        else:
            waits = (_IS_PENDING if self.pending_ms else 0) | (_IS_TRUE if self.true_since_ms else 0)
            out.byte(waits | (_REPEATS if self.asked else 0))
            if self.pending_ms:
                out.moment(self.pending_ms)
            if self.true_since_ms:
                out.moment(self.true_since_ms)
            if self.asked:
                out.number(self.asked)
