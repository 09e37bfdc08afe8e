"""`linger report`: figures over all customers together, of a month, live or of a history."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.output import AsJson, out, print_json
from workers.cli.rules import Sources, declared_sources
from workers.cli.state_commands.live_report import report_of_live
from workers.cli.state_commands.scan import PerSecond
from workers.errors import StartupError
from workers.printing import write_file_text
from workers.report.document import Report
from workers.report.history import HistoryQuestion, history_report
from workers.report.page.page import page_of
from workers.report.text import print_report
from workers.report.values import csv_of, plain_report
from workers.report.words.language import LANGUAGES
from workers.rule_preview.history_reader import TOPIC_PREFIXES
from workers.scan.taking import PER_SECOND
from workers.settings import read_settings


class Spoken(StrEnum):
    """Languages of reports."""

    EN = "en"
    NL = "nl"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("report")(report)


def report(
    context: typer.Context,
    month: Annotated[
        str | None,
        typer.Option("--month", metavar="YYYY-MM", help="The month (UTC); left out, the latest that is over."),
    ] = None,
    history: Annotated[
        str | None,
        typer.Option(help="A file or folder of events, topic:NAME, or simulated or cdnow, in place of what is live."),
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option("--rules", help="For a history: rule files and folders that say what events mean."),
    ] = None,
    sources: Sources = None,
    source: Annotated[
        str | None, typer.Option(help="For a history: the topic in sources.yaml whose mapping reads its files.")
    ] = None,
    scan: Annotated[
        Path | None, typer.Option("--scan", metavar="FILE", help="What linger scan has kept; left out, one is taken.")
    ] = None,
    per_second: PerSecond = PER_SECOND,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV: a line for each figure and cell.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Also write a page that needs no network and prints well."),
    ] = None,
    language: Annotated[Spoken, typer.Option(help="The language of titles and definitions.")] = Spoken.EN,
) -> None:
    """Show what customers did in a month: churn, second purchases, retention, value, reasons, and whether rules help.

    Each figure has its definition, of how many it is, and its days, which are those of UTC. Where there is no figure,
    it says why. It only reads, and names no customer.
    """
    if as_json and as_csv:
        raise StartupError(["choose one of --json and --csv"])
    if history is None:
        if rules or source:
            raise StartupError(["--rules and --source are for a history; live, the rules of the settings hold"])
        made = report_of_live(read_settings(context.obj), month, scan, per_second)
    else:
        if scan is not None:
            raise StartupError(["a history needs no scan: leave out --scan or --history"])
        reads_kafka = history.startswith(TOPIC_PREFIXES)
        settings = read_settings(context.obj) if reads_kafka else None
        question = HistoryQuestion(history, rules or (), month, declared_sources(sources), source, settings)
        made = history_report(question)
    _show(made, language, as_json=as_json, as_csv=as_csv, html=html)


def _show(report: Report, language: Spoken, *, as_json: bool, as_csv: bool, html: Path | None) -> None:
    words = LANGUAGES[language.value]
    if html is not None:
        _write(html, page_of(report, words))
    if as_json:
        print_json(plain_report(report, words))
    elif as_csv:
        write_file_text(csv_of(report, words))
    else:
        print_report(report, words, out)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StartupError([f"{path}: {error.strerror or error}"]) from error
