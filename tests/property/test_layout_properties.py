"""Layouts 3 and 4 hold any customer, nothing is lost, and what is damaged is refused or read whole."""

from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.actions import Reason
from tests.property.test_fact_properties import GENERATION, RULES, customers, some_names, worded
from tests.property.test_fuzz import mutated
from tests.support.customers import told_whole
from tests.support.decided import LAYOUTS
from tests.support.examples import examples
from workers.core.customer.customer import Customer
from workers.core.customer.layout_3 import Waiting, reasons_in
from workers.core.customer.names import Names
from workers.core.customer.stored import Stored, UnknownLayout
from workers.customer_facts.facts_of import facts_of


def stored_for(known: Names) -> Stored:
    stored = Stored(known)
    stored.layout_3.wording = worded
    return stored


@examples(300)
@given(st.lists(customers(), min_size=1, max_size=3))
def test_layout_4_holds_everything_also_due_times_and_actions_that_wait_as_numbers(several: list[Names]) -> None:
    other = some_names()
    reader = Stored(other)
    for known in several:  # one customer after the other, in the same objects
        before = told_whole(known.customer)
        raw = Stored(known).write(4)
        reader.read(raw)
        assert told_whole(other.customer) | {"candidates": []} == before | {"candidates": []}
        assert facts_of(other).candidates == facts_of(known).candidates
        assert reader.write(4) == raw


@examples(300)
@given(customers())
def test_layout_3_holds_everything_but_the_due_times_of_groups_and_has_what_waits_in_words(known: Names) -> None:
    stored = stored_for(known)
    before = told_whole(known.customer)
    raw = stored.write(3)
    other = some_names()
    reader = Stored(other)
    reader.read(raw)
    after = told_whole(other.customer)
    assert {name: after[name] for name in after.keys() - {"candidates", "flips"}} == {
        name: before[name] for name in before.keys() - {"candidates", "flips"}
    }
    assert [one["start"] for one in after["candidates"]] == [one["start"] for one in before["candidates"]]
    assert all(one["worded"] is not None for one in after["candidates"])
    assert reader.write(3) == raw
    reader.read(reader.write(4))
    assert told_whole(other.customer) == after, "and layout 4 loses nothing of it"


@examples(200)
@given(customers(), st.sampled_from(LAYOUTS))
def test_a_rule_set_without_these_rules_and_series_keeps_what_it_does_not_know(known: Names, layout: int) -> None:
    stored = stored_for(known)
    stored.read(stored.write(layout))
    before = told_whole(known.customer)
    unknowing = Names(Customer((), 0, 0, 0), GENERATION, [])
    other = Stored(unknowing)
    other.read(stored.write(4))
    stored.read(other.write(4))
    assert told_whole(known.customer) | {"flips": None} == before | {"flips": None}


def originals() -> list[bytes]:
    """Customers with much in them, in both layouts."""
    found: list[bytes] = []

    @examples(24)
    @given(customers())
    def collect(known: Names) -> None:
        stored = stored_for(known)
        found.extend(stored.write(layout) for layout in LAYOUTS)

    collect()
    largest = [sorted((raw for raw in found if raw[0] == layout), key=len)[-12:] for layout in LAYOUTS]
    return [*largest[0], *largest[1]]


ORIGINALS: Final = originals()


@examples(1200)
@given(
    mutated(ORIGINALS)
    | st.binary(max_size=200).map(lambda raw: b"\3" + raw)
    | st.binary(max_size=200).map(lambda raw: b"\4" + raw)
)
@example(b"\3" + bytes(5) + b"\1\x18" + bytes(6))  # a series without a type
@example(b"\4" + bytes(10) + b"\1\x90" + bytes(4))
@example(b"\4" + bytes(10) + b"\1\x97\0" + b"\1" * 6 + bytes(3))  # or of some events of none
def test_damaged_bytes_are_refused_or_read_and_what_is_read_can_be_written(raw: bytes) -> None:
    known = some_names()
    stored, customer = Stored(known), known.customer
    try:
        stored.read(raw)
    except UnknownLayout:
        assert not customer.is_known
        assert not customer.waiting
        assert not any(one.is_present for one in customer.series)
        assert not any(one.is_present for one in customer.episodes)
        return
    facts_of(known)
    before = told_whole(customer)
    again = stored.write(4)
    stored.read(again)
    assert told_whole(customer) == before
    assert stored.write(4) == again


@examples(200)
@given(st.sampled_from(ORIGINALS), st.data())
def test_what_is_cut_off_is_noticed(raw: bytes, data: st.DataObject) -> None:
    stored = Stored(some_names())
    stored.read(raw)
    with pytest.raises(UnknownLayout):
        stored.read(raw[: data.draw(st.integers(0, len(raw) - 1))])


def test_what_waits_as_numbers_is_worded_for_layout_3_or_not_written() -> None:
    known = some_names()
    stored, customer = Stored(known), known.customer
    customer.is_known, customer.first_ms, customer.at_ms = True, 1_000, 1_000
    candidate = customer.another_candidate()
    candidate.rule, candidate.start_ms = 0, 1_000
    with pytest.raises(ValueError, match="no place in layout 3"):
        stored.write(3)
    why = (Reason("c", 1, "o", "w"),)
    stored.layout_3.wording = lambda one: Waiting(RULES[one.rule], 0, 0, "at-risk", "0123456789ab", {}, why)
    stored.read(stored.write(3))
    assert customer.waiting == 1
    read = customer.candidates[0]
    assert (read.start_ms, read.worded.rule, read.worded.version) == (1_000, RULES[0], "0123456789ab")
    assert reasons_in(read.worded.why) == why
