"""The limit of dead letters: it ends the worker when too many records of a topic cannot be read.

After a bad deployment upstream, it is better to stop than to drain a topic into the dead-letter topic. Pure: it
counts and knows no Kafka.
"""

from collections import deque
from typing import Final

from workers.errors import TooManyDeadLetters

_WINDOW: Final = 2_000
_MIN_FOR_RATIO: Final = 200


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
        self._consecutive = 0
        self._latest: deque[bool] = deque(maxlen=_WINDOW)
        self._unreadable = 0

    def count(self, *, readable: bool, reason: str = "") -> None:
        """Count one record.

        Args:
            readable: whether it could be read.
            reason: why not.

        Raises:
            TooManyDeadLetters: if the limit is exceeded. The latest records are not yet acknowledged.
        """
        if len(self._latest) == _WINDOW and not self._latest[0]:
            self._unreadable -= 1
        self._latest.append(readable)
        if readable:
            self._consecutive = 0
            return
        self._unreadable += 1
        self._consecutive += 1
        if self._consecutive > self._max_consecutive:
            raise self._too_many(f"{self._consecutive} records in a row", reason)
        if len(self._latest) >= _MIN_FOR_RATIO and self._unreadable > self._max_ratio * len(self._latest):
            raise self._too_many(f"{self._unreadable} of the last {len(self._latest)} records", reason)

    def _too_many(self, share: str, reason: str) -> TooManyDeadLetters:
        return TooManyDeadLetters(
            f"{share} of topic '{self._topic}' cannot be read, the last one because of {reason}. "
            "Compare its payload with sources.yaml; the reasons are in the headers of the dead-letter topic. "
            "To let them through, raise LINGER_DEAD_LETTER_MAX_CONSECUTIVE or LINGER_DEAD_LETTER_MAX_RATIO"
        )
