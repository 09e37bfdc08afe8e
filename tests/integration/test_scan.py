"""Laws of `linger scan` and `linger forecast` over real servers and a worker that goes on."""

import asyncio
import json
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.test_rebuild import stop_workers
from tests.integration.test_worker import DRY, QUIET, canonical, play
from tests.support.builders import day
from tests.support.site import Site
from workers.clock import iso_text
from workers.demo.embedded import Pair
from workers.loading import load_configuration
from workers.scan.forecast import Question, forecast
from workers.scan.scan_file import opened
from workers.scan.taking import Installation, ScanReport, take_scan
from workers.state.meta import REBUILDING

pytestmark = pytest.mark.integration

FOR_EVERY_RULE: Final = """
for every rule:
  consent: {from: cancellation.reason, opted out: [unsubscribed]}
  limits: [{at most: 1 actions, within: 6 days}]
"""
HELD_OUT: Final = "    hold out: 30%\n    examples:"
LONG_QUIET: Final = """
  - id: long-quiet
    title: Nothing for a month, again and again
    status: live
    when: {all: [{count: purchase, at least: 1, within: 40 days}, {none: purchase, for: 30 days}]}
    action: win-back
    template: we-miss-you
    expires after: 14 days
    priority: 5
    examples:
      - name: a customer goes quiet
        given: [{at: start, event: purchase}]
        expect: [{at: 30 days, action: win-back}]
      - name: a customer does not
        given: [{at: start, event: purchase, every: 9 days, times: 3}]
        watch for: 25 days
        expect: nothing
"""
FIRST: Final = QUIET.replace("    examples:", HELD_OUT).replace(": 14 days", ": 25 days\n    priority: 9")
RULES: Final = FIRST + DRY + LONG_QUIET + FOR_EVERY_RULE


async def command(place: Site, *words: str) -> tuple[int, str, str]:
    """Run a command of this site; return its exit status and what it printed."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "workers", *words],
        env=place.process_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def printed(place: Site, *words: str) -> dict[str, Any]:
    status, output, complaint = await command(place, *words, "--json")
    assert status == 0, complaint
    document: dict[str, Any] = json.loads(output)
    return document


async def scanned(place: Site, path: Path, per_second: int = 100_000) -> ScanReport:
    """Take a scan in this process."""
    sources = load_configuration(place.settings).sources
    here = Installation(place.store, place.clock, sources, place.settings.partitions, None, "0")
    return await take_scan(here, path, per_second)


async def some_history(place: Site) -> None:
    """Let forty customers buy and log in on several days; one of them has opted out, one is suppressed."""
    for number in range(40):
        await place.order(f"c{number}", 1 + number / 4)
        if number % 3 == 0:
            await place.login(f"c{number}", 2 + number / 5)
    raw = canonical("cancellation", "c7", "2024-01-12T00:00:00Z", "x1", reason="unsubscribed")
    await place.send("events", raw, 11.5, b"c7")
    await place.now(12.3)
    await place.decided_until(12.3)
    status, _, complaint = await command(place, "customer", "suppress", "c8", "--because", "a test")
    assert status == 0, complaint
    await place.now(12.4)
    await place.decided_until(12.4)


async def decided_after(place: Site, at: str) -> dict[tuple[str, str, str], int]:
    """Return how many decisions were made after a moment, by rule, day, and what was decided."""
    found: Counter[tuple[str, str, str]] = Counter()
    for topic in ("at-risk", "win-back", "decisions"):
        for record in await place.actions(topic):
            if record["decided_at"] > at:
                what = "sent" if record.get("status") == "active" else record.get("decision", "taken back")
                found[record["rule"]["id"], record["decided_at"][:10], what] += 1
    return dict(found)


def forecast_of(document: dict[str, Any]) -> dict[tuple[str, str, str], int]:
    found: Counter[tuple[str, str, str]] = Counter()
    for rule in document["rules"]:
        for one in rule["days"]:
            for what, number in {"sent": one["sent"], **one["not_sent"]}.items():
                if number:
                    found[rule["id"], one["day"], what] += number
    return dict(found)


def test_what_a_worker_sends_on_each_day_is_what_was_forecast(embedded_pair: Pair, tmp_path: Path) -> None:
    async def scenario(place: Site) -> None:
        await some_history(place)
        path = tmp_path / "scan.jsonl"
        report = await scanned(place, path)
        assert (report.customers, report.at_ms, report.partitions) == (40, day(12.4), 4)
        configuration = load_configuration(place.settings)
        document = forecast(Question(path, configuration.book, configuration.rules, 30))
        assert document["scan"]["same_rules"]
        at = document["from"]
        await place.now(50)
        await place.decided_until(50)
        lived = {
            key: number
            for key, number in (await decided_after(place, at)).items()
            if key[1] <= document["until"][:10]
        }
        assert forecast_of(document) == lived
        kinds = {what for _, _, what in lived}
        assert kinds >= {"sent", "held_out", "capped", "outranked", "opted_out", "suppressed"}
        assert sum(number for (_, _, what), number in lived.items() if what == "sent") > 20

    play(embedded_pair, tmp_path, RULES, scenario)


LADDER: Final = """
value: {revenue: [purchase.amount], currency: EUR}
stages:
  name: simple
  status: live
  steps:
    - {stage: regular, when: {count: purchase, at least: 2}}
    - {stage: quiet, when: {none: purchase, for: 5 days}, list: true}
  otherwise: newcomer
"""


@pytest.mark.rest
def test_who_stands_on_a_listed_stage_is_shown_by_worth_and_by_due_time_and_is_gone_when_erased(
    apache_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        for number in range(1, 6):
            await place.order(f"c{number}", number / 10, total=f"{number}0.50")
        await place.now(7)
        await place.decided_until(7)
        found = await printed(place, "customers", "--stage", "quiet", "--limit", "2")
        assert (found["total"], found["complete"], found["whole"]) == (5, True, True)
        assert [(one["customer_id"], one["worth"]) for one in found["customers"]] == [("c5", 50.5), ("c4", 40.5)]
        assert found["customers"][0]["due"] == iso_text(day(10.5))
        due = await printed(place, "customers", "--stage", "quiet", "--due", "--limit", "2")
        assert [one["customer_id"] for one in due["customers"]] == ["c1", "c2"]
        await place.order("c1", 7.5)
        status, _, complaint = await command(
            place, "customer", "erase", "c5", "--reason", "asked", "--yes", "--no-wait"
        )
        assert status == 0, complaint
        await place.now(8)
        await place.decided_until(8)
        found = await printed(place, "customers", "--stage", "quiet", "--by", "value")
        assert [one["customer_id"] for one in found["customers"]] == ["c4", "c3", "c2"]
        counted = await printed(place, "stages")
        assert {one["stage"]: one["customers"] for one in counted["stages"]} == {
            "regular": 1,
            "quiet": 3,
            "newcomer": 0,
        }
        await stop_workers(place)
        status, _, complaint = await command(place, "rebuild", "--all", "--because", "a test")
        assert status == 0, complaint
        assert (await printed(place, "customers", "--stage", "quiet", "--by", "value")) == found
        status, _, complaint = await command(place, "customers", "--stage", "regular")
        assert status == 2
        assert "write 'list: true' there. It lists quiet" in complaint

    play(apache_pair, tmp_path, QUIET + LADDER, scenario)


@pytest.mark.rest
def test_a_scan_beside_a_worker_that_works_has_every_customer_and_changes_nothing(
    embedded_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await some_history(place)
        before = await place.store.metas(range(4))
        path = tmp_path / "scan.jsonl"
        await scanned(place, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with opened(path) as scan:
            held = {customer.id: (line, customer) for line, customer in scan.customers()}
            assert scan.head.at == day(12.4)
        assert held.keys() == {f"c{number}" for number in range(40)}
        assert [one for one in held if held[one][1].suppressed] == ["c8"]
        assert [one for one in held if held[one][1].opted_out_ms] == ["c7"]
        for customer_id, (line, customer) in held.items():
            assert await place.store.activity(line.partition, customer_id) == customer.stored
        after = await place.store.metas(range(4))
        assert {number: fields["offset"] for number, fields in before.items()} == {
            number: fields["offset"] for number, fields in after.items()
        }
        # Beside traffic: who is there all the time is there once, however much changes.
        for number in range(40, 80):
            await place.order(f"c{number}", 12.5)
        scanning = asyncio.create_task(scanned(place, path, 200))
        await place.now(13)
        await scanning
        with opened(path) as scan:
            ids = [customer.id for _, customer in scan.customers()]
        assert len(ids) == len(set(ids))
        assert set(ids) >= held.keys()

    play(embedded_pair, tmp_path, RULES, scenario)


@pytest.mark.rest
def test_a_forecast_without_a_file_takes_a_scan_and_a_partition_that_is_rebuilt_is_refused(
    embedded_pair: Pair, tmp_path: Path
) -> None:
    async def scenario(place: Site) -> None:
        await some_history(place)
        path = tmp_path / "scan.jsonl"
        report = await printed(place, "scan", str(path))
        assert (report["customers"], report["at"], report["file"]) == (40, iso_text(day(12.4)), str(path))
        by_file = await printed(place, "forecast", "--scan", str(path))
        at_once = await printed(place, "forecast")
        assert at_once["rules"] == by_file["rules"]
        assert at_once["scan"]["file"] is None
        status, page, complaint = await command(place, "forecast", "--scan", str(path))
        assert status == 0, complaint
        assert "40 customers as of 2024-01-13 09:36 UTC. If nothing happens until 2024-03-13" in page
        assert "quiet-buyer" in page
        (worker,) = place.processes
        await place.stop_worker(worker)
        await place.store.set_fields(place.store.keys.partition(2).meta, {REBUILDING: "yes"})
        status, _, complaint = await command(place, "scan", str(path))
        assert status == 2
        assert "partition 2 is being rebuilt" in complaint
        assert await printed(place, "forecast", "--scan", str(path)) == by_file

    play(embedded_pair, tmp_path, RULES, scenario)
