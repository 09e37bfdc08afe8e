"""Laws of rule tests: examples run on the production core, everything decided must be expected, and the reverse."""

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

import pytest
from rich.console import Console

from schemas.conditions import CONDITION_WORDS
from schemas.rules import ForEveryRule, RuleBook, RuleTest
from tests.support.builders import rule
from tests.support.paths import ROOT
from workers.core.decisions.decide import decide
from workers.rule_files.known_names import KnownNames
from workers.rule_files.problems import Problem
from workers.rule_files.rules import read_documents
from workers.rule_files.yaml_nodes import parse_yaml, plain_value
from workers.rule_tests import files, playback
from workers.rule_tests.differences import words_of
from workers.rule_tests.files import report_on
from workers.rule_tests.locations import SourceLocations
from workers.rule_tests.proof import live_without_proof, problems_without_proof
from workers.rule_tests.reports import RuleTestReport, as_document, as_junit, render_report
from workers.rule_tests.runner import ExampleResult, SourceLocation, in_short, problems_of, run_examples, run_tests
from workers.rule_tests.timelines import as_rich, as_text, instead_of, timeline_of, title_of

TYPES: Final = ("purchase", "login", "cancellation", "complaint", "nps", "profile")
DATA: Final = ROOT / "tests" / "data" / "rule-tests"

QUIET: Final = {"none": "purchase", "for": "45 days"}
BOUGHT: Final = [{"at": "start", "event": "purchase"}]
ACTS: Final = [{"at": "45 days", "action": "at-risk"}]


def example(expect: Any = "nothing", given: Any = None, **content: Any) -> dict[str, Any]:
    written = {name.replace("_", " "): value for name, value in content.items()}
    return {"name": "an example", "given": BOUGHT if given is None else given, "expect": expect, **written}


def run_one(expect: Any = "nothing", given: Any = None, *, policy: Any = None, **content: Any) -> ExampleResult:
    """Run one example of one rule; `start` and `watch_for` go to the example, the rest to the rule."""
    own = {name: content.pop(name) for name in ("start", "watch_for") if name in content}
    content.setdefault("when", QUIET)
    one = rule("quiet", **content, examples=[example(expect, given, **own)])
    return run_examples(RuleBook((one,), {}, ForEveryRule.model_validate(policy or {})), TYPES)[0]


def text_of(result: ExampleResult) -> str:
    return as_text(timeline_of(result))


def run_test(test: dict[str, Any], *rules: Any, policy: Any = None) -> ExampleResult:
    book = RuleBook(rules, {}, ForEveryRule.model_validate(policy or {}))
    return run_tests(book, [RuleTest.model_validate({"name": "a test", "given": BOUGHT, **test})], TYPES)[0]


# -- what counts as passed -------------------------------------------------------------------------------------


def test_an_example_passes_if_exactly_what_it_expects_is_decided() -> None:
    result = run_one(ACTS)
    assert result.passed
    assert [entry.mark for entry in result.timeline] == ["given", "met"]


@pytest.mark.parametrize(
    "expect",
    [
        "nothing",
        [{"at": "44 days", "action": "at-risk"}],
        [{"at": "45 days 1 second", "action": "at-risk"}],
        [{"at": "44 days 23 hours 59 minutes 59 seconds", "action": "at-risk"}],
        [{"at": "45 days", "action": "win-back"}],
        [{"at": "45 days", "retracted": "customer_returned"}],
        [*ACTS, {"at": "46 days", "action": "at-risk"}],
        [*ACTS, *ACTS],
        [{"at": "45 days", "action": "at-risk", "variables": {"name": "Ada"}}],
        [{"at": "45 days", "action": "at-risk", "not before": "45 days"}],
    ],
)
def test_an_example_fails_if_anything_else_is_expected(expect: Any) -> None:
    assert not run_one(expect).passed


def test_moments_between_two_seconds_are_written_as_the_second_before() -> None:
    expect = [{"at": "7 days", "action": "at-risk"}]
    assert run_one(expect, when={"not": {"last": "purchase", "at most": "7 days ago"}}).passed


def test_reasons_why_nothing_is_sent_need_no_mention() -> None:
    given = [{"at": "start", "event": "purchase", "every": "50 days", "times": 2}]
    result = run_one([*ACTS, {"at": "50 days", "retracted": "customer_returned"}], given, again_after="never")
    assert result.passed
    assert [entry.mark for entry in result.timeline] == ["given", "met", "given", "met", "noted"]


def test_once_one_such_reason_is_expected_all_of_them_are() -> None:
    given = [{"at": "start", "event": "purchase", "every": "50 days", "times": 3}]
    expect = [
        *ACTS,
        {"at": "50 days", "retracted": "customer_returned"},
        {"at": "95 days", "decision": "cooling_down"},
    ]
    result = run_one(expect, given, again_after="never")
    assert [entry.mark for entry in result.timeline if entry.mark != "given"] == ["met", "met", "met", "unexpected"]
    assert run_one([*expect, {"at": "145 days", "decision": "cooling_down"}], given, again_after="never").passed


@pytest.mark.parametrize(
    ("written", "fits"),
    [
        ({"price": 25}, True),
        ({"price": 25.0}, True),
        ({"price": "25"}, True),
        ({"price": 26}, False),
        ({"price": True}, False),
        ({}, False),
        ({"price": 25, "more": 1}, False),
    ],
)
def test_variables_are_compared_by_what_they_mean_once_they_are_written(written: Any, fits: bool) -> None:
    given = [{"at": "start", "event": "purchase", "with": {"amount": 25}}]
    expect = [{**ACTS[0], "variables": written}]
    assert run_one(expect, given, variables={"price": "purchase.amount"}).passed is fits
    assert run_one(ACTS, given, variables={"price": "purchase.amount"}).passed


def test_what_is_true_is_not_the_number_one() -> None:
    given = [*BOUGHT, {"at": "start", "event": "profile", "with": {"club": True}}]
    content: Any = {"variables": {"club": "profile.club"}}
    assert run_one([{**ACTS[0], "variables": {"club": True}}], given, **content).passed
    assert not run_one([{**ACTS[0], "variables": {"club": 1}}], given, **content).passed


def test_a_missing_variable_can_be_expected() -> None:
    expect = [{**ACTS[0], "variables": {"club": None}}]
    assert run_one(expect, variables={"club": "profile.club"}).passed


# -- how it is run ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["draft", "shadow", "live", "paused"])
def test_an_example_runs_as_if_its_rule_were_live(status: str) -> None:
    assert run_one(ACTS, status=status).passed


def test_a_rules_own_examples_know_no_other_rule() -> None:
    rules = (
        rule("quiet", when=QUIET, priority=1, examples=[example(ACTS)]),
        rule("loud", when=QUIET, priority=100, instead_of=["quiet"], examples=[example(ACTS)]),
    )
    assert [result.passed for result in run_examples(RuleBook(rules), TYPES)] == [True, True]


def test_nobody_in_an_example_is_held_out() -> None:
    assert run_one(ACTS, hold_out="50%", experiment="an-experiment").passed
    # ... whichever half the made-up customer would be in.
    assert run_one(ACTS, hold_out="50%", experiment="another-one").passed
    assert run_one(ACTS, hold_out="50%", experiment="a-third-one").passed


def test_nothing_happened_before_the_example() -> None:
    # "Ever" is known from the start: everything has been watched, completely.
    when = {"all": [{"count": "purchase", "exactly": 1}, QUIET]}
    assert run_one(ACTS, when=when).passed


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


def test_a_timer_that_is_due_at_the_moment_of_an_event_comes_first() -> None:
    given = [{"at": "start", "event": "purchase", "every": "45 days", "times": 2}]
    expect = [*ACTS, {"at": "45 days", "retracted": "late_event"}, {"at": "90 days", "action": "at-risk"}]
    assert run_one(expect, given).passed


def test_events_of_the_same_moment_keep_the_order_of_the_file() -> None:
    given = [
        {"at": "1 day", "event": "complaint"},
        {"at": "start", "event": "login"},
        {"at": "1 day", "event": "purchase"},
    ]
    result = run_one("nothing", given, watch_for="2 days")
    assert [entry.fact.type for entry in result.timeline if entry.fact] == ["login", "complaint", "purchase"]


def test_what_is_repeated_comes_so_often_and_so_far_apart() -> None:
    given = [{"at": "1 day", "event": "login", "every": "12 hours", "times": 3}, *BOUGHT]
    result = run_one("nothing", given, watch_for="3 days")
    days = [entry.at.total_seconds() / 86_400 for entry in result.timeline]
    assert days == [0, 1, 1.5, 2]


def test_a_purchase_costs_ten_euros_unless_it_says_otherwise() -> None:
    given = [
        *BOUGHT,
        {"at": "1 day", "event": "purchase", "with": {"currency": "USD", "amount": 2.5, "shop": "Rome"}},
    ]
    facts = [entry.fact for entry in run_one("nothing", given, watch_for="2 days").timeline if entry.fact]
    assert [(fact.attributes["amount"], fact.attributes["currency"]) for fact in facts] == [(10, "EUR"), (2.5, "USD")]
    assert facts[1].attributes["shop"] == "Rome"
    assert len({fact.event_id for fact in facts}) == 2


def test_times_are_counted_from_the_start_wherever_that_is() -> None:
    result = run_one(ACTS, start="2024-03-30T12:00:00+01:00")
    assert result.passed
    assert result.start == datetime.fromisoformat("2024-03-30T11:00:00+00:00")
    assert "Sat 2024-03-30 11:00  purchase" in text_of(result)


def test_an_example_is_watched_for_two_years_after_its_last_event() -> None:
    given = [{"at": "10 days", "event": "purchase"}]
    when = {"none": "purchase", "for": "730 days"}
    assert run_one([{"at": "740 days", "action": "at-risk"}], given, when=when).passed


def test_an_example_may_be_watched_for_less() -> None:
    assert run_one("nothing", watch_for="44 days").passed
    assert not run_one("nothing", watch_for="45 days").passed


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Everything that was decided one by one."""
    taken: list[Any] = []

    def counted(*arguments: Any) -> Any:
        taken.append(arguments)
        return decide(*arguments)

    monkeypatch.setattr(playback, "decide", counted)
    return taken


def test_two_years_of_silence_take_no_more_steps_than_there_are_due_times(steps: list[Any]) -> None:
    assert run_one(ACTS).passed
    assert len(steps) == 2


def test_however_much_of_it_fails_an_example_is_played_twice_at_most(steps: list[Any]) -> None:
    given = [{"at": "start", "event": "purchase", "every": "50 days", "times": 20}]
    expect = [{"at": f"{day} days", "action": "win-back"} for day in range(1, 100)]
    assert not run_one(expect, given).passed
    assert len(steps) == 2 * (20 + 20)


# -- every condition ---------------------------------------------------------------------------------------------

LOGINS: Final = {"at": "start", "event": "login", "every": "1 day", "times": 10}
COMPLAINT: Final = {"at": "start", "event": "complaint"}
KINDS: Final[dict[str, tuple[Any, list[Any], str]]] = {
    "count": ({"count": "login", "at least": 4}, [LOGINS], "3 days"),
    "sum": (
        {"sum": "purchase.amount", "more than": 29.99},
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
    "meets": ({"meets": "gone quiet"}, BOUGHT, "45 days"),
    "all": ({"all": [QUIET, {"last": "login", "at least": "50 days ago"}]}, [*BOUGHT, LOGINS], "59 days"),
    "any": ({"any": [QUIET, {"last": "purchase", "at least": "50 days ago"}]}, BOUGHT, "45 days"),
    "not": ({"not": {"last": "purchase", "at most": "9 days ago"}}, BOUGHT, "9 days"),
}


@pytest.mark.parametrize("kind", CONDITION_WORDS)
def test_every_condition_can_be_tested(kind: str) -> None:
    when, given, at = KINDS[kind]
    examples = [example([{"at": at, "action": "at-risk"}], given, watch_for="90 days")]
    book = RuleBook((rule("quiet", when=when, examples=examples),), {"gone quiet": rule(when=QUIET).when})
    (result,) = run_examples(book, TYPES)
    assert result.passed, text_of(result)


# -- what cannot be run ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "problem", "hint"),
    [
        ({"event": "puchase"}, "there is no event type 'puchase'", "did you mean 'purchase'?"),
        (
            {"event": "zzz"},
            "there is no event type 'zzz'",
            "known are cancellation, complaint, login, nps, profile, purchase",
        ),
        (
            {"event": "purchase", "with": {"amount": -1}},
            "there can be no such purchase: 'amount': Input should be greater than or equal to 0; found -1",
            None,
        ),
        (
            {"event": "purchase", "with": {"currency": "euro"}},
            "there can be no such purchase: 'currency': String should match pattern '^[A-Z]{3}$'; found 'euro'",
            None,
        ),
        (
            {"event": "cancellation", "with": {"effective_at": "tomorrow"}},
            "there can be no such cancellation: 'effective_at': must be an ISO 8601 text with a zone, such as "
            "2026-10-03T09:14:52Z; found 'tomorrow'",
            None,
        ),
        (
            {"event": "nps", "with": {"comment": "x" * 1025}},
            "there can be no such nps: 'attributes': 'comment' is longer than 1024 bytes; found",
            None,
        ),
    ],
)
def test_an_event_that_no_source_could_bring_is_an_error_of_the_example(
    given: dict[str, Any], problem: str, hint: str | None
) -> None:
    result = run_one("nothing", [*BOUGHT, {"at": "1 day", **given}])
    assert not result.passed
    assert result.problem is not None
    assert result.problem.startswith(problem)
    assert result.hint == hint
    assert "cannot be run: there " in text_of(result)


def test_nothing_can_be_given_after_the_end() -> None:
    result = run_one(
        "nothing", [{"at": "start", "event": "login", "every": "10 days", "times": 3}], watch_for="19 days"
    )
    assert result.problem == "is watched for 19 days only, and something is given at 20 days"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            {"given": [{"at": "start", "event": "login", "every": "366 days", "times": 12}]},
            "goes on for longer than 3660 days",
        ),
        (
            {"expect": [{"at": "3660 days 1 second", "action": "at-risk"}]},
            "is later than 3660 days after the start",
        ),
        ({"start": "9990-01-01T00:00:00Z"}, "starts less than 3660 days before 9998-01-01"),
        ({"start": "1969-12-31T23:59:59Z"}, "there can be no such purchase: 'occurred_at': is before 1970"),
    ],
)
def test_an_example_lasts_no_longer_than_can_be_written(content: dict[str, Any], problem: str) -> None:
    result = run_one(content.pop("expect", "nothing"), content.pop("given", None), **content)
    assert result.problem is not None
    assert result.problem.startswith(problem)


def test_an_example_of_a_rule_is_about_that_rule_alone() -> None:
    result = run_one([{"at": "45 days", "rule": "quite", "action": "at-risk"}])
    assert (result.problem, result.hint) == ("there is no rule 'quite' here", "did you mean 'quiet'?")
    assert run_one([{"at": "45 days", "rule": "quiet", "action": "at-risk"}]).passed


# -- tests over several rules ----------------------------------------------------------------------------------

FIRST: Final = rule("first", when=QUIET, action="at-risk")
SECOND: Final = rule("second", when=QUIET, action="win-back", instead_of=["first"], status="shadow")
DRAFT: Final = rule("sketch", when=QUIET, status="draft")


def test_a_test_runs_on_all_live_and_shadow_rules_and_all_count_as_live() -> None:
    expect = [{"at": "45 days", "rule": "second", "action": "win-back"}]
    assert run_test({"expect": expect}, FIRST, SECOND, DRAFT).passed


def test_a_rule_that_a_test_names_counts_as_live_whatever_its_status() -> None:
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
            "says not which rule, and this test is about several",
            "add 'rule: first' or another",
        ),
    ],
)
def test_a_test_says_which_rule_it_means(test: dict[str, Any], problem: str, hint: str | None) -> None:
    result = run_test(test, FIRST, SECOND, DRAFT)
    assert (result.passed, result.problem, result.hint) == (False, problem, hint)


def test_a_test_without_any_rule_proves_nothing() -> None:
    assert run_test({"expect": "nothing"}, DRAFT).problem == "there is no live or shadow rule here"


# -- what a failure says ---------------------------------------------------------------------------------------

CASES: Final = sorted(path.stem for path in DATA.glob("*.yaml") if not path.stem.endswith("_test"))


@pytest.mark.parametrize("case", CASES)
def test_a_failing_example_is_shown_so_that_one_sees_why(case: str) -> None:
    """Each case is a rule file whose examples fail; what is shown stands beside it."""
    parsed = read_documents({f"{case}.yaml": (DATA / f"{case}.yaml").read_text()}, KnownNames(TYPES))
    assert parsed.problems == ()
    results = run_examples(parsed.book, TYPES, SourceLocations(parsed.documents).locate)
    assert not any(result.passed for result in results)
    shown = "\n".join(as_text([title_of(result), *timeline_of(result)]) for result in results)
    assert shown == (DATA / f"{case}.txt").read_text()


def test_there_are_failures_of_every_sort_to_look_at() -> None:
    assert len(CASES) >= 6


WRONG: Final[list[tuple[Any, dict[str, Any]]]] = [
    ("nothing", {}),
    ([{"at": "44 days", "action": "at-risk"}], {}),
    ([*ACTS, *ACTS], {}),
    ([{"at": "1 day", "retracted": "late_event"}], {"given": [{"at": "start", "event": "login"}]}),
    (ACTS, {"given": [{"at": "start", "event": "purchase", "every": "50 days", "times": 3}]}),
    (
        [{"at": "1 day", "decision": "held_out"}],
        {"given": [{"at": "start", "event": "purchase", "every": "50 days", "times": 3}], "again_after": "never"},
    ),
    ([{**ACTS[0], "variables": {"x": 1}}], {"variables": {"price": "purchase.amount", "shop": "purchase.shop"}}),
    (
        [{**ACTS[0], "variables": {}}],
        {
            "variables": {"shop": "purchase.shop"},
            "given": [{"at": "start", "event": "purchase", "with": {"shop": 'a: "b" # c\n- yes'}}],
        },
    ),
    (
        [{**ACTS[0], "not before": "start"}],
        {"policy": {"quiet hours": {"from": "21:00", "until": "08:00"}}},
    ),
    (
        [{**ACTS[0], "variables": {"price": 10}}],
        {
            "given": [{"at": "start", "event": "purchase", "every": "50 days", "times": 2}],
            "variables": {"price": "purchase.amount"},
        },
    ),
    ("nothing", {"when": {"not": {"last": "purchase", "at most": "7 days ago"}}}),
]


@pytest.mark.parametrize(("expect", "content"), WRONG)
def test_what_is_offered_to_paste_makes_a_failing_example_pass(expect: Any, content: dict[str, Any]) -> None:
    content = dict(content)
    given = content.pop("given", None)
    failed = run_one(expect, given, **content)
    assert not failed.passed
    document = parse_yaml("pasted.yaml", instead_of(failed))
    assert document.root is not None
    assert document.problems == ()
    pasted: Any = plain_value(document.root)
    assert run_one(pasted["expect"], given, **content).passed
    assert all(line.strip() in text_of(failed) for line in instead_of(failed).splitlines())


def test_what_is_offered_keeps_what_the_example_compares() -> None:
    given = [{"at": "start", "event": "purchase", "every": "50 days", "times": 2}]
    failed = run_one([{**ACTS[0], "variables": {"price": 10}}], given, variables={"price": "purchase.amount"})
    assert instead_of(failed) == (
        "expect:\n"
        "  - at: 45 days\n"
        "    action: at-risk\n"
        '    variables: {"price":"10"}\n'
        "  - at: 50 days\n"
        "    retracted: customer_returned\n"
        "  - at: 95 days\n"
        "    action: at-risk\n"
        '    variables: {"price":"10"}\n'
    )


def test_many_events_alike_in_a_row_are_shown_as_the_first_and_the_last() -> None:
    given = [{"at": "start", "event": "login", "every": "1 day", "times": 40}]
    shown = text_of(run_one("nothing", given, watch_for="40 days")).splitlines()
    assert [line.split()[0] for line in shown] == ["start", "…", "39"]
    assert "38 more like this" in shown[1]


def test_a_name_cannot_tell_the_terminal_what_to_do() -> None:
    one = rule("quiet", when=QUIET, examples=[{**example(), "name": "red \x1b[31m alert"}])
    result = run_examples(RuleBook((one,)), TYPES)[0]
    assert "\x1b" not in as_text([title_of(result)])
    assert "\x1b" not in as_rich([title_of(result)]).plain


def test_in_short_the_first_difference_is_told() -> None:
    assert in_short(run_one()) == "at 45 days, action at-risk happens and is not expected"
    assert in_short(run_one([{"at": "44 days", "action": "at-risk"}])) == (
        "at 44 days, action at-risk is expected and does not happen"
    )
    assert in_short(run_one(ACTS)) == "passed"


def test_with_several_rules_each_line_says_which() -> None:
    result = run_test({"expect": "nothing"}, FIRST, rule("other", when=QUIET))
    assert "first: action at-risk" in text_of(result)
    assert "rule: other" in text_of(result)
    only = next(entry.expected for entry in result.timeline if entry.expected)
    assert words_of(only, False) == "action at-risk"


# -- proof -----------------------------------------------------------------------------------------------------

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
    assert [str(one).endswith(lacking or "") for one in unproven] == ([] if lacking is None else [True])


@pytest.mark.parametrize("status", ["draft", "shadow", "paused"])
def test_other_rules_need_no_proof(status: str) -> None:
    book = RuleBook((rule("quiet", when=QUIET, status=status),))
    assert live_without_proof(book, run_examples(book, TYPES)) == []


def test_what_a_test_over_several_rules_shows_is_no_proof_of_one() -> None:
    book = RuleBook((FIRST,))
    expect = [{"at": "45 days", "rule": "first", "action": "at-risk"}]
    tests = [RuleTest.model_validate({"name": "a test", "given": BOUGHT, "expect": expect})]
    assert [one.rule for one in live_without_proof(book, run_tests(book, tests, TYPES))] == ["first"]


# -- where it stands -------------------------------------------------------------------------------------------

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
PASSING: Final = FILE[: FILE.index("      - name: buys nothing")]


def test_every_result_says_where_it_stands() -> None:
    parsed = read_documents({"a.yaml": FILE}, KnownNames(TYPES))
    results = run_examples(parsed.book, TYPES, SourceLocations(parsed.documents).locate)
    assert [result.place for result in results] == [
        SourceLocation("a.yaml", 10, 9),
        SourceLocation("a.yaml", 13, 9),
        SourceLocation("a.yaml", 19, 13),
    ]


def test_without_files_a_place_is_nowhere() -> None:
    assert run_one(ACTS).place == SourceLocation()
    assert SourceLocations([]).locate("quiet", 0, ()) == SourceLocation()


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
            "`linger rules test` shows what happens when",
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


# -- files and the command -------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "quiet.yaml").write_text(FILE)
    (tmp_path / "together_test.yaml").write_text(TESTS)
    return tmp_path


def passed(report: RuleTestReport) -> dict[str, bool]:
    assert report.problems == ()
    return {result.name: result.passed for result in report.results}


def test_a_folder_runs_its_examples_and_its_tests(folder: Path) -> None:
    report = report_on([folder], TYPES)
    assert [(Path(result.place.file).name, result.place.line, result.passed) for result in report.results] == [
        ("quiet.yaml", 10, True),
        ("quiet.yaml", 13, False),
        ("quiet.yaml", 19, False),
        ("together_test.yaml", 2, True),
        ("together_test.yaml", 7, False),
    ]
    assert report.results[-1].hint == "did you mean 'quiet'?"
    assert [one.rule for one in report.unproven] == ["quiet"]


def test_a_file_of_tests_is_about_the_rules_beside_it(folder: Path) -> None:
    assert passed(report_on([folder / "together_test.yaml"], TYPES)) == {
        "buys once": True,
        "buys and is forgotten": False,
    }


def test_a_rule_file_runs_its_examples_alone(folder: Path) -> None:
    assert list(passed(report_on([folder / "quiet.yaml"], TYPES))) == [
        "buys once",
        "buys nothing",
        "pays with nothing",
    ]


def test_the_rule_files_beside_a_file_are_read_and_not_run(folder: Path) -> None:
    own = PASSING.replace("{none: purchase, for: 45 days}", "{meets: gone quiet}\n    instead of: [other]")
    (folder / "quiet.yaml").write_text(own)
    (folder / "names.yaml").write_text("define:\n  gone quiet: {none: purchase, for: 45 days}\n")
    (folder / "other.yaml").write_text(PASSING.replace("id: quiet", "id: other"))
    (folder / "docker-compose.yml").write_text("services: {}\n")
    assert [result.owner for result in report_on([folder / "quiet.yaml"], TYPES).results] == ["quiet"]
    assert len(report_on([folder / "together_test.yaml"], TYPES).results) == 2
    (folder / "names.yaml").write_text("define:\n  gone quiet: {none: puchase, for: 45 days}\n")
    (problem,) = report_on([folder / "quiet.yaml"], TYPES).problems
    assert (Path(problem.file).name, problem.code) == ("names.yaml", "unknown-type")


def test_a_file_that_is_named_twice_runs_once(folder: Path) -> None:
    paths = [folder, folder / "quiet.yaml", folder / "together_test.yaml"]
    assert len(report_on(paths, TYPES).results) == 5


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("NOTHING", ["buys nothing", "pays with nothing"]),
        ("quiet", ["buys once", "buys nothing", "pays with nothing"]),
        ("together", ["buys once", "buys and is forgotten"]),
        ("nobody", []),
    ],
)
def test_only_what_a_pattern_fits_is_run(folder: Path, pattern: str, names: list[str]) -> None:
    report = report_on([folder], TYPES, pattern)
    assert [result.name for result in report.results] == names
    assert report.unproven == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        ("quiet.yaml", "at-risk", "at-riks", "wrong-value"),
        ("together_test.yaml", "expect: nothing", "expetc: nothing", "unknown-key"),
    ],
)
def test_nothing_is_run_while_a_file_is_broken(folder: Path, file: str, old: str, new: str, code: str) -> None:
    path = folder / file
    path.write_text(path.read_text().replace(old, new, 1))
    report = report_on([folder], TYPES)
    assert report.results == ()
    assert not report.is_good
    assert {(Path(problem.file).name, problem.code) for problem in report.problems} == {(file, code)}


def command(*paths: Path, sources: Path | None = None, **options: Any) -> tuple[int, str]:
    out = Console(file=io.StringIO(), width=100, highlight=False)
    chosen = {"as_json": False, "pattern": None, "verbose": False, "junit": None, **options}
    status = files.test_command(paths, sources, out, **chosen)
    return status, out.file.getvalue()  # type: ignore[attr-defined]


def test_the_command_ends_with_zero_if_all_passed(folder: Path) -> None:
    (folder / "quiet.yaml").write_text(PASSING)
    status, shown = command(folder / "quiet.yaml")
    assert status == 0
    assert shown.splitlines() == [
        "the rule 'quiet' is live, and has no passing example in which it does not act",
        "✓ quiet  1 passed",
        "1 run, 1 passed, 0 failed",
    ]


def test_the_command_shows_what_failed_and_ends_with_one(folder: Path) -> None:
    status, shown = command(folder)
    assert status == 1
    assert "✗ quiet: buys nothing  [" in shown
    assert "buys once" not in shown
    assert "✓ quiet: buys once  [" in command(folder, verbose=True)[1]
    assert shown.splitlines()[-1] == "5 run, 2 passed, 3 failed"


def test_the_command_shows_the_problems_of_broken_files_and_ends_with_one(folder: Path) -> None:
    (folder / "quiet.yaml").write_text(FILE.replace("at-risk", "at-riks", 1))
    status, shown = command(folder)
    assert status == 1
    assert "did you mean 'at-risk'?" in shown


def test_a_pattern_that_fits_nothing_is_no_success(folder: Path) -> None:
    status, shown = command(folder, pattern="nobody")
    assert (status, shown) == (1, "nothing to run: nothing is called 'nobody'\n")


def test_rules_without_examples_are_no_failure(folder: Path) -> None:
    (folder / "quiet.yaml").write_text(PASSING[: PASSING.index("    examples:")].replace("live", "draft"))
    assert command(folder / "quiet.yaml") == (0, "nothing to run: no examples\n")


def test_event_types_of_ones_own_come_from_the_sources(folder: Path) -> None:
    path = folder / "quiet.yaml"
    path.write_text(PASSING.replace("event: purchase", "event: purchase}, {at: 1 day, event: complaint"))
    sources = folder.parent / "sources.yaml"
    sources.write_text("event_types: {complaint: Somebody complains.}\nsources: []\n")
    assert command(path)[0] == 1
    declared = "event_types:\n  complaint: {}\n"
    topic = "sources:\n  - {topic: a, format: canonical, events: [purchase, complaint], max_silence: 1 day}\n"
    sources.write_text(declared + topic)
    status, shown = command(path, sources=sources)
    assert (status, shown.splitlines()[-1]) == (0, "1 run, 1 passed, 0 failed")


def test_for_machines_there_is_json(folder: Path) -> None:
    status, shown = command(folder, as_json=True)
    document = json.loads(shown)
    assert (status, document["passed"], document["problems"]) == (1, False, [])
    failed = document["results"][1]
    assert (failed["name"], failed["line"], failed["rules"]) == ("buys nothing", 13, ["quiet"])
    assert [(one["kind"], one["at"], one["action"]) for one in failed["differences"]] == [
        ("missing", "44 days", "at-risk"),
        ("unexpected", "45 days", "at-risk"),
    ]
    assert failed["differences"][0]["conditions"][0]["truth"] == "not observable"
    assert failed["instead"] == "expect:\n  - at: 45 days\n    action: at-risk\n"
    assert document["live_without_proof"] == [{"rule": "quiet", "acts": True, "stays_silent": False}]


def test_build_servers_get_what_they_understand(folder: Path) -> None:
    status, _ = command(folder, junit=folder / "report.xml")
    suite = ElementTree.parse(folder / "report.xml").getroot()
    assert status == 1
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "3", "0")
    messages = [failure.get("message") or "" for failure in suite.iter("failure")]
    assert messages[0] == "at 44 days, action at-risk is expected and does not happen"
    assert messages[1].startswith("cannot be run: there can be no such purchase")


def test_a_broken_file_is_an_error_for_build_servers(folder: Path) -> None:
    (folder / "quiet.yaml").write_text("rules: <&>")
    report = report_on([folder], TYPES)
    suite = ElementTree.fromstring(as_junit(report))
    assert suite.get("errors") == str(len(report.problems)) != "0"
    assert as_document(report)["results"] == []


def test_machines_get_nothing_that_they_cannot_read() -> None:
    expect = [{**ACTS[0], "variables": {"name": float("inf"), "number": 10**39, "plain": 1}}]
    one = rule("quiet", when=QUIET, examples=[{**example(expect), "name": "red \x1b[31m & <alert>"}])
    report = RuleTestReport(tuple(run_examples(RuleBook((one,)), TYPES)))
    case = ElementTree.fromstring(as_junit(report)).find("testcase")
    assert case is not None
    assert case.get("name") == "red ·[31m & <alert>"
    variables = json.loads(json.dumps(as_document(report), allow_nan=False))["results"][0]["differences"][1][
        "variables"
    ]
    assert variables == {"name": "inf", "number": str(10**39), "plain": 1}


def test_the_summary_counts_by_rule_and_file(folder: Path) -> None:
    shown = [line.text for line in render_report(report_on([folder], TYPES))]
    assert shown[-3].split() == ["✗", "quiet", "1", "passed,", "2", "failed"]
    assert shown[-2].split()[2:] == ["1", "passed,", "1", "failed"]
