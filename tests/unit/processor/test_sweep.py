"""Laws of the sweep: after the rules change, every stored customer is decided under the new ones."""

import asyncio
from collections.abc import Callable

from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import GONE, QUIET, Agent, lawful, numbered, record, stored
from workers.processor.results import Processed


def test_a_worker_that_claims_a_partition_sweeps_what_its_owner_left_unswept() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.process(record(0)) == Processed()
        await agent.processor.stop(0)
        heir = Agent(store.as_store(), GONE)
        await heir.processor.activate(numbered(heir, 3))
        sweeping = asyncio.create_task(heir.processor.sweep())
        for _ in range(20):
            await asyncio.sleep(0)
        await heir.start()  # long after the new rules
        for _ in range(500):
            await asyncio.sleep(0)
        assert (stored(store).generation, store.contents[0].meta["swept"]) == (3, "3")
        sweeping.cancel()
        await heir.processor.stop(0)

    lawful(law)


def test_a_sweep_that_redis_did_not_answer_is_not_taken_for_done() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.process(record(0)) == Processed()
        await agent.processor.activate(numbered(agent, 2))
        sweeping = asyncio.create_task(agent.processor.sweep())
        store.losing = 1
        for _ in range(500):
            await asyncio.sleep(0)
        assert store.contents[0].meta.get("swept") != "2" or stored(store).generation == 2
        await wait_for(lambda: stored(store).generation == 2 and store.contents[0].meta.get("swept") == "2")
        sweeping.cancel()

    lawful(law, QUIET)


async def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true; retries of the sweep pause for a moment, so this does too."""
    while True:
        if condition():
            return
        await asyncio.sleep(0.01)
