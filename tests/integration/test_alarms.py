"""Each alarm of docs/alerts.yaml fires by a real fault and ends after it, as Prometheus itself judges.

One site goes through all faults. Its workers are scraped before, during and after each of them; what they showed is
evaluated in the end. Seconds here are minutes there, and the clock of Linger is moved on, so no one has to wait.
"""

import asyncio
import json
import os
import re
import signal
import time
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import aiokafka
import pytest
from aiokafka.admin import RecordsToDelete
from ruamel.yaml import YAML

from tests.conftest import need
from tests.integration.test_broken_sources import linger
from tests.integration.test_worker import QUIET
from tests.support.builders import day
from tests.support.paths import ROOT
from tests.support.prometheus import Timeline, missing_promtool
from tests.support.services import running_redis
from tests.support.site import Site, site
from workers.demo.embedded import HOST, Pair, free_ports
from workers.errors import Transient
from workers.kafka.partitioner import partition_of
from workers.kafka.records import TopicPartition
from workers.kafka.topics import TopicPlan, connected_admin, create_missing
from workers.operations.redis_checks import parse_info
from workers.pauses.record import PauseRecord, encode_pause
from workers.settings import PAUSES, REQUESTS

pytestmark = [pytest.mark.integration, pytest.mark.rest]

RULES: Final = ROOT / "docs/alerts.yaml"
_RULES: Final[list[dict[str, Any]]] = YAML(typ="safe", pure=True).load(RULES.read_text())["groups"][0]["rules"]
ALARMS: Final = {rule["alert"] for rule in _RULES}
METRICS: Final = {name for rule in _RULES for name in re.findall(r"\b((?:linger|process)_[a-z_]+)\b", rule["expr"])}

BRAKED: Final = f"for every rule:\n  brake: at most 5 per hour\n{QUIET}"
FIELDS: Final = """\
    fields:
      event_id: order_id
      customer_id: customer
      occurred_at: {{path: placed_at_ms, format: milliseconds}}
      amount: total
      currency: currency
"""
SOURCES: Final = f"""
sources:
  - topic: {{prefix}}orders
    event: purchase
    max_silence: {{orders_silence}}
    complete_since: 2024-01-01
{FIELDS}  - topic: {{prefix}}logins
    event: login
    max_silence: {{logins_silence}}
    type_max_silence: {{{{login: 12 hours}}}}
    complete_since: 2024-01-01
    fields:
      event_id: session
      customer_id: user
      occurred_at: {{{{path: time, format: milliseconds}}}}
  - topic: {{prefix}}events
    event: purchase
    max_silence: 3000 days
    complete_since: 2024-01-01
    only_when: {{{{state: paid}}}}
{FIELDS}  - topic: {{prefix}}schemas
    format: avro
    event: purchase
    max_silence: 3000 days
    complete_since: 2024-01-01
{FIELDS}"""
LONG: Final = 75
"""Minutes after which no alarm looks at what was before."""


def order(customer: str, at_day: float, **other: str) -> dict[str, Any]:
    paid = {"order_id": uuid.uuid4().hex, "customer": customer, "total": "1", "currency": "EUR"}
    return {**paid, "placed_at_ms": day(at_day), **other}


class Prometheus:
    """Scrapes the workers of a site, as they are named by the place where they run."""

    def __init__(self, place: Site) -> None:
        self.place = place
        self.timeline = Timeline(RULES, METRICS)
        self.targets: dict[str, int] = {}

    async def discover(self, name: str, number: int) -> None:
        """Scrape the worker that logs to a file of this number from now on, once it is ready."""
        log = self.place.folder / f"worker-{number}.log"

        async def is_ready() -> bool:
            return '"worker_ready"' in log.read_text()

        await self.place.until(is_ready, f"worker {name} to be ready")
        ports = [json.loads(line)["http_port"] for line in log.read_text().splitlines() if '"worker_ready"' in line]
        self.targets[name] = ports[-1]

    async def scrape(self) -> dict[str, str | None]:
        """Return what each target answers now."""
        answers = await asyncio.gather(*(asyncio.to_thread(_fetched, port) for port in self.targets.values()))
        return dict(zip(self.targets, answers, strict=True))

    async def value(self, metric: str, **labels: str) -> float:
        """Return the sum of a metric over all targets and series with these labels."""
        total = 0.0
        for text in (await self.scrape()).values():
            for line in (text or "").splitlines():
                name, _, rest = line.partition("{") if "{" in line else line.partition(" ")
                if name == metric and all(f'{key}="{of}"' in rest for key, of in labels.items()):
                    total += float(line.rsplit(" ", 1)[1])
        return total

    async def until(self, metric: str, holds: Callable[[float], bool], **labels: str) -> None:
        async def is_so() -> bool:
            return holds(await self.value(metric, **labels))

        try:
            await self.place.until(is_so, f"{metric} {labels}")
        except AssertionError as error:
            raise AssertionError(f"{metric} is {await self.value(metric, **labels)}: {error}") from None

    async def record(self, minutes: int) -> None:
        """Write down what is shown now, and let it last."""
        self.timeline.add(await self.scrape(), minutes)

    async def watch(self, minutes: int) -> None:
        """Write down what is shown at several moments, as if they were minutes apart."""
        for _ in range(minutes):
            self.timeline.add(await self.scrape())
            await asyncio.sleep(0.2)  # one scrape a minute, at this scale


def _fetched(port: int) -> str | None:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())
    except OSError:
        return None


async def answers(place: Site) -> bool:
    try:
        await place.store.redis.call([("HGET", place.store.keys.rules, "x")])
    except Transient:
        return False
    return True


@contextmanager
def answering_registry(port: int) -> Iterator[None]:
    """Run a registry that knows no schema."""

    class Unknown(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"error_code": 40403, "message": "Schema not found"}'
            self.send_response(404)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((HOST, port), Unknown)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Faults:
    """A site, what breaks in it, and how it is repaired."""

    def __init__(self, place: Site, prometheus: Prometheus, redis: "Redis", registry_port: int) -> None:
        self.place = place
        self.prometheus = prometheus
        self.redis = redis
        self.registry_port = registry_port

    async def judged(self, what: str, *firing: str, others: tuple[str, ...] = ()) -> None:
        """Let the fault last, and expect these alarms; `others` may fire as well."""
        await self.prometheus.record(20)
        self.prometheus.timeline.expect(f"during {what}", firing, others)

    async def over(self, what: str) -> None:
        """Let what is repaired last, and expect no alarm."""
        await self.prometheus.record(LONG)
        self.prometheus.timeline.expect(f"after {what}", ())

    async def move_on(self, at_day: float) -> None:
        """Let a log-in come and the clock pass it, so that their source is not silent."""
        await self.place.login("ada", at_day)
        await self.place.now(at_day)
        await self.place.now(at_day + 0.001)
        await self.prometheus.until("linger_source_silent", lambda value: value == 0)
        await self.prometheus.until("linger_type_silent", lambda value: value == 0)

    # -- sources -------------------------------------------------------------------------------------------

    async def dead_letters(self) -> None:
        prometheus = self.prometheus
        await self.place.send("orders", b"no order", 2, key=b"k")
        await prometheus.until("linger_dead_letters_total", lambda value: value == 1)
        await prometheus.record(5)
        prometheus.timeline.expect("during dead letters", ["LingerDeadLetters"])
        await self.over("dead letters")

    async def stopped_source(self) -> None:
        place, prometheus = self.place, self.prometheus
        for _ in range(8):
            await place.send("orders", b"no order", 2, key=b"k")
        await prometheus.until("linger_source_stopped", lambda value: value == 1, topic=f"{place.prefix}orders")
        await place.now(2.1)
        await prometheus.until("linger_source_lag_seconds", lambda value: value > 900)
        await prometheus.until("linger_type_behind_seconds", lambda value: value > 900, type="purchase")
        alarms = ("LingerSourceStopped", "LingerSourceLag", "LingerTypeBehind")
        await self.judged("a stopped source", *alarms, others=("LingerDeadLetters",))
        assert (await linger(place, "sources", "resume", f"{place.prefix}orders"))[0] == 0
        await prometheus.until("linger_source_stopped", lambda value: value == 0)
        await prometheus.until("linger_source_lag_seconds", lambda value: value == 0)
        await prometheus.until("linger_type_behind_seconds", lambda value: value == 0)
        await self.over("a stopped source")

    async def silence(self) -> None:
        place, prometheus = self.place, self.prometheus
        await place.now(3.5)  # the last log-in was on day 2, and may be a day old
        await prometheus.until("linger_source_silent", lambda value: value == 1, topic=f"{place.prefix}logins")
        await prometheus.until("linger_type_silent", lambda value: value == 1, type="login")
        await prometheus.until("linger_type_behind_seconds", lambda value: value > 900, type="login")
        await self.judged("a silence", "LingerSourceSilent", "LingerTypeSilent", "LingerTypeBehind")
        await self.move_on(3.51)
        await prometheus.until("linger_type_behind_seconds", lambda value: value == 0)
        await self.over("a silence")

    async def skips(self) -> None:
        place, prometheus = self.place, self.prometheus
        for _ in range(100):
            await place.send("events", order("eve", 3.5, state="settled"), 3.5)
        topic = f"{place.prefix}events"
        await prometheus.until("linger_source_skips_unusual", lambda value: value == 1, topic=topic)
        await self.judged("renamed values", "LingerSourceSkipsUnusual")
        for _ in range(100):
            await place.send("events", order("eve", 3.5, state="paid"), 3.5)
        await prometheus.until("linger_source_skips_unusual", lambda value: value == 0)
        await self.over("renamed values")

    async def registry(self) -> None:
        place, prometheus = self.place, self.prometheus
        await place.send("schemas", b"\0\0\0\0\x07body", 3.5)
        await prometheus.until("linger_source_waits_for_registry", lambda value: value == 1)
        await self.judged("a silent registry", "LingerSourceWaitsForRegistry")
        with answering_registry(self.registry_port):
            await prometheus.until("linger_source_waits_for_registry", lambda value: value == 0)
        await self.over("a silent registry")

    # -- Kafka and Redis -----------------------------------------------------------------------------------

    async def gone_topics(self) -> None:
        """The topics of actions are gone; many actions are due at once, and more than the brake lets through."""
        place, prometheus = self.place, self.prometheus
        topics = [place.settings.topic(name) for name in ("at-risk", "decisions")]
        sending = []
        for number in range(600):
            value = json.dumps(order(f"many{number}", 3.51)).encode()
            sending.append(await place.producer.send(f"{place.prefix}orders", value=value, timestamp_ms=day(3.51)))
        for placed in await asyncio.gather(*sending):
            place_of = TopicPartition(placed.topic, placed.partition)
            place.ends[place_of] = max(place.ends.get(place_of, 0), placed.offset + 1)
        await self._delete(topics)
        await self.move_on(14)
        await prometheus.until("linger_outbox_records", lambda value: value >= 600)
        await prometheus.until("linger_held_actions", lambda value: value > 500, because="brake")
        hour_ago = round(time.time() * 1000) - 3_600_000
        for number in range(place.settings.partitions):
            await place.producer.send_and_wait(
                place.settings.topic("activity"), b"{}", key=b"x", partition=number, timestamp_ms=hour_ago
            )
        await prometheus.until("linger_activity_lag_seconds", lambda value: value > 900)
        await prometheus.until("linger_condition", lambda value: value == 1, condition="own_topics")
        alarms = ("LingerOutboxStuck", "LingerOwnTopicsUnfit", "LingerActivityLag", "LingerBrakeHolds")
        await self.judged(
            "topics that are gone", *alarms, others=("LingerTypeBehind", "LingerOverdue", "LingerDeadLetters")
        )
        async with connected_admin(place.settings.kafka_connection()) as admin:
            await create_missing(admin, [TopicPlan(name, 4, 1, {"retention.ms": "-1"}) for name in topics])
        assert (await linger(place, "rules", "discard", "quiet-buyer", "--all"))[0] == 0
        await prometheus.until("linger_condition", lambda value: value == 0, condition="own_topics")
        await prometheus.until("linger_outbox_records", lambda value: value == 0)
        await prometheus.until("linger_activity_lag_records", lambda value: value == 0)
        await prometheus.until("linger_held_actions", lambda value: value == 0, because="brake")
        await prometheus.until("linger_type_behind_seconds", lambda value: value == 0)
        await self.over("topics that are gone")

    async def unread_topics(self) -> None:
        """The topics that workers read beside the activity topic are gone."""
        place, prometheus = self.place, self.prometheus
        topics = [place.settings.topic(name) for name in (PAUSES, REQUESTS)]
        await self._delete(topics)
        await prometheus.until("linger_condition", lambda value: value == 1, condition="pauses")
        await prometheus.until("linger_condition", lambda value: value == 1, condition="requests")
        await prometheus.until("linger_condition", lambda value: value == 1, condition="own_topics")
        await self.judged(
            "topics that cannot be read", "LingerPausesUnread", "LingerRequestsWait", others=("LingerOwnTopicsUnfit",)
        )
        async with connected_admin(place.settings.kafka_connection()) as admin:
            await create_missing(admin, [TopicPlan(name, 1, 1, {"retention.ms": "-1"}) for name in topics])
        for condition in ("pauses", "requests", "own_topics"):
            await prometheus.until("linger_condition", lambda value: value == 0, condition=condition)
        await self.over("topics that cannot be read")

    async def forgotten_pause(self) -> None:
        place, prometheus = self.place, self.prometheus
        at_ms = round(time.time() * 1000) - 8 * 86_400_000
        pause = PauseRecord(rule="quiet-buyer", paused=True, by="ann", at_ms=at_ms, because="a holiday")
        await place.producer.send_and_wait(place.settings.topic(PAUSES), encode_pause(pause), key=b"quiet-buyer")
        await prometheus.until("linger_oldest_pause_seconds", lambda value: value > 7 * 86400)
        await self.judged("a long pause", "LingerPauseForgotten")
        assert (await linger(place, "resume", "quiet-buyer"))[0] == 0
        await prometheus.until("linger_oldest_pause_seconds", lambda value: value == 0)
        await self.over("a long pause")

    async def _delete(self, topics: Sequence[str]) -> None:
        async with connected_admin(self.place.settings.kafka_connection()) as admin:
            await admin.delete_topics(topics)

    async def full_redis(self) -> None:
        place, prometheus = self.place, self.prometheus

        async def is_full() -> bool:
            # Measured now: what was shown last may be of before Redis has freed something.
            for answer in (await place.store.redis.ask_every_server("INFO", "memory")).values():
                used = int(parse_info(answer)["used_memory"])
                await place.store.redis.ask_every_server("CONFIG", "SET", "maxmemory", str(round(used * 1.1)))
            most = await prometheus.value("linger_redis_max_bytes")
            return most > 0 and await prometheus.value("linger_redis_used_bytes") / most > 0.85

        await place.until(is_full, "a Redis that is nearly full")
        await self.judged("a full Redis", "LingerRedisMemory")
        await place.store.redis.ask_every_server("CONFIG", "SET", "maxmemory", "0")
        await prometheus.until("linger_redis_max_bytes", lambda value: value == 0)
        await self.over("a full Redis")

    async def dead_redis(self) -> None:
        self.redis.kill()
        await self.prometheus.watch(20)
        self.prometheus.timeline.expect("during a dead Redis", ["LingerRetries"])
        self.redis.start()
        await self.place.until(partial(answers, self.place), "Redis to answer")
        await self.place.now(14.002)
        await self.place.decided_until(14.002)
        await self.over("a dead Redis")

    # -- workers -------------------------------------------------------------------------------------------

    async def broken_start(self) -> None:
        """While no worker runs, records are deleted, files break, and Redis loses what it says of a partition."""
        place, prometheus = self.place, self.prometheus
        due = next(name for name in map("due{}".format, range(100)) if partition_of(name, 4) == 0)
        await place.send("orders", order(due, 14.002), 14.002, key=b"k")
        await self.move_on(14.003)
        await place.decided_until(14.004)
        await self._stop()
        await self.judged("no worker", "LingerNoWorker", "LingerWorkerDown")
        rules = place.folder / "rules.yaml"
        good = rules.read_text()
        rules.write_text(good.replace("purchase", "puchase", 1))
        meta = place.store.keys.partition(0).meta
        offset = (await place.store.meta(0))["offset"]
        await place.store.redis.call([("HSET", meta, "offset", "1000000")])
        for number in range(3):
            await place.send("orders", order(f"lost{number}", 14.004), 14.004, key=b"k")
        orders = [place_of for place_of in place.ends if place_of[0] == f"{place.prefix}orders"]
        async with connected_admin(place.settings.kafka_connection()) as admin:
            await admin.delete_records(
                {aiokafka.TopicPartition(*one): RecordsToDelete(place.ends[one]) for one in orders}
            )
        await self._start()
        await place.now(26)
        await prometheus.until("linger_source_records_lost_total", lambda value: value > 0)
        await prometheus.until("linger_partitions_stopped", lambda value: value == 1)
        await prometheus.until("linger_last_good_in_use", lambda value: value == 1)
        await prometheus.until("linger_overdue_seconds", lambda value: value > 900)
        of_files = ("LingerLastGood", "LingerFilesRefused")
        alarms = ("LingerRecordsLost", "LingerPartitionsStopped", "LingerOverdue", *of_files)
        silent = ("LingerSourceSilent", "LingerTypeSilent", "LingerTypeBehind")
        await self.judged("a broken start", *alarms, others=silent)
        await self._stop()
        rules.write_text(good)
        await place.store.redis.call([("HSET", meta, "offset", offset)])
        await self._start()
        # The position moves past the gap with the next record; until then, every new reader reports the loss.
        await place.send("orders", order("ada", 26), 26, key=b"k")
        await self.move_on(26.001)
        await place.decided_until(26.002)
        await prometheus.until("linger_overdue_seconds", lambda value: value < 900)
        await self.over("a broken start")

    async def crashes(self) -> None:
        for _ in range(4):
            crashed = self.place.processes.pop()
            crashed.kill()
            crashed.wait()
            await self._start()
            await self.prometheus.record(2)
        self.prometheus.timeline.expect("during crashes", ["LingerRestarts"])
        await self.over("crashes")

    async def lost_worker(self) -> None:
        """A second worker dies; until the group notices, no worker has its partitions."""
        place, prometheus = self.place, self.prometheus
        second = place.start_worker()
        await prometheus.discover("second", 1)
        await prometheus.until("linger_partitions_owned", lambda value: value == 4)
        await prometheus.until("linger_activity_lag_records", lambda value: value == 0)
        shown = (await prometheus.scrape()).values()
        assert all("linger_partitions_owned 2.0" in (text or "") for text in shown)
        second.send_signal(signal.SIGKILL)
        second.wait()
        await self.judged("a dead worker", "LingerWorkerDown", "LingerPartitionsWithoutWorker")
        del prometheus.targets["second"]  # as the orchestrator says
        await prometheus.until("linger_partitions_owned", lambda value: value == 4)
        place.processes.remove(second)
        await self.over("a dead worker")

    async def other_rules(self) -> None:
        """A second worker has newer rules, and the first one is not given them."""
        place, prometheus = self.place, self.prometheus
        newer = place.folder / "newer.yaml"
        newer.write_text(
            (place.folder / "rules.yaml")
            .read_text()
            .replace("10 days}", "11 days}")
            .replace("at: 10 days", "at: 11 days")
        )
        place.environment["LINGER_RULES"] = str(newer)
        second = place.start_worker()
        await prometheus.discover("second", 1)
        await prometheus.until("linger_rule_set_generation", lambda value: value == 3)
        await self.judged(
            "two rule sets", "LingerGenerationsDiffer", others=("LingerOverdue", "LingerPartitionsStopped")
        )
        (place.folder / "rules.yaml").write_text(newer.read_text())
        await prometheus.until("linger_rule_set_generation", lambda value: value == 4)
        await prometheus.until("linger_partitions_stopped", lambda value: value == 0)
        second.terminate()
        await asyncio.to_thread(second.wait, 30)
        place.processes.remove(second)
        del prometheus.targets["second"]
        place.environment["LINGER_RULES"] = str(place.folder / "rules.yaml")
        await prometheus.until("linger_partitions_owned", lambda value: value == 4)
        await self.over("two rule sets")

    async def other_groups(self) -> None:
        """Workers of other groups use the same namespace, so that each takes all partitions from the one before."""
        place, prometheus = self.place, self.prometheus
        for number in (1, 2, 3):
            place.environment["LINGER_KAFKA_GROUP_ID"] = f"{place.prefix}other{number}"
            place.start_worker()
            await prometheus.discover(f"other{number}", number)
            await place.login("ada", 26.01)
            await prometheus.until("linger_fenced_total", lambda value: value >= 1)
            await prometheus.record(1)
            place.processes[number - 1].kill()
            del prometheus.targets["worker" if number == 1 else f"other{number - 1}"]
        prometheus.timeline.expect("during three groups", ["LingerFenced"])
        await self.over("three groups")

    # -- processes -----------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        worker = self.place.processes.pop()
        worker.terminate()
        assert await asyncio.to_thread(worker.wait, 30) == 0

    async def _start(self) -> None:
        (self.place.folder / "worker-0.log").unlink()
        self.place.start_worker()
        await self.prometheus.discover("worker", 0)


class Redis:
    """A Redis of this test alone: it is killed, and started again over the same data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (self._port,) = free_ports(1)
        self._running = ExitStack()
        self.url = f"redis://{HOST}:{self._port}/0"
        self._process_id = 0

    def start(self) -> None:
        self._process_id = self._running.enter_context(
            running_redis(self._folder / "redis", self._port, self._folder)
        )

    def kill(self) -> None:
        os.kill(self._process_id, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        self._running.close()


def test_each_alarm_fires_by_a_real_fault_and_ends_after_it(apache_pair: Pair, tmp_path: Path) -> None:
    need(missing_promtool())
    redis = Redis(tmp_path)
    redis.start()
    (registry_port,) = free_ports(1)
    prefix = "alarms."

    async def law() -> Timeline:
        async with connected_admin({"bootstrap_servers": apache_pair.bootstrap_servers}) as admin:
            await create_missing(admin, [TopicPlan(f"{prefix}schemas", 2, 1, {"retention.ms": "-1"})])
        pair = Pair(apache_pair.bootstrap_servers, redis.url)
        options: dict[str, Any] = {
            "LINGER_SCHEMA_REGISTRY_URL": f"http://{HOST}:{registry_port}",
            "LINGER_DEAD_LETTER_MAX_CONSECUTIVE": "5",
            "LINGER_KAFKA_SESSION_TIMEOUT_MS": "6000",
            "LINGER_OUTBOX_LIMIT": "100",
            "LINGER_RULES_POLL_MS": "100",
        }
        async with site(
            pair, tmp_path, BRAKED, sources=SOURCES, logins_silence="1 day", prefix=prefix, **options
        ) as place:
            prometheus = Prometheus(place)
            faults = Faults(place, prometheus, redis, registry_port)
            await prometheus.discover("worker", 0)
            await place.send("orders", order("ada", 2), 2, key=b"k")
            await faults.move_on(2)
            await place.decided_until(2.001)
            await faults.over("the start")
            for fault in FAULTS:
                began = time.monotonic()
                await fault(faults)
                print(f"{fault.__name__}: {time.monotonic() - began:.1f} s")
            return prometheus.timeline

    try:
        timeline = asyncio.run(law())
    finally:
        redis.stop()
    assert timeline.judge(tmp_path, ALARMS) == []
    assert timeline.fired() == ALARMS


FAULTS: Final[tuple[Callable[[Faults], Awaitable[None]], ...]] = (
    Faults.dead_letters,
    Faults.stopped_source,
    Faults.silence,
    Faults.skips,
    Faults.registry,
    Faults.gone_topics,
    Faults.unread_topics,
    Faults.full_redis,
    Faults.dead_redis,
    Faults.broken_start,
    Faults.crashes,
    Faults.lost_worker,
    Faults.other_rules,
    Faults.other_groups,
    Faults.forgotten_pause,
)
