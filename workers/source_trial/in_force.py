"""What Linger wrote for some records of a source: the mapping in force, read from the activity topic.

The sources of running workers cannot be read as a file. But every event that intake wrote names the source record
that it came from, so what a mapping did is in the activity topic. It is read without a group, for a bounded time.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from workers.core.source_positions import SOURCE_HEADER, WHOLE, split_position
from workers.kafka.range_reader import OffsetRange, opened_reader, read_ranges
from workers.kafka.records import TopicPartition
from workers.kafka.topics import describe, log_bounds

__all__ = ["Written", "Position", "Span", "read_in_force"]

_SECONDS: Final = 60.0
_MOST_RECORDS: Final = 2_000_000
_CLOCKS_DIFFER_MS: Final = 10 * 60_000
Position = tuple[int, int, int]
"""Partition, offset and item of a source record; the item is 0 for a record that is one."""


@dataclass(frozen=True, slots=True)
class Span:
    """The records of one source partition that were looked at.

    Attributes:
        first: the offset of the first.
        last: the offset of the last.
        since_ms: the earliest Kafka timestamp among them, epoch milliseconds.
    """

    first: int
    last: int
    since_ms: int


@dataclass(slots=True)
class Written:
    """The events that Linger wrote for the records that were looked at.

    Attributes:
        types: by position of the source record, the event type.
        is_complete: everything that could be there was read; False if time or number was up before.
        has_topic: there is an activity topic.
    """

    types: dict[Position, str] = field(default_factory=dict)
    is_complete: bool = True
    has_topic: bool = True


class _TypeOnly(msgspec.Struct):
    type: str


_type_of: Final = msgspec.json.Decoder(_TypeOnly).decode


async def read_in_force(
    connection: Mapping[str, Any], activity_topic: str, source_topic: str, spans: Mapping[int, Span]
) -> Written:
    """Read which events Linger wrote for some records of a source.

    Args:
        connection: keyword arguments of aiokafka's clients.
        activity_topic: the name of the activity topic.
        source_topic: the source's topic.
        spans: by partition of the source, which of its records.

    Raises:
        StartupError: if Kafka does not answer, or does not let this user read the topic.
    """
    found = Written()
    async with opened_reader(connection) as consumer:
        state = (await describe(consumer, [activity_topic])).get(activity_topic)
        if state is None:
            return Written(has_topic=False)
        if not spans:
            return found
        since_ms = max(0, min(span.since_ms for span in spans.values()) - _CLOCKS_DIFFER_MS)
        ranges = await _ranges(consumer, activity_topic, state.partitions, since_ms)
        found.is_complete = False
        read = 0
        try:
            async with asyncio.timeout(_SECONDS):
                async for _, records in read_ranges(consumer, ranges):
                    _note(found, records, source_topic, spans)
                    read += len(records)
                    if read >= _MOST_RECORDS:
                        return found
        except TimeoutError:
            return found
        found.is_complete = True
    return found


async def _ranges(
    consumer: AIOKafkaConsumer, topic: str, partitions: int, since_ms: int
) -> dict[TopicPartition, OffsetRange]:
    """Return the offsets of the records that were written since a time."""
    bounds = await log_bounds(consumer, [(topic, partition) for partition in range(partitions)])
    starts = await consumer.offsets_for_times(dict.fromkeys(bounds, since_ms))
    by_name = {tuple(partition): start for partition, start in starts.items()}
    ranges = {}
    for partition, log in bounds.items():
        start = by_name.get(tuple(partition))
        first = log.end if start is None else max(log.earliest, start.offset)
        ranges[partition] = OffsetRange(first, max(first, log.end))
    return ranges


def _note(found: Written, records: Sequence[ConsumerRecord], topic: str, spans: Mapping[int, Span]) -> None:
    for record in records:
        position = next((value for name, value in record.headers if name == SOURCE_HEADER), None)
        if position is None or record.value is None:
            continue
        split = split_position(position)
        if split is None:
            continue
        name, (offset, item) = split
        source, _, number = name.decode(errors="replace").rpartition(":")
        if source != topic or not number.isdigit():
            continue
        partition, item = int(number), 0 if item == WHOLE else item
        span = spans.get(partition)
        if span is None or not span.first <= offset <= span.last:
            continue
        try:
            # Of the same record twice, the later one is what a worker wrote again after a crash.
            found.types[partition, offset, item] = _type_of(record.value).type
        except msgspec.DecodeError:
            continue
