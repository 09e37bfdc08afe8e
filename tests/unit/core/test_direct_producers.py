"""Laws of direct producers: they are a source like any other, only that intake does not pass on what they write."""

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine
from copy import deepcopy
from typing import Any, Final

import orjson
import pytest

from schemas.sources import SourcesFile
from tests.support.builders import day, rule
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import SOURCE, Agent, record
from workers.core.direct_producers import (
    MAX_OUT_OF_ORDER_MS,
    DirectProducerProgress,
    direct_problems,
    direct_source,
    intake_sources,
    only_direct,
)
from workers.core.watermarks import NO_WATERMARK_MS, PartitionWatermarks, Progress
from workers.kafka.records import SeekTo
from workers.kafka.rights import Right
from workers.kafka.topics import LogBounds
from workers.operations.permissions import rights_needed
from workers.processor.results import Processed
from workers.settings import Settings

ACTIVITY: Final = "linger.activity"
PASSED_ON: Final = (("linger-source", b"shop.events:0:1"),)
QUIET: Final = rule("quiet", when={"none": "login", "for": "30 days"})


def source(topic: str, *events: str, **more: Any) -> dict[str, Any]:
    return {"topic": topic, "format": "canonical", "events": list(events), "max_silence": "3 days", **more}


def sources(*content: dict[str, Any]) -> SourcesFile:
    return SourcesFile.model_validate({"sources": list(content), "event_types": {"nps": {}}})


MIXED: Final = sources(source(SOURCE, "purchase", "cancellation"), source(ACTIVITY, "login", "purchase"))
DIRECT: Final = sources(source(ACTIVITY, "login", "purchase", "cancellation", "nps"))
SINCE_2024: Final = sources(source(ACTIVITY, "login", complete_since="2024-01-01"))


# --- what is declared ---------------------------------------------------------------------------------------------


def test_intake_leaves_the_activity_topic_alone() -> None:
    declared = direct_source(MIXED, ACTIVITY)
    assert declared is not None
    assert declared.types() == ("login", "purchase")
    assert [one.topic for one in intake_sources(MIXED, ACTIVITY)] == [SOURCE]
    assert direct_source(MIXED, "other.activity") is None


def test_a_type_that_comes_from_elsewhere_too_is_not_only_direct() -> None:
    assert only_direct(MIXED, ACTIVITY) == {"login"}
    assert only_direct(MIXED, "other.activity") == frozenset()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"only_when": {"a": 1}}, "'only_when'"),
        ({"history_before": "2024-04-10"}, "'history_until'"),
        ({"format": "json", "events": [], "event": "login", "fields": {}}, "'format: canonical'"),
    ],
)
def test_what_nothing_maps_or_filters_cannot_be_declared_so(content: dict[str, Any], problem: str) -> None:
    if "fields" in content:
        content = {**content, "fields": {"event_id": "a", "customer_id": "b", "occurred_at": "c"}}
    (message,) = direct_problems(sources(source(ACTIVITY, "login") | content), ACTIVITY)
    assert problem in message
    assert ACTIVITY in message
    assert direct_problems(sources(source("shop.logins", "login") | content), ACTIVITY) == []


def test_a_worker_may_still_write_to_the_activity_topic() -> None:
    needed = rights_needed(Settings(), DIRECT)
    assert {**needed, SOURCE: frozenset({Right.READ})} == rights_needed(Settings(), MIXED)
    assert Right.WRITE in needed[ACTIVITY]


# --- progress of direct producers -----------------------------------------------------------------------------------


def test_a_record_that_is_older_than_others_takes_nothing_back() -> None:
    producers = DirectProducerProgress()
    producers.note_event("login", day(7))
    producers.note_event("login", day(3))
    assert (producers.progress.last_record_ms, producers.watermark_ms) == (day(7), day(7) - MAX_OUT_OF_ORDER_MS)


def test_watching_begins_once_and_goes_on_with_a_new_owner() -> None:
    producers = DirectProducerProgress()
    producers.watch_from(day(2))
    producers.watch_from(day(5))
    report = producers.progress_report(day(9), 4)
    assert report == Progress(day(9), 0, day(2), 4)
    after = DirectProducerProgress.resumed(report)
    after.watch_from(day(50))
    assert after.progress.since_ms == day(2)
    assert after.last_direct_ms == 0


def test_what_is_heard_makes_nothing_unseen() -> None:
    watermarks = PartitionWatermarks({"login": day(5), "purchase": day(2), "nps": 0})
    watermarks.advance(["login", "purchase"], day(4))
    assert watermarks.by_type == {"login": day(5), "purchase": day(4), "nps": 0}


# --- what is decided ----------------------------------------------------------------------------------------------


def lawful(
    law: Callable[[Agent, MemoryStore], Coroutine[Any, Any, None]],
    declared: SourcesFile,
    *,
    observes: bool = True,
) -> None:
    """Run one law with an agent that has claimed its partition."""

    async def run() -> None:
        async with asyncio.timeout(60):
            store = MemoryStore()
            agent = Agent(store.as_store(), QUIET, sources=declared, partitions=1)
            if observes:
                await agent.start()
            else:
                await agent.processor.claim({0: LogBounds(0, 1_000)}, None, {})
            await law(agent, store)
            await agent.processor.stop(0)

    asyncio.run(run())


def login(offset: int, at_day: int, customer: str = "ada", **more: Any) -> Any:
    at = "2024-01-02T00:00:00Z" if at_day == 1 else f"2024-04-{at_day - 90:02}T00:00:00Z"
    return record(offset, at=at, customer=customer, sent_day=at_day, **more)


async def acted(agent: Agent) -> list[str]:
    return [orjson.loads(message.value or b"")["customer_id"] for message in await agent.published("linger.at-risk")]


def test_producers_that_died_are_no_customers_that_went_quiet() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 1))
        await agent.observe()
        await agent.observe()
        await agent.processor.fire()
        assert await acted(agent) == []
        assert agent.processor.watermarks["login"] == day(4)

        await agent.process(login(1, 99, "bob"))
        await agent.observe()
        await agent.processor.fire()
        assert await acted(agent) == ["ada"]

    lawful(law, SINCE_2024)


def test_only_what_comes_directly_and_can_be_read_is_a_sign_of_life() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        producers = agent.processor.partitions[0].direct_producers
        await agent.observe(end=3)
        await agent.process(login(0, 93), login(1, 99, headers=PASSED_ON), record(2, raw=b"[]", sent_day=98))
        assert (producers.progress.last_record_ms, producers.last_direct_ms) == (day(93), day(93))
        assert agent.processor.watermarks["login"] == day(93) - MAX_OUT_OF_ORDER_MS
        await agent.process(login(3, 99, event_id="e0"))  # there already, but a producer wrote it
        assert producers.progress.last_record_ms == day(99)

    lawful(law, SINCE_2024, observes=False)


def test_a_tombstone_of_a_direct_producer_is_no_dead_letter_and_no_sign_of_life() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        producers = agent.processor.partitions[0].direct_producers
        await agent.observe(end=2)
        await agent.process(login(0, 93), dataclasses.replace(record(1, sent_day=99), value=None))
        assert (producers.progress.event_ms, producers.last_direct_ms) == ({"login": day(93)}, day(93))
        assert await agent.published("linger.dead-letter") == []

    lawful(law, SINCE_2024, observes=False)


def test_what_bears_no_stamp_counts_as_of_now() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        producers = agent.processor.partitions[0].direct_producers
        unstamped = [dataclasses.replace(record(offset), timestamp=-1) for offset in (0, 1)]
        taking = asyncio.create_task(agent.process(*unstamped))
        for _ in range(3):
            await agent.observe(end=2)
            await asyncio.sleep(0)
        assert await taking == Processed()
        assert (producers.progress.since_ms, producers.progress.last_record_ms) == (day(100), day(100))

    lawful(law, DIRECT, observes=False)


def test_a_stamp_from_the_future_is_not_believed() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        producers = agent.processor.partitions[0].direct_producers
        await agent.process(record(0, sent_day=300))
        assert (producers.progress.last_record_ms, producers.last_direct_ms) == (day(100), day(100))

    lawful(law, SINCE_2024)


def test_far_behind_due_times_fire_as_far_as_it_was_read() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.observe(end=3)
        await agent.process(login(0, 1), login(1, 99, "bob"))
        await agent.observe(end=3)
        await agent.processor.fire()
        assert agent.processor.watermarks["login"] == day(99) - MAX_OUT_OF_ORDER_MS
        assert await acted(agent) == ["ada"]

    lawful(law, SINCE_2024)


def test_a_type_that_comes_from_elsewhere_too_is_not_seen_by_direct_records() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.observe(end=2)
        await agent.process(login(0, 99))
        assert agent.processor.watermarks["login"] == day(99) - MAX_OUT_OF_ORDER_MS
        assert agent.processor.watermarks["purchase"] < day(99) - MAX_OUT_OF_ORDER_MS

    both = (source(SOURCE, "purchase"), source(ACTIVITY, "login", "purchase"))
    lawful(law, sources(*(one | {"complete_since": "2024-01-01"} for one in both)))


def test_what_redis_lost_is_unheard_again() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 1))
        await agent.observe()
        copy = deepcopy(store.contents[0])
        await agent.process(login(1, 99, "bob"), login(2, 99))
        assert agent.processor.partitions[0].direct_producers.watermark_ms == day(99) - MAX_OUT_OF_ORDER_MS
        store.contents[0] = copy
        assert await agent.process(login(3, 99, "cyd"), follows=3) == SeekTo(1)
        assert agent.processor.watermarks["login"] == NO_WATERMARK_MS
        await agent.process(login(1, 92, "bob"), follows=1)
        assert agent.processor.watermarks["login"] == day(92) - MAX_OUT_OF_ORDER_MS

    lawful(law, SINCE_2024)


def test_watching_begins_with_the_first_record_that_was_read() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        taking = asyncio.create_task(agent.process(login(0, 93), login(1, 99, "bob")))
        await asyncio.sleep(0)
        assert store.contents[0].activities == {}  # it is not known yet since when log-ins are watched
        await agent.observe(end=2)
        await asyncio.sleep(0)
        await agent.observe(end=2)
        assert await taking == Processed()
        assert set((agent.processor.partitions[0].since or {}).values()) == {day(93)}

    lawful(law, DIRECT, observes=False)


def test_an_empty_partition_is_watched_since_it_was_looked_at() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.observe(end=0)
        await agent.process(login(0, 99))
        assert set((agent.processor.partitions[0].since or {}).values()) == {day(100)}

    lawful(law, DIRECT, observes=False)


def test_without_direct_producers_no_progress_is_reported() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert agent.processor.progress_report() == {}

    lawful(law, sources(source(SOURCE, "login", complete_since="2024-01-01")))
