"""Due times: how late they fire when there are very many, and how many fire in a second after an outage."""

import asyncio
import time
from collections.abc import Iterator
from typing import Final

from benchmarks.linger_figures.live import Stream, watching
from benchmarks.linger_figures.preload import Customer, Stored, put, repeated, rules_in_force, stored_of
from benchmarks.linger_figures.reports import Report, spread
from benchmarks.linger_figures.site import NeverDone, Plan, Servers, Site, cpu_seconds, installed
from benchmarks.workload import DAY_MS, START_MS, Workload
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_set import RuleSet

RULE: Final = "first-time-buyer-1"
RULE_MS: Final = 20 * DAY_MS
"""It acts this long after a customer's only purchase; nothing else is due before, or within days after."""

_PASTS: Final = 1_000
_LEAD_MS: Final = 30_000
"""From the filling of the store to the first due time: until then a worker has to be at work."""

_REST_SECONDS: Final = 5.0


def _buyer(rules: RuleSet, bought_ms: int) -> Stored:
    """Return the stored state of a customer with one purchase, before anything is due."""
    purchase = DecodedEvent(f"p-{bought_ms}", "purchase", "ada", bought_ms, {"amount": 20, "currency": "USD"})
    return stored_of([purchase], rules, START_MS, bought_ms)


def _buyers(rules: RuleSet, bought_ms: int) -> Iterator[Stored]:
    """Yield different pasts: purchases a minute apart, back from a moment."""
    return (_buyer(rules, bought_ms - number * 60_000) for number in range(_PASTS))


async def measure_lateness(
    servers: Servers, *, waiting: int, soon: int, window_seconds: float, rate: float, partitions: int
) -> Report:
    """Measure how late due times fire.

    Args:
        servers: to work on.
        waiting: customers whose due times are weeks away.
        soon: customers whose due times come while it is measured, evenly over
        window_seconds: this long.
        rate: events in a second meanwhile; 0 for none.
        partitions: of the topics.
    """
    async with installed(servers, Plan(partitions=partitions, clock="system")) as site:
        rules = await rules_in_force(site)
        far = _buyers(rules, time.time_ns() // 1_000_000 - DAY_MS)
        await put(site.store, partitions, repeated(list(far), waiting), rules)
        begin_ms = time.time_ns() // 1_000_000 + _LEAD_MS
        step_ms = window_seconds * 1000 / soon
        near = (
            Customer(f"soon-{number}", _buyer(rules, begin_ms + round(number * step_ms) - RULE_MS))
            for number in range(soon)
        )
        await put(site.store, partitions, near, rules)
        worker = site.start()
        await site.until_claimed()
        if time.time_ns() // 1_000_000 > begin_ms:
            raise NeverDone("the worker was not at work before the first due time")
        stream = Stream(site, Workload(1_000_000, 100_000).records(), rate)
        due = await _due_times(site)
        async with watching(site) as arrivals:
            await asyncio.sleep(max(0.0, begin_ms / 1000 - time.time()))
            used = cpu_seconds(worker.pid)
            if rate:
                await stream.play(window_seconds)
            else:
                await asyncio.sleep(window_seconds)
            used = cpu_seconds(worker.pid) - used
            await asyncio.sleep(_REST_SECONDS)
    late = [one for one in arrivals if one.customer.startswith("soon-") and one.rule == RULE]
    rows = [
        {"until": "the worker hands it to its producer", **spread([one.sent_ms - one.decided_ms for one in late])},
        {"until": "a consumer has it", **spread([one.arrived_ms - one.decided_ms for one in late])},
    ]
    figures = {
        "due_times_set": due,
        "fired": len(late),
        "fired_per_second": round(len(late) / window_seconds),
        "not_fired": soon - len(late),
        "events_per_second_meanwhile": round(stream.sent / window_seconds),
        "worker_cpu_share": round(used / window_seconds, 2),
        "tick_ms": site.settings.tick_ms,
    }
    title = f"how late due times fire with {waiting:,} others set"
    return Report("lateness", title, {"milliseconds after the due time": rows}, figures)


async def measure_outage(servers: Servers, *, overdue: int, partitions: int) -> Report:
    """Measure how fast a worker fires what came due while there was none.

    Args:
        servers: to work on.
        overdue: customers with one due time each that has passed.
        partitions: of the topics.
    """
    async with installed(servers, Plan(partitions=partitions, clock="system")) as site:
        rules = await rules_in_force(site)
        bought_ms = time.time_ns() // 1_000_000 - RULE_MS - 5 * DAY_MS
        await put(site.store, partitions, repeated(list(_buyers(rules, bought_ms)), overdue), rules)
        now_ms = time.time_ns() // 1_000_000
        spawned = time.monotonic()
        worker = site.start()

        async def has_begun() -> bool:
            return await site.count("timers") > 0

        began = await site.until(has_begun, "the first due time has fired")
        first, used = await site.count("timers"), cpu_seconds(worker.pid)
        ended = await site.until_decided(now_ms)
        used, fired = cpu_seconds(worker.pid) - used, await site.count("timers")
        actions = await site.count(f"active:{RULE}")
    figures = {
        "due_times": overdue,
        "fired": fired,
        "actions": actions,
        "start_seconds": round(began - spawned, 2),
        "seconds": round(ended - began, 2),
        "due_times_per_second": round((fired - first) / max(0.1, ended - began)),
        "due_times_per_worker_cpu_second": round((fired - first) / max(0.01, used)),
        "worker_cpu_seconds": round(used, 2),
    }
    title = f"{overdue:,} due times that have passed when a worker starts, one action each"
    return Report("outage", title, {}, figures)


async def _due_times(site: Site) -> int:
    """Return how many due times are set."""
    keys = [site.store.keys.partition(number).due for number in range(site.plan.partitions)]
    return sum(await site.store.redis.call([("ZCARD", key) for key in keys]))
