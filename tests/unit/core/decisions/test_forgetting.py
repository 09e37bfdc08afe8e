"""Who gave no sign of life for long enough is forgotten; days 0, 31, 60, 91 and 121 are starts of months."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.actions import Action
from schemas.rules import ForEveryRule, Rule, RuleBook
from tests.support.builders import DAY, TYPES, day, event, rule, rules, watched
from tests.support.decided import LATEST_LAYOUT, OneCustomer, truth_of
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.customer.standing import AS_ANYBODY, Standing
from workers.core.decisions.decide import Outcome, decider_of
from workers.core.decisions.decide import decide as decide_in_core
from workers.core.rules.rule_compiler import compile_rules
from workers.core.rules.rule_set import RuleSet

QUIET = rule("quiet", when={"none": "login", "for": "40 days"}, expires_after="30 days")


def forgetting(*content: Rule, after_days: int = 40, **policy: Any) -> RuleSet:
    return replace(rules(*content, **policy), forget_after_ms=after_days * DAY)


def moment_of(customer: OneCustomer) -> int:
    assert customer.stored is not None
    return decider_of(customer.rules).forgotten_ms(customer.stored)


def collected(customer: OneCustomer, upto_day: float, observed: Coverage | None = None) -> Outcome:
    assert customer.stored is not None
    seen = watched(customer.rules) if observed is None else observed
    return decider_of(customer.rules).collect("ada", customer.stored, seen, day(upto_day), LATEST_LAYOUT)


def acted(customer: OneCustomer) -> list[tuple[str, str]]:
    return [(one.rule.id, one.status) for one in customer.decisions if isinstance(one, Action)]


def test_a_customer_is_forgotten_at_the_first_start_of_a_month_after_the_last_sign_of_life() -> None:
    customer = OneCustomer(forgetting())
    customer.decide([event("login", 5), event("purchase", 10), event("cancellation", 12)])
    assert moment_of(customer) == day(60)  # day 50 is 2024-02-20


def test_the_moment_can_be_the_very_start_of_a_month() -> None:
    customer = OneCustomer(forgetting())
    customer.decide([event("login", 20)])
    assert moment_of(customer) == day(60)


def test_without_a_sign_of_life_the_first_event_counts() -> None:
    customer = OneCustomer(forgetting())
    customer.decide([event("cancellation", 1), event("cancellation", 40)])
    assert moment_of(customer) == day(60)


def test_without_forget_after_no_customer_is_forgotten() -> None:
    customer = OneCustomer(rules(QUIET))
    customer.decide([event("login", 1)])
    assert moment_of(customer) == FOREVER_MS


def test_an_event_at_the_moment_finds_a_stranger_and_one_before_it_does_not() -> None:
    for at_day, total in ((59.999, 2), (60, 1)):
        customer = OneCustomer(forgetting())
        customer.decide([event("login", 10)])
        customer.decide([event("login", at_day)])
        assert customer.facts.series["login"].total == total


def test_the_outcome_says_that_the_customer_was_forgotten() -> None:
    forget = forgetting()
    events = [event("login", 1), event("login", 200), event("login", 400)]
    outcome = decide_in_core("ada", None, events, forget, watched(forget))
    assert (outcome.forgotten, outcome.folded) == (2, 3)
    assert outcome.stored is not None


def test_what_is_due_at_the_moment_or_later_is_not_decided_by_time() -> None:
    for silence, decides in (("49 days", True), ("50 days", False)):
        customer = OneCustomer(forgetting(rule("quiet", when={"none": "login", "for": silence})))
        customer.decide([event("login", 10)])
        assert (customer.due_ms > 0) == decides
        customer.decide([], None, day(300))
        assert acted(customer) == [("quiet", "active")] * decides
        assert not customer.due_ms


def test_what_is_due_before_the_moment_is_decided_before_an_event_finds_a_stranger() -> None:
    customer = OneCustomer(forgetting(replace_expiry(QUIET, "5 days")))
    customer.decide([event("login", 10)])
    customer.decide([event("login", 300)])
    assert acted(customer) == [("quiet", "active")]
    assert customer.facts.series["login"].total == 1


def test_while_an_action_is_open_the_customer_is_not_forgotten_so_it_is_taken_back() -> None:
    customer = OneCustomer(forgetting(QUIET))
    customer.decide([event("login", 10)])  # the action of day 50 is open until day 80, past the start of March
    customer.decide([event("login", 70)])
    assert acted(customer) == [("quiet", "active"), ("quiet", "retracted")]
    assert customer.facts.series["login"].total == 2


def test_an_action_that_waited_keeps_the_customer_as_well() -> None:
    first = rule("no-purchase", when={"none": "purchase", "for": "200 days"}, priority=20)
    then = Rule.model_validate({**QUIET.model_dump(by_alias=True, exclude_none=True), "priority": 10})
    customer = OneCustomer(forgetting(first, then))
    unseen = watched(customer.rules, purchase=20)
    customer.decide([event("login", 10)], unseen)
    customer.decide([], unseen, day(55))
    assert acted(customer) == []  # a purchase might be unseen
    customer.decide([event("login", 65)], unseen)
    assert acted(customer) == [("quiet", "active"), ("quiet", "retracted")]
    assert customer.facts.series["login"].total == 2


def test_an_action_that_was_open_at_the_start_of_a_month_keeps_the_customer_for_that_month() -> None:
    # Open from day 50 to day 80. Whether it is over was noted by an event of day 82 or not: nothing differs.
    forget = forgetting(QUIET)
    events = [event("login", 10), event("cancellation", 70), event("cancellation", 82), event("cancellation", 85)]
    at_once, one_by_one = OneCustomer(forget), OneCustomer(forget)
    at_once.decide(events)
    for one in events:
        one_by_one.decide([one])
    assert at_once.facts == one_by_one.facts
    assert at_once.facts.series["cancellation"].total == 3
    assert moment_of(one_by_one) == moment_of(at_once) == day(91)


def test_a_customer_is_collected_from_the_moment_on() -> None:
    customer = OneCustomer(forgetting(replace_expiry(QUIET, "5 days")))
    customer.decide([event("login", 10)])
    customer.decide([], None, day(60) - 1)
    assert collected(customer, 59.9).stored is not None
    outcome = collected(customer, 60)
    assert (outcome.stored, outcome.forgotten, outcome.due_ms) == (None, 1, 0)


def test_what_is_due_before_the_moment_is_decided_before_a_customer_is_collected() -> None:
    customer = OneCustomer(forgetting(replace_expiry(QUIET, "5 days")))
    customer.decide([event("login", 10)])
    outcome = collected(customer, 60)
    assert [one.rule.id for one in outcome.decisions()] == ["quiet"]
    assert outcome.stored is None


def test_a_customer_for_whom_an_action_is_open_is_not_collected() -> None:
    customer = OneCustomer(forgetting(QUIET))
    customer.decide([event("login", 10)])
    assert collected(customer, 60).stored is not None
    assert collected(customer, 91).stored is None


def test_a_customer_of_whom_a_rule_waits_for_a_type_is_not_collected() -> None:
    gone = rule("gone", when={"status": "cancelled", "for": "10 days"}, action="win-back", expires_after="5 days")
    customer = OneCustomer(forgetting(gone))
    silent = watched(customer.rules, cancellation=20)
    customer.decide([event("login", 10), event("cancellation", 15)], silent)
    assert collected(customer, 60, silent).stored is not None
    assert collected(customer, 60).stored is None


def test_an_order_after_the_moment_finds_a_stranger() -> None:
    customer = OneCustomer(forgetting(replace_expiry(QUIET, "5 days")))
    customer.decide([event("login", 10)])
    assert customer.stored is not None
    for erases in (True, False):
        outcome = decider_of(customer.rules).carry_out(
            "ada", customer.stored, watched(customer.rules), day(100), LATEST_LAYOUT, AS_ANYBODY, erases=erases
        )
        assert (outcome.stored, outcome.forgotten, outcome.decisions()) == (None, 1, [])


def consenting() -> RuleSet:
    types = (*TYPES, "profile")
    policy = ForEveryRule.model_validate(
        {"consent": {"from": "profile.newsletter", "opted in": ["yes"], "opted out": ["no"]}}
    )
    gone = rule("gone", when={"status": "cancelled"}, action="win-back")
    return replace(compile_rules(RuleBook((gone,), {}, policy), types), forget_after_ms=40 * DAY)


def test_a_no_is_not_forgotten() -> None:
    forget = consenting()
    no = event("profile", 10, newsletter="no")
    outcome = decide_in_core("ada", None, [no, event("cancellation", 200)], forget, watched(forget))
    assert [one.decision for one in outcome.decisions() if not isinstance(one, Action)] == ["opted_out"]
    assert (outcome.answered_ms, outcome.says_yes) == (day(10), False)


def test_a_later_yes_ends_a_no_that_outlasted_the_customer() -> None:
    forget = consenting()
    events = [
        event("profile", 10, newsletter="no"),
        event("profile", 200, newsletter="yes"),
        event("cancellation", 201),
    ]
    outcome = decide_in_core("ada", None, events, forget, watched(forget))
    assert [type(one) for one in outcome.decisions()] == [Action]
    assert (outcome.answered_ms, outcome.says_yes) == (day(200), True)


def test_a_customer_who_is_collected_leaves_their_no() -> None:
    forget = consenting()
    customer = OneCustomer(forget)
    customer.decide([event("profile", 10, newsletter="no")])
    outcome = collected(customer, 100)
    assert outcome.stored is None
    assert (outcome.answered_ms, outcome.says_yes) == (day(10), False)


def test_a_suppressed_customer_stays_suppressed() -> None:
    forget = forgetting(rule("gone", when={"status": "cancelled"}, action="win-back"))
    events = [event("login", 10), event("cancellation", 200)]
    suppressed = Standing(True, 0)
    outcome = decide_in_core("ada", None, events, forget, watched(forget), standing=suppressed)
    assert [one.decision for one in outcome.decisions() if not isinstance(one, Action)] == ["suppressed"]


# -- what is known of one who may be back ------------------------------------------------------------------

FIRST = {"count": "purchase", "at most": 1}
NO_COMPLAINT = {"count": "cancellation", "at most": 0, "within": "7 days"}
FEW_LOGINS = {"count": "login", "at most": 1, "within": "30 days"}
NEW = {"not": {"known for": "9 days"}}


def truth(when: Any, first_day: float, at_day: float, *, since_day: float = 0, remembered: bool = False) -> int:
    forget = forgetting(rule(when=when))
    observed = replace(watched(forget, since_day), all_remembered=remembered)
    customer = OneCustomer(forget)
    customer.decide([event("login", first_day), event("purchase", first_day)], observed)
    assert customer.stored is not None
    return truth_of(customer.stored, forget, day(at_day), observed)[0]


@pytest.mark.parametrize("when", [FIRST, NO_COMPLAINT, FEW_LOGINS, NEW])
def test_a_customer_who_cannot_have_been_forgotten_is_wholly_known(when: Any) -> None:
    # Watched since day 0: the first customers are forgotten on day 60.
    assert truth(when, 59, 59) == TRUE
    assert truth(when, 400, 400, since_day=380) == TRUE
    assert truth(when, 400, 400, remembered=True) == TRUE


def test_of_one_who_may_be_back_ever_is_not_observable() -> None:
    assert truth(FIRST, 60, 60) == NOT_OBSERVABLE
    assert truth(FIRST, 60, 500) == NOT_OBSERVABLE
    assert truth({"not": FIRST}, 60, 60) == NOT_OBSERVABLE


def test_of_one_who_may_be_back_it_is_not_known_that_they_are_new() -> None:
    assert truth(NEW, 60, 60) == NOT_OBSERVABLE
    assert truth(NEW, 60, 70) == FALSE  # known for long enough now


def test_signs_of_life_are_known_for_as_long_as_they_keep_a_customer() -> None:
    assert truth(FEW_LOGINS, 65, 65) == TRUE
    assert truth({**FEW_LOGINS, "within": "90 days"}, 65, 65) == NOT_OBSERVABLE


def test_other_events_are_known_since_the_last_start_of_a_month() -> None:
    # Someone who is back on day 65 may have cancelled before day 60, and was forgotten then.
    assert truth(NO_COMPLAINT, 65, 65) == NOT_OBSERVABLE
    assert truth(NO_COMPLAINT, 65, 66) == TRUE
    assert truth(NO_COMPLAINT, 75, 75) == TRUE


def replace_expiry(one: Rule, text: str) -> Rule:
    return Rule.model_validate({**one.model_dump(by_alias=True, exclude_none=True), "expires after": text})
