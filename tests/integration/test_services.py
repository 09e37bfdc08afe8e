"""The servers that the suite starts do what the other tests take for granted."""

import asyncio
import os
import select
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis import Redis

from workers.demo.embedded import EmbeddedError, Pair, running_pair, running_server

pytestmark = pytest.mark.integration

TOPIC = "test-services"
PARTITIONS = [TopicPartition(TOPIC, number) for number in range(3)]
VALUES = [b"value-%d" % number for number in range(300)]
PATIENCE_SECONDS = 30

RUN_A_PAIR = """
import sys
from pathlib import Path
from workers.demo.embedded import running_pair

with running_pair(Path(sys.argv[1])):
    print("running", flush=True)
    sys.stdin.read()
"""


def test_what_is_produced_is_consumed_up_to_the_high_water_marks_that_were_acknowledged(pair: Pair) -> None:
    acknowledged, consumed, high_waters = asyncio.run(produce_and_consume(pair.bootstrap_servers))

    assert acknowledged == dict.fromkeys(PARTITIONS, 100)
    assert sorted(consumed) == sorted(VALUES)
    assert high_waters == acknowledged


def test_the_store_keeps_what_it_is_given_and_evicts_nothing(pair: Pair) -> None:
    with closing(Redis.from_url(pair.redis_url)) as store:
        assert store.ping()
        assert store.set("test-services", b"kept")
        assert store.get("test-services") == b"kept"
        assert store.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


@pytest.mark.usefixtures("embedded_pair")
def test_nothing_of_an_embedded_pair_is_left_when_its_block_raises(tmp_path: Path) -> None:
    with ExitStack() as opened:
        others = children(os.getpid())
        with pytest.raises(ZeroDivisionError), running_pair(tmp_path) as own:  # noqa: PT012
            servers = [opened.enter_context(watch(pid)) for pid in children(os.getpid()) - others]
            raise ZeroDivisionError

        assert len(servers) == 2
        assert all(server.has_ended(within_seconds=0) for server in servers)
    assert not listens(f"//{own.bootstrap_servers}")
    assert not listens(own.redis_url)


@pytest.mark.usefixtures("embedded_pair")
def test_nothing_of_an_embedded_pair_is_left_when_its_owner_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN_A_PAIR, str(tmp_path)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner,
        ExitStack() as opened,
    ):
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"running\n"
        servers = [opened.enter_context(watch(pid)) for pid in children(owner.pid)]
        owner.kill()

        assert len(servers) == 2
        assert all(server.has_ended(PATIENCE_SECONDS) for server in servers)


def test_a_server_that_ends_before_it_answers_is_reported_with_its_last_words(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "echo the disk is full; exit 3"]
    with (
        pytest.raises(EmbeddedError, match=r"exit code 3.*\n.*the disk is full"),
        running_server(command, tmp_path / "broker.log", lambda: False),
    ):
        pass


def test_a_server_that_does_not_exist_is_reported_with_its_name(tmp_path: Path) -> None:
    with (
        pytest.raises(EmbeddedError, match="no-such-server"),
        running_server(["/no-such-server"], tmp_path / "broker.log", lambda: False),
    ):
        pass


async def produce_and_consume(
    bootstrap_servers: str,
) -> tuple[dict[TopicPartition, int], list[bytes], dict[TopicPartition, int]]:
    """Return what was acknowledged (record count per partition), consumed, and the high-water marks fetched."""
    await create_topic(bootstrap_servers)
    acknowledged = await produce(bootstrap_servers)
    return acknowledged, *await consume(bootstrap_servers)


async def create_topic(bootstrap_servers: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, num_partitions=len(PARTITIONS), replication_factor=1)])
    finally:
        await admin.close()


async def produce(bootstrap_servers: str) -> dict[TopicPartition, int]:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all") as producer:
        sent = [
            await producer.send(TOPIC, value, partition=number % len(PARTITIONS))
            for number, value in enumerate(VALUES)
        ]
        return Counter(record.topic_partition for record in await asyncio.gather(*sent))


async def consume(bootstrap_servers: str) -> tuple[list[bytes], dict[TopicPartition, int]]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    consumer.assign(PARTITIONS)
    values: list[bytes] = []
    async with consumer, asyncio.timeout(PATIENCE_SECONDS):
        while len(values) < len(VALUES):
            values.append((await consumer.getone()).value)
        return values, {partition: consumer.highwater(partition) for partition in PARTITIONS}


def children(pid: int) -> set[int]:
    """Return the processes that the main thread of a process has started and that are still there."""
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@dataclass(frozen=True)
class Watched:
    """A process that can be awaited although it is another one's child; its id cannot come to mean another."""

    descriptor: int

    def has_ended(self, within_seconds: float) -> bool:
        return bool(select.select([self.descriptor], [], [], within_seconds)[0])


@contextmanager
def watch(pid: int) -> Iterator[Watched]:
    descriptor = os.pidfd_open(pid)
    try:
        yield Watched(descriptor)
    finally:
        os.close(descriptor)


def listens(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=1).close()
    except OSError:
        return False
    return True
