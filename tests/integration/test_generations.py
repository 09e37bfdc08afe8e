"""Laws of active rule sets: the newest counts for all, and an older one does not come back automatically."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from schemas.rules import Rule
from tests.integration.test_store import lawful
from tests.support.builders import day, rule, rules
from workers.core.rules.rule_set import RuleSet
from workers.demo.embedded import Pair
from workers.state.rate_limits import RateLimiter
from workers.state.rule_sets.activation import OlderRules, activate, as_active, newest_generation
from workers.state.store import Store

pytestmark = pytest.mark.integration


def a_rule(days: int = 10, **content: Any) -> Rule:
    return rule("soft", when={"none": "purchase", "for": f"{days} days"}, **content)


async def load(store: Store, ruleset: RuleSet, at_day: float, *, allow_rollback: bool = True) -> RuleSet:
    return (await activate(store, ruleset, day(at_day), allow_rollback=allow_rollback)).rules


def law(work: Callable[[Store], Any], pair: Pair) -> None:
    lawful(work, pair.redis_url)


def test_the_first_rules_count_from_the_beginning_of_time(pair: Pair) -> None:
    async def work(store: Store) -> None:
        first = await load(store, rules(a_rule()), 100, allow_rollback=False)
        assert first.generation == 1
        assert first.by_id["soft"].live_since_ms == 0

    law(work, pair)


def test_a_rule_counts_from_when_it_took_its_stance_and_not_from_when_others_changed(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await load(store, rules(a_rule()), 100)
        second = await load(store, rules(a_rule(title="another title"), rule("hard")), 200)
        assert second.generation == 2
        assert (second.by_id["soft"].since_generation, second.by_id["soft"].live_since_ms) == (1, 0)
        assert (second.by_id["hard"].since_generation, second.by_id["hard"].live_since_ms) == (2, day(200))
        third = await load(store, rules(a_rule(11), rule("hard")), 300)
        assert third.by_id["soft"].live_since_ms == day(300)

    law(work, pair)


def test_a_new_meaning_of_rules_is_another_generation_in_which_no_rule_goes_live_anew(pair: Pair) -> None:
    async def work(store: Store) -> None:
        first = await load(store, rules(a_rule()), 100)
        assert (first.meaning_generation, first.meaning_since_ms) == (0, 0)
        # As a release with another meaning has left it.
        gone = ("HDEL", store.keys.rules, "meaning", f"set:{first.hash}")
        await store.redis.call([gone, ("HSET", store.keys.rules, "hash", "older")])
        second = await load(store, rules(a_rule()), 200, allow_rollback=False)
        assert (second.generation, second.meaning_generation, second.meaning_since_ms) == (2, 2, day(200))
        assert (second.by_id["soft"].since_generation, second.by_id["soft"].live_since_ms) == (1, 0)
        third = await load(store, rules(a_rule(11)), 300)
        assert (third.generation, third.meaning_generation, third.meaning_since_ms) == (3, 2, day(200))
        assert third.by_id["soft"].since_generation == 3

    law(work, pair)


def test_a_rule_that_was_removed_and_comes_back_counts_as_new(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await load(store, rules(a_rule(), rule("hard")), 100)
        await load(store, rules(rule("hard")), 200)
        back = await load(store, rules(a_rule(), rule("hard")), 300)
        assert back.generation == 3
        assert back.by_id["soft"].live_since_ms == day(300)

    law(work, pair)


def test_workers_with_the_same_rules_are_in_the_same_generation(pair: Pair) -> None:
    async def work(store: Store) -> None:
        loaded = await asyncio.gather(
            *(load(store, rules(a_rule()), 100 + at, allow_rollback=False) for at in range(8))
        )
        assert {ruleset.generation for ruleset in loaded} == {1}
        assert await newest_generation(store) == 1

    law(work, pair)


def test_of_workers_that_load_different_rules_at_once_each_set_gets_its_own_number(pair: Pair) -> None:
    async def work(store: Store) -> None:
        loaded = await asyncio.gather(*(load(store, rules(a_rule(10 + at)), 100) for at in range(8)))
        assert sorted(ruleset.generation for ruleset in loaded) == list(range(1, 9))

    law(work, pair)


def test_a_worker_that_starts_with_older_rules_is_refused_with_what_to_do(pair: Pair) -> None:
    async def work(store: Store) -> None:
        old, new = rules(a_rule(10)), rules(a_rule(11))
        await load(store, old, 100)
        await load(store, new, 200)
        with pytest.raises(OlderRules, match="linger rules promote"):
            await load(store, old, 300, allow_rollback=False)
        assert (await load(store, old, 300, allow_rollback=True)).generation == 3

    law(work, pair)


def test_looking_changes_nothing(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await load(store, rules(a_rule()), 100)
        assert (await as_active(store, rules(a_rule()))).generation == 1
        assert (await as_active(store, rules(a_rule(11)))).generation == 0
        assert await newest_generation(store) == 1

    law(work, pair)


def test_no_more_places_are_given_than_the_pace_has_to_any_partition(pair: Pair) -> None:
    async def work(store: Store) -> None:
        paced = rules(a_rule(pace="at most 100 per hour")).rules[0].pace
        assert paced is not None
        rate_limiter = RateLimiter(store)
        granted = await asyncio.gather(*(rate_limiter.acquire("soft", paced, 7, day(1)) for _ in range(30)))
        assert sum(granted) <= 100
        assert await rate_limiter.acquire("soft", paced, 200, day(1) + 3_600_000) == 100

    law(work, pair)


def test_a_pace_is_used_up_to_the_last_place(pair: Pair) -> None:
    async def work(store: Store) -> None:
        paced = rules(a_rule(pace="at most 100 per hour")).rules[0].pace
        assert paced is not None
        rate_limiter = RateLimiter(store)
        granted = [await rate_limiter.acquire("soft", paced, 7, day(1)) for _ in range(30)]
        assert sum(granted) == 100

    law(work, pair)


def test_every_customer_is_found_by_a_scan(pair: Pair) -> None:
    async def work(store: Store) -> None:
        names = {f"customer {number}" for number in range(700)}
        await store.redis.call(
            [("MSET", *(part for name in names for part in (store.keys.partition(3).customer(name), b"x")))]
        )
        scanned: set[str] = set()
        cursor: int | None = None
        while cursor != 0:
            cursor, by_tag = await store.scan(cursor or 0, 50)
            for customers in by_tag.values():
                scanned |= set(customers)
        assert scanned == names

    law(work, pair)
