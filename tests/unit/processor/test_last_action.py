"""Laws of when the latest action of each rule was decided, which `linger status` shows."""

from typing import Any, Final

from tests.support.builders import day
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import GONE, Agent, lawful, record
from workers.pauses.record import PauseRecord
from workers.state.meta import last_action_field, last_actions

NAME: Final = last_action_field(GONE.id)


def cancelled(offset: int, customer: str, hour: int) -> Any:
    return record(offset, "cancellation", f"2024-01-02T{hour:02}:00:00Z", customer)


def test_it_is_stored_with_the_step_that_decides_and_never_goes_back() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(cancelled(0, "ada", 0), cancelled(1, "bob", 12))
        assert store.contents[0].meta[NAME] == str(day(1.5))
        await agent.process(cancelled(2, "cyd", 6))
        assert last_actions(store.contents[0].meta) == {GONE.id: day(1.5)}

    lawful(law, now_day=2)


def test_an_action_that_is_held_is_none_until_it_is_sent() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.pauses.add(PauseRecord(rule=GONE.id, paused=True, by="ann", at_ms=0, because="why"))
        await agent.process(cancelled(0, "ada", 0))
        assert last_actions(store.contents[0].meta) == {}

    lawful(law, now_day=2)


def test_a_step_without_actions_writes_nothing_of_it() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0, "login", customer="ada"))
        assert NAME not in store.contents[0].meta

    lawful(law, now_day=2)
