"""`linger audit`: who changed what by a command, when and why, and how it ended."""

import asyncio
import json
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from workers.audit.reading import AuditedCommand, read_commands
from workers.cli.output import AsJson, out, print_json
from workers.clock import iso_text
from workers.operations.rights.refusals import require
from workers.printing import print_table, table_of
from workers.settings import read_settings

_LAST: Final = 20
_MOST: Final = 10_000


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("audit")(audit)


def audit(
    context: typer.Context,
    last: Annotated[int, typer.Option("--last", min=1, max=_MOST, help="How many commands at most.")] = _LAST,
    as_json: AsJson = False,
) -> None:
    """Show which commands changed something: when, by which user, with which arguments, why, and how they ended.

    Customer ids are shown as the hash that logs use: linger customer ref. A command without an outcome still runs, or
    was killed.
    """
    settings = read_settings(context.obj)

    async def read() -> list[AuditedCommand]:
        await require(settings, None, "audit")  # of an empty topic, Kafka would refuse nothing
        return await read_commands(settings, last)

    commands = asyncio.run(read())
    if as_json:
        print_json([document_of(command) for command in commands])
    elif not commands:
        out.print("No command has changed anything.")
    else:
        table = table_of("when", "by", "command", "because", "outcome")
        for command in commands:
            table.add_row(*map(Text, _cells(command)))
        print_table(out, table)


def document_of(command: AuditedCommand) -> dict[str, Any]:
    """Return a command as JSON values."""
    intent, outcome = command.intent, command.outcome
    return {
        "id": intent.id,
        "at": iso_text(intent.at_ms),
        "user": intent.user,
        "by": intent.by,
        "command": intent.command,
        "arguments": intent.arguments,
        "because": intent.reason or None,
        "version": intent.version,
        "ended": None if outcome is None else iso_text(outcome.at_ms),
        "outcome": None if outcome is None else outcome.outcome,
        "counts": {} if outcome is None else outcome.counts,
        "error": None if outcome is None else outcome.error,
    }


def _cells(command: AuditedCommand) -> tuple[str, str, str, str, str]:
    intent, outcome = command.intent, command.outcome
    by = intent.user if intent.by is None else f"{intent.by} ({intent.user})"
    given = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in intent.arguments.items())
    ended = "none: it still runs, or was killed"
    if outcome is not None:
        counts = ", ".join(f"{name} {number:,}" for name, number in outcome.counts.items())
        ended = ": ".join(filter(None, (outcome.outcome, outcome.error or counts)))
    return iso_text(intent.at_ms), by, " ".join(filter(None, (intent.command, given))), intent.reason or "-", ended
