"""`linger rules test`: reads rule files and the `*_test.yaml` files beside them, runs their examples, and reports.

This module must never know how an example is run.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Final

from rich.console import Console

from schemas.rules import RuleBook, RuleTest, RuleTestFile
from schemas.sources import SourcesFile
from workers.printing import json_line
from workers.rule_files.files import TESTS, find_tests, read_text, read_texts, shown_name, texts_of
from workers.rule_files.known_names import KnownNames, known_types
from workers.rule_files.problems import Problem, in_order, render_problems
from workers.rule_files.rules import read_documents
from workers.rule_files.yaml_nodes import Document, parse_yaml
from workers.rule_files.yaml_validation import validate
from workers.rule_tests.locations import SourceLocations
from workers.rule_tests.proof import live_without_proof
from workers.rule_tests.reports import RuleTestReport, as_document, as_junit, render_report
from workers.rule_tests.runner import run_examples, run_tests
from workers.rule_tests.timelines import as_rich

__all__ = ["RuleTestOptions", "report_on", "test_command"]

EXIT_FAILED: Final = 1

_OF_SOURCES: Final = re.compile(r"^samples\s*:", re.MULTILINE)
"""Distinguishes the `*_test.yaml` files of sources from those of rules."""


# -- reading and running ---------------------------------------------------------------------------------------


def report_on(paths: Sequence[FilePath], names: KnownNames, pattern: str | None = None) -> RuleTestReport:
    """Run the examples and tests of some files and folders.

    A test file is about the rules beside it: with a named one, these are read too, but their examples are not run.

    Args:
        paths: rule files, test files, and folders of both.
        names: what the rules can use; `types` is given.
        pattern: run only examples with this text in their name, the id of their rule or the name of their file. None:
            run all.
    """
    named_tests = {shown_name(path) for path in paths if _is_test(path)}
    texts = read_texts(paths)
    unreadable = [problem for problem in texts.problems if problem.file not in named_tests]  # they have no rules
    types = names.types or ()
    parsed = read_documents(texts.own, names, texts.beside, with_rules_beside=bool(named_tests))
    files, invalid = _read_tests(_find_tests(paths))
    problems = in_order([*unreadable, *parsed.problems, *invalid])
    if problems:
        return RuleTestReport(problems=tuple(problems), pattern=pattern)
    locations = SourceLocations([*parsed.documents, *(file.document for file in files)])
    requested_book = _only_of(parsed.book, texts.own, locations)
    results = run_examples(_matching(requested_book, pattern, locations), types, locations.locate)
    for file in files:
        results += [
            result
            for result in run_tests(parsed.book, file.tests, types, file.document.file, locations.locate)
            if _is_match(pattern, result.name, result.owner)
        ]
    unproven = live_without_proof(requested_book, results) if pattern is None else []
    return RuleTestReport(tuple(results), (), tuple(unproven), pattern)


def _is_test(path: FilePath) -> bool:
    return path.name.endswith(TESTS)


def _find_tests(paths: Iterable[FilePath]) -> list[FilePath]:
    """Return the test files, each once; in a folder, those of sources are left out."""
    files: dict[FilePath, FilePath] = {}
    for path in paths:
        in_folder = find_tests(path) if path.is_dir() else []
        for file in [file for file in in_folder if not _is_of_sources(file)] or [path]:
            if _is_test(file) and file.name[0] != ".":
                files.setdefault(file.resolve(), file)
    return list(files.values())


def _is_of_sources(file: FilePath) -> bool:
    text, _ = read_text(file)
    return text is not None and _OF_SOURCES.search(text) is not None


@dataclass(frozen=True, slots=True)
class _TestsOfFile:
    """A test file and its tests."""

    document: Document
    tests: tuple[RuleTest, ...]


def _read_tests(paths: Iterable[FilePath]) -> tuple[list[_TestsOfFile], list[Problem]]:
    files, problems = [], []
    for path in paths:
        text, unreadable = read_text(path)
        problems += unreadable
        if text is None:
            continue
        document = parse_yaml(str(path), text)
        value, invalid = validate(document, RuleTestFile)
        problems += invalid
        if value is not None:
            files.append(_TestsOfFile(document, tuple(value.tests)))
    return files, problems


def _only_of(book: RuleBook, files: Collection[str], locations: SourceLocations) -> RuleBook:
    """Return the book with the rules of some files alone."""
    return replace(book, rules=tuple(rule for rule in book.rules if locations.file_of(rule.id) in files))


def _matching(book: RuleBook, pattern: str | None, locations: SourceLocations) -> RuleBook:
    """Return the book with the examples that match a pattern."""
    if pattern is None:
        return book
    rules = [
        rule.model_copy(
            update={
                "examples": [
                    example
                    for example in rule.examples
                    if _is_match(pattern, example.name, rule.id, locations.file_of(rule.id))
                ]
            }
        )
        for rule in book.rules
    ]
    return replace(book, rules=tuple(rules))


def _is_match(pattern: str | None, *names: str) -> bool:
    return pattern is None or any(pattern.casefold() in name.casefold() for name in names)


# -- the command -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RuleTestOptions:
    """The options of `linger rules test`.

    Attributes:
        paths: rule files, test files, and folders of both.
        sources: the event types that `sources.yaml` declares; None for the built-in ones alone.
        unread: the problems of `sources.yaml`, if it cannot be read; then nothing is run.
        as_json: print JSON for machines.
        pattern: run only examples with this text in their name, the id of their rule or the name of their file.
        verbose: show the timeline of passed examples too.
        junit: also write this file, in the format of JUnit.
    """

    paths: Sequence[FilePath]
    sources: SourcesFile | None = None
    unread: Sequence[Problem] = ()
    as_json: bool = False
    pattern: str | None = None
    verbose: bool = False
    junit: FilePath | None = None


def test_command(options: RuleTestOptions, out: Console) -> int:
    """Run `linger rules test` and print its report.

    Args:
        options: the options.
        out: prints for people; JSON goes unchanged to its file.

    Returns:
        The exit status: 0 if everything passed; 1 if an example failed, a file is broken, or no name has the pattern.
    """
    report = _report(options)
    if options.junit is not None:
        options.junit.write_text(as_junit(report), encoding="utf-8")
    if options.as_json:
        out.file.write(json_line(as_document(report), out.file))
    elif report.problems:
        out.file.write(render_problems(report.problems, texts_of(report.problems)) + "\n")
    else:
        out.print(as_rich(render_report(report, verbose=options.verbose)), soft_wrap=True)
    return 0 if report.is_good else EXIT_FAILED


def _report(options: RuleTestOptions) -> RuleTestReport:
    if options.unread:
        return RuleTestReport(problems=tuple(options.unread), pattern=options.pattern)
    return report_on(options.paths, known_types(options.sources), options.pattern)
