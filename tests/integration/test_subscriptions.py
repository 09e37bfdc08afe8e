"""Laws of a subscription that changes while it is read: nothing is lost, and what is acknowledged comes only once."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaProducer
from faust.types import TP

from workers.demo.embedded import Pair
from workers.kafka.faust_batches import Delivery
from workers.kafka.topics import TopicPlan, connected_admin, create_missing
from workers.runtime.reader import ACTIVITY, SOURCES, Reader, Subscription
from workers.settings import Settings, read_settings

pytestmark = pytest.mark.integration

PARTITIONS = 2


@dataclass
class Member:
    """One member of the group, which notes what it reads."""

    settings: Settings
    prefix: str
    reader: Reader = field(init=False)
    assigned: set[TP] = field(default_factory=set)
    values: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = Reader(self.settings)

    async def start(self, *sources: str) -> None:
        await self.reader.connect()
        read = [
            Subscription(SOURCES, self.named(sources), self.take),
            Subscription(ACTIVITY, [f"{self.prefix}activity"], self.take),
        ]
        await self.reader.start(self.positions, read, partitions=PARTITIONS * (1 + len(sources)))

    async def change(self, *sources: str) -> None:
        await self.reader.change_topics(SOURCES, self.named(sources), partitions=PARTITIONS * (1 + len(sources)))

    def named(self, names: Sequence[str]) -> list[str]:
        return [f"{self.prefix}{name}" for name in names]

    async def positions(self, assigned: set[TP], committed: Mapping[TP, int | None]) -> Mapping[TP, int]:
        self.assigned = assigned
        return {tp: max(committed.get(tp) or 0, 0) for tp in assigned}

    async def take(self, tp: TP, delivery: Delivery, done: Callable[[], object]) -> None:
        self.values += [record.value for record in delivery.records]
        done()

    def topics(self) -> set[str]:
        return {tp.topic.removeprefix(self.prefix) for tp in self.assigned}


@dataclass
class Place:
    """A group on a Kafka with the topics activity, a, b and c."""

    settings: Settings
    prefix: str
    producer: AIOKafkaProducer
    members: list[Member] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)

    async def join(self, *sources: str) -> Member:
        member = Member(self.settings, self.prefix)
        self.members.append(member)
        await member.start(*sources)
        return member

    async def send(self, topic: str, number: int) -> None:
        for count in range(number):
            self.sent.append(f"{topic}{len(self.sent)}".encode())
            await self.producer.send_and_wait(f"{self.prefix}{topic}", self.sent[-1], partition=count % PARTITIONS)

    async def until_read(self) -> None:
        await until(lambda: set(self.sent) <= {value for member in self.members for value in member.values})

    def read(self) -> list[bytes]:
        return sorted(value for member in self.members for value in member.values)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for is outside
            await asyncio.sleep(0.05)


@asynccontextmanager
async def place_on(pair: Pair) -> AsyncIterator[Place]:
    prefix = f"t{uuid.uuid4().hex[:8]}."
    settings = read_settings({**pair.variables(), "LINGER_KAFKA_GROUP_ID": f"{prefix}linger"})
    async with connected_admin(settings.kafka_connection()) as admin:
        names = ("activity", "a", "b", "c")
        await create_missing(admin, [TopicPlan(f"{prefix}{name}", PARTITIONS, 1) for name in names])
    producer = AIOKafkaProducer(**settings.kafka_connection())
    await producer.start()
    place = Place(settings, prefix, producer)
    try:
        yield place
    finally:
        for member in place.members:
            await member.reader.stop()
            await member.reader.disconnect()
        await producer.stop()


def test_a_topic_joins_and_another_leaves_while_the_rest_is_read_on(pair: Pair) -> None:
    async def law() -> None:
        async with place_on(pair) as place:
            member = await place.join("a", "b")
            await until(lambda: member.topics() == {"activity", "a", "b"})
            await place.send("a", 6)
            await place.send("c", 6)  # in its log before anybody reads it
            await until(lambda: len(member.values) == 6)
            await member.change("a", "c")
            await until(lambda: member.topics() == {"activity", "a", "c"})
            await place.send("a", 6)
            await place.send("activity", 6)
            await place.until_read()
            assert place.read() == sorted(place.sent)
            unread = [*place.sent]
            await place.send("b", 6)  # after it has left
            await place.send("c", 2)
            await until(lambda: len(member.values) == len(unread) + 2)
            assert not any(value.startswith(b"b") for value in member.values)
            await member.change("a", "b", "c")  # it goes on where it was left
            await place.until_read()
            assert place.read() == sorted(place.sent)

    asyncio.run(law())


def test_a_worker_that_reads_no_source_can_begin_to_read_one(pair: Pair) -> None:
    async def law() -> None:
        async with place_on(pair) as place:
            member = await place.join()
            await until(lambda: member.topics() == {"activity"})
            await place.send("a", 4)
            await member.change("a")
            await place.until_read()
            await member.change()
            await until(lambda: member.topics() == {"activity"})
            assert place.read() == sorted(place.sent)

    asyncio.run(law())


@pytest.mark.rest
def test_only_members_that_know_a_topic_are_given_its_partitions(pair: Pair) -> None:
    async def law() -> None:
        async with place_on(pair) as place:
            one, two = await place.join("a"), await place.join("a")
            await until(lambda: len(one.assigned) == len(two.assigned) == PARTITIONS)
            await place.send("b", 6)
            await one.change("a", "b")
            await place.until_read()
            assert "b" not in two.topics()
            await two.change("a", "b")
            await until(lambda: len(one.assigned) == len(two.assigned) == 1.5 * PARTITIONS)
            await place.send("a", 6)
            await place.send("b", 6)
            await place.until_read()
            assert place.read() == sorted(place.sent)
            assert {tp.topic for tp in one.assigned} == {tp.topic for tp in two.assigned}

    asyncio.run(law())
