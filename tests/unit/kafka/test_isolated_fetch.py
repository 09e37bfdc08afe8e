"""Laws of taking out what was fetched: a partition that cannot be decoded takes nothing from the others."""

import asyncio
from typing import Any, Final

import pytest
from aiokafka.errors import TopicAuthorizationFailedError
from faust.types import TP

from tests.support.fetched import FakeFetcher, batch
from workers.kafka.isolated_fetch import Taken, fetched_records

BROKEN: Final = TP("broken", 0)
WELL: Final = TP("well", 0)
UNKNOWN_CODEC: Final = 5


def take(fetcher: FakeFetcher, *partitions: TP, at_most: int | None = None, seconds: float = 0) -> Taken:
    return asyncio.run(fetched_records(fetcher, partitions or (BROKEN, WELL), seconds, at_most))


def offsets(taken: Taken) -> dict[TP, list[int]]:
    return {tp: [record.offset for record in records] for tp, records in taken[0].items()}


@pytest.fixture
def fetcher() -> FakeFetcher:
    return FakeFetcher({BROKEN: 0, WELL: 0})


def test_what_was_fetched_is_taken_out_and_the_positions_move_behind_it(fetcher: FakeFetcher) -> None:
    fetcher.put(WELL, batch(0, 3) + batch(3, 5))
    fetcher.put(BROKEN, batch(0, 2))
    taken = take(fetcher)
    assert offsets(taken) == {WELL: [0, 1, 2, 3, 4], BROKEN: [0, 1]}
    assert [record.value for record in taken[0][BROKEN]] == [b"value-0", b"value-1"]
    assert taken[1] == {}
    assert (fetcher.states[WELL].position, fetcher.states[BROKEN].position) == (5, 2)
    assert not fetcher._records


@pytest.mark.parametrize("bad", [{"codec": UNKNOWN_CODEC}, {"breaks_crc": True}, {"codec": 1}, {"codec": 4}])
@pytest.mark.parametrize("order", [(WELL, BROKEN), (BROKEN, WELL)])
def test_a_batch_that_cannot_be_decoded_is_an_error_of_its_partition_and_loses_no_record_of_others(
    fetcher: FakeFetcher, order: tuple[TP, TP], bad: dict[str, Any]
) -> None:
    for tp in order:
        fetcher.put(tp, batch(0, 2) if tp == WELL else batch(0, 3, **bad))
    taken = take(fetcher)
    assert offsets(taken) == {WELL: [0, 1]}
    assert list(taken[1]) == [BROKEN]
    assert fetcher.states[BROKEN].position == 0


def test_records_before_a_bad_batch_are_returned_and_the_position_stays_before_it(fetcher: FakeFetcher) -> None:
    fetcher.put(BROKEN, batch(0, 3) + batch(3, 5, codec=UNKNOWN_CODEC) + batch(5, 6))
    records, errors = take(fetcher)
    assert [record.offset for record in records[BROKEN]] == [0, 1, 2]
    assert errors[BROKEN] == "UnsupportedCodecError: Unknown compression codec 0x05"
    assert fetcher.states[BROKEN].position == 3


def test_an_error_that_kafka_answers_for_one_partition_is_an_error_of_that_partition(fetcher: FakeFetcher) -> None:
    fetcher.fail(BROKEN, TopicAuthorizationFailedError("broken"))
    fetcher.put(WELL, batch(0, 1))
    records, errors = take(fetcher)
    assert (list(records), list(errors)) == ([WELL], [BROKEN])
    assert "TopicAuthorizationFailedError" in errors[BROKEN]


def test_no_more_records_are_taken_than_asked_for_and_the_rest_comes_next(fetcher: FakeFetcher) -> None:
    fetcher.put(WELL, batch(0, 5))
    fetcher.put(BROKEN, batch(0, 1))
    assert offsets(take(fetcher, at_most=3)) == {WELL: [0, 1, 2]}
    assert offsets(take(fetcher, at_most=3)) == {WELL: [3, 4], BROKEN: [0]}


def test_only_the_partitions_asked_for_are_taken_out_and_what_is_of_nobody_any_more_is_dropped(
    fetcher: FakeFetcher,
) -> None:
    fetcher.put(BROKEN, batch(0, 1, codec=UNKNOWN_CODEC))
    fetcher.put(WELL, batch(0, 1))
    assert offsets(take(fetcher, WELL)) == {WELL: [0]}
    assert take(fetcher, WELL) == ({}, {})
    assert list(fetcher._records) == [BROKEN]
    del fetcher.states[BROKEN]
    take(fetcher, WELL)
    assert not fetcher._records


def test_records_of_before_a_seek_are_not_returned(fetcher: FakeFetcher) -> None:
    fetcher.put(WELL, batch(0, 3))
    fetcher.states[WELL].position = 1
    assert take(fetcher) == ({}, {})
    assert fetcher.states[WELL].position == 1


def test_it_waits_until_something_arrives_and_no_longer_than_it_may(fetcher: FakeFetcher) -> None:
    async def run() -> None:
        waiting = asyncio.create_task(fetched_records(fetcher, {WELL}, 60, None))
        await asyncio.sleep(0)
        assert fetcher._waiters
        fetcher.put(WELL, batch(0, 1))
        assert offsets(await waiting) == {WELL: [0]}
        assert await fetched_records(fetcher, {WELL}, 0.01, None) == ({}, {})

    asyncio.run(run())
