"""Packed days hold what was packed, for any numbers; damaged bytes are refused, and nothing else happens."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.core.objects.customer.series import Damaged, Series, check_packed, pack, unpack

days = st.lists(st.integers(0, 2**32 - 1) | st.integers(19_000, 19_400), unique=True, max_size=40).map(sorted)
counts = st.integers(1, 3) | st.integers(1, 2**63 - 1)
sums = (
    st.integers(0, 700).map(lambda cents: cents * 10_000)
    | st.integers(0, 2**31).map(lambda cents: cents * 100)
    | st.integers(-(2**62), 2**62)
)


@given(days, st.data())
def test_what_is_packed_is_what_is_unpacked(days: list[int], data: st.DataObject) -> None:
    numbers = data.draw(st.lists(counts, min_size=len(days), max_size=len(days)))
    amounts = data.draw(st.just([]) | st.lists(sums, min_size=len(days), max_size=len(days)))
    assert unpack(pack(days, numbers, amounts)) == (days, numbers, amounts if days else [])


@given(st.lists(st.tuples(st.integers(0, 500), st.none() | st.integers(-(10**9), 10**9)), max_size=30), st.booleans())
def test_buckets_are_what_was_added(added: list[tuple[int, int | None]], adds_up: bool) -> None:
    series, plain = Series(0, 0), dict[int, list[int]]()
    for day, amount in added:
        series = Series(0, 0, packed=series.packed())  # as when each comes in a batch of its own
        series.add(day, (amount or 0) if adds_up else None, 10**9)
        plain.setdefault(day, []).append(amount or 0)
    assert series.days() == sorted(plain)
    assert series.counts() == [len(plain[day]) for day in sorted(plain)]
    if adds_up:
        assert all(abs(total) <= 10**9 for total in series.sums())


def test_an_ordinary_day_takes_two_bytes_and_four_with_an_amount() -> None:
    many = list(range(19_000, 19_100))
    assert len(pack(many, [1] * 100, [])) == 5 + 200
    assert len(pack(many, [1] * 100, [64_3500] * 100)) == 5 + 400


@pytest.mark.parametrize(
    ("days", "sums"), [([-1, 3], []), ([0, 2**32 + 300], []), ([3, 1], []), ([1, 2], [2**63, 0])]
)
def test_what_has_no_room_is_refused_and_not_cut(days: list[int], sums: list[int]) -> None:
    with pytest.raises((OverflowError, struct.error)):
        pack(days, [1, 1], sums)


@given(st.binary(min_size=1, max_size=60))
def test_damaged_bytes_are_refused(packed: bytes) -> None:
    try:
        check_packed(packed)
    except Damaged:
        return
    days, numbers, amounts = unpack(packed)
    assert len(days) == len(numbers)
    assert len(amounts) in (0, len(days))
