"""The days of a series are what was added, also if they are stored in between, and take little room."""

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from tests.support.customers import customer_of
from workers.core.customer.customer import Customer
from workers.core.customer.names import Names
from workers.core.customer.specs import EventTypeSpec, SeriesSpec
from workers.core.customer.stored import Stored
from workers.core.events.decoding import MAX_STORED

KEEP_DAYS: Final = 10**6
LAYOUTS: Final = st.sampled_from([3, 4])
SUM: Final = {"purchase": EventTypeSpec("purchase", (SeriesSpec("purchase", "purchase", "amount", None, KEEP_DAYS),))}
COUNT: Final = {"purchase": EventTypeSpec("purchase", (SeriesSpec("purchase", "purchase", None, None, KEEP_DAYS),))}


def newcomer(adds_up: bool) -> tuple[Customer, Stored]:
    customer = customer_of(SUM if adds_up else COUNT)
    customer.is_known = True
    return customer, Stored(Names(customer, 0, []))


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(-(10**9), 10**9)), min_size=1, max_size=30),
    st.booleans(),
    LAYOUTS,
)
def test_days_are_what_was_added(added: list[tuple[int, int]], adds_up: bool, layout: int) -> None:
    customer, stored = newcomer(adds_up)
    (series,) = customer.series
    plain: dict[int, list[int]] = {}
    for day, amount in added:
        customer.at_ms = max(customer.at_ms, day * 86_400_000)
        series.add(day * 86_400_000, amount if adds_up else 0, customer.at_ms // 86_400_000)
        stored.read(stored.write(layout))  # as when each comes in a batch of its own
        plain.setdefault(day, []).append(amount if adds_up else 0)
    assert series.days.read() == [(day, len(plain[day]), sum(plain[day])) for day in sorted(plain)]
    assert series.total == len(added)
    assert series.total_sum == sum(amount for _, amount in added if adds_up)


@given(
    st.lists(st.integers(0, 30_000), min_size=1, max_size=20, unique=True).map(sorted),
    st.data(),
    LAYOUTS,
)
def test_numbers_of_any_size_are_stored_exactly(days: list[int], data: st.DataObject, layout: int) -> None:
    customer, stored = newcomer(adds_up=True)
    (series,) = customer.series
    series.is_present, series.total = True, 1
    customer.at_ms = series.last_ms = series.first_ms = days[-1] * 86_400_000
    for place, day in enumerate(days):
        count = data.draw(st.integers(1, 3) | st.integers(1, 2**62 - 1))
        amount = data.draw(
            st.integers(0, 700).map(lambda whole: whole * 10_000) | st.integers(-MAX_STORED, MAX_STORED)
        )
        series.days.insert(place, day, count, amount)
    before = series.days.read()
    stored.read(stored.write(layout))
    assert series.days.read() == before


def test_an_ordinary_day_takes_two_bytes_and_four_with_an_amount() -> None:
    for adds_up, each in ((False, 2), (True, 4)):
        sizes = []
        for number in (1, 101):
            customer, stored = newcomer(adds_up)
            (series,) = customer.series
            for day in range(19_000, 19_000 + number):
                customer.at_ms = day * 86_400_000
                series.add(customer.at_ms, 64_3500, day)
            sizes.append([len(stored.write(layout)) for layout in (3, 4)])
        grown = [(long - short) / 100 for short, long in zip(*sizes, strict=True)]
        assert all(one <= each + 0.1 for one in grown), grown
