"""One run: a history is played to real workers while faults happen, until everything is decided.

The replay's clock moves on after Kafka has confirmed everything until then, so it is known what a worker may have
seen. Requests of the harness itself bypass the proxies and are repeated until they are answered.
"""

import asyncio
import os
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.stages import STAGES
from tests.faults.batches import let_orders_come_in_batches
from tests.faults.crew import Crew
from tests.faults.direct_producers import let_some_write_directly
from tests.faults.garbling import CODECS, Garbled, Sent
from tests.faults.installation import Installation
from tests.faults.loaded import Loaded
from tests.faults.ordered import Ordered
from tests.faults.over import partitions_at
from tests.faults.registered import RegisteredLogins
from tests.support.compiled import ROOT, as_in_the_wheel
from tests.support.paths import DATA
from tests.support.redis_topologies import SmallCluster, Watched
from workers.core.direct_producers import intake_sources
from workers.demo.embedded import HOST, Pair
from workers.demo.run import demo_settings
from workers.errors import LingerError, Transient
from workers.histories.history import History, Record
from workers.kafka.records import TopicPartition
from workers.kafka.topics import TopicPlan, TopicsError, connected_admin, create_missing, describe
from workers.loading import load_configuration
from workers.settings import OWN_TOPICS, Settings, read_settings
from workers.state.connection import RedisServers
from workers.state.replay_clock import ReplayClock
from workers.state.store import Store
from workers.state.topology import open_nodes

PARTITIONS: Final = 4
SOURCE_PARTITIONS: Final = 2
_POLL_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 150.0
_RULES: Final = DATA / "faults" / "standing.yaml"
"""Rules that go beside the shipped ones."""
_COMPACTED: Final = {"cleanup.policy": "compact"}
"""Only such a topic gets tombstones. A run is too short for Kafka to delete what they are about."""
_TIMEOUTS: Final = {
    "LINGER_KAFKA_SESSION_TIMEOUT_MS": "3000",
    "LINGER_KAFKA_REBALANCE_TIMEOUT_MS": "5000",
    "LINGER_KAFKA_HEARTBEAT_INTERVAL_MS": "500",
    "LINGER_KAFKA_REQUEST_TIMEOUT_MS": "4000",
    "LINGER_KAFKA_DELIVERY_TIMEOUT_MS": "5000",
    "LINGER_REDIS_TIMEOUT_MS": "1500",
    "LINGER_SHUTDOWN_GRACE_MS": "10000",
}


class NeverDone(Exception):
    """The workers did not finish after everything was healed."""


@dataclass
class Stage:
    """One run's topics, workers and clock.

    Attributes:
        share: how much of the history has been played, 0 to 1.
        now_ms: what the replay's clock shows.
        stall_seconds: the longest time without a step of any worker while there was something to do.
        notes: what else there is to say of the run.
        topology: Redis, if it is more than one server.
        premature: ids of actions that were published before a replica knew of them.
        forgot: Redis lost what was decided, so that it is decided again under the rules of now.
        dead_letters: source positions of dead letters that were deleted with their topic.
        pauses: from when to when all rules were paused (epoch milliseconds); None if they never were.
        announced: when the replay's clock was moved on by the machine's, in epoch milliseconds, and what it showed.
        placed: by topic, partition and offset, the garbled record that is there.
        compressing: one producer for each codec, if the history is garbled; they take turns.
        lives_now: workers have the machine's clock, so the whole history is there from the beginning.
        registered: writes log-ins with the schemas of a registry; None if they are JSON.
    """

    installation: Installation
    history: History
    settings: Settings
    store: Store
    clock: ReplayClock
    producer: AIOKafkaProducer
    crew: Crew
    chance: Random
    prefix: str
    seconds: float
    share: float = 0.0
    stall_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    lives_now: bool = False
    topology: Watched | SmallCluster | None = None
    premature: list[str] = field(default_factory=list)
    forgot: bool = False
    dead_letters: set[tuple[bytes, ...]] = field(default_factory=set)
    pauses: list[tuple[int, int]] | None = None
    announced: list[tuple[int, int]] = field(default_factory=list)
    placed: dict[tuple[str, int, int], Sent] = field(default_factory=dict)
    compressing: list[AIOKafkaProducer] = field(default_factory=list)
    registered: RegisteredLogins | None = None
    _ends: dict[TopicPartition, int] = field(default_factory=dict)
    _moved: tuple[float, Any] = (0.0, None)
    now_ms: int = 0
    _played: asyncio.Event = field(default_factory=asyncio.Event)
    _playing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def at(self, share: float) -> None:
        """Wait until this share of the history has been played."""
        while self.share < share:
            await self._played.wait()

    async def sometime(self, begin: float = 0.2, end: float = 0.7) -> None:
        """Wait until a moment of the history that the seed chooses."""
        await self.at(self.chance.uniform(max(begin, self.share), max(end, self.share)))

    async def play(self) -> None:
        """Play the whole history; a broker or store that does not answer delays it."""
        if self.lives_now:
            self._note_share(1.0)
            return
        records, at, number = self.history.records, 0, 100
        if isinstance(self.history, Ordered):
            records = self.history.played()
        # What is loaded is there from the beginning, so time starts when that is done.
        start_ms = self.history.loaded_ms if isinstance(self.history, Loaded) else self.history.start_ms
        span_ms, started = self.history.end_ms - start_ms, time.monotonic()
        for step in range(1, number + 1):
            until_ms = start_ms + span_ms * step // number
            begin = at
            while at < len(records) and records[at].at_ms < until_ms:
                at += 1
            async with self._playing:
                await self._send(records[begin:at])
                await self.announce(until_ms)
                self._note_share(step / number)
            await asyncio.sleep(max(0.0, started + self.seconds * self.share - time.monotonic()))

    async def send_all(self) -> None:
        """Send the whole history at once."""
        await self._send(self.history.records)
        self.now_ms = self.history.end_ms

    def _note_share(self, share: float) -> None:
        self.share = share
        self._played.set()
        self._played = asyncio.Event()

    async def _send(self, records: Sequence[Record]) -> None:
        # A refused record was not sent; an accepted one is retried until the brokers are back.
        producer = self.producer
        if self.compressing:
            producer = self.compressing[0]
            self.compressing.append(self.compressing.pop(0))  # not in the middle: records keep their order
        waiting = [await self.patiently(partial(self._hand_over, producer, record)) for record in records]
        for record, placed in zip(records, await asyncio.gather(*waiting), strict=True):
            place = TopicPartition(placed.topic, placed.partition)
            self._ends[place] = max(self._ends.get(place, 0), placed.offset + 1)
            if isinstance(record, Sent):
                self.placed[placed.topic, placed.partition, placed.offset] = record

    async def _hand_over(self, producer: AIOKafkaProducer, record: Record) -> Any:
        return await producer.send(
            self.prefix + record.topic,
            value=record.value if self.registered is None else self.registered.value_of(record),
            key=record.key,
            timestamp_ms=record.at_ms,
            partition=record.partition if isinstance(record, Sent) else None,
        )

    def clock_at(self, machine_ms: int) -> int:
        """Return what the replay's clock showed at a moment of the machine's clock."""
        return max((now_ms for at_ms, now_ms in self.announced if at_ms <= machine_ms), default=0)

    def ends_of(self, topic: str) -> dict[TopicPartition, int]:
        """Return the end of each partition of a topic, as far as the history has been played."""
        return {place: end for place, end in self._ends.items() if place.topic == topic}

    async def send_again(self, records: Sequence[Any], parts: int, seconds: float) -> None:
        """Send garbled records now, in some parts with a pause after each, while nothing else is played."""
        async with self._playing:
            size = -(-len(records) // parts)
            for begin in range(0, len(records), size):
                await self._send([record._replace(at_ms=self.now_ms) for record in records[begin : begin + size]])
                await self.announce()
                await asyncio.sleep(seconds)

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Let nothing happen, and wait until everything that happened so far is decided."""
        async with self._playing:
            await self.until_decided(self.now_ms)
            yield

    async def delete(self, *topics: str) -> None:
        """Delete topics, and wait until no broker knows them."""

        async def are_gone() -> bool:
            return not (await describe(admin, topics)).keys() & set(topics)

        async with connected_admin(self.settings.kafka_connection()) as admin:
            await admin.delete_topics(list(topics))
            await self.until(are_gone, f"Kafka has forgotten {', '.join(topics)}")
        for place in [place for place in self._ends if place.topic in topics]:
            del self._ends[place]

    async def create(self, partitions: int, *topics: str, configs: Mapping[str, str] = {}) -> None:
        """Create topics that were deleted."""
        copies = min(3, len(self.installation.brokers))
        async with connected_admin(self.settings.kafka_connection()) as admin:
            plans = [TopicPlan(topic, partitions, copies, {**_durable(copies), **configs}) for topic in topics]
            await _create(admin, plans)

    async def announce(self, at_ms: int | None = None) -> None:
        """Move the clock on, or announce its time again."""
        if self.lives_now:
            return
        self.now_ms = at_ms or self.now_ms
        self.announced.append((time.time_ns() // 1_000_000, self.now_ms))
        await self.patiently(lambda: self.clock.announce(self.now_ms, self._ends))

    async def patiently(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask until there is an answer."""
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return await ask()
            except (Transient, KafkaError, OSError):
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(0.2)

    async def until_claimed(self) -> None:
        """Wait until every partition has an owner."""

        async def is_claimed() -> bool:
            metas = await self.store.metas(range(PARTITIONS))
            return all("owner" in meta for meta in metas.values())

        await self.until(is_claimed, "every partition has an owner")

    async def until_decided(self, until_ms: int | None = None) -> None:
        """Wait until all is decided up to a moment (the end) and Kafka has confirmed all of it."""
        wanted_ms = until_ms or self.history.end_ms
        await self.until(lambda: self._is_decided(wanted_ms), f"everything is decided up to {wanted_ms}")

    async def _is_decided(self, until_ms: int) -> bool:
        partitions = await partitions_at(self.store, PARTITIONS, until_ms)
        return all(partition.is_decided(until_ms) for partition in partitions)

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait for a condition; a store that is down at the moment is asked again."""
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                if await condition():
                    return
            except Transient:
                pass  # the store is down at the moment: asked again
            if time.monotonic() > give_up:
                state = await self._state()
                raise NeverDone(f"waited {_PATIENCE_SECONDS:.0f} s until {what}:\n{state}\n{self.crew.log()}")
            await asyncio.sleep(_POLL_SECONDS)

    async def _state(self) -> str:
        """Describe how far everything is, to find the cause of a standstill."""
        try:
            partitions = await partitions_at(self.store, PARTITIONS, self.now_ms)
            clock = await self.clock.read()
            reports = {place: str(report) for place, report in (await self.store.progress()).items()}
        except Transient as error:
            return f"the store does not answer: {error}"
        return "\n".join([*map(str, partitions), f"{clock}", f"{reports}"])

    async def watch(self) -> None:
        """Start again what ended, and measure how long nothing moves; until cancelled."""
        while True:
            self.crew.restart_ended()
            try:
                if not self.lives_now and (await self.clock.read()).now_ms < self.now_ms:
                    await self.clock.announce(self.now_ms, self._ends)  # the store has lost it
                metas = await self.store.metas(range(PARTITIONS))
                state = tuple(meta.get("version") for meta in metas.values())
                behind = not await self._is_decided(self.now_ms)
            except Transient:
                state, behind = self._moved[1], True
            now = time.monotonic()
            if state != self._moved[1] or not behind:
                self._moved = (now, state)
            self.stall_seconds = max(self.stall_seconds, now - self._moved[0])
            await asyncio.sleep(_POLL_SECONDS)


@asynccontextmanager
async def stage(
    installation: Installation,
    history: History,
    folder: Path,
    seed: int,
    *,
    workers: int,
    seconds: float,
    sabotage: Mapping[int, Sequence[str]] = {},
    always: Sequence[str] = (),
    environment: Mapping[str, str] = {},
    lives_now: bool = False,
    topology: Watched | SmallCluster | None = None,
    registered: RegisteredLogins | None = None,
    is_direct: bool = False,
    is_batched: bool = False,
    is_compiled: bool = True,
) -> AsyncIterator[Stage]:
    """Make topics, start workers, and take everything down at the end.

    Args:
        sabotage: by place of a worker, arguments of `saboteur` for its first process.
        always: arguments of `saboteur` for every process.
        environment: further variables of the workers.
        lives_now, topology, registered: see `Stage`.
        is_direct: some producers write to the activity topic themselves.
        is_batched: orders come in batches.
        is_compiled: the core of the workers is compiled, as in the wheel.
    """
    prefix = f"f{uuid.uuid4().hex[:8]}."
    pair = Pair(installation.direct, f"redis://{HOST}:{installation.redis_port}/0")
    variables = {
        **demo_settings(pair, history, folder, prefix),
        **_TIMEOUTS,
        "LINGER_PARTITIONS": str(PARTITIONS),
        **({"LINGER_CLOCK": "system"} if lives_now else {}),
        **environment,
        **({} if topology is None else topology.variables()),
        **({} if registered is None else registered.variables()),
    }
    settings = read_settings(variables)
    shutil.copy(_RULES, settings.rules)
    if isinstance(history, Garbled):
        history.write_files(settings, prefix)
    elif isinstance(history, Loaded):
        history.name_the_moment(settings)
    elif isinstance(history, Ordered):
        history.ask_for_consent(settings, prefix)
    if is_direct and not isinstance(history, Garbled):
        history = let_some_write_directly(history, settings, prefix)
    if registered is not None:
        registered.change_sources(settings, prefix)
    if is_batched:
        history = let_orders_come_in_batches(history, settings, prefix)
    sources = load_configuration(settings).sources
    kept = {"retention.ms": "-1"}  # records of the past are older than any retention
    copies = min(3, len(installation.brokers))
    plans = [
        TopicPlan(
            settings.topic(name),
            settings.partitions_of(name),
            copies,
            {**_durable(copies), **kept, **(_COMPACTED if name == STAGES else {})},
        )
        for name in OWN_TOPICS
    ]
    plans += [
        TopicPlan(source.topic, SOURCE_PARTITIONS, copies, {**_durable(copies), **kept})
        for source in intake_sources(sources, settings.topic("activity"))
    ]
    async with connected_admin(settings.kafka_connection()) as admin:
        await _create(admin, plans)
    store = Store(RedisServers(open_nodes(settings.redis_connection(), 5_000)), settings.redis_namespace)
    codecs = CODECS if isinstance(history, Garbled) else (None,)
    producers = [_producer(settings, codec) for codec in codecs]
    await asyncio.gather(*(producer.start() for producer in producers))
    # The folder `tests` is no part of what is installed: workers find it by where they start.
    reached = {**installation.variables(), **({} if topology is None else topology.variables())}
    # Decided by the compiled core, compared with what the core in plain Python decides.
    core = as_in_the_wheel(ROOT, is_optimized=False) if is_compiled else {}
    crew = Crew({**os.environ, **core, **variables, **reached}, folder, always)
    here = Stage(
        installation, history, settings, store, ReplayClock(store), producers[0], crew, Random(seed), prefix, seconds
    )
    here.compressing = producers if len(producers) > 1 else []
    here.lives_now, here.topology, here.registered = lives_now, topology, registered
    watching = None
    try:
        await (here.send_all() if lives_now else here.announce(history.start_ms))
        for place in range(workers):
            crew.add(*sabotage.get(place, ()))
        watching = asyncio.create_task(here.watch())
        await here.until_claimed()
        here._moved = (time.monotonic(), None)
        here.stall_seconds = 0.0
        yield here
    finally:
        if watching is not None:
            watching.cancel()
        installation.heal()
        await crew.end()
        await asyncio.gather(*(producer.stop() for producer in producers))
        await store.close()


def _producer(settings: Settings, codec: str | None) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        **settings.kafka_connection() | {"request_timeout_ms": round(_PATIENCE_SECONDS * 1000)},
        enable_idempotence=True,
        linger_ms=2,
        compression_type=codec,
    )


def _durable(copies: int) -> dict[str, str]:
    return {"min.insync.replicas": "2"} if copies > 1 else {}


async def _create(admin: Any, plans: Sequence[TopicPlan]) -> None:
    for _ in range(5):
        try:
            await create_missing(admin, plans)
            return
        except (TopicsError, KafkaError, LingerError):
            await asyncio.sleep(1)  # brokers that were killed a moment ago may not be back in the quorum
    await create_missing(admin, plans)
