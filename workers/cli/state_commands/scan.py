"""`linger scan` and `linger forecast`: the present state of all customers in a file, and what becomes due of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from workers.cli.output import AsJson, err, out, print_json
from workers.clock import iso_text
from workers.loading import Configuration, load_configuration
from workers.observability import logs
from workers.scan.forecast import DAYS, LONGEST_DAYS, Question, forecast
from workers.scan.forecast_report import render
from workers.scan.scan_file import Advance
from workers.scan.taking import PER_SECOND, Installation, ScanReport, take_scan
from workers.settings import Settings, read_settings
from workers.state.connect import clock_of, with_stored_state
from workers.state.store import Store

PerSecond = Annotated[
    int, typer.Option("--per-second", min=1, help="Keys of Redis to read in a second, at most; it bounds the load.")
]


_FOUND: Final = "found"


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command("scan")(scan)
    app.command("forecast")(forecast_command)


def scan(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to keep it; an older scan is replaced.")],
    per_second: PerSecond = PER_SECOND,
    as_json: AsJson = False,
) -> None:
    """Keep the present state of all customers in a file, read beside live traffic. It holds personal data.

    It only reads. What is worked out of all customers begins with it: linger forecast --scan FILE.
    """
    settings = read_settings(context.obj)
    report = _take(settings, load_configuration(settings), file, per_second)
    if as_json:
        document = asdict(report)
        print_json({"file": str(file), "at": iso_text(document.pop("at_ms")), **document})
        return
    out.print(
        f"{report.customers:,} customers of {report.partitions} partitions as of {iso_text(report.at_ms)}, in "
        f"{report.seconds:,.1f} s: {file}",
        soft_wrap=True,
    )


def forecast_command(
    context: typer.Context,
    days: Annotated[
        int,
        typer.Option("--days", min=0, max=LONGEST_DAYS, help="How many days after the rest of the scan's (UTC)."),
    ] = DAYS,
    scan: Annotated[
        Path | None, typer.Option("--scan", metavar="FILE", help="What linger scan has kept; left out, one is taken.")
    ] = None,
    per_second: PerSecond = PER_SECOND,
    as_json: AsJson = False,
) -> None:
    """Show how many actions of each rule become due on each of the next days if nothing happens.

    Every customer is decided as a worker would: cool-downs, limits, hold-outs and consent count.
    """
    settings = read_settings(context.obj)
    configuration = load_configuration(settings)
    with scanned(settings, configuration, scan, per_second) as path, counting("run on") as advance:
        question = Question(path, configuration.book, configuration.rules, days)
        document = forecast(question, advance)
    if scan is None:
        document["scan"]["file"] = None
    if as_json:
        print_json(document)
    else:
        render(document, out)


@contextmanager
def scanned(settings: Settings, configuration: Configuration, path: Path | None, per_second: int) -> Iterator[Path]:
    """Yield the path of a scan for the duration of a `with` block: the given one, or one that is taken for it."""
    if path is not None:
        yield path
        return
    with TemporaryDirectory(prefix="linger-scan-") as folder:
        taken = Path(folder) / "scan.jsonl"
        _take(settings, configuration, taken, per_second)
        yield taken


def _take(settings: Settings, configuration: Configuration, path: Path, per_second: int) -> ScanReport:
    """Take a scan, with a count of customers on a terminal."""
    logs.configure_logging("warning", settings.log_format)

    async def work(store: Store) -> ScanReport:
        here = Installation(
            store,
            clock_of(settings, store),
            configuration.sources,
            settings.partitions,
            settings.key_of_marks,
            version("linger"),
        )
        with counting("read") as advance:
            return await take_scan(here, path, per_second, advance)

    return with_stored_state(settings, work)


@contextmanager
def counting(done: str) -> Iterator[Advance]:
    """Show on a terminal how many customers are done, or found as long as it is not known how many there are.

    Args:
        done: what is done with them, in words.
    """
    columns = (
        TextColumn("{task.completed:,} customers {task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(_FOUND, total=None)

        def advance(number: int, total: int) -> None:
            bar.update(task, completed=number, total=total or None, description=done if total else _FOUND)

        yield advance
