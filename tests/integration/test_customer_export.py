"""The law of `linger customer export`: it equals what raw Redis and Kafka bytes hold of a person."""

import asyncio
import json
import re
import stat
import subprocess
import sys
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from tests.integration.test_worker import QUIET
from tests.support.builders import day
from tests.support.site import PATIENCE_SECONDS, SOURCES, Site, site
from workers.audit.reading import read_commands
from workers.customer_export.from_kafka import read_kafka
from workers.customer_export.person import Person
from workers.demo.embedded import Pair
from workers.kafka.partitioner import partition_of
from workers.kafka.range_reader import stop_consumer
from workers.kafka.records import OutboxRecord, TopicPartition, encode_record
from workers.kafka.topics import connected_admin, describe
from workers.observability.logs import customer_ref, set_log_key
from workers.settings import OWN_TOPICS
from workers.state.held_actions import Order as HeldOrder
from workers.state.marks.key import MarkKey

pytestmark = pytest.mark.integration

ADA: Final = "ada-<ö>-7316"
BOB: Final = "bob-7316"
SECRETS: Final = ("ada@example.org", "gold-7316", "too dear 7316", "sku-7316", "NL-7316")
"""Values of attributes; each stands in several places."""
LOG_KEY: Final = "for logs"
MARKS_KEY: Final = "for marks"
TYPED: Final = SOURCES.replace("\nsources:", "\nevent_types: {{profile: {{}}}}\nsources:").replace(
    "events: [purchase, login, cancellation]", "events: [purchase, login, cancellation, profile]"
)
RULES: Final = (
    QUIET.replace("    examples:\n", "    variables: {email: profile.email}\n    examples:\n")
    + "".join(
        f"""
  - id: {name}
    title: {name}
    status: live
    when: {{all: [{{count: purchase, at least: 1, within: 90 days}}, {{none: purchase, for: {days} days}}]}}
    action: win-back
    template: come-back
    variables: {{email: profile.email, why: cancellation.reason}}
    expires after: 60 days
    again after: 20 days{more}
    examples:
      - name: a customer goes quiet
        given: [{{at: start, event: purchase}}]
        expect: [{{at: {days} days, action: win-back}}]
      - name: a customer does not
        given: [{{at: start, event: purchase, every: 6 days, times: 3}}]
        watch for: 17 days
        expect: nothing
"""
        for name, days, more in (("gone", 9, ""), ("paced", 11, "\n    pace: at most 1 per day"))
    )
    + "".join(
        f"""
  - id: {name}
    title: {name}
    status: shadow
    when: {{all: [{condition}, {{none: login, for: 300 days}}]}}
    action: at-risk
    template: t
    expires after: 14 days
"""
        for name, condition in (
            ("summed", "{sum: purchase.amount, at least: 1, within: 60 days, where: {currency: EUR}}"),
            ("apart", "{distinct: purchase.sku, at least: 1, within: 60 days}"),
            ("paired", "{after: login, then: purchase, within: 14 days}"),
            ("planned", "{latest: profile.plan, is: gold-7316}"),
            ("filtered", "{count: purchase, at least: 1, within: 60 days, where: {sku: sku-7316}}"),
        )
    )
)


def linger(place: Site, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "workers", *words],
        env={**place.process_environment(), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def exported(place: Site, folder: Path, customer_id: str = ADA, **variables: str) -> tuple[dict[str, Any], str]:
    """The document and the page of a person."""
    name = uuid.uuid4().hex
    files = folder / f"{name}.json", folder / f"{name}.html"
    words = ("customer", "export", customer_id, "--json", str(files[0]), "--html", str(files[1]))
    done = await asyncio.to_thread(linger, place, *words, "--reason", f"asked by {customer_id}", **variables)
    assert done.returncode == 0, done.stderr
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    return json.loads(files[0].read_text()), files[1].read_text()


# -- everything that is there, found without the code of the export ------------------------------------------------


async def all_records(place: Site) -> list[ConsumerRecord]:
    """Every record of every topic of Linger's."""
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False, auto_offset_reset="earliest", **place.settings.kafka_connection()
    )
    await consumer.start()
    try:
        states = await describe(consumer, map(place.settings.topic, OWN_TOPICS))
        partitions = [TopicPartition(one.name, number) for one in states.values() for number in range(one.partitions)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        records: list[ConsumerRecord] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any([await consumer.position(one) < end for one, end in ends.items()]):
                fetched = await consumer.getmany(timeout_ms=300)
                records += [record for batch in fetched.values() for record in batch]
        return records
    finally:
        await stop_consumer(consumer)


async def all_of_redis(place: Site) -> dict[bytes, Any]:
    """Every key of the namespace, with what it holds."""
    commands = {b"string": ("GET",), b"hash": ("HGETALL",), b"list": ("LRANGE", 0, -1), b"set": ("SMEMBERS",)}
    found: dict[bytes, Any] = {}
    for key in (await place.store.redis.call([("KEYS", f"{place.settings.redis_namespace}:*")]))[0]:
        kind = (await place.store.redis.call([("TYPE", key)]))[0]
        name, *more = commands.get(kind, ("ZRANGE", 0, -1, "WITHSCORES"))
        found[key] = (await place.store.redis.call([(name, key, *more)]))[0]
    return found


def texts(value: Any) -> Iterator[str]:
    """Every text in a value of any form: JSON and msgpack in bytes are looked into."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from texts(name)
            yield from texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts(part)
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
        for decode in (msgspec.msgpack.decode, msgspec.json.decode):
            try:
                decoded = decode(value)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if not isinstance(decoded, int | float):
                yield from texts(decoded)
    elif isinstance(value, str):
        yield value
    elif value is not None:
        yield str(value)


def names(value: Any, words: tuple[str, ...]) -> bool:
    return any(word in text for text in texts(value) for word in words)


# -- the person ----------------------------------------------------------------------------------------------------


async def a_life(place: Site) -> None:
    """Let two customers buy, be acted for, be held, write dead letters, and wait."""
    await place.now(0.5)
    await place.decided_until(0.5)
    for customer, at_day, moment in ((BOB, 1, "2024-01-02T00:00:00Z"), (ADA, 1.5, "2024-01-02T12:00:00Z")):
        about = {"customer_id": customer, "occurred_at": moment}
        profile = {**about, "type": "profile", "event_id": f"p-{customer}"}
        mine = customer == ADA
        attributes = {"email": SECRETS[0] if mine else "bob@example.org", "plan": SECRETS[1] if mine else "tin"}
        await place.send("events", {**profile, "attributes": attributes}, at_day, customer.encode())
        left = {**about, "type": "cancellation", "event_id": f"c-{customer}"}
        await place.send("events", {**left, "reason": SECRETS[2] if mine else "moved"}, at_day, customer.encode())
        await place.login(customer, 1)
        bought = {**about, "type": "purchase", "event_id": f"b-{customer}", "amount": "20", "currency": "EUR"}
        await place.send(
            "events", {**bought, "attributes": {"sku": SECRETS[3] if mine else "sku-1"}}, at_day, customer.encode()
        )
    await place.send("orders", json.dumps({"order_id": "1", "customer": ADA, "total": "-1"}).encode(), 1.2)
    await place.send("orders", b'{"order_id": "2", "customer": "%s", "total":' % ADA.encode(), 1.2)
    await place.send("orders", b'{"order_id": "3", "customer": "x%sx", "total": "-1"}' % ADA.encode(), 1.2)
    for at_day in (10.9, 11.9, 12.2, 12.8):
        await place.now(at_day)
        await place.decided_until(at_day)


def test_an_export_is_what_raw_redis_and_kafka_hold(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with site(
            apache_pair, tmp_path, RULES, sources=TYPED, LINGER_LOG_KEY=LOG_KEY, LINGER_MARKS_KEY=MARKS_KEY
        ) as place:
            ref = MarkKey(MARKS_KEY.encode()).ref(ADA)
            # A mark with a life after it: of an earlier erasure.
            await give(place, "linger.erase", ADA, "2024-01-01T06:00:00Z", may_return=True)
            await a_life(place)

            async def is_marked() -> bool:
                return any(record.key == ref.hex().encode() for record in await all_records(place))

            await place.until(is_marked, "the mark to be in its topic")
            request = {"request": "suppress", "customer_id": ADA, "reason": "she asked", "by": "Ann"}
            await place.producer.send_and_wait(place.settings.topic("requests"), json.dumps(request).encode())
            (worker,) = place.processes
            await place.stop_worker(worker)
            await beside(place)
            document, page = await exported(place, tmp_path)
            assert document["is_complete"], document["problems"]
            await every_record_is_there(place, document, ref)
            await everything_in_redis_is_there(place, document, ref)
            assert BOB not in json.dumps(document)
            for secret in (*SECRETS[:4], "ada-&lt;ö&gt;-7316"):
                assert secret in page
            assert "<ö>" not in page
            recipients = {one["topic"].rpartition(".")[2]: one for one in document["recipients"]}
            assert recipients.keys() == {"at-risk", "win-back", "decisions"}
            assert {rule["rule"] for rule in document["next"]["rules"]} >= {"quiet-buyer", "paced"}
            await it_is_recorded(place)

    asyncio.run(scenario())


async def give(place: Site, kind: str, customer_id: str, at: str, **other: Any) -> None:
    """Write an order."""
    order = {"event_id": f"o-{at}", "type": kind, "customer_id": customer_id, "occurred_at": at}
    value = json.dumps({**order, "reason": "asked", "by": "Ann", **other}).encode()
    await place.producer.send_and_wait(place.settings.topic("activity"), value, key=customer_id.encode())


async def beside(place: Site) -> None:
    """Put beside the customer what only a moment holds: a record that is not published, an order, a waiting entry."""
    keys = place.store.keys.partition(await partition(place))
    held = (await place.store.redis.call([("HGETALL", keys.held)]))[0]
    pairs = held.items() if isinstance(held, dict) else zip(*[iter(held)] * 2, strict=True)
    (action_id,) = [key.decode() for key, raw in pairs if ADA.encode() in raw]
    await place.store.held_actions.order(await partition(place), [HeldOrder("release", "paced", action_id)])
    topic = place.settings.topic("decisions")
    record = OutboxRecord(topic, ADA.encode(), b'{"a": "sku-7316", "a": 2}', (("odd", b"\xff"), ("odd", None)))
    await place.store.redis.call(
        [
            ("RPUSH", keys.outbox, encode_record(record)),
            ("ZADD", keys.waiting("login"), day(40), ADA),
        ]
    )


async def partition(place: Site) -> int:
    return partition_of(ADA, place.settings.partitions)


async def every_record_is_there(place: Site, document: dict[str, Any], ref: bytes) -> None:
    set_log_key(LOG_KEY)
    words = (ADA, json.dumps(ADA)[1:-1], ref.hex(), customer_ref(ADA), *SECRETS[:4])
    theirs = [
        record
        for record in await all_records(place)
        if names([record.key, record.value, [list(header) for header in record.headers]], words)
    ]
    sums = [record for record in theirs if record.topic.endswith(".book")]
    others = tuple(
        word for word in words if word != SECRETS[2]
    )  # how many gave this reason is a sum over all customers
    assert not [record for record in sums if names([record.key, record.value], others)]
    theirs = [record for record in theirs if record not in sums]
    places = {(one["topic"], one["partition"], one["offset"]): one for one in document["records"]}
    kinds = {record.topic.rpartition(".")[2] for record in theirs}
    own = {"activity", "decisions", "dead-letter", "requests", "marks", "audit", "stages"}
    assert kinds == own | {"at-risk", "win-back"}
    for record in theirs:
        if record.topic.endswith(".audit"):
            continue  # that of this export may come after it has read the topic
        if b"x%sx" % ADA.encode() in (record.value or b""):
            assert (record.topic, record.partition, record.offset) not in places, "another person's id contains it"
            continue
        found = places.pop((record.topic, record.partition, record.offset))
        raw = record.value or b""
        contents: dict[str, Callable[[bytes], Any]] = {
            "json": json.loads,
            "text": bytes.decode,
            "base64": lambda raw: b64encode(raw).decode(),
            "none": lambda raw: None,
        }
        assert found["content"] == contents[found["form"]](raw)
        assert [header["name"] for header in found["headers"]] == [name for name, _ in record.headers]
    assert {topic.rpartition(".")[2] for topic, _, _ in places} <= {"audit"}, "a record of no known place"


async def everything_in_redis_is_there(place: Site, document: dict[str, Any], ref: bytes) -> None:
    keys = place.store.keys.partition(await partition(place))
    theirs = {
        key: value for key, value in (await all_of_redis(place)).items() if names([key, value], (ADA, *SECRETS[:4]))
    }
    # The contents of rules and the files name what rules compare with, not the person.
    of_files = {f"{place.settings.redis_namespace}:{name}".encode() for name in ("rule-contents", "last-good")}
    known = {
        keys.customer(ADA).encode(): document["state"],
        keys.due.encode(): document["evaluation"]["due"],
        keys.waiting("login").encode(): document["evaluation"]["waiting_for"].get("login"),
        keys.held.encode(): document["held_actions"],
        keys.outbox.encode(): document["unpublished"],
    }
    assert {key for key, value in theirs.items()} - of_files == {key for key, value in known.items() if value}
    hashed = {key for key, value in (await all_of_redis(place)).items() if names(value, (ref.decode("latin-1"),))}
    assert not hashed  # it is no text
    assert document["mark"]["ref"] == ref.hex()
    assert document["mark"]["erased_at"] == "2024-01-01T06:00:00.000Z"
    facts = document["state"]["facts"]
    assert {"series", "episodes", "attributes", "pairs", "template_values", "event_ids"} <= facts.keys()
    assert any(series.get("distinct_values") for series in facts["series"].values())
    assert any("?" in key for key in facts["series"])
    (held,) = document["held_actions"]
    assert (held["ordered"], list(held["because"])) == ("release", ["pace"])
    assert held["record"]["content"]["variables"] == {"email": SECRETS[0], "why": SECRETS[2]}
    (pending,) = document["unpublished"]
    assert (pending["form"], pending["content"]) == ("text", '{"a": "sku-7316", "a": 2}')
    assert [(header["form"], header["value"]) for header in pending["headers"]] == [
        ("base64", "/w=="),
        ("none", None),
    ]
    assert document["evaluation"]["waiting_for"]["login"] == "2024-02-10T00:00:00.000Z"


async def it_is_recorded(place: Site) -> None:
    """Who exported is in the audit, with the hash of the id, also where the id stood in other words."""
    export = (await read_commands(place.settings, 1))[0]
    assert (export.intent.command, export.intent.arguments["customer_id"]) == ("customer export", customer_ref(ADA))
    assert export.intent.reason == f"asked by {customer_ref(ADA)}"
    assert export.outcome is not None
    assert (export.outcome.outcome, list(export.outcome.counts)) == ("ok", ["records"])
    assert not any(ADA.encode() in (one.value or b"") for one in await all_records(place) if "audit" in one.topic)


def test_a_person_without_state_is_exported_by_mark_and_records_and_a_stranger_is_not(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with site(apache_pair, tmp_path, RULES, sources=TYPED, LINGER_LOG_KEY=LOG_KEY) as place:
            await a_life(place)
            await give(place, "linger.suppress", "only-marked", "2024-01-12T00:00:00Z")

            async def is_marked() -> bool:
                shown = await asyncio.to_thread(linger, place, "customer", "show", "only-marked", "--json")
                return shown.returncode == 0 and json.loads(shown.stdout)["mark"] is not None

            await place.until(is_marked, "the mark to be stored")
            document, page = await exported(place, tmp_path, "only-marked")
            assert (document["state"], document["next"]) == (None, None)
            assert document["mark"]["suppressed_since"] == "2024-01-12T00:00:00.000Z"
            kinds = {record["topic"].rpartition(".")[2] for record in document["records"]}
            assert kinds >= {"activity", "marks", "audit"}
            assert "No state is stored" in page
            shown = await asyncio.to_thread(linger, place, "customer", "show", "only-marked")
            assert "suppressed: must not be written to" in shown.stdout
            (worker,) = place.processes
            await place.stop_worker(worker)
            # Redis has lost the key of the marks, which was made by the worker: the topic has it.
            await place.store.redis.call([("DEL", place.store.keys.marks_key)])
            again, _ = await exported(place, tmp_path, "only-marked")
            assert again["mark"] == document["mark"]
            # The state is gone, the records are not.
            keys = place.store.keys.partition(await partition(place))
            await place.store.redis.call([("DEL", keys.customer(ADA)), ("ZREM", keys.due, ADA), ("DEL", keys.held)])
            document, _ = await exported(place, tmp_path)
            assert (document["state"], document["mark"]) == (None, None)
            assert len(document["records"]) > 5
            found = await read_kafka(place.settings, Person(ADA), lambda passed, total: None, most=2)
            assert (found.is_cut, len(found.found)) == (True, 2)
            for words in (("--json", "-"), ("--html", str(tmp_path / "none.html"))):
                done = await asyncio.to_thread(linger, place, "customer", "export", "stranger", *words)
                assert done.returncode == 1
                assert done.stdout.strip() in ("", "null")
            assert re.search("holds nothing of customer 'stranger'", done.stderr)
            assert not (tmp_path / "none.html").exists()

    asyncio.run(scenario())


def test_nothing_is_shown_if_it_cannot_be_recorded_who_looks(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with site(apache_pair, tmp_path, QUIET) as place:
            await place.order("ada", 1)
            await place.now(2)
            await place.decided_until(2)
            async with connected_admin(place.settings.kafka_connection()) as admin:
                await admin.delete_topics([place.settings.topic("audit")])
            for words in (
                ("customer", "show", "ada"),
                ("why", "ada"),
                ("customer", "export", "ada", "--html", str(tmp_path / "ada.html")),
            ):
                done = await asyncio.to_thread(linger, place, *words)
                assert (done.returncode, done.stdout) == (2, "")
                assert "it could not be recorded who does it" in done.stderr
            assert not (tmp_path / "ada.html").exists()

    asyncio.run(scenario())
