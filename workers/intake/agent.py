"""Intake: foreign topics -> the activity topic.

Maps, validates and re-keys, the oldest records first (`workers.intake.merge`). A batch is acknowledged
only after Kafka confirmed everything that came of it, so intake delivers at least once; each record carries where it
came from, and decide drops what it has folded.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiokafka import ConsumerRecord

from schemas.events import InvalidEvent
from schemas.sources import SourcesFile
from workers.clock import Clock, Reading, believed_ms
from workers.core.coverage import FOREVER_MS
from workers.core.direct_producers import SOURCE_HEADER, foreign_sources
from workers.core.events.fast_mapping import compile_converter
from workers.core.events.mapping import ForeignRecord
from workers.core.watermarks import Progress
from workers.dead_letters.limit import DeadLetterLimit
from workers.dead_letters.record import dead_letter
from workers.intake.merge import MAX_SKEW_MS, PartitionQueue, QueuedRecord, StallTimeout, merge
from workers.kafka.faust_batches import Delivery
from workers.kafka.producer import Publisher
from workers.kafka.records import OutboxRecord
from workers.observability import metrics
from workers.settings import Settings

_QUEUED_BATCHES: Final = 2
# Workers tell each other how far they are once a tick; less than this would make a backlog wait for the ticks.
_DRIFT_ELSEWHERE_MS: Final = 600_000
# Far behind, more: ten minutes a tick would take hours for a year. A twentieth of what is left takes some 200 ticks.
_DRIFT_SHARE: Final = 20
_DRIFT_OF_REPLAY_MS: Final = 30 * 86_400_000
_AT_ONCE: Final = 2_000
_NEARLY: Final = 1_000
"""Records that are passed on within a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a delivery.

    Attributes:
        full: the partition's queue is full; fetch no more of it for now.
        read_again: the offset to read from again, because something is missing before the delivery.
    """

    full: bool = False
    read_again: int | None = None


def _place(name: str) -> tuple[str, int]:
    topic, _, partition = name.rpartition(":")
    return topic, int(partition)


class _Cursor:
    """One source partition that this worker reads.

    Attributes:
        offset: everything before it has been passed on, confirmed by Kafka.
        queued: the offset behind what waits in the lane.
        waits: at the last look there was more than had been passed on.
    """

    def __init__(self, offset: int, progress: Progress) -> None:
        self.offset = self.queued = offset
        self.progress = progress
        self.lane = PartitionQueue(watermark_ms=progress.watermark_ms, taken=offset)
        self.waits = False


class Intake:
    """Reads the source partitions assigned to this worker."""

    def __init__(self, settings: Settings, sources: SourcesFile, publisher: Publisher, clock: Clock) -> None:
        self._activity_topic = settings.topic("activity")
        self._dead_letter_topic = settings.topic("dead-letter")
        self._publisher = publisher
        self._clock = clock
        self._max_future_ms = round(settings.max_future.total_seconds() * 1000)
        declared = frozenset(sources.event_types)
        foreign = foreign_sources(sources, self._activity_topic)
        self._passages = {source.topic: compile_converter(source, declared) for source in foreign}
        self._limits = {
            topic: DeadLetterLimit(topic, settings.dead_letter_max_consecutive, settings.dead_letter_max_ratio)
            for topic in self._passages
        }
        self._cursors: dict[tuple[str, int], _Cursor] = {}
        self._elsewhere: dict[str, int] = {}
        self._drift_ms = _DRIFT_OF_REPLAY_MS if settings.clock == "replay" else _DRIFT_ELSEWHERE_MS
        self._patience = StallTimeout(2 * settings.kafka_session_timeout_ms / 1000)
        self._now_ms = 0
        self._changed = asyncio.Event()
        self._passed = asyncio.Event()

    @property
    def topics(self) -> list[str]:
        """The foreign topics."""
        return list(self._passages)

    @property
    def partitions(self) -> list[tuple[str, int]]:
        """The source partitions assigned to this worker."""
        return list(self._cursors)

    def offsets(self) -> tuple[int, ...]:
        """Return up to where each partition has been passed on."""
        return tuple(cursor.offset for cursor in self._cursors.values())

    def is_behind(self) -> bool:
        """Tell whether something that was read, or could be, has not been passed on."""
        return any(cursor.waits for cursor in self._cursors.values())

    def assign(self, positions: Mapping[tuple[str, int], int], progress: Mapping[str, Progress]) -> None:
        """Take over source partitions at their positions; what was known of them is kept."""
        self._cursors = {
            place: _Cursor(offset, progress.get(f"{place[0]}:{place[1]}", Progress()))
            for place, offset in positions.items()
        }

    async def reach(self, ends: Mapping[tuple[str, int], int], seconds: float) -> None:
        """Wait until what lay before some end offsets has been passed on, at most so long.

        Under load there is always something on its way, so a look that did not wait would never find everything
        passed on. Whoever has a backlog is not waited for.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while 0 < max((end - self._offset(place) for place, end in ends.items()), default=0) <= _NEARLY:
                    await self._passed.wait()

    def _offset(self, place: tuple[str, int]) -> int:
        cursor = self._cursors.get(place)
        return FOREVER_MS if cursor is None else cursor.offset

    def take(self, place: tuple[str, int], delivery: Delivery, done: Callable[[], object]) -> Taken:
        """Put one batch into the queue of its partition; `done` is called when it has been passed on.

        Args:
            place: topic and partition.
            delivery: the batch.
            done: called once, in the order of the partition's batches.
        """
        cursor = self._cursors.get(place)
        if cursor is None:
            return Taken()
        if not delivery.is_contiguous(cursor.queued):
            return Taken(read_again=cursor.queued)
        cursor.lane.records.extend(
            (believed_ms(self._clock, record.timestamp), record)
            for record in delivery.records
            if record.offset >= cursor.queued
        )
        cursor.lane.ends.append((delivery.end, done))
        cursor.queued = max(cursor.queued, delivery.end)
        self._changed.set()
        return Taken(full=len(cursor.lane.ends) >= _QUEUED_BATCHES)

    async def run(self, let_go: Callable[[tuple[str, int]], None]) -> None:
        """Pass on what was taken, until cancelled.

        Args:
            let_go: called for a partition whose queue has room again.

        Raises:
            TooManyDeadLetters: before anything of the records that pass the limit is sent.
        """
        while True:
            self._changed.clear()
            cursors = self._cursors
            barrier_ms = self._patience.bound_ms(self._bounds(), time.monotonic(), FOREVER_MS)
            merged = merge([cursor.lane for cursor in cursors.values()], barrier_ms, _AT_ONCE)
            if merged:
                await self._pass_on(cursors, merged, let_go)
            else:
                await self._changed.wait()

    def _bounds(self) -> dict[str, int]:
        """Return up to when each partition with nothing waiting lets the others go."""
        empty = ((place, cursor.lane) for place, cursor in self._cursors.items() if not cursor.lane.records)
        return self._elsewhere | {
            f"{topic}:{number}": lane.next_ms() + MAX_SKEW_MS for (topic, number), lane in empty
        }

    async def _pass_on(
        self,
        cursors: Mapping[tuple[str, int], _Cursor],
        merged: Sequence[QueuedRecord],
        let_go: Callable[[tuple[str, int]], None],
    ) -> None:
        outgoing: list[OutboxRecord] = []
        origins: list[_Cursor] = []
        last_record_ms: dict[tuple[str, int], int] = {}
        tally = _Tally()
        for at_ms, record in merged:
            place = (record.topic, record.partition)
            cursor = cursors[place]
            cursor.progress.since_ms = cursor.progress.since_ms or at_ms or self._now_ms
            out, readable = self._read(record, tally)
            if readable:
                last_record_ms[place] = max(last_record_ms.get(place, 0), at_ms or self._now_ms)
            if out is not None:
                outgoing.append(out)
                origins.append(cursor)
        tally.report()
        positions = await self._publisher.send(outgoing) if outgoing else []
        for cursor, sent, (partition, offset) in zip(origins, outgoing, positions, strict=True):
            if sent.topic == self._activity_topic:
                cursor.progress.sent[partition] = max(cursor.progress.sent.get(partition, 0), offset + 1)
        # Only now: what a worker has read but not passed on dies with it, and must not count as seen.
        for place, at_ms in last_record_ms.items():
            cursors[place].progress.last_record_ms = max(cursors[place].progress.last_record_ms, at_ms)
        if cursors is not self._cursors:
            return  # assigned anew meanwhile: whoever reads these partitions now starts from what Kafka knows
        for place in {(record.topic, record.partition) for _, record in merged}:
            cursor = cursors[place]
            waiting = cursor.lane.records
            cursor.offset = waiting[0][1].offset if waiting else cursor.queued
            while cursor.lane.ends and cursor.lane.ends[0][0] <= cursor.offset:
                cursor.lane.ends.popleft()[1]()
            if len(cursor.lane.ends) < _QUEUED_BATCHES:
                let_go(place)
        self._passed.set()
        self._passed = asyncio.Event()

    def look(
        self,
        reading: Reading,
        ends: Mapping[tuple[str, int], int],
        counts: Mapping[str, int],
        position_past_gaps: Callable[[tuple[str, int], int], int],
    ) -> dict[str, Progress]:
        """Return the progress of each source partition, to be told to everybody.

        Args:
            reading: the clock, read before the end offsets were.
            ends: end offsets of the source partitions.
            counts: how many partitions each topic has.
            position_past_gaps: how far a partition is read by whom has handled everything before an offset.
        """
        self._now_ms = reading.now_ms
        told = {}
        for (topic, partition), cursor in self._cursors.items():
            name, progress = f"{topic}:{partition}", cursor.progress
            end = max(ends.get((topic, partition), 0), reading.ends.get(name, 0))
            offset = cursor.offset
            if offset == cursor.queued:
                offset = position_past_gaps((topic, partition), offset)
            cursor.waits = offset < end
            if not cursor.waits:
                progress.watermark_ms = max(progress.watermark_ms, reading.now_ms)
                progress.since_ms = progress.since_ms or reading.now_ms
            elif progress.last_record_ms:
                # Not caught up: what is seen is what the last record tells; more may have come in its millisecond.
                progress.watermark_ms = max(progress.watermark_ms, min(progress.last_record_ms - 1, reading.now_ms))
            progress.partitions = counts.get(topic, progress.partitions)
            cursor.lane.watermark_ms, cursor.lane.known = progress.watermark_ms, (end, reading.now_ms)
            progress.next_ms = cursor.lane.next_ms()
            told[name] = progress
        return told

    def note_elsewhere(self, progress: Mapping[str, Progress]) -> None:
        """Note how far the partitions that other workers read have come."""
        topics = set(self._passages)
        self._elsewhere = {
            name: one.next_ms + max(self._drift_ms, (self._now_ms - one.next_ms) // _DRIFT_SHARE)
            for name, one in progress.items()
            if name.rpartition(":")[0] in topics and _place(name) not in self._cursors
        }
        self._changed.set()

    def _read(self, record: ConsumerRecord, tally: "_Tally") -> tuple[OutboxRecord | None, bool]:
        """Return what becomes of one foreign record (an event, a dead letter, or nothing), and if it was readable."""
        topic, headers = record.topic, record.headers
        tally.read[topic] += 1
        foreign = ForeignRecord(
            topic, record.partition, record.offset, record.timestamp, record.key, record.value, headers
        )
        latest_ms = self._clock.latest_plausible_ms(record.timestamp) + self._max_future_ms
        try:
            event = self._passages[topic](foreign, latest_ms)
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
        if event.unknown_fields:
            tally.unknown[event.type] += event.unknown_fields
        position = (SOURCE_HEADER, f"{topic}:{record.partition}:{record.offset}".encode())
        return OutboxRecord(self._activity_topic, event.customer_id.encode(), event.value, (position,)), True


class _Tally:
    """What became of some records, for the metrics: a label is looked up once, not once for each record."""

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        self.dead: Counter[tuple[str, str]] = Counter()
        self.skipped: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()

    def report(self) -> None:
        """Add it to the metrics."""
        for topic, number in self.read.items():
            metrics.RECORDS_READ.labels(topic).inc(number)
        for (topic, reason), number in self.dead.items():
            metrics.DEAD_LETTERS.labels(topic, reason).inc(number)
        for topic, number in self.skipped.items():
            metrics.RECORDS_SKIPPED.labels(topic).inc(number)
        for kind, number in self.unknown.items():
            metrics.UNKNOWN_FIELDS.labels(kind).inc(number)
