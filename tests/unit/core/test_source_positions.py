"""Laws of source positions: they are compared as pairs, and release 0.1 loses nothing by them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.core.source_positions import (
    ITEM_NUMBERS,
    NONE,
    WHOLE,
    high_water_entry,
    high_water_of,
    position_of,
    position_of_item,
    source_topic_of,
    split_position,
)
from workers.processor.unit_of_work import UnitOfWork
from workers.state.meta import (
    Meta,
    has_older_owner,
    high_water_field,
    high_waters_of,
    ownership_fields,
    without_ownership,
)

offsets = st.integers(0, 10**14 - 1)
items = st.integers(0, ITEM_NUMBERS - 1)


@given(offsets, items)
def test_what_is_written_is_read_back(offset: int, item: int) -> None:
    assert split_position(position_of_item("shop.orders", 3, offset, item)) == (b"shop.orders:3", (offset, item))
    assert split_position(position_of("shop.orders", 3, offset)) == (b"shop.orders:3", (offset, WHOLE))
    for position in (position_of("a.b-c_d", 0, offset), position_of_item("a.b-c_d", 0, offset, item)):
        assert source_topic_of(position) == "a.b-c_d"


@given(offsets, items, st.integers(-1, 10**14 - 1), st.integers(-1, 10**18))
def test_a_stored_high_water_is_the_higher_of_both_forms(offset: int, item: int, whole: int, of_items: int) -> None:
    form, number = high_water_entry((offset, item))
    assert (form, high_water_of(-1, number)) == ("+", (offset, item))
    form, number = high_water_entry((offset, WHOLE))
    assert (form, high_water_of(number, -1)) == ("", (offset, WHOLE))
    assert high_water_of(whole, of_items) >= max(high_water_of(whole, -1), high_water_of(-1, of_items))
    assert high_water_of(-1, -1) == NONE < (0, 0)


@pytest.mark.parametrize("text", [b"", b"shop", b"shop:0:", b"shop:0:x", b"shop:0:1.2", b"shop:0:" + b"9" * 20])
def test_what_is_no_position_cannot_be_read(text: bytes) -> None:
    assert split_position(text) is None


def unit_of_work(**fields: str) -> UnitOfWork:
    return UnitOfWork(Meta("me", 1, 0, None, fields))


def test_a_record_that_was_folded_as_a_whole_has_no_items_left_and_a_record_with_items_is_known_as_a_whole() -> None:
    work = unit_of_work(**{"hw:shop:0": "41"})
    assert not work.is_above_high_water(position_of_item("shop", 0, 41, 0))
    assert work.is_above_high_water(position_of_item("shop", 0, 42, 0))
    assert not work.is_above_high_water(position_of("shop", 0, 42))
    assert work.is_above_high_water(position_of_item("shop", 0, 42, 1))
    assert work.is_above_high_water(position_of("shop", 0, 43))
    stored = unit_of_work(**{"hw:shop:0": "41", "hw:shop:0+": "4200001"})
    assert not stored.is_above_high_water(position_of("shop", 0, 42))
    assert not stored.is_above_high_water(position_of_item("shop", 0, 42, 1))
    assert stored.is_above_high_water(position_of_item("shop", 0, 42, 2))


def is_above_high_water_in_0_1(high_waters: dict[bytes, int], source: bytes) -> bool:
    """Decide as release 0.1 does (workers/work.py of it)."""
    place, _, text = source.rpartition(b":")
    if not text.isdigit() or len(text) > 19:
        return True
    if int(text) <= high_waters.get(place, -1):
        return False
    high_waters[place] = int(text)
    return True


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30))
def test_a_worker_of_release_0_1_folds_items_once_too_and_keeps_one_field_for_them(
    pairs: list[tuple[int, int]],
) -> None:
    ours, theirs = unit_of_work(), dict[bytes, int]()
    for pair in pairs:
        position = position_of_item("shop", 0, *pair)
        assert is_above_high_water_in_0_1(theirs, position) == ours.is_above_high_water(position)
    assert theirs.keys() <= {b"shop:0+"}
    written = ours.changes(0).fields
    assert {high_water_field(name.decode()): number for name, number in theirs.items()} == written


def test_forgetting_a_source_forgets_both_forms() -> None:
    fields = {"hw:shop:0": "1", "hw:shop:0+": "1", "hw:shop:12": "1", "hw:shop.x:0": "1", "hw:x:0+": "1"}
    forgotten = high_waters_of("shop", fields)
    assert forgotten == ["hw:shop:0", "hw:shop:0+", "hw:shop:12"]
    work = unit_of_work(**dict.fromkeys(forgotten, "-1"))
    assert work.is_above_high_water(position_of("shop", 0, 0))
    assert work.is_above_high_water(position_of_item("shop", 0, 1, 0))


def test_a_format_beside_another_token_is_that_of_an_older_release() -> None:
    fields = {**ownership_fields("new"), "version": "3"}
    assert not has_older_owner(fields)
    assert without_ownership(fields) == {"version": "3"}
    assert has_older_owner({**fields, "owner": "old"})
    assert has_older_owner({"owner": "old"})
    assert has_older_owner({"owner": "old", "format": "1 old"})
    assert not has_older_owner({"owner": "newer", "format": "3 newer"})
    assert not has_older_owner({})
