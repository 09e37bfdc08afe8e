"""`linger state export` and `import`: the stored state as files, for backups and for another Redis."""

import asyncio
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final, TypeVar

import typer
from rich.progress import Progress, TextColumn

from workers.cli.output import EXIT_PROBLEM, AsJson, err, json_line, out, warn
from workers.loading import load_configuration
from workers.observability import logs
from workers.recovery.state_files.exporting import ExportReport
from workers.recovery.state_files.importing import ImportReport
from workers.recovery.state_files.transfer import Installation, export_state, import_state
from workers.settings import read_settings
from workers.state.connect import with_store, with_stored_state
from workers.state.store import Store

_STANDARD_OUTPUT: Final = "-"
Result = TypeVar("Result")
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

    Workers may run, but a file shows one moment: a partition that keeps changing while it is read is refused. Then stop
    the workers first.
    """
    here, with_state = _prepared(context)

    def into(folder: Path) -> ExportReport:
        return _with_progress(
            "exported", lambda store, advance: export_state(here(store), folder, partition or (), advance), with_state
        )

    if target == _STANDARD_OUTPUT:
        with TemporaryDirectory(prefix="linger-state-") as name:
            folder = Path(name) / "state"
            report = into(folder)
            for path in sorted(folder.glob("*.jsonl")):
                with path.open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.flush()
    else:
        report = into(Path(target))
    _show_export(report, target, as_json=as_json)
    if report.unreadable:
        raise typer.Exit(EXIT_PROBLEM)


def import_(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FOLDER|FILE", help="What linger state export has written.")],
    partition: Partitions = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete what is stored of these partitions; without it, Redis must be empty.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring files of an export into Redis; workers go on where they end. Stop all workers first.

    If workers have published anything since the export, it refuses: linger rebuild --from begins with the files then.
    """
    here, _ = _prepared(context)
    report = _with_progress(
        "imported",
        lambda store, advance: import_state(here(store), source, partition or (), advance, replace=replace),
        with_store,
    )
    _show_import(report, as_json=as_json)
