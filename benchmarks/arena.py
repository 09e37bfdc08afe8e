"""What a run happens on: a Kafka and a Redis on loopback, topics, feeding, reading, and what it all costs.

Records are packed into batches before they are needed, so that a contender is not stopped longer than they take to
be sent. Who reads decisions asks ten times a second at most: reading must not cost what is measured.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.workload import Event
from tests.support.services import running_kafka, running_redis
from workers.demo.embedded import HOST, free_ports
from workers.kafka.partitioner import hash_of
from workers.kafka.topics import TopicPlan, connected_admin, create_missing

_BATCH_BYTES: Final = 512 << 10
_READ_EVERY_MS: Final = 100
_READ_AT_LEAST_BYTES: Final = 4 << 20
"""The broker answers once there is so much to read, or after `_READ_EVERY_MS`."""
_KEPT: Final = {"retention.ms": "-1"}
"""The workload is of 2024: with any retention, Kafka would throw it away while it is read."""

Packed = Mapping[int, Sequence[Any]]
"""Batches of aiokafka, by partition."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Kafka: where it listens, its process, and the folder with its data."""

    address: str
    pid: int
    data: Path


@dataclass(frozen=True, slots=True)
class Redis:
    """Redis: where it listens, and its process."""

    url: str
    pid: int

    def used_bytes(self) -> int:
        """Return the memory that Redis has allocated by now."""
        with redis.Redis.from_url(self.url) as connection:
            return int(connection.info("memory")["used_memory"])


@contextmanager
def running_broker(folder: Path) -> Iterator[Broker]:
    """Run Kafka until the block ends; its data and its log are in the folder."""
    [port] = free_ports(1)
    with running_kafka(folder / "kafka", port, folder) as pid:
        yield Broker(f"{HOST}:{port}", pid, folder / "kafka")


@contextmanager
def running_store(folder: Path) -> Iterator[Redis]:
    """Run an empty Redis until the block ends that appends every write to a file and flushes that each second."""
    [port] = free_ports(1)
    with running_redis(folder / "redis", port, folder) as pid:
        yield Redis(f"redis://{HOST}:{port}/0", pid)


async def create_topics(kafka: str, names: Sequence[str], partitions: int) -> None:
    """Create topics that keep every record, no matter how old its timestamp is."""
    async with connected_admin({"bootstrap_servers": kafka}) as admin:
        await create_missing(admin, [TopicPlan(name, partitions, 1, _KEPT) for name in names])


async def delete_topics(kafka: str) -> None:
    """Delete every topic that is not Kafka's own."""
    async with connected_admin({"bootstrap_servers": kafka}) as admin:
        if names := [name for name in await admin.list_topics() if not name.startswith("__")]:
            await admin.delete_topics(names)


class Feed:
    """Writes to the events topic; `feeding` makes one.

    Attributes:
        ends: by partition, the offset behind the last record that Kafka has confirmed.
    """

    def __init__(self, producer: AIOKafkaProducer, topic: str, partitions: int) -> None:
        self._producer = producer
        self._topic = topic
        self._partitions = partitions
        self.ends = dict.fromkeys(range(partitions), 0)

    def pack(self, events: Sequence[Event], markers: Sequence[Event]) -> Packed:
        """Pack events, by their keys, and a marker for each partition behind them."""
        packed: dict[int, list[Any]] = {number: [self._producer.create_batch()] for number in range(self._partitions)}
        for event in events:
            self._append(packed[hash_of(event.key) % self._partitions], event)
        for number, marker in enumerate(markers):
            self._append(packed[number], marker)
        for batches in packed.values():
            batches[-1].close()
        return packed

    def _append(self, batches: list[Any], event: Event) -> None:
        while batches[-1].append(timestamp=event.at_ms, key=event.key, value=event.value) is None:
            batches[-1].close()
            batches.append(self._producer.create_batch())

    async def send(self, packed: Packed) -> None:
        """Send everything and wait until Kafka has confirmed it."""
        await asyncio.gather(*(self._send(number, batches) for number, batches in packed.items()))

    async def _send(self, partition: int, batches: Sequence[Any]) -> None:
        for batch in batches:
            placed = await (await self._producer.send_batch(batch, self._topic, partition=partition))
            self.ends[partition] = placed.offset + batch.record_count()


@asynccontextmanager
async def feeding(kafka: str, topic: str, partitions: int) -> AsyncIterator[Feed]:
    """Connect to Kafka for writing events, until the block ends."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", max_batch_size=_BATCH_BYTES)
    await producer.start()
    try:
        yield Feed(producer, topic, partitions)
    finally:
        await producer.stop()


class Record(NamedTuple):
    """What a contender wrote, and when it could be read (of the monotonic clock, in seconds)."""

    seconds: float
    value: bytes


@dataclass
class Reading:
    """Reads what a contender writes; `reading` makes one.

    Attributes:
        records: everything there was, in the order in which it came.
    """

    consumer: AIOKafkaConsumer
    records: list[Record] = field(default_factory=list)

    async def more(self) -> bool:
        """Wait a moment for records; return whether any came."""
        found = await self.consumer.getmany(timeout_ms=_READ_EVERY_MS)
        seconds = time.monotonic()
        before = len(self.records)
        self.records += (Record(seconds, one.value) for some in found.values() for one in some)
        return len(self.records) > before


@asynccontextmanager
async def reading(kafka: str, topics: Sequence[str], partitions: int) -> AsyncIterator[Reading]:
    """Read topics from their beginning until the block ends: what is committed, where there are transactions."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_min_bytes=_READ_AT_LEAST_BYTES,
        fetch_max_wait_ms=_READ_EVERY_MS,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for topic in topics for number in range(partitions)])
        yield Reading(consumer)
    finally:
        await consumer.stop()


def cpu_seconds(session: int) -> float:
    """Return the CPU time of all processes of a session so far, those that ended before among them.

    Args:
        session: the process that leads the session; everything it started belongs to it (Linux).
    """
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended; its parent counts its time
        if int(fields[3]) == session:
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def folder_bytes(folder: Path) -> int:
    """Return the size of all files in a folder; those that vanish meanwhile do not count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512 if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def log_bytes(broker: Broker, left_out: Sequence[str]) -> int:
    """Return the size of the logs of all topics but Kafka's own, deleted ones and some others."""
    total = 0
    for folder in broker.data.glob("*-*"):
        topic = folder.name.rpartition("-")[0]
        if topic not in left_out and not topic.startswith("__") and not folder.name.endswith("-delete"):
            total += sum(path.stat().st_size for path in folder.glob("*.log"))
    return total
