"""How long `linger report` takes over many customers: a scan and the report of it, each as the command that it is."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.linger_figures.preload import pasts, put, repeated, rules_in_force
from benchmarks.linger_figures.reports import Report
from benchmarks.linger_figures.site import Plan, Servers, Site, cpu_seconds, installed
from benchmarks.workload import DAY_MS, START_MS, TYPES, VALUE, Workload, histories, watched
from schemas.book import BOOK
from tests.support.compiled import ROOT, as_in_the_wheel
from workers.book.book import Book
from workers.book.from_history import HistoryBook
from workers.book.topic import BookTopic
from workers.core.rules.rule_set import RuleSet
from workers.source_files.reading import load_sources
from workers.state.meta import CLOSED_BEFORE, PARTITIONS, since_field

_DIFFERENT: Final = 2_000
"""Different pasts; further customers share them."""
_AS_FAST_AS_IT_GOES: Final = 1_000_000_000
_NEVER_SILENT: Final = "3650 days"


async def measure(servers: Servers, *, customers: int, events_each: int, partitions: int) -> Report:
    """Fill Redis and the book, take a scan, and make the report of it as a page.

    The rules are those that come with Linger, with what a customer is worth.

    Args:
        servers: to work on.
        customers: how many there are.
        events_each: events of a customer, on average, over 400 days.
        partitions: over which they are spread.
    """
    different = min(customers, _DIFFERENT)
    workload = Workload(different * events_each, different)
    folder = servers.folder / "report"
    async with installed(servers, Plan(partitions=partitions, settings=_files(folder))) as site:
        rules = await rules_in_force(site)
        known = pasts(workload, rules, workload.end_ms)
        await put(site.store, partitions, repeated(known, customers), rules)
        await _watch(site, rules, workload.end_ms)
        book = _book(workload, rules)
        await _close(site, book)
        await site.announce(workload.end_ms)
        scan, page = folder / "scan.jsonl", folder / "report.html"
        before = cpu_seconds(servers.redis_pid)
        scanned = await asyncio.to_thread(_run, site, "scan", str(scan), "--per-second", str(_AS_FAST_AS_IT_GOES))
        of_redis = cpu_seconds(servers.redis_pid) - before
        reported = await asyncio.to_thread(_run, site, "report", "--scan", str(scan), "--html", str(page))
        size = await asyncio.to_thread(scan.stat)
    figures = {
        "customers": customers,
        "days_of_the_book": len(book.facts),
        "file_of_the_scan_mb": round(size.st_size / 1e6),
        "redis_cpu_of_the_scan": round(of_redis, 1),
        "report_us_per_customer": round(reported.cpu_seconds / customers * 1e6, 1),
    }
    rows = [{"command": name, **done.row()} for name, done in (("scan", scanned), ("report", reported))]
    title = f"linger report over {customers:,} customers with {events_each} events each, rules that come with Linger"
    return Report("report", title, {"commands": rows}, figures)


@dataclass(frozen=True, slots=True)
class _Done:
    """What a command took.

    Attributes:
        seconds: from its start to its end.
        cpu_seconds: of its process.
        most_mb: memory that it had at the most.
    """

    seconds: float
    cpu_seconds: float
    most_mb: float

    def row(self) -> dict[str, Any]:
        """Return it for a table."""
        return {"s": round(self.seconds, 1), "cpu_s": round(self.cpu_seconds, 1), "mb": round(self.most_mb)}


def _run(site: Site, *arguments: str) -> _Done:
    """Run a command of Linger, and measure its process.

    Raises:
        CalledProcessError: if it fails.
    """
    command = (sys.executable, "-m", "workers", *arguments)
    environment = {**os.environ, **as_in_the_wheel(ROOT), **site.environment}
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    # Linux counts it in kilobytes.
    return _Done(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1_000)


def _files(folder: Path) -> dict[str, object]:
    """Copy the rules and sources that come with Linger, with a value; return the settings that name them."""
    shutil.copytree(ROOT / "rules", folder / "rules")
    shutil.copy(VALUE, folder / "rules")
    shipped, problems = load_sources(ROOT / "sources.yaml")
    if shipped is None or problems:
        raise ValueError("\n".join(map(str, problems)))
    document = shipped.model_dump(mode="json", by_alias=True, exclude_unset=True)
    since = f"{datetime.fromtimestamp(START_MS / 1000, UTC):%Y-%m-%d}"
    for source in document["sources"]:
        source |= {"complete_since": since, "max_silence": _NEVER_SILENT}
    (folder / "sources.yaml").write_text(json.dumps(document))  # JSON is YAML
    return {"rules": folder / "rules", "sources": folder / "sources.yaml"}


async def _watch(site: Site, rules: RuleSet, end_ms: int) -> None:
    """Say of every partition what workers say that have read everything from the beginning."""
    fields: dict[str, str | int] = {since_field(spec.key): START_MS for spec in rules.specs()}
    fields |= {PARTITIONS: site.plan.partitions, CLOSED_BEFORE: end_ms // DAY_MS + 1}
    pairs = tuple(str(one) for pair in fields.items() for one in pair)
    keys = [site.store.keys.partition(number).meta for number in range(site.plan.partitions)]
    await site.store.redis.call([("HSET", key, *pairs) for key in keys])


def _book(workload: Workload, rules: RuleSet) -> Book:
    """Return what workers count of the different customers."""
    counted = HistoryBook(rules, TYPES, watched(rules))
    for customer_id, events in histories(workload).items():
        counted.count(customer_id, events, workload.end_ms)
    return counted.finish()


async def _close(site: Site, book: Book) -> None:
    """Write the days of a book, all of them closed, as those of each partition."""
    topic = BookTopic(site.settings.kafka_connection(), site.settings.topic(BOOK))
    async with site.producing() as producer:
        for number in range(site.plan.partitions):
            for day, facts in sorted(book.facts.items()):
                record = topic.record(day, number, facts, {})
                await producer.send(record.topic, value=record.value, key=record.key, partition=number)
        await producer.flush()
