"""`linger healthcheck`: whether a running worker makes progress."""

from typing import Annotated

import typer
from rich.text import Text

from workers.cli.output import out
from workers.operations.liveness_probe import liveness_url, probe
from workers.settings import read_settings


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("healthcheck")(healthcheck)


def healthcheck(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="Default: /livez of the worker with these settings.")] = None,
) -> None:
    """Report whether a running worker makes progress; for containers. Exit status 0 if it does."""
    settings = read_settings(context.obj)
    answer = probe(url or liveness_url(settings.http_host, settings.http_port))
    out.print(Text(answer))
