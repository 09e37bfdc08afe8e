"""Merging source partitions by time, so that a backlog is passed on in the order in which it happened.

Pure. While everybody is caught up, nothing waits. After an outage one source would otherwise be read hours ahead
of another, and a customer's log-in of noon would enter the log before the purchase of nine o'clock.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from aiokafka import ConsumerRecord

MAX_SKEW_MS: Final = 10_000
"""How far one partition of a worker may run ahead of another: more than caught-up ones differ."""


QueuedRecord = tuple[int, ConsumerRecord]
"""A record that waits to be passed on, behind the time it counts as of, in milliseconds."""


@dataclass(slots=True, eq=False)
class PartitionQueue:
    """The waiting records of one partition.

    Attributes:
        latest_ms: time of the last record taken out; records to come are not expected to be older.
        watermark_ms: see `workers.core.watermarks.Progress`.
        taken: the offset behind the last record taken out.
        known: where the log ended at a moment (ms); what comes behind it was not there before that.
        records: waiting, in order of offset.
        ends: for each delivery among them, the offset behind it and what to call when it is done with.
    """

    latest_ms: int = 0
    watermark_ms: int = 0
    taken: int = 0
    known: tuple[int, int] = (0, 0)
    records: deque[QueuedRecord] = field(default_factory=deque)
    ends: deque[tuple[int, Callable[[], object]]] = field(default_factory=deque)

    def head_ms(self) -> int:
        """Return the time of the next record, never earlier than what was taken before."""
        return max(self.latest_ms, self.records[0][0])

    def next_ms(self) -> int:
        """Return the time before which nothing is expected to come from here any more."""
        if self.records:
            return self.head_ms()
        end, at_ms = self.known
        return max(self.latest_ms, self.watermark_ms, at_ms if self.taken >= end else 0)


def merge(lanes: Iterable[PartitionQueue], barrier_ms: int, limit: int) -> list[QueuedRecord]:
    """Take the records that may be passed on now, oldest first.

    Args:
        lanes: the partitions of this worker.
        barrier_ms: up to when those allow that have nothing waiting (see `StallTimeout`).
        limit: at most so many records.
    """
    heap = [(lane.head_ms(), number, lane) for number, lane in enumerate(lanes) if lane.records]
    heapq.heapify(heap)
    taken: list[QueuedRecord] = []
    while heap and heap[0][0] <= barrier_ms and len(taken) < limit:
        at_ms, number, lane = heap[0]
        taken.append(lane.records.popleft())
        lane.taken = taken[-1][1].offset + 1
        lane.latest_ms = at_ms
        if lane.records:
            heapq.heapreplace(heap, (lane.head_ms(), number, lane))
        else:
            heapq.heappop(heap)
            barrier_ms = min(barrier_ms, lane.next_ms() + MAX_SKEW_MS)
    return taken


class StallTimeout:
    """Stops waiting for a partition whose bound does not move: one dead partition must not hold up all."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._moved: dict[str, tuple[int, float]] = {}

    def bound_ms(self, bounds: Mapping[str, int], now_seconds: float, forever_ms: int) -> int:
        """Return the least bound among the partitions that are worth waiting for.

        Args:
            bounds: by partition.
            now_seconds: monotonic time.
            forever_ms: what to return if there is none.
        """
        least_ms = forever_ms
        for place, bound_ms in bounds.items():
            known = self._moved.get(place)
            if known is None or known[0] != bound_ms:
                known = self._moved[place] = (bound_ms, now_seconds)
            if now_seconds - known[1] <= self._seconds:
                least_ms = min(least_ms, bound_ms)
        return least_ms
