"""Grouping events by customer in bounded memory."""

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.builders import day
from workers.core.events.decoding import DecodedEvent
from workers.histories.by_customer import EventsByCustomer

VALUES = [3, -7, 2.5, True, False, None, "web", "", 10**30, -(10**30), 2**63]
AMOUNTS = [*VALUES, Decimal("19.90"), Decimal("0.0001")]


def facts(number: int, customers: int, seed: int = 1) -> Iterator[DecodedEvent]:
    """Make up events in any order; several at the same time."""
    rng = random.Random(seed)
    for index in range(number):
        names = rng.sample(("amount", "channel", "score", "size"), rng.randrange(4))
        yield DecodedEvent(
            f"e{index}",
            rng.choice(("purchase", "login")),
            f"customer-{rng.randrange(customers)}",
            day(rng.randrange(30)),
            {name: rng.choice(AMOUNTS if name == "amount" else VALUES) for name in names},
        )


def plainly_grouped(events: Iterator[DecodedEvent]) -> dict[str, list[DecodedEvent]]:
    grouped: dict[str, list[DecodedEvent]] = {}
    for fact in events:
        grouped.setdefault(fact.customer_id, []).append(fact)
    return {name: sorted(found, key=lambda fact: fact.at_ms) for name, found in grouped.items()}


def grouped(
    store: EventsByCustomer, events: Iterator[DecodedEvent], largest_bytes: int
) -> dict[str, list[DecodedEvent]]:
    with store:
        for fact in events:
            store.add(fact)
        found = [one for part in store.parts() for one in part.customers(largest_bytes)]
    assert len({name for name, _ in found}) == len(found), "a customer came twice"
    return dict(found)


def said(customers: dict[str, list[DecodedEvent]]) -> dict[str, list[tuple[object, ...]]]:
    """Return what the facts say; numbers by value, as rules compare them."""
    return {
        name: [(one.event_id, one.type, one.customer_id, one.at_ms, one.attributes) for one in found]
        for name, found in customers.items()
    }


@pytest.mark.parametrize(
    ("memory_bytes", "largest_bytes"),
    [(1 << 30, 1 << 30), (0, 1 << 30), (1 << 30, 0), (0, 0), (20_000, 1_000)],
    ids=["in memory", "in files", "divided in memory", "divided in files", "some of each"],
)
def test_every_customer_comes_once_with_all_events_in_the_order_of_time_and_then_of_adding(
    tmp_path: Path, memory_bytes: int, largest_bytes: int
) -> None:
    store = EventsByCustomer(tmp_path / "store", memory_bytes, pending_events=500)
    found = grouped(store, facts(4_000, 50), largest_bytes)
    assert said(found) == said(plainly_grouped(facts(4_000, 50)))


def test_numbers_keep_their_kind(tmp_path: Path) -> None:
    amounts = [Decimal("19.90"), 19.9, 19, "19.90", True, None]
    events = (DecodedEvent(f"e{at}", "purchase", "ada", at, {"amount": amount}) for at, amount in enumerate(amounts))
    found = grouped(EventsByCustomer(tmp_path / "store"), events, 0)["ada"]
    assert [(type(one.attributes["amount"]), one.attributes["amount"]) for one in found] == [
        (type(amount), amount) for amount in amounts
    ]


def test_one_customer_larger_than_a_part_may_be_still_comes_once(tmp_path: Path) -> None:
    found = grouped(EventsByCustomer(tmp_path / "store", 0, pending_events=100), facts(1_000, 1), 1_000)
    assert said(found) == said(plainly_grouped(facts(1_000, 1)))


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with EventsByCustomer(tmp_path / "store", 0) as store:
        for fact in facts(1_000, 10):
            store.add(fact)
        store.spill()
        assert any((tmp_path / "store").iterdir())
    assert not (tmp_path / "store").exists()


def test_without_events_there_are_no_parts(tmp_path: Path) -> None:
    with EventsByCustomer(tmp_path / "store") as store:
        assert store.parts() == []
