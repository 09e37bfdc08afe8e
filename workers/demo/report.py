"""The report at the end of a demo: `linger report` over what the workers have counted, as text and as a page.

It runs as the command that an operator would type, beside the workers' broker and store.
"""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

FIRST_LINES: Final = 40
"""Lines of the report that are printed, its first page. The file has all of it."""
_COMMAND: Final = ("-m", "workers", "report", "--per-second", "20000")
_TIMEOUT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class DemoReport:
    """The report of a demo.

    Attributes:
        text: its first page; why there is none, if it failed.
        page: the HTML file, all of it; None if it failed.
    """

    text: str
    page: Path | None


def make_report(
    environment: Mapping[str, str], width: int, page: Path, command: tuple[str, ...] = _COMMAND
) -> DemoReport:
    """Make the report of what is live, as text and as a page.

    Args:
        environment: variables of the command, with the settings of the demo.
        width: of the terminal, in columns.
        page: the file to write; that of an earlier demo is replaced.
        command: what this Python runs.
    """
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        text = _run((*command, "--html", str(page)), {**environment, "COLUMNS": str(width)})
    except OSError as error:
        return DemoReport(f"there is no report: {error}", None)
    except subprocess.CalledProcessError as error:
        return DemoReport(f"there is no report: {error.stderr.strip()}", None)
    except subprocess.TimeoutExpired:
        return DemoReport(f"there is no report: it took longer than {_TIMEOUT_SECONDS:.0f} s", None)
    return DemoReport("\n".join(text.splitlines()[:FIRST_LINES]), page)


def print_report(report: DemoReport, console: Console) -> None:
    """Print the first page, and where the whole report is."""
    console.print()
    console.rule("the first page of linger report", style="cyan")
    console.print(Text(report.text))
    if report.page is not None:
        console.print(Text(f"The whole report, as a page for a browser: {report.page}", style="bold"), soft_wrap=True)


def _run(command: tuple[str, ...], environment: Mapping[str, str]) -> str:
    return subprocess.run(
        [sys.executable, *command],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=True,
    ).stdout
