"""Laws of workers that know the rules better than Redis, which has lost what it knew of them."""

import asyncio
import random
import signal
from functools import partial
from pathlib import Path

import pytest

from tests.integration.test_generations import a_rule, law
from tests.integration.test_reload import file_of, logged, until_generation, written
from tests.support.builders import day, rule, rules
from tests.support.site import Site, site
from workers.core.rules.rule_set import RuleSet
from workers.demo.embedded import Pair
from workers.runtime.survivors import wait_for_survivors
from workers.state.rule_sets.activation import (
    Activation,
    OlderRules,
    activate,
    is_active,
    newest_generation,
    reactivate,
    stored_rules,
)
from workers.state.rule_sets.contents import read_contents
from workers.state.rule_sets.restoring import restore
from workers.state.store import Store

pytestmark = [pytest.mark.integration, pytest.mark.rest]

FIRST = file_of(written("soft", 10))
SECOND = file_of(written("soft", 10), written("hard", 15))
NAMES = [f"c{number}" for number in range(12)]


async def begin(place: Site, folder: Path) -> None:
    """Let both workers decide by the second set of rules, in which one rule is new and skips ada."""
    await place.until(partial(logged, place, "worker_ready", 2), "both workers to start")
    await place.order("ada", 1)
    await place.now(18)
    await place.decided_until(18)
    (folder / "rules.yaml").write_text(SECOND)
    await until_generation(place, 2)
    await place.until(partial(logged, place, "rules_loaded", 4), "both workers to have the second rules")


async def lose_everything(place: Site) -> None:
    await place.store.redis.call([("FLUSHALL",)])
    await place.now(20)


async def acts_by(place: Site) -> dict[str, set[str]]:
    """Return by rule for whom it acts."""
    customers: dict[str, set[str]] = {}
    for action in await place.actions("at-risk"):
        customers.setdefault(action["rule"]["id"], set()).add(action["customer_id"])
    return customers


async def acts_when_alone(place: Site, survivor: int) -> dict[str, set[str]]:
    """Let both decide, kill the survivor, and return for whom each rule acts once the other has decided all."""
    for name in NAMES:
        await place.order(name, 21)
    await place.now(30)
    await place.decided_until(30)
    place.processes[survivor].kill()
    await place.now(40)
    await place.decided_until(40)
    return await acts_by(place)


def test_a_restarted_worker_waits_until_a_survivor_has_given_its_rules_back_to_a_flushed_redis(
    pair: Pair, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with site(pair, tmp_path, FIRST, workers=2, LINGER_RULES_POLL_MS="100") as place:
            await begin(place, tmp_path)
            place.processes[0].kill()
            place.processes[1].send_signal(signal.SIGSTOP)
            await lose_everything(place)
            waits = asyncio.create_task(wait_for_survivors(place.store, place.settings))
            assert not (await asyncio.wait({waits}, timeout=1))[0]
            place.processes[1].send_signal(signal.SIGCONT)
            await waits
            assert await newest_generation(place.store) == 2
            place.start_worker()
            assert await acts_when_alone(place, 1) == {"soft": {"ada", *NAMES}, "hard": {*NAMES}}
            assert await newest_generation(place.store) == 2

    asyncio.run(scenario())


def test_a_worker_that_has_waited_in_vain_begins_anew_and_later_takes_over_the_number_of_the_survivor(
    pair: Pair, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with site(pair, tmp_path, FIRST, workers=2, LINGER_RULES_POLL_MS="100") as place:
            await begin(place, tmp_path)
            place.processes[0].kill()
            place.processes[1].send_signal(signal.SIGSTOP)
            await lose_everything(place)
            place.start_worker()
            await place.until(partial(logged, place, "rules_loaded", 5), "the restarted worker to begin again")
            assert await newest_generation(place.store) == 1
            place.processes[1].send_signal(signal.SIGCONT)
            await place.until(partial(logged, place, "rules_loaded", 7), "both to agree")
            # By then, ada may have been decided by a rule that counted for all of history.
            acts = await acts_when_alone(place, 1)
            assert (acts["soft"], acts["hard"] - {"ada"}) == ({"ada", *NAMES}, {*NAMES})
            assert await newest_generation(place.store) == 2

    asyncio.run(scenario())


OLD, NEW = rules(a_rule()), rules(a_rule(), rule("hard"))
OTHER = rules(a_rule(), rule("hard"), rule("third"))


async def starts(store: Store, ruleset: RuleSet, at_day: float) -> Activation:
    return await activate(store, ruleset, day(at_day), allow_rollback=False)


async def looks(store: Store, worker: Activation, at_day: float) -> Activation:
    """Let a worker compare with Redis, as it does at every poll; return by what it decides then."""
    stored = await restore(store, worker.rules, worker.stored, day(at_day))
    if stored == worker.stored or not is_active(worker.rules, stored):
        return worker
    return await reactivate(store, worker.rules, stored)


async def flush(store: Store) -> None:
    await store.redis.call([("DEL", store.keys.rules, store.keys.rule_contents)])


def counts_since(worker: Activation) -> dict[str, int]:
    return {one.id: one.live_since_ms for one in worker.rules.rules}


def test_what_a_survivor_gives_back_is_what_was_lost(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await starts(store, OLD, 100)
        survivor = await starts(store, NEW, 200)
        before, contents = await stored_rules(store), await read_contents(store)
        await flush(store)
        assert await looks(store, survivor, 300) == survivor
        assert (await stored_rules(store), await read_contents(store)) == (before, contents)

    law(work, pair)


def test_a_worker_that_begins_anew_gets_the_number_and_the_moments_of_the_survivor(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await starts(store, OLD, 100)
        survivor = await starts(store, NEW, 200)
        await flush(store)
        restarted = await starts(store, NEW, 300)
        assert (restarted.rules.generation, counts_since(restarted)) == (1, {"soft": 0, "hard": 0})
        survivor, restarted = await looks(store, survivor, 301), await looks(store, restarted, 302)
        assert survivor.stored == restarted.stored
        assert (restarted.rules.generation, counts_since(restarted)) == (2, {"soft": 0, "hard": day(200)})

    law(work, pair)


def test_no_rule_is_new_for_customers_whom_a_worker_that_began_anew_has_decided_by_it(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await starts(store, OLD, 100)
        survivor = await starts(store, NEW, 200)
        await flush(store)
        restarted = await starts(store, NEW, 300)
        survivor = await looks(store, survivor, 301)
        assert {one.since_generation for one in survivor.rules.rules} == {restarted.rules.generation}

    law(work, pair)


def test_other_rules_that_were_activated_since_the_loss_get_the_number_after_those_of_the_survivor(
    pair: Pair,
) -> None:
    async def work(store: Store) -> None:
        await starts(store, OLD, 100)
        survivor = await starts(store, NEW, 200)
        await flush(store)
        newer = await starts(store, OTHER, 300)
        assert await looks(store, survivor, 301) == survivor
        newer = await looks(store, newer, 302)
        assert (newer.rules.generation, counts_since(newer)) == (
            3,
            {"soft": 0, "hard": day(200), "third": day(301)},
        )
        assert newer.rules.by_id["third"].since_generation == 3
        with pytest.raises(OlderRules, match="they were rule set 2, the newest is 3"):
            await starts(store, NEW, 303)

    law(work, pair)


def test_the_same_number_of_other_rules_is_no_number_of_the_survivors(pair: Pair) -> None:
    async def work(store: Store) -> None:
        survivor = await starts(store, NEW, 100)
        await flush(store)
        newer = await starts(store, OTHER, 300)
        assert newer.rules.generation == survivor.rules.generation
        assert await looks(store, survivor, 301) == survivor
        assert (await looks(store, newer, 302)).rules.generation == 2

    law(work, pair)


def test_rules_that_were_replaced_before_the_loss_do_not_come_back_by_it(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await starts(store, OLD, 100)
        survivor = await starts(store, NEW, 200)
        await flush(store)
        await starts(store, OLD, 300)
        assert await looks(store, survivor, 301) == survivor
        with pytest.raises(OlderRules):
            await starts(store, OLD, 302)

    law(work, pair)


def test_a_failover_that_loses_the_last_activation_loses_neither_its_number_nor_its_moment(pair: Pair) -> None:
    async def work(store: Store) -> None:
        first = await starts(store, OLD, 100)
        survivor = await starts(store, NEW, 200)
        await store.redis.rewrite(store.keys.rules, lambda _: first.stored)
        assert await looks(store, survivor, 301) == survivor
        assert survivor.rules.by_id["hard"].since_generation == 2

    law(work, pair)


def test_another_activation_after_such_a_failover_comes_after_the_lost_one(pair: Pair) -> None:
    async def work(store: Store) -> None:
        first = await starts(store, OLD, 100)
        survivor = await starts(store, NEW, 200)
        await store.redis.rewrite(store.keys.rules, lambda _: first.stored)
        newer = await starts(store, OTHER, 300)
        assert newer.rules.generation == survivor.rules.generation
        assert await looks(store, survivor, 301) == survivor
        newer = await looks(store, newer, 302)
        assert (newer.rules.generation, newer.rules.by_id["third"].live_since_ms) == (3, day(300))

    law(work, pair)


def test_a_meaning_that_began_before_the_loss_does_not_begin_anew_for_what_is_decided_since(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await starts(store, OLD, 100)
        gone = ("HDEL", store.keys.rules, "meaning", f"set:{OLD.hash}")
        await store.redis.call([gone, ("HSET", store.keys.rules, "hash", "older")])
        survivor = await starts(store, OLD, 200)
        assert survivor.rules.meaning_generation == 2
        await flush(store)
        restarted = await starts(store, OLD, 300)
        survivor, restarted = await looks(store, survivor, 301), await looks(store, restarted, 302)
        assert survivor.stored == restarted.stored
        assert (restarted.rules.generation, restarted.rules.meaning_generation) == (2, 0)

    law(work, pair)


def test_whoever_looks_first_workers_with_the_newest_set_agree_and_all_others_have_lower_numbers(pair: Pair) -> None:
    async def work(store: Store) -> None:
        for seed in range(60):
            chance = random.Random(seed)
            await flush(store)
            workers = [await starts(store, ruleset, 100 + at) for at, ruleset in enumerate((OLD, OLD, NEW, NEW))]
            at_day = 200
            for _ in range(12):
                at_day += 1
                place = chance.randrange(len(workers))
                match chance.randrange(5):
                    case 0:
                        await flush(store)
                    case 1:
                        try:
                            workers[place] = await starts(store, chance.choice((OLD, NEW, OTHER)), at_day)
                        except OlderRules:
                            continue
                    case _:
                        workers[place] = await looks(store, workers[place], at_day)
            for place in [*range(len(workers))] * 3:
                workers[place] = await looks(store, workers[place], at_day + 1)
            stored = await stored_rules(store)
            newest = int(stored["generation"])
            assert stored[f"set:{stored['hash']}"] == str(newest), seed
            for worker in workers:
                is_newest = is_active(worker.rules, stored)
                assert worker.stored == stored if is_newest else worker.rules.generation < newest, seed

    law(work, pair)


def test_survivors_that_look_at_the_same_moment_raise_nothing_twice(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await starts(store, OLD, 100)
        survivors = [await starts(store, NEW, 200) for _ in range(6)]
        for _ in range(2):
            await flush(store)
            started, *agreed = await asyncio.gather(
                starts(store, OTHER, 300), *(looks(store, survivor, 301) for survivor in survivors)
            )
            assert agreed == survivors
            started = await looks(store, started, 302)
            assert started.rules.generation == await newest_generation(store) == 3

    law(work, pair)
