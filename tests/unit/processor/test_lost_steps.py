"""Laws of a Redis that lost its last steps: they are read again at once, and nothing is decided in between."""

import asyncio
from collections.abc import Callable, Coroutine
from copy import deepcopy
from typing import Any, Final

import pytest

from tests.support.builders import rule
from tests.support.memory_store import Content, MemoryStore
from tests.support.processor_rig import Agent, record
from workers.kafka.records import OutboxRecord
from workers.processor.results import Dropped, Processed, SeekTo

GONE: Final = rule("gone", when={"status": "cancelled"})


def lawful(law: Callable[[Agent, MemoryStore], Coroutine[Any, Any, None]]) -> None:
    """Run one law with an agent that has claimed its partition."""

    async def run() -> None:
        async with asyncio.timeout(60):
            store = MemoryStore()
            agent = Agent(store.as_store(), GONE)
            await agent.start()
            await law(agent, store)
            await agent.processor.stop(0)

    asyncio.run(run())


def fail_over(store: MemoryStore, copy: Content) -> None:
    """Let a replica take over that has no more than this."""
    store.contents[0] = deepcopy(copy)


def ids(records: list[OutboxRecord]) -> list[bytes | None]:
    return [dict(one.headers)["ce_id"] for one in records]


@pytest.mark.parametrize("answered", [True, False])
def test_a_step_finds_out_that_steps_are_lost_and_they_are_read_again(answered: bool) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))
        copy = deepcopy(store.contents[0])
        assert await agent.process(record(1, "cancellation"), record(2), follows=1) == Processed()
        first = ids(await agent.published("linger.at-risk"))
        fail_over(store, copy)
        store.failing = 0 if answered else 2
        assert await agent.process(record(3), follows=3) == SeekTo(1)
        agent.publisher.sent.clear()
        assert (
            await agent.process(*map(record, [1, 2, 3], ["cancellation", "login", "login"]), follows=1) == Processed()
        )
        await agent.observe()
        await agent.processor.fire()
        assert ids(await agent.published("linger.at-risk")) == first
        assert len(first) == 1
        assert store.contents[0].meta["offset"] == "4"

    lawful(law)


def test_a_partition_that_lost_all_but_its_claim_is_read_from_its_beginning() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        copy = deepcopy(store.contents[0])
        await agent.process(record(0), record(1))
        fail_over(store, copy)
        assert await agent.process(record(2), follows=2) == SeekTo(0)
        assert await agent.process(record(0), record(1), record(2)) == Processed()
        assert store.contents[0].meta["n:events"] == "3"

    lawful(law)


def test_until_it_is_read_again_nothing_counts_as_seen() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))
        copy = deepcopy(store.contents[0])
        await agent.process(record(1), follows=1)
        await agent.observe()
        assert min(agent.processor.watermarks.values()) == agent.clock.now_ms
        fail_over(store, copy)
        await agent.process(record(2), follows=2)
        assert max(agent.processor.watermarks.values()) == 0
        agent.processor.observe(await agent.clock.read(), agent.progress(), {0: 2}, lambda number, offset: offset)
        assert max(agent.processor.watermarks.values()) == 0
        await agent.process(record(1), follows=1)
        agent.processor.observe(await agent.clock.read(), agent.progress(), {0: 2}, lambda number, offset: offset)
        assert min(agent.processor.watermarks.values()) == agent.clock.now_ms

    lawful(law)


def test_of_a_partition_whose_end_was_not_asked_for_nothing_counts_as_seen() -> None:
    """It was claimed while the ends were on their way: what it holds may not have been read."""

    async def law(agent: Agent, store: MemoryStore) -> None:
        before = dict(agent.processor.watermarks)
        agent.clock.now_ms += 1000
        agent.processor.observe(await agent.clock.read(), agent.progress(), {}, lambda number, offset: offset)
        assert agent.processor.watermarks == before

    lawful(law)


def test_a_partition_in_which_nothing_happens_is_looked_after_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))
        copy = deepcopy(store.contents[0])
        await agent.process(record(1), follows=1)
        fail_over(store, copy)
        await agent.processor.fire()
        assert agent.processor.read_again() == {}
        monkeypatch.setattr("workers.processor.ownership._VERSION_CHECK_SECONDS", 0)
        await agent.processor.fire()
        assert agent.processor.read_again() == {0: 1}
        assert agent.processor.read_again() == {}
        assert agent.processor.partitions[0].is_usable

    lawful(law)


def test_looking_after_a_partition_that_lost_nothing_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))
        before = deepcopy(store.contents[0])
        monkeypatch.setattr("workers.processor.ownership._VERSION_CHECK_SECONDS", 0)
        await agent.processor.fire()
        assert store.contents[0] == before
        assert agent.processor.read_again() == {}

    lawful(law)


def test_a_rival_that_claimed_what_a_failover_left_keeps_it() -> None:
    """Its claim may raise an old version to less than what this worker wrote last."""

    async def law(agent: Agent, store: MemoryStore) -> None:
        copy = deepcopy(store.contents[0])
        await agent.process(record(0))
        await agent.process(record(1), follows=1)
        fail_over(store, copy)
        await store.claim(0, "rival")
        assert await agent.process(record(2), follows=2) == Dropped()
        assert agent.processor.partitions[0].lost_at is not None
        assert store.contents[0].owner == "rival"

    lawful(law)
