"""The command line: the only one that prints.

One module per command; each has a function `add_to(app)` that registers it. `context.obj` holds the environment
variables: a command that needs settings reads them with `read_settings(context.obj)`.
"""

import asyncio
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Annotated, Final

import typer
from typer.core import TyperGroup

from workers.cli import (
    config,
    customer,
    dead_letters,
    demo,
    doctor,
    healthcheck,
    pause,
    rebuild,
    rules,
    run,
    sources,
    topics,
    why,
)
from workers.cli.output import EXIT_PROBLEM, EXIT_SETUP, complain, out
from workers.cli.state_commands import files, upgrade
from workers.errors import LingerError, StartupError
from workers.kafka.topics import TopicsError
from workers.loading import load_configuration
from workers.operations.rights.refusals import explain, is_refusal
from workers.printing import accept_any_encoding
from workers.settings import read_settings

_COMMANDS: Final = (
    demo,
    run,
    rules,
    pause,
    why,
    customer,
    sources,
    dead_letters,
    rebuild,
    files,
    upgrade,
    topics,
    doctor,
    config,
    healthcheck,
)

_LOGGING: Final = ("run", "demo")
"""Commands whose log is read."""

app: Final = typer.Typer(
    name="linger",
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


for _command in _COMMANDS:
    _command.add_to(app)


def run_command(environment: Mapping[str, str]) -> None:
    """Run the command line. An error that Linger raises on purpose ends it with a message, without a traceback.

    Args:
        environment: all variables.
    """
    accept_any_encoding()
    if command_of(sys.argv[1:]) not in _LOGGING:
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what ends a command is printed once, as its error
    try:
        app(obj=environment)
    except (LingerError, TopicsError) as error:
        if (refusal := _refusal(environment, sys.argv[1:], error)) is not None:
            complain(refusal)
            sys.exit(EXIT_SETUP)
        # A right, a setting, a file or a topic: another attempt succeeds only after the operator has changed it.
        is_setup = isinstance(error, StartupError | TopicsError)
        for problem in error.problems if isinstance(error, StartupError | TopicsError) else (str(error),):
            complain(problem)
        sys.exit(EXIT_SETUP if is_setup else EXIT_PROBLEM)


def command_of(words: Sequence[str]) -> str:
    """Return the command that the words of a command line begin with, as in `workers.operations.rights.needs`."""
    command: object = typer.main.get_command(app)
    names: list[str] = []
    for word in words:
        if word.startswith("-") or not isinstance(command, TyperGroup) or word not in command.commands:
            break
        command = command.commands[word]
        names.append(word)
    return " ".join(names)


def commands() -> list[str]:
    """Return all commands, each as it is typed after `linger`."""

    def below(command: object, names: tuple[str, ...]) -> Iterator[str]:
        if isinstance(command, TyperGroup):
            for name, one in command.commands.items():
                yield from below(one, (*names, name))
        else:
            yield " ".join(names)

    return sorted(below(typer.main.get_command(app), ()))


def _refusal(environment: Mapping[str, str], words: Sequence[str], error: BaseException) -> str | None:
    """Return which rights a command lacks, if that is what ended it."""
    if not is_refusal(error):
        return None
    try:
        settings = read_settings(environment)
        sources = load_configuration(settings).sources
    except StartupError:
        return None
    return asyncio.run(explain(settings, sources, command_of(words)))
