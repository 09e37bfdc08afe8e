"""Laws of gaps: deleted source records are counted, deleted activity records end the worker, others are confirmed."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from faust.types import TP

from workers.errors import LingerError
from workers.kafka.topics import LogBounds
from workers.observability import metrics
from workers.runtime.gaps import GapCheck

ACTIVITY, ORDERS = TP("activity", 0), TP("orders", 1)


class FakeReader:
    """Has gaps until they are confirmed; the log of every partition starts at the same offset."""

    def __init__(self, gaps: Mapping[TP, Sequence[range]], earliest: int) -> None:
        self.unconfirmed = {tp: list(ranges) for tp, ranges in gaps.items()}
        self._earliest = earliest

    def gaps(self) -> dict[TP, list[range]]:
        return dict(self.unconfirmed)

    def gaps_of(self, tp: TP) -> list[range]:
        return self.unconfirmed.get(tp, [])

    def confirm_gaps(self, gaps: Mapping[TP, Sequence[range]]) -> None:
        self.unconfirmed = {tp: ranges for tp, ranges in self.unconfirmed.items() if tp not in gaps}

    async def earliest(self, partitions: Sequence[TP]) -> dict[TP, int]:
        return dict.fromkeys(partitions, self._earliest)

    async def bounds(self, partitions: Sequence[TP]) -> dict[TP, LogBounds]:
        return dict.fromkeys(partitions, LogBounds(self._earliest, 100))


def check(reader: Any) -> GapCheck:
    return GapCheck(reader, ACTIVITY.topic)


def lost(topic: str) -> float:
    value = metrics.RECORDS_LOST.labels(topic)._value.get()
    return float(value)


def test_a_gap_above_the_start_of_the_log_is_confirmed_and_nothing_was_lost() -> None:
    before, reader = lost("orders"), FakeReader({ACTIVITY: [range(5, 7)], ORDERS: [range(5, 9)]}, earliest=5)
    asyncio.run(check(reader).check())
    assert reader.unconfirmed == {}
    assert lost("orders") == before


def test_source_records_that_were_deleted_are_counted() -> None:
    before, reader = lost("orders"), FakeReader({ORDERS: [range(1, 4), range(6, 9)]}, earliest=7)
    asyncio.run(check(reader).check())
    assert lost("orders") == before + 4
    assert reader.unconfirmed == {}


def test_activity_records_that_were_deleted_end_the_worker_with_the_remedy() -> None:
    reader = FakeReader({ACTIVITY: [range(3, 7)]}, earliest=5)
    with pytest.raises(LingerError, match=r"partition 0: .* offset 3, but its log holds 5 to 100.*linger rebuild"):
        asyncio.run(check(reader).check())
    assert reader.unconfirmed


def test_a_delivery_waits_until_the_gaps_before_it_are_confirmed() -> None:
    async def law() -> None:
        gaps = check(FakeReader({ACTIVITY: [range(5, 7)]}, earliest=0))
        waiting = asyncio.create_task(gaps.until_confirmed(ACTIVITY))
        await asyncio.sleep(0)
        assert not waiting.done()
        await gaps.check()
        await asyncio.wait_for(waiting, 1)

    asyncio.run(law())
