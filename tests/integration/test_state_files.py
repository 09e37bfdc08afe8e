"""Laws of `linger state export` and `import`, and of a rebuild that begins with a file, over real Kafka and Redis."""

import asyncio
import json
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete

from schemas.book import BOOK
from schemas.durations import DAY_MS
from tests.integration.test_rebuild import (
    CONSENT,
    PACED,
    forget_everything,
    history,
    log_of,
    meta_of,
    play,
    published,
    rebuild,
    state,
    stop_workers,
)
from tests.integration.test_store import lawful, take_step
from tests.integration.test_worker import DRY, GONE, QUIET, canonical
from tests.support.builders import day, rules
from tests.support.site import Site
from workers.book.live import read_book
from workers.book.topic import BookTopic
from workers.customer_facts.facts import CustomerFacts, SeriesFacts
from workers.demo.embedded import Pair
from workers.errors import LingerError
from workers.kafka.partitioner import partition_of
from workers.kafka.topics import connected_admin
from workers.operations.held_actions import held_by_rule
from workers.recovery.mark import RebuildMark
from workers.recovery.state_files.customers import StoredCustomers
from workers.recovery.state_files.exporting import Export
from workers.recovery.state_files.lines import Inner
from workers.recovery.state_files.loading import Everything, load_partition
from workers.recovery.state_files.reading import Part, read_files
from workers.recovery.state_files.writing import StateFolder
from workers.recovery.wipe import wipe
from workers.state.consistency import Log, check_consistency
from workers.state.layouts import newest
from workers.state.marks.key import MarkKey
from workers.state.marks.mark import Mark, encode_mark
from workers.state.meta import Meta
from workers.state.step import WriteSet
from workers.state.store import Store

pytestmark = pytest.mark.integration

TOPICS = ("at-risk", "win-back", "decisions")


async def command(place: Site, *words: str) -> "tuple[int, bytes, str]":
    """Run a command of this site; return its exit status and what it printed."""
    return await asyncio.to_thread(run, place, words)


def run(place: Site, words: tuple[str, ...]) -> "tuple[int, bytes, str]":
    done = subprocess.run(
        [sys.executable, "-m", "workers", *words],
        env=place.process_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.decode()


async def export(place: Site, folder: Path, *options: str) -> dict[str, Any]:
    status, output, complaint = await command(place, "state", "export", str(folder), "--json", *options)
    assert status == 0, complaint
    report: dict[str, Any] = json.loads(output)
    return report


async def import_(place: Site, path: Path, *options: str) -> dict[str, Any]:
    status, output, complaint = await command(place, "state", "import", str(path), "--json", *options)
    assert status == 0, complaint
    report: dict[str, Any] = json.loads(output)
    return report


async def everything(place: Site) -> dict[str, bytes]:
    """Every key of this site in Redis with its content, as Redis dumps it; without who owns what, and reports."""
    found: dict[str, bytes] = {}
    cursor, namespace = -1, place.settings.redis_namespace
    while cursor:
        answer = (
            await place.store.redis.call([("SCAN", max(0, cursor), "MATCH", f"{namespace}:*", "COUNT", 1_000)])
        )[0]
        cursor = int(answer[0])
        for raw in answer[1]:
            key = raw.decode()
            if key.removeprefix(f"{namespace}:") in ("seen", "clock", "obeyed", "last-good", "workers"):
                continue
            if key.endswith("}:meta"):
                fields = await place.store.fields(key)
                # An owner finds out whether Redis has all marks, and which days are closed; a file does not say it.
                left_out = ("owner", "format", "version", "marks", "book_closed_before")
                kept = {name: value for name, value in fields.items() if name not in left_out}
                found[key] = json.dumps({name: value for name, value in sorted(kept.items()) if value}).encode()
            else:
                found[key] = await content(place, key)
    return found


async def content(place: Site, key: str) -> bytes:
    redis = place.store.redis
    kind = (await redis.call([("TYPE", key)]))[0]
    read = {
        b"string": ("GET", key),
        b"hash": ("HGETALL", key),
        b"zset": ("ZRANGE", key, 0, -1, "WITHSCORES"),
        b"list": ("LRANGE", key, 0, -1),
        b"set": ("SMEMBERS", key),
    }[kind if isinstance(kind, bytes) else kind.encode()]
    answer = (await redis.call([read]))[0]
    if isinstance(answer, dict):
        answer = sorted(answer.items())
    elif kind in (b"hash", "hash"):
        answer = sorted(zip(*[iter(answer)] * 2, strict=True))
    return repr(answer).encode()


@pytest.mark.rest
def test_a_backup_drill_what_was_exported_is_imported_into_another_redis_and_workers_go_on(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await history(place)
        await stop_workers(place)
        before, published_before = await everything(place), await published(place)
        assert sum(published_before["at-risk"].values()) > 20

        report = await export(place, tmp_path / "backup")

        assert sum(report["partitions"].values()) == len(await state(place))
        assert report["unreadable"] == 0
        assert await everything(place) == before
        for path in (tmp_path / "backup").iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        await forget_everything(place)
        assert await state(place) == {}

        await import_(place, tmp_path / "backup")

        assert await everything(place) == before
        assert await published(place) == published_before
        assert not (await rebuild(place, "--dry-run"))["partitions"]

        # Work continues: who comes back is taken back, who is quiet now is acted for, and nothing comes twice.
        place.start_worker()
        await place.order("c4", 16)
        await place.order("new", 16)
        await place.now(27)
        await place.decided_until(27)
        after = await published(place)
        new = [
            json.loads(value) for name in ("at-risk", "win-back") for value in after[name] - published_before[name]
        ]
        acted = {(action["customer_id"], action["rule"]["id"], action["status"]) for action in new}
        assert ("c4", "quiet-buyer", "retracted") in acted
        assert ("new", "quiet-buyer", "active") in acted
        assert max(count for name in TOPICS for count in after[name].values()) == 1

    play(apache_pair, tmp_path, scenario)


@pytest.mark.rest
def test_a_rebuild_from_an_older_file_equals_a_rebuild_from_the_whole_log_even_if_the_log_is_cut(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        for number in range(10):
            await place.order(f"a{number}", 1 + number / 10)
        raw = canonical("cancellation", "out", "2024-01-03T00:00:00Z", "x1", reason="unsubscribed")
        await place.send("events", raw, 2, b"out")
        await place.now(7)
        await place.decided_until(7)
        await stop_workers(place)
        await export(place, tmp_path / "backup")
        ends = {number: int((await log_of(place, number)).end) for number in range(4)}

        place.start_worker()
        await later(place)
        await stop_workers(place)
        state_before, published_before, meta_before = await state(place), await published(place), await meta_of(place)
        assert sum(published_before["at-risk"].values()) > 10
        await forget_everything(place, 20)
        assert (await rebuild(place))["rules_lost"]
        uncut = await state(place)
        assert uncut.keys() == state_before.keys()

        async with connected_admin(place.settings.kafka_connection()) as admin:
            topic = place.settings.topic("activity")
            await admin.delete_records(
                {TopicPartition(topic, number): RecordsToDelete(before_offset=end) for number, end in ends.items()}
            )
        await forget_everything(place, 20)
        status, _, complaint = await command(place, "rebuild")
        assert status == 2
        assert "--from" in complaint

        report = await rebuild(place, "--from", str(tmp_path / "backup"))

        assert report["from_files"] == [0, 1, 2, 3]
        assert (report["loss"], report["rules_lost"], report["log_begins"]) == (None, False, {})
        assert (report["published"], report["unsure"]) == ({}, {})
        assert await state(place) == state_before
        assert await meta_of(place) == meta_before
        assert await published(place) == published_before

    play(apache_pair, tmp_path, scenario, CONSENT + QUIET + DRY + GONE)


@pytest.mark.rest
def test_days_of_the_book_that_were_closed_since_a_file_was_written_stay_closed_when_redis_is_lost(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        # Half of what is decided on day 11 is decided after the export.
        for number in range(6):
            await place.order(f"a{number}", 1)
            await place.order(f"b{number}", 1.5)
        await place.now(11.2)
        await place.decided_until(11.2)
        await stop_workers(place)
        await export(place, tmp_path / "backup")
        place.start_worker()
        await place.now(40)
        await place.decided_until(40)
        topic = BookTopic(place.settings.kafka_connection(), place.settings.topic(BOOK))

        async def are_closed() -> bool:
            return max((await topic.closed_before(range(4))).values()) > day(11) // DAY_MS

        await place.until(are_closed, "the days to be closed")
        before = await read_book(place.store, topic, 4)
        assert before.facts
        assert before.doings[day(11) // DAY_MS] == {"acted:quiet-buyer": 12}
        await stop_workers(place)
        await forget_everything(place, 40)

        await rebuild(place, "--from", str(tmp_path / "backup"))
        place.start_worker()
        await place.now(60)
        await place.decided_until(60)

        async def is_nothing_open() -> bool:
            keys = [place.store.keys.partition(number) for number in range(4)]
            return not any([await place.store.fields(key) for own in keys for key in (own.facts, own.doings)])

        await place.until(is_nothing_open, "all days to be closed")
        after = await read_book(place.store, topic, 4)
        assert (after.facts, after.doings) == (before.facts, before.doings)

    play(apache_pair, tmp_path, scenario, QUIET)


async def later(place: Site) -> None:
    """What happens after the backup: customers go quiet, come back, and are new."""
    for number in range(5):
        await place.login(f"a{number}", 8 + number / 10)
        await place.order(f"b{number}", 9)
    await place.now(13)
    await place.decided_until(13)
    await place.order("a1", 14)
    await place.order("b1", 14)
    await place.now(20)
    await place.decided_until(20)


@pytest.mark.rest
def test_what_was_published_since_is_not_published_again_and_what_was_not_is(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        for number in range(6):
            await place.order(f"c{number}", 1)
        await place.now(11.5)
        await place.decided_until(11.5)
        await stop_workers(place)
        report = await export(place, tmp_path / "backup")
        assert report["held"] == 5
        held_before = await held_by_rule(place.store, 4, day(11.5))
        place.start_worker()
        status, _, complaint = await command(place, "rules", "release", "quiet-buyer", "--at-most", "2")
        assert status == 0, complaint

        async def are_released() -> bool:
            return len(await place.actions("at-risk")) == 3

        await place.until(are_released, "two actions to be released")
        await stop_workers(place)
        held_later, published_before = await held_by_rule(place.store, 4, day(11.5)), await published(place)
        await forget_everything(place, 11.5)

        status, _, complaint = await command(place, "state", "import", str(tmp_path / "backup"))
        assert status == 2
        assert "since the export, records were published" in complaint
        assert "linger rebuild --all --from" in complaint

        await rebuild(place, "--all", "--from", str(tmp_path / "backup"))
        assert await held_by_rule(place.store, 4, day(11.5)) == held_later != held_before
        assert await published(place) == published_before
        assert Counter(await published(place)) == Counter(published_before)

    play(apache_pair, tmp_path, scenario, PACED)


@pytest.mark.rest
def test_files_that_do_not_belong_here_or_are_cut_are_refused_and_nothing_is_changed(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await history(place, 6)
        await stop_workers(place)
        backup = tmp_path / "backup"
        await export(place, backup)
        before = await everything(place)
        partition = backup / f"partition-{partition_of('c1', 4):04}.jsonl"
        whole = partition.read_bytes()

        async def refused(words: str, *options: str, path: Path = backup) -> None:
            status, _, complaint = await command(place, "state", "import", str(path), *options)
            assert (status, words in complaint) == (2, True), complaint
            assert await everything(place) == before
            status, _, complaint = await command(place, "rebuild", "--all", "--from", str(path))
            assert (status, words in complaint) == (2, True), complaint
            assert await everything(place) == before

        status, _, complaint = await command(place, "state", "import", str(backup))
        assert (status, "there is state under the namespace" in complaint) == (2, True), complaint
        status, _, complaint = await command(place, "state", "export", str(backup))
        assert (status, "is not empty" in complaint) == (2, True), complaint

        partition.write_bytes(whole[: len(whole) * 2 // 3])
        await refused("it was cut", "--replace")
        partition.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
        await refused("it was cut", "--replace")
        partition.write_bytes(whole.replace(b'"c1"', b'"c9"'))
        await refused("it was changed", "--replace")
        partition.write_bytes(b'{"hello": "world"}\n')
        await refused("no state file of Linger", "--replace")
        partition.write_bytes(whole)

        status, _, complaint = await command(place, "state", "import", str(backup), "--replace")
        assert status == 0, complaint
        assert await everything(place) == before

        place.start_worker()
        await place.now(16)
        await place.decided_until(16)
        status, _, complaint = await command(place, "state", "import", str(backup), "--replace")
        assert (status, "workers of group" in complaint) == (2, True), complaint

    play(apache_pair, tmp_path, scenario, QUIET)


def test_what_keeps_changing_while_it_is_read_is_not_exported_and_no_file_is_left(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "worker")).meta
        await take_step(store, meta, WriteSet(offset=3, activities={"ada": stored()}, due={"ada": 5}))
        log = {0: Log("linger.activity", None, 1, 0, 9)}
        folder = StateFolder(tmp_path / "calm")
        report = await Export(store, rules(), folder, "0.3", 0).run(log, {0: {}}, lambda _: None)
        assert (report.partitions, report.unreadable) == ({0: 1}, 0)
        assert sorted(read_files(folder.path).partitions) == [0]

        busy = BusyStore(store.redis, store.keys.namespace)
        busy.meta_of_worker = meta
        folder = StateFolder(tmp_path / "busy")
        with pytest.raises(LingerError, match="were changed while they were read, 5 times"):
            await Export(busy, rules(), folder, "0.3", 0).run(log, {0: {}}, lambda _: None)
        assert list(folder.path.iterdir()) == []

        # One that comes to rest is read again.
        busy.steps = 2
        await Export(busy, rules(), StateFolder(tmp_path / "rest"), "0.3", 0).run(log, {0: {}}, lambda _: None)
        assert read_files(tmp_path / "rest").heads[0].offset == 3

    lawful(law, apache_pair.redis_url)


def test_an_import_joins_marks_and_leaves_out_who_was_erased_since_the_export(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law(store: Store) -> None:
        key = MarkKey(b"k")
        await store.marks.keep_key("check", key.check())
        meta = (await store.claim(0, "worker")).meta
        kept = {"ada": Mark("", suppressed_ms=5, suppressed_at=1), "bob": Mark("", opted_out_ms=5, opted_out_at=2)}
        marks = {key.ref(name): encode_mark(mark) for name, mark in kept.items()}
        customers = {name: stored() for name in ("ada", "bob", "cyd")}
        changes = WriteSet(offset=3, activities={**customers}, due={"cyd": 5, "bob": 5}, marks={**marks})
        await take_step(store, meta, changes)
        log = {0: Log("linger.activity", None, 1, 0, 9)}
        report = await Export(store, rules(), StateFolder(tmp_path / "backup"), "0.3", 0).run(
            log, {0: {}}, lambda _: None
        )
        assert report.marks == 2
        files = read_files(tmp_path / "backup")

        # Since then: bob is suppressed, and cyd is erased at the very next offset. A rebuild wipes, and keeps marks.
        since = {
            "bob": Mark("", suppressed_ms=9, suppressed_at=6, opted_out_ms=5, opted_out_at=2),
            "cyd": Mark("", suppressed_ms=8, suppressed_at=3, erased_ms=8, erased_at=3),
        }
        newer = {key.ref(name): encode_mark(mark) for name, mark in since.items()}
        await take_step(store, meta, WriteSet(offset=7, marks={**newer}))
        await wipe(store, {0: RebuildMark(rules_lost=False, decided_ms=0, is_wiping=True)}, ["login"])
        known = StoredCustomers(rules(), newest())
        part = files.partitions[0]
        loaded = await load_partition(store, files.heads[0], part, known, "", Everything(), key)
        assert (loaded.customers, loaded.erased, loaded.marks) == (2, 1, 2)
        assert await store.activity(0, "cyd") is None
        assert await store.activity(0, "bob") == stored()
        expected = {key.ref(name): mark for name, mark in {**kept, **since}.items()}
        assert await store.marks.of_partition(0) == expected

        # Redis has lost its marks, too: those of the topic count the same.
        await store.redis.call([("DEL", store.keys.partition(0).marks)])
        await wipe(store, {0: RebuildMark(rules_lost=False, decided_ms=0, is_wiping=True)}, ["login"])
        copied = {key.ref(name): mark for name, mark in since.items()}
        loaded = await load_partition(store, files.heads[0], part, known, "", Everything(), key, copied)
        assert (loaded.customers, loaded.erased) == (2, 1)
        assert await store.activity(0, "cyd") is None

    lawful(law, apache_pair.redis_url)


class BusyStore(Store):
    """A store whose worker takes a step after each look at `meta`, as long as it has any to take."""

    meta_of_worker: Meta
    steps = 1_000

    async def metas(self, partitions: Iterable[int]) -> dict[int, dict[str, str]]:
        found = await super().metas(partitions)
        if self.steps:
            self.steps -= 1
            await take_step(self, self.meta_of_worker, WriteSet())
        return found


def test_a_customer_that_cannot_be_read_is_counted_and_left_out(apache_pair: Pair, tmp_path: Path) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "worker")).meta
        await take_step(store, meta, WriteSet(offset=3, activities={"ada": stored(), "bob": b"\x03rubbish"}))
        log = {0: Log("linger.activity", None, 1, 0, 9)}
        export = Export(store, rules(), StateFolder(tmp_path / "backup"), "0.3", 0)
        report = await export.run(log, {0: {}}, lambda _: None)
        assert (report.partitions, report.unreadable) == ({0: 1}, 1)
        assert read_files(tmp_path / "backup").unreadable == 1
        await take_step(store, meta, WriteSet(activities={"cyd": b"\x05later"}))
        with pytest.raises(LingerError, match="a newer version of Linger has worked here"):
            await Export(store, rules(), StateFolder(tmp_path / "other"), "0.3", 0).run(log, {0: {}}, lambda _: None)
        assert list((tmp_path / "other").iterdir()) == []

    lawful(law, apache_pair.redis_url)


def test_a_load_that_is_interrupted_leaves_a_mark_and_no_worker_uses_half_of_it(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def law(store: Store) -> None:
        meta = (await store.claim(0, "worker")).meta
        customers: dict[str, bytes | None] = {f"c{number}": stored() for number in range(1_200)}
        await take_step(store, meta, WriteSet(offset=3, activities=customers, due={"c7": 5}))
        log = {0: Log("linger.activity", None, 1, 0, 9)}
        await Export(store, rules(), StateFolder(tmp_path / "backup"), "0.3", 0).run(log, {0: {}}, lambda _: None)
        files = read_files(tmp_path / "backup")
        unfinished = {0: RebuildMark(rules_lost=False, decided_ms=0, is_wiping=True)}
        known = StoredCustomers(rules(), newest())

        await wipe(store, unfinished, ["login"])
        with pytest.raises(InterruptedError):
            await load_partition(store, files.heads[0], Interrupted(files.partitions[0]), known, "", Everything())
        fields = await store.meta(0)
        mismatch = check_consistency(fields, int(fields.get("offset", -1)), None, log[0])
        assert mismatch is not None
        assert mismatch.kind == "rebuilding"
        assert await store.activity(0, "c1") is not None

        await wipe(store, unfinished, ["login"])
        loaded = await load_partition(store, files.heads[0], files.partitions[0], known, "", Everything())
        fields = await store.meta(0)
        assert (loaded.customers, fields["offset"]) == (1_200, "3")
        assert check_consistency(fields, 3, None, log[0]) is None
        assert await store.activity(0, "c1199") == stored()

    lawful(law, apache_pair.redis_url)


class Interrupted(Part):
    """A part whose reader is killed after a thousand lines."""

    def __init__(self, part: Part) -> None:
        super().__init__(part.path, part.at)

    def lines(self) -> Iterator[Inner]:
        for number, line in enumerate(super().lines()):
            if number == 1_000:
                raise InterruptedError
            yield line


def stored() -> bytes:
    """A customer with one purchase, as workers store it."""
    customers = StoredCustomers(rules(), newest())
    moment = "2024-01-02T00:00:00.000Z"
    purchase = SeriesFacts(
        type="purchase",
        first=moment,
        last=moment,
        total=1,
        active_days=1,
        days=[("2024-01-02", 1)],
        sums=["20"],
        sum="20",
    )
    facts = CustomerFacts(known_since=moment, latest_event=moment, series={"purchase": purchase})
    return customers.stored(facts)
