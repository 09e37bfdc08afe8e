"""Laws of admission: whether an action that a rule asks for is published, held or dropped."""

from decimal import Decimal
from typing import Any, Final

import pytest

from schemas.actions import Action, Decision
from schemas.experiments import HELD_OUT
from schemas.rules import ForEveryRule, RuleBook
from tests.support.builders import day, event, rule, rules, watched
from tests.support.decided import OneCustomer, moment
from tests.support.oracle import left
from workers.core.coverage import Coverage
from workers.core.events.decoding import DecodedEvent
from workers.core.experiments.arms import Arms
from workers.core.rules.rule_compiler import HOLD_OUT_KEY, compile_rules
from workers.core.rules.rule_set import RuleSet

TYPES = ("purchase", "login", "cancellation", "profile", "nps")
pytestmark = pytest.mark.usefixtures("each_layout")

QUIET_10 = {"none": "purchase", "for": "10 days"}
QUIET_20 = {"none": "purchase", "for": "20 days"}


def compiled(*content: Any, **for_every_rule: Any) -> RuleSet:
    return rules(*content, types=TYPES, **for_every_rule)


class Customer(OneCustomer):
    """One customer under a rule set that may change; what is decided is said in short."""

    def turn(self, *events: DecodedEvent, upto_day: float = 0, observed: Coverage | None = None) -> list[str]:
        """Fold events, fire timers, and return what was decided then, in short."""
        outcome = self.decide(events, observed, day(upto_day) if upto_day else 0)
        return [short(decision) for decision in outcome.decisions]


def short(decision: Action | Decision) -> str:
    at = (decision.decided_at.timestamp() * 1000 - day(0)) / 86_400_000
    word: str = decision.status if isinstance(decision, Action) else decision.decision
    if isinstance(decision, Action) and decision.retracted_because:
        word = decision.retracted_because
    return f"{decision.rule.id} {word} {at:g}"


def test_of_rules_that_begin_together_only_the_most_important_acts() -> None:
    customer = Customer(
        compiled(
            rule("low", when=QUIET_10, priority=10),
            rule("high", when=QUIET_10, priority=90),
            rule("none", when=QUIET_10),
        )
    )
    customer.turn(event("purchase", 1))
    assert sorted(customer.turn(upto_day=30)) == ["high active 11", "low outranked 11", "none active 11"]


def test_a_less_important_rule_keeps_silent_while_a_more_important_action_stands() -> None:
    customer = Customer(
        compiled(
            rule("high", when=QUIET_10, priority=90, expires_after="14 days"),
            rule("low", when=QUIET_20, priority=10),
            rule("late", when={"none": "purchase", "for": "30 days"}, priority=10),
        )
    )
    customer.turn(event("purchase", 1))
    assert customer.turn(upto_day=60) == ["high active 11", "low outranked 21", "late active 31"]


def test_a_rule_that_stands_instead_of_another_takes_its_action_back() -> None:
    customer = Customer(
        compiled(
            rule("soft", when=QUIET_10, expires_after="40 days"), rule("hard", when=QUIET_20, instead_of=["soft"])
        )
    )
    customer.turn(event("purchase", 1))
    assert customer.turn(upto_day=60) == ["soft active 11", "soft replaced 11", "hard active 21"]


def test_a_rule_does_not_act_while_the_one_instead_of_it_holds() -> None:
    customer = Customer(
        compiled(rule("soft", when=QUIET_20), rule("hard", when={"status": "cancelled"}, instead_of=["soft"]))
    )
    assert customer.turn(event("purchase", 1), event("cancellation", 2)) == ["hard active 2"]
    assert customer.turn(upto_day=60) == ["soft outranked 21"]


def test_no_customer_gets_more_actions_than_the_limit() -> None:
    customer = Customer(
        compiled(
            *(rule(f"rule-{number}", when={"none": "purchase", "for": f"{number} days"}) for number in range(10, 16)),
            limits=[{"at most": "2 actions", "within": "3 days"}],
        )
    )
    customer.turn(event("purchase", 1))
    assert customer.turn(upto_day=60) == [
        "rule-10 active 11",
        "rule-11 active 12",
        "rule-12 capped 13",
        "rule-13 active 14",
        "rule-14 active 15",
        "rule-15 capped 16",
    ]


def test_a_customer_who_opted_out_gets_nothing_and_a_waiting_action_is_taken_back() -> None:
    customer = Customer(
        compiled(
            rule("soft", when=QUIET_10),
            rule("hard", when=QUIET_20),
            consent={"from": "profile.consent", "opted out": ["no"]},
        )
    )
    customer.turn(event("purchase", 1), upto_day=12)
    assert customer.turn(event("profile", 13, consent="no")) == ["soft opted_out 11"]
    assert customer.turn(upto_day=60) == ["hard opted_out 21"]


def test_an_action_in_the_night_says_when_the_night_ends() -> None:
    customer = Customer(
        compiled(
            rule("soft", when=QUIET_10),
            quiet_hours={"from": "21:00", "until": "08:00"},
            time_zone={"from": "profile.zone"},
        )
    )
    customer.turn(event("profile", 0.5, zone="Asia/Tokyo"), event("purchase", 1.5), upto_day=12)
    action = customer.decisions[-1]
    assert isinstance(action, Action)
    assert action.not_before is not None
    assert action.not_before.isoformat() == "2024-01-12T23:00:00+00:00"  # eight o'clock in Tokyo
    assert action.time_zone == "Asia/Tokyo"


def test_an_action_that_expires_before_the_night_ends_is_not_sent() -> None:
    customer = Customer(
        compiled(
            rule("soft", when=QUIET_10, expires_after="2 hours"), quiet_hours={"from": "21:00", "until": "08:00"}
        )
    )
    customer.turn(event("purchase", 1))
    assert customer.turn(upto_day=60) == ["soft stale 11"]


def test_a_held_out_customer_gets_a_decision_instead_and_cools_down_like_the_others() -> None:
    ruleset = compiled(rule("soft", when=QUIET_10, hold_out="50%", again_after="100 days"))
    for name in ("ada", "bob", "cleo", "dan", "eve", "fay"):
        customer = Customer(ruleset, name)
        events = [event("purchase", at, customer=name) for at in (1, 40, 200)]
        decisions = customer.turn(*events, upto_day=300)
        held = Arms("soft", Decimal(50), HOLD_OUT_KEY).of(name) == HELD_OUT
        first = "held_out" if held else "active"
        taken_back = [] if held else ["soft customer_returned 210"] * 0
        assert [decision for decision in decisions if "returned" not in decision] == [
            f"soft {first} 11",
            "soft cooling_down 50",
            f"soft {first} 210",
            *taken_back,
        ]


def test_with_a_hold_out_key_of_128_characters_customers_are_decided_as_with_any_other() -> None:
    key = b"0123456789abcdef" * 8
    ruleset = compile_rules(RuleBook((rule("soft", when=QUIET_10, hold_out="50%"),), {}, ForEveryRule()), TYPES, key)
    decided = {
        name: Customer(ruleset, name).turn(event("purchase", 1, customer=name), upto_day=30)
        for name in (f"c{number}" for number in range(20))
    }
    for name, decisions in decided.items():
        held = Arms("soft", Decimal(50), key).of(name) == HELD_OUT
        assert decisions == ["soft held_out 11" if held else "soft active 11"]
    assert len(set(map(tuple, decided.values()))) == 2


def test_a_rule_that_waits_acts_when_its_condition_has_lasted() -> None:
    customer = Customer(compiled(rule("soft", when=QUIET_10, for_="3 days")))
    customer.turn(event("purchase", 1))
    assert customer.turn(upto_day=13.9) == []
    assert customer.turn(upto_day=14) == ["soft active 14"]


def test_a_condition_that_did_not_last_starts_again() -> None:
    customer = Customer(compiled(rule("soft", when=QUIET_10, for_="3 days")))
    customer.turn(event("purchase", 1), upto_day=12)
    customer.turn(event("purchase", 13))
    assert customer.turn(upto_day=60) == ["soft active 26"]


def test_unless_leaves_people_out() -> None:
    customer = Customer(
        compiled(rule("soft", when=QUIET_10, unless={"count": "nps", "at least": 1, "within": "90 days"}))
    )
    customer.turn(event("nps", 0.5, score=3), event("purchase", 1))
    decisions = customer.turn(upto_day=200)
    assert decisions == ["soft active 90"]  # on day 90 the answer leaves the window


def test_a_paused_rule_sends_nothing_new_and_takes_back_what_it_sent() -> None:
    customer = Customer(compiled(rule("soft", when=QUIET_10)))
    customer.turn(event("purchase", 1), upto_day=12)
    customer.rules = compiled(rule("soft", when=QUIET_10, status="paused"))
    assert customer.turn(event("purchase", 13)) == ["soft customer_returned 11"]
    assert customer.turn(upto_day=60) == []


# -- going live ------------------------------------------------------------------------------------------------


def live_at(ruleset: RuleSet, generation: int, at_day: float) -> RuleSet:
    """The same rules, all activated at a day."""
    return ruleset.as_activated(generation, {each_rule.id: (generation, day(at_day)) for each_rule in ruleset.rules})


def test_a_customer_who_already_matches_a_rule_when_it_goes_live_is_left_alone() -> None:
    customer = Customer(live_at(compiled(rule("other", when={"none": "login", "for": "300 days"})), 1, 0))
    customer.turn(event("purchase", 1))
    customer.rules = live_at(compiled(rule("soft", when=QUIET_10)), 2, 30)
    assert customer.turn(upto_day=31) == []
    assert customer.facts.episodes["soft"].holds
    assert customer.turn(event("purchase", 32)) == []
    assert customer.turn(upto_day=60) == ["soft active 42"]


def test_a_customer_who_matches_a_rule_after_it_went_live_is_acted_on_however_late_it_is_evaluated() -> None:
    customer = Customer(live_at(compiled(rule("other", when={"none": "login", "for": "300 days"})), 1, 0))
    customer.turn(event("purchase", 1))
    customer.rules = live_at(compiled(rule("soft", when=QUIET_10)), 2, 5)
    customer.turn()  # the sweep
    assert customer.turn(upto_day=60) == ["soft active 11"]


def test_a_rule_that_includes_those_who_meet_it_already_acts_when_it_goes_live() -> None:
    customer = Customer(live_at(compiled(rule("other", when={"none": "login", "for": "300 days"})), 1, 0))
    customer.turn(event("purchase", 1))
    include = rule("soft", when=QUIET_10, existing="include", pace="at most 5 per hour")
    customer.rules = live_at(compiled(include), 2, 30)
    customer.turn()
    assert customer.turn(upto_day=31) == ["soft active 30"]


def test_a_rule_goes_live_after_shadow_without_acting_on_those_it_watched() -> None:
    customer = Customer(live_at(compiled(rule("soft", when=QUIET_10, status="shadow")), 1, 0))
    customer.turn(event("purchase", 1))
    assert customer.turn(upto_day=20) == ["soft shadow 11"]
    customer.rules = live_at(compiled(rule("soft", when=QUIET_10)), 2, 21)
    assert customer.turn(upto_day=60) == []
    customer.turn(event("purchase", 61))
    assert customer.turn(upto_day=100) == ["soft active 71"]


def test_state_of_an_older_rule_set_stays_valid_when_another_rule_changes() -> None:
    first = live_at(compiled(rule("soft", when=QUIET_10), rule("hard", when=QUIET_20)), 1, 0)
    customer = Customer(first)
    customer.turn(event("purchase", 1), upto_day=12)
    changed = compiled(rule("soft", when=QUIET_10), rule("hard", when={"none": "purchase", "for": "25 days"}))
    customer.rules = changed.as_activated(2, {"soft": (1, day(0)), "hard": (2, day(13))})
    customer.turn()
    assert customer.turn(upto_day=60) == ["hard active 26"]
    assert customer.turn(event("purchase", 30.5)) == ["hard customer_returned 26"]


def test_who_met_a_rule_once_and_does_not_when_it_goes_live_is_not_included() -> None:
    customer = Customer(live_at(compiled(rule("other", when={"none": "purchase", "for": "300 days"})), 1, 0))
    customer.turn(event("login", 1), event("login", 2))
    keen = {"count": "login", "at least": 2, "within": "7 days"}
    customer.rules = live_at(compiled(rule("soft", when=keen, existing="include", pace="at most 5 per hour")), 2, 40)
    assert customer.turn() == []
    assert customer.turn(upto_day=60) == []


def test_how_long_a_condition_has_lasted_starts_again_when_it_is_another_one() -> None:
    customer = Customer(live_at(compiled(rule("soft", when=QUIET_10, for_="30 days")), 1, 0))
    customer.turn(event("purchase", 1), upto_day=12)
    changed = rule("soft", when={"none": "purchase", "for": "15 days"}, for_="30 days")
    customer.rules = live_at(compiled(changed), 2, 13)
    customer.turn()
    assert customer.turn(upto_day=90) == ["soft active 46"]


def test_a_change_forgets_what_the_rule_was_waiting_for() -> None:
    first = compiled(rule("soft", when={"all": [QUIET_10, {"none": "login", "for": "5 days"}]}))
    customer = Customer(live_at(first, 1, 0))
    blind = watched(first, login=2)
    customer.turn(event("login", 0.5), event("purchase", 1), observed=blind)
    customer.turn(upto_day=20, observed=blind)
    asks_more = rule("soft", when={"all": [QUIET_10, {"latest": "nps.score", "at most": 6}]})
    customer.rules = live_at(compiled(asks_more), 2, 21)
    outcome = customer.decide()
    assert outcome.waiting == {}
    assert outcome.due_ms == 0


def test_a_source_that_a_rule_does_not_compete_over_does_not_hold_it() -> None:
    ruleset = compiled(
        rule("alone", when={"none": "login", "for": "5 days"}),
        rule("low", when={"none": "login", "for": "4 days"}, priority=10),
        rule(
            "high",
            when={"all": [{"none": "purchase", "for": "9 days"}, {"none": "login", "for": "9 days"}]},
            priority=90,
        ),
    )
    customer = Customer(ruleset)
    blind = watched(ruleset, purchase=1)
    customer.turn(event("login", 1), observed=blind)
    assert customer.turn(upto_day=20, observed=blind) == ["alone active 6"]


def test_an_action_that_a_late_event_puts_in_doubt_waits_until_everything_up_to_then_was_seen() -> None:
    """Orders lag: a log-in on day 40 decides that there was none for 20 days, and orders of day 15 and 30 follow."""
    ruleset = compiled(rule("quiet", when=QUIET_20, expires_after="60 days", again_after="60 days"))
    ada, bob = Customer(ruleset), Customer(ruleset, "bob")
    for customer in (ada, bob):
        for late in (event("purchase", 1), event("login", 40), event("purchase", 15)):
            assert customer.turn(late, observed=watched(ruleset, purchase=1)) == []
        # On day 21 the last order was six days old; on day 40, as far as is known, 25 days.
        assert customer.turn(upto_day=40, observed=watched(ruleset, purchase=25)) == []
    assert ada.turn(event("purchase", 30), observed=watched(ruleset, purchase=25)) == []
    assert ada.turn(upto_day=40, observed=watched(ruleset, purchase=40)) == ["quiet customer_returned 21"]
    assert bob.turn(upto_day=40, observed=watched(ruleset, purchase=40)) == ["quiet active 21"]


def test_an_action_that_begins_with_a_late_event_waits_until_everything_up_to_the_customer_s_clock_was_seen() -> None:
    """With the late log-in of day 15, there are three; on day 40 that was long ago, as far as is known."""
    regular = {"all": [{"count": "login", "at least": 3, "within": "60 days"}, {"none": "login", "for": "20 days"}]}
    ruleset = compiled(rule("quiet", when=regular, expires_after="60 days", again_after="60 days"))
    ada = Customer(ruleset)
    for late in (event("login", 1), event("login", 5), event("purchase", 40), event("login", 15)):
        assert ada.turn(late, observed=watched(ruleset, login=16)) == []
    assert ada.turn(event("login", 30), upto_day=40, observed=watched(ruleset, login=40)) == [
        "quiet customer_returned 15"
    ]


def test_when_a_late_event_ends_a_rule_no_action_of_its_earlier_episodes_goes_out() -> None:
    """Log-ins lag, so the purchases of days 30 and 60 each ask for an action; a log-in of day 25 and 59 follow."""
    ruleset = compiled(
        rule(
            "blind",
            when={"last": "purchase", "at most": "10 days ago"},
            unless={"count": "login", "at least": 1, "within": "25 days"},
            expires_after="60 days",
            again_after="90 days",
        )
    )
    ada = Customer(ruleset)
    for late in (event("login", 1), event("purchase", 30), event("purchase", 60)):
        assert ada.turn(late, observed=watched(ruleset, login=2)) == []
    assert [candidate.began for candidate in ada.facts.candidates] == [moment(30), moment(60)]
    assert not any("active" in line for line in ada.turn(event("login", 25), observed=watched(ruleset, login=26)))
    ada.turn(event("login", 59), observed=watched(ruleset, login=60))
    ada.turn(upto_day=61, observed=watched(ruleset, login=61))
    assert [short(one) for one in ada.decisions if isinstance(one, Action) and one.status == "active"] == []


# --- one event takes back one action ------------------------------------------------------------------------------

BUYS: Final = {
    "when": {"all": [{"last": "purchase", "at most": "3 days ago"}, {"count": "login", "at most": 5}]},
    "unless": {"latest": "nps.score", "at most": 3},
}
"""Begins with a purchase, ends three days later by time, and is ended by a bad answer; waits for log-ins."""


def check_that_lag_changes_nothing(ruleset: RuleSet, *story: DecodedEvent) -> list[str]:
    """Decide a story as it is seen, and again while log-ins lag; return what was decided as it was seen."""
    live, ada = Customer(ruleset), Customer(ruleset)
    decided = live.turn(*story)
    for one in story:
        ada.turn(one, observed=watched(ruleset, login=0))
    ada.turn()
    assert ada.stored == live.stored
    assert left(ada.decisions) == left(live.decisions)
    return decided


@pytest.mark.parametrize(("at_day", "because"), [(7, "no_longer_true"), (8, "no_longer_true"), (1, "late_event")])
def test_what_withdraws_a_waiting_action_takes_back_the_open_one_before_it_at_once(
    at_day: float, because: str
) -> None:
    """The second purchase asks for an action while the first one is open, and log-ins lag."""
    ruleset = compiled(rule("buys", **BUYS))
    story = (event("nps", 0.5, score=9), event("purchase", 1), event("purchase", 8), event("nps", at_day, score=1))
    live = ["buys active 1", "buys cooling_down 8", f"buys {because} 1"]
    assert check_that_lag_changes_nothing(ruleset, *story) == live
    ada, lags = Customer(ruleset), watched(ruleset, login=1)
    assert ada.turn(*story[:3], observed=lags) == ["buys active 1"]
    assert f"buys {because} 1" in ada.turn(story[3], observed=lags)
    assert ada.turn() == []


def test_of_two_waiting_actions_that_one_event_takes_back_only_the_first_would_have_been_sent() -> None:
    """The pause of four days counts from the first, on day 1: it is over when the rule begins again on day 7.5."""
    ruleset = compiled(rule("buys", **BUYS, again_after="4 days"))
    story = (event("nps", 0.5, score=9), event("purchase", 1), event("purchase", 6), event("nps", 7, score=1))
    assert check_that_lag_changes_nothing(ruleset, *story, event("nps", 7.5, score=9)) == [
        "buys active 1",
        "buys cooling_down 6",
        "buys no_longer_true 1",
        "buys active 7.5",
    ]


def test_what_waits_of_a_rule_is_decided_as_it_was_asked_for_although_a_late_event_begins_earlier() -> None:
    """The answer of day 6 comes last, and asks for an action after the purchase of day 8 did."""
    when = {"any": [{"last": "purchase", "at most": "1 days ago"}, {"latest": "nps.score", "at least": 9}]}
    ruleset = compiled(rule("likes", when=when, unless={"count": "login", "at least": 6}))
    story = (event("nps", 0.5, score=5), event("purchase", 8), event("cancellation", 9.5), event("nps", 6, score=9))
    assert check_that_lag_changes_nothing(ruleset, *story) == ["likes active 8", "likes cooling_down 6"]


def test_a_late_no_takes_back_an_open_action_as_if_it_had_never_been_also_while_another_one_waits() -> None:
    """The answer of day 0.9 comes last: neither action was ever due."""
    ruleset = compiled(rule("buys", **BUYS), consent={"from": "profile.consent", "opted out": ["no"]})
    story = (event("nps", 0.5, score=9), event("purchase", 1), event("purchase", 8))
    ada = Customer(ruleset)
    ada.turn(*story[:2])
    assert ada.turn(story[2], observed=watched(ruleset, login=1)) == []
    assert "buys late_event 1" in ada.turn(event("profile", 0.9, consent="no"), observed=watched(ruleset, login=1))
    assert (
        check_that_lag_changes_nothing(ruleset, *story, event("profile", 0.9, consent="no"))[-1]
        == "buys late_event 1"
    )
