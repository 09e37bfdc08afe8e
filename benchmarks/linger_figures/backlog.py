"""Work through a backlog: the beginning to get warm, then the rest against the clock, everything durable."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Final

from benchmarks.linger_figures.site import LINGER, Site, Worker, cpu_seconds
from benchmarks.workload import Decided, Event, Workload, decided_of, expected

WARM_SHARE: Final = 0.1
ASLEEP: Final[Mapping[str, object]] = {"kafka_session_timeout_ms": 600_000, "kafka_request_timeout_ms": 610_000}
"""Settings of workers that are stopped for minutes, while a backlog is written, and stay in their group."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What was measured, between the moment a backlog is there and the last decision in Kafka.

    Attributes:
        events, timers, actions: events folded, due times fired, actions published (retractions not counted).
        seconds: on the wall.
        worker_cpu, kafka_cpu, redis_cpu: CPU seconds; of all workers together.
    """

    events: int
    timers: int
    actions: int
    seconds: float
    worker_cpu: float
    kafka_cpu: float
    redis_cpu: float

    def figures(self) -> dict[str, Any]:
        """Return what is reported."""
        return {
            "events": self.events,
            "seconds": round(self.seconds, 2),
            "events_per_second": round(self.events / self.seconds),
            "events_per_worker_cpu_second": round(self.events / max(0.01, self.worker_cpu)),
            "due_times_per_event": round(self.timers / self.events, 3),
            "actions_per_event": round(self.actions / self.events, 3),
            "worker_cpu_seconds": round(self.worker_cpu, 2),
            "kafka_cpu_seconds": round(self.kafka_cpu, 2),
            "redis_cpu_seconds": round(self.redis_cpu, 2),
        }


@dataclass(frozen=True, slots=True)
class Around:
    """What else is done at the two ends of what is timed, with the first worker."""

    begin: Callable[[Worker], None] = lambda _: None
    end: Callable[[Worker], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Load:
    """Events in the order of time.

    Attributes:
        records: as fed.
        number: how many.
        end_ms: until when time goes on after them.
    """

    records: Iterable[Event]
    number: int
    end_ms: int

    @classmethod
    def of(cls, workload: Workload) -> "Load":
        """Return a workload as it is."""
        return cls(workload.records(), workload.events, workload.end_ms)


@dataclass(frozen=True, slots=True)
class Crew:
    """Which workers there are.

    Attributes:
        number: of processes.
        command: of each: a module and its arguments.
    """

    number: int = 1
    command: Sequence[str] = LINGER
    around: Around = field(default_factory=Around)


async def work_off(site: Site, load: Load, crew: Crew | None = None) -> Backlog:
    """Start workers on a site whose plan has the settings `ASLEEP`, and measure them."""
    crew = crew or Crew()
    records, warm = iter(load.records), int(load.number * WARM_SHARE)
    beginning = list(islice(records, warm))
    following = next(records)
    await site.feed(beginning)
    await site.announce(following.at_ms)
    workers = [site.start(crew.command) for _ in range(crew.number)]
    await site.until_claimed()
    await site.until_decided(following.at_ms)
    for worker in workers:
        worker.freeze()
    await site.feed(chain([following], records))
    await site.announce(load.end_ms)
    before = await _counts(site)
    used = _used(site, workers)
    crew.around.begin(workers[0])
    began = time.monotonic()
    for worker in workers:
        worker.thaw()
    ended = await site.until_decided(load.end_ms)
    spent = [now - then for now, then in zip(_used(site, workers), used, strict=True)]
    crew.around.end(workers[0])
    events, timers, actions = (now - then for now, then in zip(await _counts(site), before, strict=True))
    return Backlog(events, timers, actions, ended - began, *spent)


async def _counts(site: Site) -> tuple[int, int, int]:
    """Return how many events, due times and actions there were so far."""
    actions = sum([await site.count(f"active:{rule.id}") for rule in site.rules.rules])
    return await site.count("events"), await site.count("timers"), actions


def _used(site: Site, workers: Sequence[Worker]) -> tuple[float, float, float]:
    """Return the CPU seconds of workers, Kafka and Redis so far."""
    of_workers = sum(cpu_seconds(worker.pid) for worker in workers)
    return of_workers, cpu_seconds(site.servers.kafka_pid), cpu_seconds(site.servers.redis_pid)


async def wrong_decisions(site: Site, workload: Workload) -> int:
    """Return how many actions are missing, or stand and should not, after a workload was worked through.

    What was taken back does not count: how many actions of the past anybody heard of before they were taken back
    depends on how far the worker was behind.
    """
    found = {decided_of(action) for action in await site.actions()}
    return len(_standing(found) ^ _standing(expected(workload, site.rules)))


def _standing(decisions: Iterable[Decided]) -> set[tuple[str, str, int]]:
    by_status: dict[str, set[tuple[str, str, int]]] = {"active": set(), "retracted": set()}
    for one in decisions:
        by_status[one.status].add((one.rule, one.customer, one.started_ms))
    return by_status["active"] - by_status["retracted"]
