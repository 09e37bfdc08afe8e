"""The `*_test.yaml` files of sources: which there are, and what is in them; and the report of a run of their samples.

Rules have files of the same ending; those of sources are recognized by their key `samples`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from schemas.source_tests import SourceTestFile
from schemas.sources import SourcesFile
from workers.rule_files.files import TESTS, find_tests, read_text
from workers.rule_files.positions import Position
from workers.rule_files.problems import Problem, as_document, in_order
from workers.rule_files.yaml_nodes import Document, items_of, parse_yaml, value_of
from workers.rule_files.yaml_validation import validate
from workers.source_files.given_records import SourceTestResult, run_source_tests
from workers.source_files.packs import pack_names, packs_folder
from workers.source_files.reading import load_sources, read_sources

__all__ = ["SourceTestReport", "run_of_packs", "run_of_sources", "report_document", "report_lines"]

_SAMPLES: Final = re.compile(r"^samples\s*:", re.MULTILINE)
_EXAMPLE: Final = """\
samples:
  - name: an order becomes a purchase
    given:
      value: {"order_id": "A-10432", "customer": "c-20417", "total": "64.35", "currency": "USD", \
"placed_at": "2026-10-03T09:14:52Z"}
    expect: {type: purchase, event_id: A-10432, customer_id: c-20417, occurred_at: 2026-10-03T09:14:52Z, \
amount: 64.35, currency: USD}
"""


@dataclass(frozen=True, slots=True)
class SourceTestReport:
    """The samples that were run.

    Attributes:
        results: by file, in its order; none if there are problems.
        problems: of the files of samples, and of those of sources.
        looked_in: the folder that was searched.
    """

    results: tuple[SourceTestResult, ...]
    problems: tuple[Problem, ...]
    looked_in: Path

    @property
    def is_good(self) -> bool:
        """Whether something was run, and all of it passed."""
        return bool(self.results) and not self.problems and all(result.passed for result in self.results)


def run_of_sources(path: Path, hash_key: bytes | None = None) -> SourceTestReport:
    """Run samples.

    Args:
        path: a file of sources: all samples beside it, which are then about this file; a `*_test.yaml` file: its
            samples; or a folder: all samples in it.
        hash_key: the key of `hashed`, if there is one.
    """
    if path.name.endswith(TESTS):
        return _run([path], path.parent, None, hash_key)
    if path.is_dir():
        return _run(_in_folder(path), path, None, hash_key)
    return _run(_in_folder(path.parent), path.parent, path, hash_key)


def run_of_packs(hash_key: bytes | None = None) -> SourceTestReport:
    """Run the samples of every shipped pack."""
    folder = packs_folder()
    return _run([folder / f"{name}_test.yaml" for name in pack_names()], folder, None, hash_key)


def _in_folder(folder: Path) -> list[Path]:
    """Return the files of samples in a folder, by name; those of rules have the same ending, and are left out."""
    found = []
    for path in find_tests(folder):
        text, _ = read_text(path)
        if text is None or _SAMPLES.search(text):
            found.append(path)
    return found


def _run(paths: Iterable[Path], folder: Path, sources: Path | None, hash_key: bytes | None) -> SourceTestReport:
    results: list[SourceTestResult] = []
    problems: list[Problem] = []
    for path in paths:
        text, unreadable = read_text(path)
        problems += unreadable
        if text is None:
            continue
        document = parse_yaml(str(path), text)
        content, invalid = validate(document, SourceTestFile)
        problems += invalid
        if content is None:
            continue
        found, unread = _sources_of(path, content, sources)
        problems += unread
        if found is not None:
            results += run_source_tests(path, content, found, _positions(document), hash_key)
    return SourceTestReport(() if problems else tuple(results), tuple(in_order(problems)), folder)


def _sources_of(path: Path, content: SourceTestFile, given: Path | None) -> tuple[SourcesFile | None, list[Problem]]:
    if content.pack is not None:
        # As if an operator had written no more than this.
        return read_sources(str(path), f"sources: [{{topic: {content.pack}, pack: {content.pack}}}]")
    named = path.parent / content.sources
    is_named = "sources" in content.model_fields_set
    return load_sources(named if is_named or given is None else given)


def _positions(document: Document) -> list[Position]:
    return [node.at for node in items_of(value_of(document.root, "samples"))]


# --- the report -------------------------------------------------------------------------------------------------


def report_lines(report: SourceTestReport) -> Iterator[str]:
    """Yield the report for people; problems of files are shown otherwise."""
    for result in report.results:
        if not result.passed:
            yield f"✗ {result.name}   {result.file}:{result.at.line}"
            yield from _failure(result)
            yield ""
    passed = Counter(result.file for result in report.results if result.passed)
    failed = Counter(result.file for result in report.results if not result.passed)
    files = list(dict.fromkeys(result.file for result in report.results))
    width = max(map(len, files), default=0)
    for file in files:
        more = f", {failed[file]} failed" if failed[file] else ""
        yield f"{'✗' if failed[file] else '✓'} {file:<{width}}  {passed[file]} passed{more}"
    if report.results:
        yield f"{len(report.results)} run, {passed.total()} passed, {failed.total()} failed"
    elif not report.problems:
        yield f"nothing to run: in {report.looked_in} is no *_test.yaml with 'samples'. Write one, for example"
        yield f"{report.looked_in / 'sources_test.yaml'}:"
        yield ""
        yield from (f"  {line}" for line in _EXAMPLE.splitlines())


def _failure(result: SourceTestResult) -> Iterator[str]:
    if result.problem is not None:
        yield f"    {result.problem}"
        return
    width = max(len(difference.field) for difference in result.differences)
    for field, expected, found in result.differences:
        yield f"    {field:<{width}}  expected {expected or 'nothing'}, found {found or 'nothing'}"
    if result.detail is not None:
        yield f"    {result.detail}"


def report_document(report: SourceTestReport) -> dict[str, Any]:
    """Return the report as plain values, for JSON."""
    return {
        "passed": report.is_good,
        "results": [
            {
                "name": result.name,
                "file": result.file,
                "line": result.at.line,
                "column": result.at.column,
                "passed": result.passed,
                "problem": result.problem,
                "detail": result.detail,
                "differences": [difference._asdict() for difference in result.differences],
            }
            for result in report.results
        ],
        "problems": [as_document(problem) for problem in report.problems],
    }
