"""Laws of what else is true of a rule: what it did, what it waits for, and why it did not act."""

from dataclasses import replace
from typing import Any

from schemas.rules import ForEveryRule, RuleBook
from schemas.rules import Rule as WrittenRule
from tests.support.builders import TYPES, day, event, rule, rules, watched
from tests.support.explained import known, only, since, state_text, states, why
from workers.core.decisions.decide import decide, decider_of
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet
from workers.explain.snapshot import CustomerSnapshot
from workers.explain.why import explain_customer


def acted(**content: Any) -> tuple[RuleSet, bytes]:
    """A rule that has acted for ada on day 10, as it is stored then."""
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}, **content))
    return ruleset, known(ruleset, event("purchase", 1), upto_day=10)


def test_a_rule_that_acted_says_when_and_how_long_the_action_is_good() -> None:
    ruleset, stored = acted(again_after="1 day")
    assert state_text(why(ruleset, stored, 12), "acted") == (
        "acted on 2024-01-11 00:00 UTC; the action is good until 2024-01-25 00:00 UTC"
    )
    assert state_text(why(ruleset, stored, 30), "acted") == "acted on 2024-01-11 00:00 UTC"


def test_an_action_that_was_taken_back_is_said_to_be() -> None:
    ruleset, _ = acted(again_after="20 days")
    stored = known(ruleset, event("purchase", 1), event("purchase", 12))
    report = why(ruleset, stored, 13)
    assert only(report).verdict == "false"
    assert state_text(report, "acted") == "acted on 2024-01-11 00:00 UTC, and took the action back"


def test_a_rule_cools_down_until_it_may_act_again() -> None:
    ruleset, stored = acted(again_after="20 days")
    assert state_text(why(ruleset, stored, 29.9), "cooling_down") == "cooling down until 2024-01-31 00:00 UTC"
    assert "cooling_down" not in states(why(ruleset, stored, 30))
    ruleset, stored = acted(again_after="never")
    assert state_text(why(ruleset, stored, 300), "cooling_down") == "never acts again for this customer"


def test_a_rule_that_repeats_says_when_it_asks_again() -> None:
    ruleset, stored = acted(again_every="20 days", at_most="2 actions")
    text = state_text(why(ruleset, stored, 12), "repeats")
    assert text == "asks again on 2024-01-31 00:00 UTC, if it still holds: action 2 of 2"
    later = known(ruleset, event("purchase", 1), upto_day=31)
    assert not {"repeats", "refused", "outranked"} & set(states(why(ruleset, later, 32)))


def test_what_no_worker_has_decided_yet_is_announced() -> None:
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}))
    report = why(ruleset, known(ruleset, event("purchase", 1)), 12)
    assert only(report).verdict == "true"
    assert (
        state_text(report, "expected") == "asks for 't' as of 2024-01-11 00:00 UTC, as soon as a worker evaluates it"
    )


def test_an_action_that_waits_for_a_source_says_for_which() -> None:
    ruleset = rules(rule(when={"all": [{"none": "login", "for": "9 days"}, {"status": "active"}]}))
    observed = watched(ruleset, cancellation=5)
    stored = known(ruleset, event("login", 1), event("purchase", 12), observed=observed)
    assert decider_of(ruleset).read(stored).waiting
    report = why(ruleset, stored, 12, observed=observed)
    assert only(report).verdict == "true"
    assert state_text(report, "waiting") == (
        "its action of 2024-01-11 00:00 UTC waits: 'cancellation' has been seen only until 2024-01-06 00:00 UTC"
    )


def test_an_action_that_an_earlier_version_of_the_rule_asked_for_waits_too() -> None:
    when = {"all": [{"none": "login", "for": "9 days"}, {"status": "active"}]}
    before, ruleset = rules(rule(when=when)), rules(rule(when=when, template="another"))
    observed = watched(before, cancellation=5)
    stored = known(before, event("login", 1), event("purchase", 12), observed=observed)
    former = {one.version: one for one in before.rules}
    report = why(ruleset.as_activated(0, {}, former=former), stored, 12, observed=observed)
    assert state_text(report, "waiting") == (
        "its action of 2024-01-11 00:00 UTC waits: 'cancellation' has been seen only until 2024-01-06 00:00 UTC"
    )
    assert state_text(why(ruleset, stored, 12, observed=observed), "held") == (
        "does not act on 2024-01-11 00:00 UTC: it waited for a source to be seen, and what that version of the rule "
        "says is not known any longer"
    )


def test_an_action_above_its_pace_is_said_to_be_held() -> None:
    ruleset, stored = acted(pace="at most 1 per day")
    assert "held" not in states(why(ruleset, stored, 12))
    report = why(ruleset, stored, 12, held_rules={"a-rule": "the rule's pace"})
    assert state_text(report, "held") == "its action of 2024-01-11 00:00 UTC is held by the rule's pace"


def test_shadow_and_paused_rules_are_called_so() -> None:
    for status in ("shadow", "paused"):
        ruleset, stored = acted(status=status)
        report = why(ruleset, stored, 12)
        assert only(report).verdict == "true"
        assert states(report) == [status]


def test_a_held_out_customer_is_shown_as_such_and_not_as_acted_on() -> None:
    kinds = set()
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}, hold_out="50%"))
    for number in range(20):
        name = f"customer {number}"
        outcome = decide(name, None, [event("purchase", 1, name)], ruleset, watched(ruleset), day(10))
        (decision,) = outcome.decisions()
        assert outcome.stored is not None
        report = explain_customer(CustomerSnapshot(name, outcome.stored, ruleset, watched(ruleset), day(12)), day(12))
        expected = "acted" if hasattr(decision, "status") else "held_out"
        assert states(report)[0] == expected
        kinds.add(expected)
    assert kinds == {"acted", "held_out"}


def under(policy: dict[str, Any], *content: WrittenRule) -> RuleSet:
    return compile_rules(RuleBook(content, for_every_rule=ForEveryRule.model_validate(policy)), (*TYPES, "profile"))


def test_a_rule_that_a_limit_kept_from_acting_says_which() -> None:
    ruleset = under(
        {"limits": [{"at most": "1 action", "within": "30 days"}]},
        rule("early", when={"none": "purchase", "for": "9 days"}),
        rule("later", when={"none": "purchase", "for": "11 days"}),
    )
    report = why(ruleset, known(ruleset, event("purchase", 1), upto_day=13), 13)
    assert "acted" in states(report, "early")
    assert state_text(report, "capped", "later") == (
        "did not act: the customer has had enough: at most 1 action within 30 days"
    )


def test_a_rule_that_another_one_came_before_says_which() -> None:
    ruleset = rules(
        rule("high", when={"none": "purchase", "for": "9 days"}, priority=80),
        rule("low", when={"none": "purchase", "for": "11 days"}, priority=20),
    )
    report = why(ruleset, known(ruleset, event("purchase", 1), upto_day=13), 13)
    assert state_text(report, "outranked", "low") == "did not act: 'high' comes first"


def test_who_opted_out_is_said_to_have_done_so() -> None:
    ruleset = under(
        {"consent": {"from": "profile.consent", "opted out": ["no"]}},
        rule(when={"none": "purchase", "for": "9 days"}),
    )
    stored = known(ruleset, event("purchase", 1), event("profile", 2, consent="no"), upto_day=13)
    report = why(ruleset, stored, 13)
    assert state_text(report, "opted_out") == "did not act: the customer does not want to be written to"
    assert report.notes == ("does not want to receive messages: no rule acts",)


def test_who_is_forgotten_is_said_to_be_although_the_state_is_still_there() -> None:
    ruleset = replace(rules(rule(when={"none": "purchase", "for": "9 days"})), forget_after_ms=day(60) - day(0))
    stored = known(ruleset, event("purchase", 1), upto_day=13)
    assert why(ruleset, stored, 90).notes == ()
    for now_day in (90, 95):
        (note,) = why(ruleset, stored, 95, now_day=now_day).notes
        assert note.startswith("forgotten since 2024-04-01 00:00 UTC: what happens next is of a stranger.")


def test_who_met_a_rule_before_it_went_live_is_said_to_be_left_alone() -> None:
    old = rules(rule("other"))
    stored = known(old, event("purchase", 1), upto_day=12)
    fresh = rules(rule(when={"none": "purchase", "for": "9 days"})).as_activated(2, {"a-rule": (2, day(20))})
    report = why(fresh, stored, 21)
    assert only(report).verdict == "true"
    assert states(report) == ["left_alone"]


def test_who_met_a_rule_in_history_is_told_up_to_when_it_is_history() -> None:
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}))
    report = why(ruleset, known(ruleset, event("purchase", 1, history_until=20), upto_day=30), 30)
    assert only(report).verdict == "true"
    expected = "skipped: history until 2024-01-21 00:00 UTC, so it counts as met already"
    assert state_text(report, "left_alone") == expected


def test_an_action_of_before_late_history_is_still_told() -> None:
    ruleset = rules(rule(when={"none": "purchase", "for": "9 days"}))
    stored = known(ruleset, event("purchase", 10), upto_day=20)
    late = decide("ada", stored, [event("purchase", 5, history_until=21)], ruleset, watched(ruleset)).stored
    assert late is not None
    assert states(why(ruleset, late, 21))[0] == "acted"


def test_what_holds_on_although_it_cannot_be_known_any_more_is_said_so() -> None:
    when = {"any": [{"count": "purchase", "at least": 1, "within": "5 days"}, {"count": "login", "at most": 3}]}
    ruleset = rules(rule(when=when))
    observed = since(ruleset, 0)
    report = why(ruleset, known(ruleset, event("purchase", 1), observed=observed), 12, observed=observed)
    assert only(report).verdict == "true"
    assert only(report).condition.verdict == "not observable"
    assert state_text(report, "unconfirmed") == "cannot be confirmed at present; it holds until it is known not to"
