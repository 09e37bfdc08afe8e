"""Dead letters: records that cannot be read, kept with their bytes, their reason and where they came from.

Pure. `DeadLetterLimit` ends the worker when too much is unreadable: after a bad deploy upstream it is better to
stand still than to drain a topic into the dead-letter topic.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from schemas.events import InvalidEvent
from workers.errors import TooManyDeadLetters
from workers.kafka.records import OutboxRecord

REASON: Final = "linger-reason"
DETAIL: Final = "linger-detail"
SOURCE_TOPIC: Final = "linger-source-topic"
SOURCE_PARTITION: Final = "linger-source-partition"
SOURCE_OFFSET: Final = "linger-source-offset"
CUT_FROM: Final = "linger-cut-from-bytes"

_KEPT_BYTES: Final = 256 << 10
_WINDOW: Final = 2_000
_MIN_FOR_RATIO: Final = 200


def dead_letter(
    topic: str,
    source: tuple[str, int, int],
    record: tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]],
    error: InvalidEvent,
) -> OutboxRecord:
    """Return the record for the dead-letter topic.

    Args:
        topic: the dead-letter topic.
        source: topic, partition and offset it was read from.
        record: key, value and headers as they were; they are kept as they are.
        error: why it cannot be read.
    """
    key, value, headers = record
    name, partition, offset = source
    added = (
        (REASON, error.reason.encode()),
        (DETAIL, error.detail.encode(errors="replace")),
        (SOURCE_TOPIC, name.encode()),
        (SOURCE_PARTITION, str(partition).encode()),
        (SOURCE_OFFSET, str(offset).encode()),
    )
    return OutboxRecord(topic, key, value, (*headers, *added))


def cut_dead_letters(records: Sequence[OutboxRecord]) -> list[OutboxRecord]:
    """Shorten dead letters that the topic is too small for; the source still holds the whole of them.

    Raises:
        ValueError: if there is nothing left to shorten.
    """
    cut = [_cut(record) for record in records]
    if cut == list(records):
        raise ValueError("a record is larger than its topic allows; raise max.message.bytes of Linger's topics")
    return cut


def _cut(record: OutboxRecord) -> OutboxRecord:
    value = record.value
    is_dead_letter = any(name == REASON for name, _ in record.headers)
    if not is_dead_letter or value is None or len(value) <= _KEPT_BYTES:
        return record
    headers = (*record.headers, (CUT_FROM, str(len(value)).encode()))
    return OutboxRecord(record.topic, record.key, value[:_KEPT_BYTES], headers)


class DeadLetterLimit:
    """Watches the share of unreadable records of one topic in one worker."""

    def __init__(self, topic: str, max_consecutive: int, max_ratio: float) -> None:
        self._topic = topic
        self._max_consecutive = max_consecutive
        self._max_ratio = max_ratio
        self._consecutive = 0
        self._latest: deque[bool] = deque(maxlen=_WINDOW)
        self._bad = 0

    def count(self, *, readable: bool, reason: str = "") -> None:
        """Count one record.

        Raises:
            TooManyDeadLetters: when the limit is passed. The records counted last are not yet acknowledged.
        """
        if len(self._latest) == _WINDOW and not self._latest[0]:
            self._bad -= 1
        self._latest.append(readable)
        if readable:
            self._consecutive = 0
            return
        self._bad += 1
        self._consecutive += 1
        if self._consecutive > self._max_consecutive:
            raise self._too_many(f"{self._consecutive} records in a row", reason)
        if len(self._latest) >= _MIN_FOR_RATIO and self._bad > self._max_ratio * len(self._latest):
            raise self._too_many(f"{self._bad} of the last {len(self._latest)} records", reason)

    def _too_many(self, found: str, reason: str) -> TooManyDeadLetters:
        return TooManyDeadLetters(
            f"{found} of topic '{self._topic}' cannot be read, the last one because of {reason}. "
            "Compare its payload with sources.yaml; the reasons are in the headers of the dead-letter topic. "
            "To let them through, raise LINGER_DEAD_LETTER_MAX_CONSECUTIVE or LINGER_DEAD_LETTER_MAX_RATIO"
        )
