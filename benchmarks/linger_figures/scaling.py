"""What events per second depend on: one thing is changed at a time, against a base.

Throughput is that of `backlog.work_off`. For any number of customers, each does something about every ten
days, so every event brings the same work and rows are comparable.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks.linger_figures.backlog import ASLEEP, Backlog, Crew, Load, work_off
from benchmarks.linger_figures.preload import pasts, put, repeated, rules_in_force
from benchmarks.linger_figures.reports import Report
from benchmarks.linger_figures.site import LINGER, NeverDone, Plan, Servers, installed
from benchmarks.workload import DAY_MS, START_MS, Event, Workload
from tests.support.redis_topologies import Node
from tests.support.services import running_redis
from workers.demo.embedded import HOST, free_ports

_DAYS_BETWEEN: Final = 10
_LONGEST_DAYS: Final = 400
_DIFFERENT: Final = 2_000
"""Different pasts of customers who were there before."""

_HOT: Final = b"c-hot-01"
"""As long as the other names."""

_USUAL_REDIS: Final = {"appendonly": "yes", "appendfsync": "everysec"}
_REPLICA_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Variant:
    """What is measured in one row.

    Attributes:
        what: which thing is changed.
        value: to what.
        events: fed.
        customers: who take part.
        history: events that each of them had before, on average; 0 for an empty store.
        hot_share: of all events, one customer's.
        plan: of the installation.
        workers: processes.
        command: of each.
        replica: Redis has a replica.
        redis: further CONFIG SETs.
    """

    what: str
    value: object
    events: int
    customers: int
    history: int = 0
    hot_share: float = 0.0
    plan: Plan = field(default_factory=lambda: Plan(settings=ASLEEP))
    workers: int = 1
    command: Sequence[str] = LINGER
    replica: bool = False
    redis: Mapping[str, str] = field(default_factory=dict)

    def workload(self) -> Workload:
        """Return its events: each customer does something every ten days, where the number of events allows."""
        days = round(self.events * _DAYS_BETWEEN / self.customers)
        return Workload(self.events, self.customers, days=max(1, min(_LONGEST_DAYS, days)), quiet_days=0)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    Attributes:
        events: of a row.
        customers: of the base.
        all_customers, all_rules, all_partitions, all_batches, all_histories: the values of each row.
    """

    events: int
    customers: int
    all_customers: Sequence[int]
    all_rules: Sequence[int] = (1, 20, 200)
    all_partitions: Sequence[int] = (4, 64)
    all_batches: Sequence[int] = (100, 500, 2_000, 10_000)
    all_histories: Sequence[int] = (0, 10, 100)


def variants(sizes: Sizes) -> dict[str, list[Variant]]:
    """Return what is measured, by what is changed."""
    base = Variant("base", "-", sizes.events, sizes.customers)

    def planned(what: str, value: object, **changed: Any) -> Variant:
        return replace(base, what=what, value=value, plan=replace(base.plan, **changed))

    def with_settings(what: str, value: object, **settings: object) -> Variant:
        return planned(what, value, settings={**ASLEEP, **settings})

    # Each row starts with the same customers: otherwise a store of thousands would be compared with an empty one.
    customers = [
        replace(base, what="customers", value=number, customers=number, history=5) for number in sizes.all_customers
    ]
    return {
        "base": [base],
        "customers": customers,
        "rules": [planned("rules", number, rules=number) for number in sizes.all_rules],
        "partitions": [planned("partitions", number, partitions=number) for number in sizes.all_partitions],
        "batch": [with_settings("batch", size, kafka_max_poll_records=size) for size in sizes.all_batches],
        "history": [replace(base, what="history", value=each, history=each) for each in sizes.all_histories],
        "hot": [replace(base, what="hot customer's share", value=share, hot_share=share) for share in (0.1, 0.5)],
        "workers": [replace(base, what="workers", value=number, workers=number) for number in (1, 2)],
        "guarantees": _guarantees(base),
    }


def _guarantees(base: Variant) -> list[Variant]:
    """Return the base without each of its guarantees; what is not there is not paid for."""
    saboteur = "tests.faults.saboteur"
    rows = [
        replace(base, what="without", value=guard, command=(saboteur, "--without", guard))
        for guard in ("fence", "safe-time", "high-water", "explicit-ack")
    ]
    once = replace(base.plan, settings={**ASLEEP, "kafka_enable_idempotence": False})
    rows.append(replace(base, what="without", value="idempotent producer", plan=once))
    rows.append(replace(base, what="without", value="append-only file", redis={"appendonly": "no"}))
    rows.append(replace(base, what="with", value="file flushed at every step", redis={"appendfsync": "always"}))
    waiting = replace(base.plan, settings={**ASLEEP, "redis_wait_replicas": 1})
    replicated = replace(base, what="with", value="replica that has every step", replica=True, plan=waiting)
    gate = (saboteur, "--without", "publish-gate")
    return [*rows, replicated, replace(replicated, what="replica", value="without publish-gate", command=gate)]


async def measure(servers: Servers, sizes: Sizes, wanted: Sequence[str], say: Callable[[str], None]) -> Report:
    """Measure row after row.

    Args:
        servers: to work on.
        sizes: how much.
        wanted: names of what is changed, as in `variants`.
        say: called with a line for people after each row.
    """
    known = variants(sizes)
    base = await _run(servers, known["base"][0])
    tables: dict[str, list[dict[str, Any]]] = {"base": [_row(known["base"][0], base, base)]}
    for name in wanted:
        for variant in known[name]:
            is_base = replace(variant, what="base", value="-") == known["base"][0]
            row = _row(variant, base if is_base else await _run(servers, variant), base)
            tables.setdefault(name, []).append(row)
            say(f"{name} {variant.value}: {row['events_per_second']:,} events in a second")
    title = f"{sizes.events:,} events of {sizes.customers:,} customers, 20 rules, 8 partitions, one worker"
    return Report("scaling", title, tables)


def _row(variant: Variant, measured: Backlog, base: Backlog) -> dict[str, Any]:
    figures = measured.figures()
    return {
        "changed": variant.what,
        "to": variant.value,
        **{name: figures[name] for name in ("events_per_second", "events_per_worker_cpu_second")},
        "ratio_to_base": round(measured.events / measured.seconds / (base.events / base.seconds), 2),
        **{name: figures[name] for name in ("due_times_per_event", "actions_per_event", "redis_cpu_seconds")},
    }


async def _run(servers: Servers, variant: Variant) -> Backlog:
    workload = variant.workload()
    since_ms = START_MS - (_LONGEST_DAYS + 1) * DAY_MS
    async with AsyncExitStack() as around:
        if variant.replica:
            around.enter_context(_replica(servers))
        site = await around.enter_async_context(installed(servers, replace(variant.plan, since_ms=since_ms)))
        await _configure(site.store.redis.ask_every_server, variant.redis)
        around.push_async_callback(_configure, site.store.redis.ask_every_server, _USUAL_REDIS)
        if variant.history:
            rules = await rules_in_force(site)
            different = min(variant.customers, _DIFFERENT)
            before = Workload(different * variant.history, different, quiet_days=0)
            customers = repeated(pasts(before, rules, START_MS), variant.customers)
            await put(site.store, variant.plan.partitions, customers, rules)
        load = Load.of(workload)
        if variant.hot_share:
            load = replace(load, records=_hot(load.records, variant.hot_share))
        return await work_off(site, load, Crew(variant.workers, variant.command))


async def _configure(ask: Callable[..., Any], settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        await ask("CONFIG", "SET", name, value)


@contextmanager
def _replica(servers: Servers) -> Iterator[None]:
    """Run a second Redis that follows the first until the block ends."""
    (port,) = free_ports(1)
    master = urlsplit(servers.pair.redis_url)
    with running_redis(servers.folder / f"replica-{port}", port, servers.folder) as pid:
        replica = Node(port, pid)
        replica.ask("REPLICAOF", HOST, master.port)
        give_up = time.monotonic() + _REPLICA_SECONDS
        while b"master_link_status:up" not in replica.ask("INFO", "replication"):
            if time.monotonic() > give_up:
                raise NeverDone("the replica does not follow")
            time.sleep(0.1)
        yield


def _hot(records: Iterable[Event], share: float) -> Iterator[Event]:
    """Yield the events, a share of them done by one and the same customer instead."""
    chance = random.Random(2)
    for record in records:
        if chance.random() < share:
            yield Event(record.at_ms, _HOT, record.value.replace(record.key, _HOT, 1))
        else:
            yield record
