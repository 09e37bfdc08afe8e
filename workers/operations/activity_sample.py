"""A sample of the newest records of the activity topic: how many are direct, and how many of those lie wrong.

It reads without a group and moves no offset.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import ConsumerRecord

from workers.core.source_positions import SOURCE_HEADER
from workers.kafka.newest_records import newest_ranges
from workers.kafka.partitioner import hash_of
from workers.kafka.range_reader import opened_reader, read_ranges
from workers.kafka.topics import log_bounds

MAX_RECORDS: Final = 1_000
_SECONDS: Final = 15.0


@dataclass(slots=True)
class ActivitySample:
    """What was found among the newest records.

    Attributes:
        records: how many were read.
        direct: how many of them were not written by intake.
        misplaced: how many of those have a key that belongs to another partition.
        example: of those, the partition to which a key belongs, and the one it is in; None if there is none.
    """

    records: int = 0
    direct: int = 0
    misplaced: int = 0
    example: tuple[int, int] | None = None

    def add(self, records: Iterable[ConsumerRecord], partitions: int) -> None:
        """Count records of a topic with this number of partitions."""
        for record in records:
            self.records += 1
            if any(name == SOURCE_HEADER for name, _ in record.headers):
                continue
            self.direct += 1
            # Without a key it is a dead letter for another reason.
            if record.key is not None and (expected := hash_of(record.key) % partitions) != record.partition:
                self.misplaced += 1
                self.example = self.example or (expected, record.partition)


async def sample_activity(connection: Mapping[str, Any], topic: str, partitions: int) -> ActivitySample:
    """Read at most `MAX_RECORDS` of the newest records, for at most 15 seconds; what was read until then counts.

    Args:
        connection: keyword arguments of aiokafka's clients.
        topic: the activity topic.
        partitions: its partition count.

    Raises:
        StartupError: if Kafka does not answer, or does not let this user read the topic.
    """
    sample = ActivitySample()
    async with opened_reader(connection) as consumer:
        try:
            async with asyncio.timeout(_SECONDS):
                bounds = await log_bounds(consumer, [(topic, partition) for partition in range(partitions)])
                async for _, records in read_ranges(consumer, newest_ranges(bounds, MAX_RECORDS)):
                    sample.add(records, partitions)
                    if sample.records >= MAX_RECORDS:
                        break
        except TimeoutError:
            pass
    return sample
