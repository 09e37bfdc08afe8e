"""Laws of the lint about new customers: what is true of each of them is said before a rule goes live."""

import pytest

from schemas.sources import SourcesFile
from tests.unit.rule_lint.linted_rules import NOW, rule
from workers.rule_lint.check import check_texts

FOR_EVERYBODY = [
    "{count: complaint, exactly: 0}",
    "{not: {count: complaint, at least: 1}}",
    "{not: {count: purchase, at least: 2}}",
    "{count: purchase, fewer than: 3}",
    "{sum: purchase.amount, at most: 100}",
    "{status: active}",
    "{all: [{status: active}, {count: complaint, exactly: 0}]}",
    "{any: [{count: login, at least: 1}, {count: login, exactly: 0}]}",
]
FOR_SOME = [
    "{count: purchase, exactly: 1}",
    "{all: [{count: purchase, at least: 1}, {count: complaint, exactly: 0}]}",
    "{none: purchase, for: 45 days}",
    "{known for: 30 days}",
    "{status: cancelled}",
    "{latest: profile.country, is not: NL}",
    "{all: [{count: complaint, exactly: 0}, {known for: 1 hour}]}",
]


def warned(sources: SourcesFile, when: str, *more: str) -> list[str]:
    text = "rules:\n" + rule("a-rule", when, *(more or ("status: live",)))
    problems = check_texts({"a.yaml": text}, sources, NOW, ["every-newcomer"]).warnings
    return [problem.message for problem in problems]


@pytest.mark.parametrize("when", FOR_EVERYBODY)
def test_a_live_rule_that_is_true_for_every_new_customer_is_reported(sources: SourcesFile, when: str) -> None:
    (message,) = warned(sources, when)
    assert "'a-rule' is true for every new customer at their very first event" in message


@pytest.mark.parametrize("when", FOR_SOME)
def test_a_live_rule_that_needs_more_than_to_appear_is_not(sources: SourcesFile, when: str) -> None:
    assert warned(sources, when) == []


@pytest.mark.parametrize("status", ["draft", "shadow", "paused"])
def test_a_rule_that_sends_nothing_is_not_reported(sources: SourcesFile, status: str) -> None:
    assert warned(sources, FOR_EVERYBODY[0], f"status: {status}") == []


def test_a_rule_that_waits_is_not_true_at_the_first_event(sources: SourcesFile) -> None:
    assert warned(sources, FOR_EVERYBODY[0], "status: live", "for: 3 days") == []


def test_the_events_that_make_it_false_at_once_are_named(sources: SourcesFile) -> None:
    (message,) = warned(sources, "{all: [{count: complaint, exactly: 0}, {status: active}]}")
    assert message.endswith("unless that is a cancellation")
    (message,) = warned(sources, "{count: login, exactly: 0}")
    assert message.endswith("unless that is a login")


def test_what_is_true_after_each_event_that_there_is_is_true_for_everybody(sources: SourcesFile) -> None:
    each = ", ".join(f"{{count: {name}, at least: 1}}" for name in ("login", "cancellation", "purchase"))
    assert len(warned(sources, f"{{any: [{each}]}}")) == 1
    assert warned(sources, f"{{any: [{each.rpartition(', {')[0]}]}}") == []
