"""Source records -> what is sent for them: events, dead letters, or nothing.

A record of most sources gives one event. One of a source with `unwrap: each` or CloudEvents may hold many items: each
is sent as an event, is a dead letter of its own, or is skipped. The limit of dead letters counts records, everything
else counts items.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec
from aiokafka import ConsumerRecord

from schemas.events import InvalidEvent
from schemas.sources import TOMBSTONE, SourcesFile
from workers.clock import Clock
from workers.core.direct_producers import intake_sources
from workers.core.formats.confluent import REGISTRY_FORMATS
from workers.core.mapping.converter import Canonical, compile_converter, compile_many
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped
from workers.core.source_positions import SOURCE_HEADER, position_of, position_of_item
from workers.dead_letters.limit import DeadLetterLimit, Excess
from workers.dead_letters.record import asked_item, dead_letter
from workers.kafka.records import OutboxRecord
from workers.observability import metrics
from workers.registry.schemas import SchemaNotAsked, Schemas, reader_of
from workers.settings import Settings


class Converted(msgspec.Struct, frozen=True, gc=False):
    """What is sent for a record.

    Attributes:
        outgoing: the events and dead letters to send, in the order of the items.
        is_readable: whether it counts as readable for the limit of dead letters.
        events: the events among them.
    """

    outgoing: Sequence[OutboxRecord]
    is_readable: bool
    events: Sequence[Canonical]


_NOTHING: Final = Converted((), True, ())


class Tally:
    """Counts of one batch for the metrics, so that each label is looked up once per batch, not once per record.

    Attributes:
        read: records by source topic.
        events: items that became events, by source topic.
        tombstones: records without a value, by source topic.
        dead: dead letters by source topic and reason.
        skipped: items that `only_when` skips, or that no case takes, by source topic.
        cases: items by source topic, and by the case that they became or what skipped them.
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

    def skip(self, topic: str, skipped: Skipped) -> None:
        """Count an item that becomes no event."""
        (self.tombstones if skipped.by == TOMBSTONE else self.skipped)[topic] += 1
        self.cases[topic, skipped.by] += 1

    def note_lost(self, topic: str, event: Canonical) -> None:
        """Count what an event does not have that its record had."""
        for name, reason in event.left_out:
            self.left_out[topic, name, reason] += 1
        if event.unknown_fields:
            self.unknown[event.type] += event.unknown_fields

    def outcomes(self) -> list[tuple[str, int, int]]:
        """Return for each topic how many items became events, and how many the mapping skipped."""
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
        with_items: those whose records may hold several items.
        schema_topics: those whose records name schemas of a registry.
        limits: by topic, the limit of dead letters.
    """

    def __init__(
        self, settings: Settings, sources: SourcesFile, clock: Clock, schemas: Schemas | None = None
    ) -> None:
        self._activity_topic = settings.topic("activity")
        self._dead_letter_topic = settings.topic("dead-letter")
        self._clock = clock
        self._max_future_ms = round(settings.max_future.total_seconds() * 1000)
        declared = frozenset(sources.event_types)
        read = intake_sources(sources, self._activity_topic)
        self.topics = [source.topic for source in read]
        readers = {source.topic: reader_of(source.format, schemas) for source in read}
        self._converters = {
            source.topic: compile_converter(source, declared, settings.hash_key, readers[source.topic])
            for source in read
            if not source.has_many()
        }
        self._converters_of_items = {
            source.topic: compile_many(source, declared, settings.hash_key, readers[source.topic])
            for source in read
            if source.has_many()
        }
        self.with_items = frozenset(self._converters_of_items)
        self.schema_topics = [source.topic for source in read if source.format in REGISTRY_FORMATS]
        self.limits = {
            topic: DeadLetterLimit(topic, settings.dead_letter_max_consecutive, settings.dead_letter_max_ratio)
            for topic in self.topics
        }

    def convert(self, record: ConsumerRecord, tally: Tally, *, counts: bool) -> Converted | Excess:
        """Convert a source record.

        Args:
            record: of one of the sources.
            tally: counts it, unless it exceeds the limit.
            counts: whether it counts for the limit of dead letters.

        Returns:
            What is sent for it, or how the limit of dead letters is exceeded by it.
        """
        topic = record.topic
        if record.value is None:
            tally.read[topic] += 1
            tally.tombstones[topic] += 1
            tally.cases[topic, TOMBSTONE] += 1
            return _NOTHING
        converter = self._converters.get(topic)
        if converter is None:
            return self._convert_items(record, tally, counts=counts)
        try:
            event = converter(_source_record(record), self._latest_ms(record))
        except InvalidEvent as error:
            return self._refused(record, error, tally, counts=counts)
        tally.read[topic] += 1
        if counts:
            self.limits[topic].count(readable=True)
        if isinstance(event, Skipped):
            tally.skip(topic, event)
            return _NOTHING
        position = position_of(topic, record.partition, record.offset)
        tally.events[topic] += 1
        tally.cases[topic, event.case] += 1
        if event.left_out or event.unknown_fields:
            tally.note_lost(topic, event)
        out = OutboxRecord(
            self._activity_topic, event.customer_id.encode(), event.value, ((SOURCE_HEADER, position),)
        )
        return Converted((out,), True, (event,))

    def is_readable(self, record: ConsumerRecord) -> bool:
        """Return whether a record counts as readable, without counting it."""
        try:
            if record.topic in self.with_items:
                return _is_mostly_read(self._items(record))
            self._converters[record.topic](_source_record(record), self._latest_ms(record))
        except (InvalidEvent, SchemaNotAsked):
            return False
        return True

    def _convert_items(self, record: ConsumerRecord, tally: Tally, *, counts: bool) -> Converted | Excess:
        """Convert a record that may hold several items, each for itself."""
        topic = record.topic
        try:
            items = self._items(record)
        except InvalidEvent as error:
            return self._refused(record, error, tally, counts=counts)
        is_readable = _is_mostly_read(items)
        reason = next((entry.reason for _, entry in items if isinstance(entry, InvalidEvent)), "")
        if counts and (excess := self.limits[topic].count(readable=is_readable, reason=reason)) is not None:
            return excess
        tally.read[topic] += 1
        outgoing: list[OutboxRecord] = []
        events: list[Canonical] = []
        for item, entry in items:
            if isinstance(entry, InvalidEvent):
                outgoing.append(self._dead_letter(record, entry, tally, item))
            elif isinstance(entry, Skipped):
                tally.skip(topic, entry)
            else:
                tally.events[topic] += 1
                tally.cases[topic, entry.case] += 1
                tally.note_lost(topic, entry)
                header = (SOURCE_HEADER, position_of_item(topic, record.partition, record.offset, item))
                key = entry.customer_id.encode()
                outgoing.append(OutboxRecord(self._activity_topic, key, entry.value, (header,)))
                events.append(entry)
        return Converted(outgoing, is_readable, events)

    def _items(self, record: ConsumerRecord) -> "list[tuple[int, Canonical | Skipped | InvalidEvent]]":
        """Return the items of a record with their numbers; of a replayed item's record, that one alone.

        The others were sent when the record was read first.

        Raises:
            InvalidEvent: if the record as a whole cannot be read, or lacks the item that it was replayed for.
        """
        entries = self._converters_of_items[record.topic](_source_record(record), self._latest_ms(record))
        asked = asked_item(record.headers)
        if asked is None:
            return list(enumerate(entries))
        if asked >= len(entries):
            detail = f"it was replayed for item {asked}, and has {len(entries)}, the first one with the number 0"
            raise InvalidEvent("no_such_item", detail)
        return [(asked, entries[asked])]

    def _refused(
        self, record: ConsumerRecord, error: InvalidEvent, tally: Tally, *, counts: bool
    ) -> Converted | Excess:
        """Return what is sent for a record that cannot be read as a whole."""
        topic = record.topic
        if counts and (excess := self.limits[topic].count(readable=False, reason=error.reason)) is not None:
            return excess
        tally.read[topic] += 1
        return Converted((self._dead_letter(record, error, tally),), False, ())

    def _dead_letter(
        self, record: ConsumerRecord, error: InvalidEvent, tally: Tally, item: int | None = None
    ) -> OutboxRecord:
        """Count a dead letter, of a whole record or of one item, and return it."""
        tally.dead[record.topic, error.reason] += 1
        source = (record.topic, record.partition, record.offset)
        content = (record.key, record.value, tuple(record.headers))
        return dead_letter(self._dead_letter_topic, source, content, error, item)

    def _latest_ms(self, record: ConsumerRecord) -> int:
        """Return the time by which the event in a record must have occurred."""
        return self._clock.latest_plausible_ms(record.timestamp) + self._max_future_ms


def _source_record(record: ConsumerRecord) -> SourceRecord:
    return SourceRecord(
        record.topic, record.partition, record.offset, record.timestamp, record.key, record.value, record.headers
    )


def _is_mostly_read(items: "Sequence[tuple[int, Canonical | Skipped | InvalidEvent]]") -> bool:
    """Return whether a record counts as readable: fewer of its items cannot be read than can, or none."""
    unread = sum(isinstance(entry, InvalidEvent) for _, entry in items)
    return 2 * unread < len(items)
