"""Histories in Kafka: a topic from its beginning to its present end, read without a group, so that nobody notices."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from workers.core.events.mapping import SourceRecord
from workers.errors import StartupError
from workers.histories.files import Advance, Gathering, SourceReader
from workers.kafka.range_reader import opened_reader
from workers.kafka.records import TopicPartition
from workers.kafka.topics import describe, log_bounds

__all__ = ["read_topics"]

_FETCH_MS: Final = 500
_AT_ONCE: Final = 5_000
_PATIENCE_SECONDS: Final = 60.0


async def read_topics(
    connection: Mapping[str, Any],
    readers: Mapping[str, SourceReader],
    gathering: Gathering,
    advance: Advance,
    starts: Advance,
) -> None:
    """Read topics from the earliest records kept to where they end when reading begins.

    Args:
        connection: keyword arguments of aiokafka's clients.
        readers: by topic, the reader of its records.
        gathering: takes what is read.
        advance: told how many records' worth of offsets were passed.
        starts: told, once, how many there are.

    Raises:
        StartupError: a topic does not exist, or Kafka does not answer.
    """
    async with opened_reader(connection) as consumer:
        await _Reading(consumer, readers, gathering, advance).run(starts)


class _Reading:
    """One pass over the partitions."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        readers: Mapping[str, SourceReader],
        gathering: Gathering,
        advance: Advance,
    ) -> None:
        self._consumer = consumer
        self._readers = readers
        self._gathering = gathering
        self._advance = advance
        self._ends: dict[TopicPartition, int] = {}
        self._fetched: set[TopicPartition] = set()

    async def run(self, starts: Advance) -> None:
        """Read all partitions to their ends."""
        consumer = self._consumer
        bounds = await log_bounds(consumer, await self._partitions())
        self._ends = {place: bound.end for place, bound in bounds.items() if bound.end > bound.earliest}
        starts(sum(bound.end - bound.earliest for bound in bounds.values()))
        if not self._ends:
            return
        consumer.assign(list(self._ends))
        for place in self._ends:
            consumer.seek(place, bounds[place].earliest)
        passed = {place: bounds[place].earliest for place in self._ends}
        left = set(self._ends)
        moved_at = asyncio.get_running_loop().time()
        while left:
            for place, records in (await consumer.getmany(timeout_ms=_FETCH_MS, max_records=_AT_ONCE)).items():
                self._take(place, records)
            moved = 0
            for place in sorted(left):
                position = await consumer.position(place)
                moved += position - passed[place]
                passed[place] = position
                if position >= self._ends[place]:
                    left.discard(place)
                    consumer.pause(place)
            now = asyncio.get_running_loop().time()
            if moved:
                moved_at = now
                self._advance(moved)
            elif now - moved_at > _PATIENCE_SECONDS:
                stuck = ", ".join(map(str, sorted(left)))
                raise StartupError([f"Kafka has sent nothing more of {stuck} for {_PATIENCE_SECONDS:.0f} s"])

    async def _partitions(self) -> list[tuple[str, int]]:
        states = await describe(self._consumer, self._readers)
        if missing := sorted(set(self._readers) - set(states)):
            raise StartupError([f"Kafka has no topic '{name}'" for name in missing])
        return [(state.name, number) for state in states.values() for number in range(state.partitions)]

    def _take(self, place: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        if place not in self._fetched:
            # The embedded broker lists ends that are too low; what it says beside the records is right.
            self._fetched.add(place)
            self._ends[place] = max(self._ends[place], self._consumer.highwater(place) or 0)
        end, read, take = self._ends[place], self._readers[place.topic], self._gathering.take
        name = str(TopicPartition(*place))
        for record in records:
            if record.offset >= end:
                break  # it came while we were reading
            foreign = SourceRecord(
                record.topic,
                record.partition,
                record.offset,
                record.timestamp,
                record.key,
                record.value,
                tuple(record.headers),
            )
            take(name, record.offset, read, foreign)
