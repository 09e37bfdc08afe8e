"""The command line: the only one that prints.

One module per command, imported when it is called (`on_demand`); each has a function `add_to(app)` that registers it.
`context.obj` holds the environment variables: a command that needs settings reads them with
`read_settings(context.obj)`.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Annotated, Final, NoReturn

import typer

from workers.cli.on_demand import command_of, on_demand
from workers.cli.output import EXIT_PROBLEM, EXIT_SETUP, complain, out
from workers.errors import LingerError, StartupError
from workers.kafka.topics import TopicsError
from workers.observability import last_words
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
    "customers": "workers.cli.customer_commands.lists",
    "sources": "workers.cli.sources",
    "dead-letters": "workers.cli.dead_letters",
    "rebuild": "workers.cli.state_commands.rebuild",
    "state": "workers.cli.state_commands.files",
    "scan": "workers.cli.state_commands.scan",
    "forecast": "workers.cli.state_commands.scan",
    "experiments": "workers.cli.rule_commands.experiments",
    "stages": "workers.cli.state_commands.stages",
    "report": "workers.cli.state_commands.report",
    "upgrade": "workers.cli.state_commands.upgrade",
    "topics": "workers.cli.topics",
    "audit": "workers.cli.audit_commands.listing",
    "doctor": "workers.cli.doctor",
    "config": "workers.cli.config",
    "healthcheck": "workers.cli.healthcheck",
}

_LOGGING: Final = (["run"], ["demo"])
"""Words of commands whose log is read."""

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
    if sys.argv[1:2] not in _LOGGING:
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what ends a command is printed once, as its error
    try:
        app(obj=environment)
    except (LingerError, TopicsError) as error:
        if (refusal := _refusal(environment, error)) is not None:
            complain(refusal)
            sys.exit(EXIT_SETUP)
        # A right, a setting, a file or a topic: another attempt succeeds only after the operator has changed it.
        if isinstance(error, StartupError | TopicsError):
            _end(EXIT_SETUP, error.problems)
        _end(EXIT_PROBLEM, [str(error)])


def _end(status: int, problems: Sequence[str]) -> NoReturn:
    """End with the problems: as lines of the log if this is a worker that logs as JSON."""
    for problem in problems:
        if last_words.is_guarding():
            last_words.say_end(status, problem)
        else:
            complain(problem)
    sys.exit(status)


def _refusal(environment: Mapping[str, str], error: BaseException) -> str | None:
    """Return which rights the command lacks, if that is what ended it."""
    from workers.operations.rights.refusals import explain, is_refusal  # only then: such imports take time

    if not is_refusal(error):
        return None
    from workers.loading import load_configuration
    from workers.settings import read_settings

    try:
        settings = read_settings(environment)
    except StartupError:
        return None
    try:
        sources = load_configuration(settings).sources
    except StartupError:
        sources = None
    return asyncio.run(explain(settings, sources, command_of(app, sys.argv[1:])))
