"""`linger rebuild`: state rebuilt from the activity topic."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from workers.cli.audit_commands.changing import Because, By, changing
from workers.cli.output import AsJson, err, out, print_json, warn
from workers.loading import keep_last_good, load_configuration
from workers.observability import logs
from workers.operations.rights.refusals import require
from workers.printing import print_table, table_of
from workers.recovery.loss import Loss
from workers.recovery.rebuild import Rebuild
from workers.recovery.report import Options, Report
from workers.settings import read_settings
from workers.state.connect import with_store
from workers.state.rule_sets.last_good import TOO_LARGE
from workers.state.store import Store

_PARTITIONS_SHOWN: Final = 12


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("rebuild")(rebuild)


def rebuild(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    all_partitions: Annotated[
        bool, typer.Option("--all", help="Also rebuild partitions whose state seems to match the log.")
    ] = False,
    among_workers: Annotated[
        bool, typer.Option("--among-workers", help="Run even if workers are alive; they are fenced.")
    ] = False,
    log_is_cut: Annotated[
        bool,
        typer.Option(
            "--yes-the-log-is-cut", help="Do not ask: rebuild from a log whose first records were deleted, too."
        ),
    ] = False,
    begin_with: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FOLDER|FILE",
            help="Begin with what linger state export has written, and fold what follows.",
        ),
    ] = None,
    because: Because = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild lost Redis state from the activity topic; nothing is published twice.

    Stop all workers first. Only partitions with no stored state, or whose state does not match the log, are
    rebuilt. If it is killed, run it again: it continues where it stopped. If the topic has lost its first records, it
    says what would be lost, and asks. With --from, nothing is lost if the files end where the topic begins, or later.
    """
    settings = read_settings(context.obj)
    logs.configure_logging("warning", settings.log_format)
    logs.set_log_key(None if settings.log_key is None else settings.log_key.get_secret_value())
    configuration = load_configuration(settings)
    settings = configuration.settings
    options = Options(all_partitions, dry_run, among_workers, log_is_cut, begin_with)

    async def work(store: Store) -> Report:
        await require(settings, configuration.sources, "rebuild")
        report = await _run(Rebuild(settings, configuration.sources, configuration.rules, store), options)
        if report.reasons and not dry_run and not await keep_last_good(store, configuration):
            warn(TOO_LARGE)
        return report

    with changing(context, settings, by, because, dry_run=dry_run) as trail:
        report = with_store(settings, work)
        trail.counts.update(partitions=len(report.reasons), records=report.records)
    if as_json:
        print_json(document_of(report))
    else:
        render(report)


async def _run(work: Rebuild, options: Options) -> Report:
    """Rebuild, with a progress bar on a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("reading what is stored and published", total=None)

        def start(records: int) -> None:
            bar.update(task, description="folding", total=records)

        def accept(loss: Loss) -> bool:
            bar.stop()  # it would write over the question
            is_accepted = _is_accepted(loss)
            bar.start()
            return is_accepted

        return await work.run(options, start, lambda records: bar.advance(task, records), accept)


def _is_accepted(loss: Loss) -> bool:
    """Ask on a terminal; without one, no one accepts a loss."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    for sentence in loss.sentences():
        err.print(f"{sentence[0].upper()}{sentence[1:]}.", soft_wrap=True)
    return typer.confirm("Rebuild from the rest of the log, and lose this?", err=True)


def document_of(report: Report) -> dict[str, Any]:
    """Return a report as JSON values; actions are counted by rule."""
    return {
        "dry_run": report.dry_run,
        "partitions": report.reasons,
        "records": report.records,
        "seconds": round(report.seconds, 1),
        "ids_known": report.ids_known,
        "log_begins": report.log_begins,
        "loss": None if report.loss is None else asdict(report.loss),
        "rules_lost": report.rules_lost,
        "from_files": list(report.from_files),
        "published": dict(report.tally.published),
        "unsure": dict(report.tally.unsure),
    }


def render(report: Report) -> None:
    """Print a report for people."""
    if not report.reasons:
        out.print("The state of every partition matches the activity topic: nothing to do. (--all rebuilds anyway)")
        return
    partitions_by_reason: dict[str, list[int]] = {}
    for partition, reason in report.reasons.items():
        partitions_by_reason.setdefault(reason, []).append(partition)
    table = table_of("partitions", "why")
    for reason, partitions in partitions_by_reason.items():
        table.add_row(f"{len(partitions)}: {_listed(partitions)}", Text(reason))
    print_table(out, table)
    if report.from_files:
        begin = "would begin" if report.dry_run else "began"
        out.print(f"{len(report.from_files)} of them {begin} with the state of the files.")
    done = "would be read, in about" if report.dry_run else "were read, in"
    out.print(f"{report.records:,} records of the activity topic {done} {report.seconds:,.0f} s.")
    out.print(f"{report.ids_known:,} unexpired action ids are in the topics; none of them is published again.")
    if report.log_begins:
        out.print(
            f"The log of {len(report.log_begins)} partitions has lost its beginning (first record left: "
            f"{min(report.log_begins.values())}): windows that reach further back are not observable."
        )
    if report.loss is not None:
        for sentence in report.loss.sentences():
            out.print(f"{sentence[0].upper()}{sentence[1:]}.")
        if report.dry_run:
            out.print("linger rebuild asks before it does that; --yes-the-log-is-cut answers.")
    if report.rules_lost:
        out.print(
            "Redis also lost when each rule was activated: all rules now count from the beginning. An action from "
            "the time when workers were alive is not published if it is not in the topics."
        )
    if not report.dry_run:
        _render_counts(report)
        out.print("Start the workers: they continue from here.")


def _render_counts(report: Report) -> None:
    for outcome, counts in (
        ("were never published before: they are published now, or held by their rule's pace", report.tally.published),
        ("are not published: they may have been before, or their rule may not have counted", report.tally.unsure),
    ):
        for rule_id, count in sorted(counts.items()):
            out.print(f"{count:,} actions of '{rule_id}' {outcome}.")


def _listed(partitions: list[int]) -> str:
    shown = ", ".join(map(str, partitions[:_PARTITIONS_SHOWN]))
    return shown if len(partitions) <= _PARTITIONS_SHOWN else f"{shown}, …"
