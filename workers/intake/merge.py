"""Merges source partitions by time, so that a backlog is forwarded in the order in which it happened.

Pure: it reads no clock, sends nothing, and does not know the content of a record. While all partitions are caught up,
no record waits. Without the merge, one source would be read hours ahead of another after an outage, and a customer's
log-in at noon would enter the activity topic before the purchase at nine o'clock.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aiokafka import ConsumerRecord

from workers.kafka.records import TopicPartition

MAX_SKEW_MS: Final = 10_000
"""How far one partition of a worker may run ahead of another: more than the skew between caught-up partitions."""

_MAX_MERGED: Final = 2_000
_MAX_OF_THE_PAST: Final = 500
"""Records of the past beside new ones: few enough that these are not late."""
_NO_LIMIT_MS: Final = 1 << 62

QueuedRecord = tuple[int, TopicPartition, ConsumerRecord]
"""A record that waits to be forwarded: its effective time in milliseconds, its partition, the record."""


@dataclass(slots=True, eq=False)
class PartitionQueue:
    """The records of one partition that wait to be passed on.

    Attributes:
        latest_ms: time of the last record taken out; later records are not expected to be older.
        watermark_ms: see `workers.core.watermarks.Progress`.
        next_offset: the offset after the last record taken out.
        log_end: the end offset of the log when it was last read.
        log_end_ms: when the log was last read; no record at or after `log_end` existed yet.
        records: the records, in order of offset.
        deliveries: for each delivery among them, the offset after it, and what acknowledges it.
    """

    latest_ms: int = 0
    watermark_ms: int = 0
    next_offset: int = 0
    log_end: int = 0
    log_end_ms: int = 0
    records: deque[QueuedRecord] = field(default_factory=deque)
    deliveries: deque[tuple[int, Callable[[], object]]] = field(default_factory=deque)

    def head_ms(self) -> int:
        """Return the time of the next record, never earlier than that of a record taken out before."""
        return max(self.latest_ms, self.records[0][0])

    def next_ms(self) -> int:
        """Return the time before which no further record of this partition is expected."""
        if self.records:
            return self.head_ms()
        return max(self.latest_ms, self.watermark_ms, self.log_end_ms if self.next_offset >= self.log_end else 0)


def merge(queues: Iterable[PartitionQueue], merge_limit_ms: int, max_records: int) -> list[QueuedRecord]:
    """Take out the records that may be passed on now, oldest first.

    Args:
        queues: the queues of this worker's partitions.
        merge_limit_ms: no record after this time, because a partition without queued records may still bring older
            ones (see `StallTimeout`).
        max_records: the most records to take out.
    """
    heap = [(queue.head_ms(), number, queue) for number, queue in enumerate(queues) if queue.records]
    heapq.heapify(heap)
    merged: list[QueuedRecord] = []
    while heap and heap[0][0] <= merge_limit_ms and len(merged) < max_records:
        at_ms, number, queue = heap[0]
        merged.append(queue.records.popleft())
        queue.next_offset = merged[-1][2].offset + 1
        queue.latest_ms = at_ms
        if queue.records:
            heapq.heapreplace(heap, (queue.head_ms(), number, queue))
        else:
            heapq.heappop(heap)
            merge_limit_ms = min(merge_limit_ms, queue.next_ms() + MAX_SKEW_MS)
    return merged


def merge_beside_past(
    new: Iterable[PartitionQueue], past: Sequence[PartitionQueue], merge_limit_ms: int
) -> list[QueuedRecord]:
    """Take out what is new in the order of time, then some of the past of topics that have just appeared.

    Args:
        new: the queues of partitions that are merged by time.
        past: those that no other waits for.
        merge_limit_ms: see `merge`; it holds for what is new.
    """
    old = merge(past, _NO_LIMIT_MS, _MAX_OF_THE_PAST) if past else []
    return merge(new, merge_limit_ms, _MAX_MERGED) + old


class StallTimeout:
    """Stops waiting for a partition whose limit does not advance: a dead one must not hold up all others."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._moved: dict[tuple[str, int], tuple[int, float]] = {}

    def merge_limit_ms(self, limits: Mapping[tuple[str, int], int], now_seconds: float, forever_ms: int) -> int:
        """Return the lowest limit among the partitions that are still waited for.

        Args:
            limits: by partition, the time up to which it allows the others to be passed on.
            now_seconds: monotonic time.
            forever_ms: returned if no partition is waited for.
        """
        least_ms = forever_ms
        for partition, limit_ms in limits.items():
            moved = self._moved.get(partition)
            if moved is None or moved[0] != limit_ms:
                moved = self._moved[partition] = (limit_ms, now_seconds)
            if now_seconds - moved[1] <= self._seconds:
                least_ms = min(least_ms, limit_ms)
        return least_ms
