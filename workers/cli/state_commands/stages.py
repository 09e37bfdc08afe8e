"""`linger stages`: how many customers stand on each stage of a ladder, also of a draft."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from workers.cli.output import AsJson, out, print_json
from workers.cli.state_commands.scan import PerSecond, counting, scanned
from workers.loading import load_configuration
from workers.printing import print_table, table_of
from workers.rule_files.known_names import event_types
from workers.rule_files.values.ladders import chosen_ladder
from workers.scan.forecast import moment_in_words
from workers.scan.stages import LadderQuestion, count_stages
from workers.scan.taking import PER_SECOND
from workers.settings import read_settings


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("stages")(stages)


def stages(
    context: typer.Context,
    ladder: Annotated[str | None, typer.Argument(help="The name of a ladder; left out, the live one.")] = None,
    scan: Annotated[
        Path | None, typer.Option("--scan", metavar="FILE", help="What linger scan has kept; left out, one is taken.")
    ] = None,
    per_second: PerSecond = PER_SECOND,
    as_json: AsJson = False,
) -> None:
    """Show how many customers stand on each stage of a ladder, before it counts, and for how many it is not known.

    Nothing is published. A draft can ask for what workers do not keep yet: then it says so.
    """
    settings = read_settings(context.obj)
    configuration = load_configuration(settings)
    chosen = chosen_ladder(configuration.book, ladder)
    with scanned(settings, configuration, scan, per_second) as path, counting("looked at") as advance:
        question = LadderQuestion(path, configuration.book, event_types(configuration.sources), chosen)
        document = count_stages(question, advance)
    if scan is None:
        document["scan"]["file"] = None
    if as_json:
        print_json(document)
    else:
        _render(document)


def _render(document: Mapping[str, Any]) -> None:
    scan, unknown = document["scan"], document["unknown"]
    status = " (draft)" if document["status"] == "draft" else ""
    head = f"{scan['customers']:,} customers on the ladder '{document['ladder']}'{status}"
    out.print(Text.assemble((head, "bold"), f" as of {moment_in_words(scan['at'])}"), soft_wrap=True)
    has_value = any("worth" in one for one in document["stages"])
    table = table_of(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for place, title in enumerate(("stage", "customers", "of all", *(["worth"] if has_value else []))):
        table.add_column(title, overflow="fold", justify="right" if place else "left")
    currency = "" if document["currency"] is None else f" {document['currency']}"
    for one in document["stages"]:
        worth = [f"{one['worth']:,.0f}{currency}"] if has_value else []
        table.add_row(one["stage"], f"{one['customers']:,}", f"{one['share']:.1%}", *worth)
    if unknown["customers"]:
        share = unknown["customers"] / scan["customers"]
        table.add_row("unknown", f"{unknown['customers']:,}", f"{share:.1%}", *([""] if has_value else []))
    print_table(out, table)
    for step in unknown["steps"]:
        out.print(f"{step['customers']:,} unknown, because '{step['stage']}' is neither true nor false:")
        for reason in step["because"]:
            of = "" if step["looked_into"] == step["customers"] else f" of {step['looked_into']:,} looked into"
            out.print(f"  {reason['reason']} ({reason['customers']:,}{of})", soft_wrap=True)
    if scan["unreadable"]:
        out.print(f"{scan['unreadable']:,} customers cannot be read, and are left out: linger rebuild --all")
