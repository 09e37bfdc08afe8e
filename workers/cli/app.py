"""The command line: the only one that prints.

One module per command, imported when it is called (`on_demand`); each has a function `add_to(app)` that registers it.
`context.obj` holds the environment variables: a command that needs settings reads them with
`read_settings(context.obj)`.
"""

import sys
from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Final

import typer

from workers.cli.on_demand import on_demand
from workers.cli.output import EXIT_PROBLEM, EXIT_SETUP, complain, out
from workers.errors import LingerError, StartupError
from workers.kafka.topics import TopicsError
from workers.printing import accept_any_encoding

_COMMANDS: Final = {
    "demo": "workers.cli.demo",
    "run": "workers.cli.run",
    "status": "workers.cli.status",
    "rules": "workers.cli.rules",
    "pause": "workers.cli.pause",
    "resume": "workers.cli.pause",
    "paused": "workers.cli.pause",
    "why": "workers.cli.why",
    "customer": "workers.cli.customer",
    "sources": "workers.cli.sources",
    "dead-letters": "workers.cli.dead_letters",
    "rebuild": "workers.cli.state_commands.rebuild",
    "state": "workers.cli.state_commands.files",
    "upgrade": "workers.cli.state_commands.upgrade",
    "topics": "workers.cli.topics",
    "doctor": "workers.cli.doctor",
    "config": "workers.cli.config",
    "healthcheck": "workers.cli.healthcheck",
}

app: Final = typer.Typer(
    name="linger",
    cls=on_demand(_COMMANDS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Linger notices that a customer is about to leave, or has left, and reports it in time to act.\n\n"
    "New here? Try: linger demo",
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        out.print(f"linger {version('linger')}")
        raise typer.Exit


@app.callback()
def linger(
    show_version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Accept the options before a command."""


def run_command(environment: Mapping[str, str]) -> None:
    """Run the command line. An error that Linger raises on purpose ends it with a message, without a traceback.

    Args:
        environment: all variables.
    """
    accept_any_encoding()
    try:
        app(obj=environment)
    except (StartupError, TopicsError) as error:
        # A right, a setting, a file or a topic: another attempt succeeds only after the operator has changed it.
        for problem in error.problems:
            complain(problem)
        sys.exit(EXIT_SETUP)
    except LingerError as error:
        complain(str(error))
        sys.exit(EXIT_PROBLEM)
