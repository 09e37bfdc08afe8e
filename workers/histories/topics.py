"""Histories in Kafka: a topic from its beginning to its present end, read without a consumer group."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from workers.core.mapping.record import SourceRecord
from workers.errors import StartupError
from workers.histories.files import Gathering, SourceReader
from workers.kafka.range_reader import Advance, OffsetRange, opened_reader, read_ranges
from workers.kafka.topics import describe, log_bounds

__all__ = ["read_topics", "source_record"]


async def read_topics(
    connection: Mapping[str, Any],
    readers: Mapping[str, SourceReader],
    gathering: Gathering,
    advance: Advance,
    starts: Advance,
    prepare: Callable[[Sequence[ConsumerRecord]], Awaitable[None]] | None = None,
) -> None:
    """Read topics from the earliest records kept to where they end when reading begins.

    Args:
        connection: keyword arguments of aiokafka's clients.
        readers: by topic, the reader of its records.
        gathering: takes the events.
        advance: called with the number of offsets passed.
        starts: called once, with the number of offsets to read.
        prepare: called with records before they are read.

    Raises:
        StartupError: if a topic does not exist, or Kafka does not answer.
    """
    async with opened_reader(connection) as consumer:
        bounds = await log_bounds(consumer, await _partitions(consumer, readers))
        starts(sum(bound.end - bound.earliest for bound in bounds.values()))
        ranges = {
            partition: OffsetRange(bound.earliest, bound.end, to_log_end=True) for partition, bound in bounds.items()
        }
        async for partition, records in read_ranges(consumer, ranges, advance):
            read = readers[partition.topic]
            location = str(partition)
            if prepare is not None:
                await prepare(records)
            for record in records:
                gathering.take(location, record.offset, read, source_record(record))


async def _partitions(consumer: AIOKafkaConsumer, topics: Mapping[str, object]) -> list[tuple[str, int]]:
    states = await describe(consumer, topics)
    if missing := sorted(set(topics) - set(states)):
        raise StartupError([f"Kafka has no topic '{topic}'" for topic in missing])
    return [(state.name, partition) for state in states.values() for partition in range(state.partitions)]


def source_record(record: ConsumerRecord) -> SourceRecord:
    """Return a record of Kafka as the mapping takes it."""
    return SourceRecord(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
    )
