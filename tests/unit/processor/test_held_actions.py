"""Laws of held actions: above the rate limit an action waits, and it is released at most once."""

from typing import Final

import orjson

from tests.support.builders import day, rule, rules
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import GONE, TYPES, Agent, lawful, record
from workers.state.held_actions import Order

PACED: Final = rule("gone", when={"status": "cancelled"}, action="win-back", pace="at most 1 per day")
CANCELLATIONS: Final = (record(0, "cancellation", customer="ada"), record(1, "cancellation", customer="bob"))


def test_above_the_pace_an_action_is_kept_and_said_so() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*CANCELLATIONS)
        assert [message.key for message in await agent.published("linger.win-back")] == [b"ada"]
        decisions = [orjson.loads(message.value or b"") for message in await agent.published("linger.decisions")]
        assert [(decision["customer_id"], decision["decision"]) for decision in decisions] == [("bob", "held")]
        assert [action.rule for action in store.contents[0].held.values()] == ["gone"]

    lawful(law, PACED)


def test_a_held_action_is_released_once_however_often_that_is_ordered() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*CANCELLATIONS)
        action_id = next(iter(store.contents[0].held))
        agent.clock.now_ms = day(3)
        await agent.observe()
        for _ in range(2):
            await agent.store.held_actions.order(0, [Order("release", "gone", action_id)] * 2)
            await agent.processor.fire()
        assert [message.key for message in await agent.published("linger.win-back")] == [b"ada", b"bob"]
        assert not store.contents[0].held
        assert not store.contents[0].orders

    lawful(law, PACED, now_day=2)


def test_a_customer_who_comes_back_is_not_kept_any_longer() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*CANCELLATIONS)
        bought = {"amount": 5, "currency": "EUR"}
        await agent.process(record(2, "purchase", at="2024-01-03T00:00:00Z", customer="bob", **bought))
        assert not store.contents[0].held

    lawful(law, PACED)


def test_a_held_action_that_expired_is_not_released_but_said_so() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*CANCELLATIONS)
        await agent.store.held_actions.order(0, [Order("release", "gone", next(iter(store.contents[0].held)))])
        await agent.processor.fire()  # on day 100; it expired on day 15
        assert [message.key for message in await agent.published("linger.win-back")] == [b"ada"]
        details = [
            orjson.loads(message.value or b"")["detail"] for message in await agent.published("linger.decisions")
        ]
        assert details[-1] == "it had expired before it was released"

    lawful(law, PACED)


def test_a_customer_who_comes_back_is_not_kept_even_if_the_rule_has_lost_its_pace() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*CANCELLATIONS)
        await agent.processor.activate(rules(GONE, types=TYPES).as_activated(1, {}))
        bought = {"amount": 5, "currency": "EUR"}
        await agent.process(record(2, "purchase", at="2024-01-03T00:00:00Z", customer="bob", **bought))
        assert not store.contents[0].held

    lawful(law, PACED)
