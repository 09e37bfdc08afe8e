"""Laws of reading dead letters, on a consumer without a broker."""

import asyncio
from collections.abc import Iterable
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from tests.support.fake_consumer import FakeConsumer, Log
from workers.dead_letters.reader import DeadLetterReader
from workers.dead_letters.record import Position
from workers.kafka.topics import LogBounds

FIRST, SECOND = TopicPartition("dead", 0), TopicPartition("dead", 1)


def reader(earliest: int = 0, listed_end: int = 10) -> DeadLetterReader:
    """Return a reader of two partitions, whose logs end at 10 and at 3; the first may list a lower end."""
    logs = {FIRST: Log(range(earliest, 10), 10), SECOND: Log(range(3), 3)}
    bounds = {0: LogBounds(earliest, listed_end), 1: LogBounds(0, 3)}
    return DeadLetterReader(cast(Any, FakeConsumer(logs)), "dead", None, bounds)


def read_at(of: DeadLetterReader, positions: Iterable[Position]) -> list[Position]:
    async def read() -> list[Position]:
        return sorted([dead_letter.position async for dead_letter in of.read_at(positions)])

    return asyncio.run(read())


def test_all_are_read_each_partition_in_order() -> None:
    passed: list[int] = []

    async def read() -> list[Position]:
        return [dead_letter.position async for dead_letter in reader(4).read_all(passed.append)]

    positions = asyncio.run(read())
    assert [offset for partition, offset in positions if partition == 0] == [4, 5, 6, 7, 8, 9]
    assert [offset for partition, offset in positions if partition == 1] == [0, 1, 2]
    assert sum(passed) == reader(4).size == 9


@pytest.mark.parametrize("positions", [[], [(0, 5)], [(0, 4), (0, 9)], [(0, 7), (1, 0), (1, 2)]])
def test_exactly_the_asked_positions_are_read(positions: list[Position]) -> None:
    assert read_at(reader(4), positions) == positions


@pytest.mark.parametrize("offset", [0, 3, 10, 11, 1_000])
def test_positions_that_the_log_does_not_have_are_left_out(offset: int) -> None:
    assert read_at(reader(4), [(0, offset)]) == []
    assert read_at(reader(4), [(0, offset), (0, 6)]) == [(0, 6)]


def test_a_position_past_an_end_that_was_listed_too_low_is_read() -> None:
    assert read_at(reader(listed_end=7), [(0, 9)]) == [(0, 9)]


def test_nothing_is_read_of_an_empty_log() -> None:
    assert read_at(reader(10), [(0, 0), (0, 10)]) == []
