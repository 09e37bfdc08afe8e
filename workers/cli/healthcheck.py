"""`linger healthcheck` with its help; `workers/__main__.py` answers it without this file if it is given no more."""

from typing import Annotated

import typer
from rich.text import Text

from workers.cli.output import out
from workers.operations.liveness_probe import liveness_url, probe


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("healthcheck")(healthcheck)


def healthcheck(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="Default: /livez of the worker with these settings.")] = None,
) -> None:
    """Report whether a running worker makes progress; for containers. Exit status 0 if it does."""
    answer = probe(url or liveness_url(context.obj))
    out.print(Text(answer))
