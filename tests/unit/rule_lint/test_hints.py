"""Laws of hints: a reader who follows one makes no second mistake, and gets the rule that was meant."""

from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import msgspec
import pytest

from schemas.actions import Action, Decision
from schemas.rules import Example
from tests.unit.rule_lint.hint_cases import CASES, Case
from tests.unit.rule_lint.test_check import EXPECTED, FOLDER, SOURCES
from tests.unit.rule_lint.test_codes import as_file
from workers.rule_files.files import read_text
from workers.rule_files.hints.repairs import repaired
from workers.rule_files.known_names import event_types
from workers.rule_files.problems import Problem
from workers.rule_lint.check import CheckResult, check_texts
from workers.rule_lint.codes import CHAPTERS, EXPLANATIONS
from workers.rule_tests.playback import Playback, scenario_of

NOW: Final = datetime(2024, 6, 1, tzinfo=UTC)
FILE: Final = "rules/a.yaml"
WITHOUT_HINT: Final = {"cannot-read", "no-files", "empty-file", "wrong-size"}
ELSEWHERE: Final = {
    # These say what to do with a file, not with what is in it.
    *("file-left-out", "too-large", "not-utf-8", "too-deep"),
    # These are between two files, or need a history; what to do is to choose.
    *("repeated-definition", "repeated-for-every-rule", "repeated-value", "repeated-book", "unseen-value"),
    # What helps is another attribute, from a source; or a measurement.
    "personal-value",
    "value-of-personal",
    "no-threshold",
    "beyond-memory",
    # These need a ladder; see tests/unit/rule_files/test_ladders.py and test_newcomers.py.
    *("repeated-ladder", "stage-circle", "unknown-stage", "no-ladder", "late-stage"),
}
HISTORIES: Final[tuple[list[dict[str, Any]], ...]] = (
    [{"at": "start", "event": "purchase", "with": {"amount": 60, "currency": "EUR", "order_id": "Café"}}],
    [{"at": "start", "event": "purchase", "every": "7 days", "times": 3, "with": {"amount": 500, "currency": "EUR"}}],
    [
        {"at": "start", "event": "purchase", "every": "10 days", "times": 4, "with": {"amount": 20}},
        {"at": "80 days", "event": "cancellation", "with": {"reason": "price"}},
    ],
    [
        {"at": "start", "event": "login", "every": "2 days", "times": 6},
        {"at": "3 days", "event": "profile", "with": {"plan": "gold", "seats": 5, "newsletter": "yes"}},
        {"at": "4 days", "event": "purchase", "with": {"amount": 60, "currency": "EUR"}},
        {"at": "40 days", "event": "profile", "with": {"plan": "gold", "seats": 3, "newsletter": "no"}},
    ],
    [
        {"at": "start", "event": "complaint"},
        {"at": "1 day", "event": "login"},
        {"at": "70 days", "event": "purchase", "every": "40 days", "times": 2},
    ],
)


def checked(text: str) -> CheckResult:
    return check_texts({FILE: text}, SOURCES, NOW)


def problems_of(text: str) -> list[Problem]:
    result = checked(text)
    return [*result.mistakes, *result.warnings]


def with_code(case: Case) -> Problem:
    problems = [problem for problem in problems_of(as_file(case.wrong)) if problem.code == case.code]
    assert problems, f"{case.code} is not given for\n{case.wrong}"
    return problems[0]


def followed(case: Case) -> str:
    """Return the file of someone who follows the hint."""
    problem, text = with_code(case), as_file(case.wrong)
    if case.followed is not None:
        assert case.says in str(problem.hint)
        return as_file(case.followed)
    assert problem.replacement is not None, problem
    repaired_text = repaired(text, problem.replacement)
    assert repaired_text is not None
    return repaired_text


@cache
def decided(text: str) -> tuple[tuple[str, ...], ...]:
    """Return what the rules of a file decide for each customer."""
    book = checked(text).parsed.book
    types = tuple(event_types(SOURCES))
    scenario = scenario_of(book, book.rules, types)
    return tuple(
        tuple(
            _in_short(decision)
            for step in Playback.of(Example.model_validate(_example(given)), scenario).steps()
            for decision in step.happened
            if isinstance(decision, Action | Decision)
        )
        for given in HISTORIES
    )


def _example(given: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": "a customer", "given": given, "expect": "nothing", "watch for": "300 days"}


def _in_short(decision: Action | Decision) -> str:
    """Return a decision without what only the wording of a rule changes."""
    left_out = ("action_id", "why", "detail", "rule")
    content = msgspec.to_builtins(decision).items()
    return repr((decision.rule.id, {key: value for key, value in content if key not in left_out}))


def name_of(case: Case) -> str:
    return f"{case.code}: {' '.join(case.wrong.split())[:60]}"


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_hint_that_is_followed_leaves_no_mistake_and_gives_no_second_one(case: Case) -> None:
    before = Counter(problem.code for problem in problems_of(as_file(case.wrong)))
    result = checked(followed(case))
    assert [str(problem) for problem in result.mistakes] == []
    after = Counter(problem.code for problem in result.warnings)
    meant = Counter(problem.code for problem in checked(as_file(case.meant)).warnings)
    assert after[case.code] == 0
    assert after - before <= meant


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_a_hint_that_is_followed_gives_the_rule_that_was_meant(case: Case) -> None:
    assert decided(followed(case)) == decided(as_file(case.meant))
    assert any(decided(as_file(case.meant))), "no customer shows what was meant"


def test_every_code_with_a_hint_has_a_case() -> None:
    of_sources = set(CHAPTERS["sources.yaml"])
    assert {case.code for case in CASES} == set(EXPLANATIONS) - of_sources - WITHOUT_HINT - ELSEWHERE


def test_codes_that_are_said_to_have_no_hint_have_none() -> None:
    for name in EXPECTED:
        text, unread = read_text(FOLDER / f"{name}.yaml")
        for problem in unread if text is None else problems_of(text):
            assert problem.code not in WITHOUT_HINT or problem.hint is None


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_no_replacement_in_any_broken_file_leads_to_another_mistake_at_its_place(name: str) -> None:
    text, _ = read_text(FOLDER / f"{name}.yaml")
    for problem in problems_of(text) if text is not None else ():
        if problem.replacement is None:
            continue
        repaired_text = repaired(text or "", problem.replacement)
        assert repaired_text is not None
        assert repaired_text != text
        at = (problem.replacement.line, problem.replacement.column)
        there = [other for other in checked(repaired_text).mistakes if (other.line, other.column) == at]
        if "It needs 'examples'" in str(problem.hint):
            there = [other for other in there if other.code != "live-without-example"]
        assert [str(other) for other in there] == []
