"""A source that cannot be read stops alone, and one that brings no event falls silent alone."""

import asyncio
import json
import sys
import tempfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import aiokafka.codec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import UnsupportedCodecError

from tests.integration.test_worker import DRY, QUIET
from tests.support.builders import day
from tests.support.services import running_kafka, running_redis
from tests.support.site import SOURCES, Site, site
from workers.demo.embedded import HOST, Pair, free_ports
from workers.kafka.partitioner import partition_of
from workers.kafka.topics import TopicPlan, connected_admin, create_missing

pytestmark = pytest.mark.integration

Scenario = Callable[[Site], Awaitable[None]]
SAME: Final = b"same"
"""A key for the records that are to be in one partition."""


def play(pair: Pair, folder: Path, rules: str, scenario: Scenario, **options: Any) -> None:
    async def on_a_site() -> None:
        async with site(pair, folder, rules, **options) as place:
            await scenario(place)

    asyncio.run(on_a_site())


async def asked(place: Site, path: str) -> str:
    """Return what the newest worker answers, with any status."""
    log = place.folder / "worker-0.log"

    async def is_up() -> bool:
        return '"worker_ready"' in log.read_text()

    await place.until(is_up, "the worker to be ready")
    ports = [json.loads(line)["http_port"] for line in log.read_text().splitlines() if '"worker_ready"' in line]

    def fetch() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{ports[-1]}{path}", timeout=10) as answer:
                body: bytes = answer.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        return body.decode()

    return await asyncio.to_thread(fetch)


async def ready(place: Site) -> dict[str, str]:
    conditions = json.loads(await asked(place, "/statusz?format=json"))["conditions"]
    return {name: condition["reason"] or "ok" for name, condition in conditions.items()}


async def until_ready_says(place: Site, check: str, *parts: str) -> None:
    """Wait until a line of /statusz has all these parts; without parts, until it is ok."""

    async def says() -> bool:
        line = (await ready(place))[check]
        return all(part in line for part in parts) if parts else line == "ok"

    await place.until(says, f"/statusz to say {parts or 'ok'} at '{check}'")


async def gauge(place: Site, name: str, topic: str) -> float:
    label = f'{name}{{topic="{place.prefix}{topic}"}} '
    (line,) = [line for line in (await asked(place, "/metrics")).splitlines() if line.startswith(label)]
    return float(line.removeprefix(label))


async def linger(place: Site, *words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "workers",
        *words,
        env={**place.process_environment(), "COLUMNS": "400"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, output.decode()


async def acted(place: Site) -> set[tuple[str, str]]:
    return {(action["rule"]["id"], action["customer_id"]) for action in await place.actions("at-risk")}


async def until_acted(place: Site, *expected: tuple[str, str]) -> None:
    async def has() -> bool:
        return await acted(place) >= set(expected)

    await place.until(has, f"actions {expected}")


async def restart(place: Site) -> None:
    (worker,) = place.processes
    worker.terminate()
    await asyncio.to_thread(worker.wait, 30)
    log = place.folder / "worker-0.log"
    log.rename(place.folder / "worker--before.log")
    place.processes.clear()
    place.start_worker()


# --- codecs -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["lz4", "snappy", "zstd"])
def test_a_topic_that_the_broker_compresses_is_read(
    codec: str, apache_pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = f"t{uuid.uuid4().hex[:8]}."

    async def create() -> None:
        async with connected_admin({"bootstrap_servers": apache_pair.bootstrap_servers}) as admin:
            config = {"compression.type": codec, "retention.ms": "-1"}
            await create_missing(admin, [TopicPlan(f"{prefix}orders", 2, 1, config)])

    async def scenario(place: Site) -> None:
        await place.order("ada", 1, note="x" * 2_000)
        await place.now(12)
        await until_acted(place, ("quiet-buyer", "ada"))
        # It was compressed: without the library, it cannot be read.
        monkeypatch.setattr(aiokafka.codec, "cramjam", None)
        async with AIOKafkaConsumer(**place.settings.kafka_connection()) as consumer:
            partitions = [TopicPartition(f"{place.prefix}orders", number) for number in range(2)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            with pytest.raises(UnsupportedCodecError, match=codec):
                await asyncio.wait_for(consumer.getone(), 30)

    asyncio.run(create())
    play(apache_pair, tmp_path, QUIET, scenario, prefix=prefix)


# --- a batch that cannot be decoded ---------------------------------------------------------------------------------


@pytest.mark.rest
def test_a_source_that_cannot_be_decoded_stops_alone_and_goes_on_where_it_stopped(
    apache_pair: Pair, tmp_path: Path
) -> None:
    """The codec's library is hidden from the worker; the bad batch is then deleted from the topic."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "cramjam.py").write_text("raise ImportError('hidden by a test')\n")

    async def scenario(place: Site) -> None:
        name = f"{place.prefix}orders"
        order = {"order_id": "o1", "customer": "ada", "total": "20.00", "currency": "EUR", "placed_at_ms": day(1)}
        await place.send("orders", order, 1, key=SAME)
        async with AIOKafkaProducer(compression_type="zstd", **place.settings.kafka_connection()) as compressing:
            bad = json.dumps({**order, "order_id": "o2", "customer": "c2", "note": "x" * 2_000}).encode()
            await compressing.send_and_wait(name, value=bad, key=SAME, timestamp_ms=day(1))
        await place.send("orders", {**order, "order_id": "o3", "customer": "c3"}, 1, key=SAME)
        await place.login("bob", 1)
        await until_ready_says(place, "stopped_sources", name, "zstd", "offset 1")
        assert await gauge(place, "linger_source_stopped", "orders") == 1
        assert await gauge(place, "linger_source_stopped", "logins") == 0

        # The log-ins still lead to an action, the orders to none: what the stopped source has is not known.
        await place.now(12)
        await until_acted(place, ("dry-logins", "bob"))
        assert await acted(place) == {("dry-logins", "bob")}

        # A restart does not hide it, and neither does asking while the cause is there.
        await restart(place)
        await until_ready_says(place, "stopped_sources", name, "zstd", "offset 1")
        status, output = await linger(place, "doctor")
        assert status == 1
        assert "stopped sources" in output
        assert name in output
        status, output = await linger(place, "sources", "resume", name)
        assert status == 0
        assert "zstd" in output
        await until_ready_says(place, "stopped_sources", name, "zstd", "offset 1")

        async with connected_admin(place.settings.kafka_connection()) as admin:
            (partition,) = [tp.partition for tp, end in place.ends.items() if tp.topic == name and end == 3]
            await admin.delete_records({TopicPartition(name, partition): RecordsToDelete(2)})
        assert (await linger(place, "sources", "resume", name))[0] == 0
        await until_ready_says(place, "stopped_sources")
        # What lay behind the bad batch was not lost, nor what lay before it.
        await until_acted(place, ("quiet-buyer", "ada"), ("quiet-buyer", "c3"))
        assert await gauge(place, "linger_source_stopped", "orders") == 0
        assert await acted(place) == {("dry-logins", "bob"), ("quiet-buyer", "ada"), ("quiet-buyer", "c3")}
        assert '"source_goes_on"' in place.log()
        assert await linger(place, "sources", "resume", name) == (0, f"'{name}' is not stopped.\n")

    play(apache_pair, tmp_path, QUIET + DRY, scenario, PYTHONPATH=str(hidden))


@pytest.mark.rest
@pytest.mark.usefixtures("needed")
@pytest.mark.parametrize("topic", ["orders", "activity"])
def test_a_batch_that_broke_on_the_broker_s_disk_stops_its_partition_alone(tmp_path: Path, topic: str) -> None:
    """One byte of the log is changed while the broker runs, as a bad disk does, and changed back later."""
    kafka_port, redis_port = free_ports(2)

    async def scenario(place: Site) -> None:
        name = f"{place.prefix}orders" if topic == "orders" else place.settings.topic("activity")
        (worker,) = place.processes
        worker.terminate()
        await asyncio.to_thread(worker.wait, 30)
        place.processes.clear()
        event = {"type": "purchase", "event_id": "e1", "customer_id": "ada", "occurred_at": "2024-01-02T00:00:00Z"}
        if topic == "orders":
            await place.order("ada", 1)
        else:
            of_ada = partition_of("ada", place.settings.partitions)
            value = json.dumps({**event, "amount": "20.00", "currency": "EUR"}).encode()
            await place.producer.send_and_wait(name, value=value, key=b"ada", partition=of_ada, timestamp_ms=day(1))
        for number in range(8):
            await place.login(f"bob-{number}", 1)
        (log, at) = next(
            (path, path.read_bytes().rindex(b"EUR"))
            for path in (kafka_data / "kafka").rglob("*.log")
            if path.parent.name.startswith(f"{name}-") and b"EUR" in path.read_bytes()
        )

        def put(byte: bytes) -> None:
            with log.open("r+b") as file:
                file.seek(at)
                file.write(byte)

        put(b"X")
        place.start_worker()
        await place.now(12)
        bobs = {("dry-logins", f"bob-{number}") for number in range(8)}
        if topic == "orders":
            await until_ready_says(place, "stopped_sources", name, "CRC")
            await until_acted(place, *bobs)
            put(b"E")
            assert (await linger(place, "sources", "resume", name))[0] == 0
            await until_ready_says(place, "stopped_sources")
        else:
            await until_ready_says(place, "stopped", f"[{of_ada}]")
            assert "CRC" in place.log()

            async def others() -> bool:
                return len(await acted(place)) > 0

            await place.until(others, "customers of other partitions to be decided")
            assert ("quiet-buyer", "ada") not in await acted(place)
            put(b"E")
            await restart(place)
        await until_acted(place, ("quiet-buyer", "ada"), *bobs)

    with tempfile.TemporaryDirectory(prefix="linger-broken-") as data:
        kafka_data = Path(data)
        with (
            running_redis(kafka_data / "redis", redis_port, tmp_path),
            running_kafka(kafka_data / "kafka", kafka_port, tmp_path),
        ):
            pair = Pair(f"{HOST}:{kafka_port}", f"redis://{HOST}:{redis_port}/0")
            sources = SOURCES if topic == "orders" else SOURCES + DIRECT
            play(pair, tmp_path, QUIET + DRY, scenario, sources=sources)


DIRECT: Final = """
  - topic: {prefix}linger.activity
    format: canonical
    events: [purchase]
    max_silence: 3000 days
    complete_since: 2024-01-01
"""


# --- too many dead letters ------------------------------------------------------------------------------------------


@pytest.mark.rest
def test_a_topic_that_became_unreadable_stops_itself_alone_instead_of_being_drained(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        name = f"{place.prefix}orders"
        order = {"order_id": "o1", "customer": "ada", "total": "20.00", "currency": "EUR", "placed_at_ms": day(1)}
        await place.send("orders", order, 1, key=SAME)
        for _ in range(40):
            await place.send("orders", b"<html>", 1, key=SAME)
        await place.send("orders", {**order, "order_id": "o2", "customer": "cyd"}, 1, key=SAME)
        for _ in range(40):
            await place.send("orders", b"<html>", 1, key=SAME)
        await place.login("bob", 1)
        await until_ready_says(place, "stopped_sources", name, "21 records in a row", "not_json")
        assert await gauge(place, "linger_source_stopped", "orders") == 1
        await place.now(12)
        await until_acted(place, ("dry-logins", "bob"))
        assert await acted(place) == {("dry-logins", "bob")}
        assert len(await place.read("dead-letter")) == 20

        await restart(place)
        await until_ready_says(place, "stopped_sources", name, "21 records in a row", "not_json")
        assert (await linger(place, "sources", "resume", name))[0] == 0
        await until_ready_says(place, "stopped_sources")
        await until_acted(place, ("quiet-buyer", "ada"), ("quiet-buyer", "cyd"))
        assert len(await place.read("dead-letter", at_least=80)) == 80

        # What came after the command counts again.
        for _ in range(21):
            await place.send("orders", b"<html>", 12.5, key=SAME)
        await until_ready_says(place, "stopped_sources", name, "21 records in a row")

    play(apache_pair, tmp_path, QUIET + DRY, scenario, LINGER_DEAD_LETTER_MAX_CONSECUTIVE="20")


@pytest.mark.rest
def test_guests_and_tombstones_end_no_worker(apache_pair: Pair, tmp_path: Path) -> None:
    """Of three orders, two have no customer; and a purge leaves more tombstones than dead letters are allowed."""

    async def scenario(place: Site) -> None:
        order = {"order_id": "o", "total": "20.00", "currency": "EUR", "placed_at_ms": day(1)}
        for number in range(60):
            await place.send("logins", None, 1, key=b"purged-%d" % number)
        await place.login("bob", 1)
        for number in range(240):
            guest = {} if number % 3 else {"customer": f"c{number}"}
            await place.send("orders", {**order, "order_id": f"o{number}", **guest}, 1, key=SAME)
        await until_ready_says(place, "stopped_sources", f"{place.prefix}orders", "of the last 200 records")
        assert f"{place.prefix}logins" not in (await ready(place))["stopped_sources"]
        await place.now(12)
        await until_acted(place, ("dry-logins", "bob"))
        assert await gauge(place, "linger_tombstones_total", "logins") == 60
        assert '"linger-source-topic"' not in place.log()
        assert {dict(record.headers)["linger-reason"] for record in await place.read("dead-letter")} == {
            b"missing_field"
        }

    play(apache_pair, tmp_path, QUIET + DRY, scenario, LINGER_DEAD_LETTER_MAX_CONSECUTIVE="50")


# --- silence is of events -------------------------------------------------------------------------------------------


RENAMED: Final = SOURCES.replace("event: login\n", "event: login\n    only_when: {{event: Signed In}}\n")


def test_a_value_that_was_renamed_upstream_silences_its_source_and_mails_nobody(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        name = f"{place.prefix}logins"

        async def sign_in(customer: str, event: str, at_day: float, number: int) -> None:
            login = {"session": f"{customer}-{number}", "user": customer, "time": day(at_day), "event": event}
            await place.send("logins", login, at_day, key=SAME)

        await place.order("dan", 1)
        for customer in ("ada", "bob", "cyd"):
            await sign_in(customer, "Signed In", 1, 0)
        await place.now(1.5)
        await place.decided_until(1.5)
        for number in range(120):
            await sign_in(("ada", "bob", "cyd")[number % 3], "signed_in", 2 + number / 11, number + 1)
        await place.now(13.5)
        # The orders go on, and their rule acts; that of the log-ins waits, although records arrive.
        await until_acted(place, ("quiet-buyer", "dan"))
        await until_ready_says(place, "sources", f"silent: {name}")
        await until_ready_says(place, "skipped", name, "120 records were skipped")
        assert await gauge(place, "linger_source_silent", "logins") == 1
        assert await gauge(place, "linger_source_skips_unusual", "logins") == 1
        assert await gauge(place, "linger_source_silent", "orders") == 0
        assert await acted(place) == {("quiet-buyer", "dan")}
        assert '"source_skips_unusual"' in place.log()

    play(apache_pair, tmp_path, QUIET + DRY, scenario, sources=RENAMED, logins_silence="3 days")
