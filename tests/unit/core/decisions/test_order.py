"""The order of decisions: within a step by moment, retractions first, then by rank and by id of the rule.

A step is an event with everything that follows from it, or one run of due times, or one release, or one adoption.
"""

from typing import Any, Final

import pytest

from schemas.actions import Decision
from schemas.rules import Rule
from tests.support import builders
from tests.unit.core.decisions.test_decide import Story

pytestmark = pytest.mark.usefixtures("each_layout")

VISIT: Final = {"count": "login", "at least": 1}
QUIET: Final = {"none": "purchase", "for": "10 days"}


def rule(name: str, **content: Any) -> Rule:
    return builders.rule(f"rule-{name}", **content)


def shadow(name: str, **content: Any) -> Rule:
    return rule(name, status="shadow", **content)


def decided(story: Story) -> list[tuple[str, str, float]]:
    """What was decided, in order: the kind, the rule, and the day on which the episode began."""
    return [
        (kind, one.rule.id.removeprefix("rule-"), at)
        for (kind, at), one in zip(story.timeline, story.decisions, strict=True)
    ]


def test_of_one_event_what_is_sent_and_what_is_only_reported_come_in_the_order_of_the_rules() -> None:
    story = Story(rule("a", when=VISIT), shadow("b", when=VISIT), rule("c", when=VISIT)).logs_in(0)
    assert decided(story) == [("active", "a", 0), ("shadow", "b", 0), ("active", "c", 0)]


def test_the_name_of_a_group_of_rules_decides_nothing() -> None:
    # The first reads another type as well, so it belongs to another group.
    both = {"any": [VISIT, {"count": "nps", "at least": 1}]}
    for first, second in ((VISIT, both), (both, VISIT)):
        story = Story(shadow("a", when=first), shadow("b", when=second)).logs_in(0)
        assert decided(story) == [("shadow", "a", 0), ("shadow", "b", 0)]


def test_a_rule_of_higher_priority_is_told_first_whatever_its_id() -> None:
    story = Story(shadow("a", when=VISIT, priority=1), shadow("b", when=VISIT, priority=2)).logs_in(0)
    assert decided(story) == [("shadow", "b", 0), ("shadow", "a", 0)]


def test_what_an_event_takes_back_comes_before_what_it_begins() -> None:
    story = Story(shadow("a", when={"count": "purchase", "at least": 2}), rule("b", when=QUIET))
    story.buys(0).time_goes_on(10).buys(11)
    assert decided(story)[1:] == [("customer_returned", "b", 10), ("shadow", "a", 11)]


def test_what_a_rule_replaces_is_taken_back_before_its_action() -> None:
    story = (
        Story(rule("a", when=QUIET), rule("b", when=VISIT, instead_of=["rule-a"]))
        .buys(0)
        .time_goes_on(10)
        .logs_in(11)
    )
    assert decided(story) == [("active", "a", 10), ("replaced", "a", 10), ("active", "b", 11)]


def test_due_times_of_one_run_are_told_by_moment_whether_sent_or_reported() -> None:
    later = {"none": "purchase", "for": "12 days"}
    story = Story(rule("a", when=later), rule("b", when=QUIET), shadow("c", when=later), shadow("d", when=QUIET))
    story.buys(0).time_goes_on(12)
    assert decided(story) == [("active", "b", 10), ("shadow", "d", 10), ("active", "a", 12), ("shadow", "c", 12)]


def test_a_step_is_told_after_the_one_before_whatever_its_moments_are() -> None:
    story = Story(shadow("a", when={"count": "nps", "at least": 1}), shadow("b", when=VISIT)).logs_in(5)
    story.happens("nps", 1)
    assert decided(story) == [("shadow", "b", 5), ("shadow", "a", 1)]


def test_what_was_due_before_an_event_is_told_before_what_the_event_changes() -> None:
    late = {"count": "nps", "at least": 1}
    story = Story(rule("a", when=QUIET), shadow("b", when=late)).buys(0).happens("nps", 11)
    assert decided(story) == [("active", "a", 10), ("shadow", "b", 11)]


def test_rules_that_hold_at_once_for_a_new_customer_compete_with_those_that_the_first_event_begins() -> None:
    at_once = {"count": "nps", "at most": 0}
    story = Story(rule("a", when=VISIT, priority=1), rule("b", when=at_once, priority=2)).logs_in(0)
    assert decided(story) == [("active", "b", 0), ("outranked", "a", 0)]


def test_of_several_actions_that_come_first_the_one_of_the_highest_rank_is_named_whichever_began_first() -> None:
    first, then = {"count": "login", "at least": 1}, {"count": "nps", "at least": 1}
    last = {"count": "purchase", "at least": 1}
    for kinds in (("login", "nps"), ("nps", "login")):
        story = Story(
            rule("a", when=last, priority=1), rule("b", when=first, priority=2), rule("c", when=then, priority=2)
        )
        story.turn([builders.event(kind, 0) for kind in kinds] + [builders.event("purchase", 1)])
        last_decision = story.decisions[-1]
        assert isinstance(last_decision, Decision)
        assert last_decision.detail == "'rule-b' comes first"
