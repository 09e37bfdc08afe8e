"""`linger sources forget`: read a recreated source topic from its beginning."""

from typing import Annotated

import typer

from workers.cli.output import out
from workers.intake.forget_source import forget_source
from workers.loading import load_configuration
from workers.settings import read_settings
from workers.state.connect import with_stored_state
from workers.state.store import Store


def add_to(app: typer.Typer) -> None:
    """Register the group and its command."""
    group = typer.Typer(no_args_is_help=True, help="The source topics.")
    group.command("forget")(forget)
    app.add_typer(group, name="sources")


def forget(
    context: typer.Context, topic: Annotated[str, typer.Argument(metavar="TOPIC", help="The source's topic.")]
) -> None:
    """Forget how far a source was read, after it was created again; it is then read from its beginning.

    Stop all workers first. An event that was read before and is in the topic again is recognised by its id only
    while that id is among the customer's latest ones.
    """
    settings = read_settings(context.obj)
    sources = load_configuration(settings).sources

    async def ask(store: Store) -> int:
        return await forget_source(settings, sources, store, topic)

    partitions = with_stored_state(settings, ask)
    out.print(f"How far '{topic}' was read is forgotten: its {partitions} partitions are read from their beginning.")
