"""Laws of proof: a live rule needs a passing example in which it acts, and one in which it does not."""

from typing import Any, Final

import pytest

from schemas.rules import RuleBook, RuleTest
from tests.support.builders import rule
from tests.unit.rule_tests.example_rules import ACTS, BOUGHT, FIRST, QUIET, TYPES, example
from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import read_documents
from workers.rule_tests.proof import live_without_proof, proof_problems
from workers.rule_tests.runner import run_examples, run_tests

SILENT: Final = {"name": "buys", "given": BOUGHT, "expect": "nothing", "watch for": "10 days"}


@pytest.mark.parametrize(
    ("examples", "lacking"),
    [
        ([], "and none in which it does not act"),
        ([example(ACTS)], "example in which it does not act"),
        ([SILENT], "example in which it acts"),
        ([example(ACTS), example()], "example in which it does not act"),
        ([example([{"at": "1 day", "action": "at-risk"}]), SILENT], "example in which it acts"),
        ([example(ACTS), SILENT], None),
        ([example(ACTS), SILENT, example()], None),
    ],
)
def test_a_live_rule_needs_a_passing_example_that_acts_and_one_that_does_not(
    examples: list[Any], lacking: str | None
) -> None:
    book = RuleBook((rule("quiet", when=QUIET, examples=examples),))
    unproven = live_without_proof(book, run_examples(book, TYPES))
    assert [str(problem).endswith(lacking or "") for problem in unproven] == ([] if lacking is None else [True])


@pytest.mark.parametrize("status", ["draft", "shadow", "paused"])
def test_other_rules_need_no_proof(status: str) -> None:
    book = RuleBook((rule("quiet", when=QUIET, status=status),))
    assert live_without_proof(book, run_examples(book, TYPES)) == []


def test_what_a_test_over_several_rules_shows_is_no_proof_of_one() -> None:
    book = RuleBook((FIRST,))
    expect = [{"at": "45 days", "rule": "first", "action": "at-risk"}]
    tests = [RuleTest.model_validate({"name": "a test", "given": BOUGHT, "expect": expect})]
    assert [problem.rule for problem in live_without_proof(book, run_tests(book, tests, TYPES))] == ["first"]


@pytest.mark.parametrize(
    ("expected", "is_problem"),
    [("no_longer_true", False), ("customer_returned", False), ("late_event", True), ("opted_out", True)],
)
def test_an_example_with_the_reason_that_release_0_1_gave_keeps_no_worker_from_starting(
    expected: str, is_problem: bool
) -> None:
    cancelled = f"""
rules:
  - id: quiet
    title: Quiet
    status: live
    when: {{all: [{{none: purchase, for: 45 days}}, {{status: active}}]}}
    action: at-risk
    template: a
    expires after: 14 days
    examples:
      - name: silence, and then a cancellation
        given: [{{at: start, event: purchase}}, {{at: 50 days, event: cancellation}}]
        expect: [{{at: 45 days, action: at-risk}}, {{at: 50 days, retracted: {expected}}}]
      - {{name: short, given: [{{at: start, event: purchase}}], watch for: 40 days, expect: nothing}}
"""
    parsed = read_documents({"a.yaml": cancelled}, KnownNames(frozenset(TYPES)))
    assert parsed.problems == ()
    problems = proof_problems(parsed, list(TYPES))
    assert [problem.code for problem in problems] == (["failing-example"] if is_problem else [])
    (first, _) = run_examples(parsed.book, TYPES)
    assert first.passed is (expected == "no_longer_true")  # `linger rules test` is exact
