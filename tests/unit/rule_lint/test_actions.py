"""Laws of the lints about actions: pauses, paces, priorities, examples."""

import pytest

from tests.unit.rule_lint.linted_rules import NOW, checked, codes, rule
from workers.rule_lint.check import check_texts


def test_a_circle_of_rules_instead_of_each_other_is_reported_once() -> None:
    cycle = [
        rule("one", "{none: login, for: 9 days}", "instead of: [two]"),
        rule("two", "{status: active}", "instead of: [six]"),
        rule("six", "{none: purchase, for: 9 days}", "instead of: [one]"),
    ]
    warnings = checked(*cycle).warnings
    assert [(problem.code, problem.message) for problem in warnings] == [
        (
            "instead-of-each-other",
            "one and six and two block each other: a customer who matches them all gets nothing",
        )
    ]
    assert codes(cycle[0], cycle[1], rule("six", "{none: purchase, for: 9 days}")) == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (("again after: 7 days",), "short-pause"),
        (("again every: 30 days",), "endless-reminders"),
        (("pace: at most 9 per day", "expires after: 1 day"), "odd-pace"),
    ],
)
def test_odd_numbers_are_reported(more: tuple[str, ...], code: str) -> None:
    assert codes(rule("a-rule", "{none: login, for: 9 days}", *more)) == [code]


@pytest.mark.parametrize(
    "more",
    [
        ("again after: 14 days",),
        ("again after: never",),
        ("again every: 30 days", "at most: 3 actions"),
        ("pace: at most 9 per hour", "expires after: 1 day"),
        ("priority: 9",),
    ],
)
def test_usual_numbers_are_not_complained_of(more: tuple[str, ...]) -> None:
    assert codes(rule("a-rule", "{none: login, for: 9 days}", *more)) == []


def test_an_action_has_to_outlive_the_night() -> None:
    night = 'for every rule:\n  quiet hours: {from: "21:00", until: "08:00"}\n'
    assert codes(rule("a-rule", "{status: active}", "expires after: 11 hours"), more=night) == [
        "expires-in-quiet-hours"
    ]
    assert codes(rule("a-rule", "{status: active}", "expires after: 12 hours"), more=night) == []


def test_one_priority_among_several_rules_is_reported() -> None:
    ranked, other = rule("one", "{none: login, for: 9 days}", "priority: 9"), rule("two", "{status: active}")
    assert codes(ranked, other) == ["lonely-priority"]


def test_a_draft_that_does_not_say_so_is_reported_only_where_nothing_else_is_in_use() -> None:
    silent = rule("one", "{none: login, for: 9 days}").replace("    status: shadow\n", "")
    assert codes(silent) == ["silent-draft"]
    assert codes(rule("one", "{none: login, for: 9 days}", "status: draft")) == []
    assert codes(silent, rule("two", "{status: active}")) == []


EXAMPLE = "{{name: one, given: [{{at: start, event: login}}], expect: {}}}"


@pytest.mark.parametrize(
    ("expected", "lacks"),
    [
        ([], ["it acts for", "it does not act for"]),
        (["nothing"], ["it acts for"]),
        (["[{at: 9 days, action: at-risk}]"], ["it does not act for"]),
        (["[{at: 9 days, decision: capped}]"], ["it acts for"]),
        (["nothing", "[{at: 9 days, action: at-risk}]"], []),
    ],
)
@pytest.mark.parametrize("status", ["draft", "shadow"])
def test_what_examples_do_not_show_is_reported(expected: list[str], lacks: list[str], status: str) -> None:
    examples = "[" + ", ".join(map(EXAMPLE.format, expected)) + "]"
    text = "rules:\n" + rule("a-rule", "{none: login, for: 9 days}", f"examples: {examples}", f"status: {status}")
    warnings = check_texts({"a.yaml": text}, None, NOW, ["without-example"]).warnings
    assert [
        [words for words in ("it acts for", "it does not act for") if words in problem.message]
        for problem in warnings
    ] == ([lacks] if lacks else [])
