"""Any history is folded into numbers as it was into objects: totals, days, values, pairs, attributes, floors."""

from decimal import Decimal
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from schemas.conditions import Bounds
from tests.support.builders import DAY, START
from tests.support.customers import customer_of, foldings_of, told, told_of_objects
from tests.support.examples import examples
from workers.core.customer.customer import Customer
from workers.core.customer.folding import TypeFolding, fingerprint_number
from workers.core.customer.requirement import Requirement
from workers.core.customer.specs import EventTypeSpec, Specs
from workers.core.events.decoding import MAX_STORED, DecodedEvent
from workers.core.objects.customer.activity import Activity, fold_facts, note_history, remember
from workers.core.objects.decisions.records import kept

TYPES: Final = ("login", "complaint", "topup", "purchase")
REFERENCES: Final = {"complaint": ("topic",), "topup": ("amount", "what")}


def everything_kept() -> dict[str, EventTypeSpec]:
    """One of everything that rules can ask to be kept; of logins, only the plain series."""
    specs = Specs(TYPES)
    specs.require("login", None, days=30)
    specs.require("purchase", None, "amount", 400)
    specs.require("purchase", {"category": ["shoes", 5]}, "amount", 2)
    specs.require("purchase", {"category": "shoes"})
    specs.require("topup", None, "amount", 10)
    specs.require_mean("topup", {"amount": Bounds.model_validate({"at least": 1})}, "amount", 5)
    specs.require_different("topup", None, "what")
    specs.require_pair(("complaint", {"topic": "price"}), ("purchase", None))
    specs.require_pair(("topup", None), ("topup", None))
    for reference in ("topup.amount", "topup.what", "purchase.category", "complaint.topic"):
        specs.require_attribute(reference)
    return specs.facts_by_type()


FACTS: Final = everything_kept()
values = (
    st.sampled_from(
        ["shoes", "price", "1", "007", "true", "x" * 300, "\ud800", 5, 1, True, None, float("nan"), 1e300]
    )
    | st.integers(-(10**20), 10**20)
    | st.decimals(allow_nan=True, allow_infinity=True)
    | st.floats()
    | st.integers(0, 200).map(lambda number: f"value {number}")
)
moments = (
    st.integers(0, 30).map(lambda days: START + days * DAY)
    | st.integers(START, START + 500 * DAY)
    | st.integers(0, START)
)


@st.composite
def events(draw: st.DrawFn) -> DecodedEvent:
    kind = draw(st.sampled_from(TYPES))
    names = {"login": (), "complaint": ("topic",), "topup": ("amount", "what"), "purchase": ("amount", "category")}
    attributes: dict[str, Any] = {name: draw(values) for name in names[kind] if draw(st.booleans())}
    history_ms = draw(st.just(0) | moments)
    return DecodedEvent(f"e{draw(st.integers(0, 12))}", kind, "ada", draw(moments), attributes, history_ms)


def folded_into_objects(activity: Activity, event: DecodedEvent, is_first: bool) -> None:
    """What `decide` of the core on objects does with an event before it asks any rule."""
    plain = activity.series.get(event.type)
    is_newest = plain is None or event.at_ms >= plain.last_ms
    remember(activity, event.fingerprint())
    activity.at_ms = max(activity.at_ms, event.at_ms)
    fold_facts(activity, event, FACTS[event.type])
    if is_newest:
        for name in REFERENCES.get(event.type, ()):
            activity.latest[f"{event.type}.{name}"] = kept(event.attributes.get(name))
    if event.history_ms:
        note_history(activity, event.type, event.history_ms, is_first)


def folded_into_numbers(customer: Customer, folding: TypeFolding, event: DecodedEvent) -> None:
    is_first = not customer.is_known
    if is_first:
        customer.is_known = True
        customer.first_ms = customer.at_ms = event.at_ms
    customer.remember(fingerprint_number(event.fingerprint()))
    customer.at_ms = max(customer.at_ms, event.at_ms)
    if folding.is_plain:
        folding.fold_plain(event.at_ms, 0)
    else:
        folding.fold(event)
    if event.history_ms:
        customer.note_history(event.type, event.history_ms, is_first)


@examples(400)
@given(st.lists(st.lists(events(), min_size=1, max_size=40), min_size=1, max_size=3))
def test_any_history_is_folded_into_numbers_as_into_objects(histories: list[list[DecodedEvent]]) -> None:
    customer = customer_of(FACTS)
    foldings = foldings_of(customer, FACTS, REFERENCES)
    assert [name for name, one in foldings.items() if one.is_plain] == ["login"]
    for history in histories:  # one customer after the other, in the same objects
        customer.clear()
        activity = Activity(history[0].at_ms, history[0].at_ms)
        for number, event in enumerate(history):
            fingerprint = event.fingerprint()
            assert customer.has_seen(fingerprint_number(fingerprint)) == activity.has_seen(fingerprint)
            folded_into_objects(activity, event, is_first=not number)
            folded_into_numbers(customer, foldings[event.type], event)
        assert told(customer) == told_of_objects(activity)
        for required in ((("login", 2, 5),), (("login", 0, 3), ("purchase", 1, 1 << 62)), (("nps", 0, 0),), ()):
            assert Requirement(customer, required).is_met() == activity.has(required)
        for types in (frozenset({"login"}), frozenset({"purchase", "topup"}), frozenset(TYPES)):
            for by_tenure in (False, True):
                assert customer.floor_ms(types, by_tenure) == activity.floor_ms(types, by_tenure)


@examples(60)
@given(st.data())
def test_a_customer_with_too_many_days_loses_the_oldest_of_the_longest_series(data: st.DataObject) -> None:
    specs = Specs(TYPES)
    for name in TYPES:
        specs.require(name, None, days=data.draw(st.sampled_from([360, 1000, 3000])))
    facts = specs.facts_by_type()
    customer = customer_of(facts)
    foldings = foldings_of(customer, facts, {})
    activity = Activity(START, START)
    customer.is_known, customer.first_ms, customer.at_ms = True, START, START
    steps = data.draw(st.lists(st.tuples(st.sampled_from(TYPES), st.integers(-3, 400)), min_size=5, max_size=12))
    day = 0
    for name, number in steps:
        for _ in range(max(1, number)):
            day += 1 if number > 0 else number
            event = DecodedEvent("e", name, "ada", START + abs(day) * DAY, {"amount": Decimal(1)})
            activity.at_ms = customer.at_ms = max(activity.at_ms, event.at_ms)
            fold_facts(activity, event, facts[name])
            foldings[name].fold(event)
    known = told(customer)
    assert known["series"] == told_of_objects(activity)["series"]
    assert sum(len(one["days"]) for one in known["series"].values()) <= 1_200


@given(st.lists(st.sampled_from([MAX_STORED, -MAX_STORED, 10**13, -(10**13), 1]), max_size=20))
def test_sums_stay_where_they_can_be_stored(amounts: list[int]) -> None:
    customer = customer_of(FACTS)
    series = customer.by_key["purchase"]
    expected = 0
    for amount in amounts:
        series.add(START, amount, START // DAY)
        expected = max(-MAX_STORED, min(MAX_STORED, expected + amount))
    if amounts:
        assert series.total_sum == expected
        assert series.days.read() == [(START // DAY, len(amounts), expected)]
