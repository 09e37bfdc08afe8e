"""What goes with an action: it is read when the rule asks, kept while the action waits, and never waited for."""

from typing import Any, Final

import pytest

from schemas.actions import Action, Decision, Value, moment
from tests.support.builders import START, TYPES, day, event, rule, rules, watched
from workers.core.decisions.decide import decide, decider_of
from workers.core.decisions.known import Carried, Part
from workers.core.rules.rule_set import RuleSet

WORTH: Final = Value(480.5, "EUR", "365 days", "top 20%")
VISITS: Final = {"all": [{"count": "login", "at least": 1}, {"none": "purchase", "for": "5 days"}]}


class Given(Part):
    """Says what it is given, and notes when it was asked."""

    def __init__(self, key: str, *answers: Any) -> None:
        super().__init__(key)
        self.answers = list(answers)
        self.asked: list[int] = []

    def read(self, at_ms: int) -> Any:
        self.asked.append(at_ms)
        return self.answers.pop(0)


def carrying(*parts: Part, **content: Any) -> RuleSet:
    rule_set = rules(rule("visits", when=VISITS, **content))
    decider_of(rule_set).program.carried.parts.extend(parts)
    return rule_set


def test_nothing_is_noted_where_nothing_is_carried_or_known() -> None:
    assert Carried([]).read(START) is None
    assert Carried([Given("stage", None)]).read(START) is None


def test_what_is_known_when_the_rule_asks_is_in_the_action_in_the_order_of_its_fields() -> None:
    stage, value = Given("stage", "quiet"), Given("value", WORTH)
    rule_set = carrying(stage, value)
    outcome = decide("ada", None, [event("purchase", 0), event("login", 9)], rule_set, watched(rule_set))
    (action,) = outcome.decisions()
    assert isinstance(action, Action)
    assert (action.value, action.stage) == (WORTH, "quiet")
    assert stage.asked == value.asked == [day(9)]
    (record,) = outcome.records("linger")
    known = b'"value":{"amount":480.5,"currency":"EUR","window":"365 days","tier":"top 20%"},"stage":"quiet"}'
    assert record.value.endswith(known)


@pytest.mark.parametrize("layout", [3, 4])
@pytest.mark.parametrize("other_rules", [{}, {"template": "another"}], ids=["the same rule", "another version"])
def test_an_action_that_waits_keeps_what_was_known_when_its_rule_asked(layout: int, other_rules: Any) -> None:
    before = carrying(Given("value", WORTH))
    behind = watched(before, purchase=5)
    waits = decide("ada", None, [event("purchase", 0), event("login", 9)], before, behind, layout=layout)
    assert not waits.decisions()
    after = carrying(Given("value"), **other_rules)
    if other_rules:
        former = {one.version: one for one in before.rules}
        after = after.as_activated(1, {"visits": (1, day(9))}, former=former)
    (action,) = decide("ada", waits.stored, [], after, watched(after), layout=layout).decisions()
    assert isinstance(action, Action)
    assert (action.value, action.stage) == (WORTH, None)


def test_what_a_later_release_carries_besides_is_not_known_and_leaves_nothing() -> None:
    rule_set = carrying(Given("of a later release", 1))
    behind = watched(rule_set, purchase=5)
    waits = decide("ada", None, [event("purchase", 0), event("login", 9)], rule_set, behind, layout=4)
    decider = decider_of(rule_set)
    assert waits.stored is not None
    assert decider.read(waits.stored).candidates[0].known is None
    written = decider.stored.write(4)
    assert len(written) < len(waits.stored)
    decider.read(written)
    assert decider.stored.write(4) == written


def test_a_retraction_carries_nothing_but_what_tells_which_action_is_taken_back() -> None:
    rule_set = carrying(Given("stage", "quiet"), priority=80)
    events = [event("purchase", 0), event("login", 9), event("purchase", 10)]
    active, retracted = decide("ada", None, events, rule_set, watched(rule_set)).decisions()
    assert isinstance(active, Action)
    assert isinstance(retracted, Action)
    assert (active.stage, active.priority) == ("quiet", 80)
    assert (retracted.stage, retracted.priority) == (None, None)


def test_an_action_says_since_when_the_customer_agrees_if_they_ever_did() -> None:
    consent = {"from": "prefs.mail", "unknown": "may be written to"}
    rule_set = rules(rule("visits", when=VISITS), types=(*TYPES, "prefs"), consent=consent)
    answers = [event("prefs", 2, mail="yes"), event("prefs", 3, colour="red")]
    visits = [event("purchase", 0), *answers, event("login", 9)]
    (action,) = decide("ada", None, visits, rule_set, watched(rule_set)).decisions()
    assert isinstance(action, Action)
    assert action.consent_as_of == moment(day(2))
    (action,) = decide("ada", None, [visits[0], visits[-1]], rule_set, watched(rule_set)).decisions()
    assert isinstance(action, Action)
    assert action.consent_as_of is None


def test_a_rule_that_holds_out_customers_says_in_which_arm_they_are() -> None:
    rule_set = rules(rule("visits", when=VISITS, hold_out="50%", experiment="winter"))
    events = [event("purchase", 0), event("login", 9)]
    found = [decide(f"c{number}", None, events, rule_set, watched(rule_set)).decisions() for number in range(20)]
    arms = {(type(one), one.experiment, one.arm) for (one,) in found}
    assert arms == {(Action, "winter", "treated"), (Decision, "winter", "held out")}
