"""The value of a customer goes with every action, where a file says what a customer is worth."""

from typing import Any, Final

import pytest

from schemas.actions import Action, Value
from schemas.rules import measured
from tests.support.builders import TYPES, VALUE, day, event, rule, rules, watched
from workers.core.decisions.decide import decide
from workers.core.decisions.known import as_money
from workers.core.rules.rule_set import RuleSet

QUIET: Final = {"all": [{"count": "login", "at least": 1}, {"none": "login", "for": "5 days"}]}


def valued(**content: Any) -> RuleSet:
    return rules(rule("quiet", when=QUIET, **content), types=(*TYPES, "refund"), worth=VALUE)


def value_with(rule_set: RuleSet, *events: Any) -> Value | None:
    (action,) = decide("ada", None, [*events, event("login", 9)], rule_set, watched(rule_set), day(20)).decisions()
    assert isinstance(action, Action)
    return action.value


def test_it_is_what_was_bought_less_refunds_in_one_currency_with_its_tier() -> None:
    rule_set = valued()
    bought = [event("purchase", 1, amount=300), event("purchase", 2, amount=100.55, currency="USD")]
    assert value_with(rule_set, *bought) == Value(350.27, "EUR", "365 days", "top 20%")
    refunded = event("refund", 3, amount=100, currency="EUR")
    assert value_with(rule_set, *bought, refunded) == Value(250.27, "EUR", "365 days", None)
    assert value_with(rule_set, event("purchase", 1, amount=900)) == Value(900, "EUR", "365 days", "top 5%")
    assert value_with(rule_set) == Value(0, "EUR", "365 days", None)


def test_no_rule_waits_for_the_events_that_it_is_made_of() -> None:
    rule_set = valued()
    (one,) = rule_set.rules
    assert one.types == one.needed_to_decide == one.needed_to_admit == {"login"}
    behind = watched(rule_set, purchase=2, refund=2)
    (action,) = decide("ada", None, [event("login", 9)], rule_set, behind, day(20)).decisions()
    assert isinstance(action, Action)


def test_without_it_no_action_has_a_value_and_the_rule_set_is_the_same_as_ever() -> None:
    without = rules(rule("quiet", when=QUIET), types=(*TYPES, "refund"))
    assert value_with(without) is None
    assert without.hash != valued().hash
    assert without.rules[0].version == valued().rules[0].version


def test_only_rules_that_use_a_threshold_change_when_it_is_measured_again() -> None:
    tiers = VALUE.tiers
    assert tiers is not None
    thresholds = {share: amount + 1 for share, amount in tiers.thresholds.items()}
    other = VALUE.model_copy(update={"tiers": tiers.model_copy(update={"thresholds": thresholds})})

    def versions(worth: Any) -> dict[str, str]:
        asked = [rule("plain", when={"value": "at least 480"}), rule("top", when={"value": "top 20%"})]
        compiled = rules(*[measured(one, worth) for one in asked], worth=worth)
        return {one.id: one.audience_hash for one in compiled.rules}

    before, after = versions(VALUE), versions(other)
    assert before["plain"] == after["plain"]
    assert before["top"] != after["top"]


@pytest.mark.parametrize(
    ("amount", "money"), [(4_800_000, 480), (4_805_999, 480.59), (-1, -0.01), (0, 0), (10**22, 10**18)]
)
def test_an_amount_has_two_decimals_at_most(amount: int, money: float) -> None:
    assert as_money(amount) == money
