"""One source partition that a worker reads: how far it is, what waits, and whether it is stopped."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from workers.core.watermarks import Progress
from workers.intake.merge import PartitionQueue, QueuedRecord
from workers.kafka.records import TopicPartition
from workers.state.stopped_sources import Stop

_QUEUED_DELIVERIES: Final = 2
_LOOK_AHEAD_RECORDS: Final = 2_000
"""How many records of a stopped partition are fetched, to find out whether those that follow can be read again."""


class Cursor:
    """One source partition that this worker reads.

    Attributes:
        offset: every record before it has been forwarded, confirmed by Kafka.
        queued: the offset after the last record in the queue.
        progress: of the partition, as published to other workers and the processor.
        queue: the records that wait.
        is_behind: whether the log held more at the last snapshot than had been forwarded.
        stop: why it is not read further, None while it is.
        unproven: by event type, of the events that came while the source was silent, when the latest happened, and
            when its record was written; see `Silence`.
        forgiven_until: records before this offset do not count for the limit of dead letters.
    """

    def __init__(self, offset: int, progress: Progress, stop: Stop | None) -> None:
        self.offset = self.queued = offset
        self.progress = progress
        self.queue = PartitionQueue(watermark_ms=progress.watermark_ms, next_offset=offset)
        self.is_behind = False
        self.stop = stop
        self.forgiven_until = 0
        self.unproven: dict[str, tuple[int, int]] = {}

    @property
    def is_held(self) -> bool:
        """Whether its records wait, because too many of them cannot be read."""
        return self.stop is not None and self.stop.cause == "dead_letters"

    @property
    def is_full(self) -> bool:
        """Whether no further delivery should be fetched for now."""
        if self.is_held:
            return len(self.queue.records) >= _LOOK_AHEAD_RECORDS
        return len(self.queue.deliveries) >= _QUEUED_DELIVERIES

    def put_back(self, records: Sequence[QueuedRecord]) -> None:
        """Put records back that were taken out of the queue and not passed on, in their order."""
        self.queue.records.extendleft(reversed(records))
        self.queue.next_offset = records[0][2].offset

    def acknowledge(self) -> None:
        """Move the offset up to the records that still wait, and acknowledge the deliveries before it."""
        records, deliveries = self.queue.records, self.queue.deliveries
        self.offset = records[0][2].offset if records else self.queued
        while deliveries and deliveries[0][0] <= self.offset:
            deliveries.popleft()[1]()


def queues_of(
    cursors: Mapping[TopicPartition, Cursor], joining: Collection[str]
) -> tuple[list[PartitionQueue], list[PartitionQueue]]:
    """Return the queues that may be passed on: those of what is new, and those of topics whose past is read."""
    queues: dict[bool, list[PartitionQueue]] = {True: [], False: []}
    for partition, cursor in cursors.items():
        if not cursor.is_held:
            queues[partition.topic in joining].append(cursor.queue)
    return queues[False], queues[True]
