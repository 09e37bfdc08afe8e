"""`linger dead-letters` over what a real worker could not read."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import typer
from typer.testing import CliRunner

from tests.integration.test_worker import QUIET, Scenario, canonical, play
from tests.support.builders import day
from tests.support.site import Site
from workers.cli.dead_letters import add_to
from workers.dead_letters.disposition import DispositionLog
from workers.demo.embedded import Pair
from workers.errors import LingerError
from workers.kafka.partitioner import partition_of

pytestmark = pytest.mark.integration


def on_the_wall_clock(pair: Pair, folder: Path, scenario: Scenario, **options: Any) -> None:
    """Play a scenario on the wall clock: what is replayed is stamped with the time it is sent at."""
    play(pair, folder, QUIET, scenario, LINGER_CLOCK="system", **options)


def process(place: Site, *words: str) -> "subprocess.Popen[str]":
    """Start one of the commands as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "workers", "dead-letters", *words],
        env=place.process_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def linger_app() -> typer.Typer:
    """A program with these commands only."""
    app = typer.Typer()
    add_to(app)
    app.command("other")(lambda: None)  # with one command alone, Typer would not ask for its name
    return app


async def linger(place: Site, *words: str) -> str:
    """Run one of the commands and return what it prints; in this process, because starting one takes seconds."""
    result = await asyncio.to_thread(
        CliRunner().invoke,
        linger_app(),
        ["dead-letters", *words],
        obj=place.environment,
        catch_exceptions=False,
        env={"COLUMNS": "200"},
    )
    assert result.exit_code == 0
    return result.output


async def asked(place: Site, *words: str) -> Any:
    """Run one of the commands and return its document."""
    return json.loads(await linger(place, *words, "--json"))


async def wait_for_dead_letters(place: Site, number: int) -> list[dict[str, Any]]:
    """Wait until this number of dead letters is listed."""
    groups: list[dict[str, Any]] = []

    def count() -> int:
        return sum(int(group["count"]) for group in groups)

    async def are_there() -> bool:
        if not await place.store.meta(0):
            return False  # no worker has claimed anything yet, so the command would refuse
        groups[:] = await asked(place, "list")
        return count() >= number

    await place.until(are_there, f"{number} dead letters")
    assert count() == number
    return groups


async def wait_for(place: Site, **wanted: int) -> None:
    """Wait until the workers have counted as much, and check that it is not more."""

    async def is_so() -> bool:
        counters = await place.counters()
        return all(counters.get(name, 0) >= number for name, number in wanted.items())

    await place.until(is_so, f"{wanted}")
    counters = await place.counters()
    assert {name: counters.get(name, 0) for name in wanted} == wanted


async def restart(place: Site, changes: Sequence[tuple[str, str]] = ()) -> None:
    """Stop the worker, change sources.yaml, and start it again."""
    for process in place.processes:
        process.terminate()
        assert await asyncio.to_thread(process.wait, 30) == 0
    place.processes.clear()
    path = place.folder / "sources.yaml"
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)
    place.start_worker()


def renamed(customer: str) -> dict[str, Any]:
    """An order of a shop that has renamed a field."""
    return {"order_id": f"o-{customer}", "client": customer, "total": "5", "currency": "EUR", "placed_at_ms": day(1)}


FIXED = [("customer_id: customer", "customer_id: client")]


def sent_by(document: Any) -> dict[str, int]:
    """Return how many dead letters of each reason would be sent."""
    return {group["reason"]: group["count"] for group in document["groups"] if group["send"]}


def kept_by(document: Any) -> dict[tuple[str, str], int]:
    """Return how many dead letters would not be sent, by obstacle and reason."""
    return {(group["why_not"], group["reason"]): group["count"] for group in document["groups"] if not group["send"]}


def test_what_was_unreadable_is_folded_exactly_once_after_sources_were_fixed(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        for customer in ("ada", "bob", "cyd"):
            await place.send("orders", renamed(customer), 1, key=customer.encode(), headers=[("trace", b"\x00\xff")])
        await place.send("orders", b"<html>", 1, key=b"dan")
        groups = await wait_for_dead_letters(place, 4)
        assert [(group["reason"], group["topic"], group["count"]) for group in groups] == [
            ("missing_field", f"{place.prefix}orders", 3),
            ("not_json", f"{place.prefix}orders", 1),
        ]
        shown = await asked(place, "show", groups[0]["example"])
        assert json.loads(shown["value"]["text"]) in [renamed(customer) for customer in ("ada", "bob", "cyd")]
        assert "customer" in shown["detail"]

        dry = await asked(place, "replay")
        assert (dry["dry_run"], dry["sent"], sent_by(dry)) == (True, 0, {"missing_field": 3})
        assert kept_by(dry) == {("hopeless", "not_json"): 1}
        await restart(place, FIXED)
        done = await asked(place, "replay", "--yes")
        assert (done["dry_run"], done["sent"]) == (False, 3)
        await wait_for(place, customers=3, events=3)

        again = await asked(place, "replay", "--yes")
        assert (again["sent"], sent_by(again)) == (0, {})
        assert kept_by(again) == {("replayed", "missing_field"): 3, ("hopeless", "not_json"): 1}
        assert "Nothing was noted" in await linger(place, "discard", "--reason", "not_json")
        assert (await asked(place, "discard", "--reason", "not_json", "--yes"))["discarded"] == 1
        listed = {group["reason"]: (group["replayed"], group["discarded"]) for group in await asked(place, "list")}
        assert listed == {"missing_field": (3, 0), "not_json": (0, 1)}
        # Sent once more on purpose, they come again as what they are: known events.
        assert (await asked(place, "replay", "--again", "--reason", "missing_field", "--yes"))["sent"] == 3
        await wait_for(place, customers=3, events=3, duplicates=3)

    on_the_wall_clock(apache_pair, tmp_path, scenario)


def test_a_replayed_record_is_what_it_was_in_the_partition_where_it_was(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        topic, value = f"{place.prefix}orders", json.dumps(renamed("ada")).encode()
        headers = [("trace", b"\x00\xff"), ("trace", b"2"), ("linger-reason", b"another producer's")]
        for partition in (0, 1):
            for key in (b"same", None):
                await place.producer.send_and_wait(
                    topic, value=value, key=key, partition=partition, headers=headers, timestamp_ms=day(1)
                )
        await wait_for_dead_letters(place, 4)
        assert (await asked(place, "replay", "--yes"))["sent"] == 4
        dead_letters = await place.read("dead-letter", at_least=8)
        again = [record for record in dead_letters if dict(record.headers).get("linger-replays") == b"1"]
        assert len(again) == 4
        for record in again:
            assert record.value == value
            assert list(record.headers[:4]) == [*headers, ("linger-replays", b"1")]
        places = sorted((record.key or b"", dict(record.headers)["linger-source-partition"]) for record in again)
        assert places == [(b"", b"0"), (b"", b"1"), (b"same", b"0"), (b"same", b"1")]

    on_the_wall_clock(apache_pair, tmp_path, scenario)


def test_a_record_that_keeps_coming_back_is_not_sent_for_ever(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await place.send("orders", renamed("ada"), 1)
        for round_ in (1, 2, 3):
            await wait_for_dead_letters(place, round_)
            assert (await asked(place, "replay", "--yes"))["sent"] == 1
        await wait_for_dead_letters(place, 4)
        last = await asked(place, "replay", "--yes")
        assert (last["sent"], kept_by(last)) == (
            0,
            {("replayed", "missing_field"): 3, ("exhausted", "missing_field"): 1},
        )
        out = await linger(place, "replay")
        assert "replayed too often already" in out
        assert sent_by(await asked(place, "replay", "--at-most", "4")) == {"missing_field": 1}

    on_the_wall_clock(apache_pair, tmp_path, scenario)


def test_records_of_the_activity_topic_are_neither_dropped_nor_folded_twice(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        topic = place.settings.topic("activity")
        origin = ("linger-source", f"{place.prefix}events:0:7".encode())
        for customer, headers in (("ada", [origin]), ("bob", [])):
            event = canonical("nps", customer, "2024-01-02T00:00:00Z", f"n-{customer}")
            raw = json.dumps(event).encode()
            await place.producer.send_and_wait(topic, value=raw, key=customer.encode(), headers=headers)
        wrong = canonical("login", "cyd", "2024-01-02T00:00:00Z", "l-cyd")
        await place.producer.send_and_wait(topic, value=json.dumps(wrong).encode(), key=b"dan")
        groups = await wait_for_dead_letters(place, 3)
        assert {(group["reason"], group["topic"]) for group in groups} == {
            ("unknown_type", topic),
            ("wrong_key", topic),
        }
        # Too early: they come back from the processor, with the number of replays and without intake's mark.
        assert (await asked(place, "replay", "--yes"))["sent"] == 2
        await wait_for_dead_letters(place, 5)
        headers_now = [dict(record.headers) for record in await place.read("dead-letter", at_least=5)]
        again = [headers for headers in headers_now if headers.get("linger-replays") == b"1"]
        assert ["linger-source" in headers for headers in again] == [False, False]

        await restart(
            place, [("sources:\n", "event_types: {nps: {description: asked}}\nsources:\n"), ("[purchase,", "[nps,")]
        )
        done = await asked(place, "replay", "--yes")
        assert (done["sent"], kept_by(done)) == (
            2,
            {("replayed", "unknown_type"): 2, ("hopeless", "wrong_key"): 1},
        )
        await wait_for(place, customers=2, events=2)
        assert (await asked(place, "replay", "--again", "--reason", "unknown_type", "--yes"))["sent"] == 4
        await wait_for(place, customers=2, events=2, duplicates=4)

    on_the_wall_clock(apache_pair, tmp_path, scenario)


def test_a_record_in_the_wrong_partition_is_sent_again_to_the_partition_of_its_key(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        topic, partitions = place.settings.topic("activity"), place.settings.partitions
        names = [f"c{number}" for number in range(8)]
        away = [name for name in names if crc32(name.encode()) % partitions != partition_of(name, partitions)]
        assert 0 < len(away) < len(names)
        for name in names:  # as librdkafka chooses partitions unless a setting says otherwise
            raw = json.dumps(canonical("login", name, "2024-01-02T00:00Z", f"l-{name}")).encode()
            partition = crc32(name.encode()) % partitions
            await place.producer.send_and_wait(topic, value=raw, key=name.encode(), partition=partition)
        (group,) = await wait_for_dead_letters(place, len(away))
        assert (group["reason"], group["topic"]) == ("wrong_partition", topic)
        await wait_for(place, customers=len(names) - len(away), events=len(names) - len(away))
        assert (await asked(place, "replay", "--yes"))["sent"] == len(away)
        await wait_for(place, customers=len(names), events=len(names))

    on_the_wall_clock(apache_pair, tmp_path, scenario)


def test_a_letter_that_was_cut_is_not_sent_but_its_source_is_named(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        padding = "x" * (1_048_420 - len(json.dumps({**renamed("ada"), "padding": ""})))
        await place.send("orders", {**renamed("ada"), "padding": padding}, 1)
        (group,) = await wait_for_dead_letters(place, 1)
        done = await asked(place, "replay", "--yes")
        assert (done["sent"], kept_by(done)) == (0, {("cut", "missing_field"): 1})
        (cut,) = done["cut"]
        assert (cut["place"], cut["topic"], cut["offset"]) == (group["example"], f"{place.prefix}orders", 0)
        out = await linger(place, "replay")
        assert f"topic {place.prefix}orders, partition {cut['partition']}, offset 0" in " ".join(out.split())
        out = await linger(place, "show", group["example"])
        assert "the value had 1048420 bytes" in out
        assert len(out) < 10_000

    on_the_wall_clock(apache_pair, tmp_path, scenario)


def test_a_place_that_is_not_there_is_said(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await place.send("orders", b"<html>", 1)
        await wait_for_dead_letters(place, 1)
        for words, wrong in (
            (("show", "9:0"), "there is no dead letter at 9:0: the topic has 4 partitions"),
            (("show", "0:99"), "there is no dead letter at 0:99"),
            (("replay", "0:99", "--yes"), "there is no dead letter at 0:99"),
            (("replay", "seven"), "'seven' is not a place; write partition:offset, such as 3:1204"),
            (("list", "--since", "soon"), "--since: expected a whole number and a unit such as '45 days'"),
        ):
            with pytest.raises(LingerError, match=re.escape(wrong)):
                await linger(place, *words)
        running = process(place, "show", "9:0")
        out, error = await asyncio.to_thread(running.communicate, timeout=60)
        assert (running.returncode, out) == (2, "")
        assert error == "error: there is no dead letter at 9:0: the topic has 4 partitions\n"

    on_the_wall_clock(apache_pair, tmp_path, scenario)


@pytest.mark.rest
def test_a_replay_that_was_killed_is_finished_by_the_next_one(apache_pair: Pair, tmp_path: Path) -> None:
    total = 10_000

    async def scenario(place: Site) -> None:
        for number in range(total):
            raw = json.dumps(renamed(f"c{number}")).encode()
            await place.producer.send(f"{place.prefix}orders", value=raw, key=b"%d" % number, timestamp_ms=day(1))
        await place.producer.flush()
        await wait_for_dead_letters(place, total)
        await restart(place, FIXED)
        running = process(place, "replay", "--yes")
        prefix = f"{place.settings.redis_namespace}:dead-letters"

        async def has_begun() -> bool:
            return bool((await place.store.redis.call([("SCARD", prefix)]))[0])

        await place.until(has_begun, "the first notes")
        os.kill(running.pid, signal.SIGKILL)
        running.communicate()
        assert running.returncode == -signal.SIGKILL
        (group,) = await asked(place, "list")
        assert group["replayed"] < total
        rest = await asked(place, "replay", "--yes")
        assert rest["sent"] == total - group["replayed"]
        (group,) = await asked(place, "list")
        assert group["replayed"] == total
        await wait_for(place, customers=total, events=total)

    on_the_wall_clock(
        apache_pair,
        tmp_path,
        scenario,
        LINGER_DEAD_LETTER_MAX_CONSECUTIVE="1000000",
        LINGER_DEAD_LETTER_MAX_RATIO="1",
    )


def test_notes_go_with_the_letters_and_with_their_topic(apache_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        log = DispositionLog(place.store, "one")
        await log.record("replayed", [(0, offset) for offset in range(25_000)])
        await log.record("discarded", [(0, 3), (1, 5), (1, 5)])
        dispositions = await log.read()
        assert [dispositions.of((0, offset)) for offset in (2, 3, 24_999, 25_000)] == [
            "replayed",
            "discarded",
            "replayed",
            None,
        ]
        assert (dispositions.of((1, 5)), dispositions.of((1, 4))) == ("discarded", None)
        assert await log.forget_below({0: 20_001, 1: 5}) == 2
        dispositions = await log.read()
        assert [dispositions.of(position) for position in ((0, 19_999), (0, 20_000), (1, 5))] == [
            None,
            "replayed",
            "discarded",
        ]

        other = DispositionLog(place.store, "another")
        assert (await other.read()).of((0, 20_000)) is None
        await other.record("discarded", [(0, 20_001)])
        assert (await other.read()).of((0, 20_000)) is None
        assert await other.forget_below({0: 0, 1: 0}) == 1  # what is left of the old topic
        assert (await other.read()).of((0, 20_001)) == "discarded"

    on_the_wall_clock(apache_pair, tmp_path, scenario)
