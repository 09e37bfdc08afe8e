"""Groups that import a command when it is called: all of them together take a second of a processor to import."""

import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from workers.cli.output import EXIT_SETUP
from workers.observability import last_words
from workers.observability.escapes import escaped


def on_demand(modules: Mapping[str, str]) -> type[TyperGroup]:
    """Return the class of a group that has these commands besides those that are registered in it.

    Args:
        modules: by the name of a command or group, the module that has it: its function `add_to(app)` registers it,
            perhaps with others.
    """

    class OnDemand(TyperGroup):
        """A group of such commands."""

        @property
        def commands(self) -> MutableMapping[str, Any]:
            """All commands, each imported; `get_command` imports one."""
            return {**self._known, **{name: _imported(modules[name], name) for name in modules}}

        @commands.setter
        def commands(self, known: MutableMapping[str, Any]) -> None:
            self._known = known

        def list_commands(self, ctx: Any) -> list[str]:
            """Return the names, in the order in which help shows them."""
            return [*self._known, *modules]

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """Return a command, None if there is none of this name."""
            return _imported(modules[cmd_name], cmd_name) if cmd_name in modules else self._known.get(cmd_name)

        def make_context(self, *args: Any, **options: Any) -> Any:
            """Read the arguments; what was typed is shown without control characters if it is wrong."""
            with _escaped_usage_errors():
                return super().make_context(*args, **options)

        def invoke(self, ctx: Any) -> Any:
            """Run the command."""
            with _escaped_usage_errors():
                return super().invoke(ctx)

    return OnDemand


@contextmanager
def _escaped_usage_errors() -> Iterator[None]:
    """Escape what a message repeats of the arguments; of a worker that logs as JSON, it is a line of the log."""
    try:
        yield
    except Exception as error:
        # typer does not export the class of its usage errors.
        if not hasattr(error, "format_message"):
            raise
        message = escaped(error.format_message(), keep="\n")
        if last_words.is_guarding():
            status = getattr(error, "exit_code", EXIT_SETUP)
            last_words.say_end(status, message)
            sys.exit(status)
        vars(error)["format_message"] = lambda: message
        raise


def command_of(app: typer.Typer, words: Sequence[str]) -> str:
    """Return the command that the words of a command line begin with, as in `workers.operations.rights.needs`."""
    command: Any = get_command(app)
    names: list[str] = []
    for word in words:
        if not isinstance(command, TyperGroup) or (one := command.get_command(typer.Context(command), word)) is None:
            break
        command = one
        names.append(word)
    return " ".join(names)


def commands(app: typer.Typer) -> list[str]:
    """Return all commands, each as it is typed after `linger`."""

    def below(command: Any, names: tuple[str, ...]) -> Iterator[str]:
        if isinstance(command, TyperGroup):
            for name, one in command.commands.items():
                yield from below(one, (*names, name))
        else:
            yield " ".join(names)

    return sorted(below(get_command(app), ()))


def _imported(module: str, name: str) -> Any:
    app = typer.Typer()
    import_module(module).add_to(app)
    return get_group(app).commands[name]
