"""Takes a scan: all customers as they are stored, from Redis into a file, with a bounded load, beside live traffic.

Nothing is claimed, and only commands that read are sent. Each customer is read as one step has left them, with the
mark that then holds; two customers may be read at different moments. Who becomes known meanwhile may be missing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from schemas.sources import SourcesFile
from workers.clock import Clock
from workers.errors import StartupError, Transient
from workers.explain.customer_state import coverage_in
from workers.operations.rights.refusals import is_refusal
from workers.scan.finding import find_ids
from workers.scan.lines import FORMAT, PartitionLine, ScanHead, StoredCustomer
from workers.scan.pacing import Pacer
from workers.scan.scan_file import Advance, ScanWriter, refuse_other, unfinished
from workers.state.marks.key import MarkKey
from workers.state.marks.mark import decode_mark
from workers.state.marks.stored import stored_key
from workers.state.meta import GENERATION, REBUILDING, RULES, layout_of
from workers.state.rule_sets.contents import read_contents
from workers.state.source_sets.stored import as_agreed
from workers.state.store import Store

PER_SECOND: Final = 20_000
"""Keys that are read in a second, if nothing else is said."""
_ATTEMPTS: Final = 5
_WAIT_SECONDS: Final = 1.0
_FOREVER: Final = 1 << 62
"""An offset behind all orders: what is forecast lies behind them."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Installation:
    """What is scanned.

    Attributes:
        store: of the state.
        clock: by which due times are decided.
        sources: as written.
        partitions: of the activity topic.
        key_of_marks: of the settings, None without one.
        release: of Linger.
    """

    store: Store
    clock: Clock
    sources: SourcesFile
    partitions: int
    key_of_marks: bytes | None
    release: str


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan has read.

    Attributes:
        at_ms: its moment.
        customers: how many.
        partitions: of how many partitions.
        seconds: how long it took.
    """

    at_ms: int
    customers: int
    partitions: int
    seconds: float


async def take_scan(
    here: Installation, path: Path, per_second: int = PER_SECOND, advance: Advance = lambda _, __: None
) -> ScanReport:
    """Take a scan; an older one in the file is replaced once the new one is complete.

    Args:
        here: what is scanned.
        path: of the file, which only its owner can read.
        per_second: keys that are read in a second, at most.
        advance: called now and then.

    Raises:
        StartupError: if the file is there and is no scan, or a partition is being rebuilt.
        Transient: if Redis does not answer several times in a row.
    """
    refuse_other(path)
    began, at_ms = time.monotonic(), (await here.clock.read()).now_ms
    store, pacer = here.store, Pacer(per_second)
    key = await stored_key(store, here.key_of_marks)
    head = ScanHead(
        format=FORMAT,
        release=here.release,
        namespace=store.keys.namespace,
        at=at_ms,
        partitions=here.partitions,
        rules=await store.fields(store.keys.rules),
        rule_contents=dict(await read_contents(store)),
    )
    found = await _patiently(partial(find_ids, store, here.partitions, pacer, lambda number: advance(number, 0)))
    try:
        with unfinished(path) as file:
            writer = ScanWriter(file, head)
            done = 0
            for number in range(here.partitions):
                writer.begin(await _patiently(partial(_partition, here, number)))
                for page in found.pages(number, pacer.at_once):
                    for customer in await _patiently(partial(_page, store, number, page, key)):
                        writer.add(customer)
                    await pacer.spend(len(page))
                    done += len(page)
                    advance(done, found.number)
            writer.end(round((time.monotonic() - began) * 1000))
    finally:
        found.close()
    return ScanReport(at_ms, writer.customers, here.partitions, round(time.monotonic() - began, 1))


async def _partition(here: Installation, number: int) -> PartitionLine:
    """Return the line of a partition: how far it is, and what has been seen there."""
    store = here.store
    # The clock first, as in `explain.customer_state`: nothing that is read later may be newer.
    now_ms = (await here.clock.read()).now_ms
    progress = await store.progress()
    sources = (await as_agreed(store, here.sources)).counted
    decided_ms = await store.decided_ms(number)
    fields = await store.meta(number)
    if fields.get(REBUILDING):
        raise StartupError([f"partition {number} is being rebuilt, so its customers are not all there yet"])
    coverage = coverage_in(number, fields, sources, progress, now_ms, decided_ms)
    return PartitionLine(
        partition=number,
        at=now_ms,
        offset=int(fields.get("offset", -1)),
        layout=layout_of(fields),
        generation=int(fields.get(GENERATION) or 0),
        rules=fields.get(RULES, ""),
        since=dict(coverage.since),
        until=dict(coverage.until),
        complete=sorted(coverage.complete),
        meant=dict(coverage.meant),
    )


async def _page(store: Store, partition: int, page: list[str], key: MarkKey | None) -> list[StoredCustomer]:
    """Read some customers and their marks in one round trip; who is gone since is left out."""
    keys = store.keys.partition(partition)
    commands: list[tuple[str, ...] | tuple[str | bytes, ...]] = [("MGET", *map(keys.customer, page))]
    if key is not None:
        commands.append(("HMGET", keys.marks, *map(key.ref, page)))
    stored, *marked = await store.redis.call(commands)
    marks = marked[0] if marked else [None] * len(page)
    customers = []
    for customer_id, raw, mark in zip(page, stored, marks, strict=True):
        if raw is None:
            continue
        if mark is None:
            customers.append(StoredCustomer(id=customer_id, stored=raw))
            continue
        standing = decode_mark(mark).standing(_FOREVER)
        customers.append(
            StoredCustomer(
                id=customer_id,
                stored=raw,
                suppressed=standing.is_suppressed,
                opted_out_ms=standing.opted_out_ms,
            )
        )
    return customers


async def _patiently(work: Callable[[], Awaitable[Result]]) -> Result:
    """Do what only reads again if Redis does not answer.

    Raises:
        Transient: if it does not, several times in a row.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return await work()
        except Transient as error:
            if is_refusal(error):
                raise
            await asyncio.sleep(_WAIT_SECONDS)
    return await work()
