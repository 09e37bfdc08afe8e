"""What is ordered for a customer holds from its place in the log on, no matter what the worker was doing."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import orjson
import pytest

from schemas.actions import Action, Decision
from schemas.orders import ERASE, RESUME, SUPPRESS
from tests.support.builders import day, rule
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import GONE, MARK_TOPIC, QUIET, Agent, lawful, numbered, reasons, record
from workers.core.decisions.published import content_of
from workers.kafka.records import OutboxRecord, PlacedRecord
from workers.kafka.topics import LogBounds
from workers.processor.deciding import Deciding
from workers.state.marks.mark import Mark, decode_mark

WIN_BACK: Final = "linger.win-back"
AT_RISK: Final = "linger.at-risk"


def order(offset: int, type_: str, day_of_january: int, customer: str = "ada", **fields: Any) -> Any:
    at = f"2024-01-{day_of_january:02}T00:00:00Z"
    body = {"event_id": f"o{offset}", "type": type_, "customer_id": customer, "occurred_at": at}
    return record(offset, raw=orjson.dumps({**body, "reason": "asked", "by": "officer", **fields}), customer=customer)


def cancelled(offset: int, day_of_january: int, customer: str = "ada") -> Any:
    return record(offset, "cancellation", f"2024-01-{day_of_january:02}T00:00:00Z", customer)


def login(offset: int, day_of_january: int, customer: str = "ada", **fields: Any) -> Any:
    return record(offset, "login", f"2024-01-{day_of_january:02}T00:00:00Z", customer, **fields)


def purchase(offset: int, day_of_january: int) -> Any:
    at = f"2024-01-{day_of_january:02}T00:00:00Z"
    return record(offset, "purchase", at, amount="1.00", currency="EUR")


def contents(records: Sequence[OutboxRecord]) -> list[Action | Decision]:
    return [content_of(one.value or b"", is_action=one.topic in (WIN_BACK, AT_RISK)) for one in records]


def mark_in(store: MemoryStore) -> Mark:
    (raw,) = store.contents[0].marks.values()
    return decode_mark(raw)


async def decisions(agent: Agent) -> list[str]:
    return [one.decision for one in contents(await agent.published("linger.decisions")) if isinstance(one, Decision)]


def test_an_erased_customer_leaves_only_a_mark() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 2), login(1, 3, "bob"), order(2, ERASE, 4))
        content = store.contents[0]
        assert content.activities.keys() == content.due.keys() == {"bob"}
        assert not any("ada" in customers for customers in content.waiting.values())
        mark = mark_in(store)
        assert (mark.erased_ms, mark.erased_at) == (mark.suppressed_ms, mark.suppressed_at) == (day(3), 2)
        assert b"ada" not in b"".join(content.marks)

    lawful(law, QUIET)


def test_the_open_action_of_an_erased_customer_is_taken_back_without_a_word_about_the_customer() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 2), cancelled(1, 3))
        await agent.process(order(2, ERASE, 4))
        active, retracted = contents(await agent.published(WIN_BACK))
        assert isinstance(active, Action)
        assert isinstance(retracted, Action)
        assert active.action_id == retracted.action_id
        assert (retracted.status, retracted.retracted_because) == ("retracted", "erased")
        assert not retracted.why
        assert not retracted.variables

    lawful(law)


def test_the_retraction_comes_before_the_tombstone_and_the_tombstone_before_the_mark() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.processor.customer_orders.tombstone_topics = (WIN_BACK,)
        await agent.process(login(0, 2), cancelled(1, 3))
        await agent.published()
        agent.publisher.sent.clear()
        await agent.process(order(2, ERASE, 4))
        retraction, tombstone, mark = await agent.published()
        assert (retraction.topic, tombstone.topic, mark.topic) == (WIN_BACK, WIN_BACK, MARK_TOPIC)
        assert (tombstone.key, tombstone.value) == (b"ada", None)
        assert isinstance(mark, PlacedRecord)
        assert mark.partition == 0

    lawful(law)


def test_an_erasure_that_is_read_again_deletes_nothing_that_came_after_it() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.processor.customer_orders.tombstone_topics = (WIN_BACK,)
        records = [login(0, 2), order(1, ERASE, 4, may_return=True), login(2, 6), cancelled(3, 7)]
        await agent.process(*records)
        assert [one.value for one in await agent.published(WIN_BACK)].count(None) == 1
        agent.publisher.sent[:] = [one for one in agent.publisher.sent if one.topic == MARK_TOPIC]
        store.contents[0].meta.clear()
        store.contents[0].outbox.clear()
        await agent.processor.claim({0: LogBounds(0, 1_000)}, None, agent.progress())
        await agent.observe()
        await agent.process(*records)
        assert None not in [one.value for one in await agent.published(WIN_BACK)]

    lawful(law)


@pytest.mark.parametrize("batches", [1, 2])
def test_what_happened_before_the_order_and_comes_after_it_is_dropped_and_counted(batches: int) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        records = [login(0, 2), order(1, ERASE, 4), login(2, 3), cancelled(3, 4)]
        if batches == 1:
            await agent.process(*records)
        else:
            await agent.process(*records[:2])
            await agent.process(*records[2:])
        assert "ada" not in store.contents[0].activities
        assert store.contents[0].meta["n:erased"] == "2"

    lawful(law)


@pytest.mark.parametrize("batches", [1, 2])
def test_who_comes_back_after_an_erasure_is_a_suppressed_stranger(batches: int) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        records = [login(0, 2), order(1, ERASE, 4), login(2, 6), cancelled(3, 7)]
        if batches == 1:
            await agent.process(*records)
        else:
            await agent.process(*records[:2])
            await agent.process(*records[2:])
        assert "ada" in store.contents[0].activities
        assert store.contents[0].meta["n:customers"] == "1"
        assert not await agent.published(WIN_BACK)
        assert await decisions(agent) == ["suppressed"]

    lawful(law)


def test_who_may_return_after_an_erasure_is_a_stranger() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 2), order(1, ERASE, 4, may_return=True), login(2, 6), cancelled(3, 7))
        assert len(await agent.published(WIN_BACK)) == 1

    lawful(law)


def test_nobody_is_written_to_who_is_suppressed_and_what_stands_is_taken_back() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 2), cancelled(1, 3))
        await agent.process(order(2, SUPPRESS, 4))
        _, retracted = contents(await agent.published(WIN_BACK))
        assert isinstance(retracted, Action)
        assert retracted.retracted_because == "suppressed"
        await agent.process(purchase(3, 5), cancelled(4, 20))
        assert len(await agent.published(WIN_BACK)) == 2
        assert await decisions(agent) == ["suppressed"]

    lawful(law)


def test_a_suppression_holds_for_timers_too() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 2), order(1, SUPPRESS, 3))
        await agent.observe()
        await agent.processor.fire()
        assert not await agent.published(AT_RISK)
        assert await decisions(agent) == ["suppressed"]

    lawful(law, QUIET)


def test_somebody_whom_nothing_is_known_of_can_be_suppressed() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, SUPPRESS, 2))
        await agent.process(login(1, 3), cancelled(2, 4))
        assert await decisions(agent) == ["suppressed"]

    lawful(law)


def test_a_suppression_ends_with_an_order_and_survives_an_erasure() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, SUPPRESS, 2), order(1, ERASE, 3, may_return=True))
        await agent.process(login(2, 4), cancelled(3, 5))
        assert await decisions(agent) == ["suppressed"]
        await agent.process(order(4, RESUME, 6), purchase(5, 7), cancelled(6, 20))
        assert len(await agent.published(WIN_BACK)) == 1

    lawful(law)


def test_a_new_action_of_a_timer_that_was_due_before_the_order_is_not_sent_but_taken_back() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 1), record(1, raw=erase_of(32)))
        (retracted,) = contents(await agent.published(AT_RISK))
        assert isinstance(retracted, Action)
        assert retracted.retracted_because == "erased"

    lawful(law, QUIET)


def erase_of(day_number: int) -> bytes:
    at = f"2024-02-{day_number - 31:02}T00:00:00Z"
    body = {"event_id": "late", "type": ERASE, "customer_id": "ada", "occurred_at": at, "reason": "", "by": ""}
    return orjson.dumps(body)


def test_what_is_held_of_a_customer_goes_with_the_order() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 2), cancelled(1, 3), login(2, 2, "bob"), cancelled(3, 3, "bob"))
        held = {one.action_id: one for one in store.contents[0].held.values()}
        assert len(held) == 1  # the first went out
        name = "bob"
        await agent.process(order(4, ERASE, 4, name))
        assert not store.contents[0].held

    lawful(law, rule("gone", when={"status": "cancelled"}, action="win-back", pace="at most 1 per day"))


def test_another_worker_knows_the_marks_and_so_does_one_that_finds_redis_empty() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, SUPPRESS, 2))
        await agent.published()
        for _ in ("another worker", "an empty Redis"):
            await agent.processor.claim({0: LogBounds(0, 1_000)}, None, agent.progress())
            assert len(agent.processor.partitions[0].marks) == 1
            store.contents[0].meta.clear()
            store.contents[0].marks.clear()
        assert store.contents[0].marks == {}
        await agent.processor.claim({0: LogBounds(1, 1_000)}, None, agent.progress())
        assert len(store.contents[0].marks) == 1

    lawful(law)


def test_what_is_read_again_from_before_an_order_is_decided_as_it_was_then() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        records = [login(0, 2), cancelled(1, 3), order(2, SUPPRESS, 4), login(3, 5), cancelled(4, 20)]
        await agent.process(*records)
        first = await agent.published()
        activities, marks = dict(store.contents[0].activities), dict(store.contents[0].marks)
        agent.publisher.sent.clear()
        store.contents[0].meta.clear()
        store.contents[0].activities.clear()
        store.contents[0].due.clear()
        store.contents[0].outbox.clear()
        await agent.processor.claim({0: LogBounds(0, 1_000)}, None, agent.progress())
        await agent.observe()
        await agent.process(*records)
        before = [one.value for one in first if one.topic != MARK_TOPIC]
        assert [one.value for one in await agent.published()] == before
        assert (store.contents[0].activities, store.contents[0].marks) == (activities, marks)

    lawful(law)


def test_the_records_of_an_erased_customer_below_the_order_are_not_folded_again() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        # The order is older than the login that it stands behind: clocks differ.
        records = [login(0, 9), order(1, ERASE, 4)]
        await agent.process(*records)
        await agent.published()
        agent.publisher.sent.clear()
        store.contents[0].meta.clear()
        await agent.processor.claim({0: LogBounds(0, 1_000)}, None, agent.progress())
        await agent.observe()
        await agent.process(records[0])
        assert "ada" not in store.contents[0].activities
        assert store.contents[0].meta["n:erased"] == "1"

    lawful(law)


def test_an_order_that_cannot_be_read_is_a_dead_letter() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(order(0, "linger.delete", 2), order(1, ERASE, 3, customer_id="bob"))
        assert reasons(await agent.published("linger.dead-letter")) == [b"invalid_order", b"wrong_key"]

    lawful(law)


def test_a_customer_whose_state_cannot_be_read_is_erased_all_the_same() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(login(0, 2))
        store.contents[0].activities["ada"] = store.contents[0].activities["ada"][:3]
        await agent.process(order(1, ERASE, 3))
        assert "ada" not in store.contents[0].activities

    lawful(law, GONE)


# -- opting out --------------------------------------------------------------------------------------------------

CONSENT: Final = {"consent": {"from": "login.mail", "unknown": "may be written to"}}


def answered(offset: int, day_of_january: int, answer: str) -> Any:
    return login(offset, day_of_january, attributes={"mail": answer})


def test_an_opt_out_is_a_mark_that_only_a_later_yes_ends() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(answered(0, 3, "no"))
        assert mark_in(store).opted_out_ms == day(2)
        await agent.process(answered(1, 2, "yes"), login(2, 4), answered(3, 5, "perhaps"))
        assert mark_in(store).opted_out_ms == day(2)
        await agent.process(answered(4, 6, "yes"))
        assert not store.contents[0].marks

    lawful(law, GONE, policy=CONSENT)


def test_who_opted_out_and_is_forgotten_is_not_written_to_before_a_later_yes() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(answered(0, 3, "no"))
        store.contents[0].activities.clear()
        await agent.process(answered(1, 2, "yes"), login(2, 4), cancelled(3, 5))
        assert not await agent.published(WIN_BACK)
        assert await decisions(agent) == ["opted_out"]
        await agent.process(answered(4, 6, "yes"), purchase(5, 7), cancelled(6, 30))
        assert len(await agent.published(WIN_BACK)) == 1

    lawful(law, GONE, policy=CONSENT)


def test_an_opt_out_survives_an_erasure() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(answered(0, 3, "no"), order(1, ERASE, 4, may_return=True), login(2, 5), cancelled(3, 6))
        assert await decisions(agent) == ["opted_out"]

    lawful(law, GONE, policy=CONSENT)


def test_an_opt_out_from_before_there_were_marks_survives_an_erasure_too() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(answered(0, 3, "no"))
        store.contents[0].marks.clear()
        agent.publisher.sent.clear()
        await agent.processor.claim({0: LogBounds(0, 1_000)}, None, agent.progress())
        await agent.observe()
        await agent.process(order(1, ERASE, 4, may_return=True), login(2, 5), cancelled(3, 6))
        assert await decisions(agent) == ["opted_out"]

    lawful(law, GONE, policy=CONSENT)


def test_who_opted_out_before_there_were_marks_gets_one_by_a_sweep() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(answered(0, 3, "no"), login(1, 3, "bob"))
        store.contents[0].marks.clear()
        agent.publisher.sent.clear()
        del store.contents[0].meta["marks"]
        await agent.processor.claim({0: LogBounds(0, 1_000)}, None, agent.progress())
        await agent.processor.activate(numbered(agent, 1))
        await agent.observe()
        sweep = asyncio.create_task(agent.processor.sweep())
        for _ in range(500):
            await asyncio.sleep(0)
        sweep.cancel()
        assert mark_in(store).opted_out_ms == day(2)

    lawful(law, GONE, policy=CONSENT)


def test_answers_of_who_wants_mail_leave_no_mark() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(answered(0, 3, "yes"), order(1, SUPPRESS, 4, "bob"), answered(2, 5, "yes"))
        assert len(store.contents[0].marks) == 1

    lawful(law, GONE, policy=CONSENT)


def test_an_opt_out_leaves_a_mark_also_beside_an_event_that_cannot_be_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    fold = Deciding.fold

    def fails(deciding: Deciding, customer_id: str, raw: bytes | None, events: Sequence[Any], *rest: Any) -> Any:
        if any(event.at_ms == day(4) for event in events):
            raise RuntimeError("a bug")
        return fold(deciding, customer_id, raw, events, *rest)

    async def law(agent: Agent, store: MemoryStore) -> None:
        monkeypatch.setattr(Deciding, "fold", fails)
        await agent.process(answered(0, 3, "no"), purchase(1, 4), login(2, 5))
        assert reasons(await agent.published("linger.dead-letter")) == [b"fold_failed"]
        assert mark_in(store).opted_out_ms == day(2)

    lawful(law, GONE, policy=CONSENT)


def test_an_answer_that_is_not_understood_is_a_no_once_the_customer_is_erased() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(answered(0, 3, "perhaps"))
        assert not store.contents[0].marks
        await agent.process(order(1, ERASE, 4, may_return=True), login(2, 5), cancelled(3, 6))
        assert await decisions(agent) == ["opted_out"]

    lawful(law, GONE, policy=CONSENT)
