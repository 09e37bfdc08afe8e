"""Outcomes: who enters an experiment, who succeeds, and what is counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from schemas.experiments import EVERY_RULE
from schemas.rules import RuleBook
from schemas.value import Valuation
from tests.support.builders import DAY, START, TYPES, day, event, rule, rules, watched
from tests.support.decided import LAYOUTS, decide
from workers.core.events.decoding import DecodedEvent
from workers.core.experiments.arms import Arms
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet

QUIET_10 = {"none": "purchase", "for": "10 days"}
DAY_0 = START // DAY


def with_share(ruleset: RuleSet, share: int) -> RuleSet:
    """The same rules, by which this share of the customers is held out."""

    def divided(arms: Arms | None) -> Arms | None:
        return None if arms is None else replace(arms, share=Decimal(share))

    known = {
        one.id: replace(one, hold_out=divided(one.hold_out), programme=divided(one.programme))
        for one in ruleset.rules
    }
    groups = {name: tuple(known[one.id] for one in group) for name, group in ruleset.groups.items()}
    return replace(ruleset, rules=tuple(known.values()), by_id=known, groups=groups)


class Followed:
    """One customer, turn by turn, and everything that was counted."""

    def __init__(self, ruleset: RuleSet, layout: int = LAYOUTS[-1]) -> None:
        self.rules, self.layout = ruleset, layout
        self.stored: bytes | None = None
        self.counted: Counter[str] = Counter()
        self.said: list[str] = []

    def turn(self, *events: DecodedEvent, upto_day: float = 0, **until_day: float) -> "Followed":
        upto_ms = day(upto_day) if upto_day else 0
        observed = watched(self.rules, 0, True, **until_day)
        decided = decide("ada", self.stored, events, self.rules, observed, upto_ms, self.layout)
        self.stored = decided.stored
        self.counted.update(decided.experiments)
        for one in decided.decisions:
            self.said.append(f"{one.rule.id} {getattr(one, 'status', None) or one.decision}")  # type: ignore[union-attr]
        return self

    def figures(self) -> dict[str, int]:
        """What was counted, without the keys of experiments, by days of the tests."""
        found: Counter[str] = Counter()
        for name, number in self.counted.items():
            _, arm, *rest = name.split("|")
            words = [str(int(rest[0]) - DAY_0), rest[1]] if len(rest) == 2 else rest
            found[" ".join((arm, *words))] += number
        return {name: number for name, number in found.items() if number}


def soft(**content: Any) -> RuleSet:
    return rules(rule("soft", when=QUIET_10, hold_out="50%", **{"again_after": "1 day", **content}))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("share", "arm"), [(0, "treated"), (100, "held out")])
def test_a_customer_enters_when_the_rule_acts_or_would_have_and_a_success_in_time_counts_for_that_day(
    share: int, arm: str, layout: int
) -> None:
    ada = Followed(with_share(soft(count_at_most="100 EUR"), share), layout)
    ada.turn(event("purchase", 1)).turn(upto_day=12)
    assert ada.figures() == {f"{arm} 11 n": 1}
    ada.turn(event("purchase", 41, amount=30))
    assert ada.figures() == {
        f"{arm} 11 n": 1,
        f"{arm} 11 won": 1,
        f"{arm} 11 amount": 3000,
        f"{arm} 11 square": 3000 * 3000,
        f"{arm} 11 payers": 1,
    }


def test_a_success_that_comes_too_late_does_not_count() -> None:
    ada = Followed(with_share(soft(success="purchase within 14 days"), 0)).turn(event("purchase", 1))
    ada.turn(upto_day=12).turn(event("purchase", 25.5))
    assert ada.figures() == {"treated 11 n": 1}


def test_an_event_in_time_that_is_read_late_counts_and_only_what_is_meant_does() -> None:
    large = {"event": "purchase", "where": {"amount": {"at least": 50}}, "within": "30 days"}
    ada = Followed(with_share(soft(success=large, expires_after="2 days"), 0)).turn(event("purchase", 1))
    ada.turn(upto_day=12).turn(event("login", 60)).turn(event("purchase", 20, amount=49.99))
    assert "treated 11 won" not in ada.figures()
    ada.turn(event("purchase", 21, amount=50))
    assert ada.figures()["treated 11 won"] == 1


def test_several_successes_are_one_and_their_amounts_are_added_up_to_the_cap() -> None:
    ada = Followed(with_share(soft(count_at_most="50 EUR"), 0)).turn(event("purchase", 1)).turn(upto_day=12)
    ada.turn(event("purchase", 12.5, amount=20)).turn(
        event("purchase", 13, amount=20), event("purchase", 14, amount=20)
    )
    assert ada.figures() == {
        "treated 11 n": 1,
        "treated 11 won": 1,
        "treated 11 amount": 5000,
        "treated 11 square": 5000 * 5000,
        "treated 11 payers": 1,
    }


def valued(cap: object, **value: object) -> RuleSet:
    measured = Valuation.model_validate({"revenue": ["purchase.amount"], **value})
    made = rule("soft", when=QUIET_10, hold_out="50%", again_after="1 day", count_at_most=cap)
    return compile_rules(RuleBook(rules=(made,), value=measured), TYPES)


@pytest.mark.parametrize(
    ("ruleset", "amount"),
    [
        (soft(), None),  # without a cap, no money is compared
        (soft(count_at_most=500), None),  # of no currency
        (soft(count_at_most="500 EUR"), 2000),
        (soft(count_at_most="500 USD"), 3000),
        (valued(500, currency="EUR"), 2000),
        (valued(500, currency="EUR", rates={"USD": "0.5"}), 2000 + 1500),
        (valued("500 USD", currency="EUR", rates={"USD": "0.5"}), 3000),  # the rates are for euros
        (valued(500), None),
    ],
    ids=["no cap", "no currency", "EUR", "USD", "value", "rates", "another currency", "value of no currency"],
)
def test_money_is_counted_in_one_currency_and_amounts_of_two_are_never_added_up_without_a_rate(
    ruleset: RuleSet, amount: int | None
) -> None:
    ada = Followed(with_share(ruleset, 0)).turn(event("purchase", 1)).turn(upto_day=12)
    ada.turn(event("purchase", 13, amount=20)).turn(event("purchase", 14, amount=30, currency="USD"))
    ada.turn(event("purchase", 15, amount=70, currency="JPY"))
    assert (ada.figures()["treated 11 won"], ada.figures().get("treated 11 amount")) == (1, amount)


def test_a_customer_enters_once_and_later_episodes_stand_apart() -> None:
    ada = Followed(with_share(soft(), 0)).turn(event("purchase", 1)).turn(event("purchase", 60)).turn(upto_day=90)
    assert {
        name: number for name, number in ada.figures().items() if "square" not in name and "amount" not in name
    } == {
        "treated 11 n": 1,
        "treated later": 1,
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_happens_while_an_action_waits_counts_as_if_it_had_not_waited(layout: int) -> None:
    ruleset = rules(
        rule("soft", when=QUIET_10, unless={"count": "login", "at least": 1, "within": "2 days"}, hold_out="50%")
    )
    at_once = Followed(with_share(ruleset, 0), layout).turn(event("purchase", 1)).turn(upto_day=12)
    at_once.turn(event("purchase", 12.5))
    waiting = Followed(with_share(ruleset, 0), layout).turn(event("purchase", 1), login=1)
    waiting.turn(upto_day=12, login=1).turn(event("purchase", 12.5), login=1)
    assert waiting.figures() == {}
    waiting.turn(upto_day=20, login=20)
    assert waiting.figures() == at_once.figures() != {}


def test_of_two_rules_the_earlier_start_counts_whichever_is_admitted_first() -> None:
    one = rule("one", when=QUIET_10, hold_out="50%", experiment="both")
    other = rule(
        "other",
        when={"none": "purchase", "for": "5 days"},
        unless={"count": "login", "at least": 1, "within": "2 days"},
        hold_out="50%",
        experiment="both",
    )
    ruleset = with_share(rules(one, other), 0)
    in_order = Followed(ruleset).turn(event("purchase", 1)).turn(upto_day=12).turn(event("purchase", 13))
    late = Followed(ruleset).turn(event("purchase", 1), login=1).turn(upto_day=12, login=1)
    assert late.figures() == {"treated 11 n": 1}
    late.turn(event("purchase", 13), login=1).turn(upto_day=14, login=14)
    assert late.figures() == in_order.figures()
    assert late.figures()["treated 6 n"] == 1


def test_without_a_success_of_its_action_nothing_is_measured_until_the_rule_says_one() -> None:
    declared = {"action": "call-back"}
    assert rules(rule("soft", when=QUIET_10, hold_out="50%", **declared)).experiments == ()
    said = rules(rule("soft", when=QUIET_10, hold_out="50%", success="login within 3 days", **declared))
    assert len(said.experiments) == 1
    ada = Followed(with_share(said, 0)).turn(event("purchase", 1)).turn(upto_day=12).turn(event("login", 12.5))
    assert ada.figures() == {"treated 11 n": 1, "treated 11 won": 1}


def test_who_is_held_out_of_all_rules_gets_nothing_of_any_and_enters_no_other_experiment() -> None:
    two = [rule(name, when=QUIET_10, hold_out="50%") for name in ("one", "two")]
    ruleset = rules(*two, hold_out="5% of everybody")
    assert [one.name for one in ruleset.experiments] == ["one", "two", EVERY_RULE]
    nothing = Followed(with_share(ruleset, 100)).turn(event("purchase", 1)).turn(upto_day=12)
    assert nothing.said == ["one held_out", "two held_out"]
    assert {name.split("|")[0] for name in nothing.counted} == {ruleset.experiments[-1].key}
    assert nothing.figures() == {"held out 11 n": 1, "held out later": 1}
    all_of_it = Followed(with_share(ruleset, 0)).turn(event("purchase", 1)).turn(upto_day=12)
    assert all_of_it.said == ["one active", "two active"]
    assert {name.split("|")[0] for name in all_of_it.counted} == {one.key for one in ruleset.experiments}


def test_nothing_of_an_action_that_was_not_published_is_taken_back() -> None:
    held_out = Followed(with_share(soft(), 100)).turn(event("purchase", 1)).turn(event("purchase", 12))
    assert held_out.said == ["soft held_out"]
    treated = Followed(with_share(soft(), 0)).turn(event("purchase", 1)).turn(event("purchase", 12))
    assert treated.said == ["soft active", "soft retracted"]


def test_the_hold_out_is_asked_last_of_all() -> None:
    ruleset = rules(
        rule("one", when=QUIET_10, hold_out="50%"),
        rule("two", when={"none": "purchase", "for": "11 days"}),
        limits=[{"at most": "1 action", "within": "7 days"}],
    )
    held_out = Followed(with_share(ruleset, 100)).turn(event("purchase", 1)).turn(upto_day=13)
    assert held_out.said == ["one held_out", "two capped"]


def test_rules_that_are_renamed_are_the_same_experiment_and_other_conditions_or_shares_are_another() -> None:
    def designs(*content: Any) -> Sequence[str]:
        return [one.design for one in rules(*content).experiments]

    before = designs(rule("soft", when=QUIET_10, hold_out="10%"))
    assert designs(rule("softer", when=QUIET_10, hold_out="10%", template="other")) == before
    for changed in (
        {"when": {"none": "purchase", "for": "11 days"}, "hold_out": "10%"},
        {"when": QUIET_10, "hold_out": "11%"},
        {"when": QUIET_10, "hold_out": "10%", "success": "login within 3 days"},
        {"when": QUIET_10, "hold_out": "10%", "smallest_difference": "2 points"},
        {"when": QUIET_10, "hold_out": "10%", "count_at_most": "100 EUR"},
        {"when": QUIET_10, "hold_out": "10%", "as_before": "10%"},
        {"when": QUIET_10, "hold_out": "10%", "variants": {"a": "50%", "b": "50%"}},
    ):
        assert designs(rule("soft", **changed)) != before


def test_what_a_rule_meant_before_its_experiment_began_does_not_enter() -> None:
    ruleset = with_share(soft(), 0)
    later = replace(ruleset, experiments=tuple(one.begun(one.key, "soft", day(12)) for one in ruleset.experiments))
    ada = Followed(later).turn(event("purchase", 1)).turn(upto_day=11.5)
    assert (ada.said, ada.figures()) == (["soft active"], {})
    assert Followed(later).turn(event("purchase", 3)).turn(upto_day=14).figures() == {"treated 13 n": 1}
