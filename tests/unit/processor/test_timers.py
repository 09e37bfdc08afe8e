"""Laws of timers: each is decided once."""

from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import QUIET, Agent, lawful, record, stored
from workers.kafka.partitioner import partition_of


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


def test_what_records_in_the_wrong_partition_left_of_a_customer_never_acts() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        names = [f"c{number}" for number in range(20)]
        # As an earlier release folded them: it did not look at the partition.
        for offset, name in enumerate(names):
            source = (("linger-source", b"shop.events:0:%d" % offset),)
            await agent.process(record(offset, customer=name, headers=source))
        assert await agent.processor.fire() is True
        acted = {action.key or b"" for action in await agent.published("linger.at-risk")}
        assert acted == {name.encode() for name in names if partition_of(name, 4) == 0}
        assert 0 < len(acted) < len(names)
        assert stored(store, next(name for name in names if partition_of(name, 4))).series["login"].total == 1
        assert set(store.contents[0].due) <= {name.decode() for name in acted}

    lawful(law, QUIET, partitions=4)
