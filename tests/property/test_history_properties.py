"""Laws of history: however it is loaded, the same is decided, and nothing that began before its end acts."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import Action
from tests.property.test_decide_properties import STEPS, history
from tests.support.builders import DAY, START, day, rule, rules, watched
from tests.support.decided import OneCustomer
from tests.support.examples import examples
from tests.support.oracle import left
from workers.core.coverage import Coverage
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_set import RuleSet

TOUCHED = ("purchase", "login", "cancellation")
QUIET = {
    "all": [{"count": "purchase", "at least": 2, "within": "60 days"}, {"none": "purchase", "for": "9 days"}],
}
DRY = {
    "all": [
        {"count": "login", "at least": 2, "within": "20 days"},
        {"none": "login", "for": "4 days"},
        {"status": "active"},
    ]
}
APART = rules(
    # No action of one of these rules keeps a later one of it from acting.
    rule("quiet", when=QUIET, expires_after="2 days"),
    rule("first", when={"all": [{"count": "purchase", "at most": 1}, {"none": "purchase", "for": "5 days"}]}),
    rule("dry", when=DRY, expires_after="2 days"),
    rule("seldom", when={"none": "login", "for": "12 days"}),
    rule("loyal", when={"all": [{"known for": "15 days"}, {"none": "login", "for": "3 days"}]}),
    rule("big", when={"count": "purchase", "at most": 0, "within": "7 days", "where": {"amount": {"at least": 30}}}),
)
TOGETHER = rules(
    rule("quiet", when=QUIET, again_after="20 days", priority=50),
    rule("first", when={"none": "purchase", "for": "5 days"}, for_="2 days", priority=20),
    rule("dry", when=DRY, priority=70),
    rule("gone", when={"status": "cancelled"}, action="win-back", instead_of=["quiet", "first"]),
    rule("idle", when={"none": "login", "for": "6 days"}, hold_out="50%", again_after="9 days"),
    limits=[{"at most": "2 actions", "within": "12 days"}],
)
END = START + 700 * DAY

ENDS = st.fixed_dictionaries({}, optional={kind: st.floats(1, 150) for kind in TOUCHED})
"""Up to when the events of a type are history, in days; a type that is not there has none."""


def loaded(events: Sequence[DecodedEvent], ends: dict[str, float]) -> list[DecodedEvent]:
    """Return events as sources bring them that have a `history_before`, one for each type."""
    return [
        replace(event, history_ms=day(ends[event.type]))
        if event.type in ends and event.at_ms < day(ends[event.type])
        else event
        for event in events
    ]


def scattered(events: Sequence[DecodedEvent], ends: Sequence[float]) -> list[DecodedEvent]:
    """Return the events, any of them as history up to a moment of its own, as rows of snapshots are."""
    return [replace(one, history_ms=day(end)) if end else one for one, end in zip(events, ends, strict=False)]


class Customer(OneCustomer):
    """One customer that the core decides, stored and read again between any two turns."""

    def __init__(self, ruleset: RuleSet = TOGETHER) -> None:
        super().__init__(ruleset)

    def turn(self, events: list[DecodedEvent], observed: Coverage | None = None, upto_ms: int = 0) -> None:
        self.decide(events, observed, upto_ms)

    def final(self) -> tuple[bytes, dict[str, bytes]]:
        self.turn([], upto_ms=END)
        assert self.stored is not None
        return self.stored, left(self.decisions)


def oracle(events: list[DecodedEvent]) -> tuple[bytes, dict[str, bytes]]:
    customer = Customer()
    customer.turn(events)
    return customer.final()


UNTIL = st.lists(st.just(0.0) | st.floats(1, 150), min_size=14, max_size=14)
Steps = list[tuple[str, float, float, int]]


@given(STEPS, st.booleans(), UNTIL, st.lists(st.integers(0, 14), max_size=6))
@examples(400)
def test_the_borders_of_batches_change_nothing(
    steps: Steps, late: bool, until: list[float], borders: list[int]
) -> None:
    events, customer = scattered(history(steps, late), until), Customer()
    for start, end in pairwise(sorted({0, *borders, len(events)})):
        customer.turn(events[start:end])
    assert customer.final() == oracle(events)


@given(STEPS, st.booleans(), UNTIL, st.lists(st.integers(0, 10_000), min_size=14, max_size=14))
@examples(400)
def test_it_does_not_matter_when_timers_are_looked_at(
    steps: Steps, late: bool, until: list[float], lags: list[int]
) -> None:
    events, customer = scattered(history(steps, late), until), Customer()
    for serial, event in enumerate(events):
        customer.turn([event])
        rest = [later.at_ms for later in events[serial + 1 :]]
        upto_ms = min(rest, default=END) - 1 - lags[serial] * 1000
        if lags[serial] % 2 and upto_ms > START:
            customer.turn([], upto_ms=upto_ms)
    assert customer.final() == oracle(events)


@given(STEPS, UNTIL, st.lists(st.integers(0, 10_000), min_size=42, max_size=42))
@examples(400)
def test_types_that_lag_delay_actions_and_change_none(steps: Steps, until: list[float], lags: list[int]) -> None:
    events, customer = scattered(history(steps, late=False), until), Customer()
    for serial, event in enumerate(events):
        seen = {}
        for place, kind in enumerate(TOUCHED):
            rest = [later.at_ms for later in events[serial + 1 :] if later.type == kind]
            seen[kind] = max(START, min(rest, default=END) - 1 - lags[serial * 3 + place] ** 2 * 10)
        observed = replace(watched(TOGETHER), until=seen)
        customer.turn([event], observed)
        customer.turn([], observed, max(seen.values()))
    assert customer.final() == oracle(events)


def floor_ms(action: Action, events: Sequence[DecodedEvent]) -> int:
    """Return the end of the history that the rule of an action had read when its episode began, naively."""
    started_ms = round(action.episode_started_at.timestamp() * 1000)
    known = events[0].history_ms
    floor = known if action.rule.id == "loyal" else 0
    for kind in APART.by_id[action.rule.id].types:
        read = [event for event in events if event.type == kind and event.at_ms <= started_ms]
        floor = max(floor, *(event.history_ms for event in read), 0 if read else known)
    return floor


@given(STEPS, ENDS)
@examples(400)
def test_what_began_before_the_end_of_history_is_left_out_and_all_else_is_as_without_history(
    steps: Steps, ends: dict[str, float]
) -> None:
    events = loaded(history(steps, late=False), ends)
    with_history, without = Customer(APART), Customer(APART)
    with_history.turn(events)
    without.turn([replace(event, history_ms=0) for event in events])
    with_history.final()
    without.final()

    def acted(customer: Customer) -> list[Action]:
        return [one for one in customer.decisions if isinstance(one, Action)]

    expected = [one for one in acted(without) if one.episode_started_at.timestamp() * 1000 >= floor_ms(one, events)]
    assert acted(with_history) == expected


@given(STEPS, st.booleans())
@examples(200)
def test_history_that_ended_before_everything_changes_no_decision(steps: Steps, late: bool) -> None:
    events = history(steps, late)
    of_old, plain = Customer(), Customer()
    of_old.turn([replace(event, history_ms=START + 1) for event in events])
    plain.turn(events)
    of_old.final()
    plain.final()
    assert of_old.decisions == plain.decisions
    assert msgspec.structs.replace(of_old.facts, history_until={}) == plain.facts
