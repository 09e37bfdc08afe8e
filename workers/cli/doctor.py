"""`linger doctor`: every precondition of a worker, checked and printed with the remedy for each problem."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.text import Text

from workers.cli.output import EXIT_PROBLEM, AsJson, out, print_json
from workers.errors import StartupError
from workers.loading import load_configuration
from workers.operations.doctor import examine
from workers.operations.findings import Finding, Health, document, unreadable
from workers.printing import one_line, print_table, table_of
from workers.settings import FILES, read_settings

_MARKS: Final[Mapping[Health, tuple[str, str]]] = {
    "ok": ("✓", "bold green"),
    "problem": ("✗", "bold red"),
    "could not be checked": ("?", "bold yellow"),
}


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("doctor")(doctor)


def doctor(
    context: typer.Context,
    before_upgrade: Annotated[
        bool,
        typer.Option("--before-upgrade", help="Also say whether an upgrade to this release can begin, and finish."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check everything a worker needs here, change nothing, and report how to fix each problem.

    With --before-upgrade, run it from the new release with the settings of the workers that run now.
    """
    findings = _findings(context.obj, before_upgrade=before_upgrade)
    if as_json:
        print_json([document(finding) for finding in findings])
    else:
        _print(findings)
    if any(finding.health == "problem" for finding in findings):
        sys.exit(EXIT_PROBLEM)


def _findings(variables: Mapping[str, str], *, before_upgrade: bool) -> list[Finding]:
    """Check settings, then files, then everything outside; each needs the one before."""
    try:
        settings = read_settings(variables, *FILES)
    except StartupError as error:
        return unreadable("settings", error)
    findings = [Finding("settings", "readable", "ok", f"{len(settings.model_fields_set)} are set")]
    try:
        configuration = load_configuration(settings)
    except StartupError as error:
        return findings + unreadable("rules", error)
    sources, rules = configuration.sources, configuration.rules
    findings.append(Finding("rules", "readable", "ok", f"{len(rules.rules)} rules, {len(sources.sources)} sources"))
    now = datetime.now(UTC)
    return findings + asyncio.run(
        examine(configuration.settings, sources, rules, configuration.book, now, before_upgrade=before_upgrade)
    )


def _print(findings: Sequence[Finding]) -> None:
    table = table_of("", "where", "what", "found")
    for finding in findings:
        mark, style = _MARKS[finding.health]
        table.add_row(Text(mark, style=style), finding.area, Text(finding.checked), Text(finding.observed))
    print_table(out, table)
    for finding in findings:
        if finding.health != "ok":
            mark, style = _MARKS[finding.health]
            text = one_line(f" {finding.area}, {finding.checked}: {finding.observed}")
            out.print(Text.assemble((mark, style), text), soft_wrap=True)
            if finding.why:
                out.print(Text(f"    why it matters: {one_line(finding.why)}"), soft_wrap=True)
            out.print(Text(f"    how to fix it: {one_line(finding.remedy)}"), soft_wrap=True)
    problems = sum(finding.health == "problem" for finding in findings)
    unchecked = sum(finding.health == "could not be checked" for finding in findings)
    healthy = len(findings) - problems - unchecked
    out.print(Text(f"{healthy} ok, {problems} problems, {unchecked} could not be checked", style="bold"))
