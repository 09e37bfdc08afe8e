"""Laws of rules that compete for a customer: the remaining actions do not depend on what was seen first."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import Action, Decision
from tests.property.test_decide_properties import STEPS, history
from tests.support.builders import DAY, START, rule, rules, watched
from tests.support.builders import event as new_event
from tests.support.decided import OneCustomer
from tests.support.examples import examples
from tests.support.oracle import left
from workers.core.coverage import Coverage
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_set import RuleSet

END = START + 700 * DAY
PARTS = (
    rule(
        "quiet",
        when={
            "all": [{"count": "purchase", "at least": 2, "within": "60 days"}, {"none": "purchase", "for": "9 days"}]
        },
        again_after="20 days",
        priority=50,
    ),
    rule("first", when={"none": "purchase", "for": "5 days"}, for_="2 days", priority=20),
    rule(
        "dry",
        when={"all": [{"count": "login", "at least": 2, "within": "20 days"}, {"none": "login", "for": "4 days"}]},
        unless={"status": "cancelled"},
        priority=70,
    ),
    rule("gone", when={"status": "cancelled"}, action="win-back", instead_of=["quiet", "first"]),
    rule("idle", when={"none": "login", "for": "6 days"}, hold_out="50%", again_after="9 days"),
)
SETS = {
    "ranks": rules(*PARTS),
    "limits": rules(
        *PARTS,
        limits=[{"at most": "2 actions", "within": "12 days"}, {"at most": "1 action", "per": "calendar day"}],
        quiet_hours={"from": "22:00", "until": "07:00"},
        time_zone={"otherwise": "Europe/Berlin"},
    ),
}


class Customer(OneCustomer):
    """One customer that the core decides, stored and read again between any two turns."""

    def turn(self, events: list[DecodedEvent], observed: Coverage, upto_ms: int = 0) -> None:
        self.decide(events, observed, upto_ms)

    def final(self) -> tuple[bytes, dict[str, bytes]]:
        self.turn([], watched(self.rules), END)
        assert self.stored is not None
        return self.stored, left(self.decisions)


def oracle(ruleset: RuleSet, events: list[DecodedEvent]) -> tuple[bytes, dict[str, bytes]]:
    customer = Customer(ruleset)
    customer.turn(events, watched(ruleset))
    return customer.final()


@pytest.mark.parametrize("name", SETS)
@given(steps=STEPS, late=st.booleans(), borders=st.lists(st.integers(0, 14), max_size=6))
@examples(150)
def test_the_borders_of_batches_change_nothing(
    name: str, steps: list[tuple[str, float, float, int]], late: bool, borders: list[int]
) -> None:
    events, customer = history(steps, late), Customer(SETS[name])
    for start, end in pairwise(sorted({0, *borders, len(events)})):
        customer.turn(events[start:end], watched(SETS[name]))
    assert customer.final() == oracle(SETS[name], events)


VERY_LATE = st.tuples(
    st.sampled_from(["purchase", "purchase", "login", "login", "nps", "nps", "cancellation"]),
    st.one_of(st.floats(min_value=0.001, max_value=4), st.floats(min_value=0.001, max_value=25)),
    st.one_of(st.just(0.0), st.floats(min_value=0, max_value=3), st.floats(min_value=0, max_value=20)),
    st.integers(0, 9),
)
COMING_LATE = [
    rules(
        *PARTS,
        rule("answers", when={"latest": "nps.score", "at most": 5}, priority=10, expires_after="20 days"),
        rule("unhappy", when={"latest": "nps.score", "at most": 2}, instead_of=["idle", "first"]),
        rule(
            "often", when={"count": "login", "at least": 2, "within": "9 days"}, priority=60, expires_after="3 days"
        ),
        types=("purchase", "login", "cancellation", "nps"),
        limits=limits,
    )
    for limits in ([], [{"at most": "2 actions", "within": "12 days"}])
]


@pytest.mark.parametrize("ruleset", COMING_LATE, ids=["ranks", "limits"])
@given(steps=st.lists(VERY_LATE, min_size=2, max_size=14))
@examples(1200)
def test_the_borders_of_batches_change_nothing_when_events_are_later_than_actions_last(
    ruleset: RuleSet, steps: list[tuple[str, float, float, int]]
) -> None:
    events, at_day = [], 1.0
    for kind, gap, lateness, number in steps:
        at_day += gap
        events.append(new_event(kind, max(0.5, at_day - lateness), score=number))
    together, alone = Customer(ruleset), Customer(ruleset)
    together.turn(events, watched(ruleset))
    for one in events:
        alone.turn([one], watched(ruleset))
    assert together.final() == alone.final()
    assert together.decisions == alone.decisions


@pytest.mark.parametrize("name", SETS)
@given(steps=STEPS, late=st.booleans(), lags=st.lists(st.integers(0, 10_000), min_size=14, max_size=14))
@examples(150)
def test_it_does_not_matter_when_timers_are_looked_at(
    name: str, steps: list[tuple[str, float, float, int]], late: bool, lags: list[int]
) -> None:
    events, customer = history(steps, late), Customer(SETS[name])
    for serial, event in enumerate(events):
        customer.turn([event], watched(SETS[name]))
        rest = [later.at_ms for later in events[serial + 1 :]]
        upto_ms = min(rest, default=END) - 1 - lags[serial] * 1000
        if lags[serial] % 2 and upto_ms > START:
            customer.turn([], watched(SETS[name]), upto_ms)
    assert customer.final() == oracle(SETS[name], events)


@pytest.mark.parametrize("name", SETS)
@given(steps=STEPS, lags=st.lists(st.integers(0, 10_000), min_size=42, max_size=42))
@examples(300)
def test_types_that_lag_delay_actions_and_change_none(
    name: str, steps: list[tuple[str, float, float, int]], lags: list[int]
) -> None:
    events, customer = history(steps, late=False), Customer(SETS[name])
    for serial, event in enumerate(events):
        until = {}
        for place, kind in enumerate(("purchase", "login", "cancellation")):
            rest = [later.at_ms for later in events[serial + 1 :] if later.type == kind]
            until[kind] = max(START, min(rest, default=END) - 1 - lags[serial * 3 + place] ** 2 * 10)
        observed = replace(watched(SETS[name]), until=until)
        customer.turn([event], observed)
        customer.turn([], observed, max(until.values()))
    assert customer.final() == oracle(SETS[name], events)


@given(steps=STEPS, late=st.booleans())
@examples(150)
def test_no_customer_ever_has_more_actions_than_the_limit(
    steps: list[tuple[str, float, float, int]], late: bool
) -> None:
    customer = Customer(SETS["limits"])
    customer.turn(history(steps, late), watched(SETS["limits"]))
    customer.final()
    actions = [decision for decision in customer.decisions if isinstance(decision, Action)]
    # What an event of the very same moment disproves was never due, and counts for no limit.
    disproved = {action.action_id for action in actions if action.retracted_because == "late_event"}
    started = sorted(
        action.decided_at.timestamp()
        for action in actions
        if action.status == "active" and action.action_id not in disproved
    )
    for first, third in zip(started, started[2:], strict=False):
        assert late or third - first >= 12 * 86_400


NEEDING = rules(
    *PARTS,
    rule("wishes", when={"latest": "nps.score", "at most": 6}),
    rule("left", when={"all": [{"status": "cancelled"}, {"sum": "purchase.amount", "at least": 20}]}),
    rule(
        "either",
        when={
            "any": [
                {"last": "login", "at least": "9 days ago"},
                {"overdue": "purchase", "by": "2 times", "usual gap": "5 days", "at least": "4 days"},
            ]
        },
    ),
    rule("answered", when={"after": "login", "then": "purchase", "within": "3 days"}),
    rule("less", when={"change": "purchase.amount", "down by": "40%", "within": "8 days", "from at least": 5}),
    rule("more", when={"not": {"change": "login", "up by": "50%", "within": "6 days", "from at least": 1}}),
    rule("once", when={"all": [{"count": "purchase", "exactly": 1}, {"none": "purchase", "for": "7 days"}]}),
    rule("seldom", when={"all": [{"count": "login", "at most": 2, "within": "15 days"}, {"known for": "9 days"}]}),
    rule(
        "small", when={"all": [{"sum": "purchase.amount", "at most": 30, "within": "12 days"}, {"status": "active"}]}
    ),
    rule("ignored", when={"after": "login", "without": "purchase", "for": "4 days"}, unless={"status": "cancelled"}),
    rule("long-gone", when={"any": [{"status": "cancelled", "for": "5 days"}, {"none": "login", "for": "30 days"}]}),
    types=("purchase", "login", "cancellation", "nps"),
)


_LOOKED_AT_ALWAYS = {one.id: replace(one, requires=()) for one in NEEDING.rules}
EVERYWHERE = replace(NEEDING, rules=tuple(_LOOKED_AT_ALWAYS.values()), by_id=_LOOKED_AT_ALWAYS)
"""The same rules, each asked after every event of a type that it reads."""


@given(steps=STEPS, late=st.booleans())
@examples(200)
def test_not_looking_at_rules_that_cannot_hold_yet_changes_nothing(
    steps: list[tuple[str, float, float, int]], late: bool
) -> None:
    events = history(steps, late)
    careful, thorough = Customer(NEEDING), Customer(EVERYWHERE)
    for customer in (careful, thorough):
        customer.turn(events, watched(NEEDING))
        customer.turn([], watched(NEEDING), END)
    assert known(careful.decisions) == known(thorough.decisions)


def known(decisions: Sequence[Action | Decision]) -> list[Action | Decision]:
    """Leave out what cannot be known: a rule that cannot hold yet is not evaluated."""
    return [
        decision for decision in decisions if isinstance(decision, Action) or decision.decision != "not_observable"
    ]


@given(steps=STEPS, late=st.booleans(), returned=st.sets(st.integers(0, 13)))
@examples(400)
def test_due_times_are_exact_whatever_is_looked_at(
    steps: list[tuple[str, float, float, int]], late: bool, returned: set[int]
) -> None:
    """Looked at only when it is due, a customer is decided as if looked at for each rule by itself, at its moment."""
    steps = [
        (*step[:3], -step[3]) if serial in returned and step[0] == "purchase" else step
        for serial, step in enumerate(steps)
    ]
    once, punctual = Customer(NEEDING), Customer(NEEDING)
    for event in history(steps, late):
        while 0 < punctual.due_ms < event.at_ms:
            due_ms = punctual.due_ms
            punctual.turn([], watched(NEEDING), due_ms - 1)
            assert punctual.due_ms == due_ms, "a moment before, nothing is due"
            punctual.turn([], watched(NEEDING), due_ms)
            assert not 0 < punctual.due_ms <= due_ms
        for customer in (once, punctual):
            customer.turn([event], watched(NEEDING))
        assert known(once.decisions) == known(punctual.decisions)
    for customer in (once, punctual):
        customer.turn([], watched(NEEDING), END)
    assert once.decisions == punctual.decisions
    assert once.stored == punctual.stored
