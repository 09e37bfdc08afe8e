"""The bytes of the core on objects are read and written as they were, and nothing is lost.

Goes with the core on objects; `test_layout_properties.py` says the same of any customer as numbers.
"""

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.actions import Reason
from tests.property.test_folding_properties import FACTS
from tests.support.builders import DAY, START, rule, rules
from tests.support.customers import customer_of, named, shown, told_whole
from tests.support.examples import examples
from tests.support.on_objects import told_of_objects
from workers.core.coverage import FOREVER_MS, SERIES_OF_SOME
from workers.core.customer.customer import Customer
from workers.core.customer.layout_3 import Waiting
from workers.core.customer.stored import Stored
from workers.core.events.decoding import MAX_STORED
from workers.core.objects.customer import codec
from workers.core.objects.customer.activity import Activity, Candidate, Episode
from workers.core.objects.customer.series import Series, pack

GROUPS: Final = 11
RULES: Final = rules(
    *(rule(f"quiet-{number}", when={"none": "purchase", "for": f"{number} days"}) for number in range(1, 6)),
    *(rule(f"busy-{number}", when={"count": "login", "at least": number}) for number in range(1, 6)),
).as_activated(7, {})
PLACES: Final = [place % GROUPS for place in range(len(RULES.rules))]
KEYS: Final = sorted(one.key for spec in FACTS.values() for one in spec.series)
SUMS: Final = {one.key for spec in FACTS.values() for one in spec.series if one.adds is not None}
VALUES: Final = {one.key for spec in FACTS.values() for one in spec.series if one.tells_apart is not None}
UNKNOWN: Final = ("nps", "nps?0123456789ab", "login?0123456789ab", "purchase?no-hash", "purchase?ABCDEF012345")
WHY: Final = codec._packed_reasons((Reason("c", 1, "o", "w"),))

moments = (
    st.integers(START - 10 * DAY, START + 500 * DAY)
    | st.integers(-20, 400).map(lambda days: START + days * DAY + 1234567)
    | st.integers(0, 2**47)
)
perhaps = st.just(0) | moments
numbers = st.integers(1, 300) | st.integers(1, 2**61)
amounts = (
    st.integers(0, 10**6).map(lambda cents: 100 * cents)
    | st.integers(-(10**6), 10**6)
    | st.integers(-MAX_STORED, MAX_STORED)
)
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
kept = st.booleans() | st.integers(-MAX_STORED, MAX_STORED) | st.floats(allow_nan=False) | texts


@st.composite
def series(draw: st.DrawFn, key: str) -> Series:
    last_ms = draw(moments)
    first_ms = draw(st.just(last_ms) | moments.map(lambda at_ms: min(at_ms, last_ms)))
    last_day = last_ms // DAY
    gone = draw(st.just(0) | st.integers(0, 20_000))
    if key in VALUES:
        days = sorted(last_day - back for back in draw(st.lists(st.integers(0, 400), max_size=5)))
        values = [draw(st.integers(0, 2**32 - 1)) for _ in days]
        return Series(first_ms, last_ms, draw(numbers), 0, draw(numbers), gone, b"", values, days)
    back = draw(st.sets(st.integers(0, 60) | st.integers(0, 12_000), max_size=12))
    days = sorted(last_day - one for one in back if one <= last_day)
    counts = [draw(st.just(1) | st.integers(1, 3) | numbers) for _ in days]
    sums = [draw(amounts) for _ in days] if key in SUMS else []
    is_whole: bool = draw(st.booleans())
    if days and is_whole:  # all of its days are kept
        total_sum = max(-MAX_STORED, min(MAX_STORED, sum(sums)))
        return Series(first_ms, last_ms, min(sum(counts), 2**61), total_sum, len(days), 0, pack(days, counts, sums))
    total_sum = draw(st.just(0) | amounts) if key in SUMS else 0
    return Series(first_ms, last_ms, draw(numbers), total_sum, draw(numbers), gone, pack(days, counts, sums))


@st.composite
def episodes(draw: st.DrawFn) -> Episode:
    start_ms = draw(perhaps)
    episode = Episode(start_ms, draw(st.booleans()), draw(st.just(start_ms) | perhaps))
    episode.before_ms, episode.open_until_ms, episode.pending_ms, episode.true_since_ms = [
        draw(perhaps) for _ in range(4)
    ]
    if draw(st.booleans()):
        episode.held, episode.stood = [draw(st.lists(moments, max_size=2)) * 2 for _ in range(2)]
    return episode


@st.composite
def candidates(draw: st.DrawFn) -> Candidate:
    variables = draw(st.dictionaries(texts, st.none() | kept, max_size=2))
    name = draw(st.sampled_from(["quiet-1", "busy-2", "gone"]))
    candidate = Candidate(name, draw(moments), draw(perhaps), "at-risk", "0123456789ab", variables, WHY)
    if candidate.withdrawn_ms:
        candidate.because, candidate.why_back = draw(st.sampled_from(["customer_returned", "late_event"])), WHY
    candidate.doubted_ms = draw(perhaps)
    return candidate


@st.composite
def activities(draw: st.DrawFn) -> Activity:
    keys = draw(st.sets(st.sampled_from([*KEYS, *UNKNOWN]), max_size=6))
    rule_ids = draw(
        st.sets(st.sampled_from(["quiet-1", "quiet-4", "busy-2", "busy-5", "#0102030405", "#ffffffffff"]))
    )
    flips = draw(st.dictionaries(st.sampled_from([*RULES.groups]), moments, max_size=4))
    return Activity(
        draw(moments),
        draw(moments),
        draw(perhaps),
        draw(perhaps | st.sampled_from([0, *flips.values()])),
        b"".join(draw(st.lists(st.binary(min_size=6, max_size=6), max_size=8))),
        {key: draw(series(key)) for key in keys},
        {rule_id: draw(episodes()) for rule_id in rule_ids},
        draw(st.dictionaries(texts, st.none() | kept, max_size=2)),
        draw(st.sampled_from([0, 6, 7, 8, 2**40])),
        flips,
        draw(st.lists(candidates(), max_size=3)),
        draw(st.lists(moments, max_size=3)),
        {name: (draw(kept), draw(moments)) for name in draw(st.sets(texts, max_size=2))},
        {name: [draw(moments), draw(st.just(-1) | perhaps)] for name in draw(st.sets(texts, max_size=2))},
        draw(st.dictionaries(st.just("") | texts, moments, max_size=3)),
    )


def stored_for(facts: Any = FACTS) -> tuple[Stored, Customer]:
    customer = customer_of(facts, len(RULES.rules), GROUPS)
    return Stored(named(customer, RULES, PLACES)), customer


@examples(300)
@given(st.lists(activities(), min_size=1, max_size=3))
def test_what_the_core_on_objects_stored_is_read_and_written_as_it_was(several: list[Activity]) -> None:
    stored, customer = stored_for()
    for activity in several:  # one customer after the other, in the same objects
        raw = codec.encode(activity)
        stored.read(raw)
        assert shown(customer) == told_of_objects(activity)
        assert stored.write(3) == raw


@examples(300)
@given(st.lists(activities(), min_size=1, max_size=3))
def test_layout_4_loses_nothing_of_a_customer_in_layout_3(several: list[Activity]) -> None:
    stored, customer = stored_for()
    for activity in several:
        stored.read(codec.encode(activity))
        before, flips = told_whole(customer), customer.named_flips
        raw = stored.write(4)
        stored.read(raw)
        assert told_whole(customer) == before
        assert stored.write(4) == raw
        customer.named_flips = flips  # they have no place in layout 4
        if flips:
            assert stored.write(3) == codec.encode(activity)


@examples(200)
@given(activities(), st.lists(st.just(FOREVER_MS) | moments, min_size=GROUPS, max_size=GROUPS), st.data())
def test_layout_4_holds_due_times_and_actions_that_wait_as_numbers(
    activity: Activity, flips: list[int], data: st.DataObject
) -> None:
    stored, customer = stored_for()
    stored.read(codec.encode(activity))
    customer.generation, customer.flips_known, customer.named_flips = 7, True, {}
    for group, flip_ms in enumerate(flips):
        customer.set_flip(group, flip_ms)
    for _ in range(data.draw(st.integers(0, 3))):
        fill(customer, data)
    before = told_whole(customer)
    raw = stored.write(4)
    stored.read(raw)
    assert told_whole(customer) == before
    assert stored.write(4) == raw


def fill(customer: Customer, data: st.DataObject) -> None:
    """Let another action wait as numbers."""
    candidate = customer.another_candidate()
    candidate.rule = data.draw(st.integers(-1, len(RULES.rules) - 1))
    candidate.former = "00000000cafe" if candidate.rule < 0 else ""
    candidate.start_ms, candidate.doubted_ms = data.draw(moments), data.draw(perhaps)
    candidate.withdrawn_ms = data.draw(perhaps)
    candidate.variables = data.draw(st.none() | st.dictionaries(texts, kept, max_size=2))
    own = st.integers(-(2**63), 2**63 - 1) | st.integers(-1, 100) | moments
    candidate.evidence.fill(data.draw(st.lists(own, max_size=15)))
    candidate.evidence.values = data.draw(
        st.none() | st.dictionaries(st.integers(0, 5), kept, min_size=1, max_size=2)
    )
    if candidate.withdrawn_ms:
        candidate.because = data.draw(st.integers(0, 6))
        candidate.evidence_back.fill(data.draw(st.lists(own, max_size=15)))


@examples(200)
@given(activities())
def test_a_rule_set_without_these_rules_and_series_keeps_what_it_does_not_know(activity: Activity) -> None:
    other, unknowing = stored_for({})
    stored, customer = stored_for()
    raw = codec.encode(activity)
    stored.read(raw)
    stored.read(written := stored.write(4))
    before = told_whole(customer)
    other.read(raw)
    assert other.write(3) == raw
    other.read(written)
    stored.read(other.write(4))
    assert told_whole(customer) == before
    assert not any(SERIES_OF_SOME in one.key for one in unknowing.series)


@given(activities())
def test_waiting_actions_as_numbers_are_worded_for_layout_3(activity: Activity) -> None:
    stored, customer = stored_for()
    stored.read(codec.encode(activity))
    candidate = customer.another_candidate()
    candidate.rule, candidate.start_ms = 0, START
    with pytest.raises(ValueError, match="no place in layout 3"):
        stored.write(3)
    stored.layout_3.wording = lambda one: Waiting(
        RULES.rules[one.rule].id, 0, 0, "at-risk", RULES.rules[one.rule].version, {}, (Reason("c", 1, "o", "w"),)
    )
    read = codec.decode(stored.write(3), RULES.codes)
    assert read.candidates == [
        *activity.candidates,
        Candidate(RULES.rules[0].id, START, 0, "at-risk", RULES.rules[0].version, {}, WHY),
    ]
