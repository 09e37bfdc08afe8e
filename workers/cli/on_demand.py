"""Groups that import a command when it is called: all of them together take a second of a processor to import."""

from collections.abc import Mapping, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group


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

    return OnDemand


def _imported(module: str, name: str) -> Any:
    app = typer.Typer()
    import_module(module).add_to(app)
    return get_group(app).commands[name]
