"""Intake with two small sources, a clock that stands still and a fake publisher."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Final

from schemas.sources import SourcesFile
from tests.support.builders import day
from tests.support.processor_rig import FakePublisher, StoppedClock, record
from workers.core.watermarks import Progress
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

    def __init__(self, sources: SourcesFile = SOURCES, **settings: Any) -> None:
        self.publisher, self.clock = FakePublisher(), StoppedClock(10)
        self.intake = Intake(Settings(**settings), sources, self.publisher.as_publisher(), self.clock)
        self.intake.assign({APP: 0, SITE: 0}, {}, {})
        self.ends = {APP: 0, SITE: 0}
        self.done: list[TopicPartition] = []
        self.resumed: list[TopicPartition] = []

    async def pass_on(self) -> None:
        async for partition in self.intake.run():
            self.resumed.append(partition)

    async def take_snapshot(self) -> dict[tuple[str, int], Progress]:
        snapshot = self.intake.snapshot(
            await self.clock.read(), self.ends, {"app": 1, "site": 1}, self.intake.positions()
        )
        self.intake.note_other_workers(snapshot)
        return snapshot

    async def take(self, place: TopicPartition, delivery: Delivery) -> None:
        """Take a delivery and give it the time to be passed on, if it ever is."""
        self.ends[place] = delivery.end
        await self.take_snapshot()
        self.intake.accept(place, delivery, lambda: self.done.append(place))
        await settled()

    async def take_backlog(self, ends: dict[TopicPartition, int]) -> None:
        """Take two records of each source: of days 3 and 5, and of days 2 and 4. The ends of the logs are given."""
        self.ends = ends
        await self.take_snapshot()
        self.intake.accept(APP, stamped(APP, day(3), day(5)), lambda: None)
        self.intake.accept(SITE, stamped(SITE, day(2), day(4)), lambda: None)
        await settled()

    def offsets(self) -> Sequence[bytes | None]:
        return [dict(message.headers)["linger-source"] for message in self.publisher.sent]


def lawful(
    law: Callable[[Running], Coroutine[Any, Any, None]], sources: SourcesFile = SOURCES, **settings: Any
) -> None:
    async def run() -> None:
        running = Running(sources, **settings)
        passing_on = asyncio.create_task(running.pass_on())
        try:
            await law(running)
        finally:
            passing_on.cancel()
            await asyncio.wait({passing_on})

    asyncio.run(run())
