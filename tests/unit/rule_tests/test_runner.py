"""Laws of the runner: an example runs as if its rule were live, and every kind of condition can be tested."""

from typing import Any, Final

import pytest

from schemas.conditions import CONDITION_WORDS
from schemas.rules import RuleBook
from tests.support.builders import rule
from tests.support.looked_at import LADDER
from tests.unit.rule_tests.example_rules import (
    ACTS,
    BOUGHT,
    FILE,
    FIRST,
    QUIET,
    TYPES,
    example,
    run_one,
    run_test,
    text_of,
)
from workers.rule_files.known_names import KnownNames
from workers.rule_files.problems import Problem
from workers.rule_files.rules import read_documents
from workers.rule_tests.locations import SourceLocations
from workers.rule_tests.proof import live_without_proof, problems_without_proof
from workers.rule_tests.runner import in_short, problems_of, run_examples


@pytest.mark.parametrize("status", ["draft", "shadow", "live", "paused"])
def test_an_example_runs_as_if_its_rule_were_live(status: str) -> None:
    assert run_one(ACTS, status=status).passed


def test_a_rules_own_examples_know_no_other_rule() -> None:
    rules = (
        rule("quiet", when=QUIET, priority=1, examples=[example(ACTS)]),
        rule("loud", when=QUIET, priority=100, instead_of=["quiet"], examples=[example(ACTS)]),
    )
    assert [result.passed for result in run_examples(RuleBook(rules), TYPES)] == [True, True]


def test_no_customer_of_an_example_is_held_out() -> None:
    assert run_one(ACTS, hold_out="50%", experiment="an-experiment").passed
    # ... whichever half the made-up customer would be in.
    assert run_one(ACTS, hold_out="50%", experiment="another-one").passed
    assert run_one(ACTS, hold_out="50%", experiment="a-third-one").passed
    assert run_one(ACTS, policy={"hold out": "50% of everybody"}).passed


def test_what_holds_for_every_rule_holds_in_examples() -> None:
    consent = {"consent": {"from": "profile.consent", "opted out": [False]}}
    given = [*BOUGHT, {"at": "1 day", "event": "profile", "with": {"consent": False}}]
    assert run_one("nothing", given, policy=consent).passed
    assert run_one([{"at": "45 days", "decision": "opted_out"}], given, policy=consent).passed
    assert not run_one(ACTS, given, policy=consent).passed


def test_quiet_hours_say_when_an_action_may_be_sent() -> None:
    quiet = {"quiet hours": {"from": "21:00", "until": "08:00"}}
    assert run_one([{**ACTS[0], "not before": "45 days 8 hours"}], policy=quiet).passed
    assert not run_one([{**ACTS[0], "not before": "45 days 9 hours"}], policy=quiet).passed
    assert run_one(ACTS, policy=quiet).passed


def test_names_of_conditions_are_known_in_examples() -> None:
    one = rule("quiet", when={"meets": "gone quiet"}, examples=[example(ACTS)])
    book = RuleBook((one,), {"gone quiet": rule(when=QUIET).when})
    assert run_examples(book, TYPES)[0].passed


LOGINS: Final = {"at": "start", "event": "login", "every": "1 day", "times": 10}
COMPLAINT: Final = {"at": "start", "event": "complaint"}
KINDS: Final[dict[str, tuple[Any, list[Any], str]]] = {
    "count": ({"count": "login", "at least": 4}, [LOGINS], "3 days"),
    "sum": (
        {"sum": "purchase.amount", "more than": 29.99},
        [{"at": "start", "event": "purchase", "every": "6 hours", "times": 3}],
        "12 hours",
    ),
    "value": (
        {"value": "at least 29.99"},
        [{"at": "start", "event": "purchase", "every": "6 hours", "times": 3}],
        "12 hours",
    ),
    "average": (
        {"average": "nps.score", "at most": 3, "within": "30 days"},
        [
            {"at": "start", "event": "nps", "with": {"score": 1}},
            {"at": "1 day", "event": "nps", "with": {"score": 5}},
        ],
        "29 days",
    ),
    "distinct": (
        {"distinct": "purchase.category", "at least": 2},
        [
            {"at": "start", "event": "purchase", "with": {"category": "tea"}, "every": "1 day", "times": 3},
            {"at": "5 days", "event": "purchase", "with": {"category": "cups"}},
        ],
        "5 days",
    ),
    "days with": ({"days with": "login", "at least": 4, "within": "28 days"}, [LOGINS], "3 days"),
    "none": (QUIET, BOUGHT, "45 days"),
    "last": ({"last": "purchase", "at least": "30 days ago"}, BOUGHT, "30 days"),
    "first": ({"first": "login", "between": "12 days and 30 days ago"}, [LOGINS], "12 days"),
    "known for": ({"known for": "90 days"}, BOUGHT, "90 days"),
    "change": (
        {"change": "login", "down by": "50%", "within": "30 days", "from at least": 6},
        [LOGINS],
        "59 days",
    ),
    "overdue": (
        {"overdue": "purchase", "by": "2 times", "usual gap": "10 days", "at least": "5 days"},
        BOUGHT,
        "20 days",
    ),
    "after": (
        {
            "after": "complaint",
            "without": {"event": "purchase", "where": {"amount": {"at least": 11}}},
            "for": "2 days",
        },
        [COMPLAINT, {"at": "1 day", "event": "purchase"}],
        "2 days",
    ),
    "latest": (
        {"latest": "profile.plan", "is not": "gold"},
        [
            {"at": "start", "event": "profile", "with": {"plan": "gold"}},
            {"at": "3 days", "event": "profile", "with": {"plan": "basic"}},
        ],
        "3 days",
    ),
    "date": (
        {"date": "profile.ends", "in the next": "30 days"},
        [{"at": "start", "event": "profile", "with": {"ends": "2024-03-01"}}],
        "30 days",
    ),
    "status": ({"status": "cancelled", "for": "3 days"}, [{"at": "start", "event": "cancellation"}], "3 days"),
    "stage": ({"stage": "quiet"}, BOUGHT, "30 days"),
    "in stage for": ({"all": [{"stage": "quiet"}, {"in stage for": "20 days"}]}, BOUGHT, "50 days"),
    "moved": ({"moved": "up", "from": "quiet"}, BOUGHT, "90 days"),
    "meets": ({"meets": "gone quiet"}, BOUGHT, "45 days"),
    "all": ({"all": [QUIET, {"last": "login", "at least": "50 days ago"}]}, [*BOUGHT, LOGINS], "59 days"),
    "any": ({"any": [QUIET, {"last": "purchase", "at least": "50 days ago"}]}, BOUGHT, "45 days"),
    "not": ({"not": {"last": "purchase", "at most": "9 days ago"}}, BOUGHT, "9 days"),
}


@pytest.mark.parametrize("kind", CONDITION_WORDS)
def test_every_condition_can_be_tested(kind: str) -> None:
    when, given, at = KINDS[kind]
    examples = [example([{"at": at, "action": "at-risk"}], given, watch_for="90 days")]
    rules = (rule("quiet", when=when, examples=examples),)
    book = RuleBook(rules, {"gone quiet": rule(when=QUIET).when}, ladders=(LADDER,))
    (result,) = run_examples(book, TYPES)
    assert result.passed, text_of(result)


def test_an_example_of_a_rule_is_about_that_rule_alone() -> None:
    result = run_one([{"at": "45 days", "rule": "quite", "action": "at-risk"}])
    assert (result.problem, result.hint) == ("there is no rule 'quite' here", "did you mean 'quiet'?")
    assert run_one([{"at": "45 days", "rule": "quiet", "action": "at-risk"}]).passed


SECOND: Final = rule("second", when=QUIET, action="win-back", instead_of=["first"], status="shadow")
DRAFT: Final = rule("sketch", when=QUIET, status="draft")


def test_a_test_runs_on_all_live_and_shadow_rules_and_all_count_as_live() -> None:
    expect = [{"at": "45 days", "rule": "second", "action": "win-back"}]
    assert run_test({"expect": expect}, FIRST, SECOND, DRAFT).passed


def test_a_rule_that_a_test_names_counts_as_live_with_any_status() -> None:
    expect = [{"at": "45 days", "action": "at-risk"}]
    assert run_test({"rules": ["sketch"], "expect": expect}, FIRST, SECOND, DRAFT).passed


def test_rules_that_a_test_does_not_name_are_not_there() -> None:
    expect = [{"at": "45 days", "rule": "first", "action": "at-risk"}]
    assert run_test({"rules": ["first"], "expect": expect}, FIRST, SECOND).passed


def test_the_rule_that_stands_back_can_be_expected_to() -> None:
    expect = [
        {"at": "45 days", "rule": "second", "action": "win-back"},
        {"at": "45 days", "rule": "first", "decision": "outranked"},
    ]
    assert run_test({"expect": expect}, FIRST, SECOND).passed


def test_limits_count_over_all_rules_of_a_test() -> None:
    other = rule("other", when=QUIET, action="win-back")
    limits = {"limits": [{"at most": "1 action", "within": "7 days"}]}
    expect = [
        {"at": "45 days", "rule": "first", "action": "at-risk"},
        {"at": "45 days", "rule": "other", "decision": "capped"},
    ]
    assert run_test({"expect": expect}, FIRST, other, policy=limits).passed


@pytest.mark.parametrize(
    ("test", "problem", "hint"),
    [
        ({"rules": ["frist"], "expect": "nothing"}, "there is no rule 'frist' here", "did you mean 'first'?"),
        (
            {"expect": [{"at": "45 days", "rule": "sketch", "action": "at-risk"}]},
            "there is no rule 'sketch' here",
            None,
        ),
        (
            {"expect": [{"at": "45 days", "action": "at-risk"}]},
            "does not say which rule, and this test is about several",
            "add 'rule: first' or another",
        ),
    ],
)
def test_a_test_says_which_rule_it_means(test: dict[str, Any], problem: str, hint: str | None) -> None:
    result = run_test(test, FIRST, SECOND, DRAFT)
    assert (result.passed, result.problem, result.hint) == (False, problem, hint)


def test_a_test_without_any_rule_proves_nothing() -> None:
    assert run_test({"expect": "nothing"}, DRAFT).problem == "there is no live or shadow rule here"


def test_in_short_the_first_difference_is_shown() -> None:
    assert in_short(run_one()) == "at 45 days, action at-risk happens and is not expected"
    assert in_short(run_one([{"at": "44 days", "action": "at-risk"}])) == (
        "at 44 days, action at-risk is expected and does not happen"
    )
    assert in_short(run_one(ACTS)) == "passed"


def test_failures_are_problems_of_the_file() -> None:
    parsed = read_documents({"a.yaml": FILE}, KnownNames(TYPES))
    locate = SourceLocations(parsed.documents).locate
    results = run_examples(parsed.book, TYPES, locate)
    assert problems_of(results) == [
        Problem(
            "a.yaml",
            13,
            9,
            "failing-example",
            "the example 'buys nothing' fails: at 44 days, action at-risk is expected and does not happen",
            "`linger rules test` shows what happens, and when",
        ),
        Problem(
            "a.yaml",
            19,
            13,
            "impossible-example",
            "the example 'pays with nothing' cannot be run: there can be no such purchase: 'amount': Input should be "
            "a valid decimal; found 'none'",
        ),
    ]
    (problem,) = problems_without_proof(live_without_proof(parsed.book, results), locate)
    assert (problem.line, problem.column, problem.code) == (4, 13, "live-without-example")
    assert problem.message == "the rule 'quiet' is live, and has no passing example in which it does not act"
