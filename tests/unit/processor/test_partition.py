"""Laws of a partition's memory: since when each series is watched."""

from tests.support.builders import day, rule, rules
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import GONE, TYPES, Agent, lawful, record, stored
from workers.core.meaning import MEANING
from workers.processor.results import Processed
from workers.state.meta import MEANING as MEANING_FIELD
from workers.state.meta import meant_in


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
        assert "never" not in stored(store, "ada", never).episodes

    lawful(law, GONE, never)


def test_up_to_when_the_meaning_before_has_decided_is_noted_once_when_another_one_begins() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.process(record(0)) == Processed()
        meta = store.contents[0].meta
        assert meta[MEANING_FIELD] == f"{MEANING} 0"
        del meta[MEANING_FIELD]  # as release 0.1 leaves it
        agent.processor.partitions[0].meta.fields.pop(MEANING_FIELD)
        await agent.processor.activate(rules(GONE, types=TYPES).as_activated(2, {"quiet": (1, 0)}, (2, day(100))))
        for now_day in (100, 120):
            agent.clock.now_ms = day(now_day)
            await agent.start()
            assert meta[MEANING_FIELD] == f"{MEANING} 2"
            assert meant_in(meta) == dict.fromkeys(("purchase", "login", "cancellation", "nps"), day(100))
            assert agent.processor.partitions[0].coverage(()).meant == meant_in(meta)

    lawful(law)


def test_where_no_meaning_was_before_nothing_was_decided_by_it() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.process(record(0)) == Processed()
        assert agent.processor.partitions[0].coverage(()).meant == {}
        assert meant_in(store.contents[0].meta) == {}

    lawful(law)
