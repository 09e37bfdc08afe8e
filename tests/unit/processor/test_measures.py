"""Laws of what is measured while deciding: how long an action took, how late it was, what is behind."""

import asyncio
import time
from collections.abc import Callable

from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import QUIET, Agent, lawful, record
from workers.observability.metrics import REGISTRY


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"linger_{name}", labels) or 0.0


async def settled(holds: Callable[[], bool]) -> None:
    """Let every task run until something holds, at most for a thousand turns."""
    for _ in range(1_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never holds")


def test_an_action_is_timed_from_the_writing_of_its_event_until_kafka_has_it() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        before, total = value("event_to_action_seconds_count"), value("event_to_action_seconds_sum")
        published = value("published_records_total")
        written = record(0, "cancellation")
        written.timestamp = int(time.time() * 1000) - 90_000
        agent.publisher.works.clear()
        await agent.process(written)
        await settled(lambda: bool(agent.publisher.sent))
        assert value("event_to_action_seconds_count") == before
        agent.publisher.works.set()
        assert len(await agent.published()) == 1
        await settled(lambda: value("event_to_action_seconds_count") != before)
        assert value("event_to_action_seconds_count") == before + 1
        assert 90 <= value("event_to_action_seconds_sum") - total < 150
        assert value("published_records_total") == published + 1

    lawful(law)


def test_an_action_that_was_due_is_measured_by_how_late_it_was_decided_and_by_no_event() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0))  # on day 1: due 30 days later
        await agent.observe()
        before = value("due_lateness_seconds_count"), value("event_to_action_seconds_count")
        total = value("due_lateness_seconds_sum")
        await agent.processor.fire()
        assert len(await agent.published("linger.at-risk")) == 1
        assert value("due_lateness_seconds_count") == before[0] + 1
        assert 68 * 86_400 <= value("due_lateness_seconds_sum") - total <= 70 * 86_400  # it is day 100
        assert value("event_to_action_seconds_count") == before[1]

    lawful(law, QUIET)


def test_each_type_shows_its_watermark_and_how_far_that_is_behind_and_none_without_partitions() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert value("seen_timestamp_seconds", type="login") == agent.clock.now_ms / 1000
        assert value("type_behind_seconds", type="login") == 0
        progress = agent.progress()
        agent.clock.now_ms += 1_200_000
        agent.processor.observe(await agent.clock.read(), progress, {0: 0}, lambda number, offset: offset)
        assert value("type_behind_seconds", type="login") == 1_200
        await agent.processor.claim({}, None, progress)
        agent.processor.observe(await agent.clock.read(), progress, {}, lambda number, offset: offset)
        for name in ("seen_timestamp_seconds", "type_behind_seconds"):
            assert REGISTRY.get_sample_value(f"linger_{name}", {"type": "login"}) is None

    lawful(law)


def test_while_records_wait_it_is_known_when_the_first_of_them_was_written() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        partition = agent.processor.partitions[0]
        async with partition.lock:
            waiting = asyncio.create_task(agent.process(record(0, sent_day=3), record(1, sent_day=4)))
            await settled(lambda: partition.unread_ms is not None)
            assert partition.unread_ms == record(0, sent_day=3).timestamp
        await waiting
        assert partition.unread_ms is None

    lawful(law)
