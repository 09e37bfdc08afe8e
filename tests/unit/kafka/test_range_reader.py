"""Laws of reading a range of offsets, on a consumer without a broker."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from tests.support.fake_consumer import GONE, FakeConsumer, Log
from workers.kafka import range_reader
from workers.kafka.range_reader import OffsetRange, ReadStalled, read_ranges, read_through

FIRST, SECOND = TopicPartition("orders", 0), TopicPartition("orders", 1)


def read(
    consumer: FakeConsumer, ranges: Mapping[TopicPartition, OffsetRange]
) -> tuple[dict[TopicPartition, list[int]], int]:
    """Return the offsets read of each partition, and how many were passed."""
    offsets: dict[TopicPartition, list[int]] = {}
    passed: list[int] = []

    async def read_all() -> None:
        async for partition, records in read_ranges(cast(Any, consumer), ranges, passed.append):
            offsets.setdefault(partition, []).extend(record.offset for record in records)

    asyncio.run(read_all())
    return offsets, sum(passed)


def test_exactly_the_range_is_read_of_each_partition() -> None:
    consumer = FakeConsumer({FIRST: Log(range(10), 10), SECOND: Log(range(10), 10)})
    offsets, _ = read(consumer, {FIRST: OffsetRange(2, 7), SECOND: OffsetRange(0, 1)})
    assert offsets == {FIRST: [2, 3, 4, 5, 6], SECOND: [0]}
    assert consumer.paused == {FIRST, SECOND}


def test_offsets_without_records_are_passed() -> None:
    offsets, passed = read(FakeConsumer({FIRST: Log([1, 4], 9)}), {FIRST: OffsetRange(0, 9)})
    assert (offsets, passed) == ({FIRST: [1, 4]}, 9)


def test_an_empty_range_is_left_out() -> None:
    consumer = FakeConsumer({FIRST: Log(range(10), 10)})
    assert read(consumer, {FIRST: OffsetRange(3, 3), SECOND: OffsetRange(0, 0, to_log_end=True)}) == ({}, 0)
    assert consumer.positions == {}


def test_an_end_of_the_log_that_was_listed_too_low_is_corrected() -> None:
    logs = {FIRST: Log(range(10), 10), SECOND: Log(range(10), 10)}
    offsets, passed = read(FakeConsumer(logs), {FIRST: OffsetRange(0, 6, to_log_end=True), SECOND: OffsetRange(0, 6)})
    assert offsets == {FIRST: list(range(10)), SECOND: list(range(6))}
    assert passed >= 16


def test_reading_gives_up_when_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(range_reader, "_STALL_SECONDS", 0.0)
    with pytest.raises(ReadStalled, match=r"nothing more of orders:1 for 0 s"):
        read(
            FakeConsumer({FIRST: Log(range(3), 3), SECOND: Log(GONE, 5)}),
            {FIRST: OffsetRange(0, 3), SECOND: OffsetRange(0, 5)},
        )


def test_records_can_be_handed_to_a_function() -> None:
    offsets: list[int] = []
    consumer = cast(Any, FakeConsumer({FIRST: Log(range(5), 5)}))
    handle = read_through(
        consumer, {FIRST: 1}, {FIRST: 4}, lambda _, records: offsets.extend(record.offset for record in records)
    )
    asyncio.run(handle)
    assert offsets == [1, 2, 3]
