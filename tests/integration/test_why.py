"""`linger why` as a process of its own, over a customer that the processor stored in a real Redis."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from aiokafka import ConsumerRecord

from schemas.book import BOOK
from schemas.events import BUILT_IN
from tests.support.builders import day, rule, rules
from tests.support.processor_rig import SOURCE, TYPES, Agent, record
from workers.demo.embedded import HOST, Pair, free_ports
from workers.kafka.records import OutboxRecord, encode_record
from workers.kafka.topics import TopicPlan, connected_admin, create_missing
from workers.processor.results import Processed
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import load_book
from workers.settings import AUDIT, OWN_TOPICS, PAUSES, read_settings
from workers.state.connection import RedisServers
from workers.state.held_actions import Order
from workers.state.keys import hash_tag
from workers.state.replay_clock import ReplayClock
from workers.state.rule_sets.activation import activate
from workers.state.store import Store
from workers.state.topology import open_nodes

pytestmark = pytest.mark.integration

RULES: Final = """
rules:
  - id: gone-quiet
    title: Gone quiet
    status: live
    when: {all: [{count: purchase, at least: 1, within: 90 days}, {none: purchase, for: 10 days}]}
    action: at-risk
    template: we-miss-you
    expires after: 14 days
    again after: 20 days
    examples:
      - name: one purchase and then silence
        given: [{at: start, event: purchase}]
        expect: [{at: 10 days, action: at-risk}]
      - name: no purchase
        given: [{at: start, event: login}]
        expect: nothing
        watch for: 30 days
  - id: few-euros
    title: Small orders
    status: shadow
    when: {average: purchase.amount, at most: 100, within: 60 days}
    action: at-risk
    template: how-can-we-help
    expires after: 14 days
  - id: some-idea
    title: Not finished yet
    status: draft
    when: {status: cancelled}
    action: win-back
    template: exit-survey
    expires after: 14 days
"""
SOURCES: Final = f"""
event_types: {{nps: {{}}}}
sources:
  - topic: {SOURCE}
    format: canonical
    events: [{", ".join(TYPES)}]
    max_silence: 3650 days
    complete_since: 2024-01-01
"""
_serial = count()


@dataclass
class Place:
    """A namespace in Redis and the files that belong to it."""

    pair: Pair
    folder: Path

    def __post_init__(self) -> None:
        self.namespace = f"why-{next(_serial)}"
        (self.folder / "rules.yaml").write_text(RULES)
        (self.folder / "sources.yaml").write_text(SOURCES)
        asyncio.run(self._make_topics())

    async def _make_topics(self) -> None:
        """Create the topic in which it is recorded who looked."""
        async with connected_admin(read_settings(self.pair.variables()).kafka_connection()) as admin:
            await create_missing(admin, [TopicPlan(f"{self.namespace}.{AUDIT}", 1, 1)])

    def store(self, *records: ConsumerRecord, now_day: float) -> None:
        """Let the processor take records and decide what is due, and store what a worker would."""

        async def work() -> None:
            book, problems = load_book([self.folder / "rules.yaml"], KnownNames([*BUILT_IN, "nps"]))
            assert problems == []
            store = Store(RedisServers(open_nodes({"url": self.pair.redis_url}, 5_000)), self.namespace)
            try:
                agent = Agent(store, *book.rules, now_day=now_day)
                await agent.start(end=len(records))
                assert await agent.process(*records) == Processed()
                await agent.observe()
                await agent.processor.fire()
                await store.publish_progress(agent.progress())
                await ReplayClock(store).announce(agent.clock.now_ms, {})
                await agent.processor.stop(5)
            finally:
                await store.close()

        asyncio.run(work())

    def ask(self, *arguments: str, command: str = "why", **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run `linger why`, or another command."""
        settings = {
            "TOPIC_PREFIX": self.namespace,
            "REDIS_NAMESPACE": self.namespace,
            "PARTITIONS": "1",
            "CLOCK": "replay",
            "RULES": str(self.folder / "rules.yaml"),
            "SOURCES": str(self.folder / "sources.yaml"),
            **variables,
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LINGER_")}
        return subprocess.run(
            [sys.executable, "-m", "workers", *command.split(), *arguments],
            env={
                **environment,
                **self.pair.variables(),
                **{f"LINGER_{name}": value for name, value in settings.items()},
                "COLUMNS": "200",
            },
            capture_output=True,
            text=True,
            timeout=60,
        )

    def call(self, *commands: tuple[Any, ...]) -> None:
        """Send commands to Redis, keys without the namespace and the hash tag of partition 0."""
        prefix = f"{self.namespace}:{{{hash_tag(0)}}}:"

        async def work() -> None:
            servers = RedisServers(open_nodes({"url": self.pair.redis_url}, 5_000))
            try:
                await servers.call([(name, f"{prefix}{key}", *rest) for name, key, *rest in commands])
            finally:
                await servers.close()

        asyncio.run(work())

    def document(self, *arguments: str) -> Any:
        answer = self.ask(*arguments, "--json")
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)


def bought_once() -> Sequence[ConsumerRecord]:
    purchase = {"amount": "20", "currency": "EUR"}
    return [
        record(0, "login", "2024-03-01T00:00:00Z"),
        record(1, "purchase", "2024-03-02T12:00:00Z", **purchase),
    ]


def test_a_stored_customer_is_explained_to_people(pair: Pair, tmp_path: Path) -> None:
    place = Place(pair, tmp_path)
    place.store(*bought_once(), now_day=75)
    answer = place.ask("ada")
    assert answer.returncode == 0, answer.stderr
    for text in (
        "Customer ada as of 2024-03-16 00:00 UTC",
        "✓ Gone quiet (gone-quiet): holds since 2024-03-12 12:00 UTC",
        "acted on 2024-03-12 12:00 UTC; the action is good until 2024-03-26 12:00 UTC",
        "cooling down until 2024-04-01 12:00 UTC",
        "if nothing happens, it ends on 2024-05-31 00:00 UTC",
        "✓ at least 1 purchase within 90 days",
        "found: last on 2024-03-02 12:00 UTC; asked for: none for 10 days",
        "changes with the next purchase",
        "? Small orders (few-euros): cannot be known yet",
        "the customer is known only since 2024-03-01 00:00 UTC",
        "Linger evaluates again on 2024-04-29 00:00 UTC: 'Small orders' begins to hold",
    ):
        assert text in answer.stdout
    assert "some-idea" not in answer.stdout


def test_it_is_explained_to_machines_for_one_rule_and_another_moment(pair: Pair, tmp_path: Path) -> None:
    place = Place(pair, tmp_path)
    place.store(*bought_once(), now_day=65)
    now = place.document("ada")
    assert [entry["rule"] for entry in now["rules"]] == ["few-euros", "gone-quiet"]
    assert (now["at"], now["is_ahead"]) == ("2024-03-06T00:00:00.000Z", False)
    assert now["looks_again"] == "2024-03-12T12:00:00.000Z"
    assert now["rules"][1]["verdict"] == "false"
    assert now["rules"][1]["changes_by_itself"] == {"at": "2024-03-12T12:00:00.000Z", "becomes": "true"}
    later = place.document("ada", "gone-quiet", "--at", "2024-03-12T13:30+01:00")
    assert (later["at"], later["is_ahead"]) == ("2024-03-12T12:30:00.000Z", True)
    (rule_document,) = later["rules"]
    assert (rule_document["verdict"], rule_document["holds_since"]) == ("true", "2024-03-12T12:00:00.000Z")
    assert rule_document["states"][-1]["state"] == "expected"


def test_explaining_writes_nothing(pair: Pair, tmp_path: Path) -> None:
    place = Place(pair, tmp_path)
    place.store(*bought_once(), now_day=65)
    first = place.document("ada", "--at", "2024-06-01")
    assert place.document("ada", "--at", "2024-06-01") == first
    assert place.document("ada")["rules"][1]["verdict"] == "false"


def test_a_source_that_stopped_is_given_as_the_reason(pair: Pair, tmp_path: Path) -> None:
    place = Place(pair, tmp_path)
    place.store(*bought_once(), now_day=65)

    async def time_goes_on_without_reading() -> None:
        store = Store(RedisServers(open_nodes({"url": pair.redis_url}, 5_000)), place.namespace)
        await ReplayClock(store).announce(day(75), {})
        await store.close()

    asyncio.run(time_goes_on_without_reading())
    (rule_document,) = place.document("ada", "gone-quiet")["rules"]
    assert rule_document["verdict"] == "not observable"
    (gap,) = rule_document["not_observable_because"]
    assert (gap["reason"], gap["type"], gap["since"]) == ("unseen", "purchase", "2024-03-06T00:00:00.000Z")
    assert f"its source {SOURCE} is read only until 2024-03-06 00:00 UTC" in gap["text"]


def test_an_action_above_the_pace_is_held(pair: Pair, tmp_path: Path) -> None:
    place = Place(pair, tmp_path)
    paced = RULES.replace("again after: 20 days", "again after: 20 days\n    pace: at most 1 per day")
    (tmp_path / "rules.yaml").write_text(paced)
    purchase = {"amount": "20", "currency": "EUR"}
    names = ("ada", "bob")
    records = [record(at, "purchase", "2024-03-02T12:00:00Z", name, **purchase) for at, name in enumerate(names)]
    place.store(*records, now_day=75)
    states = {}
    for name in names:
        (rule_document,) = place.document(name, "gone-quiet")["rules"]
        assert rule_document["verdict"] == "true"
        states[name] = rule_document["states"][0]
    assert sorted(state["state"] for state in states.values()) == ["acted", "held"]
    (text,) = [state["text"] for state in states.values() if state["state"] == "held"]
    assert text == "its action of 2024-03-12 12:00 UTC is held by the rule's pace"


def test_rule_files_that_the_workers_have_not_loaded_are_said_to_be_so(pair: Pair, tmp_path: Path) -> None:
    place = Place(pair, tmp_path)
    place.store(*bought_once(), now_day=75)
    assert place.document("ada")["notes"] == []

    async def others_are_loaded() -> None:
        store = Store(RedisServers(open_nodes({"url": pair.redis_url}, 5_000)), place.namespace)
        await activate(store, rules(rule("other")), day(75), allow_rollback=True)
        await store.close()

    asyncio.run(others_are_loaded())
    document = place.document("ada")
    assert document["notes"] == [
        "the rule files differ from the rules that the workers have loaded; this explains the files"
    ]
    assert document["rules"][1]["verdict"] == "true"


def test_an_unknown_customer_ends_with_1(pair: Pair, tmp_path: Path) -> None:
    place = Place(pair, tmp_path)
    place.store(*bought_once(), now_day=65)
    answer = place.ask("stranger")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "Linger has seen no event of customer 'stranger' yet." in answer.stderr
    for_machines = place.ask("stranger", "--json")
    assert (for_machines.returncode, json.loads(for_machines.stdout)) == (1, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone-quite"], "there is no rule 'gone-quite'; did you mean 'gone-quiet'?"),
        (["xyzzy"], "there is no rule 'xyzzy'; there are few-euros, gone-quiet, some-idea"),
        (["some-idea"], "the rule 'some-idea' is a draft: it is not evaluated"),
        (["--at", "tomorrow"], "'tomorrow' is no moment; write it like 2026-12-01"),
        (["--at", "2024-03-01"], "cannot go back to 2024-03-01 00:00 UTC"),
    ],
)
def test_what_cannot_be_answered_ends_with_1_and_says_why(
    pair: Pair, tmp_path: Path, arguments: list[str], message: str
) -> None:
    place = Place(pair, tmp_path)
    place.store(*bought_once(), now_day=65)
    answer = place.ask("ada", *arguments)
    assert answer.returncode == 1
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_store_that_is_not_there_is_said_so(pair: Pair, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    answer = Place(pair, tmp_path).ask("ada", REDIS_URL=f"redis://{HOST}:{port}/0", REDIS_TIMEOUT_MS="300")
    assert answer.returncode == 1
    assert "Redis does not answer" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_customer_is_shown_with_held_actions_and_what_waits_for_kafka(pair: Pair, tmp_path: Path) -> None:
    place = Place(pair, tmp_path)
    place.store(*bought_once(), now_day=75)

    def kept(customer: str, topic: str, value: bytes) -> bytes:
        return encode_record(OutboxRecord(topic, customer.encode(), value, (("ce_id", b"x"), ("odd", b"\xff"))))

    place.call(
        ("HSET", "held", "a-1", kept("ada", "linger.at-risk", b'{"action_id":"a-1","rule":{"id":"gone"}}')),
        ("HSET", "held", "b-1", kept("bob", "linger.at-risk", b'{"action_id":"b-1","rule":{"id":"gone"}}')),
        ("RPUSH", "orders", msgspec.msgpack.encode(Order("release", "gone", "a-1"))),
        ("DEL", "outbox"),
        ("RPUSH", "outbox", kept("ada", "linger.decisions", b'{"decision":"held"}')),
        ("RPUSH", "outbox", kept("bob", "linger.decisions", b'{"decision":"stale"}')),
        ("RPUSH", "outbox", kept("ada", "linger.dead-letter", b"junk \xfe")),
    )
    answer = place.ask("ada", "--json", command="customer show")
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert document["held_actions"] == [
        {"action": {"action_id": "a-1", "rule": {"id": "gone"}}, "ordered": "release"}
    ]
    headers = {"ce_id": "x", "odd": "\\xff"}
    assert document["unpublished"] == [
        {"topic": "linger.decisions", "headers": headers, "content": {"decision": "held"}},
        {"topic": "linger.dead-letter", "headers": headers, "content": "junk \\xfe"},
    ]
    assert "bob" not in answer.stdout
    assert document["elsewhere"]["topics"].keys() == {
        f"{place.namespace}.{name}" for name in OWN_TOPICS if name not in (PAUSES, BOOK)
    }
    assert [(series["type"], series["total"]) for series in document["events"]] == [("login", 1), ("purchase", 1)]
    assert len(document["event_ids"]) == 2
    shown = place.ask("ada", command="customer show")
    assert "held; ordered: release" in shown.stdout
    assert "waits for Kafka: linger.decisions" in shown.stdout


@pytest.mark.parametrize("key", ["held", "outbox", "orders"])
def test_a_damaged_record_beside_a_customer_is_an_error_of_one_line(pair: Pair, tmp_path: Path, key: str) -> None:
    place = Place(pair, tmp_path)
    place.store(*bought_once(), now_day=75)
    place.call(("HSET", key, "x", b"\xc1") if key == "held" else ("RPUSH", key, b"\xc1"))
    answer = place.ask("ada", command="customer show")
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: what is stored cannot be read (")
    assert answer.stderr.count("\n") == 1
