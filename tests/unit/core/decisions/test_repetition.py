"""Rules that ask again while they hold: `again every`, `at most`."""

import pytest
from pydantic import ValidationError

from schemas.actions import Action, Decision, action_id
from schemas.rules import Rule
from tests.support.builders import DAY, START, day, event, rule, rules, watched
from tests.support.decided import LAYOUTS, Decided, decide
from workers.core.rules.rule_set import RuleSet

QUIET = {"none": "purchase", "for": "10 days"}


def reminding(**content: object) -> Rule:
    return rule("quiet", **{"when": QUIET, "again every": "5 days", "expires after": "4 days", **content})


def days(decided: Decided, status: str = "active") -> list[float]:
    return [
        (round(one.decided_at.timestamp() * 1000) - START) / DAY
        for one in decided.decisions
        if (one.status if isinstance(one, Action) else one.decision) == status
    ]


def lived(ruleset: RuleSet, *events: object, until_day: float, layout: int = LAYOUTS[-1]) -> list[Action | Decision]:
    """Decide day by day, stored in between."""
    stored, found = None, []
    observed = watched(ruleset)
    pending = list(events)
    for number in range(1, round(until_day) + 1):
        batch = [one for one in pending if one.at_ms < day(number)]  # type: ignore[attr-defined]
        pending = [one for one in pending if one not in batch]
        decided = decide("ada", stored, batch, ruleset, observed, day(number), layout)  # type: ignore[arg-type]
        stored = decided.stored
        found += decided.decisions
    return found


def moments(decisions: list[Action | Decision], status: str = "active") -> list[float]:
    return [
        (round(one.decided_at.timestamp() * 1000) - START) / DAY
        for one in decisions
        if (one.status if isinstance(one, Action) else one.decision) == status
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_rule_asks_again_while_it_holds_and_at_most_so_often(layout: int) -> None:
    ruleset = rules(reminding(**{"at most": "3 actions"}))
    found = lived(ruleset, event("purchase", 0.5), until_day=60, layout=layout)
    assert moments(found) == [10.5, 15.5, 20.5]


def test_without_a_bound_it_asks_as_long_as_it_holds() -> None:
    found = lived(rules(reminding()), event("purchase", 0), until_day=40)
    assert moments(found) == [10, 15, 20, 25, 30, 35, 40]


def test_each_action_has_an_id_of_its_own_from_the_start_and_the_period() -> None:
    found = lived(rules(reminding(**{"at most": "2 actions"})), event("purchase", 0), until_day=40)
    assert [one.action_id for one in found] == [action_id("quiet", "ada", day(at)) for at in (10, 15)]


def test_all_at_once_and_day_by_day_decide_the_same() -> None:
    ruleset = rules(reminding(**{"at most": "4 actions"}))
    events = [event("purchase", 0), event("purchase", 17), event("login", 40)]
    at_once = decide("ada", None, events, ruleset, watched(ruleset), day(60))
    assert at_once.decisions == lived(ruleset, *events, until_day=60)


def test_the_due_time_is_the_next_moment_at_which_it_asks() -> None:
    ruleset = rules(reminding(**{"at most": "2 actions"}))
    first = decide("ada", None, [event("purchase", 0)], ruleset, watched(ruleset), day(10))
    assert first.due_ms == day(15)
    assert decide("ada", first.stored, [], ruleset, watched(ruleset), day(15)).due_ms == 0


def test_a_return_takes_back_what_is_open_and_ends_the_series() -> None:
    ruleset = rules(reminding())
    found = lived(ruleset, event("purchase", 0), event("purchase", 17), until_day=35)
    assert moments(found) == [10, 15, 27, 32]
    assert moments(found, "retracted") == [15]


def test_who_cancels_again_is_reminded_from_the_second_cancellation_on() -> None:
    cancelled = rule(
        "gone",
        when={"status": "cancelled"},
        **{"again every": "5 days", "expires after": "5 days", "at most": "2 actions"},
    )
    events = [event("cancellation", 0), event("purchase", 2), event("cancellation", 3)]
    found = lived(rules(cancelled), *events, until_day=30)
    assert [at for at in moments(found) if at > 2] == [3, 8]


def test_an_own_pause_counts_between_episodes_but_not_within_one() -> None:
    ruleset = rules(reminding(**{"at most": "2 actions", "again_after": "never"}))
    found = lived(ruleset, event("purchase", 0), event("purchase", 17), until_day=60)
    assert moments(found) == [10, 15]
    assert moments(found, "cooling_down") == [27, 32]


def test_customers_who_match_already_are_not_reminded() -> None:
    before = rules(rule("other", when={"count": "login", "at least": 99}))
    stored = decide("ada", None, [event("purchase", 0)], before, watched(before), day(20)).stored
    ruleset = rules(reminding()).as_activated(2, {"quiet": (2, day(20))})
    assert decide("ada", stored, [], ruleset, watched(ruleset), day(60)).decisions == []


def test_a_late_event_after_a_reminder_does_not_ask_for_it_again() -> None:
    ruleset = rules(reminding(**{"at most": "3 actions"}))
    first = decide("ada", None, [event("purchase", 0)], ruleset, watched(ruleset), day(16))
    then = decide("ada", first.stored, [event("login", 12)], ruleset, watched(ruleset), day(40))
    assert days(first) == [10, 15]
    assert days(then) == [20]


def test_a_shadow_reports_each_and_sends_none() -> None:
    found = lived(rules(reminding(status="shadow", **{"at most": "2 actions"})), event("purchase", 0), until_day=40)
    assert moments(found, "shadow") == [10, 15]


def test_an_action_must_expire_before_the_next_one() -> None:
    with pytest.raises(ValidationError, match="expires only after 14 days"):
        reminding(**{"expires after": "14 days"})


def test_at_most_needs_again_every() -> None:
    with pytest.raises(ValidationError, match="needs an 'again every'"):
        rule("quiet", **{"at most": "3 actions"})


def test_an_action_says_how_often_the_rule_has_asked_before() -> None:
    found = lived(rules(reminding(**{"at most": "3 actions"})), event("purchase", 0), until_day=40)
    assert [one.repetition for one in found if isinstance(one, Action)] == [None, 1, 2]
