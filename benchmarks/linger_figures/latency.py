"""How long it takes from an event to the action that follows from it, under a steady load."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final

from benchmarks.linger_figures.live import Stream, watching
from benchmarks.linger_figures.reports import Report, percentile, spread
from benchmarks.linger_figures.site import Plan, Servers, cpu_seconds, installed
from benchmarks.workload import Workload

RULE: Final = "cancelled-exit-survey"
"""A rule of the workload that acts at once on an event."""

_WARM_SECONDS: Final = 5.0
_REST_SECONDS: Final = 3.0
"""After the last event: what is under way then still counts."""


async def measure(
    servers: Servers, *, rate: float, seconds: float, customers: int, partitions: int, ticks_ms: Sequence[int]
) -> Report:
    """Send events at a rate, and wait for the actions.

    Args:
        servers: to work on.
        rate: events in a second.
        seconds: duration, after some seconds that do not count.
        customers: who do something.
        partitions: of the topics.
        ticks_ms: how often the worker looks at its sources; one row for each. An action waits for such a look.
    """
    workload = Workload(round(rate * (seconds + _WARM_SECONDS) * 1.2) + 1, customers)
    rows = [await _run(servers, workload, rate, seconds, partitions, tick_ms) for tick_ms in ticks_ms]
    title = f"from an event to the action of {RULE}, {seconds:.0f} s at {rate:.0f} events in a second"
    return Report("latency", title, {"milliseconds from the event until a consumer has the action": rows})


async def _run(
    servers: Servers, workload: Workload, rate: float, seconds: float, partitions: int, tick_ms: int
) -> dict[str, Any]:
    plan = Plan(partitions=partitions, clock="system", settings={"tick_ms": tick_ms})
    async with installed(servers, plan) as site:
        worker = site.start()
        await site.until_claimed()
        stream = Stream(site, workload.records(), rate)
        async with watching(site) as arrivals:
            await stream.play(_WARM_SECONDS)
            began_ms, used, before = time.time_ns() // 1_000_000, cpu_seconds(worker.pid), stream.sent
            stream.most_behind_ms = 0.0
            await stream.play(seconds)
            used, sent = cpu_seconds(worker.pid) - used, stream.sent - before
            await asyncio.sleep(_REST_SECONDS)
        folded = await site.count("events")
    counted = [one for one in arrivals if one.rule == RULE and one.is_active and one.decided_ms >= began_ms]
    return {
        "tick_ms": tick_ms,
        **spread([one.arrived_ms - one.decided_ms for one in counted]),
        "sent_p50": percentile([one.sent_ms - one.decided_ms for one in counted], 0.5),
        "events_per_second": round(sent / seconds),
        "not_folded": stream.sent - folded,
        "producer_behind_ms": round(stream.most_behind_ms, 1),
        "worker_cpu_share": round(used / seconds, 2),
    }
