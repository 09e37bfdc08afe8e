"""Laws of `change`: a window against the one before."""

from tests.unit.core.rules.kinds.looks import NEVER, NOW, TODAY, happened, leaves, looked, reason, series_of
from workers.core.conditions.condition import FALSE, TRUE
from workers.core.events.decoding import MAX_STORED


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
