"""A site: real worker processes over a pair of broker and store, driven by a test on its own clock.

Every site has its own topic prefix, consumer group and Redis namespace, so tests do not see one another. Time is
the replay clock: `now` moves it on, after everything sent was confirmed.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from schemas.book import BOOK
from schemas.stages import STAGES
from tests.support.builders import day
from workers.demo.embedded import Pair, die_with_parent
from workers.kafka.range_reader import stop_consumer
from workers.kafka.records import TopicPartition
from workers.kafka.topics import TopicPlan, connected_admin, create_missing
from workers.settings import MARKS, OWN_TOPICS, Settings, read_settings
from workers.state.connection import RedisServers
from workers.state.meta import counters_of
from workers.state.replay_clock import ReplayClock
from workers.state.store import Store
from workers.state.topology import open_nodes

PATIENCE_SECONDS = 60.0
COMPACTED = {"cleanup.policy": "compact", "retention.ms": "-1"}


@dataclass
class Site:
    """See the module's docstring."""

    settings: Settings
    environment: dict[str, str]
    folder: Path
    prefix: str
    store: Store
    clock: ReplayClock
    producer: AIOKafkaProducer
    ends: dict[TopicPartition, int] = field(default_factory=dict)
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    stopped: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    patience_seconds: float = PATIENCE_SECONDS

    def start_worker(self) -> "subprocess.Popen[bytes]":
        """Start one more worker process."""
        with (self.folder / f"worker-{len(self.processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "workers", "run"],
                env=self.process_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )
        self.processes.append(process)
        return process

    async def stop_worker(self, process: "subprocess.Popen[bytes]") -> None:
        """Stop a worker as an orchestrator does, and wait until it has ended well."""
        self.stopped.append(process)
        process.terminate()
        status = await asyncio.to_thread(process.wait, PATIENCE_SECONDS)
        assert status == 0, f"a worker ended with {status}:\n{self.log()[-4000:]}"

    def process_environment(self) -> dict[str, str]:
        """Return the environment of every process of this site."""
        return {**os.environ, **self.environment}

    def log(self) -> str:
        """Return what all workers have logged."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("worker-*.log")))

    async def send(
        self,
        topic: str,
        value: Mapping[str, Any] | bytes | None,
        at_day: float,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Send one record to a source topic, stamped with a simulated day, and wait until Kafka has it."""
        raw = value if isinstance(value, bytes | None) else json.dumps(value).encode()
        placed = await self.producer.send_and_wait(
            f"{self.prefix}{topic}", value=raw, key=key, timestamp_ms=day(at_day), headers=list(headers)
        )
        place = TopicPartition(placed.topic, placed.partition)
        self.ends[place] = max(self.ends.get(place, 0), placed.offset + 1)

    async def order(self, customer: str, at_day: float, **other: Any) -> None:
        """Send an order."""
        order = {"order_id": uuid.uuid4().hex, "customer": customer, "total": "20.00", "currency": "EUR"}
        await self.send("orders", {**order, "placed_at_ms": day(at_day), **other}, at_day)

    async def login(
        self, customer: str, at_day: float, sent_at_day: float | None = None, key: bytes | None = None
    ) -> None:
        """Send a log-in; it may reach Kafka later than it happened."""
        login = {"session": uuid.uuid4().hex, "user": customer, "time": day(at_day)}
        await self.send("logins", login, at_day if sent_at_day is None else sent_at_day, key)

    async def now(self, at_day: float) -> None:
        """Move the clock on."""
        await self.clock.announce(day(at_day), self.ends)

    async def decided_until(self, at_day: float) -> None:
        """Wait until every partition is decided up to a day and all of it is published."""

        async def is_decided() -> bool:
            seen = await self.seen()
            return len(seen) == self.settings.partitions and all(
                until_ms >= day(at_day) and not unconfirmed for until_ms, unconfirmed in seen.values()
            )

        await self.until(is_decided, f"everything to be decided up to day {at_day}")

    async def seen(self) -> dict[int, tuple[int, int]]:
        """Return by partition up to when it is decided, and how many records wait for Kafka."""
        raw = (await self.store.redis.call([("HGETALL", self.store.keys.seen)]))[0]
        pairs = raw.items() if isinstance(raw, dict) else zip(*[iter(raw)] * 2, strict=True)
        return {int(number): (int(value.split()[0]), int(value.split()[2])) for number, value in pairs}

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait for a condition."""
        give_up = time.monotonic() + self.patience_seconds
        while not await condition():
            if time.monotonic() > give_up:
                raise AssertionError(
                    f"waited {self.patience_seconds:.0f} s for {what}; the log of the workers:\n{self.log()[-4000:]}"
                )
            for process in self.processes:
                if process not in self.stopped and process.poll() not in (None, -9):
                    raise AssertionError(f"a worker ended with {process.returncode}:\n{self.log()[-4000:]}")
            await asyncio.sleep(0.05)

    async def read(self, name: str, at_least: int = 0) -> list[ConsumerRecord]:
        """Return all records of one of Linger's topics, waiting until there are `at_least` of them."""
        topic = self.settings.topic(name)
        consumer = AIOKafkaConsumer(
            enable_auto_commit=False, auto_offset_reset="earliest", **self.settings.kafka_connection()
        )
        await consumer.start()
        try:
            consumer.assign([TopicPartition(topic, number) for number in range(self.settings.partitions)])
            records: list[ConsumerRecord] = []
            give_up, quiet = time.monotonic() + PATIENCE_SECONDS, 0
            # Two empty answers in a row: everything that was there has been read.
            while (quiet < 2 or len(records) < at_least) and time.monotonic() < give_up:
                fetched = await consumer.getmany(timeout_ms=300)
                records += [record for batch in fetched.values() for record in batch]
                quiet = 0 if fetched else quiet + 1
            return records
        finally:
            await stop_consumer(consumer)

    async def actions(self, name: str) -> list[dict[str, Any]]:
        """Return the actions published to a topic, in the order of each customer."""
        return [json.loads(record.value) for record in await self.read(name) if record.value is not None]

    async def counters(self) -> dict[str, int]:
        """Return the sum of the partitions' counters."""
        metas = await self.store.metas(range(self.settings.partitions))
        counters: dict[str, int] = {}
        for meta in metas.values():
            for name, number in counters_of(meta).items():
                counters[name] = counters.get(name, 0) + number
        return counters


SOURCES = """
sources:
  - topic: {prefix}orders
    event: purchase
    max_silence: {orders_silence}
    complete_since: 2024-01-01
    fields:
      event_id: order_id
      customer_id: customer
      occurred_at: {{path: placed_at_ms, format: milliseconds}}
      amount: total
      currency: currency
  - topic: {prefix}logins
    event: login
    max_silence: {logins_silence}
    complete_since: 2024-01-01
    fields:
      event_id: session
      customer_id: user
      occurred_at: {{path: time, format: milliseconds}}
  - topic: {prefix}events
    format: canonical
    events: [purchase, login, cancellation]
    max_silence: 3000 days
    complete_since: 2024-01-01
"""


@asynccontextmanager
async def site(
    pair: Pair,
    folder: Path,
    rules: str,
    *,
    workers: int = 1,
    sources: str = SOURCES,
    orders_silence: str = "3000 days",
    logins_silence: str = "3000 days",
    prefix: str | None = None,
    worker_connection: Mapping[str, str] | None = None,
    **environment: str,
) -> AsyncIterator[Site]:
    """Set up a site with topics `orders`, `logins` (flat JSON) and `events` (canonical), and start its workers.

    Args:
        pair: where the test itself connects, with every permission.
        folder: for its files and logs.
        rules: the rule file.
        workers: how many to start.
        sources: the sources file, with `{prefix}` before each topic.
        orders_silence, logins_silence: `max_silence` of these sources.
        prefix: of all its topics and keys; a new one if left out.
        worker_connection: variables by which its workers connect, if not as the test does; a name with an empty
            value is left out.
        environment: further variables.
    """
    prefix = prefix or f"t{uuid.uuid4().hex[:8]}."
    (folder / "rules.yaml").write_text(rules)
    (folder / "sources.yaml").write_text(
        sources.format(prefix=prefix, orders_silence=orders_silence, logins_silence=logins_silence)
    )
    variables = {
        **pair.variables(),
        "LINGER_KAFKA_GROUP_ID": f"{prefix}linger",
        "LINGER_REDIS_NAMESPACE": f"{prefix}linger",
        "LINGER_TOPIC_PREFIX": f"{prefix}linger",
        "LINGER_PARTITIONS": "4",
        "LINGER_RULES": str(folder / "rules.yaml"),
        "LINGER_SOURCES": str(folder / "sources.yaml"),
        "LINGER_CLOCK": "replay",
        "LINGER_TICK_MS": "50",
        "LINGER_HTTP_PORT": "0",
        "LINGER_LOG_FORMAT": "json",
        **environment,
    }
    settings = read_settings(variables)
    connection = settings.kafka_connection()
    async with connected_admin(connection) as admin:
        # Records of 2024 are older than any retention: Kafka would delete them at its next check.
        kept, compacted = {"retention.ms": "-1"}, (BOOK, MARKS, STAGES)
        plans = [
            TopicPlan(settings.topic(name), settings.partitions_of(name), 1, COMPACTED if name in compacted else kept)
            for name in OWN_TOPICS
        ]
        plans += [TopicPlan(f"{prefix}{name}", 2, 1, kept) for name in ("orders", "logins", "events")]
        await create_missing(admin, plans)
    store = Store(RedisServers(open_nodes(settings.redis_connection(), 5_000)), settings.redis_namespace)
    producer = AIOKafkaProducer(**connection)
    await producer.start()
    variables |= worker_connection or {}
    place = Site(settings, variables, folder, prefix, store, ReplayClock(store), producer)
    try:
        for _ in range(workers):
            place.start_worker()
        await place.now(0)
        yield place
    finally:
        for process in place.processes:
            process.terminate()
        for process in place.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        await producer.stop()
        await store.close()
