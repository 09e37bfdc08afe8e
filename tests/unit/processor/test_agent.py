"""Laws of the processor's face: what a progress snapshot lets count as complete."""

from copy import deepcopy

from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import Agent, fail_over, lawful, record


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
    """It was claimed while the ends were requested, so it may hold records that are not read yet."""

    async def law(agent: Agent, store: MemoryStore) -> None:
        before = dict(agent.processor.watermarks)
        agent.clock.now_ms += 1000
        agent.processor.observe(await agent.clock.read(), agent.progress(), {}, lambda number, offset: offset)
        assert agent.processor.watermarks == before

    lawful(law)
