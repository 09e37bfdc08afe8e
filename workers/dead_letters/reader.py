"""Reads the dead-letter topic, without a consumer group, from its beginning to its end when it was opened.

It prints nothing, knows no clock and no Redis, and writes to no topic.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer

from workers.dead_letters.record import DeadLetter, Position, read_dead_letter
from workers.errors import StartupError
from workers.kafka.range_reader import Advance, OffsetRange, opened_reader, read_ranges
from workers.kafka.records import TopicPartition
from workers.kafka.requirements import missing_topics
from workers.kafka.topics import LogBounds, describe, log_bounds
from workers.settings import Settings

__all__ = ["DeadLetterReader", "opened_dead_letters"]


@asynccontextmanager
async def opened_dead_letters(settings: Settings) -> "AsyncIterator[DeadLetterReader]":
    """Connect to Kafka and find the bounds of the dead-letter topic, for the duration of a `with` block.

    Raises:
        StartupError: if the topic does not exist, or Kafka does not answer.
    """
    topic = settings.topic("dead-letter")
    async with opened_reader(settings.kafka_connection()) as consumer:
        states = await describe(consumer, [topic])
        if missing := missing_topics([topic], states):
            raise StartupError([f"{missing[0]}; check LINGER_TOPIC_PREFIX, or: linger topics create"])
        partitions = [(topic, partition) for partition in range(states[topic].partitions)]
        bounds = {partition.partition: bound for partition, bound in (await log_bounds(consumer, partitions)).items()}
        yield DeadLetterReader(consumer, topic, states[topic].topic_id, bounds)


class DeadLetterReader:
    """The dead-letter topic; one iteration at a time.

    Args:
        consumer: started, without a group.
        topic: the dead-letter topic.
        topic_id: the id of the topic, if the broker reports ids.
        bounds: by partition, the offsets that can be read.

    Attributes:
        topic_id: the id of the topic, which a recreated topic changes; None if the broker reports no ids.
        bounds: by partition, the offsets that could be read when the topic was opened.
    """

    def __init__(
        self, consumer: AIOKafkaConsumer, topic: str, topic_id: str | None, bounds: Mapping[int, LogBounds]
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._partition_counts: dict[str, int] = {}
        self.topic_id = topic_id
        self.bounds = dict(bounds)

    @property
    def size(self) -> int:
        """The number of offsets that `read_all` passes."""
        return sum(bound.end - bound.earliest for bound in self.bounds.values())

    @property
    def starts(self) -> dict[int, int]:
        """The earliest offset of each partition."""
        return {partition: bound.earliest for partition, bound in self.bounds.items()}

    async def partitions_of(self, topic: str) -> int:
        """Return the number of partitions of a topic, 0 if it does not exist."""
        if topic not in self._partition_counts:
            state = (await describe(self._consumer, [topic])).get(topic)
            self._partition_counts[topic] = 0 if state is None else state.partitions
        return self._partition_counts[topic]

    async def read_all(self, advance: Advance) -> AsyncIterator[DeadLetter]:
        """Yield all dead letters, each partition in order.

        Args:
            advance: called with the number of offsets passed.

        Raises:
            ReadStalled: if Kafka sends nothing more for a minute.
        """
        ranges = {
            TopicPartition(self._topic, partition): OffsetRange(bound.earliest, bound.end, to_log_end=True)
            for partition, bound in self.bounds.items()
        }
        async for _, records in read_ranges(self._consumer, ranges, advance):
            for record in records:
                yield read_dead_letter(record)

    async def read_at(self, positions: Iterable[Position]) -> AsyncIterator[DeadLetter]:
        """Yield the dead letters at these positions, each partition in order; positions without one are left out.

        Raises:
            ReadStalled: if Kafka sends nothing more for a minute.
        """
        position_set = set(positions)
        offsets: dict[int, list[int]] = {}
        for partition, offset in position_set:
            offsets.setdefault(partition, []).append(offset)
        ranges = {
            TopicPartition(self._topic, partition): _range_over(self.bounds[partition], wanted_offsets)
            for partition, wanted_offsets in offsets.items()
        }
        async for topic_partition, records in read_ranges(self._consumer, ranges):
            for record in records:
                if (topic_partition.partition, record.offset) in position_set:
                    yield read_dead_letter(record)


def _range_over(bounds: LogBounds, offsets: Sequence[int]) -> OffsetRange:
    """Return the range that includes all of these offsets that the log has.

    It starts at a record that exists: a fetch past the end of the log is answered from its beginning.
    """
    if bounds.earliest == bounds.end:
        return OffsetRange(bounds.earliest, bounds.end)
    start = max(bounds.earliest, min(min(offsets), bounds.end - 1))
    end = max(start, max(offsets)) + 1
    return OffsetRange(start, min(end, bounds.end), to_log_end=end > bounds.end)
