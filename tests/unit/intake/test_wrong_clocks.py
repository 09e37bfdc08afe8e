"""A producer whose clock is wrong must neither stop a source nor hide that it is silent."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from schemas.sources import SourcesFile
from tests.support.builders import day
from tests.support.processor_rig import FakePublisher, StoppedClock, record
from workers.core.watermarks import Progress, silent_sources, watermarks_by_type
from workers.intake.agent import Intake
from workers.kafka.faust_batches import Delivery
from workers.kafka.records import TopicPartition
from workers.settings import Settings

SOURCES: Final = SourcesFile.model_validate(
    {
        "sources": [
            {"topic": topic, "format": "canonical", "events": ["login"], "max_silence": "3 days"}
            for topic in ("app", "site")
        ]
    }
)
APP, SITE = TopicPartition("app", 0), TopicPartition("site", 0)


def stamped(place: TopicPartition, *stamps_ms: int) -> Delivery:
    """Log-ins of day 1 in records with these Kafka timestamps."""
    records = [replace(record(offset), topic=place[0], timestamp=at_ms) for offset, at_ms in enumerate(stamps_ms)]
    return Delivery(records, 0)


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


class Running:
    """Intake with two sources of one partition each, both empty at first, on day 10."""

    def __init__(self) -> None:
        self.publisher, self.clock = FakePublisher(), StoppedClock(10)
        self.intake = Intake(Settings(), SOURCES, self.publisher.as_publisher(), self.clock)
        self.intake.assign({APP: 0, SITE: 0}, {})
        self.ends = {APP: 0, SITE: 0}
        self.done: list[TopicPartition] = []

    async def look(self) -> dict[tuple[str, int], Progress]:
        told = self.intake.snapshot(
            await self.clock.read(), self.ends, {"app": 1, "site": 1}, self.intake.positions()
        )
        self.intake.note_other_workers(told)
        return told

    async def take(self, place: TopicPartition, delivery: Delivery) -> None:
        """Take a delivery and give it the time to be passed on, if it ever is."""
        self.ends[place] = delivery.end
        await self.look()
        self.intake.accept(place, delivery, lambda: self.done.append(place))
        await settled()

    async def take_backlog(self, ends: dict[TopicPartition, int]) -> None:
        """Take two records of each source, of days 3 and 5 and of days 2 and 4; the logs are known to end there."""
        self.ends = ends
        await self.look()
        self.intake.accept(APP, stamped(APP, day(3), day(5)), lambda: None)
        self.intake.accept(SITE, stamped(SITE, day(2), day(4)), lambda: None)
        await settled()

    def offsets(self) -> Sequence[bytes | None]:
        return [dict(one.headers)["linger-source"] for one in self.publisher.sent]


def lawful(law: Callable[[Running], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        running = Running()
        passing_on = asyncio.create_task(running.intake.run(lambda place: None))
        try:
            await law(running)
        finally:
            passing_on.cancel()
            await asyncio.wait({passing_on})

    asyncio.run(run())


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
        told = await running.look()
        assert set(silent_sources(SOURCES, told, day(20))) == {"app", "site"}
        assert watermarks_by_type(SOURCES, told)["login"] <= day(13)

    lawful(law)


@pytest.mark.parametrize("stamp_ms", [day(3_000), 0, -1], ids=["in the future", "in 1970", "not at all"])
def test_a_source_is_watched_since_now_if_its_first_record_does_not_say_since_when(stamp_ms: int) -> None:
    async def law(running: Running) -> None:
        for place in (APP, SITE):
            running.ends[place] = 2  # not caught up, so that only the record can say it
            await running.look()
            running.intake.accept(place, stamped(place, stamp_ms), lambda: None)
        await settled()
        told = await running.look()
        assert [one.since_ms for one in told.values()] == [day(10)] * 2

    lawful(law)


def test_records_that_were_stamped_out_of_order_are_passed_on_in_the_order_of_the_log() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, stamped(APP, day(9), day(8), day(9.5), day(2)))
        assert running.offsets() == [b"app:0:%d" % number for number in range(4)]

    lawful(law)


def test_of_two_sources_the_older_records_are_passed_on_first() -> None:
    async def law(running: Running) -> None:
        await running.take_backlog({APP: 2, SITE: 2})
        assert running.offsets()[:3] == [b"site:0:0", b"app:0:0", b"site:0:1"]

    lawful(law)


def test_a_backlog_is_passed_on_to_the_ends_that_are_known_without_another_look() -> None:
    async def law(running: Running) -> None:
        await running.take_backlog({APP: 2, SITE: 2})
        assert running.offsets() == [b"site:0:0", b"app:0:0", b"site:0:1", b"app:0:1"]

    lawful(law)


def test_what_lies_behind_an_end_that_is_known_is_waited_for() -> None:
    async def law(running: Running) -> None:
        await running.take_backlog({APP: 2, SITE: 3})
        assert running.offsets() == [b"site:0:0", b"app:0:0", b"site:0:1"]

    lawful(law)


def test_nothing_counts_as_seen_before_kafka_confirmed_it() -> None:
    async def law(running: Running) -> None:
        running.ends = {APP: 5, SITE: 5}  # not caught up: what is seen is what the records tell
        await running.look()
        running.publisher.works.clear()
        for place in (APP, SITE):
            running.intake.accept(place, stamped(place, day(8), day(9)), lambda: None)
        await settled()
        assert running.offsets()
        assert {one.watermark_ms for one in (await running.look()).values()} == {0}
        running.publisher.works.set()
        await settled()
        assert {one.watermark_ms for one in (await running.look()).values()} == {day(9) - 1}

    lawful(law)
