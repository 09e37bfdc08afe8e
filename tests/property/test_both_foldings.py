"""Any history is folded into numbers as it was into objects: totals, days, values, pairs, attributes, floors.

Goes with the core on objects.
"""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tests.property.test_folding_properties import FACTS, REFERENCES, TYPES, events, folded_into_numbers
from tests.support.builders import DAY, START
from tests.support.customers import customer_of, foldings_of, shown
from tests.support.examples import examples
from tests.support.on_objects import told_of_objects
from workers.core.customer.folding import fingerprint_number
from workers.core.customer.requirement import Requirement
from workers.core.customer.specs import Specs
from workers.core.events.decoding import DecodedEvent
from workers.core.objects.customer.activity import Activity, fold_facts, note_history, remember
from workers.core.objects.decisions.records import kept


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
        assert shown(customer) == told_of_objects(activity)
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
    known = shown(customer)
    assert known["series"] == told_of_objects(activity)["series"]
