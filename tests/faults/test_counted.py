"""What the faults find wrong in the book, and what they do not."""

import pytest

from schemas.rules import RuleBook, RuleFile
from tests.faults.counted import compare_book
from tests.support.builders import TYPES, event, watched
from workers.book.book import Book
from workers.core.decisions.decide import Decider
from workers.core.rules.rule_compiler import compile_rules

VALUED = RuleFile.model_validate({"value": {"revenue": ["purchase.amount"], "currency": "EUR"}})
EVENTS = [
    event("purchase", 1, event_id="a"),
    event("login", 30, event_id="b"),
    event("purchase", 40, event_id="c"),
    event("cancellation", 41, event_id="d", reason="price"),
]


def counted() -> Book:
    """Return the book of a worker that folds these events."""
    ruleset = compile_rules(RuleBook(value=VALUED.value), TYPES)
    decider, book = Decider(ruleset), Book()
    decider.decide("ada", None, EVENTS, watched(ruleset), 0, 4)
    book.add_all(decider.take_facts())
    return book


def test_nothing_is_wrong_with_what_one_thread_counts() -> None:
    found = compare_book(EVENTS, counted(), "EUR")
    assert (found.missing, found.too_much, found.after_closing) == ([], [], 0)
    assert found.fields > len(EVENTS)


@pytest.mark.parametrize("name", ["events:login", "second", "reason:price", "revenue:EUR", "reason_value:price:EUR"])
def test_a_figure_that_is_lost_or_doubled_is_found(name: str) -> None:
    book = counted()
    (day,) = [day for day, fields in book.facts.items() if name in fields][-1:]
    number = book.facts[day][name]
    book.add(day, name, -number)
    assert [one for one in compare_book(EVENTS, book, "EUR").missing if one.startswith(name)]
    book.add(day, name, 2 * number)
    assert [one for one in compare_book(EVENTS, book, "EUR").too_much if one.startswith(name)]


def test_an_event_that_came_after_its_day_was_closed_is_not_lost() -> None:
    book = counted()
    (day,) = [day for day, fields in book.facts.items() if "events:login" in fields]
    book.add(day, "events:login", -1)
    book.add(day + 90, "after_closing", 1)
    found = compare_book(EVENTS, book, "EUR")
    assert (found.missing, found.too_much, found.after_closing) == ([], [], 1)
    book.add(day + 90, "after_closing", 1)
    assert compare_book(EVENTS, book, "EUR").missing
