# cython: overflowcheck=False
# Nothing here leaves 64 bits: moments are at most FOREVER_MS, and a duration is shorter than a calendar.
"""Conditions that read the live ladder: they hold for a stretch of time, or from an age of the stay on."""

from workers.core.conditions.condition import NOT_OBSERVABLE, Basis, Elementary
from workers.core.conditions.ladder import ActiveLadder, Stretch
from workers.core.coverage import FOREVER_MS


class LadderCondition(Elementary):
    """What a condition that reads the ladder has in common with the others: how its truth goes on in time.

    Attributes:
        ladder: the live ladder; None if there is none: then nothing is observable.
        turns_after_ms: how long after the beginning of a stay on a stage the truth may change; -1 for never.
    """

    def __init__(self, basis: Basis, ladder: ActiveLadder | None, turns_after_ms: int = -1) -> None:
        super().__init__(basis)
        self.ladder = ladder
        self.turns_after_ms = turns_after_ms

    def look(self, at_ms: int) -> int:
        """It changes in a later stretch that has another truth, or when the customer has stood there for long."""
        if self.ladder is None:
            self.flip_ms = FOREVER_MS
            return NOT_OBSERVABLE
        stretch: Stretch = self.ladder.at(at_ms)
        truth = self.truth_in(stretch, at_ms)
        next_ms = at_ms
        while True:
            turn_ms = stretch.since_ms + self.turns_after_ms
            if not (self.turns_after_ms >= 0 and stretch.is_known and next_ms < turn_ms < stretch.until_ms):
                turn_ms = stretch.until_ms
            next_ms = turn_ms
            if next_ms >= FOREVER_MS:
                break
            stretch = self.ladder.at(next_ms)
            if self.truth_in(stretch, next_ms) != truth:
                break
        self.flip_ms = next_ms
        return truth

    def truth_in(self, stretch: Stretch, at_ms: int) -> int:
        """Return the truth at a moment of a stretch of time."""
        raise NotImplementedError
