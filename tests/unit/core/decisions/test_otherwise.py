"""What is decided otherwise than the releases before this core did, each as a law; docs/decisions.md says why.

Further ones are about a single kind of condition or about moments:
`test_a_sum_never_leaves_the_numbers_that_can_be_stored`,
`test_no_number_of_events_reaches_a_bound_beyond_all_numbers`, `test_a_change_of_sums_takes_numbers_of_any_size`,
`test_a_moment_is_exact_to_the_millisecond`; and `test_order.py` is about the order of decisions.
"""

from dataclasses import replace
from typing import Any, Final

import pytest

from schemas.actions import Decision
from schemas.rules import Rule
from tests.support.builders import day, event, rule, rules, watched
from tests.support.decided import Decided, decide
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
