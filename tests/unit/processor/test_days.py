"""Laws of the book in a worker: each event counts once, a day is closed once, and nothing of it is lost."""

import asyncio
from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from schemas.book import BookRecord, decode_book
from tests.support.builders import DAY, START, rule
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import BOOK_TOPIC, GONE, Agent, fail_over, lawful, record
from workers.processor.days.counting import MOST_VALUES_OPEN, NO_DAY, Counted
from workers.state.meta import CLOSED_BEFORE
from workers.state.open_days.stored import MOST_FIELDS

TODAY = START // DAY + 100
"""The day on which the agents of these laws run."""
NEVER = rule("never", when={"status": "cancelled"}, status="shadow")


def at(days_ago: float) -> str:
    """Return a moment some days before the start of today."""
    return (datetime.fromtimestamp(TODAY * 86_400, UTC) - timedelta(days=days_ago)).isoformat()


def bought(offset: int, days_ago: float, **fields: Any) -> Any:
    return record(offset, "purchase", at(days_ago), amount="10", currency="EUR", **fields)


def facts(store: MemoryStore) -> dict[str, int]:
    return store.contents[0].facts


async def pass_to_today(agent: Agent) -> None:
    """Let everything be seen up to today, and the days be closed."""
    agent.clock.now_ms = TODAY * DAY
    await agent.observe()
    await agent.processor.fire()


async def closed(agent: Agent) -> list[BookRecord]:
    return [decode_book(one.value or b"") for one in await agent.published(BOOK_TOPIC)]


def test_an_event_counts_in_the_step_that_folds_it() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(bought(0, 1), bought(1, 1, event_id="e0"), record(2, "login", at(0.5)))
        day = TODAY - 1
        assert facts(store) == {
            f"{day}|{name}": number
            for name, number in {
                "new": 1, "first": 1, "buyers:2024-04": 1, "events:purchase": 1, "events:login": 1,
                "revenue:EUR": 100_000, "revenue_new:EUR": 100_000,
            }.items()
        }  # fmt: skip

    lawful(law)


def test_what_was_decided_counts_on_the_day_of_the_decision() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(bought(0, 3), record(1, "cancellation", at(2)))
        assert store.contents[0].doings == {f"{TODAY - 2}|acted:gone": 1, f"{TODAY - 2}|shadow:never": 1}
        await agent.process(bought(2, 1))
        assert store.contents[0].doings[f"{TODAY - 2}|retracted:gone:customer_returned"] == 1

    lawful(law, GONE, NEVER)


def test_a_step_that_got_no_answer_counts_once() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        store.losing = 1
        await agent.process(bought(0, 1))
        assert agent.processor.partitions[0].open_days.oldest == TODAY - 1
        store.failing = 1
        await agent.process(bought(1, 1))
        assert facts(store)[f"{TODAY - 1}|events:purchase"] == 2

    lawful(law)


def test_a_promoted_replica_counts_again_what_it_has_lost() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(bought(0, 1))
        copy = deepcopy(store.contents[0])
        await agent.process(bought(1, 1))
        fail_over(store, copy)
        await agent.process(bought(2, 1))
        await agent.process(bought(1, 1), bought(2, 1))
        assert facts(store)[f"{TODAY - 1}|events:purchase"] == 3

    lawful(law)


def test_a_day_is_closed_a_week_after_its_end_and_what_comes_later_is_one_line() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(bought(0, 8), bought(1, 7, customer="bob"))
        await pass_to_today(agent)
        (record_of_day,) = await closed(agent)
        assert record_of_day.day == str((datetime.fromtimestamp(0, UTC) + timedelta(days=TODAY - 8)).date())
        assert record_of_day.facts["revenue:EUR"] == 100_000
        assert {name.split("|")[0] for name in facts(store)} == {str(TODAY - 7)}
        assert store.contents[0].meta[CLOSED_BEFORE] == str(TODAY - 7)
        await agent.process(bought(2, 20), bought(3, 9, customer="bob"))
        assert {name.split("|")[0] for name in facts(store)} == {str(TODAY - 7)}
        assert store.contents[0].doings == {f"{TODAY}|after_closing": 2}
        await agent.processor.fire()
        assert len(await closed(agent)) == 1

    lawful(law, now_day=93)


def test_no_day_is_lost_if_a_tick_comes_while_a_partition_is_claimed() -> None:
    waiting = rule("waiting", when={"none": "purchase", "for": "5 days"})

    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(bought(0, 8))
        successor = Agent(store.as_store(), waiting)
        fields = store.fields

        async def fields_after_a_tick(key: str) -> dict[str, str]:
            if successor.processor.partitions and not ticked:
                ticked.append(True)
                await pass_to_today(successor)
            return await fields(key)

        ticked: list[bool] = []
        with patch.object(store, "fields", fields_after_a_tick):
            await successor.start()
        await pass_to_today(successor)
        assert ticked
        assert [one.facts["events:purchase"] for one in await closed(successor)] == [1]
        await successor.processor.stop(0)

    lawful(law, waiting, now_day=93)


def test_nothing_is_closed_before_all_types_have_been_seen() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(bought(0, 8))
        agent.processor.partitions[0].watermarks.by_type = {"purchase": START + 100 * DAY, "login": START}
        await agent.processor.fire()
        assert await closed(agent) == []

    lawful(law, now_day=93)


def test_a_lost_redis_does_not_open_a_closed_day_again() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(bought(0, 8))
        await pass_to_today(agent)
        assert len(await closed(agent)) == 1
        lost = MemoryStore()
        other = Agent(lost.as_store(), GONE)
        other.publisher.sent += agent.publisher.sent
        await other.start()
        await other.process(bought(0, 8))
        assert facts(lost) == {}
        assert lost.contents[0].meta[CLOSED_BEFORE] == str(TODAY - 7)
        await other.processor.stop(0)

    lawful(law, now_day=93)


def test_a_backlog_of_many_days_is_split_and_nothing_of_it_is_cut() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        sizes: list[int] = []
        original = store.step

        class Noting:
            def __init__(self, inner: Any) -> None:
                self.inner = inner

            async def __aenter__(self) -> Any:
                step = await self.inner.__aenter__()
                taken = step.commit

                async def noted(changes: Any) -> None:
                    sizes.append(len(changes.facts) + len(changes.doings))
                    await taken(changes)

                step.commit = noted
                return step

            async def __aexit__(self, *error: object) -> Any:
                return await self.inner.__aexit__(*error)

        store.step = lambda *arguments: Noting(original(*arguments))  # type: ignore[assignment, method-assign]
        records = [
            record(number, "purchase", at(1_000 - number), amount="1", currency="EUR", customer=f"c{number}")
            for number in range(500)
        ]
        agent.processor.partitions[0].watermarks.by_type = {"login": 0}  # as before a backlog is read
        await agent.process(*records)
        counted: Counter[str] = Counter()
        for name, number in facts(store).items():
            counted[name.split("|")[1]] += number
        assert counted["events:purchase"] == counted["new"] == counted["first"] == 500
        assert max(sizes) <= MOST_FIELDS

    lawful(law)


def test_a_day_has_room_for_a_number_of_values() -> None:
    values = Counted()
    lines = [(5, f"reason:r{number}", 1) for number in range(MOST_VALUES_OPEN)]
    values.note(f"{day}|{name}" for day, name, _ in values.fitted(lines))
    more = [(5, "reason:new", 1), (5, "reason_value:new:EUR", 7), (5, "reason:r3", 1), (6, "reason:new", 1)]
    assert values.fitted(more) == [
        (5, "reason:other", 1),
        (5, "reason_value:other:EUR", 7),
        (5, "reason:r3", 1),
        (6, "reason:new", 1),
    ]
    values.begin_with([6])
    assert (values.known, values.oldest) == ({}, 6)
    values.begin_with([])
    assert values.oldest == NO_DAY


@pytest.mark.parametrize("days_ago", [5, 1])
def test_what_is_counted_does_not_depend_on_the_batches(days_ago: float) -> None:
    async def run(sizes: list[int]) -> dict[str, int]:
        store = MemoryStore()
        agent = Agent(store.as_store(), GONE)
        await agent.start()
        records, offset = [bought(number, days_ago + number / 10) for number in range(6)], 0
        for size in sizes:
            await agent.process(*records[offset : offset + size])
            offset += size
        await agent.processor.stop(0)
        return facts(store)

    assert asyncio.run(run([6])) == asyncio.run(run([1, 2, 3]))
