"""Laws of intake: a wrong clock neither stops a source nor hides its silence; a snapshot waits as long as it must."""

import asyncio
from dataclasses import replace

import pytest

from tests.support.builders import day
from tests.support.intake_rig import APP, SITE, SOURCES, Running, lawful, settled, stamped
from workers.core.watermarks import silent_sources, watermarks_by_type
from workers.intake.agent import Accepted, NotAssigned
from workers.kafka.records import SeekTo, TopicPartition

# --- wrong clocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stamp_ms", [day(10), day(1), 0, -1], ids=["now", "long ago", "1970", "none"])
def test_a_record_is_passed_on_whenever_it_was_stamped(stamp_ms: int) -> None:
    async def law(running: Running) -> None:
        await running.take(APP, stamped(APP, stamp_ms))
        assert running.offsets() == [b"app:0:0"]
        assert running.done == [APP]

    lawful(law)


def test_a_record_stamped_in_the_future_does_not_stop_its_source() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, stamped(APP, day(3_000), day(10)))
        running.clock.now_ms = day(11)
        await running.take(SITE, stamped(SITE, day(11)))
        assert APP in running.done

    lawful(law)


def test_a_record_stamped_in_the_future_does_not_hide_a_later_silence() -> None:
    async def law(running: Running) -> None:
        for place in (APP, SITE):
            await running.take(place, stamped(place, day(3_000)))
        running.clock.now_ms = day(20)
        snapshot = await running.take_snapshot()
        assert set(silent_sources(SOURCES, snapshot, day(20))) == {"app", "site"}
        assert watermarks_by_type(SOURCES, snapshot)["login"] <= day(13)

    lawful(law)


@pytest.mark.parametrize("stamp_ms", [day(3_000), 0, -1], ids=["in the future", "in 1970", "not at all"])
def test_a_source_is_watched_since_now_if_its_first_record_does_not_say_since_when(stamp_ms: int) -> None:
    async def law(running: Running) -> None:
        for place in (APP, SITE):
            running.ends[place] = 2  # not caught up, so that only the record can say it
            await running.take_snapshot()
            running.intake.accept(place, stamped(place, stamp_ms), lambda: None)
        await settled()
        snapshot = await running.take_snapshot()
        assert [progress.since_ms for progress in snapshot.values()] == [day(10)] * 2

    lawful(law)


def test_nothing_counts_as_seen_before_kafka_confirmed_it() -> None:
    async def law(running: Running) -> None:
        running.ends = {APP: 5, SITE: 5}  # not caught up: the watermark is what the records show
        await running.take_snapshot()
        running.publisher.works.clear()
        for place in (APP, SITE):
            running.intake.accept(place, stamped(place, day(8), day(9)), lambda: None)
        await settled()
        assert running.offsets()
        assert {progress.watermark_ms for progress in (await running.take_snapshot()).values()} == {0}
        running.publisher.works.set()
        await settled()
        assert {progress.watermark_ms for progress in (await running.take_snapshot()).values()} == {day(9) - 1}

    lawful(law)


# --- waiting before a snapshot --------------------------------------------------------------------------------------


def test_a_look_waits_until_what_lay_before_it_has_been_passed_on() -> None:
    async def law(running: Running) -> None:
        waiting = asyncio.create_task(running.intake.wait_for_in_flight({APP: 1, SITE: 0}, seconds=30))
        await settled()
        assert not waiting.done()
        await running.take(APP, stamped(APP, day(10)))
        assert waiting.done()

    lawful(law)


@pytest.mark.parametrize("ends", [{APP: 0, SITE: 0}, {APP: 1_000_000}, {TopicPartition("site", 7): 3}, {}])
def test_a_snapshot_waits_for_no_partition_that_is_done_or_far_behind_or_read_by_others(
    ends: dict[TopicPartition, int],
) -> None:
    async def law(running: Running) -> None:
        waiting = asyncio.create_task(running.intake.wait_for_in_flight(ends, seconds=30))
        await settled()
        assert waiting.done()

    lawful(law)


def test_a_look_goes_on_when_what_lay_before_it_is_not_passed_on_in_time() -> None:
    async def law(running: Running) -> None:
        await running.intake.wait_for_in_flight({APP: 1}, seconds=0.01)

    lawful(law)


# --- accepting ------------------------------------------------------------------------------------------------------


def test_a_delivery_is_accepted_until_the_queue_is_full() -> None:
    async def law(running: Running) -> None:
        running.ends = {APP: 2, SITE: 0}
        await running.take_snapshot()
        running.publisher.works.clear()
        first, second = stamped(APP, day(1)), stamped(APP, day(1), day(2))
        assert running.intake.accept(APP, first, lambda: None) == Accepted(is_full=False)
        assert running.intake.accept(APP, second, lambda: None) == Accepted(is_full=True)
        await settled()
        assert running.resumed == []
        running.publisher.works.set()
        await settled()
        assert running.resumed == [APP]

    lawful(law)


def test_a_delivery_behind_missing_records_is_refused_with_where_to_read_again() -> None:
    async def law(running: Running) -> None:
        late = stamped(APP, day(1), day(2), day(3))
        assert running.intake.accept(APP, late, lambda: None) == Accepted(is_full=False)
        gap = replace(late, records=late.records[2:], follows=9)
        assert running.intake.accept(APP, gap, lambda: None) == SeekTo(3)

    lawful(law)


def test_a_delivery_of_a_partition_that_is_assigned_elsewhere_is_dropped() -> None:
    async def law(running: Running) -> None:
        other = TopicPartition("app", 7)
        assert running.intake.accept(other, stamped(other, day(1)), lambda: None) == NotAssigned()

    lawful(law)
