"""Figures of Linger itself, on a real Kafka and a real Redis of this machine.

    python -m benchmarks.figures [--short] [--direct] [--json] [NAME ...]

NAME is one of `core`, `instructions`, `mapping`, `stages`, `latency`, `lateness`, `outage`, `memory`, `report`,
`recovery` and `scaling`; without one, all are measured, one after the other, each with servers of its own. `--short`
shows in a few minutes that the tools work; its figures mean nothing. With `--json` the last line is one JSON object.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.linger_figures import (
    core,
    customer_report,
    due_times,
    instructions,
    latency,
    mapping,
    memory,
    recovery,
    scaling,
    stages,
)
from benchmarks.linger_figures.backlog import ASLEEP, Load, work_off
from benchmarks.linger_figures.reports import Report
from benchmarks.linger_figures.scaling import Sizes
from benchmarks.linger_figures.site import NeverDone, Plan, Servers, installed, running_servers
from benchmarks.workload import Workload
from tests.support.services import ServiceError, missing_kafka, missing_redis
from workers.demo.embedded import EmbeddedError

_REPORTED_EVENTS: Final = 5


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much is measured.

    Attributes:
        backlog: of one worker.
        partitions: of the topics, unless a figure varies them.
        rated: the measurement that half the load is derived from, if no rate is given.
        live_seconds, live_customers, ticks_ms: of steady load.
        waiting, soon, window_seconds: due times set, those that come, and over how long.
        overdue: due times after an outage.
        memory_sizes, memory_depths: customers, and events of each.
        reported: customers of a report.
        starts, kill_rate, session_timeout_ms: of a worker, and under which load it is killed.
        scaling: rows of it.
        turns, few_and_many: short ones, for `instructions`.
        events_each: past of a customer for `memory`.
    """

    backlog: Workload
    rated: Workload
    live_seconds: float
    live_customers: int
    waiting: int
    soon: int
    window_seconds: float
    overdue: int
    memory_sizes: Sequence[int]
    memory_depths: Sequence[int]
    reported: int
    starts: int
    kill_rate: float
    session_timeout_ms: int
    scaling: Sizes
    turns: Workload
    few_and_many: tuple[Workload, ...]
    partitions: int = 8
    events_each: int = 40
    ticks_ms: Sequence[int] = (250, 50)


FULL: Final = Amounts(
    backlog=Workload(200_000, 10_000),
    rated=Workload(60_000, 10_000),
    live_seconds=60.0,
    live_customers=50_000,
    waiting=1_000_000,
    soon=3_000,
    window_seconds=30.0,
    overdue=200_000,
    memory_sizes=(10_000, 1_000_000),
    memory_depths=(5, 200),
    reported=1_000_000,
    starts=5,
    kill_rate=300.0,
    session_timeout_ms=30_000,
    scaling=Sizes(60_000, 10_000, (1_000, 10_000, 100_000, 1_000_000)),
    turns=Workload(20_000, 2_000),
    few_and_many=(Workload(4_000, 400), Workload(4_000, 100)),
)
SHORT: Final = Amounts(
    backlog=Workload(6_000, 600),
    rated=Workload(6_000, 600),
    live_seconds=8.0,
    live_customers=5_000,
    waiting=20_000,
    soon=200,
    window_seconds=5.0,
    overdue=3_000,
    memory_sizes=(1_000, 20_000),
    memory_depths=(5,),
    reported=5_000,
    starts=1,
    kill_rate=100.0,
    session_timeout_ms=6_000,
    scaling=Sizes(3_000, 300, (100, 1_000), (1, 40), (4, 16), (100,), (10,)),
    turns=Workload(2_000, 200),
    few_and_many=(Workload(400, 40), Workload(400, 10)),
    partitions=4,
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for.

    Attributes:
        rate: events in a second for `latency`, and beside `lateness`; None for half of what a worker can do, and
            for none.
        huge: three million customers more for `memory`.
        check: compare what was decided.
        is_direct: events are written to the activity topic itself.
        only: which tables of `scaling`; all if it is empty.
    """

    amounts: Amounts
    rate: float | None
    huge: bool
    check: bool
    is_direct: bool
    only: Sequence[str] = field(default_factory=tuple)


async def _core(_: Servers, options: Options) -> Report:
    return core.measure(options.amounts.backlog)


async def _instructions(_: Servers, options: Options) -> Report:
    return instructions.measure(options.amounts.turns, instructions.SETS, options.amounts.few_and_many)


async def _mapping(_: Servers, __: Options) -> Report:
    return mapping.measure()


async def _stages(servers: Servers, options: Options) -> Report:
    amounts = options.amounts
    return await stages.measure(servers, amounts.backlog, partitions=amounts.partitions, check=options.check)


async def _latency(servers: Servers, options: Options) -> Report:
    amounts = options.amounts
    rate = options.rate or await _half_load(servers, amounts)
    return await latency.measure(
        servers,
        rate=rate,
        seconds=amounts.live_seconds,
        customers=amounts.live_customers,
        partitions=amounts.partitions,
        ticks_ms=amounts.ticks_ms,
    )


async def _half_load(servers: Servers, amounts: Amounts) -> float:
    async with installed(servers, Plan(partitions=amounts.partitions, settings=ASLEEP)) as site:
        measured = await work_off(site, Load.of(amounts.rated))
    return measured.events / measured.seconds / 2


async def _lateness(servers: Servers, options: Options) -> Report:
    amounts = options.amounts
    return await due_times.measure_lateness(
        servers,
        waiting=amounts.waiting,
        soon=amounts.soon,
        window_seconds=amounts.window_seconds,
        rate=options.rate or 0.0,
        partitions=amounts.partitions,
    )


async def _outage(servers: Servers, options: Options) -> Report:
    amounts = options.amounts
    return await due_times.measure_outage(servers, overdue=amounts.overdue, partitions=amounts.partitions)


async def _memory(servers: Servers, options: Options) -> Report:
    amounts = options.amounts
    return await memory.measure(
        servers,
        sizes=[*amounts.memory_sizes, *([3_000_000] if options.huge else [])],
        events_each=amounts.events_each,
        depths=amounts.memory_depths,
        partitions=amounts.partitions,
    )


async def _report(servers: Servers, options: Options) -> Report:
    amounts = options.amounts
    return await customer_report.measure(
        servers, customers=amounts.reported, events_each=_REPORTED_EVENTS, partitions=amounts.partitions
    )


async def _recovery(servers: Servers, options: Options) -> Report:
    amounts = options.amounts
    return await recovery.measure(
        servers,
        starts=amounts.starts,
        rate=amounts.kill_rate,
        session_timeout_ms=amounts.session_timeout_ms,
        partitions=amounts.partitions,
    )


async def _scaling(servers: Servers, options: Options) -> Report:
    sizes = options.amounts.scaling
    wanted = options.only or [name for name in scaling.variants(sizes) if name != "base"]
    return await scaling.measure(servers, sizes, wanted, _say)


MEASUREMENTS: Final[dict[str, Callable[[Servers, Options], Awaitable[Report]]]] = {
    "core": _core,
    "instructions": _instructions,
    "mapping": _mapping,
    "stages": _stages,
    "latency": _latency,
    "lateness": _lateness,
    "outage": _outage,
    "memory": _memory,
    "report": _report,
    "recovery": _recovery,
    "scaling": _scaling,
}


def main() -> int:
    """Measure, print tables, and JSON if it is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(MEASUREMENTS)}")
    parser.add_argument("--short", action="store_true", help="a few minutes in all; the figures mean nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--rate", type=float, help="events in a second, for latency and lateness")
    parser.add_argument("--huge", action="store_true", help="memory: three million customers as well")
    parser.add_argument("--check", action="store_true", help="stages: compare what was decided with the core")
    parser.add_argument("--direct", action="store_true", help="events come without intake, as in the benchmark")
    parser.add_argument("--only", action="append", default=[], help="scaling: one of its tables; may be given again")
    arguments = parser.parse_args()
    unknown = {*arguments.names} - {*MEASUREMENTS}
    unknown |= {*arguments.only} - {*scaling.variants(FULL.scaling)}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    for missing in (missing_kafka(), missing_redis()):
        if missing is not None:
            sys.stderr.write(f"{missing}\n")
            return 1
    amounts = SHORT if arguments.short else FULL
    options = Options(amounts, arguments.rate, arguments.huge, arguments.check, arguments.direct, arguments.only)
    try:
        reports = [_measured(name, options) for name in arguments.names or MEASUREMENTS]
    except (NeverDone, ServiceError, EmbeddedError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if arguments.json:
        print(json.dumps({report.name: report.document() for report in reports}))
    return 0


def _measured(name: str, options: Options) -> Report:
    began = time.monotonic()
    with running_servers(is_direct=options.is_direct) as servers:
        report = asyncio.run(_in(MEASUREMENTS[name], servers, options))
    print(report.text(), flush=True)
    _say(f"{name} took {time.monotonic() - began:.0f} s")
    return report


async def _in(
    measurement: Callable[[Servers, Options], Awaitable[Report]], servers: Servers, options: Options
) -> Report:
    return await measurement(servers, options)


def _say(line: str) -> None:
    """Show progress."""
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
