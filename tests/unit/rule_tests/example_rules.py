"""Rules, examples and files that several of these tests use."""

import io
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from schemas.rules import ForEveryRule, RuleBook, RuleTest
from tests.support.builders import rule
from workers.rule_tests import files
from workers.rule_tests.reports import RuleTestReport
from workers.rule_tests.runner import ExampleResult, run_examples, run_tests
from workers.rule_tests.timelines import as_text, timeline_of
from workers.source_files.reading import load_sources

TYPES: Final = ("purchase", "login", "cancellation", "complaint", "nps", "profile")
QUIET: Final = {"none": "purchase", "for": "45 days"}
BOUGHT: Final = [{"at": "start", "event": "purchase"}]
ACTS: Final = [{"at": "45 days", "action": "at-risk"}]


def example(expect: Any = "nothing", given: Any = None, **content: Any) -> dict[str, Any]:
    written = {name.replace("_", " "): value for name, value in content.items()}
    return {"name": "an example", "given": BOUGHT if given is None else given, "expect": expect, **written}


def run_one(expect: Any = "nothing", given: Any = None, *, policy: Any = None, **content: Any) -> ExampleResult:
    """Run one example of one rule; `start` and `watch_for` are for the example, other content for the rule."""
    own = {name: content.pop(name) for name in ("start", "watch_for") if name in content}
    content.setdefault("when", QUIET)
    one = rule("quiet", **content, examples=[example(expect, given, **own)])
    return run_examples(RuleBook((one,), {}, ForEveryRule.model_validate(policy or {})), TYPES)[0]


def text_of(result: ExampleResult) -> str:
    return as_text(timeline_of(result))


def run_test(test: dict[str, Any], *rules: Any, policy: Any = None) -> ExampleResult:
    book = RuleBook(rules, {}, ForEveryRule.model_validate(policy or {}))
    return run_tests(book, [RuleTest.model_validate({"name": "a test", "given": BOUGHT, **test})], TYPES)[0]


FIRST: Final = rule("first", when=QUIET, action="at-risk")
FILE: Final = """\
rules:
  - id: quiet
    title: Gone quiet
    status: live
    when: {none: purchase, for: 45 days}
    action: at-risk
    template: we-miss-you
    expires after: 14 days
    examples:
      - name: buys once
        given: [{at: start, event: purchase}]
        expect: [{at: 45 days, action: at-risk}]
      - name: buys nothing
        given: [{at: start, event: login}]
        expect: [{at: 44 days, action: at-risk}]
      - name: pays with nothing
        given:
          - {at: start, event: purchase}
          - {at: start, event: purchase, with: {amount: none}}
        expect: nothing
"""
TESTS: Final = """\
tests:
  - name: buys once
    given: [{at: start, event: purchase}]
    expect: [{at: 45 days, rule: quiet, action: at-risk}]
  - name: buys and is forgotten
    given: [{at: start, event: purchase}]
    rules: [quiet, quite]
    expect: nothing
"""


def passed(report: RuleTestReport) -> dict[str, bool]:
    assert report.problems == ()
    return {result.name: result.passed for result in report.results}


def command(*paths: Path, sources: Path | None = None, **options: Any) -> tuple[int, str]:
    out = Console(file=io.StringIO(), width=100, highlight=False)
    declared, unread = (None, []) if sources is None else load_sources(sources)
    status = files.test_command(files.RuleTestOptions(paths, declared, unread, **options), out)
    return status, out.file.getvalue()  # type: ignore[attr-defined]
