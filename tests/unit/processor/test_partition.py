"""Laws of a partition's memory: since when each series is watched."""

from tests.support.builders import day, rule, rules
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import GONE, TYPES, Agent, lawful, record, stored
from workers.processor.results import Processed


def test_a_series_that_no_rule_asked_for_is_watched_from_the_start_when_one_does_again() -> None:
    big = rule("big", when={"count": "login", "at least": 1, "within": "9 days", "where": {"plan": "gold"}})

    async def law(agent: Agent, store: MemoryStore) -> None:
        with_big = agent.processor.rules
        without = rules(GONE, types=TYPES)
        assert await agent.process(record(0)) == Processed()
        key = next(name for name in store.contents[0].meta if name.startswith("since:login?"))
        await agent.processor.activate(without)
        assert await agent.process(record(1)) == Processed()
        assert store.contents[0].meta[key] == ""
        agent.clock.now_ms = day(101)
        await agent.observe()
        await agent.processor.activate(with_big)
        assert await agent.process(record(2)) == Processed()
        assert int(store.contents[0].meta[key]) == day(101)

    lawful(law, GONE, big)


def test_ever_is_not_known_of_a_series_that_a_new_rule_asks_for_in_a_whole_history() -> None:
    never = rule("never", when={"count": "login", "at most": 1, "where": {"plan": "gold"}})

    async def law(agent: Agent, store: MemoryStore) -> None:
        with_never = agent.processor.rules
        await agent.processor.activate(rules(GONE, types=TYPES).as_activated(1, {}))
        for at in range(3):
            assert await agent.process(record(at, attributes={"plan": "gold"})) == Processed()
        await agent.processor.activate(with_never.as_activated(2, {"never": (2, day(50))}))
        assert await agent.process(record(3, attributes={"plan": "gold"})) == Processed()
        assert "never" not in stored(store).episodes

    lawful(law, GONE, never)
