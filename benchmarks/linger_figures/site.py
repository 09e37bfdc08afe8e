"""A Kafka and a Redis on loopback, Linger installed on them, and its workers, measured from outside."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from benchmarks.linger_setup import create_topics, variables, write_rules, write_sources
from benchmarks.workload import START_MS, Event
from schemas.actions import Action
from tests.support.compiled import ROOT, as_in_the_wheel
from tests.support.services import running_kafka, running_redis
from workers.core.rules.rule_set import RuleSet
from workers.demo.embedded import HOST, Pair, die_with_parent, free_ports
from workers.kafka.range_reader import opened_reader
from workers.loading import load_configuration
from workers.settings import Settings, read_settings
from workers.state.connection import RedisServers
from workers.state.replay_clock import ReplayClock
from workers.state.store import Store
from workers.state.topology import open_nodes

SOURCE: Final = "events"
ACTION_TOPICS: Final = ("at-risk", "win-back")
LINGER: Final = ("workers", "run")
"""The module of a worker and its arguments: the command that operators run."""

_LOOK_SECONDS: Final = 0.1
_STOP_SECONDS: Final = 25.0
_SENT_AT_ONCE: Final = 5_000
_LAST_LINES: Final = 12


class NeverDone(Exception):
    """What was waited for did not come; the message says what, and has the end of the workers' logs."""


@dataclass(frozen=True, slots=True)
class Servers:
    """What workers run on; all of it is gone at the end.

    Attributes:
        is_direct: events are written to the activity topic itself; if not, intake passes them on.
    """

    pair: Pair
    kafka_pid: int
    redis_pid: int
    folder: Path
    is_direct: bool = False


@contextmanager
def running_servers(*, is_direct: bool = False) -> Iterator[Servers]:
    """Run a Kafka, and a Redis that writes its append-only file each second, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="linger-figures-") as place:
        folder = Path(place)
        kafka_port, redis_port = free_ports(2)
        with (
            running_redis(folder / "redis", redis_port, folder) as redis_pid,
            running_kafka(folder / "kafka", kafka_port, folder) as kafka_pid,
        ):
            pair = Pair(f"{HOST}:{kafka_port}", f"redis://{HOST}:{redis_port}/0")
            yield Servers(pair, kafka_pid, redis_pid, folder, is_direct)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used so far, all its threads together; on Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = fields[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Plan:
    """How Linger is installed.

    Attributes:
        partitions: of the activity topic, and of the source.
        rules: how many of the workload's.
        clock: `replay` for events of the past, `system` for events of now.
        since_ms: a midnight (UTC) since which the source is complete.
        settings: further ones, by their field in `Settings`.
    """

    partitions: int = 8
    rules: int = 20
    clock: str = "replay"
    since_ms: int = START_MS
    settings: Mapping[str, object] = field(default_factory=dict)


class Worker:
    """One worker process."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def freeze(self) -> None:
        """Let it do nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end, and make it if it does not."""
        self.thaw()
        self.process.terminate()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def last_lines(self) -> str:
        """Return the end of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        return "\n".join([f"{self.log.name}, exit code {self.process.poll()}:", *lines])


class Site:
    """One installation of Linger: topics, keys and a consumer group of its own.

    Attributes:
        workers: all that were started, also those that have ended.
        rules: as in its files.
    """

    def __init__(self, servers: Servers, plan: Plan, folder: Path, environment: Mapping[str, str]) -> None:
        self.servers = servers
        self.plan = plan
        self.environment = dict(environment)
        self.settings: Settings = read_settings(environment)
        self.rules: RuleSet = load_configuration(self.settings).rules
        self.store = Store(
            RedisServers(open_nodes(self.settings.redis_connection(), 30_000)), self.settings.redis_namespace
        )
        self.workers: list[Worker] = []
        self._folder = folder
        self._ends: dict[str, int] = {}
        self._fed = 0
        self.source = source_of(self.settings.topic_prefix, servers)

    # -- workers -----------------------------------------------------------------------------------------------

    def start(self, command: Sequence[str] = LINGER, **settings: object) -> Worker:
        """Start a worker.

        Args:
            command: a module and its arguments.
            settings: other than those of the plan, for this process alone.
        """
        own = {f"LINGER_{name.upper()}": str(value) for name, value in settings.items()}
        log = self._folder / f"worker-{len(self.workers) + 1}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env={**os.environ, **as_in_the_wheel(ROOT), **self.environment, **own},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                preexec_fn=die_with_parent(),
            )
        self.workers.append(Worker(process, log))
        return self.workers[-1]

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str, seconds: float = 300.0) -> float:
        """Wait for a condition and return when it was seen to hold (monotonic seconds).

        Raises:
            NeverDone: if it takes too long, or a worker ends unexpectedly.
        """
        give_up = time.monotonic() + seconds
        while True:
            holds, now = await condition(), time.monotonic()
            if holds:
                return now
            failed = any((worker.process.poll() or 0) > 0 for worker in self.workers)
            if failed or now > give_up:
                logs = "\n".join(worker.last_lines() for worker in self.workers)
                raise NeverDone(f"waited {seconds:.0f} s at most until {what}:\n{logs}")
            await asyncio.sleep(_LOOK_SECONDS)

    async def until_claimed(self) -> float:
        """Wait until every partition has an owner and is looked at."""

        async def is_claimed() -> bool:
            return len(await self._seen()) == self.plan.partitions

        return await self.until(is_claimed, "every partition is looked at")

    async def until_decided(self, until_ms: int, seconds: float = 900.0) -> float:
        """Wait until all that was fed is decided up to a moment, and Kafka has confirmed every decision."""

        async def is_decided() -> bool:
            # First the events: a worker without its safe time says from the beginning that all is decided.
            if await self.count("events") < self._fed:
                return False
            seen = await self._seen()
            return len(seen) == self.plan.partitions and all(
                watermark_ms >= until_ms and not unconfirmed for watermark_ms, unconfirmed in seen.values()
            )

        return await self.until(is_decided, f"everything is decided up to {until_ms}", seconds)

    async def _seen(self) -> dict[int, tuple[int, int]]:
        """Return by partition up to when it is decided (ms), and how many records wait for Kafka."""
        fields = await self.store.redis.fields(self.store.keys.seen)
        seen = {int(number): value.split() for number, value in fields.items()}
        return {number: (int(parts[0]), int(parts[2])) for number, parts in seen.items()}

    async def count(self, name: str) -> int:
        """Return a counter of `meta`, such as `events` or `timers`, over all partitions."""
        wanted = f"n:{name}"
        keys = [self.store.keys.partition(number).meta for number in range(self.plan.partitions)]
        return sum(int(raw or 0) for raw in await self.store.redis.call([("HGET", key, wanted) for key in keys]))

    # -- events ------------------------------------------------------------------------------------------------

    async def feed(self, records: Iterable[Event]) -> None:
        """Write events to the source, each with its own time."""
        waiting = iter(records)
        async with self.producing(linger_ms=5, max_batch_size=256 << 10) as producer:
            while some := list(islice(waiting, _SENT_AT_ONCE)):
                futures = [
                    await producer.send(self.source, value=one.value, key=one.key, timestamp_ms=one.at_ms)
                    for one in some
                ]
                for placed in await asyncio.gather(*futures):
                    place = f"{placed.topic}:{placed.partition}"
                    self._ends[place] = max(self._ends.get(place, 0), placed.offset + 1)
                self._fed += len(some)

    @asynccontextmanager
    async def producing(self, **arguments: object) -> AsyncIterator[AIOKafkaProducer]:
        """Open a producer until the block ends."""
        producer = AIOKafkaProducer(**self.settings.kafka_connection(), **arguments)
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def announce(self, now_ms: int) -> None:
        """Move the clock on, with a `replay` clock; everything until then has been fed."""
        await ReplayClock(self.store).announce(now_ms, self._ends)

    # -- actions -----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def reading_actions(self) -> AsyncIterator[AIOKafkaConsumer]:
        """Open a reader of all actions, from the beginning, until the block ends."""
        async with opened_reader(self.settings.kafka_connection()) as reader:
            reader.assign(
                [
                    TopicPartition(self.settings.topic(name), number)
                    for name in ACTION_TOPICS
                    for number in range(self.plan.partitions)
                ]
            )
            yield reader

    async def actions(self) -> list[Action]:
        """Return all actions that there are, retractions included."""
        found: list[Action] = []
        async with self.reading_actions() as reader:
            ends = await reader.end_offsets(list(reader.assignment()))
            while any([await reader.position(place) < end for place, end in ends.items()]):
                found += [read_action(record) for record in await taken(reader)]
        return found


read_json = msgspec.json.Decoder(Action).decode


def read_action(record: ConsumerRecord) -> Action:
    """Return what a record of an action topic says."""
    return read_json(record.value)


async def taken(reader: AIOKafkaConsumer, milliseconds: int = 200) -> list[ConsumerRecord]:
    """Return what a reader gets within a time."""
    fetched = await reader.getmany(timeout_ms=milliseconds)
    return [record for records in fetched.values() for record in records]


def source_of(prefix: str, servers: Servers) -> str:
    """Return the topic that events are written to."""
    return f"{prefix}.{'activity' if servers.is_direct else SOURCE}"


@asynccontextmanager
async def installed(servers: Servers, plan: Plan) -> AsyncIterator[Site]:
    """Install Linger until the block ends; then its workers are stopped and Redis is emptied."""
    name = f"b{uuid.uuid4().hex[:8]}"
    folder = servers.folder / name
    write_rules(folder / "rules", plan.rules)
    write_sources(folder / "sources.yaml", source_of(name, servers), plan.since_ms)
    environment = variables(
        servers.pair, folder, name=name, partitions=plan.partitions, clock=plan.clock, **plan.settings
    )
    site = Site(servers, plan, folder, environment)
    try:
        await create_topics(site.settings, {site.source: plan.partitions})
        yield site
    finally:
        for worker in site.workers:
            if worker.process.poll() is None:
                worker.stop()
        await site.store.redis.ask_every_server("FLUSHALL")
        await site.store.close()
