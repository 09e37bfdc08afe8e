"""Laws of forgetting: whom it concerns follows from the log alone, not from when a sweep came by."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import Action
from tests.support.builders import DAY, START, event, rule, rules, watched
from tests.support.decided import LATEST_LAYOUT, OneCustomer
from tests.support.examples import examples
from tests.support.oracle import left
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decider_of
from workers.core.events.decoding import DecodedEvent
from workers.core.months import month_from

AFTER_DAYS = 40
SIGNS = ("purchase", "login")
RULES = replace(
    rules(
        # It may ask for an action shortly before the customer is forgotten.
        rule("quiet", when={"none": "login", "for": "40 days"}, expires_after="25 days", again_after="5 days"),
        rule(
            "dear",
            when={"none": "purchase", "for": "35 days"},
            priority=20,
            expires_after="9 days",
            again_after="5 days",
        ),
        rule(
            "odd",
            when={"none": "login", "for": "33 days"},
            priority=10,
            expires_after="30 days",
            again_after="5 days",
        ),
        rule("long", when={"none": "purchase", "for": "70 days"}, expires_after="9 days"),
        rule("gone", when={"status": "cancelled"}, action="win-back", again_after="2 days"),
        rule("first", when={"first": "purchase", "at most": "30 days ago"}),
        rule("calm", when={"count": "cancellation", "at most": 0, "within": "20 days"}, again_after="9 days"),
        rule(
            "few",
            when={"count": "login", "at most": 1, "within": "30 days"},
            again_after="9 days",
            instead_of=["quiet"],
        ),
        rule("fresh", when={"not": {"known for": "12 days"}}, again_after="9 days"),
    ),
    forget_after_ms=AFTER_DAYS * DAY,
)
OBSERVED = watched(RULES)

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["purchase", "login", "login", "cancellation"]),
        st.one_of(st.floats(0.01, 20), st.floats(20, 100), st.sampled_from([29.0, 30.0, 31.0, 60.0])),
    ),
    min_size=1,
    max_size=10,
)


class Customer(OneCustomer):
    """One customer, stored and read again between any two turns; a sweep may come by."""

    def __init__(self) -> None:
        super().__init__(RULES)

    def sweep(self, observed: Coverage) -> None:
        """Come by once the types that are a sign of life have been seen as far as `observed` says."""
        if self.stored is None:
            return
        upto_ms = min(observed.until[name] for name in SIGNS)
        decider = decider_of(RULES)
        if decider.forgotten_ms(self.stored) <= upto_ms:
            outcome = decider.collect("ada", self.stored, observed, upto_ms, LATEST_LAYOUT)
            self.decisions += outcome.decisions()
            self.stored = outcome.stored


def history(steps: list[tuple[str, float]]) -> list[DecodedEvent]:
    events, at_day = [], 1.0
    for serial, (kind, gap) in enumerate(steps):
        at_day += gap
        events.append(event(kind, at_day, event_id=f"id{serial}"))
    return events


def seen_until(at_ms: int) -> Coverage:
    return replace(OBSERVED, until=dict.fromkeys((*SIGNS, "cancellation"), at_ms))


def final(customer: Customer, end_ms: int) -> tuple[bytes | None, dict[str, bytes]]:
    if customer.stored is not None:
        customer.decide([], seen_until(end_ms), end_ms)
    customer.sweep(seen_until(end_ms))
    return customer.stored, left(customer.decisions)


@given(STEPS, st.data())
@examples(1500)
def test_sweeps_at_any_moment_and_none_leave_the_same(steps: list[tuple[str, float]], data: st.DataObject) -> None:
    events = history(steps)
    end_ms = events[-1].at_ms + data.draw(st.integers(0, 130)) * DAY
    oracle = Customer()
    for one in events:
        oracle.decide([one], OBSERVED)
    live = Customer()
    for serial, one in enumerate(events):
        live.decide([one], seen_until(one.at_ms))
        until = {}
        for name in (*SIGNS, "cancellation"):
            rest = [later.at_ms for later in events[serial + 1 :] if later.type == name]
            lag_ms = data.draw(st.one_of(st.just(0), st.integers(0, 60 * DAY)))
            until[name] = max(START, min(rest, default=end_ms) - 1 - lag_ms)
        # No type has been seen further than the log has been read.
        following_ms = events[serial + 1].at_ms - 1 if serial + 1 < len(events) else end_ms
        observed = replace(OBSERVED, until={name: min(at_ms, following_ms) for name, at_ms in until.items()})
        for what in data.draw(st.lists(st.sampled_from(["timers", "sweep"]), max_size=3)):
            if what == "sweep":
                live.sweep(observed)
            elif live.stored is not None:
                live.decide([], observed, max(observed.until.values()))
    assert final(live, end_ms) == final(oracle, end_ms)


@given(STEPS, st.lists(st.integers(0, 10), max_size=4))
@examples(300)
def test_the_borders_of_batches_change_nothing(steps: list[tuple[str, float]], borders: list[int]) -> None:
    events = history(steps)
    end_ms = events[-1].at_ms
    one_by_one, at_once = Customer(), Customer()
    at_once.decide(events, OBSERVED)
    cuts = sorted({0, len(events), *(at for at in borders if at < len(events))})
    for start, end in pairwise(cuts):
        one_by_one.decide(events[start:end], OBSERVED)
    assert final(one_by_one, end_ms) == final(at_once, end_ms)


@given(STEPS)
@examples(300)
def test_no_action_is_asked_for_by_time_alone_once_the_customer_is_forgotten(steps: list[tuple[str, float]]) -> None:
    events = history(steps)
    customer = Customer()
    customer.decide(events, OBSERVED)
    assert customer.stored is not None
    signs = [one.at_ms for one in events if one.type in SIGNS]
    customer.decide([], OBSERVED, events[-1].at_ms + 900 * DAY)
    asked = [one for one in customer.decisions if isinstance(one, Action) and one.status == "active"]
    # The last sign of life, or the first event; and then actions that were open, at most 25 days each.
    last_ms = max(signs, default=events[0].at_ms)
    latest_ms = max(last_ms + AFTER_DAYS * DAY, events[-1].at_ms) + 100 * DAY
    for action in asked:
        assert action.decided_at.timestamp() * 1000 < month_from(latest_ms)
