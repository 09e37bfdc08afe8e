"""`linger rules test`: reads rule files and the `*_test.yaml` beside them, runs what they expect, and reports.

What is here must not know how an example is run.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Final

import orjson
from rich.console import Console

from schemas.events import BUILT_IN
from schemas.rules import RuleBook, RuleTest, RuleTestFile
from workers.rule_files.known_names import KnownNames
from workers.rule_files.problems import Problem, in_order, render_problems
from workers.rule_files.rules import find_rule_files, read_documents, read_texts, texts_of
from workers.rule_files.sources import load_sources
from workers.rule_files.yaml_nodes import Document, parse_yaml, read_text
from workers.rule_files.yaml_validation import validate
from workers.rule_tests.locations import SourceLocations
from workers.rule_tests.proof import live_without_proof
from workers.rule_tests.reports import RuleTestReport, as_document, as_junit, render_report
from workers.rule_tests.runner import run_examples, run_tests
from workers.rule_tests.timelines import as_rich

__all__ = ["report_on", "test_command"]

EXIT_FAILED: Final = 1

_TESTS: Final = ("_test.yaml", "_test.yml")
_RULES: Final = re.compile(r"^(rules|define|for every rule)\s*:", re.MULTILINE)
"""How a rule file looks from afar."""


# -- reading and running ---------------------------------------------------------------------------------------


def report_on(paths: Sequence[FilePath], types: Collection[str], pattern: str | None = None) -> RuleTestReport:
    """Run the examples and tests of some files and folders.

    Of files, the rule files beside them are read too, because names of conditions, `instead of` and what holds for
    every rule may lead there; they are not run. A file of tests is about the rules beside it.

    Args:
        paths: rule files, files of tests, and folders of both.
        types: every event type there is.
        pattern: run only what has this text in its name, its rule's id or its file's name; None for everything.
    """
    test_files, asked = _find_tests(paths), [path for path in paths if not _is_test(path)]
    texts, problems = read_texts(asked)
    texts |= _beside([path for path in paths if not path.is_dir()], texts)
    parsed = read_documents(texts, KnownNames(types))
    files, found = _read_tests(test_files, types)
    problems = in_order([*problems, *parsed.problems, *found])
    if problems:
        return RuleTestReport(problems=tuple(problems), pattern=pattern)
    places = SourceLocations([*parsed.documents, *(file.document for file in files)])
    wanted = _only_of(parsed.book, asked, places)
    results = run_examples(_matching(wanted, pattern, places), types, places.locate)
    for file in files:
        results += [
            result
            for result in run_tests(parsed.book, file.tests, types, file.document.file, places.locate)
            if _is_asked(pattern, result.name, result.owner)
        ]
    unproven = live_without_proof(wanted, results) if pattern is None else []
    return RuleTestReport(tuple(results), (), tuple(unproven), pattern)


def _beside(files: Iterable[FilePath], texts: Collection[str]) -> dict[str, str]:
    """Return what stands in the rule files beside some files; what does not look like one is left alone."""
    known, found = {FilePath(file).resolve() for file in texts}, dict[str, str]()
    for folder in dict.fromkeys(file.parent for file in files if file.parent.is_dir()):
        for file in find_rule_files([folder])[0]:
            text = None if file.resolve() in known else read_text(file)[0]
            if text is not None and _RULES.search(text):
                found[str(file)] = text
    return found


def _is_test(path: FilePath) -> bool:
    return path.name.endswith(_TESTS)


def _find_tests(paths: Iterable[FilePath]) -> list[FilePath]:
    """Return the files of tests, each once."""
    found: dict[FilePath, FilePath] = {}
    for path in paths:
        inside = sorted(one for one in path.iterdir() if _is_test(one)) if path.is_dir() else [path]
        for one in inside:
            if _is_test(one) and one.name[0] != ".":
                found.setdefault(one.resolve(), one)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _TestsOfFile:
    document: Document
    tests: tuple[RuleTest, ...]


def _read_tests(paths: Iterable[FilePath], types: Collection[str]) -> tuple[list[_TestsOfFile], list[Problem]]:
    files, problems = [], []
    for path in paths:
        text, unread = read_text(path)
        problems += unread
        if text is None:
            continue
        document = parse_yaml(str(path), text)
        value, found = validate(document, RuleTestFile)
        problems += found
        if value is not None:
            files.append(_TestsOfFile(document, tuple(value.tests)))
    return files, problems


def _only_of(book: RuleBook, asked: Sequence[FilePath], places: SourceLocations) -> RuleBook:
    """Leave out the rules of files that are only there because tests are about them."""
    wanted = {path.resolve() for path in asked}
    files = {places.file_of(rule.id) for rule in book.rules}
    kept = {
        file for file in files if not wanted.isdisjoint((FilePath(file).resolve(), FilePath(file).resolve().parent))
    }
    return replace(book, rules=tuple(rule for rule in book.rules if places.file_of(rule.id) in kept))


def _matching(book: RuleBook, pattern: str | None, places: SourceLocations) -> RuleBook:
    """Keep the examples that are asked for."""
    if pattern is None:
        return book
    rules = [
        rule.model_copy(
            update={
                "examples": [
                    example
                    for example in rule.examples
                    if _is_asked(pattern, example.name, rule.id, places.file_of(rule.id))
                ]
            }
        )
        for rule in book.rules
    ]
    return replace(book, rules=tuple(rules))


def _is_asked(pattern: str | None, *names: str) -> bool:
    return pattern is None or any(pattern.casefold() in name.casefold() for name in names)


# -- the command -----------------------------------------------------------------------------------------------


def test_command(
    paths: Sequence[FilePath],
    sources: FilePath | None,
    out: Console,
    *,
    as_json: bool,
    pattern: str | None,
    verbose: bool,
    junit: FilePath | None,
) -> int:
    """Run `linger rules test` and print what came out.

    Args:
        paths: rule files, files of tests, and folders of both.
        sources: `sources.yaml`, for the event types that are declared in it; None for the built-in ones only.
        out: where to print for people; JSON goes to its file as it is.
        as_json: print JSON for machines.
        pattern: run only what has this text in its name, its rule's id or its file's name.
        verbose: show the timeline of everything.
        junit: also write this file.

    Returns:
        The exit status: 0 if everything passed, 1 if something failed, a file is broken, or a pattern fits nothing.
    """
    report = _report(paths, sources, pattern)
    if junit is not None:
        junit.write_text(as_junit(report), encoding="utf-8")
    if as_json:
        out.file.write(orjson.dumps(as_document(report)).decode() + "\n")
    elif report.problems:
        out.file.write(render_problems(report.problems, texts_of(report.problems)) + "\n")
    else:
        out.print(as_rich(render_report(report, verbose=verbose)), soft_wrap=True)
    return 0 if report.is_good else EXIT_FAILED


def _report(paths: Sequence[FilePath], sources: FilePath | None, pattern: str | None) -> RuleTestReport:
    types: list[str] = list(BUILT_IN)
    if sources is not None:
        declared, problems = load_sources(sources)
        if declared is None:
            return RuleTestReport(problems=tuple(problems), pattern=pattern)
        types += declared.event_types
    return report_on(paths, types, pattern)
