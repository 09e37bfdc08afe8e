"""The limit of dead letters: a source with too many records that cannot be read is not read further.

After a bad deployment upstream, it is better to stop the source than to drain its topic into the dead-letter topic.
Each source has a limit of its own. Pure: it counts and knows no Kafka.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_WINDOW: Final = 2_000
_MIN_FOR_RATIO: Final = 200


@dataclass(frozen=True, slots=True)
class Excess:
    """How the limit was exceeded.

    Attributes:
        run: unreadable records in a row.
        unreadable: of the latest records, how many could not be read.
        seen: how many latest records those were.
        problem: the same in words.
    """

    run: int
    unreadable: int
    seen: int
    problem: str


class DeadLetterLimit:
    """Watches the share of unreadable records of one topic in one worker.

    Args:
        topic: named in the message.
        max_consecutive: unreadable records allowed in a row.
        max_ratio: share of unreadable records allowed among the last 2,000, once there are 200.
    """

    def __init__(self, topic: str, max_consecutive: int, max_ratio: float) -> None:
        self._topic = topic
        self._max_consecutive = max_consecutive
        self._max_ratio = max_ratio
        self._begin()

    def _begin(self) -> None:
        self._consecutive = 0
        self._latest: deque[bool] = deque(maxlen=_WINDOW)
        self._unreadable = 0

    def count(self, *, readable: bool, reason: str = "") -> Excess | None:
        """Count one record, and return how the limit is exceeded, None if it is not.

        Args:
            readable: whether it could be read.
            reason: why not.
        """
        if len(self._latest) == _WINDOW and not self._latest[0]:
            self._unreadable -= 1
        self._latest.append(readable)
        if readable:
            self._consecutive = 0
            return None
        self._unreadable += 1
        self._consecutive += 1
        run, unreadable, seen = self._consecutive, self._unreadable, len(self._latest)
        if self._allows(run, unreadable, seen):
            return None
        share = (
            f"{run} records in a row" if run > self._max_consecutive else f"{unreadable} of the last {seen} records"
        )
        self._begin()  # what comes after it has gone on counts from zero
        return Excess(run, unreadable, seen, self._problem(share, reason))

    def is_over(self, run: int, unreadable: int, seen: int, waiting: Sequence[bool]) -> bool:
        """Return whether a source that was stopped may go on by itself.

        It may if the present settings would not have stopped it, or if what waits shows that the cause is over: a
        readable record ends the row, or no greater share than allowed is unreadable.

        Args:
            run: unreadable records in a row when it stopped.
            unreadable: of the latest records, how many could not be read then.
            seen: how many latest records those were.
            waiting: for each record that waits, oldest first, whether it can be read now.
        """
        if self._allows(run, unreadable, seen):
            return True
        if not waiting:
            return False
        if run > self._max_consecutive:
            return waiting[-1]
        return len(waiting) - sum(waiting) <= self._max_ratio * len(waiting)

    def _allows(self, run: int, unreadable: int, seen: int) -> bool:
        return run <= self._max_consecutive and not (seen >= _MIN_FOR_RATIO and unreadable > self._max_ratio * seen)

    def _problem(self, share: str, reason: str) -> str:
        return (
            f"{share} cannot be read, the last one because of {reason}. Compare its payload with sources.yaml; the "
            "reasons are in the headers of the dead-letter topic. To let through what waits: "
            f"linger sources resume {self._topic}. The limits are LINGER_DEAD_LETTER_MAX_CONSECUTIVE and "
            "LINGER_DEAD_LETTER_MAX_RATIO"
        )
