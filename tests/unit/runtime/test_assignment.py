"""Laws of assignment: what is named last is claimed last, and a worker without partitions needs nothing outside."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from workers.errors import LingerError
from workers.kafka.topics import LogBounds
from workers.runtime.assignment import Assignment
from workers.runtime.failure import Failure

HERE = TP("linger.activity", 0)


class Place:
    """The parts that a claim touches; Kafka answers when the test lets it."""

    def __init__(self) -> None:
        self.claimed: list[list[int]] = []
        self.assigned: list[list[Any]] = []
        self.answers = asyncio.Event()
        self.described = asyncio.Event()
        self.problems: list[str] = []
        self.failure = Failure()
        parts: Any = SimpleNamespace(
            store=SimpleNamespace(progress=self._nothing, redis=self, keys=SimpleNamespace(stopped="stopped")),
            reader=SimpleNamespace(describe=self._describe, bounds=self._bounds),
            topics=SimpleNamespace(
                activity=HERE.topic, activity_id="id", partitions={}, replaced=lambda _: None, note=lambda _: None
            ),
            intake=SimpleNamespace(assign=lambda *given: self.assigned.append([*given])),
            marks=SimpleNamespace(note=lambda _: None),
            processor=SimpleNamespace(claim=self._claim, partitions={}),
            settings=SimpleNamespace(kafka_enable_idempotence=True),
        )
        preflight: Any = SimpleNamespace(problems_at_claim=self._problems)
        self.assignment = Assignment(parts, preflight, self.failure)

    async def fields(self, key: str) -> dict[str, str]:
        return {}

    async def _nothing(self) -> dict[Any, Any]:
        return {}

    async def _describe(self, names: Any) -> dict[str, Any]:
        self.described.set()
        await self.answers.wait()
        return {}

    async def _bounds(self, partitions: Any) -> dict[Any, LogBounds]:
        return {tp: LogBounds(0, 9) for tp in partitions}

    async def _problems(self, topics: Any) -> list[str]:
        return self.problems

    async def _claim(self, bounds: dict[int, LogBounds], topic_id: Any, progress: Any) -> dict[int, int]:
        self.claimed.append(sorted(bounds))
        return dict.fromkeys(bounds, 3)


def test_a_worker_without_partitions_gives_up_all_and_asks_nothing_outside() -> None:
    async def law() -> None:
        place = Place()  # Kafka never answers
        assert await place.assignment.positions(set(), {}) == {}
        assert (place.claimed, place.assigned) == ([[]], [[{}, {}, {}]])
        assert place.assignment.was_claimed
        assert not place.described.is_set()

    asyncio.run(law())


def test_an_assignment_that_arrives_during_a_claim_is_claimed_after_it() -> None:
    """Otherwise a slow claim would take back what has been given up meanwhile."""

    async def law() -> None:
        place = Place()
        first = asyncio.create_task(place.assignment.positions({HERE}, {HERE: 1}))
        await place.described.wait()
        second = asyncio.create_task(place.assignment.positions(set(), {}))
        await asyncio.sleep(0)
        assert (place.claimed, place.assignment.is_claiming, place.assignment.was_claimed) == ([], True, False)
        place.answers.set()
        assert (await first, await second) == ({HERE: 3}, {})
        assert place.claimed == [[0], []]
        assert not place.assignment.is_claiming

    asyncio.run(law())


def test_a_claim_that_is_refused_ends_the_worker_and_does_not_count() -> None:
    async def law() -> None:
        place = Place()
        place.answers.set()
        place.problems = ["the topic was made again"]
        with pytest.raises(LingerError, match="made again"):
            await place.assignment.positions({HERE}, {HERE: 1})
        assert not place.assignment.was_claimed
        assert place.failure.error is not None

    asyncio.run(law())
