"""Intake: foreign topics -> the activity topic.

Maps, validates and re-keys. A batch is acknowledged only after Kafka confirmed everything that came of it, so
intake delivers at least once; each record carries where it came from, and decide drops what it has folded.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from aiokafka import ConsumerRecord

from schemas.events import Event, InvalidEvent, encode_event
from schemas.sources import SourcesFile
from workers import telemetry
from workers.clock import Clock, Reading
from workers.core.mapping import ForeignRecord, compile_source
from workers.dead_letters import DeadLetterLimit, dead_letter
from workers.faust_batches import Delivery
from workers.publisher import Publisher
from workers.safe_time import Progress
from workers.settings import Settings
from workers.store import OutboxRecord

SOURCE_HEADER: Final = "linger-source"
"""`topic:partition:offset` of the foreign record, on every record of the activity topic that intake wrote."""


class _Cursor:
    """One source partition that this worker reads."""

    def __init__(self, offset: int, progress: Progress) -> None:
        self.offset = offset
        self.progress = progress
        self.suspect: int | None = None


class Intake:
    """Reads the source partitions assigned to this worker."""

    def __init__(self, settings: Settings, sources: SourcesFile, publisher: Publisher, clock: Clock) -> None:
        self._activity_topic = settings.topic("activity")
        self._dead_letter_topic = settings.topic("dead-letter")
        self._publisher = publisher
        self._clock = clock
        self._max_future_ms = round(settings.max_future.total_seconds() * 1000)
        declared = frozenset(sources.event_types)
        self._mappers = {source.topic: compile_source(source, declared) for source in sources.sources}
        self._limits = {
            topic: DeadLetterLimit(topic, settings.dead_letter_max_consecutive, settings.dead_letter_max_ratio)
            for topic in self._mappers
        }
        self._cursors: dict[tuple[str, int], _Cursor] = {}
        self._now_ms = 0

    @property
    def topics(self) -> list[str]:
        """The foreign topics."""
        return list(self._mappers)

    @property
    def partitions(self) -> list[tuple[str, int]]:
        """The source partitions assigned to this worker."""
        return list(self._cursors)

    def assign(self, positions: Mapping[tuple[str, int], int], progress: Mapping[str, Progress]) -> None:
        """Take over source partitions at their positions; what was known of them is kept."""
        self._cursors = {
            place: _Cursor(offset, progress.get(f"{place[0]}:{place[1]}", Progress()))
            for place, offset in positions.items()
        }

    async def take(self, topic: str, partition: int, delivery: Delivery) -> int | None:
        """Pass one batch on; returns None when it is done, or the offset from which to read again.

        Raises:
            TooManyDeadLetters: before anything of a batch that passes the limit is sent.
        """
        cursor = self._cursors.get((topic, partition))
        if cursor is None:
            return None
        if not delivery.is_contiguous(cursor.offset) and cursor.suspect != delivery.first:
            cursor.suspect = delivery.first
            return cursor.offset
        records = [record for record in delivery.records if record.offset >= cursor.offset]
        outgoing, spoke_ms = self._read(topic, partition, records)
        positions = await self._publisher.send(outgoing) if outgoing else []
        self._note(cursor.progress, outgoing, positions, spoke_ms)
        if records and not cursor.progress.since_ms:
            cursor.progress.since_ms = max(1, records[0].timestamp)
        cursor.offset = max(cursor.offset, delivery.end)
        return None

    def look(
        self, reading: Reading, ends: Mapping[tuple[str, int], int], counts: Mapping[str, int]
    ) -> dict[str, Progress]:
        """Return the progress of each source partition, to be told to everybody.

        Args:
            reading: the clock, read before the end offsets were.
            ends: end offsets of the source partitions.
            counts: how many partitions each topic has.
        """
        self._now_ms = reading.now_ms
        told = {}
        for (topic, partition), cursor in self._cursors.items():
            name, progress = f"{topic}:{partition}", cursor.progress
            end = max(ends.get((topic, partition), 0), reading.ends.get(name, 0))
            if cursor.offset >= end:
                progress.seen_ms = max(progress.seen_ms, reading.now_ms)
                progress.since_ms = progress.since_ms or reading.now_ms
            elif progress.spoke_ms:
                # Not caught up: what is seen is what the last record tells.
                progress.seen_ms = max(progress.seen_ms, min(progress.spoke_ms, reading.now_ms))
            progress.partitions = counts.get(topic, progress.partitions)
            told[name] = progress
        return told

    def _read(self, topic: str, partition: int, records: Sequence[ConsumerRecord]) -> tuple[list[OutboxRecord], int]:
        mapper, limit = self._mappers[topic], self._limits[topic]
        outgoing: list[OutboxRecord] = []
        spoke_ms = skipped = 0
        for record in records:
            headers = tuple(record.headers)
            try:
                event = self._event(mapper, record, headers)
            except InvalidEvent as error:
                limit.count(readable=False, reason=error.reason)
                telemetry.DEAD_LETTERS.labels(topic, error.reason).inc()
                source = (topic, partition, record.offset)
                outgoing.append(
                    dead_letter(self._dead_letter_topic, source, (record.key, record.value, headers), error)
                )
                continue
            limit.count(readable=True)
            spoke_ms = max(spoke_ms, record.timestamp if record.timestamp > 0 else self._now_ms)
            if event is None:
                skipped += 1
                continue
            if unknown := event.unknown_fields():
                telemetry.UNKNOWN_FIELDS.labels(event.type).inc(unknown)
            source_header = (SOURCE_HEADER, f"{topic}:{partition}:{record.offset}".encode())
            outgoing.append(
                OutboxRecord(self._activity_topic, event.customer_id.encode(), encode_event(event), (source_header,))
            )
        telemetry.RECORDS_READ.labels(topic).inc(len(records))
        if skipped:
            telemetry.RECORDS_SKIPPED.labels(topic).inc(skipped)
        return outgoing, spoke_ms

    def _event(
        self,
        mapper: Callable[[ForeignRecord, datetime], Event | None],
        record: ConsumerRecord,
        headers: tuple[tuple[str, bytes], ...],
    ) -> Event | None:
        latest_ms = self._clock.latest_plausible_ms(record.timestamp) + self._max_future_ms
        foreign = ForeignRecord(
            record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, headers
        )
        return mapper(foreign, datetime.fromtimestamp(latest_ms / 1000, UTC))

    def _note(
        self, progress: Progress, sent: Sequence[OutboxRecord], positions: Sequence[tuple[int, int]], spoke_ms: int
    ) -> None:
        progress.spoke_ms = max(progress.spoke_ms, spoke_ms)
        for record, (partition, offset) in zip(sent, positions, strict=True):
            if record.topic == self._activity_topic:
                progress.sent[partition] = max(progress.sent.get(partition, 0), offset + 1)
