"""Finds the records of customers in Linger's own topics; each topic is read from its beginning to its end.

A customer's partition follows from the id, so of topics with the customer's id as key only that partition is read.
The topics of dead letters and of requests have other keys: they are read in full, and their contents are searched. A
record of the activity topic that stands elsewhere, or under another key, was refused; its dead letter says where.

It joins no group, and knows nothing of what the records mean.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from workers.customer_orders.naming import MOST_NAMES, Naming
from workers.kafka.partitioner import hash_of
from workers.kafka.range_reader import Advance, OffsetRange, opened_reader, read_ranges
from workers.kafka.records import TopicPartition
from workers.kafka.topic_configs import topic_configs
from workers.kafka.topics import LogBounds, TopicState, connected_admin, describe, log_bounds
from workers.settings import REQUESTS, Settings, for_command

ACTIVITY: Final = "activity"
DEAD_LETTER: Final = "dead-letter"
NAMED: Final[tuple[str, ...]] = (DEAD_LETTER, REQUESTS)
"""Topics whose records may name the customer anywhere, without the prefix."""
_MOST_REFUSED: Final = 1_000
"""Refused records of the activity topic that are read one by one."""

By = Literal["key", "content", "refused"]
Origin = Callable[[ConsumerRecord], tuple[str, int, int] | None]
"""Returns topic, partition and offset of the record that a dead letter was; None if Linger did not write it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A record of one of the customers.

    Attributes:
        name: its topic, without the prefix.
        record: as Kafka has it.
        by: how it was found: the key is the id, the content names it, or it is the refused record of such a dead
            letter.
    """

    name: str
    record: ConsumerRecord
    by: By


class _Request(msgspec.Struct):
    customer_id: str = ""


_customer_of: Final = msgspec.json.Decoder(_Request).decode


class Search:
    """Linger's topics, opened for one search; see `opened_search`.

    Attributes:
        missing: topics that do not exist, without the prefix.
        partitions: the partitions that are read, by topic without the prefix.
        configs: Kafka's settings by topic without the prefix, of the topics whose settings this user may see.
        seeks_contents: whether contents are searched; with more than `MOST_NAMES` ids they are not.
    """

    def __init__(
        self,
        settings: Settings,
        customer_ids: Collection[str],
        consumer: AIOKafkaConsumer,
        states: Mapping[str, TopicState],
        configs: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._settings = settings
        self.actions = frozenset(settings.actions)
        self._consumer = consumer
        self._keys = frozenset(customer_id.encode() for customer_id in customer_ids)
        self.seeks_contents = len(customer_ids) <= MOST_NAMES
        self._naming = Naming(customer_ids if self.seeks_contents else ())
        topics = {name: settings.topic(name) for name in searched_topics(settings)}
        self.missing = [name for name, topic in topics.items() if topic not in states]
        self.configs = {name: configs[topic] for name, topic in topics.items() if topic in configs}
        self.partitions = {
            name: _partitions(name, states[topic].partitions, self._keys)
            for name, topic in topics.items()
            if topic in states
        }
        self._bounds: dict[TopicPartition, LogBounds] = {}

    async def measure(self) -> None:
        """Find where the logs begin and end now; what is appended later is not read."""
        wanted = [
            TopicPartition(self._settings.topic(name), number)
            for name, numbers in self.partitions.items()
            for number in numbers
        ]
        self._bounds = await log_bounds(self._consumer, wanted)

    @property
    def size(self) -> int:
        """The number of offsets that are passed."""
        return sum(bounds.end - bounds.earliest for bounds in self._bounds.values())

    async def read(self, advance: Advance, origin: Origin) -> AsyncIterator[Found]:
        """Yield the records of the customers: dead letters and requests first, then by topic.

        Args:
            advance: called with the number of offsets passed.
            origin: what a dead letter was.

        Raises:
            ReadStalled: if Kafka sends nothing more for a minute.
        """
        refused: set[tuple[int, int]] = set()
        activity = self._settings.topic(ACTIVITY)
        for name in NAMED:
            async for record in self._records(name, advance):
                by = self._named(record)
                if by is None:
                    continue
                yield Found(name, record, by)
                source = origin(record) if name == DEAD_LETTER else None
                if source is not None and source[0] == activity and len(refused) < _MOST_REFUSED:
                    refused.add(source[1:])
        for name in keyed_topics(self._settings):
            async for record in self._records(name, advance):
                if record.key in self._keys:
                    yield Found(name, record, "key")
                elif name == ACTIVITY and (record.partition, record.offset) in refused:
                    yield Found(name, record, "refused")
        read_already = set(self.partitions.get(ACTIVITY, ()))
        async for record in self._at(sorted(place for place in refused if place[0] not in read_already)):
            yield Found(ACTIVITY, record, "refused")

    def _named(self, record: ConsumerRecord) -> By | None:
        if record.key in self._keys:
            return "key"
        if not self.seeks_contents:
            return "content" if self._settings.topic(REQUESTS) == record.topic and self._is_asked(record) else None
        parts = (record.key, record.value, *(value for _, value in record.headers))
        return "content" if self._naming.names(parts) else None

    def _is_asked(self, record: ConsumerRecord) -> bool:
        """Return whether a request is for one of the customers."""
        try:
            return _customer_of(record.value or b"").customer_id.encode() in self._keys
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False

    async def _records(self, name: str, advance: Advance) -> AsyncIterator[ConsumerRecord]:
        topic = self._settings.topic(name)
        ranges = {
            partition: OffsetRange(bounds.earliest, bounds.end, to_log_end=True)
            for partition, bounds in self._bounds.items()
            if partition.topic == topic
        }
        async for _, records in read_ranges(self._consumer, ranges, advance):
            for record in records:
                yield record

    async def _at(self, places: Sequence[tuple[int, int]]) -> AsyncIterator[ConsumerRecord]:
        """Yield the records at some places of the activity topic that are still there."""
        if not places:
            return
        activity = self._settings.topic(ACTIVITY)
        partitions = [TopicPartition(activity, number) for number in {place[0] for place in places}]
        bounds = await log_bounds(self._consumer, partitions)
        for number, offset in places:
            partition = TopicPartition(activity, number)
            if bounds[partition].earliest <= offset < bounds[partition].end:
                async for _, records in read_ranges(self._consumer, {partition: OffsetRange(offset, offset + 1)}):
                    for record in records:
                        yield record


def keyed_topics(settings: Settings) -> tuple[str, ...]:
    """Return the topics whose records have the customer's id as key, without the prefix."""
    return (ACTIVITY, *settings.topics_by_customer)


def searched_topics(settings: Settings) -> tuple[str, ...]:
    """Return every topic that is searched, without the prefix."""
    return (*keyed_topics(settings), *NAMED)


@asynccontextmanager
async def opened_search(settings: Settings, customer_ids: Collection[str]) -> AsyncIterator[Search]:
    """Connect to Kafka and find what is to be read, for the duration of a `with` block.

    Args:
        settings: name the topics.
        customer_ids: of these customers.

    Raises:
        StartupError: if Kafka does not answer, or does not let this user see a topic; also inside the block.
    """
    connection = for_command(settings).kafka_connection()
    async with opened_reader(connection) as consumer:
        states = await describe(consumer, [settings.topic(name) for name in searched_topics(settings)])
        async with connected_admin(connection) as admin:
            configs = await topic_configs(admin, list(states))
        search = Search(settings, customer_ids, consumer, states, configs)
        await search.measure()
        yield search


def _partitions(name: str, count: int, keys: Collection[bytes]) -> Sequence[int]:
    if name in NAMED:
        return range(count)
    return sorted({hash_of(key) % count for key in keys})
