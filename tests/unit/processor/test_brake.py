"""Laws of the brake: what exceeds the limit of all rules together is held, and never goes out by itself."""

import asyncio
from typing import Any, Final

import orjson
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from schemas.rules import ForEveryRule
from tests.support.builders import day, rule, rules
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import Agent, lawful, record
from workers.pauses.record import PauseRecord
from workers.state.brake import HOUR_MS, LEAST_PER_HOUR, Brake, brake_state, default_limit
from workers.state.held_actions import Order

GONE: Final = rule("gone", when={"status": "cancelled"}, action="win-back")
AWAY: Final = rule("away", when={"count": "login", "at least": 1})
THREE: Final = {"brake": "at most 3 per hour"}


def cancelled(number: int, start: int = 0) -> list[Any]:
    return [record(start + index, "cancellation", customer=f"c{start + index}") for index in range(number)]


def held(store: MemoryStore) -> list[tuple[str, str]]:
    return [(one.rule, one.because) for one in store.contents[0].held.values()]


# --- the limit ----------------------------------------------------------------------------------------------------


def test_without_a_past_the_limit_is_500_an_hour() -> None:
    assert default_limit({}, 1_000) == LEAST_PER_HOUR == 500


def test_the_limit_is_ten_times_the_greatest_hour_of_the_last_28_days_before_this_one() -> None:
    hour = 100_000
    fields = {str(hour): "9000", str(hour - 1): "70", str(hour - 672): "80", str(hour - 673): "9000", "limit": "5"}
    assert default_limit(fields, hour) == 800


def test_an_hour_in_which_the_brake_held_something_does_not_raise_the_limit_of_the_next() -> None:
    assert default_limit({"99": "5000", "99!": "1", "98": "60"}, 100) == 600


def test_an_accident_that_goes_on_is_not_let_through_hour_by_hour() -> None:
    async def law() -> None:
        brake = Brake(MemoryStore().as_store())
        passed = [await brake.acquire(10_000, None, hour * HOUR_MS) for hour in range(50, 60)]
        assert passed == [500] * 10

    asyncio.run(law())


def test_old_hours_are_forgotten() -> None:
    async def law() -> None:
        store = MemoryStore()
        brake = Brake(store.as_store())
        for hour in range(0, 3_000, 50):
            await brake.acquire(1, 5, hour * HOUR_MS)
        assert len(store.hashes[store.keys.brake]) <= 672 / 50 + 3

    asyncio.run(law())


def test_two_workers_share_one_limit() -> None:
    async def law() -> None:
        store = MemoryStore().as_store()
        first, second = Brake(store), Brake(store)
        assert [await one.acquire(2, 5, 0) for one in (first, second, first, second)] == [2, 2, 1, 0]
        state = await brake_state(store, 0)
        assert (state.passed, state.limit, state.is_written, state.has_braked) == (5, 5, True, True)

    asyncio.run(law())


@pytest.mark.parametrize(
    ("text", "most"), [("at most 2,000 per hour", 2_000), ("at most 2000 per hour", 2_000), ("at most 5 per hour", 5)]
)
def test_a_brake_is_written_like_a_pace_with_or_without_a_comma_between_thousands(text: str, most: int) -> None:
    assert ForEveryRule.model_validate({"brake": text}).brake == (most, "hour")
    assert rules(GONE, brake=text).brake == most


@pytest.mark.parametrize(
    "text", ["at most 2,00 per hour", "at most 5 per day", "at most 0 per hour", "at most 2.000 per hour"]
)
def test_what_is_no_number_for_an_hour_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        ForEveryRule.model_validate({"brake": text})


def test_without_a_brake_rule_sets_keep_their_hash() -> None:
    assert rules(GONE).hash == rules(GONE, limits=[]).hash
    assert rules(GONE).hash != rules(GONE, brake=THREE["brake"]).hash


# --- what it holds ------------------------------------------------------------------------------------------------


def test_what_exceeds_the_limit_is_held_loudly_over_all_rules() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        with capture_logs() as logs:
            await agent.process(*cancelled(2), record(2, "login", customer="d"), record(3, "login", customer="e"))
        assert len(await agent.published("linger.win-back")) + len(await agent.published("linger.at-risk")) == 3
        assert held(store) == [("away", "brake")]
        (decision,) = [orjson.loads(one.value or b"") for one in await agent.published("linger.decisions")]
        assert decision["decision"] == "held"
        assert decision["detail"] == (
            "the brake holds it: more than 3 per hour of all rules; it waits for release or discard"
        )
        (said,) = [line for line in logs if line["event"] == "brake_holds"]
        assert (said["log_level"], said["limit"], said["held"], said["rules"]) == ("error", 3, 1, ["away"])

    lawful(law, GONE, AWAY, now_day=2, **THREE)


def test_it_never_lets_go_by_itself() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*cancelled(5))
        for later in (2.1, 3, 9):
            agent.clock.now_ms = day(later)
            await agent.observe()
            await agent.processor.fire()
        assert len(await agent.published("linger.win-back")) == 3
        assert held(store) == [("gone", "brake")] * 2

    lawful(law, GONE, now_day=2, **THREE)


def test_the_next_hour_has_a_limit_of_its_own() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*cancelled(4))
        agent.clock.now_ms = day(2) + HOUR_MS
        await agent.observe()
        await agent.process(*cancelled(4, start=4))
        assert len(await agent.published("linger.win-back")) == 6
        assert len(held(store)) == 2

    lawful(law, GONE, now_day=2, **THREE)


def test_what_the_brake_holds_is_released_by_hand_and_does_not_use_up_the_hour() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*cancelled(5))
        orders = [Order("release", "gone", name) for name in store.contents[0].held]
        agent.clock.now_ms = day(2) + HOUR_MS
        await agent.observe()
        await agent.store.held_actions.order(0, orders)
        await agent.processor.fire()
        await agent.process(*cancelled(3, start=5))
        assert len(await agent.published("linger.win-back")) == 8
        assert held(store) == []

    lawful(law, GONE, now_day=2, **THREE)


def test_a_pause_and_a_resume_do_not_let_go_what_the_brake_holds() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*cancelled(4))
        for paused in (True, False):
            agent.pauses.add(PauseRecord(rule="gone", paused=paused, by="ann", at_ms=0))
            agent.clock.now_ms += HOUR_MS
            await agent.observe()
            await agent.processor.fire()
        assert held(store) == [("gone", "brake")]

    lawful(law, GONE, now_day=2, **THREE)


def test_what_a_pause_held_goes_out_within_the_brake_and_waits_for_the_next_hour() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        agent.pauses.add(PauseRecord(rule="gone", paused=True, by="ann", at_ms=0))
        await agent.process(*cancelled(5))
        agent.pauses.add(PauseRecord(rule="gone", paused=False, by="ann", at_ms=1))
        await agent.processor.fire()
        assert len(await agent.published("linger.win-back")) == 3
        assert held(store) == [("gone", "pause")] * 2
        agent.clock.now_ms += HOUR_MS
        await agent.observe()
        await agent.processor.fire()
        assert len(await agent.published("linger.win-back")) == 5

    lawful(law, GONE, now_day=2, **THREE)


def test_retractions_are_not_counted() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(*cancelled(3))
        bought = {"amount": 5, "currency": "EUR"}
        await agent.process(
            *(record(3 + n, "purchase", at="2024-01-03T00:00:00Z", customer=f"c{n}", **bought) for n in range(3))
        )
        assert len(await agent.published("linger.win-back")) == 6
        assert held(store) == []

    lawful(law, GONE, now_day=4, **THREE)
