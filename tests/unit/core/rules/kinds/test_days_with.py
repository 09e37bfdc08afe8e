"""Laws of `days with`: on how many days something happened."""

import pytest
from pydantic import ValidationError

from tests.support.looked_at import READ, LookedAt
from tests.unit.core.rules.kinds.looks import NEVER, NOW, happened, leaves, looked, series_of, unwatched
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE


def test_a_day_counts_once_however_much_happened_on_it() -> None:
    once, twice = (looked({"days with": "login", "at least": 2, "within": "28 days"}) for _ in range(2))
    happened(series_of(once), [(3, 10, 0)])
    assert once.evaluate(NOW) == (FALSE, NEVER)
    happened(series_of(twice), [(3, 10, 0), (1, 1, 0)])
    assert twice.evaluate(NOW) == (TRUE, leaves(3, 28))


def test_it_changes_at_the_midnight_at_which_a_day_leaves_the_window() -> None:
    found = looked({"days with": "login", "fewer than": 3, "within": "28 days"})
    happened(series_of(found), [(20, 1, 0), (9, 2, 0), (3, 1, 0), (0, 1, 0)])
    assert found.evaluate(NOW) == (FALSE, leaves(9, 28))
    assert found.evaluate(leaves(9, 28)) == (TRUE, NEVER)


def test_days_that_were_not_watched_may_have_had_one() -> None:
    found = looked({"days with": "login", "fewer than": 3, "within": "28 days"})
    happened(series_of(found), [(3, 1, 0)])
    unwatched(found)
    assert found.evaluate(NOW)[0] == NOT_OBSERVABLE


def test_the_reason_says_how_many_days_more_would_have_prevented_it() -> None:
    one = LookedAt({"days with": "login", "fewer than": 4, "within": "28 days"})
    one.saw("login", 2, 3)
    assert one.reasons(5)[0].observed == 2
    assert one.reasons(5)[0].prevented_by == "2 more days with a login within 28 days"
    one.clear()
    one.saw("login", 2, 3, 4)
    assert one.reasons(5)[0].prevented_by == "1 more day with a login within 28 days"


def test_more_days_than_the_window_has_are_refused() -> None:
    with pytest.raises(ValidationError, match="the window has 28 days"):
        READ({"days with": "login", "at least": 29, "within": "28 days"})
