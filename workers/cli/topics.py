"""`linger topics create`: Linger's own topics, created where they are missing."""

import asyncio
import sys

import typer
from rich.table import Table

from workers.cli.output import EXIT_PROBLEM, AsJson, complain, out, print_json
from workers.operations.own_topics import create_own_topics
from workers.settings import read_settings


def add_to(app: typer.Typer) -> None:
    """Register the group and its command."""
    group = typer.Typer(no_args_is_help=True, help="Linger's own Kafka topics.")
    group.command("create")(create)
    app.add_typer(group, name="topics")


def create(context: typer.Context, as_json: AsJson = False) -> None:
    """Create those of Linger's own topics that are missing; existing topics are never changed."""
    settings = read_settings(context.obj)
    results = asyncio.run(create_own_topics(settings))
    if as_json:
        print_json(
            [
                {"topic": result.name, "outcome": str(result.outcome), "partitions": result.partitions}
                for result in results
            ]
        )
    else:
        table = Table("topic", "partitions", "outcome")
        for result in results:
            table.add_row(result.name, str(result.partitions), str(result.outcome).replace("_", " "))
        out.print(table)
    if any(result.partitions != result.planned for result in results):
        complain(
            f"a topic has other partitions than LINGER_PARTITIONS={settings.partitions} (the pauses: 1); "
            "they cannot be changed later"
        )
        sys.exit(EXIT_PROBLEM)
