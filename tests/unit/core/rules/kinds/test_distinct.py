"""Laws of `distinct`: how many different values an attribute had."""

from tests.unit.core.rules.kinds.looks import NEVER, NOW, TODAY, happened, leaves, looked, reason, series_of
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE


def test_distinct_values_leave_the_window_on_the_day_on_which_they_were_seen_last() -> None:
    found = looked({"distinct": "login.plan", "at least": 2, "within": "30 days"})
    series = series_of(found)
    happened(series, [])
    for place, ago in enumerate((28, 12, 3)):
        series.values.insert(place, TODAY - ago, place, 0)
    assert found.evaluate(NOW) == (TRUE, leaves(12, 30))
    assert found.evaluate(leaves(12, 30)) == (FALSE, NEVER)
    assert reason(found)["observed"] == 3
    assert reason(found, leaves(28, 30))["observed"] == 2


def test_distinct_values_ever_are_not_known_once_some_are_gone() -> None:
    found = looked({"distinct": "login.plan", "at most": 2})
    series = series_of(found)
    happened(series, [])
    series.values.insert(0, TODAY - 3, 7, 0)
    assert found.evaluate(NOW) == (TRUE, NEVER)
    series.gone_day = TODAY - 5
    assert found.evaluate(NOW) == (NOT_OBSERVABLE, NEVER)
