"""Grouping events by customer in bounded memory."""

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.builders import day
from workers.core.events.decoding import DecodedEvent
from workers.core.events.plain import PlainEvent
from workers.histories.by_customer import EventsByCustomer

VALUES = [3, -7, 2.5, True, False, None, "web", "", 10**30, -(10**30), 2**63]
AMOUNTS = [*VALUES, Decimal("19.90"), Decimal("0.0001")]


def some_events(count: int, customers: int, seed: int = 1) -> Iterator[DecodedEvent]:
    """Yield random events in any order, several of them simultaneous."""
    rng = random.Random(seed)
    for index in range(count):
        names = rng.sample(("amount", "channel", "score", "size"), rng.randrange(4))
        yield DecodedEvent(
            f"e{index}",
            rng.choice(("purchase", "login")),
            f"customer-{rng.randrange(customers)}",
            day(rng.randrange(30)),
            {name: rng.choice(AMOUNTS if name == "amount" else VALUES) for name in names},
            rng.choice((0, day(20))),
        )


def plainly_grouped(events: Iterator[DecodedEvent]) -> dict[str, list[DecodedEvent]]:
    grouped: dict[str, list[DecodedEvent]] = {}
    for event in events:
        grouped.setdefault(event.customer_id, []).append(event)
    return {customer_id: sorted(group, key=lambda event: event.at_ms) for customer_id, group in grouped.items()}


def grouped(store: EventsByCustomer, events: Iterator[DecodedEvent], max_bytes: int) -> dict[str, list[DecodedEvent]]:
    with store:
        for event in events:
            store.add(event)
        customers = [
            (name, [event for event in kept if isinstance(event, DecodedEvent)])
            for part in store.parts()
            for name, kept in part.customers(max_bytes)
        ]
    assert len({customer_id for customer_id, _ in customers}) == len(customers), "a customer came twice"
    return dict(customers)


def contents(customers: dict[str, list[DecodedEvent]]) -> dict[str, list[tuple[object, ...]]]:
    """Return the contents of the events, with numbers by value, as rules compare them."""
    return {
        customer_id: [
            (event.event_id, event.type, event.customer_id, event.at_ms, event.attributes) for event in events
        ]
        for customer_id, events in customers.items()
    }


@pytest.mark.parametrize(
    ("memory_bytes", "max_bytes"),
    [(1 << 30, 1 << 30), (0, 1 << 30), (1 << 30, 0), (0, 0), (20_000, 1_000)],
    ids=["in memory", "in files", "divided in memory", "divided in files", "some of each"],
)
def test_every_customer_comes_once_with_all_events_in_the_order_of_time_and_then_of_adding(
    tmp_path: Path, memory_bytes: int, max_bytes: int
) -> None:
    store = EventsByCustomer(tmp_path / "store", memory_bytes, pending_events=500)
    customers = grouped(store, some_events(4_000, 50), max_bytes)
    assert contents(customers) == contents(plainly_grouped(some_events(4_000, 50)))


def test_numbers_keep_their_kind(tmp_path: Path) -> None:
    amounts = [Decimal("19.90"), 19.9, 19, "19.90", True, None]
    events = (DecodedEvent(f"e{at}", "purchase", "ada", at, {"amount": amount}) for at, amount in enumerate(amounts))
    grouped_events = grouped(EventsByCustomer(tmp_path / "store"), events, 0)["ada"]
    assert [(type(event.attributes["amount"]), event.attributes["amount"]) for event in grouped_events] == [
        (type(amount), amount) for amount in amounts
    ]


def test_one_customer_larger_than_a_part_may_be_still_comes_once(tmp_path: Path) -> None:
    customers = grouped(EventsByCustomer(tmp_path / "store", 0, pending_events=100), some_events(1_000, 1), 1_000)
    assert contents(customers) == contents(plainly_grouped(some_events(1_000, 1)))


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with EventsByCustomer(tmp_path / "store", 0) as store:
        for event in some_events(1_000, 10):
            store.add(event)
        store.spill()
        assert any((tmp_path / "store").iterdir())
    assert not (tmp_path / "store").exists()


def test_without_events_there_are_no_parts(tmp_path: Path) -> None:
    with EventsByCustomer(tmp_path / "store") as store:
        assert store.parts() == []


@pytest.mark.parametrize(
    ("memory_bytes", "max_bytes"),
    [(1 << 30, 1 << 30), (0, 1 << 30), (1 << 30, 0), (0, 0)],
    ids=["in memory", "in files", "divided in memory", "divided in files"],
)
def test_plain_events_keep_their_numbers_and_their_place_among_the_others(
    tmp_path: Path, memory_bytes: int, max_bytes: int
) -> None:
    events = list(some_events(2_000, 30))
    with EventsByCustomer(tmp_path / "store", memory_bytes, pending_events=300) as store:
        for number, event in enumerate(events):
            if number % 3:
                store.add_plain(event.customer_id.encode(), event.at_ms, 10**16 + number, (1 << 48) - 1 - number, 65)
            else:
                store.add(event)
        found = {name: kept for part in store.parts() for name, kept in part.customers(max_bytes)}
    wanted: dict[str, list[tuple[int, object]]] = {}
    for number, event in enumerate(some_events(2_000, 30)):
        what = (10**16 + number, (1 << 48) - 1 - number, 65) if number % 3 else event.event_id
        wanted.setdefault(event.customer_id, []).append((event.at_ms, what))
    assert {
        name: [
            (
                event.at_ms,
                (event.amount, event.fingerprint, event.type_place)
                if isinstance(event, PlainEvent)
                else event.event_id,
            )
            for event in kept
        ]
        for name, kept in found.items()
    } == {name: sorted(kept, key=lambda one: one[0]) for name, kept in wanted.items()}
