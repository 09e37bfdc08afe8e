"""Laws of `date`: a day that an event named."""

from tests.support.builders import DAY
from tests.unit.core.rules.kinds.looks import NEVER, NOW, TODAY, looked, reason
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE


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
