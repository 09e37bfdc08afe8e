"""Laws of `linger rebuild`, over real Kafka and Redis: the same state, and nothing published twice."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete

from tests.integration.test_store import full_step, lawful, take_step
from tests.integration.test_worker import DIRECT, DRY, GONE, QUIET, canonical
from tests.support.builders import day, rule, rules
from tests.support.decided import facts_in
from tests.support.site import Site, site
from workers.customer_facts.facts import encode_facts
from workers.demo.embedded import Pair
from workers.kafka.partitioner import partition_of
from workers.kafka.range_reader import stop_consumer
from workers.kafka.topics import LogBounds, connected_admin, log_bounds
from workers.loading import load_configuration
from workers.operations.held_actions import held_by_rule, order_for_held
from workers.recovery.mark import RebuildMark
from workers.recovery.wipe import wipe
from workers.state.meta import REBUILDING, has_older_owner, without_ownership
from workers.state.rule_sets.activation import activate
from workers.state.store import Store

pytestmark = pytest.mark.integration

TOPICS = ("at-risk", "win-back", "decisions", "dead-letter")
Scenario = Callable[[Site], Awaitable[None]]


def play(pair: Pair, folder: Path, scenario: Scenario, rules: str = QUIET + DRY + GONE, **options: Any) -> None:
    async def on_a_site() -> None:
        async with site(pair, folder, rules, **options) as place:
            await scenario(place)

    asyncio.run(on_a_site())


async def history(place: Site, customers: int = 12, *, prefix: str = "c") -> None:
    """Send events of customers who go quiet, come back or leave, and one record that cannot be read."""
    for number in range(customers):
        await place.order(f"{prefix}{number}", 1 + number / 10)
        await place.login(f"{prefix}{number}", 2 + number / 10)
    raw = canonical("cancellation", f"{prefix}1", "2024-01-05T00:00:00Z", f"{prefix}1", reason="price")
    await place.send("events", raw, 4, f"{prefix}1".encode())
    await place.producer.send_and_wait(place.settings.topic("activity"), value=b"[]", key=b"stranger")
    await place.now(13)
    await place.decided_until(13)
    for number in range(0, customers, 3):
        await place.order(f"{prefix}{number}", 14)  # comes back: taken back
    await place.login(f"{prefix}2", 8, sent_at_day=14)  # late: never went quiet
    await place.now(15)
    await place.decided_until(15)


async def stop_workers(place: Site) -> None:
    for process in place.processes:
        process.terminate()
        await asyncio.to_thread(process.wait, 30)
    place.processes.clear()


async def state(place: Site) -> dict[str, Any]:
    """The stored activity, the due time and the awaited types of every customer."""
    known = load_configuration(place.settings).rules
    customers: dict[str, Any] = {}
    cursor = -1
    while cursor:
        cursor, names = await place.store.scan(max(0, cursor), 1_000)
        for customer in [name for some in names.values() for name in some]:
            number = partition_of(customer, place.settings.partitions)
            raw = await place.store.activity(number, customer)
            assert raw is not None
            keys = place.store.keys.partition(number)
            due = await place.store.redis.call([("ZSCORE", keys.due, customer)])
            waiting = await place.store.redis.call(
                [("ZSCORE", keys.waiting(kind), customer) for kind in ("login", "purchase")]
            )
            # A live worker may have decided a timer before a late event arrived, so the latest timer may differ.
            facts = msgspec.structs.replace(facts_in(raw, known), timer_decided=None)
            customers[customer] = encode_facts(facts), due, waiting
    return customers


async def published(place: Site) -> dict[str, Counter[bytes]]:
    """How often each value is in each topic."""
    return {name: Counter([record.value or b"" for record in await place.read(name)]) for name in TOPICS}


async def forget_everything(place: Site, at_day: float = 15) -> None:
    """Delete all keys of this site from Redis, then set the replay clock again."""
    cursor, pattern = -1, f"{place.settings.redis_namespace}:*"
    while cursor:
        answer = (await place.store.redis.call([("SCAN", max(0, cursor), "MATCH", pattern, "COUNT", 1_000)]))[0]
        cursor = int(answer[0])
        if answer[1]:
            await place.store.redis.call([("DEL", *answer[1])])
    await place.now(at_day)


def start_rebuild(place: Site, *options: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "workers", "rebuild", "--json", *options],
        env=place.process_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


async def export_state(place: Site, folder: Path) -> None:
    """Write the state of this site to a folder."""
    command = [sys.executable, "-m", "workers", "state", "export", str(folder)]
    process = await asyncio.create_subprocess_exec(*command, env=place.process_environment(), stdout=subprocess.PIPE)
    await process.communicate()
    assert process.returncode == 0


async def rebuild(place: Site, *options: str) -> dict[str, Any]:
    process = start_rebuild(place, *options)
    output, complaint = await asyncio.to_thread(process.communicate, None, 120)
    assert process.returncode == 0, complaint.decode()
    report: dict[str, Any] = json.loads(output)
    return report


async def meta_of(place: Site) -> dict[int, dict[str, str]]:
    """The fields of every `meta` that must be equal: position, high-waters, coverage of series."""
    metas = await place.store.metas(range(place.settings.partitions))
    return {
        number: {
            name: value
            for name, value in fields.items()
            if name in ("offset", "topic_id") or (value and name.startswith(("hw:", "since:")))
        }
        for number, fields in metas.items()
    }


@pytest.mark.rest
def test_what_redis_lost_is_made_again_and_nothing_is_published_again(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await history(place)
        await stop_workers(place)
        state_before, published_before, meta_before = await state(place), await published(place), await meta_of(place)
        counters_before = await place.counters()
        assert sum(published_before["at-risk"].values()) > 20
        assert sum(published_before["dead-letter"].values()) == 1
        await forget_everything(place)
        assert await state(place) == {}

        report = await rebuild(place)

        assert sorted(report["partitions"]) == ["0", "1", "2", "3"]
        assert (report["published"], report["unsure"]) == ({}, {})
        assert await state(place) == state_before
        assert await meta_of(place) == meta_before
        # A late event retracted the action for c2; a replay reads that event before the action is due.
        different = ("timers", "dead_letters", "active:dry-logins", "retracted:dry-logins")
        assert left_out(await place.counters(), different) == left_out(counters_before, different)
        assert await published(place) == published_before

        # Work continues: other customers go quiet, and actions for returning customers are retracted.
        place.start_worker()
        await place.order("c4", 16)
        await place.now(26)
        await place.decided_until(26)
        assert await rebuild_has_nothing_to_do(place)
        after = await published(place)
        new = [json.loads(value) for name in TOPICS[:2] for value in after[name] - published_before[name]]
        acted = {(action["customer_id"], action["rule"]["id"], action["status"]) for action in new}
        assert ("c4", "quiet-buyer", "retracted") in acted
        # Customers who came back and went quiet again had an action recently: the state still says so.
        decisions = [json.loads(value) for value in after["decisions"] - published_before["decisions"]]
        assert {(decision["customer_id"], decision["decision"]) for decision in decisions} == {
            (f"c{number}", "cooling_down") for number in (0, 3, 4, 6, 9)
        }
        assert max(count for name in TOPICS for count in after[name].values()) == 1

    play(apache_pair, tmp_path, scenario)


@pytest.mark.rest
def test_what_direct_producers_wrote_is_made_again_too(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        for number in range(12):
            bought = canonical("purchase", f"c{number}", "2024-01-02T00:00:00Z", f"p{number}")
            paid = {**bought, "amount": "5", "currency": "EUR"}
            await place.send("linger.activity", paid, 1, key=f"c{number}".encode())
        await place.now(3)
        await place.decided_until(3)
        login = canonical("login", "c1", "2024-01-13T00:00:00Z", "l1")
        await place.send("linger.activity", login, 12, key=b"c1")
        await place.now(14)
        await place.decided_until(14)
        await stop_workers(place)
        state_before, published_before, meta_before = await state(place), await published(place), await meta_of(place)
        assert sum(published_before["at-risk"].values()) == 12
        await forget_everything(place, 14)

        report = await rebuild(place)

        assert (report["published"], report["unsure"]) == ({}, {})
        assert await state(place) == state_before
        assert await meta_of(place) == meta_before
        place.start_worker()
        await place.now(25)
        await place.decided_until(15)  # silent since day 12, three days are allowed
        assert await published(place) == published_before

    play(apache_pair, tmp_path, scenario, rules=QUIET, sources=DIRECT)


def left_out(counters: dict[str, int], names: tuple[str, ...]) -> dict[str, int]:
    return {name: number for name, number in counters.items() if name not in names}


async def rebuild_has_nothing_to_do(place: Site) -> bool:
    return not (await rebuild(place, "--dry-run"))["partitions"]


@pytest.mark.rest
def test_a_rebuild_that_is_killed_goes_on_where_it_stood(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await history(place, 60)
        await stop_workers(place)
        state_before, published_before = await state(place), await published(place)
        await forget_everything(place)
        process = start_rebuild(place)

        async def is_in_the_middle() -> bool:
            metas = await place.store.metas(range(4))
            assert process.poll() is None, "it was over before it could be killed"
            return any(int(fields.get("offset", -1)) > 0 for fields in metas.values())

        await place.until(is_in_the_middle, "the rebuild to have taken a step")
        process.kill()
        await asyncio.to_thread(process.communicate)
        metas = await place.store.metas(range(4))
        assert any(fields.get(REBUILDING) for fields in metas.values())

        # A worker that starts now leaves unfinished partitions alone.
        worker = place.start_worker()

        async def is_stopped() -> bool:
            return "its rebuild was not finished" in place.log()

        await place.until(is_stopped, "the worker to stop the partition")
        place.processes.remove(worker)
        worker.terminate()
        await asyncio.to_thread(worker.wait, 30)

        await rebuild(place)
        assert await state(place) == state_before
        assert await published(place) == published_before
        assert not any(fields.get(REBUILDING) for fields in (await place.store.metas(range(4))).values())

    play(apache_pair, tmp_path, scenario)


def test_what_had_not_got_out_is_published_unless_it_has_expired(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await place.order("ada", 1)
        await place.now(12)
        await place.decided_until(12)
        (old,) = await place.actions("at-risk")
        await place.order("bob", 12)
        await place.order("cyd", 20)
        await place.now(21)
        await place.decided_until(21)
        await stop_workers(place)
        # While no worker ran, the action for bob came due and expired; the one for cyd is still valid.
        await forget_everything(place, 37)
        report = await rebuild(place)
        assert report["published"] == {"quiet-buyer": 1}
        actions = {action["customer_id"]: action for action in await place.actions("at-risk")}
        assert sorted(actions) == ["ada", "cyd"]
        assert actions["ada"] == old

    play(apache_pair, tmp_path, scenario, QUIET)


def test_it_refuses_while_workers_are_alive_and_changes_nothing_in_a_dry_run(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await history(place, 4)
        process = start_rebuild(place, "--all")
        _, complaint = await asyncio.to_thread(process.communicate, None, 120)
        assert process.returncode == 2
        assert b"1 workers of group" in complaint
        await stop_workers(place)
        before = await place.store.metas(range(4))
        report = await rebuild(place, "--all", "--dry-run")
        assert report["records"] > 8
        assert report["ids_known"] > 0
        assert await place.store.metas(range(4)) == before

    play(apache_pair, tmp_path, scenario)


@pytest.mark.rest
def test_rules_that_newer_ones_have_replaced_are_refused_before_anything_is_wiped(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await history(place, 4)
        await stop_workers(place)
        await activate(place.store, rules(rule("newer")), day(15), allow_rollback=False)
        before = await state(place), await place.store.metas(range(4))
        for options in (["--all"], ["--all", "--dry-run"]):
            process = start_rebuild(place, *options)
            _, complaint = await asyncio.to_thread(process.communicate, None, 120)
            assert process.returncode == 2, complaint.decode()
            assert b"linger rules promote" in complaint
            assert (await state(place), await place.store.metas(range(4))) == before
        await export_state(place, tmp_path / "state")
        await forget_everything(place)
        process = start_rebuild(place, "--from", str(tmp_path / "state"))
        _, complaint = await asyncio.to_thread(process.communicate, None, 120)
        assert (process.returncode, b"linger rules promote" in complaint) == (2, True), complaint.decode()
        assert not any((await place.store.metas(range(4))).values())

    play(apache_pair, tmp_path, scenario)


def test_state_of_a_partition_that_does_not_fit_the_log_is_made_again_and_the_others_are_left_alone(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await history(place)
        await stop_workers(place)
        state_before, published_before = await state(place), await published(place)
        versions = {number: meta["version"] for number, meta in (await place.store.metas(range(4))).items()}
        await place.store.redis.call([("HSET", place.store.keys.partition(2).meta, "offset", 1_000_000)])
        await place.store.redis.call([("SET", place.store.keys.partition(2).customer("stranger"), b"rubbish")])
        report = await rebuild(place)
        assert list(report["partitions"]) == ["2"]
        assert "its log holds 0 to" in report["partitions"]["2"]
        assert await state(place) == state_before
        assert await published(place) == published_before
        after = await place.store.metas(range(4))
        assert {number for number in range(4) if after[number]["version"] != versions[number]} == {2}

    play(apache_pair, tmp_path, scenario)


@pytest.mark.rest
def test_a_rule_that_left_customers_alone_does_not_act_on_them_when_its_beginning_is_forgotten(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        for number in range(8):
            await place.login(f"c{number}", 2)
        await place.now(13)
        await place.decided_until(13)
        await stop_workers(place)
        (place.folder / "rules.yaml").write_text(QUIET + DRY)  # begins on day 13, when all of them meet it
        place.start_worker()
        await place.order("ada", 14)
        await place.now(15)
        await place.decided_until(15)
        await stop_workers(place)
        assert await place.actions("at-risk") == []
        await forget_everything(place, 15)
        report = await rebuild(place)
        assert (report["rules_lost"], report["published"], report["unsure"]) == (True, {}, {"dry-logins": 8})
        assert await place.actions("at-risk") == []

    play(apache_pair, tmp_path, scenario, QUIET)


PACED = QUIET.replace("    examples:", "    pace: at most 1 per day\n    examples:")


@pytest.mark.rest
def test_held_actions_are_held_again_and_discarded_ones_stay_discarded(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        for number in range(4):
            await place.order(f"c{number}", 1)
        await place.now(11.5)
        await place.decided_until(11.5)
        assert len(await place.actions("at-risk")) == 1
        settings, now_ms = place.settings, day(11.5)
        assert await order_for_held(place.store, 4, "quiet-buyer", "discard", 1) == 1

        async def is_discarded() -> bool:
            return (
                sum(held_rule["held"] for held_rule in await held_by_rule(place.store, settings.partitions, now_ms))
                == 2
            )

        await place.until(is_discarded, "one to be discarded")
        await place.decided_until(11.5)
        await stop_workers(place)
        held_before, published_before = await held_by_rule(place.store, 4, now_ms), await published(place)
        await forget_everything(place, 11.5)
        await rebuild(place)
        assert await held_by_rule(place.store, 4, now_ms) == held_before
        assert await published(place) == published_before

    play(apache_pair, tmp_path, scenario, PACED)


def test_what_was_deleted_from_the_log_is_not_taken_for_nothing_having_happened(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        for number in range(8):
            await place.order(f"c{number}", 1)
        await place.order("ada", 3)
        await place.order("ada", 5)
        await place.now(6)
        await place.decided_until(6)
        await stop_workers(place)
        await forget_everything(place, 6)
        mine = partition_of("ada", 4)
        end = int((await log_of(place, mine)).end)
        async with connected_admin(place.settings.kafka_connection()) as admin:
            await admin.delete_records(
                {TopicPartition(place.settings.topic("activity"), mine): RecordsToDelete(before_offset=end - 1)}
            )
        process = start_rebuild(place)
        _, complaint = await asyncio.to_thread(process.communicate, None, 120)
        assert process.returncode == 2
        assert b"Redis holds no customer of these partitions" in complaint
        report = await rebuild(place, "--yes-the-log-is-cut")
        assert report["log_begins"] == {str(mine): "2024-01-06T00:00:00+00:00"}
        metas = await place.store.metas(range(4))
        since = {number: int(fields["since:purchase"]) for number, fields in metas.items() if fields}
        assert since == {number: day(5) if number == mine else day(0) for number in since}
        assert mine in since

    play(apache_pair, tmp_path, scenario, QUIET)


CONSENT = """
for every rule:
  consent: {from: cancellation.reason, opted out: [unsubscribed]}
"""


async def a_cut_log(place: Site) -> None:
    """Let eight customers go quiet and one opt out, let one come back, and delete every event but that last one."""
    for number in range(8):
        await place.order(f"c{number}", 1)
    await place.order("ada", 1)
    raw = canonical("cancellation", "out", "2024-01-03T00:00:00Z", "x1", reason="unsubscribed")
    await place.send("events", raw, 2, b"out")
    await place.now(12)
    await place.decided_until(12)
    await place.order("ada", 13)
    await place.now(14)
    await place.decided_until(14)
    await stop_workers(place)
    cut = {}
    for number in range(4):
        end = int((await log_of(place, number)).end)
        before = end - (number == partition_of("ada", 4))
        cut[TopicPartition(place.settings.topic("activity"), number)] = RecordsToDelete(before_offset=before)
    async with connected_admin(place.settings.kafka_connection()) as admin:
        await admin.delete_records(cut)


@pytest.mark.rest
def test_a_rebuild_of_a_log_without_its_beginning_says_what_would_be_lost_and_changes_nothing_unasked(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await a_cut_log(place)
        state_before, metas_before = await state(place), await place.store.metas(range(4))
        assert len(state_before) == 10
        loss = (await rebuild(place, "--all", "--dry-run"))["loss"]
        assert loss.pop("records_gone") == 10
        assert len(loss.pop("partitions")) == 4
        assert loss == {
            "stored": 10, "forgotten": 9, "shortened": 1, "opted_out": 1, "acted": 9, "unreadable": 0
        }  # fmt: skip

        process = start_rebuild(place, "--all")
        _, complaint = await asyncio.to_thread(process.communicate, None, 120)

        assert process.returncode == 2
        for words in ("10 records of it were deleted", "no event of them: 9", "opt-outs that are lost", "--yes-the-"):
            assert words in complaint.decode()
        assert await state(place) == state_before
        assert await place.store.metas(range(4)) == metas_before

        published_before = await published(place)
        report = await rebuild(place, "--all", "--yes-the-log-is-cut")
        assert report["loss"]["forgotten"] == 9
        assert list(await state(place)) == ["ada"]
        assert await published(place) == published_before
        metas = await place.store.metas(range(4))
        mine = partition_of("ada", 4)
        # Where nothing is left, nothing is known to be complete, even if the sources declare it.
        since = {number: int(fields["since:purchase"]) for number, fields in metas.items()}
        assert since == {number: day(13) if number == mine else day(14) for number in range(4)}

    play(apache_pair, tmp_path, scenario, CONSENT + QUIET)


@pytest.mark.rest
def test_on_a_terminal_it_asks_and_only_a_yes_lets_it_go_on(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await a_cut_log(place)
        before = await state(place)
        status, asked = await asyncio.to_thread(on_a_terminal, place, "n")
        assert (status, await state(place)) == (2, before)
        assert "and lose this?" in asked
        assert "no event of them: 9" in asked
        status, _ = await asyncio.to_thread(on_a_terminal, place, "y")
        assert (status, list(await state(place))) == (0, ["ada"])

    play(apache_pair, tmp_path, scenario, CONSENT + QUIET)


def on_a_terminal(place: Site, answer: str) -> tuple[int, str]:
    """Rebuild everything on a terminal, answer its question, and return the exit status and what was shown."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "workers", "rebuild", "--all"]
    process = subprocess.Popen(
        command, env=place.process_environment(), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # how Linux says that the other side is closed
        while chunk := os.read(ours, 4096):
            shown += chunk
            if b"[y/N]" in shown and answer:
                os.write(ours, f"{answer}\n".encode())
                answer = ""
    os.close(ours)
    return process.wait(60), " ".join(shown.decode(errors="replace").split())


async def log_of(place: Site, number: int) -> LogBounds:
    consumer = AIOKafkaConsumer(enable_auto_commit=False, **place.settings.kafka_connection())
    await consumer.start()
    try:
        return next(iter((await log_bounds(consumer, [(place.settings.topic("activity"), number)])).values()))
    finally:
        await stop_consumer(consumer)


def test_a_wipe_deletes_everything_of_its_partitions_but_a_mark_and_nothing_of_others(apache_pair: Pair) -> None:
    async def law(store: Store) -> None:
        for partition in (0, 1):
            await take_step(store, (await store.claim(partition, "worker")).meta, full_step(), partition)
        kept = await store.redis.call([("HGETALL", store.keys.partition(0).meta)])
        await wipe(store, {1: RebuildMark(rules_lost=True, decided_ms=5)}, ["login"])
        assert await stored_keys(store, 0) == ["meta", "c:ada", "due", "outbox", "waiting:login"]
        assert await store.redis.call([("HGETALL", store.keys.partition(0).meta)]) == kept
        assert await stored_keys(store, 1) == ["meta"]
        fields = await store.meta(1)
        assert fields["owner"] != "worker"
        assert not has_older_owner(fields)
        assert without_ownership(fields) == {REBUILDING: "rules-lost:5", "version": "6"}

    lawful(law, apache_pair.redis_url)


def test_a_wipe_that_is_interrupted_says_so(apache_pair: Pair) -> None:
    async def law(store: Store) -> None:
        await take_step(store, (await store.claim(0, "worker")).meta, full_step())
        with pytest.raises(InterruptedError):
            await wipe(Interrupted(store.redis, store.keys.namespace), {0: RebuildMark(False, 5)}, ["login"])
        assert (await store.meta(0))[REBUILDING] == "wiping rules-known:5"

    lawful(law, apache_pair.redis_url)


class Interrupted(Store):
    """A store whose process is killed before it scans for customers."""

    async def scan(self, cursor: int, count: int) -> tuple[int, dict[str, list[str]]]:
        raise InterruptedError


async def stored_keys(store: Store, partition: int) -> list[str]:
    """Return the keys of a partition, without their common prefix."""
    prefix = store.keys.partition(partition).meta.removesuffix("meta")
    names = ["meta", "c:ada", "due", "outbox", "waiting:login", "held"]
    there = await store.redis.call([("EXISTS", prefix + name) for name in names])
    return [name for name, is_there in zip(names, there, strict=True) if is_there]
