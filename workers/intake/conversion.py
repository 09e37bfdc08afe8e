"""Source records -> what is sent for them: an event, a dead letter, or nothing."""

from collections import Counter

from aiokafka import ConsumerRecord

from schemas.events import InvalidEvent
from schemas.sources import TOMBSTONE, SourcesFile
from workers.clock import Clock
from workers.core.direct_producers import SOURCE_HEADER, intake_sources
from workers.core.mapping.converter import Canonical, compile_converter
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped
from workers.dead_letters.limit import DeadLetterLimit, Excess
from workers.dead_letters.record import dead_letter
from workers.kafka.records import OutboxRecord
from workers.observability import metrics
from workers.settings import Settings


class Tally:
    """Counts of one batch for the metrics, so that each label is looked up once per batch, not once per record.

    Attributes:
        read: records by source topic.
        events: records that became events, by source topic.
        tombstones: records without a value, by source topic.
        dead: dead letters by source topic and reason.
        skipped: records that `only_when` skips, or that no case takes, by source topic.
        cases: records by source topic, and by the case that they became or what skipped them.
        unknown: fields that an event type does not have, by type.
        left_out: values that were cut or left out, by source topic, attribute and reason.
    """

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.tombstones: Counter[str] = Counter()
        self.dead: Counter[tuple[str, str]] = Counter()
        self.skipped: Counter[str] = Counter()
        self.cases: Counter[tuple[str, str]] = Counter()
        self.unknown: Counter[str] = Counter()
        self.left_out: Counter[tuple[str, str, str]] = Counter()

    def outcomes(self) -> list[tuple[str, int, int]]:
        """Return for each topic how many records became events, and how many `only_when` skipped."""
        return [(topic, self.events[topic], self.skipped[topic]) for topic in self.read]

    def report(self) -> None:
        """Add the counts to the metrics."""
        for topic, count in self.tombstones.items():
            metrics.TOMBSTONES.labels(topic).inc(count)
        for topic, count in self.read.items():
            metrics.RECORDS_READ.labels(topic).inc(count)
        for (topic, reason), count in self.dead.items():
            metrics.DEAD_LETTERS.labels(topic, reason).inc(count)
        for topic, count in self.skipped.items():
            metrics.RECORDS_SKIPPED.labels(topic).inc(count)
        for (topic, case), count in self.cases.items():
            metrics.SOURCE_RECORDS.labels(topic, case).inc(count)
        for event_type, count in self.unknown.items():
            metrics.UNKNOWN_FIELDS.labels(event_type).inc(count)
        metrics.count_left_out(self.left_out)


class Conversion:
    """Converts the records of every source.

    Attributes:
        topics: the source topics.
        limits: by topic, the limit of dead letters.
    """

    def __init__(self, settings: Settings, sources: SourcesFile, clock: Clock) -> None:
        self._activity_topic = settings.topic("activity")
        self._dead_letter_topic = settings.topic("dead-letter")
        self._clock = clock
        self._max_future_ms = round(settings.max_future.total_seconds() * 1000)
        declared = frozenset(sources.event_types)
        self._converters = {
            source.topic: compile_converter(source, declared, settings.hash_key)
            for source in intake_sources(sources, self._activity_topic)
        }
        self.topics = list(self._converters)
        self.limits = {
            topic: DeadLetterLimit(topic, settings.dead_letter_max_consecutive, settings.dead_letter_max_ratio)
            for topic in self.topics
        }

    def convert(
        self, record: ConsumerRecord, tally: Tally, *, counts: bool
    ) -> tuple[OutboxRecord | None, bool, Canonical | None] | Excess:
        """Convert a source record.

        Args:
            record: of one of the sources.
            tally: counts it, unless it exceeds the limit.
            counts: whether it counts for the limit of dead letters.

        Returns:
            The event or dead letter to send, if any; whether the record is readable; the event, if it is one.
            Or how the limit of dead letters is exceeded by it.
        """
        topic, headers = record.topic, record.headers
        if record.value is None:
            tally.read[topic] += 1
            tally.tombstones[topic] += 1
            tally.cases[topic, TOMBSTONE] += 1
            return None, True, None
        try:
            event = self._converters[topic](_source_record(record), self._latest_ms(record))
        except InvalidEvent as error:
            if counts and (excess := self.limits[topic].count(readable=False, reason=error.reason)) is not None:
                return excess
            tally.read[topic] += 1
            tally.dead[topic, error.reason] += 1
            source = (topic, record.partition, record.offset)
            content = (record.key, record.value, tuple(headers))
            return dead_letter(self._dead_letter_topic, source, content, error), False, None
        tally.read[topic] += 1
        if counts:
            self.limits[topic].count(readable=True)
        if isinstance(event, Skipped):
            (tally.tombstones if event.by == TOMBSTONE else tally.skipped)[topic] += 1
            tally.cases[topic, event.by] += 1
            return None, True, None
        for name, reason in event.left_out:
            tally.left_out[topic, name, reason] += 1
        if event.unknown_fields:
            tally.unknown[event.type] += event.unknown_fields
        position = (SOURCE_HEADER, f"{topic}:{record.partition}:{record.offset}".encode())
        out = OutboxRecord(self._activity_topic, event.customer_id.encode(), event.value, (position,))
        tally.events[topic] += 1
        tally.cases[topic, event.case] += 1
        return out, True, event

    def is_readable(self, record: ConsumerRecord) -> bool:
        """Return whether a record can be read, without counting it."""
        try:
            self._converters[record.topic](_source_record(record), self._latest_ms(record))
        except InvalidEvent:
            return False
        return True

    def _latest_ms(self, record: ConsumerRecord) -> int:
        """Return the time by which the event in a record must have occurred."""
        return self._clock.latest_plausible_ms(record.timestamp) + self._max_future_ms


def _source_record(record: ConsumerRecord) -> SourceRecord:
    return SourceRecord(
        record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, record.headers
    )
