"""Run faults against real workers, Kafka and Redis, and report what was lost, doubled or wrong.

    python -m tests.faults [--short] [--seed N] [--runs N] [--only NAME ...] [--without GUARD]
                           [--store valkey] [--plain] [--json]

Prints the seed of every run; the same seed gives the same history and the same schedule of faults. With `--json` one
JSON object is the last line. Exit status 1 if anything was lost, doubled or wrong, or a run did not finish.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.faults.catalogue import FAULTS, Fault, reload
from tests.faults.garbling import Garbled
from tests.faults.installation import Installation, installation
from tests.faults.intended_verdict import judge_intended
from tests.faults.ordered import Ordered
from tests.faults.ordered_verdict import judge_ordered
from tests.faults.registered import RegisteredLogins
from tests.faults.saboteur import CORE_GUARDS, GUARDS
from tests.faults.stage import NeverDone, Stage, stage
from tests.faults.verdict import Verdict, judge
from tests.support.redis_topologies import SmallCluster, Watched, running_cluster, running_sentinel
from tests.support.schema_registry import missing_registry
from tests.support.services import REDIS, STORE_VARIABLE, STORES
from workers.histories.history import History


@dataclass
class Tally:
    """The totals of all runs of one fault."""

    runs: int = 0
    events: int = 0
    actions: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int | None = None
    stall_seconds: float = 0.0
    recovery_seconds: float = 0.0
    examples: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, verdict: Verdict, stall_seconds: float, recovery_seconds: float) -> None:
        """Add one run."""
        self.runs += 1
        self.events += verdict.events
        self.actions += verdict.actions
        self.lost += verdict.lost
        self.doubled += verdict.doubled
        if verdict.wrong is not None:
            self.wrong = (self.wrong or 0) + verdict.wrong
        self.stall_seconds = max(self.stall_seconds, round(stall_seconds, 1))
        self.recovery_seconds = max(self.recovery_seconds, round(recovery_seconds, 1))
        self.examples += verdict.examples

    def figures(self) -> dict[str, Any]:
        """Return the totals for the JSON output."""
        names = ("runs", "events", "actions", "lost", "doubled", "wrong", "stall_seconds", "recovery_seconds")
        return {name: getattr(self, name) for name in names}


async def run_faults(
    faults: Sequence[Fault],
    seed: int,
    runs: int,
    folder: Path,
    guard: str | None,
    say: Any,
    *,
    is_compiled: bool = True,
) -> dict[str, Tally]:
    """Run each fault `runs` times; faults that need the same number of brokers share them."""
    is_compiled = is_compiled and guard not in CORE_GUARDS
    tallies = {fault.name: Tally() for fault in faults}
    for brokers, group in groupby(sorted(faults, key=lambda one: one.brokers), key=lambda one: one.brokers):
        async with installation(_made(folder / f"brokers-{brokers}"), brokers) as running:
            for fault in group:
                if fault.registry and (missing := missing_registry()) is not None:
                    say(f"{fault.name:18} left out: {missing}")
                    if os.environ.get("CI") == "true":
                        tallies[fault.name].lost += 1
                    continue
                for number in range(runs):
                    await _run(fault, seed + number, running, folder, guard, is_compiled, tallies[fault.name], say)
    return tallies


@contextmanager
def _topology(fault: Fault, folder: Path) -> Iterator[Watched | SmallCluster | None]:
    if fault.store == "sentinel":
        with running_sentinel(folder) as watched:
            yield watched
    elif fault.store == "cluster":
        with running_cluster(folder) as cluster:
            yield cluster
    else:
        yield None


@asynccontextmanager
async def _registered(fault: Fault, history: History, folder: Path) -> AsyncIterator[RegisteredLogins | None]:
    if not fault.registry:
        yield None
        return
    registered = RegisteredLogins(_made(folder), history)
    try:
        await registered.start()
        yield registered
    finally:
        await registered.server.kill()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


async def _run(
    fault: Fault,
    seed: int,
    running: Installation,
    folder: Path,
    guard: str | None,
    is_compiled: bool,
    tally: Tally,
    say: Any,
) -> None:
    started = time.monotonic()
    always = ("--trace", *(() if guard is None else ("--without", guard)))
    where = folder / f"{fault.name}-{seed}"
    is_direct = Random(f"{fault.name} {seed}").random() < 0.5
    try:
        async with AsyncExitStack() as servers:
            history = fault.history(seed)
            topology = servers.enter_context(_topology(fault, _made(where / "redis")))
            registered = await servers.enter_async_context(_registered(fault, history, where / "registry"))
            async with stage(
                running,
                history,
                where,
                seed,
                workers=fault.workers,
                seconds=fault.seconds,
                sabotage=fault.sabotage,
                always=always,
                environment=fault.environment,
                lives_now=fault.lives_now,
                topology=topology,
                registered=registered,
                is_direct=is_direct,
                is_batched=fault.is_batched,
                is_compiled=is_compiled,
            ) as here:
                verdict, recovery = await _play(fault, here)
                tally.add(verdict, here.stall_seconds, recovery)
                exits = [code for member in here.crew.members for code in member.exits if code not in (-9, 0)]
                tally.notes += here.notes + ([f"workers ended with {exits}"] if exits else [])
                result = "; ".join(
                    [
                        f"{verdict.lost} lost, {verdict.doubled} doubled, {_shown(verdict.wrong)} wrong",
                        *verdict.examples[:6],
                        *here.notes,
                    ]
                )
    except NeverDone as error:
        tally.runs += 1
        tally.lost += 1
        tally.examples.append(str(error))
        result = f"never came to an end: {error}"
    way = "direct too" if is_direct else "intake"
    say(f"{fault.name:18} seed {seed}  {way:10}  {result}  ({time.monotonic() - started:.0f} s)")


async def _play(fault: Fault, here: Stage) -> tuple[Verdict, float]:
    """Play, break, heal, wait, judge; also return how long it took after everything was healed."""
    try:
        async with asyncio.TaskGroup() as all_at_once:
            all_at_once.create_task(here.play())
            all_at_once.create_task(fault.act(here))
            all_at_once.create_task(reload(here))
    except ExceptionGroup as group:
        raise NeverDone(f"{group.exceptions[0]!r}\n{here.crew.log()}") from group
    healed = time.monotonic()
    await here.until_decided()
    recovery_seconds = time.monotonic() - healed
    if isinstance(here.history, Garbled):
        return await judge_intended(here), recovery_seconds
    if isinstance(here.history, Ordered):
        return await judge_ordered(here), recovery_seconds
    return await judge(here, fault.poison, counts_wrong=fault.counts_wrong), recovery_seconds


def main() -> None:
    """Read the arguments, run and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--short", action="store_true", help="the selection that `make test-rest` runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1, help="of each fault, with the next seeds")
    parser.add_argument("--only", nargs="+", choices=[fault.name for fault in FAULTS], metavar="NAME")
    parser.add_argument("--without", choices=GUARDS, help="switch a guard off: the report must show what that costs")
    parser.add_argument("--keep", type=Path, help="a new folder for logs, which is kept")
    parser.add_argument("--store", choices=STORES, default=REDIS, help="the server of the state")
    parser.add_argument("--plain", action="store_true", help="workers decide in plain Python: nothing is compiled")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ[STORE_VARIABLE] = options.store
    chosen = [
        fault
        for fault in FAULTS
        if (not options.short or fault.short) and (not options.only or fault.name in options.only)
    ]
    console = Console(stderr=options.json, highlight=False)
    with tempfile.TemporaryDirectory(prefix="linger-faults-") as temporary:
        folder = (options.keep or Path(temporary)).resolve()
        tallies = asyncio.run(
            run_faults(
                chosen,
                options.seed,
                options.runs,
                folder,
                options.without,
                lambda text: console.print(text, markup=False, soft_wrap=True),
                is_compiled=not options.plain,
            )
        )
    _report(console, tallies)
    lost, doubled, wrong = (
        sum(getattr(tally, name) or 0 for tally in tallies.values()) for name in ("lost", "doubled", "wrong")
    )
    if options.json:
        faults = {name: tally.figures() for name, tally in tallies.items()}
        document = {
            "seed": options.seed,
            "without": options.without,
            "faults": faults,
            "lost": lost,
            "doubled": doubled,
            "wrong": wrong,
        }
        sys.stdout.write(json.dumps(document) + "\n")
    sys.exit(1 if lost or doubled or wrong else 0)


def _shown(wrong: int | None) -> str:
    return "-" if wrong is None else str(wrong)


def _report(console: Console, tallies: dict[str, Tally]) -> None:
    table = Table(title="results of the faults", title_justify="left")
    table.add_column("fault")
    for name in ("runs", "events", "actions", "lost", "doubled", "wrong", "longest stall", "recovered in"):
        table.add_column(name, justify="right")
    for name, tally in tallies.items():
        bad = "bold red" if tally.lost or tally.doubled or tally.wrong else ""
        figures = [tally.runs, tally.events, tally.actions, tally.lost, tally.doubled, _shown(tally.wrong)]
        seconds = [f"{tally.stall_seconds} s", f"{tally.recovery_seconds} s"]
        table.add_row(name, *map(str, figures), *seconds, style=bad)
    console.print(table)
    for name, tally in tallies.items():
        for text in [*tally.notes, *tally.examples[:8]]:
            console.print(f"{name}: {text}", markup=False)


if __name__ == "__main__":
    main()
