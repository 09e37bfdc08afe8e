"""Averages, changes, latest values and dates: borders, and what is said of them."""

from typing import Any

import pytest

from schemas.attribute_types import AttributeType
from tests.support.builders import DAY
from tests.unit.core.rules.kinds.looks import (
    NEVER,
    NOW,
    TODAY,
    happened,
    leaves,
    looked,
    reason,
    series_of,
    unwatched,
)
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.events.decoding import MAX_STORED
from workers.core.rules.kinds.latest import LatestValue


def test_a_mean_moves_as_days_leave_the_window_and_there_is_none_without_events() -> None:
    found = looked({"average": "nps.score", "less than": "7", "within": "30 days"})
    assert found.evaluate(NOW) == (FALSE, NEVER)
    assert reason(found)["observed"] is None
    happened(series_of(found), [(20, 2, 180_000), (10, 1, 50_000), (5, 3, 170_000)])
    assert found.evaluate(NOW) == (TRUE, leaves(5, 30))
    assert reason(found)["observed"] == round(40 / 6, 4)
    assert found.evaluate(leaves(5, 30)) == (FALSE, NEVER)


def test_the_bound_of_a_mean_itself_is_inside_or_outside_as_it_is_written() -> None:
    for word, truth in (("less than", FALSE), ("at most", TRUE), ("more than", FALSE), ("at least", TRUE)):
        found = looked({"average": "nps.score", word: "3.5"})
        happened(series_of(found), [(1, 2, 70_000)])
        assert found.evaluate(NOW) == (truth, NEVER)


def test_a_mean_of_the_largest_numbers_is_compared_exactly() -> None:
    found = looked({"average": "nps.score", "at least": "0.0001", "within": "30 days"})
    happened(series_of(found), [])
    for place in range(10):
        series_of(found).days.insert(place, TODAY - 9 + place, 1, MAX_STORED if place % 2 else -MAX_STORED)
    assert found.evaluate(NOW) == (FALSE, leaves(9, 30))
    assert found.evaluate(leaves(9, 30)) == (TRUE, leaves(8, 30))


def test_nothing_is_known_of_a_mean_before_its_window_is_watched() -> None:
    found = looked({"average": "nps.score", "at least": "1", "within": "30 days"})
    unwatched(found)
    happened(series_of(found), [(0, 1, 90_000)])
    assert found.evaluate(NOW) == (NOT_OBSERVABLE, (TODAY + 30) * DAY)


def test_a_fall_is_seen_when_days_pass_into_the_earlier_window_and_ends_when_they_leave_it() -> None:
    found = looked({"change": "login", "down by": "50%", "within": "10 days", "from at least": 4})
    happened(series_of(found), [(12, 3, 0), (8, 4, 0), (1, 1, 0)])
    assert found.evaluate(NOW) == (FALSE, leaves(8, 10))
    assert reason(found)["observed"] == "5 after 3"
    assert found.evaluate(leaves(8, 10)) == (TRUE, leaves(8, 20))
    assert reason(found, leaves(8, 10))["observed"] == "1 after 7"
    assert found.evaluate(leaves(8, 20)) == (FALSE, NEVER)


def test_days_that_change_their_window_at_one_midnight_are_judged_together() -> None:
    found = looked({"change": "login", "down by": "50%", "within": "10 days", "from at least": 2})
    happened(series_of(found), [(15, 3, 0), (12, 1, 0), (5, 2, 0)])
    # At one midnight the first day leaves the earlier window and the last one enters it: 2 after 4, then 0 after 3.
    assert leaves(15, 20) == leaves(5, 10)
    assert found.evaluate(NOW) == (TRUE, leaves(5, 20))


def test_a_change_of_sums_takes_numbers_of_any_size() -> None:
    found = looked({"change": "purchase.amount", "up by": "100%", "within": "10 days", "from at least": 1})
    happened(series_of(found), [])
    for place in range(20):
        series_of(found).days.insert(place, TODAY - 19 + place, 1, MAX_STORED >> (1 if place < 10 else 0))
    assert found.evaluate(NOW)[0] == TRUE
    assert reason(found)["observed"].endswith("e+14 after 9.22337e+14")


@pytest.mark.parametrize(
    ("kind", "kept", "truth", "said"),
    [
        (None, "7", FALSE, "7"),
        ("number", "7", TRUE, 7),
        ("number", "seven", NOT_OBSERVABLE, None),
        (None, 7, TRUE, 7),
        (None, 7.0, TRUE, 7.0),
        (None, True, FALSE, True),
    ],
)
def test_the_latest_value_counts_as_the_type_of_its_attribute(
    kind: AttributeType | None, kept: Any, truth: int, said: Any
) -> None:
    found = looked({"latest": "nps.score", "is": 7}, {} if kind is None else {"nps.score": kind})
    assert found.evaluate(NOW) == (NOT_OBSERVABLE, NEVER)
    assert reason(found)["observed"] is None
    found.customer.attributes = {"nps.score": (kept, NOW)}
    for _ in range(2):
        assert found.evaluate(NOW) == (truth, NEVER)
    assert reason(found)["observed"] == said
    assert type(reason(found)["observed"]) is type(said)


def test_a_latest_value_is_tested_once_and_another_one_anew() -> None:
    found = looked({"latest": "nps.score", "at most": 6})
    tested: list[Any] = []

    def passes(value: Any) -> bool:
        tested.append(value)
        return bool(value <= 6)

    condition = LatestValue(0, b"", b"", b"", found.customer, "nps.score", passes, None)
    for value, truth in ((5, TRUE), (5, TRUE), (9, FALSE), (5, TRUE)):
        found.customer.attributes = {"nps.score": (value, NOW)}
        assert condition.look(NOW) == truth
    assert tested == [5, 9, 5]


def test_a_date_is_near_from_a_moment_on_until_it_passes() -> None:
    found = looked({"date": "purchase.ends", "in the next": "30 days"})
    assert found.evaluate(NOW) == (NOT_OBSERVABLE, NEVER)
    assert reason(found)["observed"] is None
    date_ms = (TODAY + 40) * DAY
    found.customer.attributes = {"purchase.ends": (date_ms, NOW)}
    near_ms = date_ms - 30 * DAY
    assert found.evaluate(near_ms - 1) == (FALSE, near_ms)
    assert found.evaluate(near_ms) == (TRUE, date_ms)
    assert found.evaluate(date_ms - 1) == (TRUE, date_ms)
    assert found.evaluate(date_ms) == (FALSE, NEVER)
    assert reason(found)["observed"] == "2024-11-13 00:00 UTC"


def test_a_date_has_passed_for_long_enough_from_a_moment_on() -> None:
    found = looked({"date": "purchase.ends", "passed for": "3 days"})
    found.customer.attributes = {"purchase.ends": ("2024-10-04", NOW)}
    over_ms = (TODAY + 3) * DAY
    assert found.evaluate(over_ms - 1) == (FALSE, over_ms)
    assert found.evaluate(over_ms) == (TRUE, NEVER)
    found.customer.attributes = {"purchase.ends": ("soon", NOW)}
    assert found.evaluate(NOW) == (NOT_OBSERVABLE, NEVER)
