"""What workers of one group notice of one another, and of the topics that all of them need."""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest
from aiokafka.admin import NewPartitions, NewTopic

from tests.integration.test_frozen_kafka import says
from tests.integration.test_signals import is_logged
from tests.integration.test_worker import QUIET, play
from tests.support.site import Site
from workers.demo.embedded import Pair
from workers.kafka.topics import connected_admin

pytestmark = [pytest.mark.integration, pytest.mark.rest]

STATIC = {"LINGER_KAFKA_GROUP_INSTANCE_ID": "pod-0"}


async def ended(process: "subprocess.Popen[bytes]") -> int:
    return await asyncio.to_thread(process.wait, 60)


def log_of(place: Site, number: int) -> str:
    return (place.folder / f"worker-{number}.log").read_text()


async def both(place: Site, event: str) -> bool:
    return all(f'"{event}"' in log_of(place, number) for number in (0, 1))


async def acts(place: Site, customer: str, begin: int) -> None:
    """Check that the workers act for a customer who goes quiet."""
    await place.order(customer, begin)
    await place.now(begin + 11)
    await place.decided_until(begin + 11)
    assert customer in {action["customer_id"] for action in await place.actions("at-risk")}


def test_of_two_workers_with_one_instance_id_the_second_refuses_to_start_and_the_first_goes_on_undisturbed(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await place.until(lambda: is_logged(place, "worker_ready"), "the worker to be ready")
        second = place.start_worker()
        assert await ended(second) == 2
        place.processes.remove(second)
        assert "LINGER_KAFKA_GROUP_INSTANCE_ID: 'pod-0' belongs to a worker that is running" in log_of(place, 1)
        assert f"process {place.processes[0].pid} on " in log_of(place, 1)
        assert '"instance_taken"' in log_of(place, 1)
        await acts(place, "ada", 1)
        assert log_of(place, 0).count('"partitions_claimed"') == 1

    play(apache_pair, tmp_path, QUIET, scenario, **STATIC)


def test_a_worker_that_was_killed_is_followed_by_one_with_its_instance_id(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await place.until(lambda: is_logged(place, "worker_ready"), "the worker to be ready")
        place.processes[0].kill()
        await ended(place.processes[0])
        place.start_worker()
        await acts(place, "ada", 1)
        assert '"instance_watched"' in log_of(place, 1)

    play(apache_pair, tmp_path, QUIET, scenario, **STATIC)


def test_a_worker_that_is_refused_after_it_has_reported_itself_leaves_no_report(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await place.until(lambda: is_logged(place, "worker_ready"), "the worker to be ready")
        before = await reports(place)
        place.environment["LINGER_RULES"] = str(place.folder / "older.yaml")
        (place.folder / "older.yaml").write_text(QUIET.replace("10 days", "11 days"))
        newer = place.start_worker()
        await place.until(lambda: both(place, "worker_ready"), "both workers to be ready")
        newer.terminate()
        assert await ended(newer) == 0
        place.processes.remove(newer)
        place.environment["LINGER_RULES"] = str(place.folder / "rules.yaml")
        refused = place.start_worker()
        assert await ended(refused) == 2
        place.processes.remove(refused)
        assert await reports(place) == before

    play(apache_pair, tmp_path, QUIET, scenario)


async def reports(place: Site) -> set[str]:
    return set(await place.store.fields(place.store.keys.workers))


def test_a_worker_whose_instance_id_is_taken_by_a_member_that_it_cannot_see_ends_and_says_so(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await place.until(lambda: is_logged(place, "worker_ready"), "the worker to be ready")
        first = place.processes[0]
        # With another namespace it does not find the report of the first.
        place.environment["LINGER_REDIS_NAMESPACE"] += "-other"
        place.start_worker()
        assert await ended(first) == 1
        place.processes.remove(first)
        assert "LINGER_KAFKA_GROUP_INSTANCE_ID: 'pod-0' was taken by another worker" in log_of(place, 0)

        async def has_claimed() -> bool:
            return '"partitions_claimed"' in log_of(place, 1)

        await place.until(has_claimed, "the second to claim its partitions")
        assert log_of(place, 0).count('"partitions_claimed"') == 1

    play(apache_pair, tmp_path, QUIET, scenario, **STATIC)


def test_workers_with_different_rules_are_both_named_by_both_until_they_have_the_same(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await place.until(lambda: is_logged(place, "worker_ready"), "the worker to be ready")
        first = place.environment["LINGER_RULES"]
        newer = tmp_path / "newer.yaml"
        newer.write_text(QUIET.replace("Bought, and then nothing", "Nothing for ten days"))
        place.environment["LINGER_RULES"] = str(newer)
        second = place.start_worker()
        await place.until(lambda: both(place, "worker_ready"), "both workers to be ready")
        await place.until(lambda: says(place, f":{second.pid}:", 0), "the first worker to name the second")
        await place.until(lambda: says(place, f":{place.processes[0].pid}:", 1), "the second to name the first")
        for number in (0, 1):
            assert await says(place, "this worker", number)
            assert '"rule_sets_differ"' in log_of(place, number)
        (tmp_path / Path(first).name).write_text(newer.read_text())

        await place.until(lambda: both(place, "rule_sets_agree"), "the workers to agree again")
        assert not await says(place, "different files", 0)
        assert not await says(place, "different files", 1)

    play(apache_pair, tmp_path, QUIET, scenario, LINGER_RULES_POLL_MS="200")


@pytest.mark.parametrize("name", ["at-risk", "win-back", "decisions"])
def test_an_action_topic_that_is_deleted_is_named_within_seconds_and_nothing_is_lost(
    apache_pair: Pair, tmp_path: Path, name: str
) -> None:
    async def scenario(place: Site) -> None:
        await place.until(lambda: is_logged(place, "partitions_claimed"), "the worker to claim")
        topic = place.settings.topic(name)
        async with connected_admin(place.settings.kafka_connection()) as admin:
            await admin.delete_topics([topic])
            await place.until(lambda: says(place, f"topic '{topic}' does not exist"), "the worker to name the topic")
            assert '"own_topic_wrong"' in place.log()
            await place.order("ada", 1)
            await place.now(12)
            small = NewTopic(topic, 1, 1, topic_configs={"retention.ms": "-1"})
            await admin.create_topics([small])
            await place.until(lambda: says(place, f"topic '{topic}' has 1 partitions"), "the worker to count them")
            await admin.create_partitions({topic: NewPartitions(place.settings.partitions)})
            await place.until(lambda: is_logged(place, "own_topic_right"), "the topic to be well again")
        await place.decided_until(12)
        assert [action["customer_id"] for action in await place.actions("at-risk")] == ["ada"]
        assert not await says(place, topic)

    play(apache_pair, tmp_path, QUIET, scenario)


def test_an_action_topic_that_is_too_small_at_the_start_is_named_while_the_worker_works(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        topic = place.settings.topic("win-back")
        async with connected_admin(place.settings.kafka_connection()) as admin:
            await admin.delete_topics([topic])
            await admin.create_topics([NewTopic(topic, 2, 1)])
        place.start_worker()
        await place.until(lambda: is_logged(place, "worker_ready"), "the worker to be ready")
        await place.until(lambda: says(place, f"topic '{topic}' has 2 partitions"), "the worker to name the topic")
        named = [json.loads(line)["topic"] for line in place.log().splitlines() if '"own_topic_wrong"' in line]
        assert set(named) == {topic}
        await acts(place, "ada", 1)

    play(apache_pair, tmp_path, QUIET, scenario, workers=0)
