"""Laws of the doctor, over a real broker and store: healthy is healthy, and a problem is named with its remedy."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.integration.test_worker import QUIET, canonical
from tests.support.builders import day
from tests.support.site import Site, site
from workers.core.watermarks import Progress
from workers.demo.embedded import Pair
from workers.kafka.partitioner import partition_of
from workers.kafka.topics import TopicPlan, connected_admin, create_missing, describe
from workers.state.meta import PARTITIONS, REBUILDING

pytestmark = pytest.mark.integration

Findings = dict[tuple[str, str], dict[str, Any]]
Patient = Callable[[Site], Awaitable[None]]
FOR_EVER = {"retention.ms": "-1"}
REMEDY: Final = "mend"  # codespell:ignore mend
"""The key of the remedy in the findings that `linger doctor --json` prints."""


def examined(pair: Pair, folder: Path, prepare: Patient | None = None, *, workers: int = 0) -> tuple[int, Findings]:
    """Prepare a site, ask the doctor, and return its exit code and findings by area and what was checked."""
    results: list[tuple[int, Findings]] = []

    async def visit() -> None:
        async with site(pair, folder, QUIET, workers=workers) as place:
            await configure(place, "activity", **FOR_EVER)
            if prepare is not None:
                await prepare(place)
            results.append(await ask(place))

    asyncio.run(visit())
    return results[0]


async def ask(place: Site) -> tuple[int, Findings]:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "workers", "doctor", "--json"],
        env=place.process_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    findings = json.loads(done.stdout)
    return done.returncode, {(finding["area"], finding["checked"]): finding for finding in findings}


async def configure(place: Site, name: str, **configs: str) -> None:
    renamed = {key.replace("__", "."): value for key, value in configs.items()}
    async with connected_admin(place.settings.kafka_connection()) as admin:
        resource = ConfigResource(ConfigResourceType.TOPIC, place.settings.topic(name), renamed)
        await admin.alter_configs([resource])


async def with_admin(place: Site, work: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> None:
    async with connected_admin(place.settings.kafka_connection()) as admin:
        await work(admin)


def problems(findings: Findings) -> set[tuple[str, str]]:
    return {place for place, finding in findings.items() if finding["health"] == "problem"}


def the_problem(findings: Findings, area: str, checked: str) -> dict[str, Any]:
    """The only problem there is; it says why it matters and how to fix it."""
    assert problems(findings) == {(area, checked)}
    problem = findings[area, checked]
    assert problem["why"]
    assert problem[REMEDY]
    return problem


def test_on_a_healthy_site_every_check_was_made_and_all_is_well(apache_pair: Pair, tmp_path: Path) -> None:
    async def at_work(place: Site) -> None:
        await place.order("ada", 1)
        await place.now(2)
        await place.decided_until(2)

    code, findings = examined(apache_pair, tmp_path, at_work, workers=1)
    assert problems(findings) == set()
    assert code == 0
    assert [place for place, finding in findings.items() if finding["health"] != "ok"] == []
    assert findings["state", "stored offsets"]["found"] == "those of 4 partitions are in the log"
    assert findings["Redis", "commands"]["health"] == "ok"


def test_a_site_that_never_ran_is_healthy_and_the_doctor_leaves_no_trace(apache_pair: Pair, tmp_path: Path) -> None:
    kept: list[list[Any]] = []

    async def remember(place: Site) -> None:
        kept.append(await keys_of(place))

    async def visit() -> None:
        async with site(apache_pair, tmp_path, QUIET, workers=0) as place:
            await configure(place, "activity", **FOR_EVER)
            await remember(place)
            code, findings = await ask(place)
            assert (code, problems(findings)) == (0, set())
            await remember(place)

    asyncio.run(visit())
    assert kept[0] == kept[1]


async def keys_of(place: Site) -> list[Any]:
    pattern = f"{place.settings.redis_namespace}:*"
    return sorted((await place.store.redis.call([("KEYS", pattern)]))[0])


@contextmanager
def restored(*commands: tuple[str, ...], pair: Pair) -> Iterator[None]:
    yield
    subprocess.run(["redis-cli", "-u", pair.redis_url, *commands[0]], check=True, capture_output=True)


def test_a_direct_producer_that_chooses_partitions_otherwise_is_found_before_any_worker_reads_it(
    apache_pair: Pair, tmp_path: Path
) -> None:
    names = [f"c{number}" for number in range(40)]
    wrong = sum(crc32(name.encode()) % 4 != partition_of(name, 4) for name in names)

    async def produce(place: Site) -> None:
        assert place.settings.partitions == 4
        for name in names:
            raw = json.dumps(canonical("login", name, "2024-01-02T00:00:00Z", f"l-{name}")).encode()
            partition = crc32(name.encode()) % 4
            await place.producer.send(
                place.settings.topic("activity"), value=raw, key=name.encode(), partition=partition
            )
        await place.producer.flush()

    code, findings = examined(apache_pair, tmp_path, produce)
    assert code == 1
    problem = the_problem(findings, "Kafka", "direct producers")
    assert problem["found"].startswith(f"{wrong} of 40 direct records among the newest 40 records are in the wrong")
    assert "partitioner=murmur2_random" in problem[REMEDY]


def test_a_redis_that_evicts_is_named(apache_pair: Pair, tmp_path: Path) -> None:
    async def evict(place: Site) -> None:
        await place.store.redis.call([("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")])

    with restored(("CONFIG", "SET", "maxmemory-policy", "noeviction"), pair=apache_pair):
        code, findings = examined(apache_pair, tmp_path, evict)
    assert code == 1
    problem = the_problem(findings, "Redis", "maxmemory-policy")
    assert problem["found"] == "allkeys-lru"
    assert "CONFIG SET maxmemory-policy noeviction" in problem[REMEDY]


def test_a_redis_that_keeps_nothing_on_disk_is_named(apache_pair: Pair, tmp_path: Path) -> None:
    async def forget(place: Site) -> None:
        await place.store.redis.call([("CONFIG", "SET", "appendonly", "no")])

    with restored(("CONFIG", "SET", "appendonly", "yes"), pair=apache_pair):
        code, findings = examined(apache_pair, tmp_path, forget)
    assert code == 1
    assert "CONFIG SET appendonly yes" in the_problem(findings, "Redis", "appendonly")[REMEDY]


def test_replicas_that_are_waited_for_and_not_there_are_named(apache_pair: Pair, tmp_path: Path) -> None:
    async def wait_for_two(place: Site) -> None:
        place.environment["LINGER_REDIS_WAIT_REPLICAS"] = "2"

    code, findings = examined(apache_pair, tmp_path, wait_for_two)
    assert code == 1
    assert "LINGER_REDIS_WAIT_REPLICAS is 2" in the_problem(findings, "Redis", "replicas")["found"]


def test_a_command_that_a_user_lacks_is_named(apache_pair: Pair, tmp_path: Path) -> None:
    async def limit(place: Site) -> None:
        user = ["SETUSER", "limited", "on", ">limited", "~*", "+@all", "-zadd", "-wait"]
        await place.store.redis.call([("ACL", *user)])
        place.environment |= {"LINGER_REDIS_USERNAME": "limited", "LINGER_REDIS_PASSWORD": "limited"}

    with restored(("ACL", "DELUSER", "limited"), pair=apache_pair):
        code, findings = examined(apache_pair, tmp_path, limit)
    assert code == 1
    assert the_problem(findings, "Redis", "commands")["found"].startswith("refused: ")


def test_a_missing_topic_is_named_with_the_command_that_makes_it(apache_pair: Pair, tmp_path: Path) -> None:
    async def lose_one(place: Site) -> None:
        await with_admin(place, lambda admin: admin.delete_topics([place.settings.topic("win-back")]))

    code, findings = examined(apache_pair, tmp_path, lose_one)
    (checked,) = [what for _, what in problems(findings)]
    assert checked.endswith("linger.win-back")
    assert the_problem(findings, "Kafka", checked)[REMEDY] == "linger topics create"
    assert code == 1


def test_a_wrong_number_of_partitions_is_named_with_the_right_one(apache_pair: Pair, tmp_path: Path) -> None:
    async def expect_eight(place: Site) -> None:
        place.environment["LINGER_PARTITIONS"] = "8"

    code, findings = examined(apache_pair, tmp_path, expect_eight)
    (checked,) = [what for _, what in problems(findings)]
    problem = the_problem(findings, "Kafka", checked)
    assert "4, LINGER_PARTITIONS is 8" in problem["found"]
    assert problem[REMEDY].startswith("set LINGER_PARTITIONS=4")
    assert code == 1


@pytest.mark.parametrize(
    ("config", "value", "checked", "remedy"),
    [
        ("retention__ms", "86400000", "retention of", "retention.ms=34560000000"),
        ("cleanup__policy", "compact", "cleanup.policy of", "cleanup.policy=delete"),
        ("max__message__bytes", "1000", "max.message.bytes of", "max.message.bytes=1048588"),
    ],
)
def test_a_setting_of_the_activity_topic_that_loses_events_is_named(
    apache_pair: Pair, tmp_path: Path, config: str, value: str, checked: str, remedy: str
) -> None:
    async def spoil(place: Site) -> None:
        await configure(place, "activity", **{"retention__ms": "-1", config: value})

    code, findings = examined(apache_pair, tmp_path, spoil)
    (setting,) = [what for _, what in problems(findings)]
    assert setting.startswith(checked)
    assert remedy in the_problem(findings, "Kafka", setting)[REMEDY]
    assert code == 1


@pytest.mark.parametrize("name", ["at-risk", "win-back", "decisions"])
def test_an_action_topic_that_loses_actions_before_they_expire_is_named(
    apache_pair: Pair, tmp_path: Path, name: str
) -> None:
    async def spoil(place: Site) -> None:
        await configure(place, name, retention__ms="86400000")

    code, findings = examined(apache_pair, tmp_path, spoil)
    ((_, checked),) = problems(findings)
    problem = the_problem(findings, "Kafka", checked)
    assert checked == f"retention of {next(iter(problem[REMEDY].split('--topic ')[1].split()))}"
    assert problem["found"].startswith("1 day, needed: 44 days (actions of rule 'quiet-buyer' expire after 14 days")
    assert problem[REMEDY].endswith(f"linger.{name} --add-config retention.ms=3801600000")
    assert code == 1


async def decided_and_stopped(place: Site) -> None:
    await place.order("ada", 1)
    await place.order("bob", 1)
    await place.now(2)
    await place.decided_until(2)
    (worker,) = place.processes
    worker.terminate()
    await asyncio.to_thread(worker.wait, 30)
    place.processes.clear()


@pytest.mark.rest
def test_an_activity_topic_that_was_recreated_is_named(apache_pair: Pair, tmp_path: Path) -> None:
    async def recreate(place: Site) -> None:
        await decided_and_stopped(place)
        name = place.settings.topic("activity")
        await with_admin(place, lambda admin: admin.delete_topics([name]))

        async def is_gone() -> bool:
            async with connected_admin(place.settings.kafka_connection()) as admin:
                return not await describe(admin, [name])

        await place.until(is_gone, "the topic to be gone")
        await with_admin(place, lambda admin: create_missing(admin, [TopicPlan(name, 4, 1, FOR_EVER)]))

    code, findings = examined(apache_pair, tmp_path, recreate, workers=1)
    problem = the_problem(findings, "state", "topic of the stored state")
    assert problem["found"].startswith("partitions ")
    assert "deleted and created again" in problem["found"]
    assert ": linger rebuild" in problem[REMEDY]
    assert "LINGER_REDIS_NAMESPACE" in problem[REMEDY]
    assert code == 1


@pytest.mark.parametrize(
    ("field", "value", "checked", "message", "remedy"),
    [
        ("offset", "1000", "stored offsets", "up to offset 1000, but its log holds 0 to ", "linger rebuild"),
        (REBUILDING, "rules-known:0", "rebuild", "its rebuild was not finished", "linger rebuild"),
        (PARTITIONS, "8", "partitions of the stored state", "had 8 partitions, now there are 4", "topics create"),
    ],
)
def test_state_that_does_not_fit_its_log_is_named_with_the_command_that_fixes_it(
    apache_pair: Pair, tmp_path: Path, field: str, value: str, checked: str, message: str, remedy: str
) -> None:
    async def spoil(place: Site) -> None:
        await decided_and_stopped(place)
        # An offset that Kafka once confirmed to intake does not prove that the log holds it.
        progress = {("elsewhere", 0): Progress(day(2), day(2), day(0), 1, sent={2: 5_000})}
        await place.store.publish_progress(progress)
        await place.store.redis.call([("HSET", place.store.keys.partition(2).meta, field, value)])

    code, findings = examined(apache_pair, tmp_path, spoil, workers=1)
    problem = the_problem(findings, "state", checked)
    assert problem["found"].startswith("partition 2: ")
    assert message in problem["found"]
    assert remedy in problem[REMEDY]
    assert code == 1


@pytest.mark.parametrize(
    ("variable", "value", "area", "checked"),
    [
        ("LINGER_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", "Kafka", "reachable"),
        ("LINGER_REDIS_URL", "redis://127.0.0.1:1/0", "Redis", "reachable"),
        ("LINGER_REDIS_USERNAME", "unknown", "Redis", "reachable"),
        ("LINGER_RULES", "/nowhere", "rules", "readable"),
        ("LINGER_TICK_MS", "soon", "settings", "readable"),
        ("LINGER_TICKMS", "50", "settings", "readable"),
    ],
)
def test_what_cannot_be_reached_or_read_is_a_finding_and_no_traceback(
    apache_pair: Pair, tmp_path: Path, variable: str, value: str, area: str, checked: str
) -> None:
    async def misset(place: Site) -> None:
        place.environment[variable] = value

    code, findings = examined(apache_pair, tmp_path, misset)
    assert the_problem(findings, area, checked)
    assert code == 1
