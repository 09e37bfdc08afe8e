"""A look at the sources waits the moment that what lies before it needs, and no longer."""

import asyncio

import pytest

from tests.support.builders import day
from tests.unit.intake.test_wrong_clocks import APP, SITE, Running, lawful, settled, stamped
from workers.kafka.records import TopicPartition


def test_a_look_waits_until_what_lay_before_it_has_been_passed_on() -> None:
    async def law(running: Running) -> None:
        looking = asyncio.create_task(running.intake.wait_for_in_flight({APP: 1, SITE: 0}, seconds=30))
        await settled()
        assert not looking.done()
        await running.take(APP, stamped(APP, day(10)))
        assert looking.done()

    lawful(law)


@pytest.mark.parametrize("ends", [{APP: 0, SITE: 0}, {APP: 1_000_000}, {TopicPartition("site", 7): 3}, {}])
def test_a_look_waits_for_nobody_who_is_done_or_far_behind_or_read_by_others(
    ends: dict[TopicPartition, int],
) -> None:
    async def law(running: Running) -> None:
        looking = asyncio.create_task(running.intake.wait_for_in_flight(ends, seconds=30))
        await settled()
        assert looking.done()

    lawful(law)


def test_a_look_goes_on_when_what_lay_before_it_is_not_passed_on_in_time() -> None:
    async def law(running: Running) -> None:
        await running.intake.wait_for_in_flight({APP: 1}, seconds=0.01)

    lawful(law)
