"""Laws of `count`: how often something happened."""

import pytest

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
from workers.core.conditions.amounts import OUT_OF_REACH
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.events.decoding import MAX_STORED


def test_a_count_is_reached_until_the_day_of_the_event_that_makes_it_up_leaves_the_window() -> None:
    found = looked({"count": "login", "at least": 3, "within": "30 days"})
    assert found.evaluate(NOW) == (FALSE, NEVER)
    happened(series_of(found), [(0, 1, 0), (5, 1, 0), (9, 2, 0), (29, 7, 0)])
    assert found.evaluate(NOW) == (TRUE, leaves(9, 30))
    assert found.evaluate(leaves(9, 30) - 1) == (TRUE, leaves(9, 30))
    assert found.evaluate(leaves(9, 30)) == (FALSE, NEVER)


def test_a_day_of_before_the_window_does_not_count() -> None:
    found = looked({"count": "login", "at least": 1, "within": "30 days"})
    happened(series_of(found), [(30, 5, 0)])
    assert found.evaluate(NOW) == (FALSE, NEVER)
    assert reason(found)["observed"] == 0


def test_a_count_between_bounds_is_false_then_true_then_false_again() -> None:
    found = looked({"count": "login", "between": "2 and 3", "within": "30 days"})
    happened(series_of(found), [(1, 2, 0), (2, 2, 0)])
    assert found.evaluate(NOW) == (FALSE, leaves(2, 30))
    assert found.evaluate(leaves(2, 30)) == (TRUE, leaves(1, 30))
    assert found.evaluate(leaves(1, 30)) == (FALSE, NEVER)


def test_what_is_not_watched_can_reach_a_bound_but_not_keep_one() -> None:
    least = looked({"count": "login", "at least": 1, "within": "30 days"})
    most = looked({"count": "login", "at most": 1, "within": "30 days"})
    watched_ms = (TODAY + 30) * DAY
    for found in (least, most):
        unwatched(found)
        assert found.evaluate(NOW) == (NOT_OBSERVABLE, watched_ms)
        happened(series_of(found), [(0, 2, 0)])
    assert least.evaluate(NOW) == (TRUE, watched_ms)
    assert most.evaluate(NOW) == (FALSE, watched_ms)
    assert most.evaluate(watched_ms) == (TRUE, NEVER)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_count_says_how_many_more_events_would_have_prevented_the_action(number: int) -> None:
    found = looked({"count": "purchase", "at most": 3, "within": "30 days"})
    happened(series_of(found), [(1, number, 0)])
    said = reason(found)
    assert said["observed"] == number
    more = f"{4 - number} more purchases" if number < 3 else "1 more purchase"
    assert said["prevented_by"] == f"{more} within 30 days"
    assert "prevented_by" not in reason(looked({"not": {"count": "purchase", "at most": 3}}))


def test_a_count_of_all_that_ever_happened_changes_with_no_time() -> None:
    found = looked({"count": "login", "exactly": 2})
    happened(series_of(found), [(700, 2, 0)])
    assert found.evaluate(NOW) == (TRUE, NEVER)
    unwatched(found)
    assert found.evaluate(NOW) == (NOT_OBSERVABLE, NEVER)
    series_of(found).is_complete = True
    assert found.evaluate(NOW) == (TRUE, NEVER)


def test_days_that_are_gone_leave_a_window_open_until_it_lies_behind_them() -> None:
    found = looked({"count": "login", "at most": 1, "within": "30 days"})
    happened(series_of(found), [(1, 1, 0)])
    series_of(found).gone_day = TODAY - 3
    assert found.evaluate(NOW) == (NOT_OBSERVABLE, leaves(3, 30))
    assert found.evaluate(leaves(3, 30)) == (TRUE, NEVER)


@pytest.mark.parametrize("within", [None, "30 days"])
def test_no_number_of_events_reaches_a_bound_beyond_all_numbers(within: str | None) -> None:
    asked = {"count": "login", "more than": 10**30} | ({} if within is None else {"within": within})
    found = looked(asked)
    happened(series_of(found), [(0, MAX_STORED, 0)])
    assert found.evaluate(NOW)[0] == FALSE
    assert found.condition.low == OUT_OF_REACH  # type: ignore[attr-defined]
