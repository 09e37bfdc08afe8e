"""What is decided otherwise than the releases before this core did, each as a law; docs/decisions.md says why.

Further ones are about a single kind of condition or about moments:
`test_a_sum_never_leaves_the_numbers_that_can_be_stored`,
`test_no_number_of_events_reaches_a_bound_beyond_all_numbers`, `test_a_change_of_sums_takes_numbers_of_any_size`,
`test_a_moment_is_exact_to_the_millisecond`; and `test_order.py` is about the order of decisions.
"""

from dataclasses import replace
from typing import Any, Final

import pytest

from schemas.actions import Action, Decision
from schemas.rules import Rule
from tests.support.builders import day, event, rule, rules, watched
from tests.support.decided import Decided, OneCustomer, decide, moment
from workers.core.events.decoding import DecodedEvent

TYPES: Final = ("purchase", "login", "cancellation", "nps")


def decided(*content: Rule, events: list[DecodedEvent], upto_day: float = 0, **observed: Any) -> Decided:
    """Decide for a new customer."""
    ruleset = rules(*content, types=TYPES)
    coverage = replace(watched(ruleset), **observed)
    return decide("ada", None, events, ruleset, coverage, day(upto_day) if upto_day else 0)


def test_while_a_rule_waits_nobody_looks_too_early_at_another_one() -> None:
    """The silence becomes true on day 6, the rule does not: nothing is due then."""
    never = {"all": [{"none": "login", "for": "6 days"}, {"not": {"count": "login", "at least": 1}}]}
    outcome = decided(
        rule("waits", when={"none": "purchase", "for": "3 days"}),
        rule("never", when=never),
        events=[event("purchase", 0), event("login", 0)],
        upto_day=4,
        until={"purchase": day(1)},
    )
    assert outcome.decisions == []
    assert outcome.waiting == {"purchase": day(3)}
    assert outcome.due_ms == 0


def test_a_rule_that_becomes_unknown_by_time_alone_is_told_at_the_next_event() -> None:
    silence = rule("silence", when={"none": "purchase", "for": "1 day"})
    outcome = decided(
        silence,
        events=[event("login", 1), event("purchase", 2), event("login", 6)],
        since=dict.fromkeys(TYPES, day(15)),
        complete=frozenset(),
    )
    (unknown,) = outcome.decisions
    assert isinstance(unknown, Decision)
    assert (unknown.decision, unknown.episode_started_at.timestamp() * 1000) == ("not_observable", day(3))


def test_a_decision_at_a_moment_that_no_calendar_has_stops_the_event() -> None:
    beyond = DecodedEvent("late", "cancellation", "ada", 253_402_300_800_000, {})
    outcome_of = rules(rule("gone", when={"status": "cancelled"}), types=TYPES)
    with pytest.raises(OverflowError, match="between the years 1970 and 9999"):
        decide("ada", None, [beyond], outcome_of, watched(outcome_of))


def silent(**options: Any) -> Rule:
    """Begins on day 10 after a purchase on day 0; its action can be taken back until day 24."""
    return rule("silent", when={"none": "purchase", "for": "10 days"}, **options)


SILENT: Final = silent(priority=3)
BUYS: Final = rule("buys", when={"count": "purchase", "at least": 2}, priority=2)
ANSWERS: Final = rule("answers", when={"count": "nps", "at least": 1}, priority=1)


def test_an_action_that_has_expired_is_forgotten_at_the_next_event() -> None:
    customer = OneCustomer(rules(silent(again_after="12 days"), types=TYPES))
    customer.decide([event("purchase", 0), event("login", 23.9)])
    episode = customer.facts.episodes["silent"]
    assert (episode.acted, episode.retractable_until) == (moment(10), moment(24))
    customer.decide(upto_ms=day(30))  # time alone forgets nothing: an event of before day 24 may still come
    assert customer.facts.episodes["silent"] == episode
    customer.decide([event("login", 24)])
    over = customer.facts.episodes["silent"]
    assert (over.holds, over.acted, over.retractable_until) == (True, None, None)


def test_when_an_action_is_kept_until_the_cool_down_has_passed() -> None:
    customer = OneCustomer(rules(silent(again_after="20 days"), types=TYPES))
    customer.decide([event("purchase", 0), event("login", 29.9)])
    episode = customer.facts.episodes["silent"]
    assert (episode.acted, episode.retractable_until) == (moment(10), None)
    customer.decide([event("login", 30)])
    assert customer.facts.episodes["silent"].acted is None


def test_stretches_are_kept_while_an_action_of_a_competing_rule_waits() -> None:
    """On day 20 a purchase ends the silence; what follows from it waits until all log-ins have been seen."""
    careful = {"all": [{"count": "purchase", "at least": 2}, {"none": "login", "for": "1 day"}]}
    customer = OneCustomer(rules(SILENT, rule("buys", when=careful, priority=2), types=TYPES))
    customer.decide(
        [event("purchase", 0), event("login", 0), event("purchase", 20)], watched(customer.rules, login=15)
    )
    episode = customer.facts.episodes["silent"]
    assert episode.earlier_episodes == [moment(10), moment(20)]
    assert episode.earlier_actions == [moment(10), moment(20)]
    customer.decide()
    assert said(customer.decisions)[-1] == ("buys", "active")
    assert "silent" not in customer.facts.episodes


ENDED: Final = [event("purchase", 0), event("purchase", 20), event("nps", 15)]
"""The silence ends at the purchase with which another action begins; then an answer of before comes late."""
OVER: Final = {
    "an action that has expired": (
        rules(SILENT, ANSWERS, types=TYPES),
        [event("purchase", 0), event("login", 24), event("nps", 23)],
    ),
    "an action that was taken back": (rules(SILENT, BUYS, ANSWERS, types=TYPES), ENDED),
    "an episode that has ended": (
        rules(
            silent(instead_of=["buys", "answers"]),
            rule("buys", when=BUYS.when),
            rule("answers", when=ANSWERS.when),
            types=TYPES,
        ),
        ENDED,
    ),
    "an action that no limit counts any longer": (
        rules(
            silent(),
            rule("answers", when=ANSWERS.when),
            types=TYPES,
            limits=[{"at most": "1 action", "within": "5 days"}],
        ),
        [event("purchase", 0), event("login", 20), event("nps", 14)],
    ),
    "a cool-down that has passed": (
        rules(rule("answers", when={"latest": "nps.score", "at most": 5}, expires_after="2 days"), types=TYPES),
        [event("nps", 1, score=1), event("nps", 3, score=9), event("login", 3.5), event("nps", 3.2, score=2)],
    ),
}


@pytest.mark.parametrize("what", OVER)
def test_no_decision_depends_on_the_turn_in_which_what_is_over_is_forgotten(what: str) -> None:
    """It is forgotten at the end of a turn, and how many events a turn has is chance."""
    ruleset, events = OVER[what]
    together, alone = OneCustomer(ruleset), OneCustomer(ruleset)
    together.decide(events)
    for one in events:
        alone.decide([one])
    assert said(alone.decisions)[-1] == ("answers", "active")
    assert together.decisions == alone.decisions
    assert together.facts == alone.facts


def said(decisions: list[Action | Decision]) -> list[tuple[str, str]]:
    """Return the rule of each decision, and whether it acts or why not."""
    return [(one.rule.id, one.status if isinstance(one, Action) else one.decision) for one in decisions]
