"""`linger healthcheck` with its help; `workers/__main__.py` answers it without this file if it is given no more."""

from typing import Annotated

import typer
from rich.text import Text

from workers.cli.output import out
from workers.operations.liveness_probe import liveness_url, probe, readiness_url


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("healthcheck")(healthcheck)


def healthcheck(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="Default: /livez of the worker with these settings.")] = None,
    ready: Annotated[bool, typer.Option("--ready", help="Ask /readyz: whether a rolling update may go on.")] = False,
) -> None:
    """Report whether a running worker makes progress, or is ready; for containers. Exit status 0 if so."""
    if url and ready:
        raise typer.BadParameter("leave it out: --url names what is asked", param_hint="--ready")
    answer = probe(url or (readiness_url if ready else liveness_url)(context.obj))
    out.print(Text(answer))
