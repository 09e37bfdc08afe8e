"""Laws of `average`: the mean of an attribute."""

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
