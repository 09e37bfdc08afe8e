"""The marks of a partition, and their key, are found at a claim no matter what was lost or interrupted before."""

from collections.abc import Collection
from unittest.mock import patch

import pytest

from schemas.orders import SUPPRESS
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import MARK_TOPIC, QUIET, Agent, lawful
from tests.unit.processor.orders.test_customer_orders import login, mark_in, order
from workers.errors import StartupError
from workers.kafka.records import PlacedRecord
from workers.kafka.topics import LogBounds, TopicState
from workers.processor.orders import mark_book
from workers.processor.orders.mark_book import MarkBook
from workers.processor.orders.mark_topic import Copies
from workers.state.marks.key import MarkKey
from workers.state.marks.mark import Mark, encode_mark

ADA = MarkKey(bytes.fromhex("07" * 32)).ref("ada")


async def claim(agent: Agent) -> None:
    await agent.processor.claim({0: LogBounds(0, 1_000)}, None, agent.progress())


def book_of(agent: Agent) -> MarkBook:
    """The book of a worker that begins."""
    return MarkBook(agent.store, agent.marks, agent.publisher.as_publisher(), None, 1)


def key_records(agent: Agent) -> list[bytes | None]:
    return [one.value for one in agent.publisher.keys if one.topic == MARK_TOPIC]


def test_a_key_that_was_stored_by_a_worker_that_was_killed_then_gets_into_the_topic() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.publisher.keys.clear()
        await book_of(agent).open()
        assert key_records(agent) == [b'{"key": "' + b"07" * 32 + b'"}']

    lawful(law)


def test_a_redis_that_was_lost_gets_the_key_back_from_a_worker_that_runs_on() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        before = dict(store.marks.key)
        store.marks.key.clear()
        await claim(agent)
        assert store.marks.key == before

    lawful(law)


def test_no_new_key_is_made_while_marks_stand_under_one_that_is_lost() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, SUPPRESS, 2))
        await agent.published()
        agent.publisher.keys.clear()
        store.marks.key.clear()
        with pytest.raises(StartupError, match="have lost the key"):
            await book_of(agent).open()
        assert store.marks.key == {}

    lawful(law)


def test_a_topic_that_cannot_be_read_for_a_moment_ends_no_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, SUPPRESS, 2))
        await agent.published()
        store.contents[0].meta.clear()
        store.contents[0].marks.clear()
        read, failures = agent.marks.read, [StartupError(["no Kafka broker answers"])]

        async def failing(partitions: Collection[int]) -> Copies:
            if failures:
                raise failures.pop()
            return await read(partitions)

        monkeypatch.setattr(agent.marks, "read", failing)
        await claim(agent)
        assert not failures
        assert mark_in(store).suppressed_ms

    lawful(law)


def test_a_copy_that_is_older_than_what_redis_has_takes_nothing_back() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 2), order(1, SUPPRESS, 3))
        await agent.published()
        older = encode_mark(Mark("", opted_out_ms=1, opted_out_at=0))
        agent.publisher.sent.append(PlacedRecord(MARK_TOPIC, ADA.hex().encode(), older, (), 0))
        del store.contents[0].meta["marks"]
        await claim(agent)
        assert (mark_in(store).suppressed_at, mark_in(store).opted_out_ms) == (1, 1)

    lawful(law)


def test_marks_that_a_failover_has_lost_are_in_redis_before_the_next_step() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, SUPPRESS, 2))
        await agent.published()
        store.contents[0].marks.clear()
        del store.contents[0].meta["marks"]
        store.failing = 1
        await agent.process(login(1, 3))
        assert store.contents[0].meta["marks"] == "1"
        assert mark_in(store).suppressed_ms

    lawful(law)


async def tick(agent: Agent, topic_id: str | None) -> list[bytes]:
    """Let a worker see the topic of marks with this id, and return the keys of the copies that it sends."""
    agent.publisher.sent.clear()
    agent.publisher.keys.clear()
    state = TopicState(MARK_TOPIC, 1, topic_id)
    agent.marks.note({MARK_TOPIC: state})
    await agent.processor.fire()
    return [one.key or b"" for one in [*await agent.published(MARK_TOPIC), *agent.publisher.keys]]


COPIES = [ADA.hex().encode(), b"key"]


def test_a_topic_that_was_deleted_and_created_again_gets_all_marks_and_the_key_once_more() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, SUPPRESS, 2))
        await agent.published()
        assert await tick(agent, "first") == COPIES
        assert await tick(agent, "first") == []
        assert await tick(agent, "second") == COPIES
        assert await tick(agent, "second") == []
        await claim(agent)
        assert await tick(agent, "second") == []

    lawful(law)


def test_a_broker_that_gives_topics_no_id_gets_no_copies_again() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, SUPPRESS, 2))
        assert await tick(agent, None) == COPIES[:1]  # by the step alone
        assert await tick(agent, None) == []

    lawful(law)


def test_marks_that_come_from_the_topic_are_not_copied_to_it_and_others_are() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, SUPPRESS, 2))
        await agent.published()
        sent = list(agent.publisher.sent)
        assert await tick(agent, "first") == COPIES
        for lost, copies in ((True, []), (False, COPIES)):
            agent.publisher.sent[:] = sent if lost else []  # what the topic holds
            if lost:
                store.contents[0].marks.clear()
            del store.contents[0].meta["marks"]
            await claim(agent)
            assert mark_in(store).suppressed_ms
            assert await tick(agent, "first") == copies

    lawful(law)


def test_copies_that_kafka_does_not_confirm_are_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, SUPPRESS, 2))
        await agent.published()
        monkeypatch.setattr(mark_book, "_COPY_SECONDS", 0.0)
        agent.publisher.works.clear()
        with pytest.raises(TimeoutError):
            await tick(agent, "first")
        agent.publisher.works.set()
        monkeypatch.undo()
        assert await tick(agent, "first") == COPIES

    lawful(law)


def test_a_suppressed_customer_gets_nothing_if_a_tick_comes_while_the_partition_is_claimed() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 1), order(1, SUPPRESS, 2))
        successor = Agent(store.as_store(), QUIET)
        of_partition = store.marks.of_partition
        ticks: list[int] = []

        async def marks_after_a_tick(number: int) -> dict[bytes, Mark]:
            ticks.append(number)
            await successor.observe()
            await successor.processor.fire()
            return await of_partition(number)

        with patch.object(store.marks, "of_partition", marks_after_a_tick):
            await successor.start()
        await successor.processor.fire()
        assert ticks
        assert await successor.published("linger.at-risk") == []
        await successor.processor.stop(0)

    lawful(law, QUIET)
