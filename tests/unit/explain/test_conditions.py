"""Laws of explained conditions: what time and events change, and by how much."""

from typing import Any

import pytest

from schemas.rules import RuleBook
from tests.support.builders import TYPES, day, event, rule, rules
from tests.support.explained import known, leaf, only, state_text, why
from workers.core.rules.rule_compiler import compile_rules


def test_a_silence_ends_with_an_event_and_begins_by_itself() -> None:
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}))
    stored = known(ruleset, event("purchase", 1.5))
    early = leaf(why(ruleset, stored, 3))
    assert (early.verdict, early.events, early.by_events) == ("false", (), None)
    assert early.change is not None
    assert (early.change.at_ms, early.change.becomes) == (day(10.5), "true")
    late = leaf(why(ruleset, stored, 10.5))
    assert (late.verdict, late.change, late.events) == ("true", None, ("purchase",))
    assert late.by_events == "changes with the next purchase"


@pytest.mark.parametrize(
    ("when", "purchases", "expected"),
    [
        ({"at least": 3}, 0, "changes with the next 3 purchases"),
        ({"at least": 3}, 2, "changes with the next purchase"),
        ({"at least": 3}, 3, None),
        ({"at most": 3}, 3, "changes with the next purchase"),
        ({"at most": 3}, 1, "changes with the next 3 purchases"),
        ({"at most": 3}, 4, None),
    ],
)
def test_a_number_says_how_many_more_it_takes(when: dict[str, int], purchases: int, expected: str | None) -> None:
    ruleset = rules(rule(when={"count": "purchase", "within": "90 days", **when}))
    events = [event("purchase", 100 + number) for number in range(purchases)]
    report = why(ruleset, known(ruleset, event("login", 1), *events), 110)
    assert leaf(report).by_events == expected
    assert leaf(report).observed == purchases


def test_a_sum_says_how_much_more_it_takes() -> None:
    ruleset = rules(
        rule("low", when={"sum": "purchase.amount", "at least": 50.5}),
        rule("high", when={"sum": "purchase.amount", "at most": 30}),
    )
    report = why(ruleset, known(ruleset, event("purchase", 1)), 2)
    assert leaf(report, "low").by_events == "changes when purchase amount grows by 30.5"
    assert leaf(report, "high").by_events == "changes when purchase amount grows by more than 10"


@pytest.mark.parametrize(
    ("test", "found", "expected"),
    [
        ({"is": "gold"}, "Gold", "in case or blanks"),
        ({"is": ["silver", "Too Expensive"]}, "too  expensive ", "in case or blanks"),
        ({"is": "gold"}, "gold", None),
        ({"is": "gold"}, "silver", None),
        ({"is not": "gold"}, "gold", None),
        ({"at most": 9}, "12", None),
    ],
)
def test_a_value_that_nearly_matches_is_explained(test: dict[str, Any], found: str, expected: str | None) -> None:
    ruleset = rules(rule(when={"latest": "profile.plan", **test}), types=(*TYPES, "profile"))
    nearly = leaf(why(ruleset, known(ruleset, event("profile", 1, plan=found)), 2)).nearly
    assert nearly is None if expected is None else expected in str(nearly)


def test_a_rule_that_must_hold_for_a_while_says_since_when_and_until_when() -> None:
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}, for_="3 days"))
    report = why(ruleset, known(ruleset, event("purchase", 1)), 11)
    assert only(report).verdict == "false"
    assert only(report).condition.verdict == "true"
    assert state_text(report, "met") == (
        "its condition holds since 2024-01-11 00:00 UTC and must hold until 2024-01-14 00:00 UTC"
    )
    change = only(report).change
    assert change is not None
    assert (change.at_ms, change.becomes) == (day(13), "true")


@pytest.mark.parametrize(
    ("when", "phrase"),
    [
        ({"latest": "profile.email", "is": "Mara@example.com"}, "the latest profile email is (personal)"),
        ({"sum": "profile.amount", "at least": 50.5}, "profile amount adding up to at least 50.5 ever"),
        ({"sum": "profile.amount", "at most": 30}, "profile amount adding up to at most 30 ever"),
    ],
)
def test_of_a_personal_attribute_neither_the_value_nor_how_much_it_lacks_is_said(
    when: dict[str, Any], phrase: str
) -> None:
    personal = frozenset({"profile.email", "profile.amount"})
    ruleset = compile_rules(RuleBook((rule(when=when),), personal=personal), (*TYPES, "profile"))
    stored = known(ruleset, event("profile", 1, email="mara@example.com", amount=20.25))
    report = leaf(why(ruleset, stored, 2))
    assert (report.phrase, report.observed, report.nearly) == (phrase, "(personal)", None)
    assert report.by_events in (None, "can change with the next profile")
    assert not any(value in repr(report) for value in ("mara", "20.25", "30.25", "9.75"))
