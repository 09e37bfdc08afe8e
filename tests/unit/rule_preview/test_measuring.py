"""Laws of how long a hold-out takes, by a history."""

from math import ceil

import pytest

from schemas.durations import DAY_MS
from schemas.rules import ForEveryRule
from tests.support.builders import rule
from workers.rule_preview.measuring import measuring, measuring_document, said


def test_a_rule_without_a_hold_out_takes_no_time() -> None:
    assert measuring(rule(), ForEveryRule(), 900, 30 * DAY_MS) is None
    assert measuring_document(None) is None


def test_the_customers_of_the_history_say_how_long_it_takes() -> None:
    held = rule(**{"hold out": "10%"})
    found = measuring(held, ForEveryRule(), 45 * 100, 100 * DAY_MS)
    assert found is not None
    assert found.per_day == pytest.approx(50)
    assert (found.needed, found.days) == (25_185, 504 + 30)
    document = measuring_document(found)
    assert document is not None
    assert (
        said(document)
        == "about 534 days until 3 points are seen: 25,185 customers with 10% held out if 20% do it anyway, 50 a day"
    )


@pytest.mark.parametrize(("customers", "period_ms"), [(0, DAY_MS), (9, 0)])
def test_without_customers_it_never_ends(customers: int, period_ms: int) -> None:
    document = measuring_document(measuring(rule(**{"hold out": "50%"}), ForEveryRule(), customers, period_ms))
    assert document is not None
    assert said(document) == "never: 8,632 customers with 50% held out if 20% do it anyway, 0.0 a day"


def test_what_the_rule_says_of_its_experiment_counts() -> None:
    other = rule(hold_out="20%", as_before="20%", smallest_difference="10 points", success="login within 2 days")
    found = measuring(other, ForEveryRule(), 60 * 100, 100 * DAY_MS)
    assert found is not None
    assert (found.smallest, found.needed, found.days) == (0.1, 982, ceil(982 / 80 + 2))


def test_a_rule_that_says_no_success_compares_nothing() -> None:
    assert measuring(rule(action="grow", hold_out="10%"), ForEveryRule(), 900, DAY_MS) is None


def test_the_rate_of_the_history_counts() -> None:
    often = measuring(rule(hold_out="10%"), ForEveryRule(), 900, DAY_MS, rate=0.5)
    assert often is not None
    assert (often.base_rate, often.needed) == (0.5, 39_793)
