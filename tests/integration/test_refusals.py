"""Laws of what Linger refuses, over real Kafka and Redis: each refusal names the command that fixes it."""

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import NewPartitions, RecordsToDelete

from tests.integration.test_rebuild import log_of, rebuild, stop_workers
from tests.integration.test_worker import QUIET
from tests.support.builders import day
from tests.support.site import Site, site
from workers.demo.embedded import Pair
from workers.kafka.partitioner import partition_of
from workers.kafka.records import TopicPartition
from workers.kafka.topics import TopicPlan, connected_admin, create_missing, describe

pytestmark = pytest.mark.integration

Scenario = Callable[[Site], Awaitable[None]]


def play(pair: Pair, folder: Path, scenario: Scenario, **options: Any) -> None:
    async def on_a_site() -> None:
        async with site(pair, folder, QUIET, **options) as place:
            await scenario(place)

    asyncio.run(on_a_site())


async def refused(place: Site, status: int = 2) -> str:
    """Start a worker, wait for its end, and return its output."""
    worker = place.start_worker()
    place.processes.remove(worker)
    assert await asyncio.to_thread(worker.wait, 60) == status, place.log()[-2000:]
    return place.log()


async def ended(place: Site) -> str:
    """Wait until the running worker ends, and return its output."""
    worker = place.processes.pop()
    assert await asyncio.to_thread(worker.wait, 60) == 1
    return place.log()


async def recreate(place: Site, topic: str, partitions: int) -> None:
    async with connected_admin(place.settings.kafka_connection()) as admin:
        await admin.delete_topics([topic])

        async def is_gone() -> bool:
            return topic not in await describe(admin, [topic])

        running, place.processes = place.processes, []
        await place.until(is_gone, "the topic to be gone")
        place.processes = running
        await create_missing(admin, [TopicPlan(topic, partitions, 1, {"retention.ms": "-1"})])
    await place.producer.client.force_metadata_update()


async def grow(place: Site, topic: str, partitions: int) -> None:
    async with connected_admin(place.settings.kafka_connection()) as admin:
        await admin.create_partitions({topic: NewPartitions(partitions)})
    await place.producer.client.force_metadata_update()


async def cut(place: Site, topic: str, partition: int, offset: int) -> None:
    async with connected_admin(place.settings.kafka_connection()) as admin:
        await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=offset)})


async def command(place: Site, *words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "workers",
        *words,
        env=place.process_environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, output.decode()


async def customers(place: Site) -> int:
    return (await place.counters()).get("customers", 0)


@pytest.mark.rest
def test_a_recreated_source_is_refused_until_it_is_forgotten_and_then_nothing_of_it_is_lost(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        orders = f"{place.prefix}orders"
        for number in range(4):
            await place.order(f"old{number}", 1)
        await place.now(2)
        await place.decided_until(2)
        assert (await command(place, "sources", "forget", orders))[0] == 2, "a worker is alive"
        await recreate(place, orders, 2)
        assert f"linger sources forget {orders}" in await ended(place)
        # It grows beyond what was read of the old one: by offsets alone it would not be noticed.
        place.ends = {partition: end for partition, end in place.ends.items() if partition.topic != orders}
        for number in range(30):
            await place.order(f"new{number}", 3)
        assert f"source '{orders}' was deleted and created again" in await refused(place)
        status, output = await command(place, "sources", "forget", orders)
        assert status == 0, output
        place.start_worker()
        await place.now(4)
        await place.decided_until(4)
        assert await customers(place) == 34

    play(apache_pair, tmp_path, scenario)


@pytest.mark.rest
def test_another_number_of_activity_partitions_is_refused_with_any_setting(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await place.order("ada", 1)
        await place.now(2)
        await place.decided_until(2)
        await grow(place, place.settings.topic("activity"), 8)
        made_with = "its state was made when"
        assert made_with in await ended(place)
        for partitions in ("4", "8"):
            place.environment["LINGER_PARTITIONS"] = partitions
            output = await refused(place)
            assert made_with in output
            assert "new LINGER_REDIS_NAMESPACE" in output
        for name in ("at-risk", "win-back", "decisions"):
            await grow(place, place.settings.topic(name), 8)
        assert (await command(place, "rebuild"))[0] == 2

    play(apache_pair, tmp_path, scenario)


@pytest.mark.rest
def test_a_position_outside_the_log_stops_its_partition_and_no_other(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        for number in range(24):
            await place.order(f"c{number}", 1)
        await place.now(2)
        await place.decided_until(2)
        await stop_workers(place)
        activity = place.settings.topic("activity")
        ends = {number: (await log_of(place, number)).end for number in range(4)}
        assert min(ends.values()) > 1
        await place.store.redis.call(
            [("HSET", place.store.keys.partition(0).meta, "offset", ends[0] + 100)]
        )  # the log is shorter
        await place.store.redis.call([("HSET", place.store.keys.partition(1).meta, "offset", 0)])
        await cut(place, activity, 1, ends[1])  # retention has gone further
        place.start_worker()
        await place.now(12)

        async def others_go_on() -> bool:
            seen = await place.seen()
            return all(seen.get(number, (0, 0))[0] >= day(12) for number in (2, 3))

        await place.until(others_go_on, "the other partitions to go on")
        assert f"but its log holds 0 to {ends[0]}" in place.log()
        assert f"up to offset 0, but its log holds {ends[1]} to {ends[1]}" in place.log()
        assert "linger rebuild" in place.log()
        acted = {partition_of(action["customer_id"], 4) for action in await place.actions("at-risk")}
        assert acted == {2, 3}
        await stop_workers(place)
        report = await rebuild(place, "--yes-the-log-is-cut")
        assert sorted(report["partitions"]) == ["0", "1"]
        place.start_worker()
        await place.decided_until(12)

    play(apache_pair, tmp_path, scenario)


def test_a_recreated_activity_topic_ends_the_worker_and_stops_its_partitions(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await place.order("ada", 1)
        await place.now(2)
        await place.decided_until(2)
        # Awake, it might see that there is no topic, give its partitions back, and only stop those of the new one.
        place.processes[0].send_signal(signal.SIGSTOP)
        await recreate(place, place.settings.topic("activity"), 4)
        place.processes[0].send_signal(signal.SIGCONT)
        assert "was deleted and created again" in await ended(place)
        place.start_worker()

        async def is_stopped() -> bool:
            return place.log().count("partition_stopped") >= 1

        await place.until(is_stopped, "the partitions to be stopped")
        assert "linger rebuild" in place.log()

    play(apache_pair, tmp_path, scenario)


@pytest.mark.rest
def test_a_redis_that_evicts_is_refused_at_the_start_and_at_every_claim(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await place.order("ada", 1)
        await place.now(2)
        await place.decided_until(2)
        await place.store.redis.call([("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")])
        try:
            output = await refused(place)
            assert "redis-cli CONFIG SET maxmemory-policy noeviction" in output
            # Another partition makes Kafka rebalance: the worker that runs checks again.
            await grow(place, f"{place.prefix}logins", 3)
            assert "may evict customers" in await ended(place)
        finally:
            await place.store.redis.call([("CONFIG", "SET", "maxmemory-policy", "noeviction")])

    play(apache_pair, tmp_path, scenario)


@pytest.mark.rest
def test_a_redis_user_of_an_older_release_is_refused_with_the_command_that_gives_it_its_rights(
    apache_pair: Pair, tmp_path: Path
) -> None:
    """With the rights of 0.1.0 a worker would start, and retry its steps forever."""
    permitted = (
        "+get +mget +mset +hget +hmget +hgetall +hset +hdel +del +zadd +zrem +zrange +lrange +rpush +ltrim "
        "+incrby +expire +multi +exec +watch +unwatch +scan +info +ping"
    )

    async def scenario(place: Site) -> None:
        user = f"{place.prefix}worker"
        rights = ("on", ">secret-6e1f", f"~{place.settings.redis_namespace}:*", "-@all", *permitted.split())
        await place.store.redis.call([("ACL", "SETUSER", user, *rights)])
        place.environment |= {"LINGER_REDIS_USERNAME": user, "LINGER_REDIS_PASSWORD": "secret-6e1f"}
        log = await refused(place)
        remedy = f"redis-cli ACL SETUSER {user} "
        assert f"{remedy}+hincrby +hlen +hscan +hsetnx +unlink +zcard" in log
        assert "secret-6e1f" not in log
        problems = [json.loads(line).get("problem", "") for line in log.splitlines()]
        (added,) = [problem.partition(remedy)[2].split() for problem in problems if remedy in problem]
        await place.store.redis.call([("ACL", "SETUSER", user, *added)])
        place.start_worker()
        await place.order("ada", 1)
        await place.now(2)
        await place.decided_until(2)
        await place.store.redis.call([("ACL", "DELUSER", user)])

    play(apache_pair, tmp_path, scenario, workers=0)


def test_a_partition_added_to_a_source_is_waited_for_and_read(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        orders = f"{place.prefix}orders"
        await place.order("ada", 1)
        await place.order("bob", 1)
        await place.now(5)
        await place.decided_until(5)
        await grow(place, orders, 3)
        raw = b'{"order_id":"x","customer":"ada","total":"1","currency":"EUR","placed_at_ms":%d}' % day(9)
        placed = await place.producer.send_and_wait(orders, value=raw, partition=2, timestamp_ms=day(9))
        place.ends[TopicPartition(orders, 2)] = placed.offset + 1
        await place.now(12)
        await place.decided_until(12)
        # ada bought on day 9, in a partition that was not read yet: she is not quiet.
        assert [action["customer_id"] for action in await place.actions("at-risk")] == ["bob"]

    play(apache_pair, tmp_path, scenario)


def test_records_of_a_source_deleted_before_they_were_read_are_reported(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        orders = f"{place.prefix}orders"
        await place.order("ada", 1)
        await place.now(2)
        await place.decided_until(2)
        await stop_workers(place)
        for number in range(20):
            await place.order(f"c{number}", 3)
        for partition in (0, 1):
            await cut(place, orders, partition, place.ends.get(TopicPartition(orders, partition), 0))
        place.start_worker()
        await place.now(4)
        await place.decided_until(4)
        assert "source_records_lost" in place.log()
        assert "were deleted before they were read" in place.log()

    play(apache_pair, tmp_path, scenario)
