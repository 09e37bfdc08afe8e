"""`linger rebuild`: state made again from the activity topic."""

import json
import sys
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from workers.loading import load_configuration
from workers.observability import logs
from workers.recovery.rebuild import Options, Rebuild, Report
from workers.settings import Settings, read_settings
from workers.state.connect import with_store
from workers.state.store import Store

out: Final = Console(highlight=False, emoji=False)


def add_to(app: typer.Typer) -> None:
    """Register the command."""

    @app.command("rebuild")
    def _rebuild(
        context: typer.Context,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
        everything: Annotated[
            bool, typer.Option("--all", help="Also partitions whose state fits the log, as far as one can see.")
        ] = False,
        among_workers: Annotated[
            bool, typer.Option("--among-workers", help="Although workers are alive: they are fenced.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    ) -> None:
        """Make again what Redis has lost, from the activity topic; nothing is published twice.

        Stop all workers first. Only partitions of which nothing is stored, or whose state does not fit the log, are
        made again. Killed, it goes on where it stood when it is run again.
        """
        rebuild(read_settings(context.obj), Options(everything, dry_run, among_workers), as_json=as_json)


def rebuild(settings: Settings, options: Options, *, as_json: bool) -> None:
    """Rebuild, and say what it came to."""
    logs.configure_logging("warning", settings.log_format)
    logs.set_log_key(None if settings.log_key is None else settings.log_key.get_secret_value())
    configuration = load_configuration(settings)

    async def work(store: Store) -> Report:
        return await _run(Rebuild(settings, configuration.sources, configuration.rules, store), options)

    report = with_store(settings, work)
    if as_json:
        sys.stdout.write(json.dumps(document_of(report)) + "\n")
    else:
        render(report)


async def _run(work: Rebuild, options: Options) -> Report:
    """Rebuild, with a bar on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("reading what is there", total=None)

        def starts(records: int) -> None:
            bar.update(task, description="folding", total=records)

        return await work.run(options, starts, lambda records: bar.advance(task, records))


def document_of(report: Report) -> dict[str, Any]:
    """Return a report for machines; counts of actions by rule."""
    tally = report.tally
    return {
        "dry_run": report.dry,
        "partitions": report.partitions,
        "records": report.records,
        "seconds": round(report.seconds, 1),
        "ids_known": report.ids_known,
        "log_begins": report.log_begins,
        "rules_lost": report.rules_lost,
        "published": dict(tally.published),
        "unsure": dict(tally.unsure),
    }


def render(report: Report) -> None:
    """Print a report for people."""
    if not report.partitions:
        out.print(
            "The state of every partition fits the activity topic: there is nothing to do. (--all does it anyway)"
        )
        return
    reasons: dict[str, list[int]] = {}
    for number, why in report.partitions.items():
        reasons.setdefault(why, []).append(number)
    table = Table("partitions", "why")
    for why, numbers in reasons.items():
        table.add_row(f"{len(numbers)}: {_listed(numbers)}", why)
    out.print(table)
    done = "would be read, in about" if report.dry else "were read, in"
    out.print(f"{report.records:,} records of the activity topic {done} {report.seconds:,.0f} s.")
    out.print(
        f"{report.ids_known:,} action ids that can still matter are in the topics; none of them goes out again."
    )
    if report.log_begins:
        earliest = min(report.log_begins.values())
        out.print(
            f"The log of {len(report.log_begins)} partitions does not begin at its beginning (the first record left "
            f"is of {earliest}): windows that reach further back are not observable."
        )
    if report.rules_lost:
        out.print(
            "Since when each rule counts was lost too: all count from the beginning, and actions from the time "
            "in which workers were alive are not published if they are not in the topics."
        )
    if not report.dry:
        for what, counts in (
            ("had never got out and are published now, or held by their rule's pace", report.tally.published),
            (
                "are not published, because they may have been, or their rule may not have counted",
                report.tally.unsure,
            ),
        ):
            for rule, number in sorted(counts.items()):
                out.print(f"{number:,} actions of '{rule}' {what}.")
        out.print("Start the workers: they go on from here.")


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:12]))
    return shown if len(numbers) <= 12 else f"{shown}, …"
