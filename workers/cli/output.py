"""Output of all commands: the consoles, JSON for machines, progress bars, error messages and exit statuses.

It must not know any command.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from workers.printing import CommandConsole, json_line, one_line

EXIT_PROBLEM: Final = 1
"""The command ran and found a problem, or could not finish."""
EXIT_SETUP: Final = 2
"""A setting, a file or a topic must be changed before another attempt can succeed."""
EXIT_LINT: Final = 3
"""`linger rules check --lint-fatal` found warnings only."""
EXIT_FORCED: Final = 70
"""A worker did not stop within its grace period."""

_BAR_FROM: Final = 2_000
"""With less than this, the work is done before anyone could read a progress bar."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

# Rule and customer ids are printed unchanged.
out: Final = CommandConsole()
err: Final = CommandConsole(stderr=True)


def print_json(document: Any) -> None:
    """Print a JSON document on one line of standard output."""
    sys.stdout.write(json_line(document))


def complain(problem: str) -> None:
    """Print a problem to standard error after `error:`, on one line; markup in it has no meaning."""
    err.print(Text.assemble(("error:", "bold red"), " ", one_line(problem)), soft_wrap=True)


def warn(text: str) -> None:
    """Print a warning to standard error after `warning:`, on one line; markup in it has no meaning."""
    err.print(Text.assemble(("warning:", "bold yellow"), " ", one_line(text)), soft_wrap=True)


@contextmanager
def progress_bar(label: str, total: int, least: int = _BAR_FROM) -> Iterator[Callable[[int], object]]:
    """Show a progress bar on a terminal if there is enough to do; yield what moves it by a number.

    Args:
        label: what is done.
        total: how much there is to do.
        least: with less to do, no bar is shown.
    """
    if not err.is_terminal or total < least:
        yield lambda _: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # only then: such imports take time

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.advance(task, done)
