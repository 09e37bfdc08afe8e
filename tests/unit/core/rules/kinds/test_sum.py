"""Laws of `sum`: what an attribute adds up to."""

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


def test_a_sum_with_a_day_below_zero_rises_when_that_day_leaves() -> None:
    found = looked({"sum": "purchase.amount", "at least": "10", "within": "30 days"})
    happened(series_of(found), [(20, 1, -50_000), (10, 1, 100_000), (5, 1, 20_000)])
    assert found.evaluate(NOW) == (FALSE, leaves(20, 30))
    assert found.evaluate(leaves(20, 30)) == (TRUE, leaves(10, 30))
    assert found.evaluate(leaves(10, 30)) == (FALSE, NEVER)
    assert reason(found)["observed"] == 7.0


def test_a_sum_that_is_not_watched_changes_when_it_is() -> None:
    found = looked({"sum": "purchase.amount", "at most": "10", "within": "30 days"})
    unwatched(found)
    happened(series_of(found), [(0, 1, 110_000)])
    watched_ms = (TODAY + 30) * DAY
    assert found.evaluate(NOW) == (FALSE, watched_ms)
    series_of(found).days.remove(0, 1)
    assert found.evaluate(NOW) == (NOT_OBSERVABLE, watched_ms)
    assert found.evaluate(watched_ms) == (TRUE, NEVER)


def test_a_sum_never_leaves_the_numbers_that_can_be_stored() -> None:
    found = looked({"sum": "purchase.amount", "at least": "1", "within": "30 days"})
    series = series_of(found)
    happened(series, [])
    for place in range(30):
        series.days.insert(place, TODAY - 29 + place, 1, MAX_STORED)
    assert found.evaluate(NOW) == (TRUE, leaves(0, 30))
    assert reason(found)["observed"] == MAX_STORED / 10_000
    series.days.insert(30, TODAY + 1, 1, -MAX_STORED)
    series.days.insert(31, TODAY + 2, 1, -MAX_STORED)
    assert reason(found)["observed"] == MAX_STORED / 10_000
    assert found.evaluate(leaves(0, 30))[0] == FALSE
