"""Laws of `linger status`, over real Kafka, Redis and workers: what it shows, and what it cannot see."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.test_pauses import RULES, Shop, linger
from tests.support.site import Site, site
from workers.demo.embedded import HOST, Pair, free_ports
from workers.kafka.topics import connected_admin

pytestmark = pytest.mark.integration

LATER: Final = """
  - id: away
    title: has not bought for 60 days
    status: live
    when: {none: purchase, for: 60 days}
    action: win-back
    template: t
    again after: never
    expires after: 300 days
    examples:
      - name: a customer stays away
        given: [{at: start, event: purchase}]
        expect: [{at: 60 days, action: win-back}]
      - name: a customer comes back
        given: [{at: start, event: purchase}, {at: 59 days, event: purchase}]
        watch for: 61 days
        expect: nothing
"""
READS_ONLY: Final = "-@all +get +hget +hmget +hgetall +hlen +llen +zcard +zcount +zrange +info +ping +select"


async def shown(place: Site, *arguments: str, **variables: str) -> tuple[int, dict[str, Any]]:
    """Return the exit status and the document of `linger status --json`."""
    answer = await status(place, "--json", *arguments, **variables)
    assert answer.stderr == ""
    document: dict[str, Any] = json.loads(answer.stdout)
    return answer.returncode, document


async def status(place: Site, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "workers", "status", *arguments],
        env={**place.process_environment(), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def about(document: dict[str, Any]) -> dict[str, str]:
    return {item["about"]: item["problem"] for item in document["attention"]}


def total(document: dict[str, Any], name: str) -> int:
    return sum(row[name] for row in document["partitions"])


async def stop_worker(place: Site) -> None:
    worker = place.processes.pop()
    worker.terminate()
    await asyncio.to_thread(worker.wait, 60)


async def asks_little_and_searches_for_no_key(place: Site) -> None:
    """Check what one status asks of a Redis that no one else uses."""
    redis = place.store.redis
    await redis.ask_every_server("CONFIG", "RESETSTAT")
    await shown(place)
    (answer,) = (await redis.ask_every_server("INFO", "commandstats")).values()
    text = answer if isinstance(answer, str) else answer.decode()
    calls = {
        line.split(":")[0].removeprefix("cmdstat_"): int(line.split("calls=")[1].split(",")[0])
        for line in text.splitlines()
        if line.startswith("cmdstat_")
    }
    not_asked = {"config", "client", "hello"}  # of this test, and of every new connection
    asked = {name: count for name, count in calls.items() if name.split("|")[0] not in not_asked}
    assert set(asked) <= {"get", "hgetall", "hlen", "llen", "zcard", "zcount", "zrange", "info", "select"}
    # Six for each of the four partitions, one for each of the three types in it, and three for each rule that holds
    # actions in it; the others for all.
    assert sum(asked.values()) <= 4 * (6 + 3 + 3) + 12


@asynccontextmanager
async def busy_site(pair: Pair, folder: Path) -> AsyncIterator[Site]:
    """A site whose worker has sent ten actions, holds two, and has a dead letter."""
    async with site(pair, folder, RULES + LATER) as place:
        shop = Shop(place)
        for _ in range(10):
            await shop.sell()

        async def has_sent() -> bool:
            return len(await place.read("at-risk")) == 10

        await place.until(has_sent, "the actions")
        paused = await linger(place, "pause", "bought", "--because", "the offer is wrong", "--by", "ann")
        assert paused.returncode == 0, paused
        for _ in range(2):
            await shop.sell()
        await place.send("orders", b"not JSON", shop.at_day)
        await shop.later(1)
        await place.decided_until(shop.at_day)
        yield place


def test_it_shows_what_is_not_zero_and_what_waits_once_the_worker_is_gone_and_asks_little_of_redis(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with busy_site(apache_pair, tmp_path) as place:
            exit_status, document = await shown(place)
            assert (exit_status, document["unknown"], set(about(document))) == (1, [], {"dead_letters"})
            (worker,) = document["group"]["workers"]
            assert (document["group"]["state"], worker["partitions"]) == ("Stable", [0, 1, 2, 3])
            assert {row["worker"] for row in document["partitions"]} == {worker["name"]}
            assert (total(document, "lag"), total(document, "held"), total(document, "due_ahead")) == (0, 2, 12)
            assert document["held"] == [{"rule": "bought", "because": "pause", "held": 2}]
            assert [(pause["rule"], pause["because"]) for pause in document["pauses"]] == [
                ("bought", "the offer is wrong")
            ]
            rules = {row["rule"]: row for row in document["rules"]}
            assert (rules["bought"]["actions"], rules["bought"]["paused"], rules["away"]["last_action"]) == (
                10,
                True,
                None,
            )
            assert rules["bought"]["last_action"].startswith("2024-01-02T")
            (letters,) = document["dead_letters"]["groups"]
            assert (letters["reason"], letters["topic"], letters["open"]) == ("not_json", f"{place.prefix}orders", 1)
            assert {row["type"]: row["behind_seconds"] for row in document["types"]} == {
                "cancellation": 0,
                "login": 0,
                "purchase": 0,
            }
            assert document["generations"]["rules_here"] is document["generations"]["sources_here"] is True
            assert document["redis"][0]["policy"] == "noeviction"

            await stop_worker(place)
            for number in range(5):
                await place.order(f"late{number}", 3)
            await place.now(70)

            async def is_seen() -> bool:
                nonlocal document
                document = (await shown(place))[1]
                return not document["group"]["workers"]

            await place.until(is_seen, "the group to be empty")
            assert {"workers", "sources", "due"} <= set(about(document))
            orders = next(row for row in document["sources"] if row["topic"] == f"{place.prefix}orders")
            assert orders["lag"] == 5
            assert total(document, "overdue") == 12
            await asks_little_and_searches_for_no_key(place)
            async with connected_admin(place.settings.kafka_connection()) as admin:
                await admin.delete_topics([place.settings.topic("at-risk"), f"{place.prefix}logins"])
            # A direct record: it waits in the activity topic itself.
            event = {"event_id": "d1", "customer_id": "c0", "type": "login", "occurred_at": "2024-01-04T00:00:00Z"}
            await place.producer.send_and_wait(place.settings.topic("activity"), json.dumps(event).encode(), b"c0")
            document = (await shown(place))[1]
            assert [(row["lag"], row["lag_seconds"] is not None) for row in document["partitions"] if row["lag"]] == [
                (1, True)
            ]
            gone = [item["problem"] for item in document["attention"] if item["about"] == "topics"]
            assert gone == [
                f"topic '{name}' does not exist"
                for name in (place.settings.topic("at-risk"), f"{place.prefix}logins")
            ]

    asyncio.run(law())


@pytest.mark.rest
def test_with_rights_to_read_only_all_is_seen_and_what_is_down_or_refused_is_unknown_alone(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with busy_site(apache_pair, tmp_path) as place:
            user = f"{place.prefix}reader"
            redis = place.store.redis
            rights = ["on", ">secret", f"~{place.prefix}linger:*", *READS_ONLY.split()]
            await redis.ask_every_server("ACL", "SETUSER", user, *rights)
            reader = {"LINGER_REDIS_USERNAME": user, "LINGER_REDIS_PASSWORD": "secret"}
            try:
                _, document = await shown(place, **reader)
                assert document["unknown"] == []
                await redis.ask_every_server("ACL", "SETUSER", user, "-zcount")
                exit_status, document = await shown(place, **reader)
                (unknown,) = document["unknown"]
                assert (exit_status, unknown["what"]) == (1, "queues")
                assert "ZCARD" in unknown["reason"] or "zcount" in unknown["reason"].lower()
                assert total(document, "lag") == 0
            finally:
                await redis.ask_every_server("ACL", "DELUSER", user)

            (closed,) = free_ports(1)
            exit_status, document = await shown(place, LINGER_REDIS_URL=f"redis://{HOST}:{closed}/0")
            assert {"meta", "queues", "progress", "memory"} <= {row["what"] for row in document["unknown"]}
            assert len(document["group"]["workers"]) == 1
            assert document["dead_letters"]["groups"][0]["open"] is None
            assert [pause["rule"] for pause in document["pauses"]] == ["bought"]
            assert exit_status == 2

            exit_status, document = await shown(place, LINGER_KAFKA_BOOTSTRAP_SERVERS=f"{HOST}:{closed}")
            assert exit_status == 2
            assert {row["what"] for row in document["unknown"]} == {
                "group",
                "activity_log",
                "first_unread",
                "source_logs",
                "dead_letters",
                "pauses",
                "topics",
            }
            assert total(document, "held") == 2
            assert {row["rule"] for row in document["rules"]} == {"away", "bought"}

            text = (await status(place, LINGER_KAFKA_BOOTSTRAP_SERVERS=f"{HOST}:{closed}")).stdout
            assert f"topics unknown: no Kafka broker answers at {HOST}:{closed}" in text

    asyncio.run(law())


@pytest.mark.rest
def test_watching_repeats_it_until_ctrl_c(apache_pair: Pair, tmp_path: Path) -> None:
    async def law() -> None:
        async with site(apache_pair, tmp_path, RULES) as place:
            await place.decided_until(0)
            watching = await asyncio.create_subprocess_exec(
                sys.executable,
                *["-m", "workers", "status", "--watch", "--every", "1", "--json"],
                env=place.process_environment(),
                stdout=subprocess.PIPE,
                limit=1 << 20,
            )
            assert watching.stdout is not None
            lines = [await asyncio.wait_for(watching.stdout.readline(), 60) for _ in range(2)]
            watching.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(watching.wait(), 60) == 0
            assert [json.loads(line)["health"] for line in lines] == ["well", "well"]

    asyncio.run(law())
