"""Laws of timers: each is decided once."""

from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import QUIET, Agent, lawful, record


def test_a_timer_is_decided_once_by_the_owner_of_the_partition() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))
        successor = Agent(store.as_store(), QUIET)
        await successor.start()
        assert await successor.processor.fire() is True
        await agent.processor.fire()
        assert store.contents[0].meta["n:active:quiet"] == "1"
        assert agent.publisher.sent == []
        assert len(await successor.published()) == 1
        await successor.processor.stop(0)

    lawful(law, QUIET)
