"""Intake: source topics -> the activity topic.

Maps, validates and re-keys source records, the oldest first (`workers.intake.merge`). A delivery is acknowledged only
after Kafka confirmed every record made from it, so intake delivers at least once. Each record carries its source
position, by which the processor drops records that it has already folded. Intake must never know customers' state or
rules.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from schemas.sources import SourcesFile
from workers.clock import Clock, Reading, believed_ms
from workers.core.coverage import FOREVER_MS
from workers.core.watermarks import Progress
from workers.dead_letters.limit import Excess
from workers.intake.conversion import Conversion
from workers.intake.cursor import Cursor, queues_of
from workers.intake.merge import MAX_SKEW_MS, QueuedRecord, StallTimeout, merge_beside_past
from workers.intake.passage import Passage
from workers.intake.silence import Silence
from workers.intake.skips import Skips
from workers.intake.stopping import Stopping
from workers.intake.waiting import SchemaWait
from workers.kafka.faust_batches import Delivery
from workers.kafka.producer import Publisher
from workers.kafka.records import SeekTo, TopicPartition
from workers.registry.schemas import Schemas
from workers.settings import Settings
from workers.state.stopped_sources import Stop

# Workers exchange their progress once a tick. With less than this, a backlog would wait for the ticks.
_MAX_SKEW_OF_WORKERS_MS: Final = 600_000
# More while far behind: at ten minutes a tick, a year would take hours. A twentieth of the rest takes some 200 ticks.
_SKEW_SHARE: Final = 20
_MAX_SKEW_OF_REPLAY_MS: Final = 30 * 86_400_000
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


class Intake:
    """Reads the source partitions assigned to this worker.

    Attributes:
        stopping: stops single partitions, and lets them go on.
        waiting: holds back records whose schema is not known yet.
        passing_on: held while records are turned into events and sent. Hold it to call `take_sources`.
        is_outdated: other workers have newer sources: nothing is turned into an event until they are here, too.
    """

    def __init__(
        self,
        settings: Settings,
        sources: SourcesFile,
        publisher: Publisher,
        clock: Clock,
        schemas: Schemas | None = None,
    ) -> None:
        self._settings = settings
        self._schemas = schemas
        self._activity_topic = settings.topic("activity")
        self._publisher = publisher
        self._clock = clock
        self._conversion = Conversion(settings, sources, clock, schemas)
        self._silence = Silence(sources)
        self._skips = {topic: Skips() for topic in self._conversion.topics}
        self._read = {source.topic: source for source in sources.sources}
        self._cursors: dict[TopicPartition, Cursor] = {}
        self._limits_elsewhere: dict[tuple[str, int], int] = {}
        is_replay = settings.clock == "replay"
        self._max_skew_ms = _MAX_SKEW_OF_REPLAY_MS if is_replay else _MAX_SKEW_OF_WORKERS_MS
        self._stall_timeout = StallTimeout(2 * settings.kafka_session_timeout_ms / 1000)
        self._now_ms = 0
        self._changed = asyncio.Event()
        self.stopping = Stopping(self._conversion, self._changed.set)
        self.waiting = SchemaWait(schemas, self._conversion.schema_topics)
        if schemas is not None:
            schemas.changed = self._changed.set
        self._passed_on = asyncio.Event()
        self.passing_on = asyncio.Lock()
        self.is_outdated = False
        self._joining: frozenset[str] = frozenset()

    def take_sources(self, sources: SourcesFile, joining: Collection[str] = ()) -> None:
        """Turn records into events by other sources, beginning with those that wait; drop partitions of other topics.

        Args:
            sources: one for each topic.
            joining: topics whose past is read now, while no other partition waits for them.
        """
        self._joining = frozenset(joining)
        self._conversion = Conversion(self._settings, sources, self._clock, self._schemas)
        self._silence = Silence(sources)
        read = {source.topic: source for source in sources.sources}
        self._skips = {
            topic: self._skips[topic] if self._read.get(topic) == read[topic] else Skips() for topic in self.topics
        }
        self._read = read
        self._cursors = {place: cursor for place, cursor in self._cursors.items() if place.topic in self._skips}
        self.stopping.take_over(self._conversion, self._cursors)
        self.waiting.take_over(self._conversion.schema_topics, self._cursors)
        self._changed.set()

    @property
    def topics(self) -> list[str]:
        """The source topics."""
        return self._conversion.topics

    @property
    def gives_items(self) -> bool:
        """Whether a record of some source may hold several events."""
        return bool(self._conversion.with_items)

    @property
    def partitions(self) -> list[TopicPartition]:
        """The source partitions assigned to this worker."""
        return list(self._cursors)

    def positions(self) -> dict[TopicPartition, int]:
        """Return for each partition the offset before which every record has been passed on."""
        return {partition: cursor.offset for partition, cursor in self._cursors.items()}

    def is_behind(self) -> bool:
        """Return whether, at the last snapshot, a partition held records that could be passed on and were not."""
        return not self.is_outdated and any(
            cursor.is_behind and not cursor.is_left_behind for cursor in self._cursors.values()
        )

    def assign(
        self,
        positions: Mapping[TopicPartition, int],
        progress: Mapping[tuple[str, int], Progress],
        stops: Mapping[TopicPartition, Stop],
    ) -> None:
        """Replace the assigned partitions.

        Args:
            positions: from where each continues.
            progress: as it was published last.
            stops: those that were stopped; each stays so until it has been tried.
        """
        self._cursors = {
            partition: Cursor(
                offset,
                progress.get(partition, Progress()),
                stops.get(partition),
                waits=partition.topic in self._conversion.with_items and not self.stopping.knows_owners,
            )
            for partition, offset in positions.items()
            if partition.topic in self._skips  # else it was assigned for sources that were replaced meanwhile
        }
        self.stopping.cursors = self.waiting.cursors = self._cursors

    def skips(self, now_seconds: float) -> dict[str, str]:
        """Return by topic what is unusual in what this worker skips; `now_seconds` is of a monotonic clock."""
        for skips in self._skips.values():
            skips.look(now_seconds)
        return {topic: skips.problem for topic, skips in self._skips.items() if skips.problem is not None}

    # -- records -------------------------------------------------------------------------------------------

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
            if partition.topic not in self._joining
            and (cursor := self._cursors.get(partition)) is not None
            and not cursor.is_left_behind
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
        if partition.topic in self.waiting.topics:
            self.waiting.look_ahead(delivery.records)
        cursor.queued = max(cursor.queued, delivery.end)
        self._changed.set()
        return Accepted(is_full=cursor.is_full)

    async def run(self) -> AsyncIterator[TopicPartition]:
        """Pass on accepted records until cancelled; yield a partition each time its queue has room for more.

        Once too many records of a topic cannot be read, it is stopped before the first one above the limit.
        """
        while True:
            self._changed.clear()
            async with self.passing_on:
                cursors = self._cursors
                self.waiting.go_on()
                merge_limit_ms = self._stall_timeout.merge_limit_ms(
                    self._merge_limits(), time.monotonic(), FOREVER_MS
                )
                new, past = queues_of(cursors, self._joining)
                merged = [] if self.is_outdated else merge_beside_past(new, past, merge_limit_ms)
                with_room = await self._pass_on(cursors, merged) if merged else []
            for partition in with_room:
                yield partition
            if not merged:
                await self._changed.wait()

    def _merge_limits(self) -> dict[tuple[str, int], int]:
        """Return for each partition whose next record is not there yet the time up to which others may be passed on.

        A record whose schema is being asked for is not there yet either.
        """
        limits = dict(self._limits_elsewhere)
        for partition, cursor in self._cursors.items():
            is_awaited = not cursor.queue.records or cursor.schema_id is not None
            if is_awaited and not cursor.is_left_behind and partition.topic not in self._joining:
                limits[partition] = cursor.queue.next_ms() + MAX_SKEW_MS
        return limits

    async def _pass_on(
        self, cursors: Mapping[TopicPartition, Cursor], merged: Sequence[QueuedRecord]
    ) -> list[TopicPartition]:
        """Send the records and acknowledge their deliveries; return the partitions with room for more."""
        passage, schema_topics, latest_ms = Passage(cursors, self._now_ms), self.waiting.topics, FOREVER_MS
        for queued in merged:
            at_ms, partition, record = queued
            cursor = cursors[partition]
            if cursor.is_kept_back or at_ms > latest_ms or passage.holds(partition):
                passage.hold(queued)
                continue
            if partition.topic in schema_topics and self.waiting.holds(cursor, record):
                passage.hold(queued)
                if not cursor.is_left_behind:
                    latest_ms = min(latest_ms, at_ms + MAX_SKEW_MS)
                continue
            converted = self._conversion.convert(record, passage.tally, counts=record.offset >= cursor.forgiven_until)
            if isinstance(converted, Excess):
                passage.hold(queued)
                self.stopping.hold(partition.topic, converted, self._now_ms)
            else:
                passage.add(queued, converted)
        passage.put_back()  # before anything is awaited
        passage.tally.report()
        for topic, events, skipped in passage.tally.outcomes():
            self._skips[topic].note(events, skipped, time.monotonic())
        sent_to = await self._publisher.send(passage.outgoing) if passage.outgoing else []
        passage.note_sent(sent_to, self._activity_topic, self._silence)
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
            end = max(ends.get(partition, 0), reading.ends.get(partition, 0))
            past_gaps = positions_past_gaps.get(partition, cursor.offset)
            progress = cursor.report(reading.now_ms, end, past_gaps, is_outdated=self.is_outdated)
            progress.partitions = partition_counts.get(partition.topic, progress.partitions)
            snapshot[partition] = progress
        self._silence.prove(self._cursors)
        return snapshot

    def note_other_workers(self, progress: Mapping[tuple[str, int], Progress]) -> None:
        """Note the published progress of the partitions that other workers read, so as not to run far ahead."""
        self._silence.note(progress, self._cursors)
        self._limits_elsewhere = {
            (topic, partition): report.next_ms
            + max(self._max_skew_ms, (self._now_ms - report.next_ms) // _SKEW_SHARE)
            for (topic, partition), report in progress.items()
            if topic in self._skips
            and topic not in self._joining
            and TopicPartition(topic, partition) not in self._cursors
        }
        self._changed.set()
