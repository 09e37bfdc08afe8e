"""`linger rules …`: rule files checked, explained, tested and previewed, for the people who write them."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from schemas.rules import RuleBook
from schemas.sources import SourcesFile
from workers.cli.on_demand import on_demand
from workers.cli.output import EXIT_LINT, EXIT_PROBLEM, AsJson, out
from workers.errors import StartupError
from workers.printing import json_line, one_line
from workers.rule_files.files import RuleTexts, read_texts, texts_of
from workers.rule_files.known_names import KnownNames, known_names, known_types
from workers.rule_files.problems import Problem, as_document, github_commands, in_order, render_problems
from workers.rule_files.rules import load_book, read_documents
from workers.rule_files.values.unseen import Seen
from workers.rule_lint.check import check_texts
from workers.rule_lint.codes import EXPLANATIONS, explanation_of
from workers.rule_lint.lint import LINTS
from workers.settings import read_settings
from workers.source_files.reading import load_sources

_USUAL_SOURCES: Final = Path("sources.yaml")
_DAYS: Final = ["%Y-%m-%d"]

Paths = Annotated[list[Path], typer.Argument(help="Rule files, or folders of them.")]
Sources = Annotated[
    Path | None,
    typer.Option(help="File that declares event types and attributes. Left out: sources.yaml here, if there is one."),
]


class Format(StrEnum):
    """The format in which problems are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def add_to(app: typer.Typer) -> None:
    """Register the group and its commands."""
    group = typer.Typer(
        cls=on_demand(
            {
                **dict.fromkeys(("held", "release", "discard", "promote"), "workers.cli.rule_commands.held"),
                "tune": "workers.cli.rule_commands.tune",
            }
        ),
        no_args_is_help=True,
        help="Check, explain, test and preview the rules that marketers write.",
    )
    group.command("check")(check)
    group.command("explain")(explain)
    group.command("test")(run_tests)
    group.command("preview")(preview)
    app.add_typer(group, name="rules")


# -- check -----------------------------------------------------------------------------------------------------


def _explain_code(code: str | None) -> None:
    if code is None:
        return
    if code not in EXPLANATIONS:
        raise typer.BadParameter(f"there is no code '{code}'; known codes: {', '.join(sorted(EXPLANATIONS))}")
    sys.stdout.write(explanation_of(code))
    raise typer.Exit


def _lints(written: str) -> frozenset[str]:
    if written in ("all", "none"):
        return frozenset(LINTS) if written == "all" else frozenset()
    names = {name.strip() for name in written.split(",")}
    if unknown := sorted(names - set(LINTS)):
        raise typer.BadParameter(f"there is no lint '{unknown[0]}'; known lints: all, none, {', '.join(LINTS)}")
    return frozenset(names)


def check(
    context: typer.Context,
    paths: Paths,
    sources: Sources = None,
    output: Annotated[
        Format, typer.Option("--format", help="text; json; or github: annotations in a workflow.")
    ] = Format.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    lints: Annotated[
        str, typer.Option("--lint", metavar="all|none|CODE,…", help="Which warnings to report besides mistakes.")
    ] = "all",
    lint_fatal: Annotated[
        bool, typer.Option("--lint-fatal", help="Exit status 3 if there are warnings but no mistakes.")
    ] = False,
    history: Annotated[
        str | None,
        typer.Option(help="Also warn of what no event of this history has: as in linger rules preview --history."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="The topic in sources.yaml whose mapping reads the files of the history.")
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option(metavar="CODE", is_eager=True, callback=_explain_code, help="Only print what a code means."),
    ] = None,
) -> None:
    """Report every mistake in rule files at once, with line, column and what was probably meant.

    Exit status 0 without mistakes, 1 with mistakes, 3 if there are only warnings and --lint-fatal is given.
    """
    lint_codes = _lints(lints)
    declared, unread = _declared(sources)
    texts = read_texts(paths)
    # Broken sources leave open which event types there are.
    names = KnownNames() if unread else None
    seen, events = (None, 0) if history is None else _seen(context, history, texts, declared, source)
    checked = check_texts(texts.own, declared, datetime.now(UTC), lint_codes, names, seen, texts.beside)
    mistakes = [*unread, *in_order([*texts.problems, *checked.mistakes])]
    problems = [*unread, *in_order([*texts.problems, *checked.mistakes, *checked.warnings])]
    compared = None if history is None else (history, events)
    sys.stdout.write(_as_text(problems, checked.parsed.book, Format.JSON if as_json else output, compared))
    if declared is None and not unread and any(problem.code == "unknown-type" for problem in mistakes):
        sys.stderr.write("your own event types are declared in sources.yaml: name that file with --sources\n")
    if mistakes:
        sys.exit(EXIT_PROBLEM)
    if problems and lint_fatal:
        sys.exit(EXIT_LINT)


def _seen(
    context: typer.Context, history: str, texts: RuleTexts, sources: SourcesFile | None, source: str | None
) -> tuple[Seen, int]:
    """Count in a history what the rule files name; return the counts and the number of events."""
    from workers.rule_preview.history_reader import TOPIC_PREFIXES, count_values

    settings = read_settings(context.obj) if history.startswith(TOPIC_PREFIXES) else None
    parsed = read_documents(texts.own, known_types(sources), texts.beside)
    return count_values(history, parsed, sources, source, settings)


def _declared(sources: Path | None) -> tuple[SourcesFile | None, list[Problem]]:
    sources = _or_usual(sources)
    return (None, []) if sources is None else load_sources(sources)


def declared_sources(sources: Path | None) -> SourcesFile | None:
    """Return the content of a sources file, or of the usual one if none is named and it is there.

    Raises:
        StartupError: with every problem of the file.
    """
    declared, problems = _declared(sources)
    if problems:
        raise StartupError([str(problem) for problem in problems])
    return declared


def _or_usual(sources: Path | None) -> Path | None:
    return _USUAL_SOURCES if sources is None and _USUAL_SOURCES.is_file() else sources


def _as_text(problems: list[Problem], book: RuleBook, output: Format, compared: tuple[str, int] | None = None) -> str:
    """Return problems in a format, with the history that the rules were compared with and its number of events."""
    if output is Format.JSON:
        document: dict[str, Any] = {
            "rules": [rule.id for rule in book.rules],
            "ladders": [ladder.name for ladder in book.ladders],
            "problems": [as_document(problem) for problem in problems],
        }
        if compared is not None:
            document["history"] = {"name": compared[0], "events": compared[1]}
        return json_line(document)
    if output is Format.GITHUB:
        return github_commands(problems)
    text = render_problems(problems, texts_of(problems))
    with_history = "" if compared is None else f"compared with {compared[1]:,} events of {compared[0]}\n"
    return (f"{text}\n" if problems else "") + with_history + _summary(problems, book)


def _summary(problems: list[Problem], book: RuleBook) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    parts = [] if errors else [_counted(len(book.rules), "rule")]
    parts += [_counted(len(book.ladders), "ladder")] if book.ladders and not errors else []
    parts.append(_counted(errors, "mistake") if errors else "no mistakes")
    parts += [_counted(warnings, "warning")] if warnings else []
    more = "; 'linger rules check --explain CODE' shows what a code in [ ] means" if problems else ""
    return f"{', '.join(parts)}{more}\n"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")


# -- explain, test, preview --------------------------------------------------------------------------------------


def explain(paths: Paths, sources: Sources = None, as_json: AsJson = False) -> None:
    """Show each rule as one sentence, when it is evaluated again, and which customers it leaves out.

    Ladders, and what `book` says, are explained too.
    """
    from workers.explain.bookkeeping import book_explained, lines_of_book
    from workers.explain.ladders import ladders_explained, lines_of
    from workers.explain.rule_page import explanation

    declared, problems = _declared(sources)
    names = KnownNames() if problems else known_names(declared)
    book, rule_problems = load_book(paths, replace(names, attributes=None))
    if problems or rule_problems:
        raise StartupError([str(problem) for problem in [*problems, *rule_problems]])
    entries, ladders = explanation(book), ladders_explained(book)
    kept = book_explained(book, names.types)
    pages = [*map(_explained, entries), *map(lines_of, ladders), *map(lines_of_book, kept)]
    text = "\n".join("\n".join(map(one_line, page)) for page in pages)
    sys.stdout.write(json_line([*entries, *ladders, *kept]) if as_json else text)


def _explained(entry: dict[str, Any]) -> Iterator[str]:
    yield f"{entry['id']} ({entry['status']})"
    yield f"  {entry['sentence']}"
    yield f"  Checked: {entry['looked_at']}"
    for text in entry["excluded"]:
        yield f"  Leaves out: {text}"
    yield ""


def run_tests(
    paths: Annotated[list[Path], typer.Argument(help="Rule files, *_test.yaml files, or folders of both.")],
    sources: Sources = None,
    pattern: Annotated[
        str | None,
        typer.Option("-k", metavar="TEXT", help="Only tests with this text in their name, rule id or file name."),
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show the timeline of every test.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Also write this file, for build servers.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the examples of rules and the tests beside them, in virtual time. Exit status 1 if one fails."""
    from workers.rule_tests.files import RuleTestOptions, test_command

    declared, unread = _declared(sources)
    options = RuleTestOptions(paths, declared, unread, as_json, pattern, verbose, junit)
    sys.exit(test_command(options, out))


def preview(
    context: typer.Context,
    rules: Paths,
    history: Annotated[
        str,
        typer.Option(help="A file or folder of events, topic:NAME, or simulated or cdnow to try it."),
    ],
    against: Annotated[
        list[Path] | None,
        typer.Option(help="Another version of the rules, to see which customers are gained and lost."),
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=_DAYS, help="From this day on (UTC); from the beginning.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_DAYS, help="Before this day (UTC); up to the last event.")
    ] = None,
    sources: Sources = None,
    source: Annotated[
        str | None, typer.Option(help="The topic in sources.yaml whose mapping reads the files.")
    ] = None,
    list_customers: Annotated[bool, typer.Option("--list", help="Name every customer.")] = False,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Treat what happened before the history begins as unknown.")
    ] = False,
    ladder: Annotated[
        str | None, typer.Option(help="The ladder on which customers are counted: its name; the live one.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Number of processes.")] = 1,
    as_json: AsJson = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page of HTML as well, with charts, for a browser.")
    ] = None,
) -> None:
    """Show which customers rules would have reached in a past period, per rule and week, before anything is sent."""
    from workers.rule_preview.command import PreviewOptions, preview_command
    from workers.rule_preview.history_reader import TOPIC_PREFIXES

    reads_kafka = history.startswith(TOPIC_PREFIXES)
    options = PreviewOptions(
        history=history,
        rules=rules,
        against=against,
        since=None if since is None else since.replace(tzinfo=UTC),
        until=None if until is None else until.replace(tzinfo=UTC),
        sources=_or_usual(sources),
        source=source,
        as_json=as_json,
        html=html,
        list_customers=list_customers,
        incomplete=incomplete,
        jobs=jobs,
        ladder=ladder,
        settings=read_settings(context.obj) if reads_kafka else None,
    )
    preview_command(options, out)
