"""Output of all commands: the consoles, JSON for machines, error messages and exit statuses.

It must not know any command.
"""

import sys
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
