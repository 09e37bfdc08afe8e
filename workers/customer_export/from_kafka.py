"""Reads every record of one person from Linger's topics, to where they end now, without a consumer group.

`searched` says of each topic how a person's records are found there; a test fails for a topic that it does not have.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from schemas.book import BOOK
from workers.audit.record import Intent, Outcome, decode_audit
from workers.customer_export.person import Person
from workers.kafka.partitioner import hash_of
from workers.kafka.range_reader import OffsetRange, opened_reader, read_ranges
from workers.kafka.records import TopicPartition
from workers.kafka.topics import LogBounds, TopicState, describe, log_bounds
from workers.settings import AUDIT, MARKS, PAUSES, REQUESTS, Settings, for_command
from workers.state.marks.key import MarkKey
from workers.state.marks.stored import KEY, key_of

How = Literal["key", "anywhere", "mark", "audit", "not"]
"""Where a person's records are: `key`: in the partition of the key, by key or `customer_id`. `anywhere`: in any
partition, also by an id that stands in the content. `mark`: in the activity partition, by ref. `audit`: by the hash
of the id. `not`: the topic names no person."""

_OTHERS: Final[Mapping[str, How]] = {
    "dead-letter": "anywhere",
    REQUESTS: "anywhere",
    MARKS: "mark",
    AUDIT: "audit",
    PAUSES: "not",
    BOOK: "not",
}


def searched(settings: Settings) -> dict[str, How]:
    """Return how a person's records are found, by topic without its prefix, in the order of the export."""
    return {"activity": "key", **dict.fromkeys(settings.topics_by_customer, "key"), **_OTHERS}


MOST_RECORDS: Final = 200_000
MOST_BYTES: Final = 512 << 20
"""The most that is kept of one person; beyond it the export says that it is cut."""
_KEY_PARTITION: Final = 0


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record of the person.

    Attributes:
        name: of the topic, without its prefix.
        matched_by: how it was recognised: as `person.Match`, `ref` for a mark and `hash` for the audit.
        record: as Kafka has it.
    """

    name: str
    matched_by: str
    record: ConsumerRecord


@dataclass(slots=True)
class SearchedTopic:
    """A topic that was searched.

    Attributes:
        name: without its prefix.
        topic: with it.
        exists: whether there is such a topic.
        ranges: by partition that was read, the offsets that it had.
        found: the person's records, by partition and offset.
    """

    name: str
    topic: str
    exists: bool = True
    ranges: Mapping[int, LogBounds] = field(default_factory=dict)
    found: list[FoundRecord] = field(default_factory=list)


@dataclass(slots=True)
class InKafka:
    """What Linger's topics hold of a person.

    Attributes:
        topics: every topic that was searched.
        is_cut: whether there was more than is kept.
    """

    topics: list[SearchedTopic] = field(default_factory=list)
    is_cut: bool = False

    @property
    def found(self) -> list[FoundRecord]:
        """All records, topic by topic."""
        return [record for topic in self.topics for record in topic.found]


async def read_kafka(
    settings: Settings, person: Person, advance: Callable[[int, int], object], *, most: int = MOST_RECORDS
) -> InKafka:
    """Return every record of a person.

    Args:
        settings: name the topics.
        person: who is looked for.
        advance: called with the number of offsets passed, and the number of all of them.
        most: how many records are kept.

    Raises:
        StartupError: if Kafka does not answer or stalls, or a topic may not be read.
    """
    connection = for_command(settings).kafka_connection()
    async with opened_reader(connection) as consumer:
        topics, ranges = await _searched(consumer, settings, person)
        total = sum(one.end - one.start for one in ranges.values())
        found = InKafka(topics)
        by_topic = {one.topic: one for one in topics}
        kept_bytes = kept = 0
        audited: set[str] = set()
        how = searched(settings)

        def passed(number: int) -> None:
            advance(number, total)

        async for (topic, _), records in read_ranges(consumer, ranges, passed):
            place = by_topic[topic]
            for record in records:
                if (matched_by := _match(how[place.name], person, record, audited)) is None:
                    continue
                kept += 1
                kept_bytes += len(record.key or b"") + len(record.value or b"")
                if kept > most or kept_bytes > MOST_BYTES:
                    found.is_cut = True
                    break
                place.found.append(FoundRecord(place.name, matched_by, record))
            if found.is_cut:
                break
    for place in topics:
        place.found.sort(key=lambda one: (one.record.partition, one.record.offset))
    return found


async def key_in_topic(settings: Settings) -> MarkKey | None:
    """Return the key of marks as the topic of marks has it, None if it has none: Redis may have lost it.

    Raises:
        StartupError: if Kafka does not answer, the topic may not be read, or LINGER_MARKS_KEY is another key.
    """
    topic, fields = settings.topic(MARKS), dict[str, str]()
    async with opened_reader(for_command(settings).kafka_connection()) as consumer:
        if topic in await describe(consumer, [topic]):
            partition = TopicPartition(topic, _KEY_PARTITION)
            bounds = (await log_bounds(consumer, [partition]))[partition]
            whole = {partition: OffsetRange(bounds.earliest, bounds.end, to_log_end=True)}
            async for _, records in read_ranges(consumer, whole):
                for record in records:
                    if record.key == KEY.encode() and record.value:
                        fields = msgspec.json.decode(record.value, type=dict[str, str])
    return key_of(fields, settings.key_of_marks)


async def _searched(
    consumer: AIOKafkaConsumer, settings: Settings, person: Person
) -> tuple[list[SearchedTopic], dict[TopicPartition, OffsetRange]]:
    ways = searched(settings)
    names = {settings.topic(name): name for name, how in ways.items() if _is_searched(how, person)}
    states = await describe(consumer, names)
    wanted = {
        topic: _partitions(ways[name], person, states[topic], settings)
        for topic, name in names.items()
        if topic in states
    }
    bounds = await log_bounds(
        consumer, [TopicPartition(topic, number) for topic, numbers in wanted.items() for number in numbers]
    )
    topics = [
        SearchedTopic(
            name,
            topic,
            exists=topic in states,
            ranges={number: bounds[TopicPartition(topic, number)] for number in wanted.get(topic, ())},
        )
        for topic, name in names.items()
    ]
    return topics, {place: OffsetRange(log.earliest, log.end, to_log_end=True) for place, log in bounds.items()}


def _is_searched(how: How, person: Person) -> bool:
    return not (how == "not" or (how == "mark" and person.ref is None) or (how == "audit" and person.log_ref is None))


def _partitions(how: How, person: Person, state: TopicState, settings: Settings) -> Sequence[int]:
    if how in ("anywhere", "audit"):
        return range(state.partitions)
    # A mark is where the customer's activity is.
    partitions = state.partitions if how == "key" else min(state.partitions, settings.partitions)
    return [hash_of(person.key) % partitions]


def _match(how: How, person: Person, record: ConsumerRecord, audited: set[str]) -> str | None:
    """Return how a record is recognised, None if it is not the person's."""
    if how == "key":
        return person.match_by_key(record.key, record.value)
    if how == "anywhere":
        return person.match_anywhere(record.key, record.value, record.headers)
    if how == "mark":
        return "ref" if person.ref is not None and record.key == person.ref.hex().encode() else None
    return _audit_match(person, decode_audit(record.value), audited)


def _audit_match(person: Person, command: Intent | Outcome | None, audited: set[str]) -> str | None:
    """Return `hash` for a command about the person; the ids of such commands are noted in `audited`."""
    if isinstance(command, Intent):
        given = [
            text
            for value in command.arguments.values()
            for text in (value if isinstance(value, list | tuple) else [value])
        ]
        if person.log_ref in given:
            audited.add(command.id)
    return "hash" if command is not None and command.id in audited else None
