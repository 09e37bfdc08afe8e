"""`linger rules tune`: measures from which value on a customer is among the top of all."""

from pathlib import Path
from typing import Annotated

import typer

from workers.cli.output import AsJson, out
from workers.settings import read_settings

_USUAL_SOURCES = Path("sources.yaml")


def add_to(group: typer.Typer) -> None:
    """Register the command in the group `rules`."""
    group.command("tune")(tune)


def tune(
    context: typer.Context,
    rules: Annotated[list[Path], typer.Argument(help="Rule files, or folders of them.")],
    history: Annotated[
        str,
        typer.Option(help="A file or folder of events, topic:NAME, or simulated or cdnow to try it."),
    ],
    sources: Annotated[
        Path | None,
        typer.Option(help="File that declares event types. Left out: sources.yaml here, if there is one."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The topic in sources.yaml whose mapping reads the files.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure from which value on a customer is among the top 1%, 5%, 20% of all, and write it under 'value'.

    Only the block 'tiers' of the rule file changes. It never changes by itself.
    """
    from workers.rule_preview.history_reader import TOPIC_PREFIXES
    from workers.rule_preview.tuning import TuneOptions, tune_command

    if sources is None and _USUAL_SOURCES.is_file():
        sources = _USUAL_SOURCES
    settings = read_settings(context.obj) if history.startswith(TOPIC_PREFIXES) else None
    tune_command(TuneOptions(history, rules, sources, source, dry_run, as_json, settings), out)
