"""Laws of stages in examples: once one is expected, every change of the stage is, and what differs says why."""

from typing import Any, Final

import pytest

from schemas.ladders import Ladder
from schemas.rules import RuleBook, RuleTest
from tests.support.builders import rule
from tests.unit.rule_tests.example_rules import BOUGHT, QUIET, TYPES, example, text_of
from workers.rule_tests.runner import ExampleResult, run_examples, run_tests
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
    """Run one test; `ladder` is what the files have, `ladder_name` the ladder that the test names."""
    if "ladder_name" in content:
        content["ladder"] = content.pop("ladder_name")
    written = [] if ladder is None else ladder if isinstance(ladder, list) else [ladder]
    ladders = tuple(Ladder.model_validate(one) for one in written)
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
        ({"stage": "quite"}, LADDER, "the ladder has no stage 'quite'", "did you mean 'quiet'?"),
        (
            {"stage": "xyz"},
            LADDER,
            "the ladder has no stage 'xyz'",
            "its stages are regular, newcomer, quiet",
        ),
        (
            {"stage": "quiet"},
            None,
            "no ladder counts here, so that no customer stands on a stage",
            "make one live, or name a draft with 'ladder:', beside 'expect'",
        ),
    ],
)
def test_a_stage_must_be_of_the_ladder(expect: Any, ladder: Any, problem: str, hint: str | None) -> None:
    result = run([{"at": "1 day", **expect}], ladder=ladder)
    assert (result.problem, result.hint) == (problem, hint)


def test_without_a_rule_only_stages_can_be_expected() -> None:
    result = run([WALK[0], {"at": "1 day", "action": "at-risk"}])
    assert result.problem == "no rule is tested here, so that only stages can be expected"
    assert run("nothing").problem == "is about no rule, and expects no stage"


@pytest.mark.parametrize(
    "more",
    [{"rule": "reads"}, {"variables": {}}, {"not before": "2 days"}, {"channel": "push"}, {"decision": "held"}],
)
def test_a_stage_belongs_to_no_rule_and_carries_nothing(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"a stage has no|needs one of"):
        run([{"at": "1 day", "stage": "quiet", **more}])


DRAFT: Final = {**LADDER, "name": "other", "status": "draft", "otherwise": "gone"}


def test_a_ladder_that_is_a_draft_counts_if_it_is_named_or_the_only_one() -> None:
    gone = [*WALK[:2], {"at": "65 days", "stage": "gone"}]
    assert run(gone, TWICE, ladder=[LADDER, DRAFT], ladder_name="other").passed
    assert run(WALK, TWICE, ladder=[DRAFT, LADDER]).passed
    assert run(gone, TWICE, ladder=DRAFT).passed
    assert run(gone, TWICE, ladder=[DRAFT, {**DRAFT, "name": "third"}]).hint == (
        "make one live, or name a draft with 'ladder:', beside 'expect'"
    )


def test_an_example_of_a_rule_can_name_a_ladder_too() -> None:
    written = example([{"at": "45 days", "action": "at-risk"}], ladder="other")
    one = rule("reads", when={"stage": "gone"}, examples=[written, {**written, "ladder": "simple"}])
    ladders = tuple(Ladder.model_validate(each) for each in (LADDER, DRAFT))
    of_draft, of_live = run_examples(RuleBook((one,), ladders=ladders), TYPES)
    assert of_draft.passed
    assert not of_live.passed


def test_a_ladder_that_there_is_not_is_refused_with_the_one_that_was_meant() -> None:
    result = run(WALK, TWICE, ladder_name="simpel")
    assert (result.problem, result.hint) == ("there is no ladder 'simpel' here", "did you mean 'simple'?")
    assert run(WALK, TWICE, ladder_name="xyz").hint == "there are simple"
    assert run(WALK, TWICE, ladder=None, ladder_name="xyz").hint == "write one under 'stages', in one of the files"
    one = rule("reads", when={"stage": "quiet"}, examples=[example(ladder="xyz")])
    assert run_examples(RuleBook((one,)), TYPES)[0].problem == "there is no ladder 'xyz' here"


def test_the_stage_of_an_action_is_one_of_its_details() -> None:
    action = {"at": "45 days", "action": "at-risk", "stage": "quiet"}
    assert run([action], BOUGHT, READS).passed
    result = run([{**action, "stage": "newcomer"}], BOUGHT, READS)
    assert "it happens, with another stage" in text_of(result)
    assert instead_of(result) == "expect:\n  - at: 45 days\n    action: at-risk\n    stage: quiet\n"
