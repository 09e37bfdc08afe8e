"""Laws of a pause: nothing of a paused rule is sent or lost, and a resume lets it go once, in order."""

from typing import Any, Final

import orjson

from tests.support.builders import day, rule
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import Agent, lawful, record
from workers.kafka.records import OutboxRecord
from workers.pauses.record import ALL_RULES, PauseRecord
from workers.state.held_actions import Order
from workers.state.meta import held_field

GONE: Final = rule("gone", when={"status": "cancelled"}, action="win-back")
PACED: Final = rule("gone", when={"status": "cancelled"}, action="win-back", pace="at most 1 per day")
SPREAD: Final = rule(
    "gone", when={"status": "cancelled"}, action="win-back", **{"pace": "at most 1 per day", "over pace": "spread"}
)
BOUGHT: Final = {"amount": 5, "currency": "EUR"}


def pause(agent: Agent, rule_id: str = "gone", *, paused: bool = True) -> None:
    agent.pauses.add(PauseRecord(rule=rule_id, paused=paused, by="ann@shop", at_ms=0, because="wrong offer"))


def resume(agent: Agent, rule_id: str = "gone") -> None:
    pause(agent, rule_id, paused=False)


def cancelled(*customers: str, start: int = 0) -> list[Any]:
    return [record(start + index, "cancellation", customer=name) for index, name in enumerate(customers)]


def keys(messages: list[OutboxRecord]) -> list[bytes | None]:
    return [message.key for message in messages]


def details(messages: list[OutboxRecord]) -> list[str]:
    return [orjson.loads(message.value or b"")["detail"] for message in messages]


def held(store: MemoryStore) -> list[tuple[str, str]]:
    return [(one.rule, one.because) for one in store.contents[0].held.values()]


def test_a_new_action_of_a_paused_rule_is_held_and_said_so_with_who_and_why() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        pause(agent)
        await agent.process(*cancelled("ada"))
        assert await agent.published("linger.win-back") == []
        assert held(store) == [("gone", "pause")]
        assert details(await agent.published("linger.decisions")) == ["paused by ann@shop: wrong offer"]

    lawful(law, now_day=2)


def test_a_pause_of_all_rules_holds_every_rule() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        pause(agent, ALL_RULES)
        await agent.process(*cancelled("ada"))
        assert (await agent.published("linger.win-back"), held(store)) == ([], [("gone", "pause")])

    lawful(law, now_day=2)


def test_another_rule_is_not_held() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        pause(agent, "another")
        await agent.process(*cancelled("ada"))
        assert keys(await agent.published("linger.win-back")) == [b"ada"]

    lawful(law, now_day=2)


def test_what_stood_in_the_outbox_is_held_by_the_step_that_trims_it() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.publisher.before = lambda: pause(agent)  # after the step, before it is sent
        await agent.process(*cancelled("ada"))
        assert await agent.published("linger.win-back") == []
        assert (held(store), len(store.contents[0].outbox)) == ([], 1)
        await agent.processor.fire()
        assert held(store) == [("gone", "pause")]
        assert details(await agent.published("linger.decisions")) == ["paused by ann@shop: wrong offer"]
        await agent.processor.fire()
        assert store.contents[0].outbox == []
        assert store.contents[0].meta["n:active:gone"] == "0"

    lawful(law, now_day=2)


def test_a_step_that_is_taken_without_an_answer_holds_it_once() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.publisher.before = lambda: pause(agent)
        await agent.process(*cancelled("ada"))
        await agent.published()
        store.losing = 1
        for _ in range(3):
            await agent.processor.fire()
            await agent.published()
        assert held(store) == [("gone", "pause")]
        assert await agent.published("linger.win-back") == []
        assert len(await agent.published("linger.decisions")) >= 1

    lawful(law, now_day=2)


def test_a_customer_who_comes_back_during_a_pause_is_taken_back_and_never_written_to() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        pause(agent)
        await agent.process(*cancelled("ada"))
        await agent.process(record(1, "purchase", at="2024-01-03T00:00:00Z", customer="ada", **BOUGHT))
        assert held(store) == []
        resume(agent)
        await agent.processor.fire()
        sent = [orjson.loads(one.value or b"")["status"] for one in await agent.published("linger.win-back")]
        assert sent == ["retracted"]

    lawful(law, now_day=4)


def test_an_action_that_is_taken_back_while_it_stands_in_the_outbox_is_not_held() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.publisher.before = lambda: pause(agent)
        await agent.process(*cancelled("ada"))
        await agent.published()
        # The step that takes it back is the one that trims it.
        await agent.process(record(1, "purchase", at="2024-01-03T00:00:00Z", customer="ada", **BOUGHT))
        await agent.processor.fire()
        resume(agent)
        await agent.processor.fire()
        sent = [orjson.loads(one.value or b"")["status"] for one in await agent.published("linger.win-back")]
        assert (sent, held(store)) == (["retracted"], [])
        assert store.contents[0].meta["n:active:gone"] == "0"

    lawful(law, now_day=4)


def test_a_resume_lets_everything_go_by_itself_once_and_the_oldest_first() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        pause(agent)
        names = [f"c{number}" for number in range(9, 0, -1)]
        records = [
            record(index, "cancellation", at=f"2024-01-02T0{index}:00:00Z", customer=name)
            for index, name in enumerate(names)
        ]
        await agent.process(*records)
        resume(agent)
        for _ in range(3):
            await agent.processor.fire()
        assert keys(await agent.published("linger.win-back")) == [name.encode() for name in names]
        assert held(store) == []
        assert store.contents[0].meta[held_field("gone", "pause")] == ""

    lawful(law, now_day=3)


def test_a_rule_without_a_pace_lets_500_an_hour_go() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        pause(agent)
        await agent.process(*cancelled(*(f"c{number}" for number in range(620))))
        assert len(held(store)) == 620
        resume(agent)
        for _ in range(9):
            await agent.processor.fire()
        assert len(await agent.published("linger.win-back")) == 500
        agent.clock.now_ms = day(2) + 3_600_000
        await agent.observe()
        for _ in range(3):
            await agent.processor.fire()
        assert len({one.key for one in await agent.published("linger.win-back")}) == 620
        assert len(await agent.published("linger.win-back")) == 620

    lawful(law, now_day=2)


def test_a_rule_with_a_pace_is_resumed_at_its_pace() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        pause(agent)
        later = record(1, "cancellation", at="2024-01-02T05:00:00Z", customer="bob")
        await agent.process(*cancelled("ada"), later)
        resume(agent)
        for _ in range(2):
            await agent.processor.fire()
        assert keys(await agent.published("linger.win-back")) == [b"ada"]
        agent.clock.now_ms = day(3)
        await agent.observe()
        await agent.processor.fire()
        assert keys(await agent.published("linger.win-back")) == [b"ada", b"bob"]

    lawful(law, PACED, now_day=2)


def test_a_resume_does_not_let_go_what_the_pace_holds() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*cancelled("ada", "bob"))
        assert held(store) == [("gone", "pace")]
        pause(agent)
        resume(agent)
        agent.clock.now_ms = day(3)
        await agent.observe()
        await agent.processor.fire()
        assert keys(await agent.published("linger.win-back")) == [b"ada"]
        assert held(store) == [("gone", "pace")]

    lawful(law, PACED, now_day=2)


def test_a_rule_that_spreads_its_actions_sends_none_while_it_is_paused() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*cancelled("ada", "bob"))
        await agent.published()
        pause(agent)
        agent.clock.now_ms = day(3)
        await agent.observe()
        await agent.processor.fire()
        assert keys(await agent.published("linger.win-back")) == [b"ada"]
        resume(agent)
        await agent.processor.fire()
        assert keys(await agent.published("linger.win-back")) == [b"ada", b"bob"]

    lawful(law, SPREAD, now_day=2)


def test_a_release_by_hand_during_a_pause_waits_for_the_resume_even_if_it_is_ordered_twice() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*cancelled("ada", "bob"))
        await agent.published()
        pause(agent)
        action_id = next(iter(store.contents[0].held))
        for _ in range(2):
            await agent.store.held_actions.order(0, [Order("release", "gone", action_id)])
            for _ in range(3):
                await agent.processor.fire()
                await agent.published()
        assert keys(await agent.published("linger.win-back")) == [b"ada"]
        assert held(store) == [("gone", "pause")]
        resume(agent)
        agent.clock.now_ms = day(3)
        await agent.observe()
        await agent.processor.fire()
        assert keys(await agent.published("linger.win-back")) == [b"ada", b"bob"]
        assert held(store) == []

    lawful(law, PACED, now_day=2)


def test_what_expired_during_the_pause_is_not_sent_but_said_so() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        pause(agent)
        await agent.process(*cancelled("ada"))
        agent.clock.now_ms = day(50)
        await agent.observe()
        resume(agent)
        await agent.processor.fire()
        assert await agent.published("linger.win-back") == []
        assert details(await agent.published("linger.decisions"))[-1] == "it had expired before it was released"
        assert held(store) == []

    lawful(law, now_day=2)


def test_held_actions_can_be_discarded_during_a_pause_and_a_resume_finds_none() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        pause(agent)
        await agent.process(*cancelled("ada"))
        await agent.store.held_actions.order(0, [Order("discard", "gone", next(iter(store.contents[0].held)))])
        await agent.processor.fire()
        resume(agent)
        await agent.processor.fire()
        assert (await agent.published("linger.win-back"), held(store)) == ([], [])
        assert store.contents[0].meta[held_field("gone", "pause")] == ""

    lawful(law, now_day=2)
