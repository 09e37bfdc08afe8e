"""Laws of ownership: one owner writes, a new owner continues, and steps that Redis lost are folded again."""

import asyncio
from copy import deepcopy
from typing import Final

import msgspec
import pytest

from tests.support.builders import rule
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import GONE, SOURCE, Agent, fail_over, lawful, numbered, reasons, record
from workers.kafka.faust_batches import Delivery
from workers.kafka.records import OutboxRecord, SeekTo
from workers.kafka.topics import LogBounds
from workers.processor.results import Dropped, Processed


def test_a_worker_that_lost_its_partition_writes_and_publishes_nothing() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await store.claim(0, "rival")
        assert await agent.process(record(0, "cancellation")) == Dropped()
        assert store.contents[0].activities == {}
        assert not agent.processor.partitions[0].is_usable
        assert agent.publisher.sent == []

    lawful(law)


def test_a_new_owner_publishes_what_the_old_one_could_not() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.publisher.works.clear()
        await agent.process(record(0, "cancellation"))
        successor = Agent(store.as_store(), GONE)
        await successor.start()
        assert [message.topic for message in await successor.published()] == ["linger.win-back"]
        await successor.processor.stop(1)
        assert store.contents[0].outbox == []

    lawful(law)


def test_a_redis_that_does_not_answer_while_partitions_are_claimed_is_asked_again() -> None:
    async def run() -> None:
        store = MemoryStore()
        agent = Agent(store.as_store(), GONE)
        store.failing = 1
        await agent.start()
        await agent.processor.stop(0)

    asyncio.run(run())


def test_a_dead_letter_with_an_empty_header_can_be_claimed_by_the_next_owner() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.publisher.works.clear()
        assert await agent.process(record(0, raw=b"junk", headers=(("trace", None),))) == Processed()
        successor = Agent(store.as_store(), GONE)
        await successor.start()
        assert reasons(await successor.published("linger.dead-letter")) == [b"not_json"]
        await successor.processor.stop(0)

    lawful(law)


def test_a_partition_that_newer_rules_have_decided_for_is_left_alone_until_they_are_loaded() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.processor.activate(numbered(agent, 5))
        assert await agent.process(record(0)) == Processed()
        assert store.contents[0].meta["generation"] == "5"
        older = Agent(store.as_store(), GONE)
        await older.processor.activate(numbered(older, 4))
        assert await older.processor.claim({0: LogBounds(0, 10)}, None, older.progress()) == {}
        assert await older.processor.process(0, Delivery((record(1),), 0)) == Dropped()
        assert store.contents[0].meta["offset"] == "1"
        assert older.processor.outdated() == [0]
        await older.processor.activate(numbered(older, 5))
        assert await older.processor.reclaim(0, LogBounds(0, 10), None) == 1
        await older.observe()
        assert await older.process(record(1)) == Processed()
        assert store.contents[0].meta["offset"] == "2"
        await older.processor.stop(0)

    lawful(law)


def test_records_that_kafka_had_and_lost_stop_their_partition_even_if_intake_sent_them() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.process(*map(record, range(5))) == Processed()
        progress = {(SOURCE, 0): msgspec.structs.replace(agent.progress()[SOURCE, 0], sent={0: 5})}
        assert await agent.processor.claim({0: LogBounds(0, 3)}, None, progress) == {}
        assert agent.processor.partitions[0].stopped
        # But perhaps the previous owner had only read on after the ends of the log were requested.
        assert await agent.processor.reclaim(0, LogBounds(0, 5), None) == 5
        assert not agent.processor.partitions[0].stopped

    lawful(law)


def test_a_worker_that_does_not_know_yet_that_its_partition_is_lost_publishes_nothing_more() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        successor = Agent(store.as_store())
        await successor.start()
        outbox = agent.processor.partitions[0].outbox
        outbox.put([OutboxRecord("linger.stages", b"ada", b"an older stage", ())])
        await outbox.drain(0.3)
        assert agent.publisher.sent == []
        assert outbox.unconfirmed == 1
        await successor.processor.stop(0)

    lawful(law)


# --- steps that Redis lost ----------------------------------------------------------------------------------------

CANCELLED: Final = rule("gone", when={"status": "cancelled"})


def ids(records: list[OutboxRecord]) -> list[bytes | None]:
    return [dict(message.headers)["ce_id"] for message in records]


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

    lawful(law, CANCELLED)


def test_a_partition_that_lost_all_but_its_claim_is_read_from_its_beginning() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        copy = deepcopy(store.contents[0])
        await agent.process(record(0), record(1))
        fail_over(store, copy)
        assert await agent.process(record(2), follows=2) == SeekTo(0)
        assert await agent.process(record(0), record(1), record(2)) == Processed()
        assert store.contents[0].meta["n:events"] == "3"

    lawful(law, CANCELLED)


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

    lawful(law, CANCELLED)


def test_looking_after_a_partition_that_lost_nothing_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))
        before = deepcopy(store.contents[0])
        monkeypatch.setattr("workers.processor.ownership._VERSION_CHECK_SECONDS", 0)
        await agent.processor.fire()
        assert store.contents[0] == before
        assert agent.processor.read_again() == {}

    lawful(law, CANCELLED)


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

    lawful(law, CANCELLED)
