"""`linger rules …`: everything about rule files, for the people who write them."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from schemas.sources import SourcesFile
from workers.errors import StartupError
from workers.rule_files.known_names import KnownNames, known_names
from workers.rule_files.problems import Problem, as_document, github_commands, in_order, render_problems
from workers.rule_files.rules import load_book, read_texts, texts_of
from workers.rule_files.sources import load_sources
from workers.rule_lint.check import check_texts
from workers.rule_lint.codes import EXPLANATIONS, explanation_of
from workers.rule_lint.lint import LINTS
from workers.settings import Settings

EXIT_PROBLEM: Final = 1
EXIT_LINT: Final = 3
_USUAL_SOURCES: Final = Path("sources.yaml")
_DAYS: Final = ["%Y-%m-%d"]

rules_app = typer.Typer(no_args_is_help=True, help="Check, explain, test and preview the rules that marketers write.")

Paths = Annotated[list[Path], typer.Argument(help="Rule files, or folders of them.")]
Sources = Annotated[
    Path | None,
    typer.Option(
        help="Says which event types and attributes there are. Left out: sources.yaml here, if there is one."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


class Format(StrEnum):
    """How problems are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


# -- check -----------------------------------------------------------------------------------------------------


def _explain_code(code: str | None) -> None:
    if code is None:
        return
    if code not in EXPLANATIONS:
        raise typer.BadParameter(f"there is no code '{code}'; known are {', '.join(sorted(EXPLANATIONS))}")
    sys.stdout.write(explanation_of(code))
    raise typer.Exit


def _lints(written: str) -> frozenset[str]:
    if written in ("all", "none"):
        return frozenset(LINTS) if written == "all" else frozenset()
    names = {name.strip() for name in written.split(",")}
    if unknown := sorted(names - set(LINTS)):
        raise typer.BadParameter(f"there is no lint '{unknown[0]}'; known are all, none, {', '.join(LINTS)}")
    return frozenset(names)


@rules_app.command("check")
def check(
    paths: Paths,
    sources: Sources = None,
    output: Annotated[
        Format, typer.Option("--format", help="text; json; or github: annotations in a workflow.")
    ] = Format.TEXT,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    lints: Annotated[
        str, typer.Option("--lint", metavar="all|none|CODE,…", help="Which warnings to look for besides mistakes.")
    ] = "all",
    lint_fatal: Annotated[
        bool, typer.Option("--lint-fatal", help="Exit status 3 if there are no mistakes, but warnings.")
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="CODE", is_eager=True, callback=_explain_code, help="Say what a code means, and nothing else."
        ),
    ] = None,
) -> None:
    """Check rule files; every mistake at once, with line, column and what was probably meant.

    Exit status 0 if all is well, 1 if there are mistakes, 3 if there are only warnings and --lint-fatal is given.
    """
    wanted = _lints(lints)
    declared, unread = _declared(sources)
    texts, unreadable = read_texts(paths)
    # Of broken sources it is not known which event types there are.
    known = KnownNames() if unread else None
    checked = check_texts(texts, declared, datetime.now(UTC), wanted, known)
    mistakes = [*unread, *in_order([*unreadable, *checked.mistakes])]
    found = [*unread, *in_order([*unreadable, *checked.mistakes, *checked.warnings])]
    rules = [rule.id for rule in checked.parsed.book.rules]
    sys.stdout.write(_shown(found, rules, Format.JSON if as_json else output))
    if declared is None and not unread and any(problem.code == "unknown-type" for problem in mistakes):
        sys.stderr.write("event types of your own are declared in sources.yaml: say where it is with --sources\n")
    if mistakes:
        sys.exit(EXIT_PROBLEM)
    if found and lint_fatal:
        sys.exit(EXIT_LINT)


def _declared(sources: Path | None) -> tuple[SourcesFile | None, list[Problem]]:
    sources = _or_usual(sources)
    return (None, []) if sources is None else load_sources(sources)


def _or_usual(sources: Path | None) -> Path | None:
    return _USUAL_SOURCES if sources is None and _USUAL_SOURCES.is_file() else sources


def _shown(problems: list[Problem], rules: list[str], output: Format) -> str:
    if output is Format.JSON:
        return _json({"rules": rules, "problems": [as_document(problem) for problem in problems]})
    if output is Format.GITHUB:
        return github_commands(problems)
    shown = render_problems(problems, texts_of(problems))
    return (f"{shown}\n" if problems else "") + _summary(problems, rules)


def _summary(problems: list[Problem], rules: list[str]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    parts = [] if errors else [_number(len(rules), "rule")]
    parts.append(_number(errors, "mistake") if errors else "no mistakes")
    parts += [_number(warnings, "warning")] if warnings else []
    more = "; 'linger rules check --explain CODE' says what a code in [ ] means" if problems else ""
    return f"{', '.join(parts)}{more}\n"


def _number(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False) + "\n"


# -- explain, test, preview --------------------------------------------------------------------------------------


@rules_app.command("explain")
def explain(paths: Paths, sources: Sources = None, as_json: AsJson = False) -> None:
    """Say each rule as one English sentence, when Linger looks at it again, and whom it leaves out."""
    from workers.explain.rule_page import explanation

    declared, problems = _declared(sources)
    book, found = load_book(paths, None if problems else known_names(declared).types)
    if problems or found:
        raise StartupError([str(problem) for problem in [*problems, *found]])
    entries = explanation(book)
    sys.stdout.write(_json(entries) if as_json else "\n".join(map("\n".join, map(_explained, entries))))


def _explained(entry: dict[str, Any]) -> Iterator[str]:
    yield f"{entry['id']} ({entry['status']})"
    yield f"  {entry['sentence']}"
    yield f"  Looked at: {entry['looked_at']}"
    for text in entry["excluded"]:
        yield f"  Leaves out: {text}"
    yield ""


@rules_app.command("test")
def run_tests(
    paths: Annotated[list[Path], typer.Argument(help="Rule files, *_test.yaml files, or folders of both.")],
    sources: Sources = None,
    pattern: Annotated[
        str | None, typer.Option("-k", metavar="TEXT", help="Only what has this in its name, its rule or its file.")
    ] = None,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show the timeline of everything.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Also write this file, for build servers.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the examples of rules and the tests beside them, in virtual time. Exit status 1 if one fails."""
    from workers.rule_tests.files import RuleTestOptions, test_command

    out = Console(highlight=False, emoji=False)
    options = RuleTestOptions(paths, _or_usual(sources), as_json, pattern, verbose, junit)
    sys.exit(test_command(options, out))


@rules_app.command("preview")
def preview(
    context: typer.Context,
    rules: Paths,
    history: Annotated[
        str,
        typer.Option(help="A file or folder of events, topic:NAME, or simulated or cdnow to try it."),
    ],
    against: Annotated[
        list[Path] | None, typer.Option(help="Another version of the rules, to see who is gained and lost.")
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
        bool, typer.Option("--incomplete", help="What happened before the history begins is unknown.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Show whom rules would have reached over a past period, per rule and week, before anything is sent."""
    from workers.rule_preview.command import preview_command

    settings: Callable[[], Settings] | None = context.obj
    preview_command(
        history=history,
        rules=rules,
        against=against,
        since=None if since is None else since.replace(tzinfo=UTC),
        until=None if until is None else until.replace(tzinfo=UTC),
        sources=_or_usual(sources),
        source=source,
        as_json=as_json,
        list_customers=list_customers,
        incomplete=incomplete,
        jobs=jobs,
        settings=settings() if settings is not None and history.startswith(("topic:", "kafka:")) else None,
    )
