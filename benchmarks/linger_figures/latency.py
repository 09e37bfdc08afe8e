"""How long it takes from an event to the action that follows from it, under a steady load."""

import asyncio
import time
from contextlib import suppress
from typing import Any, Final

from benchmarks.linger_figures.live import Stream, Watch
from benchmarks.linger_figures.reports import Report, spread
from benchmarks.linger_figures.site import Plan, Servers, cpu_seconds, installed
from benchmarks.workload import Workload

RULE: Final = "cancelled-exit-survey"
"""A rule of the workload that acts at once on an event."""

_WARM_SECONDS: Final = 5.0
_REST_SECONDS: Final = 3.0
"""After the last event: what is under way then still counts."""


async def measure(servers: Servers, *, rate: float, seconds: float, customers: int, partitions: int) -> Report:
    """Send events at a rate, and wait for the actions.

    Args:
        servers: to work on.
        rate: events in a second.
        seconds: for so long, after some seconds that do not count.
        customers: who do something.
        partitions: of the topics.
    """
    workload = Workload(round(rate * (seconds + _WARM_SECONDS) * 1.2) + 1, customers)
    async with installed(servers, Plan(partitions=partitions, clock="system")) as site:
        worker = site.start()
        await site.until_claimed()
        watch, stream = Watch(site), Stream(site, workload.records(), rate)
        watching = asyncio.create_task(watch.run())
        await stream.play(_WARM_SECONDS)
        began_ms, used, before = time.time_ns() // 1_000_000, cpu_seconds(worker.pid), stream.sent
        stream.most_behind_ms = 0.0
        await stream.play(seconds)
        used, sent = cpu_seconds(worker.pid) - used, stream.sent - before
        await asyncio.sleep(_REST_SECONDS)
        folded = await site.count("events")
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    counted = [one for one in watch.arrivals if one.rule == RULE and one.is_active and one.decided_ms >= began_ms]
    rows: list[dict[str, Any]] = [
        {"until": "the worker hands it to its producer", **spread([one.sent_ms - one.decided_ms for one in counted])},
        {"until": "a consumer has it", **spread([one.arrived_ms - one.decided_ms for one in counted])},
    ]
    figures = {
        "events_per_second": round(sent / seconds),
        "asked_events_per_second": round(rate),
        "events_not_folded": stream.sent - folded,
        "producer_behind_at_most_ms": round(stream.most_behind_ms, 1),
        "worker_cpu_share": round(used / seconds, 2),
        "tick_ms": site.settings.tick_ms,
    }
    title = f"from an event to the action of {RULE}, {seconds:.0f} s of events at a steady rate"
    return Report("latency", title, {"milliseconds from the event": rows}, figures)
