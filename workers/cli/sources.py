"""`linger sources`: what people decide about the foreign topics."""

from collections.abc import Callable
from typing import Annotated, Final

import typer
from aiokafka.errors import KafkaError
from rich.console import Console

from workers.core.direct_producers import intake_sources
from workers.errors import StartupError
from workers.intake.source_identity import forget
from workers.kafka.groups import members_of
from workers.kafka.topics import connected_admin
from workers.loading import load_configuration
from workers.settings import Settings
from workers.state.connect import with_store
from workers.state.store import Store

sources_app: Final = typer.Typer(no_args_is_help=True, help="The foreign topics.")
out: Final = Console(highlight=False, emoji=False)


def add_to(app: typer.Typer, read: Callable[[], Settings]) -> None:
    """Add the commands; `read` gives the settings."""
    app.add_typer(sources_app, name="sources")

    @sources_app.command("forget")
    def _forget(topic: Annotated[str, typer.Argument(help="The source's topic.")]) -> None:
        """Forget how far a source was read, after it was created anew: it is then read from its beginning.

        Stop all workers first. An event that was read before and is in the topic again is recognised by its id only
        as long as it is among the customer's latest ones.
        """
        forget_source(read(), topic)


def forget_source(settings: Settings, topic: str) -> None:
    """Forget one source, if no worker is alive."""
    sources, _ = load_configuration(settings)
    topics = [source.topic for source in intake_sources(sources, settings.topic("activity"))]
    if topic not in topics:
        names = ", ".join(topics) or "none"
        raise StartupError([f"'{topic}' is no source that intake reads; those are: {names}"])

    async def ask(store: Store) -> int:
        try:
            async with connected_admin(settings.kafka_connection()) as admin:
                if alive := await members_of(admin, settings.kafka_group_id):
                    raise StartupError(
                        [f"{alive} workers of group '{settings.kafka_group_id}' are alive: stop them first"]
                    )
            return await forget(settings, store, topic)
        except (KafkaError, OSError) as error:
            servers = settings.kafka_bootstrap_servers
            raise StartupError([f"Kafka at {servers} does not answer as it should: {error!r}"]) from error

    partitions = with_store(settings, ask)
    out.print(f"How far '{topic}' was read is forgotten: its {partitions} partitions are read from their beginning.")
