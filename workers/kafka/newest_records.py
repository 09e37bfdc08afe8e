"""The newest records of a topic, read without a consumer group: nothing is committed, and the time is bounded."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from workers.errors import StartupError
from workers.kafka.range_reader import OffsetRange, opened_reader, read_ranges
from workers.kafka.records import TopicPartition
from workers.kafka.topics import LogBounds, describe, log_bounds

__all__ = ["newest_of", "newest_ranges", "newest_records"]

_SECONDS: Final = 30.0


def newest_ranges(bounds: Mapping[TopicPartition, LogBounds], most: int) -> dict[TopicPartition, OffsetRange]:
    """Return the last offsets of each partition, about as many of each, at most `most` together."""
    left, ranges = most, {}
    # The shortest logs first: what they do not have, the longer ones may add.
    by_length = sorted(bounds.items(), key=lambda item: item[1].end - item[1].earliest)
    for place, (partition, log) in enumerate(by_length):
        taken = min(log.end - log.earliest, left // (len(by_length) - place))
        left -= taken
        ranges[partition] = OffsetRange(log.end - taken, log.end, to_log_end=True)
    return ranges


async def newest_of(
    consumer: AIOKafkaConsumer, topic: str, most: int, seconds: float = _SECONDS
) -> list[ConsumerRecord]:
    """Return the newest records of a topic, by partition and offset; those that were read in time.

    Args:
        consumer: started, without a group; its assignment is replaced.
        topic: the topic.
        most: how many records at most, about as many of each partition.
        seconds: after this time what was read until then is returned.

    Raises:
        StartupError: if there is no such topic, or nothing of it was sent in time although it holds records.
        TopicsError: if this user may not see it.
        KafkaError: if Kafka does not answer.
    """
    state = (await describe(consumer, [topic])).get(topic)
    if state is None:
        raise StartupError([f"Kafka has no topic '{topic}'"])
    found: list[ConsumerRecord] = []
    bounds: Mapping[TopicPartition, LogBounds] = {}
    try:
        async with asyncio.timeout(seconds):
            bounds = await log_bounds(consumer, [(topic, partition) for partition in range(state.partitions)])
            async for _, records in read_ranges(consumer, newest_ranges(bounds, most)):
                found.extend(records)
                if len(found) >= most:
                    break
    except TimeoutError:
        # What was read in time is what the caller asked for. Nothing at all is no answer: there may be records.
        if not found and (not bounds or any(log.earliest < log.end for log in bounds.values())):
            raise StartupError([f"Kafka sent no record of topic '{topic}' within {seconds:.0f} s"]) from None
    found.sort(key=lambda record: (record.partition, record.offset))
    return found[-most:]


async def newest_records(
    connection: Mapping[str, Any], topic: str, most: int, seconds: float = _SECONDS
) -> list[ConsumerRecord]:
    """Return the newest records of a topic with a consumer of its own; arguments as for `newest_of`.

    Args:
        connection: keyword arguments of aiokafka's clients.
        topic: the topic.
        most: how many records at most.
        seconds: how long to read at most.

    Raises:
        StartupError: if Kafka does not answer, or the topic does not exist or may not be read.
    """
    async with opened_reader(connection) as consumer:
        return await newest_of(consumer, topic, most, seconds)
