"""A consumer of Kafka without a broker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import ConsumerRecord, TopicPartition

GONE: Final = range(0)
"""The offsets of a log that sends nothing any more, not even its end."""


@dataclass
class Log:
    """One partition: the offsets that have a record, and the high watermark."""

    offsets: Sequence[int]
    end: int


@dataclass
class FakeConsumer:
    """A consumer that sends two records at a time of each partition."""

    logs: Mapping[TopicPartition, Log]
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    paused: set[TopicPartition] = field(default_factory=set)
    fetched: set[TopicPartition] = field(default_factory=set)

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        self.positions = dict.fromkeys(partitions, 0)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition] = offset

    def pause(self, partition: TopicPartition) -> None:
        self.paused.add(partition)

    async def position(self, partition: TopicPartition) -> int:
        return self.positions[partition]

    def highwater(self, partition: TopicPartition) -> int | None:
        return self.logs[partition].end if partition in self.fetched else None

    async def getmany(self, *partitions: TopicPartition, **_: Any) -> dict[TopicPartition, list[Any]]:
        answer: dict[TopicPartition, list[Any]] = {}
        for partition in partitions:
            log, position = self.logs[partition], self.positions[partition]
            offsets = [offset for offset in log.offsets if offset >= position][:2]
            if offsets:
                self.fetched.add(partition)
                answer[partition] = [_record(partition, offset) for offset in offsets]
                self.positions[partition] = offsets[-1] + 1
            elif position < log.end and log.offsets is not GONE:
                self.positions[partition] = log.end  # what is left has no records, such as transaction markers
        return answer


def _record(partition: TopicPartition, offset: int) -> ConsumerRecord:
    return ConsumerRecord(
        topic=partition.topic,
        partition=partition.partition,
        offset=offset,
        timestamp=0,
        timestamp_type=0,
        key=None,
        value=None,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=(),
    )
