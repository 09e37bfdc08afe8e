"""Laws of deciding: the order of a customer's events is all that counts."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as replace_fields

from schemas.actions import Action
from schemas.ladders import Ladder
from tests.support.builders import DAY, START, event, rule, rules, watched
from tests.support.decided import OneCustomer, decide, truth_of
from tests.support.examples import examples
from tests.support.oracle import left
from workers.core.coverage import FOREVER_MS, Coverage
from workers.core.decisions.decide import decider_of
from workers.core.events.decoding import DecodedEvent

RULES = rules(
    rule(
        "quiet",
        when={
            "all": [{"count": "purchase", "at least": 2, "within": "60 days"}, {"none": "purchase", "for": "9 days"}]
        },
        again_after="20 days",
    ),
    rule("first", when={"all": [{"count": "purchase", "at most": 1}, {"none": "purchase", "for": "5 days"}]}),
    rule(
        "dry",
        when={
            "all": [
                {"count": "login", "at least": 2, "within": "20 days"},
                {"none": "login", "for": "4 days"},
                {"status": "active"},
            ]
        },
    ),
    rule("rich", when={"not": {"sum": "purchase.amount", "at least": 45, "within": "12 days"}}, again_after="2 days"),
    rule(
        "gone",
        when={"status": "cancelled"},
        action="win-back",
        again_every="15 days",
        at_most="4 actions",
        again_after="never",
    ),
    rule("silent", when={"none": "login", "for": "6 days"}, again_every="2 days", expires_after="2 days"),
    rule("less", when={"latest": "purchase.amount", "down by": "40%", "compared with": "9 days ago"}),
    rule("lower", when={"latest": "purchase.amount", "at most": 20, "was": {"at least": 40}}, again_after="3 days"),
    rule("fewer", when={"count": "login", "less than": "50% of count login within 20 days", "within": "9 days"}),
    rule("share", when={"sum": "purchase.amount", "less than": "latest purchase.amount", "within": "6 days"}),
    rule("rare", when={"days with": "login", "fewer than": 2, "within": "9 days"}, again_after="10 days"),
    rule("none", when={"all": [{"latest": "login.amount", "is": "unknown"}, {"none": "purchase", "for": "6 days"}]}),
    rule("big", when={"count": "purchase", "at most": 0, "within": "7 days", "where": {"amount": {"at least": 30}}}),
    rule("stands", when={"stage": "seldom"}, again_every="6 days", at_most="3 actions", expires_after="5 days"),
    rule("rose", when={"moved": "up", "within": "4 days"}, again_after="3 days", take_back="never"),
    rule("fell", when={"all": [{"moved": "down"}, {"count": "login", "at least": 1}]}, again_after="3 days"),
    rule("stays", when={"all": [{"stage": ["often", "seldom"]}, {"in stage for": "5 days"}]}, again_after="2 days"),
    ladder=Ladder.model_validate(
        {
            "name": "simple",
            "status": "live",
            "steps": [
                {"stage": "often", "when": {"count": "purchase", "at least": 2, "within": "9 days"}},
                {"stage": "seldom", "when": {"not": {"none": "purchase", "for": "12 days"}}},
                {"stage": "visits", "when": {"count": "login", "at least": 2, "within": "14 days"}},
            ],
            "otherwise": "lost",
        }
    ),
)
OBSERVED = watched(RULES)
END = START + 700 * DAY

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["purchase", "purchase", "login", "login", "cancellation"]),
        # Often close together, sometimes so far apart that an action expires in between.
        st.one_of(st.floats(min_value=0.001, max_value=12), st.floats(min_value=0.001, max_value=40)),
        st.floats(min_value=0, max_value=6),
        st.sampled_from([10, 20, 40]),
    ),
    min_size=1,
    max_size=14,
)


def history(steps: list[tuple[str, float, float, int]], late: bool) -> list[DecodedEvent]:
    """Events in the order of the log; a late one occurred before its predecessors."""
    events, at_day = [], 1.0
    for serial, (kind, gap, lateness, amount) in enumerate(steps):
        at_day += gap
        shown = max(0.5, at_day - lateness) if late and serial % 3 == 2 else at_day
        events.append(event(kind, shown, event_id=f"id{serial}", amount=amount))
    return events


class Customer(OneCustomer):
    """One customer that the core decides, stored and read again between any two turns."""

    def __init__(self) -> None:
        super().__init__(RULES)

    def turn(self, events: list[DecodedEvent], observed: Coverage, upto_ms: int = 0) -> None:
        self.decide(events, observed, upto_ms)


def final(customer: Customer) -> tuple[bytes, dict[str, bytes]]:
    customer.turn([], OBSERVED, END)
    assert customer.stored is not None
    # The stage in an action is what is known when it is decided: a type that lags may change it later.
    plain = [replace_fields(one, stage=None) if isinstance(one, Action) else one for one in customer.decisions]
    return customer.stored, left(plain)


def oracle(events: list[DecodedEvent]) -> tuple[bytes, dict[str, bytes]]:
    customer = Customer()
    customer.turn(events, OBSERVED)
    return final(customer)


@given(STEPS, st.booleans(), st.lists(st.integers(0, 14), max_size=6))
@examples(400)
def test_the_borders_of_batches_change_nothing(
    steps: list[tuple[str, float, float, int]], late: bool, borders: list[int]
) -> None:
    events = history(steps, late)
    customer = Customer()
    cuts = sorted({0, *borders, len(events)})
    for start, end in pairwise(cuts):
        customer.turn(events[start:end], OBSERVED)
    assert final(customer) == oracle(events)


@given(STEPS, st.booleans(), st.lists(st.integers(0, 10_000), min_size=14, max_size=14))
@examples(600)
def test_it_does_not_matter_when_timers_are_looked_at(
    steps: list[tuple[str, float, float, int]], late: bool, lags: list[int]
) -> None:
    events = history(steps, late)
    customer = Customer()
    for serial, next_event in enumerate(events):
        customer.turn([next_event], OBSERVED)
        rest = [later.at_ms for later in events[serial + 1 :]]
        upto_ms = min(rest, default=END) - 1 - lags[serial] * 1000
        if lags[serial] % 2 and upto_ms > START:
            customer.turn([], OBSERVED, upto_ms)
    assert final(customer) == oracle(events)


@given(STEPS, st.booleans(), st.lists(st.integers(0, 10_000), min_size=42, max_size=42))
@examples(1000)
def test_types_that_lag_delay_actions_and_change_none(
    steps: list[tuple[str, float, float, int]], late: bool, lags: list[int]
) -> None:
    events = history(steps, late)
    customer = Customer()
    for serial, next_event in enumerate(events):
        until = {}
        for place, name in enumerate(("purchase", "login", "cancellation")):
            rest = [later.at_ms for later in events[serial + 1 :] if later.type == name]
            lag_ms = lags[serial * 3 + place] ** 2 * 10
            until[name] = max(START, min(rest, default=END) - 1 - lag_ms)
        observed = replace(OBSERVED, until=until)
        customer.turn([next_event], observed)
        customer.turn([], observed, max(until.values()))
    assert final(customer) == oracle(events)


@given(STEPS, st.booleans(), st.data())
@examples(300)
def test_a_repeated_event_changes_nothing(
    steps: list[tuple[str, float, float, int]], late: bool, data: st.DataObject
) -> None:
    events = history(steps, late)
    doubled = []
    for serial, next_event in enumerate(events):
        doubled.append(next_event)
        if data.draw(st.booleans()):
            doubled.append(events[max(0, serial - data.draw(st.integers(0, 3)))])
    assert oracle(doubled) == oracle(events)


@given(STEPS, st.booleans())
@examples(300)
def test_no_action_appears_while_a_type_it_needs_is_unseen(
    steps: list[tuple[str, float, float, int]], late: bool
) -> None:
    events = history(steps, late)
    customer = Customer()
    blind = replace(OBSERVED, until={"login": START})
    for next_event in events:
        customer.turn([next_event], blind)
    customer.turn([], blind, END)
    # What is taken back while it waits leaves a retraction, which asks for no action.
    acted = {
        decision.rule.id
        for decision in customer.decisions
        if isinstance(decision, Action) and decision.status == "active"
    }
    assert "dry" not in acted


@given(STEPS, st.booleans())
@examples(300)
def test_between_now_and_the_due_time_no_rule_changes_its_mind(
    steps: list[tuple[str, float, float, int]], late: bool
) -> None:
    events = history(steps, late)
    stored, latest_ms = decide("ada", None, events, RULES, OBSERVED).stored, max(one.at_ms for one in events)
    assert stored is not None
    for each_rule in RULES.rules:
        before, flip_ms = truth_of(stored, RULES, latest_ms, OBSERVED, each_rule.id)
        condition = decider_of(RULES).program.by_id[each_rule.id].condition  # it looks at the customer just read
        until_ms = latest_ms + 100 * DAY if flip_ms == FOREVER_MS else flip_ms
        step_ms = max(1, (until_ms - latest_ms) // 97)
        for at_ms in [*range(latest_ms, until_ms, step_ms), until_ms - 1]:
            assert condition.look(max(at_ms, latest_ms)) == before
        if flip_ms != FOREVER_MS:
            assert condition.look(flip_ms) != before
