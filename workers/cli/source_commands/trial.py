"""`linger sources try`: what a mapping makes of samples, before it runs."""

import asyncio
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from schemas.sources import SourcesFile
from workers.cli.output import EXIT_PROBLEM, AsJson, out, print_json
from workers.cli.source_commands.samples import (
    Files,
    Headers,
    Key,
    Last,
    Timestamp,
    from_kafka,
    given_of,
    in_files,
)
from workers.errors import StartupError
from workers.histories.outcomes import Outcomes
from workers.printing import one_line
from workers.settings import Settings, read_settings
from workers.source_files.reading import load_sources
from workers.source_trial.counting import compare, spans_of
from workers.source_trial.in_force import Position, Written, read_in_force
from workers.source_trial.report import comparison_lines, document_of, lines_of, summary_lines
from workers.source_trial.samples import Sample
from workers.source_trial.trial import Trial, counted, setup_for, source_of, takes_lists, tracer

_SHOWN: Final = 20
_STYLES: Final = {"✓": "green", "✗": "red", "-": "yellow"}


def add_to(group: typer.Typer) -> None:
    """Register the command in the group `linger sources`."""
    group.command("try")(try_mapping)


def try_mapping(
    context: typer.Context,
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="The source's topic.")],
    samples: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[SAMPLE]…", help="Files with a record each, or several; - for standard input."),
    ] = None,
    files: Files = None,
    last: Last = None,
    headers: Headers = None,
    key: Key = None,
    timestamp: Timestamp = None,
    sources: Annotated[
        Path | None, typer.Option(help="The file with the mapping. Left out: LINGER_SOURCES, or sources.yaml here.")
    ] = None,
    count: Annotated[
        bool,
        typer.Option("--count", help="With --last: events of each type a day, beside those of the mapping in force."),
    ] = False,
    show_personal: Annotated[
        bool, typer.Option("--show-personal", help="Show the values of attributes that sources.yaml calls personal.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a mapping makes of records: the events, where every value is from, and why none.

    Needs no rules and no Redis, and Kafka only with --last, which reads the newest records without a consumer group
    and commits nothing. A sample is a file with one JSON document or several, in any layout, or a dump of kcat -J
    with keys and headers. Exit status 1 if a record is refused.
    """
    settings = read_settings(context.obj)
    file = settings.sources if sources is None else sources
    declared = _read(file)
    source = source_of(declared, topic, file)
    named = [*(samples or ()), *(files or ())]
    if count and last is None:
        raise typer.BadParameter(
            "needs --last: it compares with what Linger wrote for the same records", param_hint="--count"
        )
    if count and named:
        raise typer.BadParameter("compares records of Kafka, so no file can be named beside it", param_hint="--count")
    if not named and last is None:
        raise typer.BadParameter("name a file with a sample, or --last 20 for the newest records in Kafka")
    if named:
        given = given_of(topic, headers or (), key, timestamp, lists_are_records=takes_lists(source))
        found = in_files(named, given)[-(last or 0) :]
    else:
        found = from_kafka(settings, topic, last or _SHOWN)
    setup = setup_for(source, found, settings, datetime.now(UTC))
    if count:
        types, outcomes = counted(source, declared, setup, found)
        _print_comparison(settings, topic, found, types, outcomes, as_json=as_json)
    else:
        trial = Trial.of(source, tracer(source, declared, setup, show_personal=show_personal), found)
        outcomes = trial.outcomes
        _print(trial, settings.partitions, as_json=as_json)
    if outcomes.refused:
        sys.exit(EXIT_PROBLEM)


def _read(file: Path) -> SourcesFile:
    sources, problems = load_sources(file)
    if sources is None or problems:
        raise StartupError([str(problem) for problem in problems])
    return sources


def _print(trial: Trial, partitions: int, *, as_json: bool) -> None:
    if as_json:
        for tried in trial.tried:
            print_json(document_of(tried, partitions))
        print_json({"summary": trial.outcomes.document()})
        return
    cases = len(trial.source.every_case())
    for tried in trial.tried[-_SHOWN:]:
        print_lines(lines_of(tried, partitions, cases))
        out.print()
    if (hidden := len(trial.tried) - _SHOWN) > 0:
        out.print(f"{hidden:,} records before these are counted only; --json prints all of them")
    if not trial.tried:
        out.print("there is no record")
    print_lines(summary_lines(trial.outcomes))


def _print_comparison(
    settings: Settings,
    topic: str,
    samples: Sequence[Sample],
    types: Mapping[Position, str],
    outcomes: Outcomes,
    *,
    as_json: bool,
) -> None:
    records = [sample.record for sample in samples]
    places = [(record.partition, record.offset, record.timestamp_ms) for record in records]
    if not places:
        out.print(f"'{topic}' has no record")
        return
    connection, activity = settings.kafka_connection(), settings.topic("activity")
    in_force: Written = asyncio.run(read_in_force(connection, activity, topic, spans_of(places)))
    comparison = compare(places, types, in_force)
    if as_json:
        print_json({**comparison.document(), "summary": outcomes.document()})
        return
    print_lines(comparison_lines(comparison))
    out.print()
    print_lines(summary_lines(outcomes))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines unchanged; one that begins with a mark is in its colour on a terminal."""
    for line in lines:
        out.print(Text(one_line(line), style=_STYLES.get(line[:1], "")), soft_wrap=True)
