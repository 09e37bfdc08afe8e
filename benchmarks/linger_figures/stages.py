"""Events in a second of one worker, in one of its CPU seconds, and where that second goes.

The same workload is worked through twice: by the worker that operators run, which gives the figures, and by one whose
stages are timed, which gives the split; the ratio of the two says what the timing itself costs.
"""

import json
import signal
from pathlib import Path
from typing import Any

from benchmarks.linger_figures.backlog import ASLEEP, Around, Backlog, Crew, Load, work_off, wrong_decisions
from benchmarks.linger_figures.reports import Report
from benchmarks.linger_figures.site import NeverDone, Plan, Servers, Worker, installed
from benchmarks.linger_figures.timed_worker import STAGES, Snapshot
from benchmarks.workload import Workload

_EVENT_LOOP = "MainThread"


async def measure(servers: Servers, workload: Workload, *, partitions: int, check: bool) -> Report:
    """Work through a workload twice.

    Args:
        servers: to work on.
        workload: what is worked through.
        partitions: of the topics.
        check: compare what was decided with the core in one thread, which takes a while.
    """
    plan = Plan(partitions=partitions, settings=ASLEEP)
    wrong: int | None = None
    async with installed(servers, plan) as site:
        plain = await work_off(site, Load.of(workload))
        if check:
            wrong = await wrong_decisions(site, workload)
    snapshots = Snapshots(servers.folder / "stages.jsonl")
    async with installed(servers, plan) as site:
        timed = await work_off(site, Load.of(workload), snapshots.crew())
    begin, end = snapshots.both()
    rows = _rows(begin, end, timed.events)
    figures: dict[str, Any] = {
        **plain.figures(),
        "microseconds_per_event": round(plain.worker_cpu / plain.events * 1e6, 1),
        "cost_of_timing": _cost(plain, timed),
    }
    if check:
        figures["wrong_decisions"] = wrong
    title = f"one worker works through {workload.events:,} events of {workload.customers:,} customers"
    return Report("stages", title, {"where the worker's CPU time goes, timed": rows}, figures)


def _cost(plain: Backlog, timed: Backlog) -> float:
    """Return how much more CPU time an event takes while stages are timed, 0.1 for a tenth more."""
    each, each_timed = plain.worker_cpu / plain.events, timed.worker_cpu / timed.events
    return round(each_timed / each - 1, 2)


class Snapshots:
    """What a timed worker writes at the two ends of what is timed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def crew(self) -> Crew:
        """Return one timed worker that is asked at both ends."""
        module = "benchmarks.linger_figures.timed_worker"
        return Crew(1, (module, str(self._path)), Around(begin=self._ask, end=self._ask))

    def both(self) -> tuple[Snapshot, Snapshot]:
        """Return the two snapshots.

        Raises:
            NeverDone: if the worker does not write them.
        """
        lines = self._path.read_text().splitlines()
        if len(lines) != 2:
            raise NeverDone(f"the worker wrote {len(lines)} snapshots instead of 2")
        begin, end = map(json.loads, lines)
        return begin, end

    @staticmethod
    def _ask(worker: Worker) -> None:
        # A stopped process takes it as soon as it goes on: before anything else.
        worker.process.send_signal(signal.SIGUSR1)


def _rows(begin: Snapshot, end: Snapshot, events: int) -> list[dict[str, Any]]:
    """Return one row for each stage, in order, and for what belongs to none."""
    process = end["process"] - begin["process"]
    rows, in_stages = [], 0.0
    for stage, meaning in STAGES.items():
        now, then = end["stages"][stage], begin["stages"][stage]
        cpu, wall = now["cpu_seconds"] - then["cpu_seconds"], now["wall_seconds"] - then["wall_seconds"]
        in_stages += cpu
        rows.append(_row(stage, cpu, process, events, now["calls"] - then["calls"], wall, meaning))
    loop = end["threads"][_EVENT_LOOP] - begin["threads"][_EVENT_LOOP]
    rest = "event loop, Faust, metrics, outbox, answers of the network"
    rows.append(_row("rest", loop - in_stages, process, events, 0, 0.0, rest))
    others = "Faust's thread that fetches from Kafka, and what little other threads do"
    rows.append(_row("fetch", process - loop, process, events, 0, 0.0, others))
    return rows


def _row(
    stage: str, cpu: float, process: float, events: int, calls: int, wall: float, meaning: str
) -> dict[str, Any]:
    return {
        "stage": stage,
        "share": round(cpu / process, 3),
        "microseconds_per_event": round(cpu / events * 1e6, 1),
        "calls": calls,
        "seconds_until_done": round(wall, 2),
        "what": meaning,
    }
