"""`linger state export` and `import`: the stored state as files, for backups and for another Redis."""

import shutil
import sys
from collections.abc import Awaitable, Callable, Collection
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final, TypeVar

import typer
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from workers.cli.audit_commands.changing import Because, By, changing
from workers.cli.output import EXIT_PROBLEM, AsJson, err, out, print_json, warn
from workers.loading import load_configuration
from workers.observability import logs
from workers.operations.rights.refusals import require
from workers.recovery.state_files.exporting import ExportReport
from workers.recovery.state_files.importing import ImportReport
from workers.recovery.state_files.transfer import Advance, Installation, export_state, import_state
from workers.settings import Settings, read_settings
from workers.state.connect import with_store, with_stored_state
from workers.state.store import Store

_STANDARD_OUTPUT: Final = "-"
Result = TypeVar("Result")
Opened = Callable[[Settings, Callable[[Store], Awaitable[Result]]], Result]
Partitions = Annotated[
    list[int] | None, typer.Option("--partition", help="Only this partition; can be given several times.")
]


def add_to(app: typer.Typer) -> None:
    """Register the group and its commands."""
    group = typer.Typer(no_args_is_help=True, help="Export the stored state as files, and import it.")
    group.command("export")(export)
    group.command("import")(import_)
    app.add_typer(group, name="state")


def export(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar="FOLDER|-", help="A new folder; - for standard output.")],
    partition: Partitions = None,
    as_json: AsJson = False,
) -> None:
    """Write everything that is stored as JSON lines, one file a partition. The files hold personal data.

    Workers may run, but a file shows one moment: a partition that keeps changing while it is read is refused. Then
    stop the workers first.
    """
    if target != _STANDARD_OUTPUT:
        report = _export(context, Path(target), partition or ())
    else:
        with TemporaryDirectory(prefix="linger-state-") as name:
            folder = Path(name) / "state"
            report = _export(context, folder, partition or ())
            for path in sorted(folder.glob("*.jsonl")):
                with path.open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.flush()
    if as_json and target != _STANDARD_OUTPUT:
        print_json(asdict(report))
    else:
        _render_export(report)
    if report.unreadable:
        warn(f"{report.unreadable:,} stored customers cannot be read, and are not in the files: linger rebuild --all")
        raise typer.Exit(EXIT_PROBLEM)


def import_(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FOLDER|FILE", help="What linger state export has written.")],
    partition: Partitions = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Delete what is stored of these partitions; without it, Redis must be empty."),
    ] = False,
    because: Because = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Bring files of an export into Redis; workers go on where they end. Stop all workers first.

    If anything was published since the export, it refuses: linger rebuild --all --from begins with the files then.
    """

    async def work(here: Installation, advance: Advance) -> ImportReport:
        await require(here.settings, here.configuration.sources, "state import")
        return await import_state(here, source, partition or (), advance, replace=replace)

    with changing(context, read_settings(context.obj), by, because) as trail:
        report = _run(context, "imported", with_store, work)
        trail.counts.update(
            customers=sum(report.partitions.values()), partitions=len(report.partitions), held=report.held
        )
    if as_json:
        print_json(asdict(report))
    else:
        _render_import(report)


def _export(context: typer.Context, folder: Path, partitions: Collection[int]) -> ExportReport:
    async def work(here: Installation, advance: Advance) -> ExportReport:
        return await export_state(here, folder, partitions, advance)

    return _run(context, "exported", with_stored_state, work)


def _run(
    context: typer.Context,
    done: str,
    opened: Opened[Result],
    work: Callable[[Installation, Advance], Awaitable[Result]],
) -> Result:
    """Run an export or an import, with a count of customers on a terminal."""
    settings = read_settings(context.obj)
    logs.configure_logging("warning", settings.log_format)
    logs.set_log_key(None if settings.log_key is None else settings.log_key.get_secret_value())
    configuration = load_configuration(settings)
    settings = configuration.settings

    async def shown(store: Store) -> Result:
        here = Installation(settings, configuration, store, version("linger"))
        columns = (TextColumn("{task.completed:,} customers " + done), TimeElapsedColumn())
        with Progress(*columns, console=err, transient=True, disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task(done, total=None)
            return await work(here, lambda number: bar.advance(task, number))

    return opened(settings, shown)


def _render_export(report: ExportReport) -> None:
    err.print(
        f"{sum(report.partitions.values()):,} customers of {len(report.partitions)} partitions, {report.held:,} held "
        f"actions and {report.unconfirmed:,} records that Kafka had not confirmed are exported.",
        soft_wrap=True,
    )


def _render_import(report: ImportReport) -> None:
    out.print(
        f"{sum(report.partitions.values()):,} customers of {len(report.partitions)} partitions, {report.held:,} held "
        f"actions and {report.unconfirmed:,} records to be published are imported. Start the workers: they go on "
        "from here.",
        soft_wrap=True,
    )
    if report.erased:
        out.print(f"{report.erased:,} customers of the files are left out: they were erased since.", soft_wrap=True)
    if report.unreadable:
        warn(f"the export could not read {report.unreadable:,} customers, so they are missing")
    if report.other_rules:
        warn("these rule files are not those of the export: when workers start, the rules change as after any edit")
