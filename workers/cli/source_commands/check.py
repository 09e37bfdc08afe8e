"""`linger sources check` and `test`: whether `sources.yaml` is right, and does what its samples say."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from schemas.sources import SourcesFile
from workers.cli.output import EXIT_PROBLEM, AsJson, out, print_json
from workers.core.direct_producers import direct_problems
from workers.printing import one_line
from workers.rule_files.files import texts_of
from workers.rule_files.problems import Problem, as_document, render_problems
from workers.settings import Settings, read_settings
from workers.source_files.overview import overview_document, overview_lines
from workers.source_files.reading import load_sources
from workers.source_files.source_tests import report_document, report_lines, run_of_packs, run_of_sources


def add_to(group: typer.Typer) -> None:
    """Register the commands in the group `linger sources`."""
    group.command("check")(check)
    group.command("test")(run_tests)


def check(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The file. Left out: that of the setting LINGER_SOURCES.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Report every mistake in sources.yaml at once, with line and column; else show what each source reads.

    Exit status 0 without mistakes, 1 with mistakes.
    """
    settings = read_settings(context.obj)
    path = settings.sources if file is None else file
    sources, problems = load_sources(path)
    if sources is not None:
        problems = _with_settings(path, sources, settings)
    if as_json:
        document = [] if sources is None else overview_document(sources)
        print_json({"sources": document, "problems": [as_document(problem) for problem in problems]})
    elif problems:
        sys.stdout.write(f"{render_problems(problems, texts_of(problems))}\n{_counted(len(problems))}\n")
    elif sources is not None:
        for line in overview_lines(sources):
            out.print(one_line(line), markup=False, soft_wrap=True)
    if problems:
        sys.exit(EXIT_PROBLEM)


def _with_settings(path: Path, sources: SourcesFile, settings: Settings) -> list[Problem]:
    """Return what of a file that can be read does not go together with the settings."""
    messages = list(direct_problems(sources, settings.topic("activity")))
    if sources.hashes() and settings.hash_key is None:
        messages.append("a value is 'hashed', so the setting LINGER_ID_KEY is needed")
    return [Problem(str(path), 1, 1, "wrong-value", message) for message in messages]


def _counted(count: int) -> str:
    return f"{count} mistake{'' if count == 1 else 's'}"


def run_tests(
    context: typer.Context,
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE|FOLDER",
            help="A file of sources: all *_test.yaml beside it are about it. Or one *_test.yaml file, or a folder of "
            "them. Left out: the file of the setting LINGER_SOURCES.",
        ),
    ] = None,
    packs: Annotated[bool, typer.Option("--packs", help="Run the samples of the packs that Linger ships.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the samples of *_test.yaml beside sources.yaml: each given record must become the expected event.

    Exit status 0 if all passed, 1 if one failed, a file is broken, or there are none.
    """
    settings = read_settings(context.obj)
    report = (
        run_of_packs(settings.hash_key)
        if packs
        else run_of_sources(settings.sources if path is None else path, settings.hash_key)
    )
    if as_json:
        print_json(report_document(report))
    elif report.problems:
        sys.stdout.write(render_problems(report.problems, texts_of(report.problems)) + "\n")
    else:
        for line in report_lines(report):
            out.print(one_line(line), markup=False, soft_wrap=True)
    if not report.is_good:
        sys.exit(EXIT_PROBLEM)
