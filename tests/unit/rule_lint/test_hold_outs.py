"""Laws of the lints about hold-outs."""

import pytest

from tests.unit.rule_lint.linted_rules import checked, codes, rule

QUIET = "{none: login, for: 9 days}"
TUNED = """value:
  revenue: [purchase.amount]
  within: 365 days
  tiers: {measured: 2026-11-30, customers: 30000, from: scan, thresholds: {"20%": 260}}
"""


@pytest.mark.parametrize("share", ["7%", "10%", "20%", "50%"])
def test_usual_hold_outs_are_not_complained_of(share: str) -> None:
    assert codes(rule("a-rule", QUIET, f"hold out: {share}")) == []


def test_a_hold_out_of_few_measures_nothing() -> None:
    assert codes(rule("a-rule", QUIET, "hold out: 0.5%")) == ["odd-hold-out"]


def test_a_small_hold_out_needs_more_customers_a_day_than_most_have() -> None:
    (problem,) = checked(rule("a-rule", QUIET, "hold out: 5%")).warnings
    assert problem.code == "slow-hold-out"
    assert problem.message == (
        "a hold-out of 5% needs 48,005 customers: more than a year, unless the rule begins to hold for 132 a day"
    )
    assert problem.hint == "hold out more: 10% needs 25,185, 20% needs 13,993"


def test_what_the_rule_or_all_rules_say_of_the_smallest_difference_counts() -> None:
    assert codes(rule("a-rule", QUIET, "hold out: 5%", "smallest difference: 5 points")) == []
    assert codes(rule("a-rule", QUIET, "hold out: 20%", "smallest difference: 1 point")) == ["slow-hold-out"]
    every = "for every rule:\n  smallest difference: 1 point\n"
    assert codes(rule("a-rule", QUIET, "hold out: 20%"), more=every) == ["slow-hold-out"]


def test_customers_that_were_counted_are_compared_with() -> None:
    (problem,) = checked(rule("a-rule", QUIET, "hold out: 6%"), more=TUNED).warnings
    assert problem.message == (
        "a hold-out of 6% needs 40,367 customers, but only 30,000 customers were counted on 2026-11-30"
    )
    assert codes(rule("a-rule", QUIET, "hold out: 10%"), more=TUNED) == []


def test_shares_of_one_experiment_are_the_same() -> None:
    one = rule("one", "{none: login, for: 9 days}", "hold out: 10%", "experiment: winter")
    same = rule("two", "{status: active}", "hold out: 10%", "experiment: winter")
    other = rule("two", "{status: active}", "hold out: 20%", "experiment: winter")
    assert codes(one, same) == []
    assert codes(one, other) == ["odd-hold-out"]
    assert codes(one, rule("two", "{status: active}", "hold out: 20%")) == []


def test_rules_of_one_experiment_are_compared_by_the_same_success() -> None:
    one = rule("one", "{none: login, for: 9 days}", "hold out: 10%", "experiment: winter")
    other = rule("two", "{status: active}", "hold out: 10%", "experiment: winter", "success: purchase within 14 days")
    (problem,) = checked(one, other).warnings
    assert problem.code == "odd-hold-out"
    assert problem.message == "'one' (a.yaml:2) says something else under 'success' in the same experiment"


def test_a_cap_of_no_currency_compares_no_money() -> None:
    (problem,) = checked(rule("a-rule", QUIET, "hold out: 20%", "count at most: 500")).warnings
    assert problem.code == "odd-hold-out"
    assert problem.message == "no money is compared: it is not said in which currency 500 is"
    assert problem.hint == "write 'count at most: 500 EUR', or the currency of 'value'"
    assert codes(rule("a-rule", QUIET, "hold out: 20%", "count at most: 500 EUR")) == []
    valued = "value:\n  revenue: [purchase.amount]\n  currency: EUR\n"
    assert codes(rule("a-rule", QUIET, "hold out: 20%", "count at most: 500"), more=valued) == []
    every = "for every rule:\n  count at most: 500\n"
    assert codes(rule("a-rule", QUIET, "hold out: 20%"), more=every) == ["odd-hold-out"]
