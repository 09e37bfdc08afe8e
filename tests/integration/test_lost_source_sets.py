"""Laws of workers that know more of generations of sources than Redis, which has lost what it knew of them."""

import asyncio
import random
import signal
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.sources import SourcesFile
from tests.integration.test_lost_rule_sets import lose_everything
from tests.integration.test_reload import logged
from tests.integration.test_reload_sources import RULES, braced, orders, reload, written
from tests.integration.test_source_generations import NAME, SHOPS, file, law, load, one
from tests.support.builders import day
from tests.support.site import site
from workers.core.source_changes import content_hash
from workers.core.source_set import PatternTopic, SourceSet
from workers.demo.embedded import Pair
from workers.state.source_sets.activation import OlderSources
from workers.state.source_sets.restoring import restore_sources
from workers.state.source_sets.stored import HASH, as_stored, newest_sources, stored_sources
from workers.state.source_sets.topics import agree_on_topics
from workers.state.store import Store

pytestmark = [pytest.mark.integration, pytest.mark.rest]


def test_a_restarted_worker_has_the_generation_of_a_survivor_beside_which_redis_was_flushed(
    pair: Pair, tmp_path: Path
) -> None:
    async def scenario() -> None:
        sources = braced(orders("orders"))
        async with site(pair, tmp_path, RULES, workers=2, sources=sources, LINGER_RULES_POLL_MS="60000") as place:
            await place.until(partial(logged, place, "worker_ready", 2), "both workers to start")
            (tmp_path / "sources.yaml").write_text(written(place, orders("orders", customer="who")))
            assert [(await reload(place, worker))[0] for worker in range(2)] == [200, 200]
            before = await stored_sources(place.store)
            place.processes[0].kill()
            await lose_everything(place)
            place.start_worker()
            await place.until(partial(logged, place, "worker_ready", 3), "the restarted worker")
            assert await stored_sources(place.store) == before
            assert before["generation"] == "2"

    asyncio.run(scenario())


def test_a_survivor_holds_its_older_sources_back_when_a_newer_file_has_begun_at_1(pair: Pair, tmp_path: Path) -> None:
    async def scenario() -> None:
        sources = braced(orders("orders"))
        async with site(pair, tmp_path, RULES, workers=2, sources=sources, LINGER_RULES_POLL_MS="60000") as place:
            await place.until(partial(logged, place, "worker_ready", 2), "both workers to start")
            (tmp_path / "sources.yaml").write_text(written(place, orders("orders", customer="who")))
            assert [(await reload(place, worker))[0] for worker in range(2)] == [200, 200]
            place.processes[0].kill()
            place.processes[1].send_signal(signal.SIGSTOP)
            await lose_everything(place)
            (tmp_path / "sources.yaml").write_text(written(place, orders("orders", customer="buyer")))
            place.start_worker()
            await place.until(partial(logged, place, "sources_loaded", 5), "the restarted worker to begin again")
            assert await newest_sources(place.store) == 1
            place.processes[1].send_signal(signal.SIGCONT)
            await place.until(partial(logged, place, "sources_outdated", 1), "a worker to see that its file is older")
            await place.until(partial(logged, place, "worker_ready", 3), "the restarted worker to be ready")
            assert await newest_sources(place.store) == 3
            assert (await reload(place, 1))[0] == 200
            await place.now(30)
            await place.decided_until(30)

    asyncio.run(scenario())


OLD, NEW = file(one("app")), file(one("app", "user"))
OTHER = file(one("app", "user"), one("site"))
WITH_SHOPS = file(one("app"), one(**SHOPS))


class Worker(NamedTuple):
    """What a worker reads by, and what Redis said of it then."""

    sources: SourceSet
    stored: dict[str, str]


async def starts(store: Store, sources: SourcesFile, at_day: float, *topics: str) -> Worker:
    activation = await load(store, sources, at_day, *topics, allow_rollback=False)
    return Worker(activation.sources, dict(activation.stored))


async def looks(store: Store, worker: Worker, at_day: float) -> Worker:
    """Let a worker compare with Redis, as it does every second; return by what it reads then."""
    stored = await restore_sources(store, worker.stored, day(at_day))
    if stored.get(HASH) != content_hash(worker.sources.written):
        return worker
    return Worker(as_stored(worker.sources.written, stored), stored)


async def flush(store: Store) -> None:
    await store.redis.call([("DEL", store.keys.source_sets)])


def test_what_a_survivor_gives_back_is_what_was_lost(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await starts(store, OLD, 100)
        survivor = await starts(store, NEW, 200)
        before = await stored_sources(store)
        await flush(store)
        assert await looks(store, survivor, 300) == survivor
        assert await stored_sources(store) == before

    law(work, pair)


def test_a_worker_that_begins_anew_gets_the_number_of_the_survivor_and_since_when_types_are_watched(
    pair: Pair,
) -> None:
    async def work(store: Store) -> None:
        await starts(store, OLD, 100)
        survivor = await starts(store, NEW, 200)
        await flush(store)
        restarted = await starts(store, NEW, 300)
        assert (restarted.sources.generation, restarted.sources.began) == (1, {})
        survivor, restarted = await looks(store, survivor, 301), await looks(store, restarted, 302)
        assert survivor == restarted
        assert (restarted.sources.generation, restarted.sources.began) == (2, {"login": day(200)})

    law(work, pair)


def test_a_source_that_came_later_counts_from_its_first_record_after_a_loss_too(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await starts(store, NEW, 100)
        survivor = await starts(store, OTHER, 200)
        await flush(store)
        restarted = await starts(store, OTHER, 300)
        assert restarted.sources.later.sources == []
        await looks(store, survivor, 301)
        restarted = await looks(store, restarted, 302)
        assert [source.topic for source in restarted.sources.later.sources] == ["site"]

    law(work, pair)


def test_another_file_since_the_loss_gets_the_next_number_and_differs_from_that_of_the_survivor(pair: Pair) -> None:
    async def work(store: Store) -> None:
        survivor = await starts(store, OLD, 100)
        await flush(store)
        newer = await starts(store, OTHER, 300)
        assert newer.sources.generation == survivor.sources.generation
        assert await looks(store, survivor, 301) == survivor
        newer = await looks(store, newer, 302)
        assert (newer.sources.generation, newer.sources.began) == (2, {"login": day(301)})
        assert [source.topic for source in newer.sources.later.sources] == ["site"]
        with pytest.raises(OlderSources, match="it was generation 1, the newest is 2"):
            await starts(store, OLD, 303)

    law(work, pair)


def test_a_file_that_was_replaced_before_the_loss_does_not_come_back_by_it(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await starts(store, OLD, 100)
        survivor = await starts(store, NEW, 200)
        await flush(store)
        await starts(store, OLD, 300)
        assert await looks(store, survivor, 301) == survivor
        with pytest.raises(OlderSources):
            await starts(store, OLD, 302)

    law(work, pair)


def test_a_failover_that_loses_the_last_activation_loses_neither_its_number_nor_its_moment(pair: Pair) -> None:
    async def work(store: Store) -> None:
        first = await starts(store, OLD, 100)
        survivor = await starts(store, NEW, 200)
        await store.redis.rewrite(store.keys.source_sets, lambda _: first.stored)
        assert await looks(store, survivor, 301) == survivor
        assert (await stored_sources(store))["type:login"] == str(day(200))

    law(work, pair)


def test_the_topics_of_a_pattern_keep_what_of_them_is_history(pair: Pair) -> None:
    async def work(store: Store) -> None:
        await starts(store, OLD, 99)
        worker = await starts(store, WITH_SHOPS, 100, "shop.de")
        await agree_on_topics(store, worker.sources, {"shop.nl": NAME}, (), day(150))
        survivor = await looks(store, worker, 151)
        await flush(store)
        restarted = await starts(store, WITH_SHOPS, 300, "shop.de", "shop.nl", "shop.fr")
        assert restarted.sources.topics["shop.nl"].joined_ms == 0
        survivor, restarted = await looks(store, survivor, 301), await looks(store, restarted, 302)
        joined = PatternTopic(NAME, day(150), counts=False)
        alone = PatternTopic(NAME)
        assert restarted.sources.topics == {"shop.de": alone, "shop.nl": joined, "shop.fr": alone}

    law(work, pair)


def test_the_topics_of_a_pattern_stay_history_under_a_newer_file_with_the_same_pattern(pair: Pair) -> None:
    async def work(store: Store) -> None:
        worker = await starts(store, WITH_SHOPS, 100, "shop.de")
        await agree_on_topics(store, worker.sources, {"shop.nl": NAME}, (), day(150))
        survivor = await looks(store, worker, 151)
        await flush(store)
        newer = await starts(store, file(one(**SHOPS)), 300, "shop.de", "shop.nl", "app")
        await looks(store, survivor, 301)
        newer = await looks(store, newer, 302)
        assert newer.sources.generation == 2
        assert newer.sources.topics["shop.nl"] == PatternTopic(NAME, day(150), counts=False)

    law(work, pair)


def test_whoever_looks_first_workers_with_the_newest_file_agree_and_all_others_have_lower_numbers(pair: Pair) -> None:
    async def work(store: Store) -> None:
        for seed in range(60):
            chance = random.Random(seed)
            await flush(store)
            workers = [await starts(store, sources, 100 + at) for at, sources in enumerate((OLD, OLD, NEW, NEW))]
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
                        except OlderSources:
                            continue
                    case _:
                        workers[place] = await looks(store, workers[place], at_day)
            for place in [*range(len(workers))] * 3:
                workers[place] = await looks(store, workers[place], at_day + 1)
            stored = await stored_sources(store)
            newest = int(stored["generation"])
            assert stored[f"set:{stored['hash']}"] == str(newest), seed
            for worker in workers:
                is_newest = content_hash(worker.sources.written) == stored["hash"]
                assert worker.stored == stored if is_newest else worker.sources.generation < newest, seed

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
            assert started.sources.generation == await newest_sources(store) == 3

    law(work, pair)
