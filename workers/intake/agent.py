"""Intake: source topics -> the activity topic.

Maps, validates and re-keys source records, the oldest first (`workers.intake.merge`). A delivery is acknowledged only
after Kafka confirmed every record made from it, so intake delivers at least once. Each record carries its source
position, by which the processor drops records that it has already folded. Intake must never know customers' state or
rules.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiokafka import ConsumerRecord

from schemas.events import InvalidEvent
from schemas.sources import SourcesFile
from workers.clock import Clock, Reading, believed_ms
from workers.core.coverage import FOREVER_MS
from workers.core.direct_producers import SOURCE_HEADER, intake_sources
from workers.core.events.fast_mapping import compile_converter
from workers.core.events.mapping import SourceRecord
from workers.core.watermarks import Progress
from workers.dead_letters.limit import DeadLetterLimit
from workers.dead_letters.record import dead_letter
from workers.intake.merge import MAX_SKEW_MS, PartitionQueue, QueuedRecord, StallTimeout, merge
from workers.kafka.faust_batches import Delivery
from workers.kafka.producer import Publisher
from workers.kafka.records import OutboxRecord, SeekTo, TopicPartition
from workers.observability import metrics
from workers.settings import Settings

_QUEUED_DELIVERIES: Final = 2
# Workers exchange their progress once a tick. With less than this, a backlog would wait for the ticks.
_MAX_SKEW_OF_WORKERS_MS: Final = 600_000
# More while far behind: at ten minutes a tick, a year would take hours. A twentieth of the rest takes some 200 ticks.
_SKEW_SHARE: Final = 20
_MAX_SKEW_OF_REPLAY_MS: Final = 30 * 86_400_000
_MAX_MERGED: Final = 2_000
_IN_FLIGHT_RECORDS: Final = 1_000
"""A partition with more unsent records has a backlog; this number is forwarded within a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The delivery waits in the queue of its partition.

    Attributes:
        is_full: the queue is full: fetch no more of the partition until `Intake.run` yields it.
    """

    is_full: bool


@dataclass(frozen=True, slots=True)
class NotAssigned:
    """The delivery was dropped, because its partition is not assigned to this worker any more."""


Acceptance = Accepted | SeekTo | NotAssigned


class _Cursor:
    """One source partition that this worker reads.

    Attributes:
        offset: every record before it has been forwarded, confirmed by Kafka.
        queued: the offset after the last record in the queue.
        progress: of the partition, as published to other workers and the processor.
        queue: the records that wait.
        is_behind: whether the log held more at the last snapshot than had been forwarded.
    """

    def __init__(self, offset: int, progress: Progress) -> None:
        self.offset = self.queued = offset
        self.progress = progress
        self.queue = PartitionQueue(watermark_ms=progress.watermark_ms, next_offset=offset)
        self.is_behind = False

    @property
    def is_full(self) -> bool:
        """Whether no further delivery should be fetched for now."""
        return len(self.queue.deliveries) >= _QUEUED_DELIVERIES

    def acknowledge(self) -> None:
        """Move the offset up to the records that still wait, and acknowledge the deliveries before it."""
        records, deliveries = self.queue.records, self.queue.deliveries
        self.offset = records[0][2].offset if records else self.queued
        while deliveries and deliveries[0][0] <= self.offset:
            deliveries.popleft()[1]()


class Intake:
    """Reads the source partitions assigned to this worker."""

    def __init__(self, settings: Settings, sources: SourcesFile, publisher: Publisher, clock: Clock) -> None:
        self._activity_topic = settings.topic("activity")
        self._dead_letter_topic = settings.topic("dead-letter")
        self._publisher = publisher
        self._clock = clock
        self._max_future_ms = round(settings.max_future.total_seconds() * 1000)
        declared = frozenset(sources.event_types)
        self._converters = {
            source.topic: compile_converter(source, declared)
            for source in intake_sources(sources, self._activity_topic)
        }
        self._limits = {
            topic: DeadLetterLimit(topic, settings.dead_letter_max_consecutive, settings.dead_letter_max_ratio)
            for topic in self._converters
        }
        self._cursors: dict[TopicPartition, _Cursor] = {}
        self._limits_elsewhere: dict[tuple[str, int], int] = {}
        is_replay = settings.clock == "replay"
        self._max_skew_ms = _MAX_SKEW_OF_REPLAY_MS if is_replay else _MAX_SKEW_OF_WORKERS_MS
        self._stall_timeout = StallTimeout(2 * settings.kafka_session_timeout_ms / 1000)
        self._now_ms = 0
        self._changed = asyncio.Event()
        self._passed_on = asyncio.Event()

    @property
    def topics(self) -> list[str]:
        """The source topics."""
        return list(self._converters)

    @property
    def partitions(self) -> list[TopicPartition]:
        """The source partitions assigned to this worker."""
        return list(self._cursors)

    def positions(self) -> dict[TopicPartition, int]:
        """Return for each partition the offset before which every record has been passed on."""
        return {partition: cursor.offset for partition, cursor in self._cursors.items()}

    def is_behind(self) -> bool:
        """Return whether, at the last snapshot, a partition held records that had not been passed on."""
        return any(cursor.is_behind for cursor in self._cursors.values())

    def assign(self, positions: Mapping[TopicPartition, int], progress: Mapping[tuple[str, int], Progress]) -> None:
        """Replace the assigned partitions; each continues from its position and its last published progress."""
        self._cursors = {
            partition: _Cursor(offset, progress.get(partition, Progress())) for partition, offset in positions.items()
        }

    async def wait_for_in_flight(self, ends: Mapping[TopicPartition, int], seconds: float) -> None:
        """Wait until the records before some end offsets have been passed on, at most `seconds`.

        Under load some records are always in flight, so a snapshot without this wait would never see a partition
        caught up. A partition with a backlog is not waited for.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while 0 < self._in_flight(ends) <= _IN_FLIGHT_RECORDS:
                    await self._passed_on.wait()

    def _in_flight(self, ends: Mapping[TopicPartition, int]) -> int:
        """Return the most records that a partition of this worker has before its end."""
        behind = (
            end - cursor.offset
            for partition, end in ends.items()
            if (cursor := self._cursors.get(partition)) is not None
        )
        return max(behind, default=0)

    def accept(self, partition: TopicPartition, delivery: Delivery, done: Callable[[], object]) -> Acceptance:
        """Put one delivery into the queue of its partition.

        Args:
            partition: the partition it is from.
            delivery: the records.
            done: acknowledges the delivery. It is called once, when all of it has been passed on, in the order of the
                partition's deliveries; never if the delivery is dropped, or the partition assigned again before.
        """
        cursor = self._cursors.get(partition)
        if cursor is None:
            return NotAssigned()
        if not delivery.is_contiguous(cursor.queued):
            return SeekTo(cursor.queued)
        cursor.queue.records.extend(
            (believed_ms(self._clock, record.timestamp), partition, record)
            for record in delivery.records
            if record.offset >= cursor.queued
        )
        cursor.queue.deliveries.append((delivery.end, done))
        cursor.queued = max(cursor.queued, delivery.end)
        self._changed.set()
        return Accepted(is_full=cursor.is_full)

    async def run(self) -> AsyncIterator[TopicPartition]:
        """Pass on accepted records until cancelled; yield a partition each time its queue has room for more.

        Raises:
            TooManyDeadLetters: before any of the records that exceed the limit is sent.
        """
        while True:
            self._changed.clear()
            cursors = self._cursors
            merge_limit_ms = self._stall_timeout.merge_limit_ms(self._merge_limits(), time.monotonic(), FOREVER_MS)
            merged = merge([cursor.queue for cursor in cursors.values()], merge_limit_ms, _MAX_MERGED)
            if merged:
                for partition in await self._pass_on(cursors, merged):
                    yield partition
            else:
                await self._changed.wait()

    def _merge_limits(self) -> dict[tuple[str, int], int]:
        """Return for each partition with an empty queue the time up to which others may be passed on."""
        limits = dict(self._limits_elsewhere)
        for partition, cursor in self._cursors.items():
            if not cursor.queue.records:
                limits[partition] = cursor.queue.next_ms() + MAX_SKEW_MS
        return limits

    async def _pass_on(
        self, cursors: Mapping[TopicPartition, _Cursor], merged: Sequence[QueuedRecord]
    ) -> list[TopicPartition]:
        """Send the records and acknowledge their deliveries; return the partitions with room for more."""
        outgoing: list[OutboxRecord] = []
        origins: list[_Cursor] = []
        last_record_ms: dict[TopicPartition, int] = {}
        tally = _Tally()
        for at_ms, partition, record in merged:
            progress = cursors[partition].progress
            progress.since_ms = progress.since_ms or at_ms or self._now_ms
            out, is_readable = self._convert(record, tally)
            if is_readable:
                last_record_ms[partition] = max(last_record_ms.get(partition, 0), at_ms or self._now_ms)
            if out is not None:
                outgoing.append(out)
                origins.append(cursors[partition])
        tally.report()
        sent_to = await self._publisher.send(outgoing) if outgoing else []
        for cursor, out, (activity_partition, offset) in zip(origins, outgoing, sent_to, strict=True):
            if out.topic == self._activity_topic:
                sent = cursor.progress.sent
                sent[activity_partition] = max(sent.get(activity_partition, 0), offset + 1)
        # Only now: a worker's death loses the records that it has read but not forwarded, so they must not count as
        # seen.
        for partition, at_ms in last_record_ms.items():
            cursors[partition].progress.last_record_ms = max(cursors[partition].progress.last_record_ms, at_ms)
        if cursors is not self._cursors:
            return []  # assigned again meanwhile: the next reader of these partitions starts from Kafka's position
        passed_on = {partition for _, partition, _ in merged}
        for partition in passed_on:
            cursors[partition].acknowledge()
        self._passed_on.set()
        self._passed_on = asyncio.Event()
        return [partition for partition in passed_on if not cursors[partition].is_full]

    def snapshot(
        self,
        reading: Reading,
        ends: Mapping[TopicPartition, int],
        partition_counts: Mapping[str, int],
        positions_past_gaps: Mapping[TopicPartition, int],
    ) -> dict[tuple[str, int], Progress]:
        """Return the progress of each source partition, to be published.

        Args:
            reading: the clock, read before the end offsets.
            ends: end offsets of the source partitions.
            partition_counts: by topic, the number of its partitions.
            positions_past_gaps: for each of `positions()`, the position past any confirmed gap that begins there.
        """
        self._now_ms = reading.now_ms
        snapshot: dict[tuple[str, int], Progress] = {}
        for partition, cursor in self._cursors.items():
            progress = cursor.progress
            end = max(ends.get(partition, 0), reading.ends.get(partition, 0))
            offset = cursor.offset
            if offset == cursor.queued:
                offset = positions_past_gaps.get(partition, offset)
            cursor.is_behind = offset < end
            if not cursor.is_behind:
                progress.watermark_ms = max(progress.watermark_ms, reading.now_ms)
                progress.since_ms = progress.since_ms or reading.now_ms
            elif progress.last_record_ms:
                # Not caught up, so the last record is the evidence; others may follow in its millisecond.
                progress.watermark_ms = max(progress.watermark_ms, min(progress.last_record_ms - 1, reading.now_ms))
            progress.partitions = partition_counts.get(partition.topic, progress.partitions)
            cursor.queue.watermark_ms = progress.watermark_ms
            cursor.queue.log_end, cursor.queue.log_end_ms = end, reading.now_ms
            progress.next_ms = cursor.queue.next_ms()
            snapshot[partition] = progress
        return snapshot

    def note_other_workers(self, progress: Mapping[tuple[str, int], Progress]) -> None:
        """Note the published progress of the partitions that other workers read, so as not to run far ahead."""
        self._limits_elsewhere = {
            (topic, partition): report.next_ms
            + max(self._max_skew_ms, (self._now_ms - report.next_ms) // _SKEW_SHARE)
            for (topic, partition), report in progress.items()
            if topic in self._converters and TopicPartition(topic, partition) not in self._cursors
        }
        self._changed.set()

    def _convert(self, record: ConsumerRecord, tally: "_Tally") -> tuple[OutboxRecord | None, bool]:
        """Return the event or dead letter made from a source record, if any, and whether the record is readable."""
        topic, headers = record.topic, record.headers
        tally.read[topic] += 1
        source_record = SourceRecord(
            topic, record.partition, record.offset, record.timestamp, record.key, record.value, headers
        )
        latest_ms = self._clock.latest_plausible_ms(record.timestamp) + self._max_future_ms
        try:
            event = self._converters[topic](source_record, latest_ms)
        except InvalidEvent as error:
            self._limits[topic].count(readable=False, reason=error.reason)
            tally.dead[topic, error.reason] += 1
            source = (topic, record.partition, record.offset)
            content = (record.key, record.value, tuple(headers))
            return dead_letter(self._dead_letter_topic, source, content, error), False
        self._limits[topic].count(readable=True)
        if event is None:
            tally.skipped[topic] += 1
            return None, True
        for name, reason in event.left_out:
            tally.left_out[topic, name, reason] += 1
        if event.unknown_fields:
            tally.unknown[event.type] += event.unknown_fields
        position = (SOURCE_HEADER, f"{topic}:{record.partition}:{record.offset}".encode())
        return OutboxRecord(self._activity_topic, event.customer_id.encode(), event.value, (position,)), True


class _Tally:
    """Counts of one batch for the metrics, so that each label is looked up once per batch, not once per record.

    Attributes:
        read: records by source topic.
        dead: dead letters by source topic and reason.
        skipped: records that `only_when` skips, by source topic.
        unknown: fields that an event type does not have, by type.
        left_out: values that were cut or left out, by source topic, attribute and reason.
    """

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        self.dead: Counter[tuple[str, str]] = Counter()
        self.skipped: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.left_out: Counter[tuple[str, str, str]] = Counter()

    def report(self) -> None:
        """Add the counts to the metrics."""
        for topic, count in self.read.items():
            metrics.RECORDS_READ.labels(topic).inc(count)
        for (topic, reason), count in self.dead.items():
            metrics.DEAD_LETTERS.labels(topic, reason).inc(count)
        for topic, count in self.skipped.items():
            metrics.RECORDS_SKIPPED.labels(topic).inc(count)
        for event_type, count in self.unknown.items():
            metrics.UNKNOWN_FIELDS.labels(event_type).inc(count)
        metrics.count_left_out(self.left_out)
