"""Laws of experiments that Redis has lost, over real Kafka, Redis and workers: what goes on and what begins."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from msgspec import structs

from schemas.book import BOOK
from schemas.experiments import ExperimentEntry, encode_experiment
from schemas.orders import ERASE
from tests.integration.test_erasure import is_carried_out, is_stored, order
from tests.integration.test_harm import RULES, shown
from tests.integration.test_rebuild import forget_everything, log_of, rebuild, stop_workers
from tests.support.builders import day
from tests.support.site import Site, site
from workers.book.topic import BookTopic
from workers.demo.embedded import Pair
from workers.kafka.topics import connected_admin
from workers.state.rule_sets.experiments import figures_in, read_entries

pytestmark = [pytest.mark.integration, pytest.mark.rest]
CUSTOMERS = 60


def play(pair: Pair, folder: Path, scenario: Callable[[Site], Awaitable[None]]) -> None:
    async def on_a_site() -> None:
        async with site(pair, folder, RULES) as place:
            await scenario(place)

    asyncio.run(on_a_site())


async def begun(place: Site) -> tuple[str, ExperimentEntry]:
    """Let customers enter an experiment whose arms do not fit, and wait until the topic of the book has it."""
    for number in range(CUSTOMERS):
        await place.order(f"c{number}", 1)
    for number in range(0, CUSTOMERS, 3):
        await place.login(f"c{number}", 2)
    await place.now(10)
    await place.decided_until(10)
    ((key, entry),) = (await read_entries(place.store)).items()
    unhealthy = structs.replace(entry, unhealthy_since=day(9))
    await place.store.set_fields(place.store.keys.experiments, {key: encode_experiment(unhealthy).decode()})
    topic = BookTopic(place.settings.kafka_connection(), place.settings.topic(BOOK))

    async def is_copied() -> bool:
        copy = (await topic.experiments()).get(key)
        return copy is not None and copy.unhealthy_since == day(9)

    await place.until(is_copied, "the experiment to be copied")
    return key, unhealthy


async def figures(place: Site) -> dict[str, int]:
    """Return the figures of all partitions and days together."""
    summed: dict[str, int] = {}
    for number in range(place.settings.partitions):
        for name, value in (await figures_in(place.store, number)).items():
            key, arm, *_, what = name.split("|")
            summed[f"{key}|{arm}|{what}"] = summed.get(f"{key}|{arm}|{what}", 0) + value
    return summed


async def arms(place: Site) -> list[Any]:
    (one,) = await shown(place, "experiments")
    return [(arm["arm"], arm["assigned"], arm["finished"]) for arm in one["arms"]]


@pytest.mark.parametrize("by_rebuild", [True, False], ids=["rebuild", "workers alone"])
def test_an_experiment_goes_on_when_redis_is_lost_with_its_key_and_what_was_latched(
    apache_pair: Pair, tmp_path: Path, by_rebuild: bool
) -> None:
    async def scenario(place: Site) -> None:
        key, entry = await begun(place)
        before, arms_before = await figures(place), await arms(place)
        assert sum(number for name, number in before.items() if name.endswith("|n")) == CUSTOMERS
        await stop_workers(place)
        await forget_everything(place, 10)
        if by_rebuild:
            await rebuild(place)
            assert await figures(place) == before
        place.start_worker()
        await place.decided_until(10)

        kept = await read_entries(place.store)
        assert list(kept) == [key]
        plan = structs.replace(kept[key], plan=entry.plan, base_rate=entry.base_rate)
        assert plan == entry
        assert await figures(place) == before

        async def are_all_finished() -> bool:
            return await arms(place) == arms_before

        await place.until(are_all_finished, f"the figures to be {arms_before}")
        (one,) = await shown(place, "experiments")
        assert (one["key"], one["state"]) == (key, "unhealthy")

    play(apache_pair, tmp_path, scenario)


@pytest.mark.parametrize("is_lost", [True, False], ids=["redis lost", "redis there"])
def test_if_the_log_has_lost_its_beginning_another_experiment_begins_and_no_one_is_in_one_twice(
    apache_pair: Pair, tmp_path: Path, is_lost: bool
) -> None:
    async def scenario(place: Site) -> None:
        key, _ = await begun(place)
        await stop_workers(place)
        cut = {
            TopicPartition(place.settings.topic("activity"), number): RecordsToDelete(before_offset=-1)
            for number in range(4)
            if (await log_of(place, number)).end
        }
        async with connected_admin(place.settings.kafka_connection()) as admin:
            await admin.delete_records(cut)
        if is_lost:
            await forget_everything(place, 10)
        else:
            await rebuild(place, "--all", "--yes-the-log-is-cut")
        place.start_worker()
        await place.decided_until(10)

        kept = await read_entries(place.store)
        (new,) = [name for name in kept if name != key]
        assert kept[key].closed_at is not None
        assert (kept[key].lost_at is not None) == is_lost
        assert (kept[new].name, kept[new].begun_at, kept[new].closed_at) == ("bought", day(10), None)
        now, over = await shown(place, "experiments", "--ended")
        assert (now["key"], now["state"], over["key"]) == (new, "no data", key)
        assert sum(arm["assigned"] for arm in over["arms"]) == (0 if is_lost else CUSTOMERS)
        # Who was in the first one enters the second one: both know them once.
        await place.order("c0", 11)
        await place.now(12)
        await place.decided_until(12)
        after = await figures(place)
        assert sum(number for name, number in after.items() if name.startswith(f"{new}|")) == 1

    play(apache_pair, tmp_path, scenario)


def test_a_rebuild_counts_nothing_again_and_an_erased_customer_stays_in_the_figures(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        key, _ = await begun(place)
        before, arms_before = await figures(place), await arms(place)
        await order(place, ERASE, "c0", 10)
        await place.now(10)
        await is_carried_out(place, "erase")
        assert not await is_stored(place, "c0")
        assert await figures(place) == before

        await stop_workers(place)
        report = await rebuild(place, "--all")
        assert report["records"] > CUSTOMERS
        assert await figures(place) == before
        place.start_worker()
        await place.now(11)
        await place.decided_until(11)
        assert await figures(place) == before
        assert await arms(place) == arms_before
        # One whom the rebuild has found again is in it: a further event of theirs adds nothing.
        await place.order("c1", 11.5)
        await place.now(12)
        await place.decided_until(12)
        assert await figures(place) == before
        assert list(await read_entries(place.store)) == [key]

    play(apache_pair, tmp_path, scenario)
