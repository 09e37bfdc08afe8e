"""Laws of the lists of stages: who is in them, and that no one stays in them who should not."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from aiokafka import ConsumerRecord

from schemas.ladders import Ladder
from schemas.orders import ERASE
from schemas.rules import RuleBook
from schemas.value import Valuation
from tests.support.builders import TYPES, day
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import GONE, Agent, lawful, record
from tests.unit.processor.orders.test_customer_orders import order
from tests.unit.processor.test_forgetting import until
from workers.clock import iso_text
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.state.keys import list_of, listed_score, listed_worth

VALUE: Final = Valuation.model_validate({"revenue": ["purchase.amount"], "within": "365 days"})


def on_ladder(listed: Sequence[str], generation: int, value: Valuation | None = VALUE) -> RuleSet:
    """Rules with a ladder of buyers, which lists some stages."""
    ladder = Ladder.model_validate(
        {
            "name": "simple",
            "status": "live",
            "steps": [
                {"stage": "regular", "when": {"count": "purchase", "at least": 2}, "list": "regular" in listed},
                {"stage": "quiet", "when": {"none": "purchase", "for": "20 days"}, "list": "quiet" in listed},
            ],
            "otherwise": {"stage": "newcomer", "list": "newcomer" in listed},
        }
    )
    rules = compile_rules(RuleBook((GONE,), ladders=(ladder,), value=value), TYPES)
    return replace(rules, generation=generation)


def listed(store: MemoryStore, stage: str) -> dict[str, int]:
    return store.contents[0].waiting.get(list_of(stage), {})


def worth_of(store: MemoryStore, stage: str) -> dict[str, int]:
    return {name: listed_worth(score) for name, score in listed(store, stage).items()}


def bought(offset: int, at_day: float, amount: float = 10, customer: str = "ada") -> ConsumerRecord:
    return record(offset, "purchase", iso_text(day(at_day)), customer, amount=amount, currency="EUR")


async def move(agent: Agent, at_day: float) -> None:
    agent.clock.now_ms = day(at_day)
    await agent.observe()
    await agent.processor.fire()


async def swept(agent: Agent, rules: RuleSet) -> None:
    """Let a worker decide by other rules, until every customer was decided by them."""
    await agent.processor.activate(rules)
    sweep = asyncio.create_task(agent.processor.sweep())
    await until(lambda: agent.processor.partitions[0].swept >= rules.generation)
    sweep.cancel()


def test_a_customer_is_in_the_list_of_the_stage_with_what_they_are_worth() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.processor.activate(on_ladder(["regular", "newcomer"], 2))
        await agent.process(bought(0, 1, 20.5))
        assert worth_of(store, "newcomer") == {"ada": 2050}
        assert store.contents[0].meta["listed"] == "newcomer regular"
        await agent.process(bought(1, 2, 4))
        assert listed(store, "newcomer") == {}
        assert worth_of(store, "regular") == {"ada": 2450}

    lawful(law, now_day=5)


def test_time_moves_a_customer_from_list_to_list() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.processor.activate(on_ladder(["quiet", "newcomer"], 2, None))
        await agent.process(bought(0, 1))
        assert listed(store, "newcomer") == {"ada": day(1)}
        await move(agent, 22)
        assert listed(store, "newcomer") == {}
        assert listed(store, "quiet") == {"ada": day(21)}

    lawful(law, now_day=5)


def test_other_rules_fill_new_lists_and_leave_no_one_in_those_that_are_gone() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await swept(agent, on_ladder(["newcomer"], 2))
        await agent.process(bought(0, 1), bought(1, 1, customer="bob"), bought(2, 2, customer="bob"))
        assert set(listed(store, "newcomer")) == {"ada"}
        await swept(agent, on_ladder(["regular"], 3))
        assert listed(store, "newcomer") == {}
        assert set(listed(store, "regular")) == {"bob"}
        assert store.contents[0].meta["listed"] == "regular"
        await swept(agent, replace(on_ladder([], 4), ladder=None))
        assert listed(store, "regular") == {}
        assert store.contents[0].meta["listed"] == ""

    lawful(law, now_day=5)


def test_who_is_erased_is_in_no_list_be_it_of_rules_that_are_gone() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await swept(agent, on_ladder(["newcomer"], 2))
        await agent.process(bought(0, 1))
        await agent.processor.activate(on_ladder(["regular"], 3))  # not swept yet
        await agent.process(order(1, ERASE, 4))
        assert listed(store, "newcomer") == {}
        assert "ada" not in store.contents[0].activities

    lawful(law, now_day=5)


def test_without_lists_nothing_is_kept() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.processor.activate(on_ladder([], 2))
        await agent.process(bought(0, 1))
        assert not any(name.startswith("*on:") for name in store.contents[0].waiting)
        assert "listed" not in store.contents[0].meta

    lawful(law, now_day=5)


def test_a_worth_is_read_as_it_was_written_and_is_never_taken_for_nothing() -> None:
    for worth in (0, -1, 1, -250, 12_345_678_901):
        score = listed_score(7, worth)
        assert score != 0
        assert listed_worth(score) == worth
    assert listed_score(7, None) == 7
