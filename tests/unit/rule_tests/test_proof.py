"""Laws of proof: a live rule needs a passing example in which it acts, and one in which it does not."""

from typing import Any, Final

import pytest

from schemas.rules import RuleBook, RuleTest
from tests.support.builders import rule
from tests.unit.rule_tests.example_rules import ACTS, BOUGHT, FIRST, QUIET, TYPES, example
from workers.rule_tests.proof import live_without_proof
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
