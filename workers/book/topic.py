"""The compacted topic of the book: the days that are closed, and a copy of what is kept of each experiment.

Partition *i* holds the days of activity partition *i*; partition 0 also holds the experiments.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Final

import msgspec

from schemas.book import (
    BookRecord,
    book_key,
    day_text,
    encode_book,
    experiment_key,
    read_book_key,
    read_experiment_key,
)
from schemas.experiments import ExperimentEntry, decode_experiment
from workers.core.book.fields import with_most_frequent
from workers.kafka.range_reader import OffsetRange, opened_reader, read_ranges
from workers.kafka.records import PlacedRecord, TopicPartition
from workers.kafka.topics import log_bounds

EXPERIMENTS_PARTITION: Final = 0
"""The partition of the records of experiments; the owner of this activity partition writes them."""


class BookTopic:
    """The topic of the book of one deployment.

    Attributes:
        name: of the topic.
    """

    def __init__(self, connection: Mapping[str, Any], topic: str) -> None:
        """Set up without connecting.

        Args:
            connection: keyword arguments of aiokafka's clients.
            topic: its name.
        """
        self._connection = connection
        self.name = topic

    async def closed_before(self, partitions: Collection[int]) -> dict[int, int]:
        """Return for each partition the day before which all are closed, 0 if none is.

        Raises:
            StartupError: if Kafka does not answer, or the topic does not exist or may not be read.
        """
        found = dict.fromkeys(partitions, 0)
        async for _, key, _ in self.records(partitions):
            if (place := read_book_key(key)) is not None and place[1] in found:
                found[place[1]] = max(found[place[1]], place[0] + 1)
        return found

    async def experiments(self) -> dict[str, ExperimentEntry]:
        """Return what the topic has of every experiment, by its key; what cannot be read is left out.

        Raises:
            StartupError: as `closed_before`.
        """
        found: dict[str, ExperimentEntry] = {}
        async for _, record_key, value in self.records([EXPERIMENTS_PARTITION]):
            key = read_experiment_key(record_key)
            if key is None:
                continue
            try:
                found[key] = decode_experiment(value or b"")
            except msgspec.DecodeError:
                continue
        return found

    async def records(self, partitions: Collection[int]) -> AsyncIterator[tuple[int, bytes | None, bytes | None]]:
        """Yield partition, key and value of every record of some partitions, to their ends.

        Raises:
            StartupError: as `closed_before`.
        """
        places = [TopicPartition(self.name, number) for number in sorted(partitions)]
        async with opened_reader(self._connection) as consumer:
            bounds = await log_bounds(consumer, places)
            ranges = {place: OffsetRange(log.earliest, log.end, to_log_end=True) for place, log in bounds.items()}
            async for place, records in read_ranges(consumer, ranges):
                for record in records:
                    yield place.partition, record.key, record.value

    def record(self, day: int, partition: int, facts: Mapping[str, int], lasting: Mapping[str, int]) -> PlacedRecord:
        """Return the record of a day that is closed."""
        closed = BookRecord(
            day=day_text(day), partition=partition, facts=with_most_frequent(facts), doings=dict(lasting)
        )
        return PlacedRecord(self.name, book_key(day, partition), encode_book(closed), (), partition)

    def experiment_record(self, key: str, entry: str) -> PlacedRecord:
        """Return the record of an experiment, with what is kept of it as Redis has it."""
        return PlacedRecord(self.name, experiment_key(key), entry.encode(), (), EXPERIMENTS_PARTITION)
