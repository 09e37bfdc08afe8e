"""Laws of `forget after`, over real Kafka and Redis: who gave no sign of life for long enough leaves Redis."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.test_rebuild import rebuild, state, stop_workers
from tests.integration.test_worker import GONE, QUIET, canonical
from tests.support.builders import day
from tests.support.site import SOURCES, Site, site
from workers.demo.embedded import Pair
from workers.kafka.records import TopicPartition
from workers.state.meta import FORGOTTEN

pytestmark = pytest.mark.integration

SIXTY_DAYS: Final = f"forget after: 60 days\n{SOURCES}"
MAY = 121
"""A start of a month, as a day."""
MANY: Final = 6_000


def play(pair: Pair, folder: Path, scenario: Callable[[Site], Awaitable[None]], **options: Any) -> None:
    async def on_a_site() -> None:
        async with site(pair, folder, QUIET + GONE, sources=SIXTY_DAYS, **options) as place:
            await scenario(place)

    asyncio.run(on_a_site())


async def forgotten_upto(place: Site) -> set[int]:
    """Up to which moments customers have been forgotten, over all partitions."""
    metas = await place.store.metas(range(place.settings.partitions))
    return {int((fields.get(FORGOTTEN) or "0").split()[0]) for fields in metas.values()}


async def swept(place: Site, at_day: float) -> None:
    async def is_swept() -> bool:
        return await forgotten_upto(place) == {day(at_day)}

    await place.until(is_swept, f"all partitions to be swept up to day {at_day}")


async def keys_that_name(place: Site, customer: str) -> list[bytes]:
    """All keys of the site that hold a customer's id, in their names or in what is stored."""
    keys = await place.store.redis.call([("KEYS", f"{place.settings.redis_namespace}:*")])
    dumps = await place.store.redis.call([("DUMP", key) for key in keys[0]])
    raw = customer.encode()
    return [key for key, dump in zip(keys[0], dumps, strict=True) if raw in key or raw in (dump or b"")]


def test_after_the_moment_nothing_of_a_customer_is_in_redis_and_who_returns_is_a_stranger(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await place.order("zebedee", 1)
        await place.login("zebedee", 41)  # forgotten on day 121
        await place.login("florence", 80)
        await place.now(MAY - 0.01)
        await place.decided_until(MAY - 0.01)
        assert await keys_that_name(place, "zebedee")
        # To move on, Kafka must know of something later of each source.
        await place.now(MAY + 1)
        await place.decided_until(MAY + 1)
        await swept(place, MAY)
        assert not await keys_that_name(place, "zebedee")
        assert await keys_that_name(place, "florence")
        assert (await place.counters())["forgotten"] == 1
        await place.login("zebedee", MAY + 2)
        await place.now(MAY + 3)
        await place.decided_until(MAY + 3)
        assert (await place.counters())["customers"] == 2
        # The log still has what they did before: a rebuild forgets at the same moments.
        before = await state(place)
        await stop_workers(place)
        await rebuild(place)
        place.start_worker()
        await place.decided_until(MAY + 3)
        await swept(place, MAY)
        assert await state(place) == before

    play(apache_pair, tmp_path, scenario)


def test_while_a_source_is_silent_no_one_is_forgotten(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await place.order("zebedee", 1)
        await place.login("florence", 30)
        await place.now(150)

        async def orders_are_seen() -> bool:
            return bool(re.search(r"source_silent|silent", place.log()))

        await place.until(orders_are_seen, "the silence of log-ins to be noticed")
        assert await forgotten_upto(place) <= {0, day(31), day(60)}
        assert await keys_that_name(place, "zebedee")
        await place.login("florence", 149.9)
        await place.now(151)
        await place.decided_until(151)
        await swept(place, MAY)
        assert not await keys_that_name(place, "zebedee")

    play(pair, tmp_path, scenario, logins_silence="20 days")


def test_the_successor_of_a_killed_worker_finishes_the_sweep(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        topic = f"{place.prefix}events"
        sent = []
        for number in range(MANY):
            body = canonical("login", f"zoe-{number}", "2024-01-02T00:00:00Z", f"e{number}")
            value = json.dumps(body).encode()
            sent.append(await place.producer.send(topic, value=value, key=b"zoe-%d" % number, timestamp_ms=day(1)))
        for placed in await asyncio.gather(*sent):
            at = TopicPartition(placed.topic, placed.partition)
            place.ends[at] = max(place.ends.get(at, 0), placed.offset + 1)
        await place.now(2)
        await place.decided_until(2)
        assert (await place.counters())["customers"] == MANY
        (worker,) = place.processes
        await place.now(MAY)

        async def has_begun() -> bool:
            return (await place.counters()).get("forgotten", 0) > 0

        await place.until(has_begun, "the sweep to begin")
        worker.kill()
        await asyncio.to_thread(worker.wait, 30)
        assert 0 < (await place.counters())["forgotten"] < MANY
        place.start_worker()
        await swept(place, MAY)
        counters = await place.counters()
        assert (counters["forgotten"], counters["customers"]) == (MANY, 0)
        assert not await keys_that_name(place, "zoe-17")

    play(pair, tmp_path, scenario)
