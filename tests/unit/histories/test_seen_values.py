"""Laws of the values of a history: what is counted, and what is kept in bounded memory."""

from decimal import Decimal
from typing import Any

from tests.support.builders import event
from workers.core.events.decoding import DecodedEvent
from workers.histories.seen_values import MOST_VALUES, Both, SeenValues


def seen_of(values: list[Any], asked_for: tuple[Any, ...] = ()) -> SeenValues:
    seen = SeenValues({"nps": {"score": asked_for}})
    for value in values:
        seen.add(event("nps", 0, score=value))
    return seen


def test_events_are_counted_by_type_whether_asked_for_or_not() -> None:
    seen = SeenValues({"nps": {}})
    for name in ("nps", "login", "nps"):
        seen.add(event(name, 0))
    assert (seen.events_of("nps"), seen.events_of("login"), seen.events_of("purchase")) == (2, 1, 0)
    assert seen.events_with("login.device") == 0


def test_texts_numbers_and_truths_differ_and_equal_numbers_do_not() -> None:
    seen = seen_of([1, 1.0, Decimal("1.00"), "1", True, "true"])
    assert seen.events_with_value("nps.score", 1) == 3
    assert seen.events_with_value("nps.score", "1") == 1
    assert seen.events_with_value("nps.score", True) == 1
    assert seen.events_with_value("nps.score", "true") == 1
    assert seen.counted("nps.score")[0] == (1, 3)
    assert seen.events_with("nps.score") == 6


def test_the_outermost_numbers_are_those_of_all_events() -> None:
    assert seen_of([3, Decimal("2.5"), 9, "12", True]).numbers("nps.score") == (Decimal("2.5"), 9)
    assert seen_of(["3", True]).numbers("nps.score") is None


def test_values_beyond_the_most_are_counted_as_events_only_and_that_is_said() -> None:
    values = [f"value {number}" for number in range(MOST_VALUES)]
    seen = seen_of(values)
    assert seen.kept("nps.score") is None
    seen = seen_of([*values, "one more", "one more", "asked for", values[0]], ("asked for",))
    assert seen.kept("nps.score") == MOST_VALUES
    assert seen.events_with("nps.score") == MOST_VALUES + 4
    assert seen.events_with_value("nps.score", "one more") == 0
    assert seen.events_with_value("nps.score", "asked for") == 1
    assert seen.counted("nps.score")[0] == (values[0], 2)


def test_the_attributes_of_events_are_named_in_order() -> None:
    seen = SeenValues({"nps": {"score": ()}})
    seen.add(event("nps", 0, score=9, comment="fine"))
    seen.add(event("nps", 0, about="delivery"))
    assert seen.attributes_of("nps") == ["about", "comment", "score"]
    assert seen.attributes_of("login") == []


def test_an_event_is_counted_and_kept() -> None:
    kept: list[DecodedEvent] = []

    class Kept:
        def add(self, event: DecodedEvent) -> None:
            kept.append(event)

    seen = SeenValues({})
    Both(seen, Kept()).add(event("login", 0))
    assert (seen.events_of("login"), len(kept)) == (1, 1)
