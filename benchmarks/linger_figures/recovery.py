"""How long a worker takes to start, and how long events wait after one was killed."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.linger_figures.live import Stream
from benchmarks.linger_figures.reports import Report, spread
from benchmarks.linger_figures.site import Plan, Servers, Site, installed
from benchmarks.workload import Workload

_CALM_SECONDS: Final = 8.0
_PATIENCE_SECONDS: Final = 240.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One event of a recovery, and the process it happens to.

    Attributes:
        title: for tables.
        workers: how many there are before the kill.
        comes_back: the killed one is started again at once.
        settings: of every worker.
    """

    title: str
    workers: int
    comes_back: bool
    settings: Mapping[str, object]


def scenes(session_timeout_ms: int) -> list[Scene]:
    """Return what is played, with a session timeout (Linger's own is 30 s)."""
    timeout = {
        "kafka_session_timeout_ms": session_timeout_ms,
        "kafka_heartbeat_interval_ms": session_timeout_ms // 10,
    }
    named = {**timeout, "kafka_group_instance_id": "figures"}
    return [
        Scene("alone, started again at once, known to the group by name", 1, True, named),
        Scene("alone, started again at once, nameless", 1, True, timeout),
        Scene("one of two, the other one takes over", 2, False, timeout),
    ]


async def measure(servers: Servers, *, starts: int, rate: float, session_timeout_ms: int, partitions: int) -> Report:
    """Start workers, and kill some under a light load.

    Args:
        servers: to work on.
        starts: how often a start is measured.
        rate: events in a second.
        session_timeout_ms: after which Kafka takes a silent worker for dead.
        partitions: of the topics.
    """
    seconds = [await _start(servers, partitions) for _ in range(starts)]
    rows = []
    for scene in scenes(session_timeout_ms):
        plan = Plan(partitions=partitions, clock="system", settings=scene.settings)
        async with installed(servers, plan) as site:
            rows.append(await _kill(site, scene, rate))
    tables: dict[str, list[dict[str, Any]]] = {
        "seconds from the start of the process until every partition is looked at": [spread(seconds)],
        "after SIGKILL": rows,
    }
    title = f"start of a worker, and its death at {rate:.0f} events in a second"
    return Report("recovery", title, tables, {"session_timeout_ms": session_timeout_ms})


async def _start(servers: Servers, partitions: int) -> float:
    async with installed(servers, Plan(partitions=partitions, clock="system")) as site:
        began = time.monotonic()
        site.start()
        return await site.until_claimed() - began


async def _kill(site: Site, scene: Scene, rate: float) -> dict[str, Any]:
    """Kill the first worker under load; return until when a partition stood still, and until when events waited."""
    workers = [site.start() for _ in range(scene.workers)]
    await site.until_claimed()
    stream = Stream(site, Workload(2_000_000, 10_000).records(), rate)
    playing = asyncio.create_task(stream.play(_CALM_SECONDS + _PATIENCE_SECONDS))
    try:
        await asyncio.sleep(_CALM_SECONDS)
        killed = time.monotonic()
        workers[0].kill()
        if scene.comes_back:
            site.start()
        moved, caught_up = await _follow(site, stream)
    finally:
        playing.cancel()
        await asyncio.wait({playing})
    return {
        "scene": scene.title,
        "folding_again_seconds": round(moved - killed, 2),
        "caught_up_seconds": round(caught_up - killed, 2),
    }


async def _follow(site: Site, stream: Stream) -> tuple[float, float]:
    """Return when every partition had moved again, and when what had been sent was folded (monotonic seconds).

    Behind by no more than a second of the stream, which goes on, is not behind.
    """
    before = await _folded(site)
    moved: dict[int, float] = {}

    async def is_over() -> bool:
        sent, counts = stream.sent, await _folded(site)
        for number, count in counts.items():
            if count > before[number]:
                moved.setdefault(number, time.monotonic())
        return len(moved) == len(before) and sum(counts.values()) >= sent - stream.rate

    level_at = await site.until(is_over, "every partition goes on and all events are folded", _PATIENCE_SECONDS)
    return max(moved.values()), level_at


async def _folded(site: Site) -> dict[int, int]:
    """Return by partition how many events were folded."""
    numbers = range(site.plan.partitions)
    answers = await site.store.redis.call(
        [("HGET", site.store.keys.partition(number).meta, "n:events") for number in numbers]
    )
    return {number: int(raw or 0) for number, raw in zip(numbers, answers, strict=True)}
