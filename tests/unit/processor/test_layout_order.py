"""Laws of the layout in which a partition is written: it changes when that was ordered, and never back."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import GONE, Agent
from workers.kafka.topics import LogBounds
from workers.processor import ownership
from workers.state import layouts
from workers.state.consistency import topic_mismatch
from workers.state.meta import has_older_owner, topic_id_of

LOG = LogBounds(0, 10)
TOPIC_ID = "f2Kq7vXpQm2Jb1YhG3sDgA"


@pytest.fixture(autouse=True)
def _with_a_later_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "KNOWN", (3, 4))
    monkeypatch.setattr(ownership, "_VERSION_CHECK_SECONDS", 0.0)


def lawful(law: Callable[[Agent, MemoryStore], Awaitable[None]]) -> None:
    async def run() -> None:
        store = MemoryStore()
        agent = Agent(store.as_store(), GONE)
        await law(agent, store)
        await agent.processor.stop(0)

    asyncio.run(run())


def test_a_partition_goes_on_in_the_layout_that_it_has_until_another_one_is_ordered() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.processor.claim({0: LOG}, TOPIC_ID, agent.progress())
        await agent.processor.fire()
        assert agent.processor.partitions[0].layout == 3
        assert "layout" not in store.contents[0].meta
        assert store.contents[0].meta["topic_id"] == TOPIC_ID

    lawful(law)


def test_a_running_worker_begins_with_the_layout_that_was_ordered() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.processor.claim({0: LOG}, TOPIC_ID, agent.progress())
        await layouts.give_order(store.as_store(), 4)
        await agent.processor.fire()
        assert store.contents[0].meta["layout"] == "4"
        assert agent.processor.partitions[0].layout == 4
        version = store.contents[0].version
        await agent.processor.fire()
        assert store.contents[0].version == version

    lawful(law)


def test_a_worker_that_claims_a_partition_begins_with_the_layout_that_was_ordered() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.processor.claim({0: LOG}, TOPIC_ID, agent.progress())
        await layouts.give_order(store.as_store(), 4)
        successor = Agent(store.as_store(), GONE)
        assert await successor.processor.claim({0: LOG}, TOPIC_ID, agent.progress()) == {0: 0}
        assert successor.processor.partitions[0].layout == 4
        await successor.processor.stop(0)

    lawful(law)


def test_an_order_for_a_layout_that_this_release_does_not_know_is_not_for_it() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await layouts.give_order(store.as_store(), 5)
        await agent.processor.claim({0: LOG}, TOPIC_ID, agent.progress())
        assert agent.processor.partitions[0].layout == 4

    lawful(law)


def test_a_claim_refuses_a_layout_that_it_cannot_read_and_no_customer_is_touched() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        store.contents[0].meta |= {"layout": "5", "offset": "3"}
        assert await agent.processor.claim({0: LOG}, None, agent.progress()) == {}
        assert agent.processor.partitions[0].stopped

    lawful(law)


def test_release_ea9a324_stops_a_partition_in_a_later_layout_at_its_claim_and_says_why() -> None:
    """That release compares the stored text with the topic's id as it is, and quotes it."""

    async def law(agent: Agent, store: MemoryStore) -> None:
        await layouts.give_order(store.as_store(), 4)
        await agent.processor.claim({0: LOG}, TOPIC_ID, agent.progress())
        stored = store.contents[0].meta["topic_id"]
        mismatch = topic_mismatch(stored, "linger.activity", TOPIC_ID)
        assert mismatch is not None
        assert "written in layout 4, which only newer releases of Linger read" in mismatch.problem
        # This release reads the id out of it, and goes on.
        assert topic_id_of(store.contents[0].meta) == TOPIC_ID
        successor = Agent(store.as_store(), GONE)
        assert await successor.processor.claim({0: LOG}, TOPIC_ID, agent.progress()) == {0: 0}
        assert store.contents[0].meta["topic_id"] == stored
        assert await successor.processor.claim({0: LOG}, "another", agent.progress()) == {}
        await successor.processor.stop(0)

    lawful(law)


def test_a_topic_whose_id_becomes_known_only_later_keeps_the_warning_to_older_releases() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await layouts.give_order(store.as_store(), 4)
        await agent.processor.claim({0: LOG}, None, agent.progress())
        assert topic_id_of(store.contents[0].meta) is None
        await agent.processor.claim({0: LOG}, TOPIC_ID, agent.progress())
        assert topic_id_of(store.contents[0].meta) == TOPIC_ID
        assert store.contents[0].meta["topic_id"] != TOPIC_ID

    lawful(law)


def test_owners_are_told_apart_by_the_format_that_stands_with_their_token() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.processor.claim({0: LOG}, None, agent.progress())
        meta = dict(store.contents[0].meta)
        assert not has_older_owner(meta, 3)
        of_ea9a324 = {**meta, "owner": "old", "format": "2 old"}
        assert has_older_owner(of_ea9a324, 3)
        assert not has_older_owner(of_ea9a324), "it knows positions of items"

    lawful(law)
