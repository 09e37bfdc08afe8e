"""Laws of how many customers stand on each stage: the partition counts what their newest records say."""

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Final

from schemas.orders import ERASE
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import Agent, lawful
from tests.unit.processor.orders.test_customer_orders import order
from tests.unit.processor.test_forgetting import until
from tests.unit.processor.test_stage_lists import bought, move, on_ladder, swept
from workers.core.customer.stage import code_of_stage
from workers.core.decisions.decide import decider_of
from workers.observability.metrics import REGISTRY
from workers.runtime.measures.beginnings import begin_rules
from workers.runtime.measures.queues import show_stages

STAGES: Final = ("regular", "quiet", "newcomer")


async def published(agent: Agent, store: MemoryStore) -> None:
    """Let a worker publish where everyone stands who is not published yet."""
    sweep = asyncio.create_task(agent.processor.stages.run())
    await until(lambda: sum(counted(agent).values()) == len(store.contents[0].activities))
    sweep.cancel()


def counted(agent: Agent) -> dict[str, int]:
    """Return what the partition counts, by the stages of the live ladder."""
    meta = agent.processor.partitions[0].meta
    return {
        name: number for name in ("regular", "quiet", "newcomer") if (number := meta.on_stage(code_of_stage(name)))
    }


def recounted(agent: Agent, store: MemoryStore) -> dict[str, int]:
    """Return the same, from every stored customer."""
    decider, names = (
        decider_of(agent.processor.rules),
        {code_of_stage(n): n for n in ("regular", "quiet", "newcomer")},
    )
    codes = [decider.read(raw).stage.published_code for raw in store.contents[0].activities.values()]
    return dict(Counter(names[code] for code in codes if code))


def moves(came_from: str, stage: str) -> float:
    return REGISTRY.get_sample_value("linger_stage_moves_total", {"from": came_from, "stage": stage}) or 0


def test_each_customer_is_counted_on_the_stage_of_the_newest_record() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        rules = on_ladder([], 2, None)
        await swept(agent, rules)
        await agent.process(bought(0, 1), bought(1, 1, customer="bob"), bought(2, 2, customer="bob"))
        await published(agent, store)
        assert counted(agent) == recounted(agent, store)
        assert sum(counted(agent).values()) == 2
        before = moves("newcomer", "quiet")
        await move(agent, 23)
        assert counted(agent) == recounted(agent, store) == {"quiet": 1, "regular": 1}
        assert moves("newcomer", "quiet") == before + 1
        show_stages(agent.processor)
        assert REGISTRY.get_sample_value("linger_stage_customers", {"stage": "quiet"}) == 1
        assert REGISTRY.get_sample_value("linger_stage_customers", {"stage": "newcomer"}) == 0

    lawful(law, now_day=5)


def test_who_is_erased_is_counted_nowhere() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        rules = on_ladder([], 2, None)
        await swept(agent, rules)
        await agent.process(bought(0, 1), bought(1, 1, customer="bob"), bought(2, 2, customer="bob"))
        await published(agent, store)
        await agent.process(order(3, ERASE, 4))
        assert counted(agent) == recounted(agent, store) == {"regular": 1}

    lawful(law, now_day=5)


def test_without_a_ladder_nothing_is_shown_and_with_it_again_nothing_counts_twice() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        rules = on_ladder([], 2, None)
        await swept(agent, rules)
        await agent.process(bought(0, 1), bought(1, 1, customer="bob"), bought(2, 2, customer="bob"))
        await published(agent, store)
        await swept(agent, replace(rules, generation=4, ladder=None))
        show_stages(agent.processor)
        assert REGISTRY.get_sample_value("linger_stage_customers", {"stage": "regular"}) is None
        await agent.process(bought(3, 3), bought(4, 3, customer="cem"))
        await swept(agent, replace(rules, generation=5))
        await published(agent, store)
        assert counted(agent) == recounted(agent, store)
        await move(agent, 40)
        assert counted(agent) == recounted(agent, store)

    lawful(law, now_day=5)


def test_every_move_of_the_live_ladder_has_a_counter_from_the_start() -> None:
    begin_rules(on_ladder([], 2, None))
    pairs = [("regular", "quiet"), ("quiet", "newcomer"), ("newcomer", "regular")]
    values = [
        REGISTRY.get_sample_value("linger_stage_moves_total", {"from": came_from, "stage": stage})
        for came_from, stage in pairs
    ]
    assert None not in values
