"""Laws of the lints about conditions: what can never be true, and what another rule always blocks."""

from datetime import timedelta

import pytest

from schemas.sources import SourcesFile
from tests.unit.rule_lint.linted_rules import checked, codes, rule
from workers.rule_lint.check import check_texts

NEVER = [
    ("{count: login, at least: 3, within: 30 days}", "{count: login, at most: 2, within: 30 days}"),
    ("{count: login, at least: 3, within: 30 days}", "{count: login, fewer than: 3, within: 60 days}"),
    ("{count: login, more than: 2, within: 30 days}", "{count: login, at most: 2}"),
    ("{count: login, exactly: 1}", "{count: login, exactly: 2}"),
    ("{count: login, at least: 1, where: {a: 1, b: 2}}", "{count: login, exactly: 0, where: {a: 1}}"),
    ("{count: login, at least: 1, within: 30 days}", "{none: login, for: 45 days}"),
    ("{count: login, at least: 1, within: 30 days}", "{none: login, for: 30 days}"),
    ("{last: login, at most: 29 days}", "{none: login, for: 30 days}"),
    ("{last: login, at least: 60 days}", "{last: login, at most: 30 days}"),
    ("{last: login, at least: 60 days}", "{count: login, at least: 1, within: 60 days}"),
    ("{last: login, at least: 60 days}", "{count: login, exactly: 0}"),
    ("{last: login, at most: 6 days}", "{count: login, exactly: 0, within: 7 days}"),
    ("{first: login, at most: 6 days}", "{last: login, at least: 7 days}"),
    ("{overdue: login, by: 2 times, usual gap: 9 days, at least: 30 days}", "{last: login, at most: 20 days}"),
    ("{after: cart, without: login, for: 3 days}", "{count: login, at least: 1, within: 2 days}"),
    ("{after: cart, without: login, for: 3 days}", "{after: cart, then: login, within: 9 days}"),
    ("{status: active}", "{status: cancelled}"),
    ("{status: active}", "{status: cancelled, for: 3 days}"),
    ("{status: cancelled}", "{count: cancellation, exactly: 0}"),
    ("{latest: p.plan, is: gold}", "{latest: p.plan, is: [silver, bronze]}"),
    ("{latest: p.plan, is: gold}", "{latest: p.plan, is not: [gold, silver]}"),
    ("{latest: p.points, is: 5}", "{latest: p.points, at least: 6}"),
    ("{latest: p.points, less than: 6}", "{latest: p.points, at least: 6}"),
    ("{sum: purchase.amount, at least: 9, within: 9 days}", "{sum: purchase.amount, less than: 9, within: 9 days}"),
    ("{average: purchase.amount, more than: 9}", "{average: purchase.amount, at most: 9}"),
    ("{distinct: purchase.sku, at least: 9}", "{distinct: purchase.sku, at most: 8}"),
    ("{date: p.ends, in the next: 3 days}", "{date: p.ends, passed for: 3 days}"),
    (
        "{change: login, down by: 9%, within: 9 days, from at least: 6}",
        "{change: login, up by: 9%, within: 9 days, from at least: 6}",
    ),
    ("{not: {count: login, at least: 3}}", "{count: login, at least: 3}"),
    ("{not: {count: login, at least: 3}}", "{count: login, at least: 5}"),
    ("{not: {count: login, at most: 3}}", "{count: login, exactly: 2}"),
    ("{not: {none: login, for: 30 days}}", "{none: login, for: 30 days}"),
    ("{not: {none: login, for: 30 days}}", "{last: login, at least: 30 days}"),
    ("{not: {status: active}}", "{status: active}"),
    ("{not: {latest: p.plan, is: gold}}", "{latest: p.plan, is: gold}"),
    ("{known for: 3 days}", "{not: {known for: 3 days}}"),
]


@pytest.mark.parametrize(("one", "other"), NEVER)
def test_what_can_never_hold_together_is_reported_in_either_order(one: str, other: str) -> None:
    for parts in (f"{one}, {other}", f"{other}, {one}"):
        warnings = checked(rule("a-rule", f"{{all: [{parts}]}}")).warnings
        assert [(problem.code, problem.line) for problem in warnings] == [("contradiction", 4)]
        assert "can never be true" in warnings[0].message


SOMETIMES = [
    ("{count: login, at least: 3, within: 60 days}", "{count: login, at most: 2, within: 30 days}"),
    ("{count: login, at least: 3}", "{count: login, at most: 3}"),
    ("{count: login, at least: 3}", "{count: purchase, at most: 2}"),
    ("{count: login, at least: 1, where: {a: 1}}", "{count: login, exactly: 0, where: {a: 1, b: 2}}"),
    ("{count: login, at least: 1, where: {a: 1}}", "{count: login, exactly: 0, where: {a: 2}}"),
    ("{count: login, at least: 1, within: 31 days}", "{none: login, for: 30 days}"),
    ("{count: login, at least: 0, within: 30 days}", "{none: login, for: 45 days}"),
    ("{count: login, at least: 3, within: 365 days}", "{none: login, for: 45 days}"),
    ("{last: login, at most: 30 days}", "{none: login, for: 30 days}"),
    ("{last: login, at most: 7 days}", "{count: login, exactly: 0, within: 7 days}"),
    ("{first: login, at least: 60 days}", "{last: login, at most: 30 days}"),
    ("{none: login, for: 30 days}", "{none: purchase, for: 30 days}"),
    ("{none: login, for: 30 days}", "{count: login, exactly: 0}"),
    ("{status: active}", "{count: cancellation, at least: 1}"),
    ("{latest: p.plan, is: gold}", "{latest: p.plan, is not: silver}"),
    ("{latest: p.plan, is: [gold, silver]}", "{latest: p.plan, is: [bronze, silver]}"),
    ("{latest: p.points, at least: 5}", "{latest: p.points, at most: 5}"),
    ("{latest: p.plan, is: gold}", "{latest: q.plan, is: silver}"),
    ("{sum: purchase.amount, at least: 9, within: 9 days}", "{sum: purchase.amount, less than: 9, within: 90 days}"),
    ("{not: {count: login, between: 3 and 5}}", "{count: login, at least: 3}"),
    ("{not: {last: login, at most: 30 days}}", "{count: login, exactly: 0}"),
    ("{not: {status: cancelled, for: 30 days}}", "{status: cancelled}"),
    ("{after: cart, without: login, for: 3 days}", "{count: login, at least: 1, within: 30 days}"),
    ("{after: cart, without: login, for: 3 days}", "{after: login, then: cart, within: 9 days}"),
]


@pytest.mark.parametrize(("one", "other"), SOMETIMES)
def test_what_can_hold_together_is_not_complained_of(one: str, other: str) -> None:
    for parts in (f"{one}, {other}", f"{other}, {one}"):
        assert codes(rule("a-rule", f"{{all: [{parts}]}}")) == []


def test_unless_is_part_of_what_must_hold() -> None:
    warnings = checked(rule("a-rule", "{status: cancelled}", "unless: {status: cancelled}")).warnings
    assert [problem.code for problem in warnings] == ["contradiction"]
    assert codes(rule("a-rule", "{status: cancelled}", "unless: {status: active}")) == []


def test_names_are_written_out_before_anything_is_compared() -> None:
    define = "define:\n  gone: {none: login, for: 30 days}\n"
    warnings = checked(
        rule("a-rule", "{all: [{meets: gone}, {count: login, at least: 1, within: 9 days}]}"), more=define
    ).warnings
    assert [(problem.code, problem.line) for problem in warnings] == [("contradiction", 6)]


def test_one_way_that_is_open_is_enough_for_a_rule_and_the_closed_one_is_reported() -> None:
    closed = "{all: [{status: active}, {status: cancelled}]}"
    warnings = checked(rule("a-rule", f"{{any: [{closed}, {{none: login, for: 9 days}}]}}")).warnings
    assert [problem.message for problem in warnings] == [
        "this alternative can never be true: this contradicts the condition in column 25"
    ]
    assert "can never be true" in checked(rule("a-rule", f"{{any: [{closed}, {closed}]}}")).warnings[0].message


def test_more_ways_than_anybody_counts_are_left_alone() -> None:
    many = ", ".join(["{any: [{status: active}, {status: cancelled}]}"] * 12)
    assert codes(rule("a-rule", f"{{all: [{many}]}}")) == []


NARROWER = [
    ("{none: login, for: 45 days}", "{none: login, for: 90 days}"),
    ("{none: login, for: 45 days}", "{all: [{none: login, for: 45 days}, {status: active}]}"),
    ("{count: login, at least: 3}", "{count: login, at least: 5, within: 30 days}"),
    ("{count: login, at most: 3, within: 30 days}", "{count: login, at most: 2, within: 60 days}"),
    ("{any: [{status: cancelled}, {none: login, for: 9 days}]}", "{status: cancelled}"),
    ("{sum: purchase.amount, at least: 50}", "{sum: purchase.amount, at least: 90}"),
    ("{none: login, for: 9 days, where: {a: 1}}", "{none: login, for: 9 days}"),
]


@pytest.mark.parametrize(("wide", "narrow"), NARROWER)
def test_a_rule_that_never_gets_its_turn_is_reported(wide: str, narrow: str) -> None:
    warnings = checked(rule("wide", wide, "priority: 9"), rule("narrow", narrow, "priority: 8")).warnings
    assert [problem.code for problem in warnings] == ["outranked"]
    assert "'wide' (a.yaml:2)" in warnings[0].message
    assert codes(rule("wide", wide, "instead of: [narrow]"), rule("narrow", narrow)) == ["outranked"]


@pytest.mark.parametrize(("wide", "narrow"), NARROWER)
def test_a_rule_that_outranks_only_some_of_anothers_customers_is_not_complained_of(wide: str, narrow: str) -> None:
    assert codes(rule("wide", wide, "priority: 8"), rule("narrow", narrow, "priority: 9")) == []
    assert codes(rule("wide", wide), rule("narrow", narrow)) == []


def test_who_acts_later_does_not_keep_another_from_acting() -> None:
    first = rule("wide", "{none: login, for: 45 days}", "priority: 9", "for: 3 days")
    assert codes(first, rule("narrow", "{none: login, for: 90 days}", "priority: 8")) == []


def test_a_draft_outranks_nothing_that_is_in_use() -> None:
    draft = rule("wide", "{none: login, for: 45 days}", "priority: 9", "status: draft")
    assert codes(draft, rule("narrow", "{none: login, for: 90 days}", "priority: 8")) == []


def test_rules_for_the_same_customers_are_reported_in_any_order_and_under_any_name() -> None:
    define = "define:\n  gone: {none: login, for: 30 days}\n"
    first = rule("one", "{all: [{meets: gone}, {status: active}]}")
    second = rule("two", "{all: [{status: active}, {none: login, for: 4 weeks}]}")
    assert codes(first, second, more=define) == []
    second = rule("two", "{all: [{status: active}, {all: [{none: login, for: 30 days}]}]}")
    assert codes(first, second, more=define) == ["same-customers"]
    paused = rule("two", "{all: [{status: active}, {meets: gone}]}", "status: paused")
    assert codes(first, paused, more=define) == []
    later = rule("two", "{all: [{status: active}, {meets: gone}]}", "for: 2 days")
    assert codes(first, later, more=define) == []


@pytest.mark.parametrize(
    ("when", "is_short"),
    [
        ("{count: login, at least: 1, within: 153 days}", True),
        ("{count: login, at least: 1, within: 152 days}", False),
        ("{change: login, down by: 9%, within: 80 days, from at least: 6}", True),
        ("{change: login, down by: 9%, within: 70 days, from at least: 6}", False),
        ("{count: purchase, at least: 1, within: 730 days}", False),
        ("{count: cancellation, at least: 1, within: 730 days}", False),
        ("{count: login, at least: 1}", False),
        ("{after: login, then: purchase, within: 400 days}", False),
    ],
)
def test_a_window_longer_than_the_history_is_reported(sources: SourcesFile, when: str, is_short: bool) -> None:
    assert codes(rule("a-rule", when), sources=sources) == ["short-history"] * is_short


@pytest.mark.parametrize(
    ("when", "is_beyond"),
    [
        ("{count: purchase, at least: 1, within: 401 days}", True),
        ("{count: purchase, at least: 1, within: 400 days}", False),
        ("{change: purchase, down by: 9%, within: 201 days, from at least: 6}", True),
        ("{none: purchase, for: 401 days}", True),
        ("{none: purchase, for: 400 days}", False),
        ("{status: cancelled, for: 700 days}", False),
        ("{known for: 700 days}", False),
    ],
)
def test_what_is_longer_than_customers_are_remembered_is_reported(
    sources: SourcesFile, when: str, is_beyond: bool
) -> None:
    forgetful = sources.model_copy(update={"forget_after": timedelta(days=400)})
    assert codes(rule("a-rule", when), sources=forgetful) == ["beyond-memory"] * is_beyond
    assert codes(rule("a-rule", when), sources=sources) == []


LADDER = """\
stages:
  name: simple
  status: live
  steps:
    - {stage: lost, when: {none: login, for: 200 days}}
    - {stage: regular, when: {count: login, at least: 3, within: 153 days}}
    - {stage: active, when: {none: purchase, for: 400 days}}
  otherwise: newcomer
"""


def test_a_step_that_looks_back_further_than_the_history_is_reported(sources: SourcesFile) -> None:
    found = checked(rule(), sources=sources, more=LADDER).warnings
    lost, regular = (problem for problem in found if problem.code == "short-history")
    assert (lost.line, regular.line) == (5, 6)
    assert lost.message == (
        "the step 'lost' looks back 200 days, but login is complete only since 2024-01-01: before 2024-07-19 it may "
        "be known of no customer, and then no step below it is known either"
    )
    draft = LADDER.replace("status: live", "status: draft")
    assert "short-history" not in codes(rule(), sources=sources, more=draft)


def test_a_step_that_looks_back_further_than_customers_are_remembered_is_reported(sources: SourcesFile) -> None:
    forgetful = sources.model_copy(update={"forget_after": timedelta(days=399)})
    found = checked(rule(), sources=forgetful, more=LADDER).warnings
    assert [problem.line for problem in found if problem.code == "beyond-memory"] == [7]


def test_without_a_clock_windows_are_not_compared_with_the_history(sources: SourcesFile) -> None:
    text = "rules:\n" + rule("a-rule", "{count: purchase, at least: 1, within: 700 days}")
    codes_found = [problem.code for problem in check_texts({"a.yaml": text}, sources).warnings]
    assert "short-history" not in codes_found
