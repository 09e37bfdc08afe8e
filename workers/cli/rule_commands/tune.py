"""`linger rules tune`: from which value on a customer is among the top, measured and written into the rule file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from workers.cli.output import AsJson, out, print_json
from workers.cli.rules import Paths, Sources, declared_sources
from workers.errors import StartupError
from workers.printing import print_table, table_of
from workers.rule_preview.history_reader import TOPIC_PREFIXES
from workers.scan.tune import TuneOptions
from workers.scan.tune import tune as measured
from workers.settings import read_settings


def add_to(group: typer.Typer) -> None:
    """Register the command in the group `rules`."""
    group.command("tune")(tune)


def tune(
    context: typer.Context,
    rules: Paths,
    scan: Annotated[
        Path | None, typer.Option("--scan", metavar="FILE", help="Measure what linger scan has kept.")
    ] = None,
    history: Annotated[
        str | None, typer.Option(help="Measure a history: as in linger rules preview --history.")
    ] = None,
    sources: Sources = None,
    source: Annotated[
        str | None, typer.Option(help="The topic in sources.yaml whose mapping reads the files of the history.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what was measured, and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure from which value on a customer is among the top 1%, 5%, … of all, and write it under `value`.

    The thresholds stay until this is run again: a customer does not rise or fall because of others.
    """
    if (scan is None) == (history is None):
        raise StartupError(["name what to measure: --scan FILE or --history NAME"])
    reads_kafka = history is not None and history.startswith(TOPIC_PREFIXES)
    options = TuneOptions(
        rules=rules,
        sources=declared_sources(sources),
        scan=scan,
        history=history,
        source=source,
        settings=read_settings(context.obj) if reads_kafka else None,
        dry_run=dry_run,
    )
    document = measured(options)
    if as_json:
        print_json(document)
    else:
        _render(document)


def _render(document: Mapping[str, Any]) -> None:
    currency = "" if document["currency"] is None else f" {document['currency']}"
    out.print(f"{document['customers']:,} customers, as of {document['measured']}:", soft_wrap=True)
    table = table_of(
        "the top", "before", "are worth at least", "customers", box=None, header_style="bold", padding=(0, 2, 0, 0)
    )
    for one in document["thresholds"]:
        before = "" if one["before"] is None else f"{one['before']:,.10g}"
        table.add_row(one["share"], before, f"{one['at_least']:,.10g}{currency}", f"{one['customers']:,}")
    print_table(out, table)
    if document["without"]:
        out.print(f"No threshold: {', '.join(document['without'])}, which takes in customers who are worth nothing.")
    if document["unknown"]:
        out.print(f"Left out: {document['unknown']:,} customers about whom something may be missing.")
    done = "written under 'value'" if document["written"] else "nothing was written"
    out.print(f"{document['file']}: {done}", soft_wrap=True)
