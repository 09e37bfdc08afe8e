"""Laws of the sweep that forgets: it removes those whose moment has come, once all signs of life have been seen."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from schemas.sources import SourcesFile
from tests.support.builders import day, rule
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import GONE, SOURCE, Agent, lawful, numbered, record, stored
from workers.core.watermarks import Progress
from workers.state.meta import counters_of

AFTER_DAYS: Final = 40
QUIET: Final = rule("quiet", when={"none": "login", "for": "45 days"}, expires_after="5 days")
FEBRUARY, MARCH, APRIL = 31, 60, 91
"""Starts of months, as days."""


def at(number: float) -> str:
    return datetime.fromtimestamp(day(number) / 1000, UTC).isoformat().replace("+00:00", "Z")


@asynccontextmanager
async def sweeping(agent: Agent) -> AsyncIterator[None]:
    """Let the sweep of a worker run."""
    task = asyncio.create_task(agent.processor.forget())
    try:
        yield
    finally:
        task.cancel()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true; the sweep pauses for a moment, so this does too."""
    while True:
        if condition():
            return
        await asyncio.sleep(0.01)


def done_upto(store: MemoryStore) -> int:
    return int((store.contents[0].meta.get("forgotten") or "0").split()[0])


async def move(agent: Agent, at_day: float) -> None:
    agent.clock.now_ms = day(at_day)
    await agent.observe()


def forgetful(law: Any, *content: Any, **options: Any) -> None:
    lawful(law, *content or (QUIET,), **{"now_day": 25, "forget_after_days": AFTER_DAYS, **options})


def test_nothing_of_a_forgotten_customer_stays() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0, "login", at(10)), record(1, "login", at(22), "bob"))
        content = store.contents[0]
        async with sweeping(agent):
            await move(agent, MARCH)
            await until(lambda: done_upto(store) == day(MARCH))
        assert content.activities.keys() == content.due.keys() == {"bob"}
        assert not any("ada" in customers for customers in content.waiting.values())
        counters = counters_of({name: str(value) for name, value in content.meta.items()})
        assert (counters["forgotten"], counters["customers"]) == (1, 1)
        # What was due before that was decided.
        assert [one.key for one in await agent.published("linger.at-risk")] == [b"ada"]

    forgetful(law)


def test_before_the_start_of_the_month_nothing_is_removed() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0, "login", at(10)))
        async with sweeping(agent):
            await move(agent, MARCH - 0.001)
            await until(lambda: done_upto(store) == day(FEBRUARY))
        assert store.contents[0].activities.keys() == {"ada"}

    forgetful(law)


def test_it_waits_until_every_type_that_is_a_sign_of_life_has_been_seen() -> None:
    sources = SourcesFile.model_validate(
        {
            "event_types": {"visit": {"sign of life": True}},
            "sources": [
                {"topic": topic, "format": "canonical", "events": types, "max_silence": "3650 days"}
                for topic, types in ((SOURCE, ["login", "purchase"]), ("shop.visits", ["visit"]))
            ],
        }
    )

    async def law(agent: Agent, store: MemoryStore) -> None:
        signs = replace(agent.processor.rules, signs_of_life=frozenset({"login", "purchase", "visit"}))
        await agent.processor.activate(signs)
        behind = Progress(day(25), day(25), day(0), 1, {})

        async def observe(visits: Progress) -> None:
            now_ms = agent.clock.now_ms
            progress = {(SOURCE, 0): Progress(now_ms, now_ms, day(0), 1, {}), ("shop.visits", 0): visits}
            ends = {0: agent.processor.partitions[0].meta.offset}
            agent.processor.observe(await agent.clock.read(), progress, ends, lambda number, offset: offset)

        await observe(behind)
        await agent.process(record(0, "login", at(10)))
        async with sweeping(agent):
            agent.clock.now_ms = day(APRIL)
            await observe(behind)
            for _ in range(100):
                await asyncio.sleep(0)
            assert done_upto(store) == day(0)  # January, in which the visits have been seen
            assert store.contents[0].activities.keys() == {"ada"}
            await observe(Progress(day(APRIL), day(APRIL), day(0), 1, {}))
            await until(lambda: done_upto(store) == day(APRIL))
        assert not store.contents[0].activities

    forgetful(law, sources=sources)


def test_a_month_is_swept_once() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0, "login", at(10)))
        async with sweeping(agent):
            await move(agent, MARCH + 1)
            await until(lambda: done_upto(store) == day(MARCH))
            version = store.contents[0].meta["version"]
            await move(agent, MARCH + 20)
            for _ in range(100):
                await asyncio.sleep(0)
            assert store.contents[0].meta["version"] == version

    forgetful(law)


def test_a_successor_goes_on_with_what_was_not_swept() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0, "login", at(10)), record(1, "login", at(10), "bob"))
        heir = Agent(store.as_store(), QUIET, now_day=MARCH, forget_after_days=AFTER_DAYS)
        await heir.start()
        async with sweeping(heir):
            await heir.observe()
            await until(lambda: done_upto(store) == day(MARCH))
        assert not store.contents[0].activities
        await heir.processor.stop(0)

    forgetful(law)


def test_a_sweep_that_redis_did_not_answer_is_repeated() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0, "login", at(10)))
        async with sweeping(agent):
            store.losing = 1
            await move(agent, MARCH)
            for _ in range(100):
                await asyncio.sleep(0)
            await move(agent, MARCH)  # the next tick finds it not done
            await until(lambda: done_upto(store) == day(MARCH))
        assert not store.contents[0].activities

    forgetful(law)


def test_another_forget_after_needs_another_sweep_in_the_same_month() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0, "login", at(10)))
        async with sweeping(agent):
            await move(agent, MARCH)
            await until(lambda: done_upto(store) == day(MARCH))
            assert store.contents[0].activities
            shorter = replace(numbered(agent, 2), forget_after_ms=day(AFTER_DAYS) - day(0))
            await agent.processor.activate(shorter)
            await move(agent, MARCH + 1)
            await until(lambda: not store.contents[0].activities)

    forgetful(law, forget_after_days=400)


def test_without_forget_after_no_one_is_forgotten() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0, "login", at(10)))
        async with sweeping(agent):
            await move(agent, 3000)
            for _ in range(100):
                await asyncio.sleep(0)
        assert store.contents[0].activities.keys() == {"ada"}
        assert "forgotten" not in store.contents[0].meta

    forgetful(law, GONE, forget_after_days=0)


def test_a_customer_who_returns_before_the_sweep_is_a_stranger_all_the_same() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0, "login", at(10)), record(1, "cancellation", at(11)))
        agent.clock.now_ms = day(APRIL)
        await agent.process(record(2, "login", at(MARCH)))
        facts = stored(store, "ada", QUIET)
        assert (facts.series["login"].total, "cancellation" in facts.series) == (1, False)
        counters = counters_of({name: str(value) for name, value in store.contents[0].meta.items()})
        assert (counters["forgotten"], counters["customers"]) == (1, 1)

    forgetful(law)


def test_what_is_held_of_a_forgotten_customer_goes_too() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*(record(number, "cancellation", at(10), f"c{number}") for number in range(2)))
        assert len(store.contents[0].held) == 1
        async with sweeping(agent):
            await move(agent, MARCH)
            await until(lambda: done_upto(store) == day(MARCH))
        assert not store.contents[0].held
        assert not store.contents[0].activities

    pace = "at most 1 per day"
    forgetful(law, rule("gone", when={"status": "cancelled"}, action="win-back", pace=pace, expires_after="5 days"))


@pytest.mark.parametrize("number", [1, 1200])
def test_any_number_of_customers_is_forgotten_in_steps(number: int) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*(record(n, "login", at(10), f"c{n}") for n in range(number)))
        async with sweeping(agent):
            await move(agent, MARCH)
            await until(lambda: done_upto(store) == day(MARCH))
        assert not store.contents[0].activities
        assert store.contents[0].meta["n:forgotten"] in (number, str(number))

    forgetful(law, GONE, outbox_limit=10_000)
