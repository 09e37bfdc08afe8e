"""Laws of Linger's own topics, on a real Kafka: what `linger topics create` makes, and what a start says of them."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.integration.test_topics import settings_of
from tests.integration.test_worker import QUIET
from tests.support.site import Site, site
from workers.demo.embedded import Pair
from workers.kafka.topics import TopicPlan, connected_admin, create_missing
from workers.settings import OWN_TOPICS

pytestmark = pytest.mark.integration

DAY_MS = 86_400_000
LONG = QUIET.replace("within: 90 days", "within: 500 days").replace("after: 14 days", "after: 60 days")


class Place:
    """A prefix of its own on a broker, with rules of its own."""

    def __init__(self, pair: Pair, folder: Path, rules: str = LONG, **environment: str) -> None:
        self.pair = pair
        self.prefix = f"o{uuid4().hex[:8]}"
        (folder / "rules.yaml").write_text(rules)
        variables = {"LINGER_TOPIC_PREFIX": self.prefix, "LINGER_PARTITIONS": "3"}
        variables |= {"LINGER_RULES": str(folder / "rules.yaml"), "LINGER_TOPIC_REPLICATION_FACTOR": "1"}
        self.environment = {**os.environ, **pair.variables(), **variables, **environment}

    def create(self, *options: str, status: int = 0) -> str:
        command = [sys.executable, "-m", "workers", "topics", "create", *options]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stdout + done.stderr
        self.complaints = done.stderr
        return done.stdout

    def topics(self, *options: str) -> dict[str, dict[str, Any]]:
        answer = json.loads(self.create("--json", *options))
        return {topic["topic"].removeprefix(f"{self.prefix}."): topic for topic in answer}

    def made(self, name: str) -> dict[str, str]:
        return settings_of(self.pair, f"{self.prefix}.{name}")


@pytest.fixture
def place(apache_pair: Pair, tmp_path: Path) -> Place:
    return Place(apache_pair, tmp_path)


def test_topics_keep_what_the_rules_need(place: Place) -> None:
    topics = place.topics()
    assert {topic["outcome"] for topic in topics.values()} == {"created"}
    assert topics["activity"]["because"] == "rule 'quiet-buyer' looks back 500 days"
    expected = {"activity": 500, "at-risk": 90, "win-back": 90, "decisions": 90}
    for name, days in expected.items():
        made = place.made(name)
        assert int(made["retention.ms"]) == days * DAY_MS
        assert made["retention.bytes"] == "-1"
        assert made["cleanup.policy"] == "delete"
        assert made["min.insync.replicas"] == "1"
        assert topics[name]["settings"].items() <= made.items()
    marks, requests = place.made("marks"), place.made("requests")
    assert (marks["cleanup.policy"], marks["min.compaction.lag.ms"], marks["retention.ms"]) == ("compact", "0", "-1")
    assert (requests["cleanup.policy"], int(requests["retention.ms"])) == ("delete", 30 * DAY_MS)
    assert place.made("dead-letter")["max.message.bytes"] == str(10 << 20)


@pytest.mark.rest
@pytest.mark.parametrize("copies", ["1", "-1"])
def test_a_topic_accepts_what_all_its_copies_must_confirm(apache_pair: Pair, tmp_path: Path, copies: str) -> None:
    place = Place(apache_pair, tmp_path, LINGER_TOPIC_REPLICATION_FACTOR=copies)
    assert place.topics()["activity"]["settings"]["min.insync.replicas"] == "1"

    async def write() -> None:
        async with AIOKafkaProducer(bootstrap_servers=apache_pair.bootstrap_servers, acks="all") as producer:
            for name in OWN_TOPICS:
                await producer.send_and_wait(f"{place.prefix}.{name}", b"x", key=b"k")  # compaction needs a key

    asyncio.run(write())


def test_a_dry_run_shows_the_same_and_makes_nothing(place: Place) -> None:
    planned = place.topics("--dry-run")
    assert {topic["outcome"] for topic in planned.values()} == {"missing"}
    made = place.topics()
    assert {topic["outcome"] for topic in made.values()} == {"created"}
    assert [topic["settings"] for topic in planned.values()] == [topic["settings"] for topic in made.values()]
    assert {topic["outcome"] for topic in place.topics("--dry-run").values()} == {"exists"}


def test_the_table_says_what_a_topic_gets_and_why(place: Place) -> None:
    shown = place.create("--dry-run")
    line = next(line for line in shown.splitlines() if line.startswith(f"{place.prefix}.activity "))
    assert "keeps records for 500 days (rule 'quiet-buyer' looks back 500 days): " in line
    assert "retention.ms=43200000000" in line


@pytest.mark.rest
def test_an_existing_topic_that_keeps_less_is_left_alone_and_named_with_the_command_that_mends_it(
    place: Place,
) -> None:
    short = {"retention.ms": "604800000", "cleanup.policy": "compact,delete"}
    plans = [TopicPlan(f"{place.prefix}.{name}", 3, 1, short) for name in ("activity", "win-back")]

    async def prepare() -> None:
        async with connected_admin({"bootstrap_servers": place.pair.bootstrap_servers}) as admin:
            await create_missing(admin, plans)

    asyncio.run(prepare())
    topics = place.topics()
    assert topics["activity"]["outcome"] == "exists"
    assert place.made("activity")["retention.ms"] == "604800000"
    servers = place.pair.bootstrap_servers
    found = {shortage["setting"]: shortage for shortage in topics["activity"]["shortages"]}
    assert sorted(found) == ["cleanup.policy", "retention.ms"]
    assert found["retention.ms"] == {
        "setting": "retention.ms",
        "found": "7 days",
        "needed": "500 days",
        "because": "rule 'quiet-buyer' looks back 500 days",
        "remedy": f"kafka-configs.sh --bootstrap-server {servers} --alter --topic {place.prefix}.activity "
        "--add-config retention.ms=43200000000",
    }
    assert {shortage["needed"] for shortage in topics["win-back"]["shortages"]} == {"90 days", "delete"}
    assert topics["at-risk"]["shortages"] == []
    assert f"topic '{place.prefix}.activity' loses records" in place.complaints
    assert found["retention.ms"]["remedy"] in place.complaints


@pytest.mark.rest
@pytest.mark.parametrize("rules", ["rules: [", "rules: [{id: a}]", None])
def test_without_rules_that_can_be_read_nothing_is_made(apache_pair: Pair, tmp_path: Path, rules: str | None) -> None:
    place = Place(apache_pair, tmp_path)
    if rules is None:
        place.environment["LINGER_RULES"] = str(tmp_path / "nowhere")
    else:
        (tmp_path / "rules.yaml").write_text(rules)
    place.create(status=2)
    assert "Traceback" not in place.complaints
    assert place.environment["LINGER_RULES"] in place.complaints
    (tmp_path / "rules.yaml").write_text(LONG)
    place.environment["LINGER_RULES"] = str(tmp_path / "rules.yaml")
    assert {topic["outcome"] for topic in place.topics().values()} == {"created"}


@pytest.mark.rest
def test_a_worker_starts_and_says_once_of_each_setting_what_is_lost_and_why(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with site(apache_pair, tmp_path, LONG, workers=0) as running:
            await configure(running, "activity", {"retention.ms": str(7 * DAY_MS)})
            await configure(running, "win-back", {"cleanup.policy": "compact", "retention.ms": "-1"})
            running.start_worker()
            await running.until(lambda: is_ready(running), "the worker to be ready")
            lines = [json.loads(line) for line in running.log().splitlines() if line.startswith("{")]
            warned = [line for line in lines if line["event"] == "topic_loses_records"]
            assert {line["level"] for line in warned} == {"warning"}
            by_setting = {line["setting"]: line for line in warned}
            assert len(warned) == 2
            assert by_setting["cleanup.policy"]["topic"] == running.settings.topic("win-back")
            kept = by_setting["retention.ms"]
            assert kept["topic"] == running.settings.topic("activity")
            assert (kept["found"], kept["needed"]) == ("7 days", "500 days")
            assert kept["because"] == "rule 'quiet-buyer' looks back 500 days"
            assert kept["remedy"].endswith("retention.ms=43200000000")

    asyncio.run(scenario())


async def is_ready(running: Site) -> bool:
    return '"worker_ready"' in running.log()


async def configure(running: Site, name: str, configs: dict[str, str]) -> None:
    async with connected_admin(running.settings.kafka_connection()) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, running.settings.topic(name), configs)])
