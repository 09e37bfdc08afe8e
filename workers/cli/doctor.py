"""`linger doctor`: looks at everything a worker needs, and says what is wrong and what mends it."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from workers.errors import StartupError
from workers.loading import load_configuration
from workers.operations.doctor import examine
from workers.operations.findings import Finding, Health, document, unreadable
from workers.rule_files.known_names import event_types
from workers.rule_files.rules import load_book
from workers.settings import Settings

_MARKS: Final[Mapping[Health, tuple[str, str]]] = {
    "ok": ("✓", "bold green"),
    "problem": ("✗", "bold red"),
    "could not be checked": ("?", "bold yellow"),
}
_EXIT_PROBLEMS: Final = 1


def add_to(app: typer.Typer, read: Callable[[], Settings]) -> None:
    """Register the command; `read` reads the settings."""

    @app.command()
    def doctor(
        as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    ) -> None:
        """Check everything a worker needs here, change nothing, and say what mends what is wrong."""
        # A refused connection is a finding; aiokafka would say it once more.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        findings = _findings(read)
        if as_json:
            sys.stdout.write(json.dumps([document(finding) for finding in findings], ensure_ascii=False) + "\n")
        else:
            _print(findings, Console(highlight=False, emoji=False))
        if any(one.health == "problem" for one in findings):
            sys.exit(_EXIT_PROBLEMS)


def _findings(read: Callable[[], Settings]) -> list[Finding]:
    try:
        settings = read()
        settings.ssl_context()
        settings.redis_connection()
    except StartupError as error:
        return unreadable("settings", error)
    begun = [Finding("settings", "readable", "ok", f"{len(settings.model_fields_set)} are set")]
    try:
        sources, rules = load_configuration(settings)
        book = load_book([settings.rules], event_types(sources))[0]
    except StartupError as error:
        return begun + unreadable("rules", error)
    said = f"{len(rules.rules)} rules, {len(sources.sources)} sources"
    begun.append(Finding("rules", "readable", "ok", said))
    longest = max(_durations(rule.when for rule in book.rules), default=timedelta())
    return begun + asyncio.run(examine(settings, sources, rules, longest))


def _durations(values: Iterable[Any]) -> Iterable[timedelta]:
    """Iterate over every stretch of time that conditions name, however deep."""
    for value in values:
        if isinstance(value, timedelta):
            yield value
        elif isinstance(value, BaseModel):
            yield from _durations(getattr(value, name) for name in type(value).model_fields)
        elif isinstance(value, Mapping):
            yield from _durations(value.values())
        elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
            yield from _durations(value)


def _print(findings: Sequence[Finding], out: Console) -> None:
    table = Table("", "where", "what", "found")
    for one in findings:
        mark, style = _MARKS[one.health]
        table.add_row(Text(mark, style=style), one.area, Text(one.checked), Text(one.found))
    out.print(table)
    for one in findings:
        if one.health != "ok":
            mark, style = _MARKS[one.health]
            out.print(Text.assemble((mark, style), f" {one.area}, {one.checked}: {one.found}"), soft_wrap=True)
            if one.why:
                out.print(Text(f"    why it matters: {one.why}"), soft_wrap=True)
            out.print(Text(f"    what mends it: {one.remedy}"), soft_wrap=True)
    problems = sum(one.health == "problem" for one in findings)
    unknown = sum(one.health == "could not be checked" for one in findings)
    good = len(findings) - problems - unknown
    out.print(Text(f"{good} ok, {problems} problems, {unknown} could not be checked", style="bold"))
