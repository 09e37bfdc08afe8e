"""Laws of timers: each is decided once, and what is said to be decided is."""

from copy import deepcopy
from typing import Any
from unittest.mock import patch

from tests.support.builders import day
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import QUIET, Agent, fail_over, lawful, record, stored
from workers.kafka.partitioner import partition_of


def test_a_timer_is_decided_once_by_the_owner_of_the_partition() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))
        successor = Agent(store.as_store(), QUIET)
        await successor.start()
        assert await successor.processor.fire() == {0: day(100)}
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
        assert await agent.processor.fire() == {0: day(100)}
        acted = {action.key or b"" for action in await agent.published("linger.at-risk")}
        assert acted == {name.encode() for name in names if partition_of(name, 4) == 0}
        assert 0 < len(acted) < len(names)
        assert stored(store, next(name for name in names if partition_of(name, 4))).series["login"].total == 1
        assert set(store.contents[0].due) <= {name.decode() for name in acted}

    lawful(law, QUIET, partitions=4)


def test_what_is_seen_while_timers_are_decided_does_not_count_as_decided() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))
        due = agent.store.due

        async def due_before_more_was_seen(*asked: Any) -> Any:
            found = await due(*asked)
            agent.clock.now_ms = day(100)
            await agent.observe()
            return found

        with patch.object(agent.store, "due", due_before_more_was_seen):
            assert await agent.processor.fire() == {0: day(10)}
        assert await agent.published("linger.at-risk") == []
        assert await agent.processor.fire() == {0: day(100)}
        assert len(await agent.published("linger.at-risk")) == 1

    lawful(law, QUIET, now_day=10)


def test_nothing_is_decided_of_a_partition_whose_step_is_not_taken() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))
        successor = Agent(store.as_store(), QUIET)
        await successor.start()
        assert await agent.processor.fire() == {}
        await successor.processor.stop(0)

    lawful(law, QUIET)


def test_nothing_is_decided_of_a_partition_of_which_redis_lost_records() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        replica = deepcopy(store.contents[0])
        await agent.process(record(0))
        fail_over(store, replica)
        with patch("workers.processor.ownership._VERSION_CHECK_SECONDS", 0.0):
            assert await agent.processor.fire() == {0: 0}

    lawful(law, QUIET, now_day=10)
