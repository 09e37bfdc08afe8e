"""What an order leaves does not depend on how its records come: in one batch or in several, or once more."""

from typing import Any, Final

import pytest

from schemas.actions import Action
from schemas.orders import ERASE, SUPPRESS
from tests.support.builders import day, rule
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import MARK_TOPIC, Agent, lawful, record
from tests.unit.processor.orders.test_customer_orders import (
    WIN_BACK,
    cancelled,
    contents,
    decisions,
    login,
    mark_in,
    order,
    purchase,
)
from workers.kafka.records import PlacedRecord
from workers.kafka.topics import LogBounds

CONSENT: Final = {"consent": {"from": "nps.consent"}}


def said(offset: int, day_of_january: int, answer: str) -> Any:
    at = f"2024-01-{day_of_january:02}T00:00:00Z"
    return record(offset, "nps", at, attributes={"consent": answer})


async def process(agent: Agent, batches: int, *records: object) -> None:
    """Fold some records, in one batch or each alone."""
    if batches == 1:
        await agent.process(*records)
    else:
        for record in records:
            await agent.process(record)


@pytest.mark.parametrize("batches", [1, 2])
def test_an_opt_out_holds_for_what_comes_after_the_erasure(batches: int) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        opted_out = said(0, 2, "no")
        await process(agent, batches, opted_out, order(1, ERASE, 4, may_return=True), cancelled(2, 7))
        assert not await agent.published(WIN_BACK)
        assert await decisions(agent) == ["opted_out"]
        assert (mark_in(store).opted_out_ms, mark_in(store).opted_out_at) == (day(1), 0)

    lawful(law, policy=CONSENT)


@pytest.mark.parametrize("batches", [1, 2])
def test_a_yes_that_is_older_than_the_opt_out_changes_nothing_after_the_erasure(batches: int) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        records = [said(0, 8, "no"), order(1, ERASE, 4, may_return=True), said(2, 7, "yes")]
        await process(agent, batches, *records, cancelled(3, 9))
        assert not await agent.published(WIN_BACK)
        assert mark_in(store).opted_out_ms == day(7)

    lawful(law, policy=CONSENT)


@pytest.mark.parametrize("batches", [1, 2])
def test_a_newer_yes_ends_an_opt_out_after_the_erasure(batches: int) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        records = [said(0, 2, "no"), order(1, ERASE, 4, may_return=True), said(2, 7, "yes")]
        await process(agent, batches, *records, cancelled(3, 9))
        assert len(await agent.published(WIN_BACK)) == 1
        assert not mark_in(store).opted_out_ms

    lawful(law, policy=CONSENT)


def test_an_opt_out_from_before_there_were_marks_is_not_erased() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(said(0, 2, "no"))
        store.contents[0].marks.clear()
        agent.processor.partitions[0].marks.clear()
        await agent.process(order(1, ERASE, 4, may_return=True))
        assert mark_in(store).opted_out_ms == day(1)

    lawful(law, policy=CONSENT)


@pytest.mark.parametrize("batches", [1, 2])
def test_customers_are_counted_through_erasure_and_return(batches: int) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 2))
        for offset, records in ((1, [ERASE]), (2, [ERASE, "login"]), (4, ["login", ERASE]), (6, [ERASE, "login"])):
            made = [
                order(offset + place, ERASE, offset + place + 2) if kind == ERASE else login(offset + place, 20)
                for place, kind in enumerate(records)
            ]
            await process(agent, batches, *made)
            counted = int(store.contents[0].meta["n:customers"])
            assert counted == len(store.contents[0].activities), (offset, records)

    lawful(law)


@pytest.mark.parametrize("type_", [ERASE, SUPPRESS])
def test_an_action_that_stands_is_taken_back_although_another_of_its_rule_waits(type_: str) -> None:
    """The rule never takes back by itself, so a second episode may wait while the first action still stands."""

    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 1), cancelled(1, 2), purchase(2, 3))
        await agent.observe()
        agent.processor.partitions[0].watermarks.by_type = {"nps": day(5)}
        await agent.process(cancelled(3, 8))
        await agent.process(order(4, type_, 9))
        published = [one for one in contents(await agent.published(WIN_BACK)) if isinstance(one, Action)]
        stands = {one.action_id for one in published if one.status == "active"}
        assert stands
        assert stands <= {one.action_id for one in published if one.status == "retracted"}

    lawful(law, rule("gone", when=WAITS, action="win-back", take_back="never", again_after="1 day"))


WAITS: Final = {"all": [{"status": "cancelled"}, {"none": "nps", "for": "1 day"}]}


def test_a_worker_that_died_before_the_topic_knew_the_key_leaves_it_to_the_next_one() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        store.marks.key.clear()
        agent = Agent(store.as_store())
        await agent.start()
        lost = agent.publisher.keys
        assert lost
        await agent.processor.stop(0)
        other = Agent(store.as_store())
        await other.processor.claim({0: LogBounds(0, 1_000)}, None, other.progress())
        try:
            assert [one.value for one in other.publisher.keys] == [lost[0].value]
        finally:
            await other.processor.stop(0)

    lawful(law)


def test_a_mark_is_copied_only_after_everything_before_it_is_in_kafka() -> None:
    """With the mark in the topic and the retraction lost with Redis, nothing would take the action back."""

    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 2), cancelled(1, 3))
        await agent.published()
        agent.publisher.sent.clear()
        agent.publisher.works.clear()
        await agent.process(order(2, ERASE, 4))
        await agent.processor.partitions[0].outbox.drain(0.05)
        assert [one.topic for one in agent.publisher.sent] == [WIN_BACK]
        agent.publisher.works.set()
        assert isinstance((await agent.published())[-1], PlacedRecord)

    lawful(law)


def test_an_order_that_is_carried_out_again_deletes_nothing_of_who_came_back() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.processor.customer_orders.tombstone_topics = (WIN_BACK,)
        records = [login(0, 2), order(1, ERASE, 4, may_return=True), cancelled(2, 7)]
        await agent.process(*records)
        await agent.published()
        store.contents[0].meta.clear()
        store.contents[0].activities.clear()
        store.contents[0].outbox.clear()
        await agent.processor.claim({0: LogBounds(0, 1_000)}, None, agent.progress())
        await agent.observe()
        await agent.process(*records)
        assert [one.value is None for one in await agent.published(WIN_BACK)] == [True, False, False]

    lawful(law)


def test_an_order_that_is_read_again_does_not_let_in_what_a_later_one_erased() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        records = [order(0, ERASE, 2), login(1, 9), order(2, ERASE, 4)]
        await agent.process(*records)
        await agent.published()
        store.contents[0].meta.clear()
        await agent.processor.claim({0: LogBounds(0, 1_000)}, None, agent.progress())
        await agent.observe()
        await agent.process(*records[:2])
        assert "ada" not in store.contents[0].activities

    lawful(law)


def test_marks_of_an_older_redis_give_way_to_later_ones_of_the_topic_when_it_is_rebuilt() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, SUPPRESS, 2))
        await agent.published()
        older = dict(store.contents[0].marks)
        await agent.process(order(1, ERASE, 3))
        await agent.published()
        later = dict(store.contents[0].marks)
        store.contents[0].marks.update(older)
        store.contents[0].meta.clear()  # as a wipe leaves it
        await agent.processor.claim({0: LogBounds(2, 1_000)}, None, agent.progress())
        assert store.contents[0].marks == later

    lawful(law)


def test_a_mark_that_is_not_copied_yet_is_not_replaced_by_its_older_copy() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, SUPPRESS, 2))
        await agent.published()
        agent.publisher.works.clear()
        await agent.process(order(1, ERASE, 3))
        later = dict(store.contents[0].marks)
        agent.publisher.sent[:] = [one for one in agent.publisher.sent if one.topic == MARK_TOPIC][:1]
        store.contents[0].meta.clear()
        await agent.processor.claim({0: LogBounds(2, 1_000)}, None, agent.progress())
        assert store.contents[0].marks == later

    lawful(law)


@pytest.mark.parametrize("type_", [ERASE, SUPPRESS])
def test_an_action_of_the_same_step_is_not_sent_before_its_order_but_taken_back(type_: str) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 2), cancelled(1, 3), order(2, type_, 4))
        published = contents(await agent.published(WIN_BACK))
        assert [one.status for one in published if isinstance(one, Action)] == ["retracted"]

    lawful(law)


@pytest.mark.parametrize("says_no", ["suppress", "opt out"])
def test_what_waits_when_the_customer_says_no_is_taken_back_as_a_lost_step_may_have_sent_it(
    says_no: str,
) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.processor.partitions[0].watermarks.by_type = {"nps": day(0.5)}
        await agent.process(login(0, 1), cancelled(1, 2))
        await agent.process(login(2, 8))
        await agent.process(order(3, SUPPRESS, 9) if says_no == "suppress" else said(3, 9, "no"))
        assert not await agent.published(WIN_BACK)
        await agent.observe()
        await agent.processor.fire()
        taken_back = contents(await agent.published(WIN_BACK))
        assert [one.status for one in taken_back if isinstance(one, Action)] == ["retracted"]

    lawful(law, rule("gone", when=WAITS, action="win-back"), policy=CONSENT)


def test_a_running_worker_puts_the_key_back_into_a_redis_that_has_lost_it() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        store.marks.key.clear()
        other = Agent(store.as_store())
        await other.start()
        key = store.marks.key["key"]
        store.marks.key.clear()
        await other.processor.claim({0: LogBounds(0, 1_000)}, None, other.progress())
        assert store.marks.key["key"] == key
        await other.processor.stop(0)

    lawful(law)
