"""Lag: how much of the activity topic and of the sources is not read here, and for how long that has waited."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from workers.core.watermarks import Progress
from workers.kafka.records import TopicPartition
from workers.observability import metrics
from workers.processor.partition import OwnedPartition

_TIME: Final = time.time


class LagWatch:
    """Shows the lag of what is read here, once a tick."""

    def __init__(self, wall: Callable[[], float] = _TIME) -> None:
        """Set up.

        Args:
            wall: the time in seconds by which Kafka stamps records.
        """
        self._wall = wall
        self._caught_up: dict[int, float] = {}

    def look_at_activity(
        self,
        partitions: Mapping[int, OwnedPartition],
        ends: Mapping[int, int],
        position_past_gaps: Callable[[int, int], int],
    ) -> None:
        """Show the lag of the activity partitions.

        The first record that is not folded is known while it is here. Until it has been fetched, its wait is counted
        since the partition was last seen without lag, or else since it was claimed.

        Args:
            partitions: those that this worker owns.
            ends: their end offsets.
            position_past_gaps: returns, for a partition and an offset, the offset moved past any confirmed gap.
        """
        now = self._wall()
        records: dict[str, float] = {}
        seconds: dict[str, float] = {}
        for number, partition in partitions.items():
            if number not in ends:
                continue  # claimed after the ends were read
            lag = max(0, ends[number] - position_past_gaps(number, partition.meta.offset))
            if not lag:
                self._caught_up[number] = now
            since = self._caught_up.setdefault(number, now)
            if partition.unread_ms is not None and partition.unread_ms > 0:
                since = partition.unread_ms / 1000
            records[str(number)] = lag
            seconds[str(number)] = max(0.0, now - since) if lag else 0
        for number in self._caught_up.keys() - partitions.keys():
            del self._caught_up[number]
        metrics.LAG_RECORDS.show(records)
        metrics.LAG_SECONDS.show(seconds)
        metrics.PARTITIONS.set(sum(partition.lost_at is None for partition in partitions.values()))
        metrics.PARTITIONS_STOPPED.set(sum(partition.stopped for partition in partitions.values()))


def show_source_lag(
    progress: Mapping[tuple[str, int], Progress],
    positions: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    now_ms: int,
) -> None:
    """Show the lag of the source partitions that this worker reads.

    Args:
        progress: of all source partitions.
        positions: of the partitions read here, moved past confirmed gaps.
        ends: their end offsets.
        now_ms: Linger's clock.
    """
    records: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for place, offset in positions.items():
        lag = max(0, ends.get(place, 0) - offset)
        records[place.topic] = records.get(place.topic, 0) + lag
        read_until_ms = progress[place].watermark_ms if place in progress else 0
        waited = max(0, now_ms - read_until_ms) / 1000 if lag and read_until_ms else 0
        seconds[place.topic] = max(seconds.get(place.topic, 0), waited)
    metrics.SOURCE_LAG_RECORDS.show(records)
    metrics.SOURCE_LAG_SECONDS.show(seconds)
