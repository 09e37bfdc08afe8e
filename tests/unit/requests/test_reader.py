"""What keeps requests from being read is said, not tried again in silence."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiokafka.errors import OffsetOutOfRangeError

from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import FakePublisher, StoppedClock
from workers.kafka.records import TopicPartition
from workers.kafka.topics import TopicState
from workers.requests import reader
from workers.settings import Settings

PLACE = TopicPartition("linger.requests", 0)


class ShorterLog:
    """A consumer of a log that ends before the stored position."""

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments

    def assign(self, places: Sequence[TopicPartition]) -> None:
        assert places == [PLACE]

    def seek(self, place: TopicPartition, offset: int) -> None:
        assert offset == 7

    async def beginning_offsets(self, _: Any) -> dict[TopicPartition, int]:
        return {PLACE: 0}

    async def end_offsets(self, _: Any) -> dict[TopicPartition, int]:
        return {PLACE: 3}

    async def position(self, _: TopicPartition) -> int:
        return 7

    async def getmany(self, *_: Any, **__: Any) -> dict[TopicPartition, list[Any]]:
        raise OffsetOutOfRangeError({PLACE: 7})

    async def stop(self) -> None:
        pass


async def connected(_: Any) -> None:
    pass


def test_a_topic_of_requests_that_has_lost_its_end_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "AIOKafkaConsumer", ShorterLog)
    monkeypatch.setattr(reader, "connect", connected)
    store = MemoryStore()
    store.contents[0].meta["layout"] = "4"
    store.hashes[store.keys.requests] = {"offset": "7"}

    async def describe(_: Sequence[str]) -> Mapping[str, TopicState]:
        return {PLACE.topic: TopicState(PLACE.topic, 1, None)}

    requests = reader.RequestReader(
        Settings(partitions=1),
        store.as_store(),
        FakePublisher().as_publisher(),
        StoppedClock(1),
        describe,
        lambda: True,
    )
    problem = asyncio.run(requests.read_on())
    assert problem is not None
    assert "linger sources forget linger.requests" in problem
