"""Laws of the pace: never more keys in a second than allowed, and no fewer than can be."""

import asyncio

import pytest

from workers.scan.pacing import MOST_AT_ONCE, Pacer


class Time:
    """Seconds that pass only while someone sleeps, or if a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def read(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)


def test_so_many_keys_are_read_in_a_second_and_no_more() -> None:
    time = Time()
    pacer = Pacer(1_000, time.read, time.sleep)

    async def read() -> None:
        for _ in range(25):
            await pacer.spend(200)

    asyncio.run(read())
    assert time.now == pytest.approx(105)


def test_time_in_which_nothing_was_read_is_not_made_up_for() -> None:
    time = Time()
    pacer = Pacer(100, time.read, time.sleep)
    time.now += 50
    asyncio.run(pacer.spend(100))
    assert time.now == pytest.approx(151)


@pytest.mark.parametrize(("per_second", "at_once"), [(1, 1), (9, 1), (100, 10), (5_000, 500), (1_000_000, 500)])
def test_what_is_read_at_once_is_a_tenth_of_a_second_at_most(per_second: int, at_once: int) -> None:
    assert Pacer(per_second).at_once == at_once <= MOST_AT_ONCE
