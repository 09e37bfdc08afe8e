"""Laws of `linger customer erase`, `suppress`, `resume` and `marks`, over real Kafka and Redis and real workers."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import ConsumerRecord
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.orders import Order, parse_order
from tests.integration.test_worker import QUIET
from tests.support.builders import day
from tests.support.site import Site, site
from workers.audit.reading import read_commands
from workers.clock import iso_text
from workers.demo.embedded import Pair
from workers.kafka.newest_records import newest_records
from workers.kafka.partitioner import partition_of
from workers.kafka.topics import connected_admin
from workers.observability.logs import customer_ref, set_log_key
from workers.state.scan import scan_keys

pytestmark = pytest.mark.integration

ADA: Final = "ada-lovelace"
TOPICS: Final = ("activity", "at-risk", "win-back", "decisions", "stages", "dead-letter", "requests")
YEAR_MS: Final = 365 * 86_400_000


async def linger(place: Site, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "workers", *arguments],
        env={**place.process_environment(), "LINGER_LOG_KEY": "k"},
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def document(place: Site, *arguments: str, status: int = 0, given: str = "") -> dict[str, Any]:
    answer = await linger(place, *arguments, "--json", given=given)
    assert answer.returncode == status, answer.stdout + answer.stderr
    said: dict[str, Any] = json.loads(answer.stdout)
    return said


def answered(place: Site, answer: str, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal, answer its question, and return its status and what it has shown."""
    terminal, side = pty.openpty()
    command = [sys.executable, "-m", "workers", *arguments]
    process = subprocess.Popen(command, env=place.process_environment(), stdin=side, stdout=side, stderr=side)
    os.close(side)
    os.write(terminal, answer.encode())
    shown = b""
    try:
        while part := os.read(terminal, 4096):
            shown += part
    except OSError:  # the end, on Linux
        pass
    finally:
        os.close(terminal)
    return process.wait(60), shown.decode()


async def orders_of(place: Site) -> list[tuple[ConsumerRecord, Order]]:
    records = await place.read("activity")
    return [(record, order) for record in records if (order := parse_order(record.value or b"", day(10_000)))]


def names(record: ConsumerRecord, customer_id: str) -> bool:
    parts = (record.key, record.value, *(value for _, value in record.headers))
    return any(customer_id.encode() in (part or b"") for part in parts)


async def expected(place: Site, name: str, customer_id: str) -> list[ConsumerRecord]:
    """The records of a customer, by looking at every byte of every record."""
    return [record for record in await place.read(name) if names(record, customer_id)]


async def decide_a_year(place: Site) -> None:
    """Let customers buy and go quiet, and let one record of each be unreadable."""
    await place.now(0.5)
    await place.decided_until(0.5)
    for number, customer in enumerate((ADA, "bob", "eve")):
        await place.order(customer, 1 + number / 1000)
        await place.login(customer, 1.1)
        bad = {"order_id": f"bad-{customer}", "customer": customer, "total": "-1", "currency": "EUR"}
        await place.send("orders", {**bad, "placed_at_ms": day(1.2)}, 1.2)
    await place.now(12)
    await place.decided_until(12)


async def send_to_wrong_partition(place: Site, customer_id: str) -> None:
    """Write an event as a producer with another partitioner does, and wait until it is refused."""
    event = {"event_id": "w1", "customer_id": customer_id, "type": "login", "occurred_at": "2024-01-02T00:00:00Z"}
    partition = (partition_of(customer_id, 4) + 1) % 4
    await place.producer.send_and_wait(
        place.settings.topic("activity"), json.dumps(event).encode(), key=customer_id.encode(), partition=partition
    )

    async def is_refused() -> bool:
        return any(record.key == customer_id.encode() for record in await place.read("dead-letter"))

    await place.until(is_refused, "the event in the wrong partition to be refused")


def test_an_order_is_in_the_partition_of_the_customer_and_in_the_audit_and_what_stays_is_listed_record_by_record(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with site(apache_pair, tmp_path, QUIET, LINGER_MARKS_KEY="m") as place:
            await decide_a_year(place)
            await send_to_wrong_partition(place, ADA)
            before = await document(place, "customer", "erase", ADA, "--reason", "asked", "--dry-run")
            assert (before["dry_run"], before["written"], before["carried_out"]) == (True, 0, None)
            assert before["stored"]["known"] == 1
            assert await orders_of(place) == []

            words = ["customer", "erase", ADA, "--reason", "asked by e-mail", "--by", "Ann", "--yes"]
            after = await document(place, *words)
            assert (after["written"], after["carried_out"]) == (1, True)
            ((record, order),) = await orders_of(place)
            assert record.partition == partition_of(ADA, 4)
            assert record.key == ADA.encode()
            assert (order.type, order.customer_id, order.may_return) == ("linger.erase", ADA, False)
            assert (order.reason, order.by, order.at_ms()) == ("asked by e-mail", "Ann", day(12))

            stays = after["stays"]
            assert stays["missing"] == []
            assert stays["yours"] == [f"{place.prefix}{name}" for name in ("orders", "logins", "events")]
            assert [topic["topic"] for topic in stays["topics"]] == [place.settings.topic(name) for name in TOPICS]
            for topic, name in zip(stays["topics"], TOPICS, strict=True):
                found = [] if name == "requests" else await expected(place, name, ADA)
                assert topic["records"] == len(found), name
                times = sorted(record.timestamp for record in found)
                assert [topic["first"], topic["last"]] == (
                    [iso_text(times[0]), iso_text(times[-1])] if times else [None, None]
                )
                assert topic["is_never_removed"] == bool(found)  # a site keeps everything
            assert await in_redis(place, ADA) == []
            assert await in_redis(place, "bob") != []
            numbers = {name: topic["records"] for topic, name in zip(stays["topics"], TOPICS, strict=True)}
            assert numbers["activity"] == 4  # what was bought, the log-in, the one that was refused, and the order
            assert stays["topics"][0]["found"] == {"key": 3, "refused": 1}
            assert numbers["at-risk"] == 2  # the action and its retraction
            assert numbers["dead-letter"] == 2

            (command,) = await read_commands(place.settings, 10)
            set_log_key("k")
            assert command.outcome is not None
            assert (command.intent.command, command.intent.by, command.intent.reason) == (
                "customer erase",
                "Ann",
                "asked by e-mail",
            )
            assert command.intent.arguments["customer_id"] == customer_ref(ADA)
            assert (command.outcome.outcome, command.outcome.counts) == ("ok", {"customers": 1, "orders": 1})
            assert not [record for record in await audit(place) if names(record, ADA)]

    asyncio.run(law())


def test_an_open_action_of_which_linger_has_lost_what_it_knew_is_named_after_the_erasure(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with site(apache_pair, tmp_path, QUIET) as place:
            await decide_a_year(place)
            key = place.store.keys.partition(partition_of(ADA, 4)).customer(ADA)
            (raw,) = await place.store.redis.call([("GET", key)])
            await place.store.redis.call([("SET", key, raw[: len(raw) // 2])])
            words = ["customer", "erase", ADA, "--reason", "asked", "--yes"]
            said = await document(place, *words, status=1)
            assert said["carried_out"] is True
            (active,) = [one for one in await place.actions("at-risk") if one["customer_id"] == ADA]
            (left,) = said["not_taken_back"]
            assert (left["action_id"], left["rule"]) == (active["action_id"], "quiet-buyer")
            assert (left["topic"], left["expires_at"]) == (place.settings.topic("at-risk"), active["expires_at"])
            assert await in_redis(place, ADA) == []
            (command,) = await read_commands(place.settings, 1)
            assert command.outcome is not None
            assert command.outcome.error is not None
            assert command.outcome.error.startswith("1 action is still open")
            said = await document(place, "customer", "erase", "bob", "--reason", "asked", "--yes")
            assert (said["carried_out"], said["not_taken_back"]) == (True, [])

    asyncio.run(law())


async def in_redis(place: Site, customer_id: str) -> list[str]:
    """Every key of the site whose name or content has the id; looked for in all that Redis holds."""
    redis, found, cursor = place.store.redis, [], -1
    while cursor:
        cursor, keys = await scan_keys(redis, max(0, cursor), f"{place.store.keys.namespace}*", 1000)
        for key in keys:
            (kind,) = await redis.call([("TYPE", key)])
            read = {
                b"string": ("GET", key),
                b"hash": ("HGETALL", key),
                b"list": ("LRANGE", key, 0, -1),
                b"set": ("SMEMBERS", key),
                b"zset": ("ZRANGE", key, 0, -1),
            }[kind]
            (content,) = await redis.call([read])
            if customer_id in repr((key, content)):
                found.append(key.decode())
    return found


async def audit(place: Site) -> Sequence[ConsumerRecord]:
    return await newest_records(place.settings.kafka_connection(), place.settings.topic("audit"), 100)


def test_a_file_of_ids_gives_each_an_order_in_its_own_partition_and_says_if_no_worker_runs(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with site(apache_pair, tmp_path, QUIET) as place:
            await decide_a_year(place)
            (worker,) = place.processes
            await place.stop_worker(worker)
            ids = [f"customer-{number}" for number in range(1200)]
            said = await document(
                place,
                *("customer", "suppress", "--file", "-", "--reason", "the list of the association"),
                given="\r\n".join([*ids, ids[0], ""]),
                status=1,
            )
            assert (said["customers"], said["written"], said["carried_out"]) == (1200, 1200, False)
            assert (said["workers"], said["unread_partitions"]) == (False, [0, 1, 2, 3])
            assert said["stays"] is None
            written = await orders_of(place)
            assert sorted(order.customer_id for _, order in written) == sorted(ids)
            assert len({order.event_id for _, order in written}) == 1200
            for record, order in written:
                assert record.key == order.customer_id.encode()
                assert record.partition == partition_of(order.customer_id, 4)
            (command,) = await read_commands(place.settings, 10)
            assert command.outcome is not None
            assert command.outcome.outcome == "failed"
            assert command.outcome.error is not None
            assert command.outcome.error.startswith("No worker runs")

    asyncio.run(law())


def test_what_stays_has_the_dates_of_retention_and_other_records_in_the_topic_are_not_counted(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with site(apache_pair, tmp_path, QUIET) as place:
            await decide_a_year(place)
            topic = place.settings.topic("dead-letter")
            async with connected_admin(place.settings.kafka_connection()) as admin:
                await keep(admin, topic, YEAR_MS)
            said = await document(place, "customer", "erase", ADA, "--reason", "asked", "--dry-run")
            (letters,) = [one for one in said["stays"]["topics"] if one["topic"] == topic]
            (record,) = await expected(place, "dead-letter", ADA)
            assert letters["found"] == {"content": 1}
            assert letters["removed_from"] == iso_text(record.timestamp + YEAR_MS)
            assert letters["removed_by"] == iso_text(record.timestamp + YEAR_MS + 7 * 86_400_000)
            shown = await linger(place, "customer", "erase", ADA, "--reason", "asked", "--dry-run")
            assert "never" in shown.stdout
            assert "yours: Linger only reads it" in shown.stdout

    asyncio.run(law())


async def keep(admin: Any, topic: str, kept_ms: int) -> None:
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": str(kept_ms)})])


def test_orders_are_refused_where_a_worker_of_an_older_release_may_own_the_partition(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with site(apache_pair, tmp_path, QUIET) as place:
            await place.decided_until(0)
            (worker,) = place.processes
            await place.stop_worker(worker)
            await place.store.remove_fields(place.store.keys.partition(partition_of(ADA, 4)).meta, ["layout"])
            answer = await linger(place, "customer", "suppress", ADA, "--reason", "asked")
            assert answer.returncode == 2
            assert answer.stderr.startswith("error: finish the upgrade first: linger upgrade finish.")
            assert await orders_of(place) == []

    asyncio.run(law())


def test_marks_say_of_which_ids_something_is_known_and_a_resume_ends_a_suppression(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law() -> None:
        async with site(apache_pair, tmp_path, QUIET) as place:
            await decide_a_year(place)
            status, screen = await asyncio.to_thread(
                answered, place, "n\n", "customer", "erase", ADA, "--reason", "x"
            )
            assert "Redis holds of the customer: " in screen
            assert f"Erase customer '{ADA}'? This cannot be undone" in screen
            assert status != 0
            assert await orders_of(place) == []
            (command,) = await read_commands(place.settings, 1)
            assert command.outcome is not None
            assert command.outcome.outcome == "interrupted"
            for order in (["erase", ADA, "--may-return", "--yes"], ["suppress", "bob"]):
                said = await document(place, "customer", *order, "--reason", "asked")
                assert (said["written"], said["carried_out"]) == (1, True)
            at = iso_text(day(12))
            (tmp_path / "ids").write_text(f"eve\n{ADA}\nbob\n")
            asked = ("customer", "marks", "--file", str(tmp_path / "ids"))
            ada = {"customer_id": ADA, "suppressed_since": None, "opted_out_since": None, "erased_at": at}
            bob = {"customer_id": "bob", "suppressed_since": at, "opted_out_since": None, "erased_at": None}
            assert await document(place, *asked) == {"asked": 3, "marked": [ada, bob]}
            listed = (await document(place, "customer", "marks"))["marks"]
            moments = [{name: mark[name] for name in ("suppressed_since", "erased_at")} for mark in listed]
            assert sorted(map(json.dumps, moments)) == sorted(
                json.dumps({name: of[name] for name in ("suppressed_since", "erased_at")}) for of in (ada, bob)
            )
            assert {mark["partition"] for mark in listed} == {partition_of(ADA, 4), partition_of("bob", 4)}
            assert ADA not in json.dumps(listed)
            said = await document(place, "customer", "resume", "bob", "--reason", "asked again")
            assert said["carried_out"] is True
            assert await document(place, *asked) == {"asked": 3, "marked": [ada]}
            table = await linger(place, *asked)
            assert "1 of 3 customers are suppressed, opted out or erased." in table.stdout

    asyncio.run(law())
