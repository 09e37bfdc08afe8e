"""Reports of rule tests: for people, as JSON, and in the format of JUnit for build servers.

This module must never know how an example is run, nor where its file is.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from schemas.rules import write_offset
from workers.rule_files import problems
from workers.rule_files.problems import Problem, printable
from workers.rule_tests.entries import TimelineEntry
from workers.rule_tests.proof import Unproven
from workers.rule_tests.runner import ExampleResult, in_short
from workers.rule_tests.timelines import StyledLine, as_text, instead_of, timeline_of, title_of


@dataclass(frozen=True, slots=True)
class RuleTestReport:
    """The results of a run.

    Attributes:
        results: by file, examples before tests; none if there are problems.
        problems: the problems of broken files.
        unproven: live rules of the requested files that lack a passing example.
        pattern: the text that names had to contain; None if everything was run.
    """

    results: tuple[ExampleResult, ...] = ()
    problems: tuple[Problem, ...] = ()
    unproven: tuple[Unproven, ...] = ()
    pattern: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether no file is broken, everything passed, and a pattern, if given, matched something."""
        ran = bool(self.results) or self.pattern is None
        return ran and not self.problems and all(result.passed for result in self.results)


# -- for people ------------------------------------------------------------------------------------------------


def render_report(report: RuleTestReport, *, verbose: bool = False) -> list[StyledLine]:
    """Return a report: each failed example with its timeline, and a summary.

    Problems of files are not part of it: `workers.rule_files.problems` shows them.

    Args:
        report: the results.
        verbose: show the passed examples too.
    """
    lines: list[StyledLine] = []
    for result in report.results:
        if verbose or not result.passed:
            lines += [title_of(result), *timeline_of(result), StyledLine("")]
    lines += [StyledLine(str(unproven), "extra") for unproven in report.unproven]
    return [*lines, *_summary(report)]


def _summary(report: RuleTestReport) -> Iterator[StyledLine]:
    passed = Counter(result.owner for result in report.results if result.passed)
    failed = Counter(result.owner for result in report.results if not result.passed)
    owners = list(dict.fromkeys(result.owner for result in report.results))
    width = max(map(len, owners), default=0)
    for owner in owners:
        more = f", {failed[owner]} failed" if failed[owner] else ""
        yield StyledLine(
            f"{'✗' if failed[owner] else '✓'} {owner:<{width}}  {passed[owner]} passed{more}",
            "bad" if failed[owner] else "good",
        )
    if not report.results:
        yield StyledLine(
            "nothing to run: " + (f"nothing is called '{report.pattern}'" if report.pattern else "no examples")
        )
        return
    run, bad = len(report.results), failed.total()
    yield StyledLine(f"{run} run, {run - bad} passed, {bad} failed", "bad" if bad else "good")


# -- for machines ----------------------------------------------------------------------------------------------


def as_document(report: RuleTestReport) -> dict[str, Any]:
    """Return a report as plain values, for JSON."""
    return {
        "passed": report.is_good,
        "results": [_result_document(result) for result in report.results],
        "live_without_proof": [
            {"rule": lack.rule, "acts": not lack.acts, "stays_silent": not lack.stays_silent}
            for lack in report.unproven
        ],
        "problems": [problems.as_document(problem) for problem in report.problems],
    }


def _result_document(result: ExampleResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "rules": list(result.rules),
        "file": result.location.file,
        "line": result.location.line,
        "column": result.location.column,
        "passed": result.passed,
        "problem": result.problem,
        "hint": result.hint,
        "differences": [_difference(entry) for entry in result.timeline if entry.mark in ("missing", "unexpected")],
        "instead": None if result.passed or result.problem else instead_of(result),
    }


def _difference(entry: TimelineEntry) -> dict[str, Any]:
    assert entry.expected is not None
    variables = entry.expected.variables
    return {
        "kind": entry.mark,
        **entry.expected.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"variables"}),
        **({} if variables is None else {"variables": {name: _portable(value) for name, value in variables.items()}}),
        "notes": [*entry.notes, *([] if entry.remark is None else [entry.remark])],
        "conditions": [
            {
                "condition": finding.condition,
                "depth": finding.depth,
                "truth": ("false", "not observable", "true")[finding.truth],
                "observed": finding.observed,
                "changes": None if finding.changes is None else write_offset(finding.changes),
            }
            for finding in entry.findings
        ],
    }


def _portable(value: Any) -> Any:
    # JSON, or many readers of it, cannot hold these values; they appear only in deliberate attempts.
    is_not_portable = (isinstance(value, float) and not isfinite(value)) or (
        isinstance(value, int) and abs(value) >= 1 << 53
    )
    return str(value) if is_not_portable else value


def as_junit(report: RuleTestReport) -> str:
    """Return a report in the XML format of JUnit, which build servers show."""
    failures = sum(not result.passed for result in report.results)
    errors = len(report.problems)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name="linger rules test" tests="{len(report.results) + errors}" failures="{failures}" '
        f'errors="{errors}">',
    ]
    for problem in report.problems:
        lines.append(f"  <testcase name={_quoted(problem.file)} classname={_quoted(problem.code)}>")
        lines.append(f"    <error message={_quoted(str(problem))}/>")
        lines.append("  </testcase>")
    for result in report.results:
        case = f"name={_quoted(result.name)} classname={_quoted(result.owner)} file={_quoted(result.location.file)}"
        if result.passed:
            lines.append(f'  <testcase {case} line="{result.location.line}"/>')
            continue
        lines.append(f'  <testcase {case} line="{result.location.line}">')
        text = as_text(timeline_of(result))
        lines.append(f"    <failure message={_quoted(in_short(result))}>{escape(text)}</failure>")
        lines.append("  </testcase>")
    return "\n".join([*lines, "</testsuite>"]) + "\n"


def _quoted(text: str) -> str:
    return quoteattr(printable(text))
