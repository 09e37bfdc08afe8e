"""Laws of stages in examples: once one is expected, every change of the stage is, and what differs says why."""

from typing import Any, Final

import pytest

from schemas.ladders import Ladder
from schemas.rules import RuleBook, RuleTest
from tests.support.builders import rule
from tests.unit.rule_tests.example_rules import BOUGHT, QUIET, TYPES, text_of
from workers.rule_tests.runner import ExampleResult, run_tests
from workers.rule_tests.timelines import instead_of

LADDER: Final[dict[str, Any]] = {
    "name": "simple",
    "status": "live",
    "steps": [
        {"stage": "regular", "when": {"all": [{"count": "purchase", "at least": 2}, {"not": QUIET}]}},
        {"stage": "newcomer", "when": {"not": QUIET}},
    ],
    "otherwise": "quiet",
}
TWICE: Final = [{"at": "start", "event": "purchase", "every": "20 days", "times": 2}]
WALK: Final = [
    {"at": "start", "stage": "newcomer"},
    {"at": "20 days", "stage": "regular"},
    {"at": "65 days", "stage": "quiet"},
]
READS: Final = rule("reads", when={"stage": "quiet"})


def run(expect: Any, given: Any = BOUGHT, *rules: Any, ladder: Any = LADDER, **content: Any) -> ExampleResult:
    ladders = () if ladder is None else (Ladder.model_validate(ladder),)
    test = {"name": "a test", "given": given, "expect": expect, "rules": [one.id for one in rules], **content}
    return run_tests(RuleBook(rules, ladders=ladders), [RuleTest.model_validate(test)], TYPES)[0]


def test_every_change_of_the_stage_is_expected_from_the_first_that_is_known() -> None:
    assert run(WALK, TWICE).passed
    for index in range(len(WALK)):
        result = run([*WALK[:index], *WALK[index + 1 :]], TWICE)
        assert [entry.mark for entry in result.timeline].count("unexpected") == 1
        assert not run([*WALK, WALK[index]], TWICE).passed


def test_stages_need_no_mention_where_none_is_expected() -> None:
    action = {"at": "45 days", "action": "at-risk"}
    assert run([action], BOUGHT, READS).passed
    assert (
        run([{"at": "start", "stage": "newcomer"}, action], BOUGHT, READS, **{"watch for": "44 days"}).passed is False
    )
    assert run(
        [{"at": "start", "stage": "newcomer"}, {"at": "45 days", "stage": "quiet"}, action], BOUGHT, READS
    ).passed


def test_a_stage_that_an_event_of_the_same_moment_disproves_is_corrected_then() -> None:
    given = [{"at": "start", "event": "purchase", "every": "45 days", "times": 2}]
    expect = [
        {"at": "start", "stage": "newcomer"},
        {"at": "45 days", "stage": "quiet"},
        {"at": "45 days", "stage": "regular"},
        {"at": "90 days", "stage": "quiet"},
    ]
    assert run(expect, given).passed


def test_what_is_offered_to_paste_lists_the_stages() -> None:
    result = run([{"at": "1 day", "stage": "quiet"}], TWICE)
    assert instead_of(result) == (
        "expect:\n  - at: start\n    stage: newcomer\n  - at: 20 days\n    stage: regular\n"
        "  - at: 65 days\n    stage: quiet\n"
    )
    assert run(WALK, TWICE).instead == result.instead


def test_what_differs_says_where_the_customer_stands_and_why() -> None:
    text = text_of(run([*WALK[:1], {"at": "30 days", "stage": "newcomer"}, *WALK[2:]], TWICE))
    assert "+ 20 days  Sun 2024-01-21 00:00  stage regular  happens, and is not expected" in text
    assert "moves up from 'newcomer'" in text
    assert "because at least 2 purchases ever: 2" in text
    missing = text[text.index("- 30 days") :]
    assert "stage newcomer  expected, and does not happen" in missing
    assert "the customer stands on 'regular' since 20 days; the step 'newcomer':" in missing
    lowest = text_of(run([{"at": "30 days", "stage": "quiet"}], BOUGHT))
    assert "it happens at 45 days" in lowest
    assert "the customer stands on 'newcomer' since start" in lowest
    both = text_of(run([{"at": "start", "stage": "regular"}]))
    assert "instead the stage is newcomer" in both
    assert "is known for the first time, which is no move" in both


def test_where_the_stage_is_unknown_that_is_said() -> None:
    unknown = {"name": "by-score", "status": "live", "otherwise": "others"}
    ladder = {**unknown, "steps": [{"stage": "happy", "when": {"latest": "nps.score", "at least": 9}}]}
    text = text_of(run([{"at": "1 day", "stage": "happy"}], ladder=ladder))
    assert "at that time it is unknown where the customer stands; the step 'happy':" in text


@pytest.mark.parametrize(
    ("expect", "ladder", "problem", "hint"),
    [
        ({"stage": "quite"}, LADDER, "the live ladder has no stage 'quite'", "did you mean 'quiet'?"),
        (
            {"stage": "xyz"},
            LADDER,
            "the live ladder has no stage 'xyz'",
            "its stages are regular, newcomer, quiet",
        ),
        ({"stage": "quiet"}, None, "no ladder is live, so that no customer stands on a stage", None),
        (
            {"stage": "quiet"},
            {**LADDER, "status": "draft"},
            "no ladder is live, so that no customer stands on a stage",
            None,
        ),
    ],
)
def test_a_stage_must_be_of_the_live_ladder(expect: Any, ladder: Any, problem: str, hint: str | None) -> None:
    result = run([{"at": "1 day", **expect}], ladder=ladder)
    assert (result.problem, result.hint) == (problem, hint)


def test_without_a_rule_only_stages_can_be_expected() -> None:
    result = run([WALK[0], {"at": "1 day", "action": "at-risk"}])
    assert result.problem == "no rule is tested here, so that only stages can be expected"
    assert run("nothing").problem == "is about no rule, and expects no stage"


@pytest.mark.parametrize(
    "more", [{"rule": "reads"}, {"variables": {}}, {"not before": "2 days"}, {"action": "at-risk"}]
)
def test_a_stage_belongs_to_no_rule_and_carries_nothing(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"a stage has no|needs one of"):
        run([{"at": "1 day", "stage": "quiet", **more}])
