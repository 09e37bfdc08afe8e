"""`linger customer export`: everything that Linger holds of one person, as JSON and as one file of HTML."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from workers.cli.audit_commands.changing import Because, By, changing
from workers.cli.output import EXIT_PROBLEM, err, print_json, warn
from workers.customer_export.document import Export
from workers.customer_export.gathering import Advance, Asked, gather
from workers.customer_export.page import page_of
from workers.errors import LingerError, StartupError
from workers.loading import load_configuration
from workers.observability.escapes import escaped_json
from workers.operations.rights.refusals import require
from workers.printing import given_text, one_line
from workers.settings import Settings, read_settings
from workers.state.connect import with_stored_state
from workers.state.store import Store

_STANDARD_OUTPUT: Final = "-"
_ONLY_THE_OWNER: Final = 0o600


def add_to(group: typer.Typer) -> None:
    """Register the command in the group `customer`."""
    group.command("export")(export)


def export(
    context: typer.Context,
    customer_id: Annotated[str, typer.Argument(parser=given_text, metavar="CUSTOMER_ID", help="The customer's id.")],
    json_to: Annotated[
        str | None, typer.Option("--json", metavar="FILE|-", help="Write JSON; - for standard output.")
    ] = None,
    html_to: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one page of HTML, for people.")
    ] = None,
    because: Because = "",
    by: By = None,
) -> None:
    """Write everything that Linger holds of one person: state, marks, held actions, and every record of its topics.

    The files hold personal data; only their owner may read them. Who exported is recorded.
    """
    settings = read_settings(context.obj)
    files = [path for path in (_file_of(json_to), html_to) if path is not None]
    if json_to is None and html_to is None:
        raise StartupError(["state where to write: --json FILE, --json - or --html FILE"])
    for path in files:
        _require_new(path)
    with changing(context, settings, by, because) as trail:
        document = _gathered(settings, customer_id)
        if document is None:
            _complain_about_nothing(customer_id, as_json=json_to == _STANDARD_OUTPUT)
        trail.counts["records"] = len(document["records"])
        if html_to is not None:
            _write(html_to, page_of(document))
        if json_to == _STANDARD_OUTPUT:
            print_json(document)
        elif (json_file := _file_of(json_to)) is not None:
            _write(json_file, escaped_json(json.dumps(document, ensure_ascii=False, indent=1)) + "\n")
        _report(document, files)
        if not document["is_complete"]:
            trail.problems.extend(document["problems"])
            raise typer.Exit(EXIT_PROBLEM)


def _gathered(settings: Settings, customer_id: str) -> Export | None:
    configuration = load_configuration(settings)
    settings = configuration.settings

    async def ask(store: Store) -> Export | None:
        await require(settings, configuration.sources, "customer export")
        with _progress() as advance:
            return await gather(Asked(store, settings, configuration, customer_id), advance)

    return with_stored_state(settings, ask)


@contextmanager
def _progress() -> Iterator[Advance]:
    """Show on a terminal how much of the topics is read."""
    columns = (TextColumn("reading topics"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)
        yield lambda number, total: bar.update(task, advance=number, total=total)


def _file_of(json_to: str | None) -> Path | None:
    return None if json_to in (None, _STANDARD_OUTPUT) else Path(str(json_to))


def _require_new(path: Path) -> None:
    """Raise `StartupError` if there is such a file, or no folder for it."""
    if path.exists():
        raise StartupError([f"'{path}' exists; an export is written into a new file"])
    if not path.absolute().parent.is_dir():
        raise StartupError([f"there is no folder '{path.absolute().parent}'"])


def _write(path: Path, text: str) -> None:
    """Write a new file that only its owner may read."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_THE_OWNER)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
    except OSError as error:
        raise LingerError(f"'{path}' cannot be written: {error.strerror or error}") from error


def _report(document: Export, files: list[Path]) -> None:
    for path in files:
        err.print(Text(f"written: {one_line(str(path))}"), soft_wrap=True)
    err.print(f"records of Linger's topics: {len(document['records']):,}")
    uncertain = sum(record["matched_by"] == "content" for record in document["records"])
    if uncertain:
        warn(
            f"{uncertain:,} records only name the id somewhere, so they may be another person's: look at those with "
            "matched_by content before you hand the export on"
        )
    for problem in document["problems"]:
        warn(f"the export is not complete: {problem}")


def _complain_about_nothing(customer_id: str, *, as_json: bool) -> NoReturn:
    if as_json:
        print_json(None)
    else:
        err.print(Text(f"Linger holds nothing of customer '{one_line(customer_id)}'."))
    sys.exit(EXIT_PROBLEM)
