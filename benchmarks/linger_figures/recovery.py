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
_STANDSTILL_SECONDS: Final = 1.0
"""Longer than a partition has nothing to fold while all is well; without one, there was no interruption."""

_PATIENCE_SECONDS: Final = 240.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What happens to whom.

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
    timeout = {"kafka_session_timeout_ms": session_timeout_ms}
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
    """Kill the first worker under load; return how long nothing was folded, and until nothing waited any more."""
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
        longest, caught_up = await _follow(site, stream, playing)
    finally:
        playing.cancel()
        await asyncio.wait({playing})
    return {
        "scene": scene.title,
        "longest_pause_seconds": round(longest, 2),
        "caught_up_seconds": round(caught_up - killed, 2),
    }


async def _follow(site: Site, stream: Stream, playing: "asyncio.Task[None]") -> tuple[float, float]:
    """Return the longest time in which a partition stood still, and when what had been sent was folded again.

    Behind by no more than a second of the stream, which goes on, is not behind.
    """
    began = time.monotonic()
    moved: dict[int, tuple[int, float]] = {}
    longest = 0.0

    async def is_over() -> bool:
        nonlocal longest
        if playing.done():
            playing.result()
        sent, now = stream.sent, time.monotonic()
        counts = await _folded(site)
        for number, count in counts.items():
            if number not in moved or moved[number][0] != count:
                moved[number] = (count, now)
            longest = max(longest, now - moved[number][1])
        is_level = sum(counts.values()) >= sent - stream.rate
        return is_level and (longest > _STANDSTILL_SECONDS or now - began > _CALM_SECONDS)

    level_at = await site.until(is_over, "all events are folded again", _PATIENCE_SECONDS)
    return longest, level_at


async def _folded(site: Site) -> dict[int, int]:
    """Return by partition how many events were folded."""
    numbers = range(site.plan.partitions)
    answers = await site.store.call([("HGET", site.store.keys(number).meta, "n:events") for number in numbers])
    return {number: int(raw or 0) for number, raw in zip(numbers, answers, strict=True)}
