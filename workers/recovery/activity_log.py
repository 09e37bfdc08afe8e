"""The first and the last records of the activity topic: since when it has records, and until when workers ran."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from workers.core.direct_producers import SOURCE_HEADER
from workers.kafka.range_reader import read_through
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
        sources_ms: time of the first record from each source partition, by `topic:partition`.
    """

    first_ms: Mapping[int, int]
    sources_ms: Mapping[str, int]


class _Event(msgspec.Struct):
    occurred_at: datetime


_decode_event = msgspec.json.Decoder(_Event).decode


def kafka_time(record: ConsumerRecord) -> int:
    """Return the record's Kafka timestamp."""
    return int(record.timestamp)


def event_time(record: ConsumerRecord) -> int:
    """Return when a record's event occurred; its Kafka timestamp if the record is no event.

    In a replay, records are written long after their events occurred.
    """
    try:
        return round(_decode_event(record.value or b"").occurred_at.timestamp() * 1000)
    except (msgspec.DecodeError, ValueError):
        return kafka_time(record)


async def read_heads(consumer: AIOKafkaConsumer, logs: Mapping[int, Log], time_of: RecordTime) -> LogHeads:
    """Read the first records of each partition.

    Args:
        consumer: started, without a group; its assignment is changed.
        logs: of the activity topic, by partition.
        time_of: returns the time of a record.
    """
    first_ms: dict[int, int] = {}
    sources_ms: dict[str, int] = {}

    def take(topic_partition: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        first_ms.setdefault(topic_partition.partition, time_of(records[0]))
        for record in records:
            position = dict(record.headers).get(SOURCE_HEADER)
            if position is not None:
                source = position.decode(errors="replace").rpartition(":")[0]
                sources_ms[source] = min(record.timestamp, sources_ms.get(source, record.timestamp))

    await read_through(
        consumer,
        {_topic_partition(partition, log): log.earliest for partition, log in logs.items()},
        {
            _topic_partition(partition, log): min(log.end, log.earliest + _HEAD_RECORDS)
            for partition, log in logs.items()
        },
        take,
    )
    return LogHeads(first_ms, sources_ms)


async def read_last_intake_ms(consumer: AIOKafkaConsumer, logs: Mapping[int, Log], time_of: RecordTime) -> int:
    """Return the time of the latest record from intake, 0 if there is none among the last records.

    Until then workers ran, so their decisions are in Kafka. The arguments are those of `read_heads`.
    """
    latest_ms = 0

    def take(_: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        nonlocal latest_ms
        times = [time_of(record) for record in records if SOURCE_HEADER in dict(record.headers)]
        latest_ms = max([latest_ms, *times])

    await read_through(
        consumer,
        {
            _topic_partition(partition, log): max(log.earliest, log.end - _TAIL_RECORDS)
            for partition, log in logs.items()
        },
        {_topic_partition(partition, log): log.end for partition, log in logs.items()},
        take,
    )
    return latest_ms


def _topic_partition(partition: int, log: Log) -> TopicPartition:
    return TopicPartition(log.topic, partition)
