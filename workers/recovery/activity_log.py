"""Reads the first and last records of the activity topic: since when it has records, and until when workers ran."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from workers.core.source_positions import SOURCE_HEADER, split_position
from workers.kafka.range_reader import OffsetRange, read_ranges
from workers.kafka.records import TopicPartition
from workers.state.consistency import Log

_HEAD_RECORDS: Final = 1_000
_TAIL_RECORDS: Final = 10

RecordTime = Callable[[ConsumerRecord], int]
"""Returns the time of a record of the activity topic, epoch milliseconds."""


@dataclass(frozen=True, slots=True)
class LogHeads:
    """The beginnings of the activity topic's partitions.

    Attributes:
        first_ms: time of the first record kept, by partition; missing where none is kept.
        sources_ms: time of the first record from each source partition.
    """

    first_ms: Mapping[int, int]
    sources_ms: Mapping[TopicPartition, int]


class _Event(msgspec.Struct):
    occurred_at: datetime


_decode_event = msgspec.json.Decoder(_Event).decode


def kafka_time(record: ConsumerRecord) -> int:
    """Return the record's Kafka timestamp."""
    return int(record.timestamp)


def event_time(record: ConsumerRecord) -> int:
    """Return when a record's event occurred; its Kafka timestamp if the record is not an event.

    In a replay, records are written long after their events occurred.
    """
    at_ms = occurred_ms(record)
    return kafka_time(record) if at_ms is None else at_ms


def occurred_ms(record: ConsumerRecord) -> int | None:
    """Return when a record's event occurred, epoch milliseconds; None if the record is not an event."""
    try:
        return round(_decode_event(record.value or b"").occurred_at.timestamp() * 1000)
    except (msgspec.DecodeError, ValueError):
        return None


async def read_heads(consumer: AIOKafkaConsumer, logs: Mapping[int, Log], time_of: RecordTime) -> LogHeads:
    """Read the first records of each partition.

    Args:
        consumer: started, without a group; its assignment is changed.
        logs: of the activity topic, by partition.
        time_of: returns the time of a record.
    """
    first_ms: dict[int, int] = {}
    sources_ms: dict[TopicPartition, int] = {}

    ranges = {
        TopicPartition(log.topic, partition): OffsetRange(log.earliest, min(log.end, log.earliest + _HEAD_RECORDS))
        for partition, log in logs.items()
    }
    async for topic_partition, records in read_ranges(consumer, ranges):
        first_ms.setdefault(topic_partition.partition, time_of(records[0]))
        for record in records:
            source = _source_of(record)
            if source is not None:
                sources_ms[source] = min(record.timestamp, sources_ms.get(source, record.timestamp))
    return LogHeads(first_ms, sources_ms)


def _source_of(record: ConsumerRecord) -> TopicPartition | None:
    """Return the source partition that intake read a record from, None if its header names none."""
    header = dict(record.headers).get(SOURCE_HEADER)
    position = None if header is None else split_position(header)
    if position is None:
        return None
    try:
        return TopicPartition.parse(position[0].decode(errors="replace"))
    except ValueError:
        return None


async def read_last_intake_ms(consumer: AIOKafkaConsumer, logs: Mapping[int, Log], time_of: RecordTime) -> int:
    """Return the time of the latest record from intake, 0 if there is none among the last records.

    Until then workers ran, so their decisions are in Kafka. The arguments are those of `read_heads`.
    """
    latest_ms = 0

    ranges = {
        TopicPartition(log.topic, partition): OffsetRange(max(log.earliest, log.end - _TAIL_RECORDS), log.end)
        for partition, log in logs.items()
    }
    async for _, records in read_ranges(consumer, ranges):
        times = [time_of(record) for record in records if SOURCE_HEADER in dict(record.headers)]
        latest_ms = max([latest_ms, *times])
    return latest_ms
