"""One source partition that a worker reads: how far it is, what waits, and whether it is stopped."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from workers.core.watermarks import Progress
from workers.intake.merge import PartitionQueue, QueuedRecord
from workers.kafka.records import TopicPartition
from workers.state.stopped_sources import Stop

_QUEUED_DELIVERIES: Final = 2
_LOOK_AHEAD_RECORDS: Final = 2_000
"""How many records of a stopped partition are fetched, to find out whether those that follow can be read again."""


class Heard(NamedTuple):
    """The latest of some events of one type.

    Attributes:
        at_ms: when it happened.
        written_ms: when the latest of their records was written.
    """

    at_ms: int
    written_ms: int


@dataclass(slots=True)
class Unproven:
    """Events of one type that came while their source was silent.

    Attributes:
        first: what waits for its proof. It takes in nothing else: while events never cease, no proof would come.
        later: what came since; it waits its turn.
    """

    first: Heard
    later: Heard | None = None

    def add(self, heard: Heard) -> None:
        """Add an event that came."""
        known = self.later or heard
        self.later = Heard(max(known.at_ms, heard.at_ms), max(known.written_ms, heard.written_ms))


class Cursor:
    """One source partition that this worker reads.

    Attributes:
        offset: every record before it has been forwarded, confirmed by Kafka.
        queued: the offset after the last record in the queue.
        progress: of the partition, as published to other workers and the processor.
        queue: the records that wait.
        is_behind: whether the log held more at the last snapshot than had been forwarded.
        stop: why it is not read further, None while it is.
        unproven: by event type, the events that came while the source was silent; see `Silence`.
        forgiven_until: records before this offset do not count for the limit of dead letters.
        waits: its records hold several events, and some owner of an activity partition may not distinguish these.
        schema_id: the schema that its next record names and that is not known yet; None if it does not wait for one.
        registry_problem: why the schema registry does not answer, None if it does, or is being asked.
    """

    def __init__(self, offset: int, progress: Progress, stop: Stop | None, *, waits: bool = False) -> None:
        self.offset = self.queued = offset
        self.progress = progress
        self.queue = PartitionQueue(watermark_ms=progress.watermark_ms, next_offset=offset)
        self.is_behind = False
        self.stop = stop
        self.waits = waits
        self.forgiven_until = 0
        self.schema_id: int | None = None
        self.registry_problem: str | None = None
        self.unproven: dict[str, Unproven] = {}

    @property
    def is_held(self) -> bool:
        """Whether its records wait: too many of them cannot be read, or their events cannot be distinguished yet."""
        return self.waits or (self.stop is not None and self.stop.cause != "undecodable")

    @property
    def has_dead_letters(self) -> bool:
        """Whether it is stopped because too many of its records cannot be read."""
        return self.stop is not None and self.stop.cause == "dead_letters"

    @property
    def is_kept_back(self) -> bool:
        """Whether its records wait, for any reason."""
        return self.schema_id is not None or self.is_held

    @property
    def is_left_behind(self) -> bool:
        """Whether the others go on without it: it is stopped, or its schema registry does not answer."""
        return self.stop is not None or self.registry_problem is not None

    @property
    def is_full(self) -> bool:
        """Whether no further delivery should be fetched for now."""
        if self.has_dead_letters:
            return len(self.queue.records) >= _LOOK_AHEAD_RECORDS
        return len(self.queue.deliveries) >= _QUEUED_DELIVERIES

    def put_back(self, records: Sequence[QueuedRecord]) -> None:
        """Put records back that were taken out of the queue and not passed on, in their order."""
        self.queue.records.extendleft(reversed(records))
        self.queue.next_offset = records[0][2].offset
        self.queue.latest_ms = min(self.queue.latest_ms, records[0][0])

    def acknowledge(self) -> None:
        """Move the offset up to the records that still wait, and acknowledge the deliveries before it."""
        records, deliveries = self.queue.records, self.queue.deliveries
        self.offset = records[0][2].offset if records else self.queued
        while deliveries and deliveries[0][0] <= self.offset:
            deliveries.popleft()[1]()

    def report(self, now_ms: int, end: int, past_gaps: int, *, is_outdated: bool) -> Progress:
        """Bring the progress up to date, and return it.

        Args:
            now_ms: the clock, read before the end of the log.
            end: the end of the log.
            past_gaps: `offset`, or the position past a confirmed gap that begins there.
            is_outdated: the worker waits for newer sources, so others do not wait for it.
        """
        progress = self.progress
        self.is_behind = (past_gaps if self.offset == self.queued else self.offset) < end
        if not self.is_behind:
            progress.watermark_ms = max(progress.watermark_ms, now_ms)
            progress.since_ms = progress.since_ms or now_ms
        elif progress.last_record_ms:
            # Not caught up, so the last record is the evidence; others may follow in its millisecond.
            progress.watermark_ms = max(progress.watermark_ms, min(progress.last_record_ms - 1, now_ms))
        elif self.is_left_behind:
            # Nothing of it was ever read. Without a beginning, every rule would wait for it, not only its own.
            progress.since_ms = progress.since_ms or now_ms
        progress.offset = self.offset
        self.queue.watermark_ms = progress.watermark_ms
        self.queue.log_end, self.queue.log_end_ms = end, now_ms
        # Other workers need not wait for what a stopped partition may still bring.
        progress.next_ms = now_ms if self.is_left_behind or is_outdated else self.queue.next_ms()
        return progress


def queues_of(
    cursors: Mapping[TopicPartition, Cursor], joining: Collection[str]
) -> tuple[list[PartitionQueue], list[PartitionQueue]]:
    """Return the queues that may be passed on: those of what is new, and those of topics whose past is read."""
    queues: dict[bool, list[PartitionQueue]] = {True: [], False: []}
    for partition, cursor in cursors.items():
        if not cursor.is_kept_back:
            queues[partition.topic in joining].append(cursor.queue)
    return queues[False], queues[True]
