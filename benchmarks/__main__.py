"""Linger and others at the same work, on one Kafka and one Redis: `make bench ARGS="--short --json"`.

README.md says what is measured and how. Progress goes to stderr; with `--json` the last line of stdout is one object.
"""

import argparse
import asyncio
import importlib
import json
import pkgutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from rich.console import Console

from benchmarks import contenders
from benchmarks.arena import Broker, running_broker
from benchmarks.contenders import Contender, Missing
from benchmarks.contest import ContenderFailed, Measured, Task, Wrong, run_once
from benchmarks.report import YARDSTICK, Entry, picture, summary, table
from benchmarks.workload import Workload
from tests.support.services import ServiceError, missing_kafka, missing_redis
from workers.demo.embedded import EmbeddedError

_HOME: Final = Path(__file__).resolve().parent.parent
_KEPT: Final = _HOME / ".cache" / "benchmarks"
_SHORT: Final = (40_000, 4_000, 3)
_LONG: Final = (200_000, 20_000, 5)
"""Events, customers, runs."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line.

    Attributes:
        workload: for a contender with the whole share.
        only: names of contenders; none for all.
        runs: of each.
        out: where the summary and the picture go, None for nowhere.
        logs: where the contenders' logs go.
    """

    workload: Workload
    partitions: int
    only: tuple[str, ...]
    runs: int
    as_json: bool
    out: Path | None
    logs: Path


def main() -> int:
    """Run the contest; the exit status is 1 if a contender was wrong or failed."""
    options = _options()
    console = Console(stderr=True)
    for missing in (missing_kafka(), missing_redis()):
        if missing is not None:
            console.print(f"[bold red]error:[/] {missing}", highlight=False)
            return 1
    try:
        entries = [Entry(one) for one in chosen(every_contender(), options.only)]
        summary = _Contest(options, entries, console).run()
    except (ServiceError, EmbeddedError, LookupError) as error:
        console.print(f"[bold red]error:[/] {error}", highlight=False)
        return 1
    Console(stderr=options.as_json, width=None if sys.stderr.isatty() else 150).print(table(summary))
    if options.out is not None:
        (options.out / "benchmarks.json").write_text(json.dumps(summary, indent=1) + "\n")
        (options.out / "benchmarks.svg").write_text(picture(summary))
    if options.as_json:
        print(json.dumps(summary))
    return 1 if any(entry.trouble in ("failed", "wrong") for entry in entries) else 0


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="Less of everything: under ten minutes.")
    parser.add_argument("--only", default="", help="Names of contenders, with commas between; all if left out.")
    parser.add_argument("--runs", type=int, help="Runs of each contender.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int)
    parser.add_argument("--customers", type=int)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="Print one JSON object on the last line.")
    parser.add_argument("--out", type=Path, help="A folder for benchmarks.json and benchmarks.svg.")
    given = parser.parse_args()
    events, customers, runs = _SHORT if given.short else _LONG
    workload = Workload(given.events or events, given.customers or customers, given.seed)
    for folder in filter(None, (given.out, _KEPT / "logs")):
        folder.mkdir(parents=True, exist_ok=True)
    only = tuple(filter(None, given.only.split(",")))
    return Options(workload, given.partitions, only, given.runs or runs, given.json, given.out, _KEPT / "logs")


def every_contender() -> list[Contender]:
    """Return every contender: Linger first, those that decide nothing last."""
    modules = [
        importlib.import_module(f"{contenders.__name__}.{one.name}")
        for one in pkgutil.iter_modules(contenders.__path__)
    ]
    found: list[Contender] = [module.CONTENDER for module in modules if hasattr(module, "CONTENDER")]
    return sorted(found, key=lambda one: (one.name != YARDSTICK, not one.decides, one.name))


def chosen(every: Sequence[Contender], only: Sequence[str]) -> list[Contender]:
    """Return those that were asked for.

    Raises:
        LookupError: there is none of such a name.
    """
    names = [one.name for one in every]
    if unknown := [name for name in only if name not in names]:
        raise LookupError(f"no contender {', '.join(unknown)}; there are: {', '.join(names)}")
    return [one for one in every if not only or one.name in only]


class _Contest:
    """Prepares all contenders, then runs them in turn, round for round."""

    def __init__(self, options: Options, entries: list[Entry], console: Console) -> None:
        self._options = options
        self._entries = entries
        self._console = console
        self._tasks: dict[float, Task] = {}

    def run(self) -> dict[str, Any]:
        options = self._options
        for entry in self._entries:
            self._prepare(entry)
        for entry in self._entries:
            if entry.trouble is None:
                self._make_task(entry.contender.share)
        with tempfile.TemporaryDirectory(prefix="linger-bench-") as folder:
            self._say("Starting Kafka ...")
            with running_broker(Path(folder)) as broker:
                for number in range(1, options.runs + 1):
                    for entry in self._entries:
                        if entry.trouble is None:
                            self._take_turn(entry, number, broker, Path(folder))
        return summary(self._entries, options.workload, options.partitions, options.runs)

    def _prepare(self, entry: Entry) -> None:
        cache = self._cache(entry)
        cache.mkdir(parents=True, exist_ok=True)
        self._say(f"Preparing {entry.contender.name} ...")
        try:
            entry.contender.prepare(cache)
        except Missing as missing:
            self._note(entry, "missing", missing)

    def _cache(self, entry: Entry) -> Path:
        return _KEPT / entry.contender.name

    def _make_task(self, share: float) -> None:
        if share in self._tasks:
            return
        whole = self._options.workload
        part = Workload(round(whole.events * share), round(whole.customers * share), whole.seed)
        task = self._tasks[share] = Task(part, self._options.partitions)
        self._say(f"Deciding what has to be decided about {part.events:,} events ...")
        self._say(f"  {len(task.decisions):,} actions and retractions")

    def _take_turn(self, entry: Entry, number: int, broker: Broker, folder: Path) -> None:
        name = entry.contender.name
        task = self._tasks[entry.contender.share]
        log = self._options.logs / f"{name}-{number}.log"
        run = run_once(entry.contender, task, broker, self._cache(entry), folder / f"{name}-{number}", log)
        try:
            measured = asyncio.run(run)
        except ContenderFailed as failed:
            self._note(entry, "failed", failed)
        except Wrong as wrong:
            self._note(entry, "wrong", wrong)
        else:
            entry.runs.append(measured)
            self._say(f"{name}, run {number} of {self._options.runs}: {_in_short(measured)}")

    def _note(self, entry: Entry, trouble: Literal["missing", "failed", "wrong"], reason: Exception) -> None:
        entry.trouble, entry.reason = trouble, str(reason)
        self._say(f"{entry.contender.name}: {trouble}: {reason}")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _in_short(run: Measured) -> str:
    cpu = ", ".join(f"{name} {seconds:.1f}" for name, seconds in run.cpu._asdict().items())
    return f"{run.events / run.seconds:,.0f} events/s; {run.events:,} events in {run.seconds:.1f} s; CPU s: {cpu}"


if __name__ == "__main__":
    sys.exit(main())
