"""Laws of the topic of requests, over real Kafka and Redis: each becomes an order that is taken once."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import ConsumerRecord
from aiokafka.admin import NewTopic, RecordsToDelete

from schemas.orders import Order, parse_order
from tests.integration.test_worker import QUIET, play
from tests.support.builders import day
from tests.support.site import Site
from workers.core.source_positions import SOURCE_HEADER
from workers.demo.embedded import Pair, die_with_parent
from workers.kafka.records import TopicPartition
from workers.kafka.topics import connected_admin
from workers.state.layouts import take_back_order

pytestmark = pytest.mark.integration

KILLED_BEFORE_IT_STORES: Final = """
import os, runpy, signal, sys
from workers.requests import reader

async def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

reader.store_position = die
sys.argv = ["linger", "run"]
runpy.run_module("workers", run_name="__main__")
"""
"""A worker that is killed after Kafka has confirmed orders, and before it stores up to where it has read."""


def doomed_worker(place: Site) -> "subprocess.Popen[bytes]":
    """Start a worker that is killed when it stores its position."""
    with (place.folder / "worker-killed.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED_BEFORE_IT_STORES],
            env=place.process_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent(),
        )
    place.processes.append(process)
    return process


async def ask(place: Site, *requests: "dict[str, Any] | bytes", at_day: float = 0.5) -> None:
    """Write requests at a simulated day; what is no bytes is completed and written as JSON."""
    for request in requests:
        whole = {"reason": "asked", "by": "desk", "requested_at": "2024-01-01T06:00:00Z"}
        value = request if isinstance(request, bytes) else json.dumps({**whole, **request}).encode()
        await place.producer.send_and_wait(place.settings.topic("requests"), value=value, timestamp_ms=day(at_day))


def suppress(customer: str) -> dict[str, Any]:
    return {"request": "suppress", "customer_id": customer}


async def read_up_to(place: Site, offset: int) -> None:
    async def is_read() -> bool:
        return (await place.store.fields(place.store.keys.requests)).get("offset") == str(offset)

    await place.until(is_read, f"requests to be read up to {offset}")


async def folded(place: Site) -> None:
    """Wait until everything in the activity topic is folded."""
    ends: dict[int, int] = {}
    for record in await place.read("activity"):
        ends[record.partition] = max(ends.get(record.partition, 0), record.offset + 1)

    async def is_folded() -> bool:
        metas = await place.store.metas(ends)
        return all(int(metas[number].get("offset", -1)) >= end for number, end in ends.items())

    await place.until(is_folded, "the activity topic to be folded")


def orders_in(records: Sequence[ConsumerRecord]) -> list[tuple[str, Order]]:
    """The orders of the activity topic, each with its source position."""
    found = []
    for record in records:
        order = parse_order(record.value or b"", day(10_000))
        if order is not None:
            found.append((dict(record.headers)[SOURCE_HEADER].decode(), order))
    return found


def origin(place: Site, record: ConsumerRecord) -> tuple[str, str, bytes]:
    headers = dict(record.headers)
    topic = headers["linger-source-topic"].decode()
    return topic.removeprefix(place.prefix), headers["linger-reason"].decode(), headers["linger-source-offset"]


async def high_waters(place: Site) -> dict[int, int]:
    """By activity partition, the highest folded offset of the topic of requests."""
    name = f"hw:{place.settings.topic('requests')}:0"
    metas = await place.store.metas(range(place.settings.partitions))
    return {number: int(fields[name]) for number, fields in metas.items() if name in fields}


def test_requests_become_orders_at_their_customers_and_a_bad_one_is_a_dead_letter(pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        customers = [f"c{number}" for number in range(20)]
        await ask(place, *map(suppress, customers), b"rubbish", {"request": "erase", "customer_id": "zoe"})
        await read_up_to(place, 22)
        records = await place.read("activity", at_least=21)
        orders = orders_in(records)
        topic = place.settings.topic("requests")
        expected = {f"{topic}:0:{number}": name for number, name in enumerate(customers)}
        assert {position: order.customer_id for position, order in orders} == {**expected, f"{topic}:0:21": "zoe"}
        assert len(orders) == 21
        assert {order.at_ms() for _, order in orders} == {day(0.25)}
        assert all(record.key == orders_in([record])[0][1].customer_id.encode() for record in records)
        letters = [origin(place, record) for record in await place.read("dead-letter", at_least=1)]
        assert ("linger.requests", "invalid_request", b"20") in letters
        assert len([letter for letter in letters if letter[0] == "linger.requests"]) == 1

    play(pair, tmp_path, QUIET, scenario)


def test_a_request_is_taken_once_if_the_worker_is_killed_before_it_stores_that_it_was_sent(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        customers = [f"c{number}" for number in range(12)]
        await ask(place, *map(suppress, customers), b"rubbish")
        killed = doomed_worker(place)
        assert await asyncio.to_thread(killed.wait, 60) == -signal.SIGKILL, place.log()
        assert len(orders_in(await place.read("activity", at_least=12))) == 12
        assert await place.store.fields(place.store.keys.requests) == {}

        place.start_worker()  # the next one goes on, and sends everything again
        await ask(place, suppress("late"))
        await read_up_to(place, 14)
        await folded(place)
        sent = orders_in(await place.read("activity", at_least=25))
        assert len(sent) == 25
        assert len({position for position, _ in sent}) == 13
        # What was sent again is dropped: it is counted.
        assert (await place.counters())["duplicates"] == 12
        assert max((await high_waters(place)).values()) == 13
        letters = [origin(place, record) for record in await place.read("dead-letter", at_least=2)]
        of_requests = [letter for letter in letters if letter[0] == "linger.requests"]
        assert set(of_requests) == {("linger.requests", "invalid_request", b"12")}

    play(apache_pair, tmp_path, QUIET, scenario, workers=0)


def test_a_customer_whom_a_request_suppresses_gets_a_decision_and_no_message(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await place.order("ada", 1)
        await place.order("bob", 1)
        await place.now(2)
        await place.decided_until(2)
        await ask(place, {**suppress("ada"), "requested_at": "2024-01-02T06:00:00Z"}, at_day=2)
        await read_up_to(place, 1)
        await folded(place)
        await place.now(13)
        await place.decided_until(13)
        assert [action["customer_id"] for action in await place.actions("at-risk")] == ["bob"]
        decisions = [json.loads(record.value) for record in await place.read("decisions", at_least=1)]
        assert [(one["customer_id"], one["decision"]) for one in decisions] == [("ada", "suppressed")]
        assert len(await place.read("marks", at_least=2)) == 2  # hers, and what is known of the key

    play(apache_pair, tmp_path, QUIET, scenario)


@pytest.mark.rest
def test_requests_wait_while_a_partition_is_written_as_the_release_before_writes_it(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        keys = [place.store.keys.partition(number).meta for number in range(place.settings.partitions)]
        # As a worker of the release before has left it.
        await place.store.redis.call([("HSET", key, "offset", "0", "version", "1") for key in keys])
        await take_back_order(place.store)
        place.start_worker()
        await ask(place, suppress("ada"))

        async def is_claimed() -> bool:
            metas = await place.store.metas(range(place.settings.partitions))
            return all("owner" in fields for fields in metas.values())

        await place.until(is_claimed, "the partitions to be claimed")
        await place.order("bob", 1)
        await place.now(2)
        await place.decided_until(2)
        assert orders_in(await place.read("activity")) == []
        assert await place.store.fields(place.store.keys.requests) == {}
        finished = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "workers", "upgrade", "finish", "--because", "test"],
            env=place.process_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        await read_up_to(place, 1)
        assert len(orders_in(await place.read("activity", at_least=2))) == 1

    play(apache_pair, tmp_path, QUIET, scenario, workers=0)


@pytest.mark.rest
def test_requests_that_were_deleted_before_they_were_read_are_counted_and_the_others_read(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await ask(place, suppress("ada"))
        await read_up_to(place, 1)
        place.processes[0].kill()
        await ask(place, suppress("bob"), suppress("cyd"))
        topic = place.settings.topic("requests")
        async with connected_admin(place.settings.kafka_connection()) as admin:
            await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=2)})
        place.start_worker()
        await read_up_to(place, 3)
        orders = orders_in(await place.read("activity", at_least=2))
        assert sorted(order.customer_id for _, order in orders) == ["ada", "cyd"]
        (lost,) = [line for line in place.log().splitlines() if "requests_lost" in line]
        assert json.loads(lost)["records"] == 1

    play(apache_pair, tmp_path, QUIET, scenario)


@pytest.mark.rest
def test_requests_of_a_topic_that_was_made_again_wait_until_it_is_forgotten(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await ask(place, suppress("ada"))
        await read_up_to(place, 1)
        await place.stop_worker(place.processes[0])
        topic = place.settings.topic("requests")
        async with connected_admin(place.settings.kafka_connection()) as admin:
            await admin.delete_topics([topic])
            await admin.create_topics([NewTopic(topic, 1, 1)])
        await ask(place, suppress("bob"), suppress("cyd"))
        second = place.start_worker()
        await place.now(1)
        await place.decided_until(1)

        async def is_said() -> bool:
            return "worker_ready" in (tmp_path / "worker-1.log").read_text()

        await place.until(is_said, "the worker to be ready")
        assert len(orders_in(await place.read("activity"))) == 1
        await place.stop_worker(second)
        forgotten = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "workers", "sources", "forget", topic, "--because", "test"],
            env=place.process_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert forgotten.returncode == 0, forgotten.stderr
        place.start_worker()
        await read_up_to(place, 2)
        await folded(place)
        orders = orders_in(await place.read("activity", at_least=3))
        assert sorted(order.customer_id for _, order in orders) == ["ada", "bob", "cyd"]
        assert (await place.counters()).get("duplicates", 0) == 0

    play(apache_pair, tmp_path, QUIET, scenario)
