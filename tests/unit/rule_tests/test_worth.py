"""What a customer is worth, in rules as people write them: examples run as they stand there."""

from typing import Final

import pytest

from workers.rule_files.known_names import KnownNames
from workers.rule_files.rules import read_book
from workers.rule_tests.runner import run_examples
from workers.rule_tests.timelines import as_text, timeline_of

TYPES: Final = ("purchase", "login", "cancellation", "refund")
VALUE: Final = """\
value:
  revenue: [purchase.amount]
  less: [refund.amount]
  currency: EUR
  within: 410 days
  cost of winning: 60
  tiers: {measured: 2026-11-30, customers: 12300, from: history, thresholds: {20%: 260}}
rules:
  - id: worth
    title: Worth something, and quiet
    status: live
    when:
      all:
        - BOUNDS
        - {none: purchase, for: 45 days}
        - {status: active}
    action: at-risk
    template: personal-call
    expires after: 14 days
    examples:
"""
YEAR: Final = """\
      - name: 40 EUR a month for a year
        given: [{at: start, event: purchase, every: 30 days, times: 12, with: {amount: 40, currency: EUR}}]
        expect: [{at: 375 days, action: at-risk}]
      - name: 20 EUR a month
        given: [{at: start, event: purchase, every: 30 days, times: 12, with: {amount: 20, currency: EUR}}]
        expect: nothing
"""
EARLY: Final = """\
      - name: leaves before the cost of winning came back
        given: [{at: start, event: purchase, with: {amount: 50, currency: EUR}}]
        expect: [{at: 45 days, action: at-risk}]
      - name: brought it back
        given: [{at: start, event: purchase, every: 7 days, times: 2, with: {amount: 50, currency: EUR}}]
        watch for: 60 days
        expect: nothing
      - name: brought it back, and got the money again
        given:
          - {at: start, event: purchase, every: 7 days, times: 2, with: {amount: 50, currency: EUR}}
          - {at: 8 days, event: refund, with: {amount: 50, currency: EUR}}
        expect: [{at: 52 days, action: at-risk}]
"""


@pytest.mark.parametrize(
    ("bounds", "examples"),
    [
        ("value: at least 480", YEAR),
        ("value: top 20%", YEAR.replace("{amount: 20,", "{amount: 10,")),
        ("value: less than cost of winning", EARLY),
    ],
)
def test_the_examples_pass(bounds: str, examples: str) -> None:
    book, problems = read_book({"a.yaml": VALUE.replace("BOUNDS", bounds) + examples}, KnownNames(TYPES))
    assert problems == []
    results = run_examples(book, TYPES)
    assert [(result.name, result.passed) for result in results if not result.passed] == []
    assert len(results) == examples.count("- name:")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("{amount: 480}", None),
        ("{amount: 480.0, tier: top 20%}", None),
        ("{tier: top 20%, currency: EUR, window: 410 days}", None),
        ("{amount: 440}", "it happens, with another value"),
        ("{tier: top 5%}", "it happens, with another value"),
    ],
)
def test_what_goes_with_an_action_as_value_is_compared_if_it_is_expected(value: str, says: str | None) -> None:
    examples = YEAR.replace("action: at-risk}", f"action: at-risk, value: {value}}}")
    book, problems = read_book(
        {"a.yaml": VALUE.replace("BOUNDS", "value: at least 480") + examples}, KnownNames(TYPES)
    )
    assert problems == []
    result, _ = run_examples(book, TYPES)
    assert result.passed is (says is None)
    assert says is None or says in as_text(timeline_of(result))
