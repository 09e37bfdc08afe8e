"""Laws of `value`: what a customer is worth, less what lowers it, in one currency."""

from typing import Any, Final

import pytest

from tests.support.builders import DAY
from tests.support.looked_at import READ, LookedAt
from tests.unit.core.rules.kinds.looks import NEVER, NOW, TODAY, happened, leaves, looked, reason
from workers.core.conditions.condition import FALSE, NOT_OBSERVABLE, TRUE
from workers.core.customer.series import Series
from workers.core.rules.kinds import value

MEASURED: Final = {
    "revenue": ["purchase.amount"],
    "less": ["nps.refunded"],
    "currency": "EUR",
    "rates": {"USD": "0.92"},
    "within": "30 days",
}


def valued(bounds: Any, **measured: Any) -> LookedAt:
    return looked({"value": bounds, "(measured)": MEASURED | measured})


def series(found: LookedAt) -> list[Series]:
    """Return the series: purchases in EUR and USD, refunds in EUR and USD."""
    parts, part = [], found.condition.worth.first  # type: ignore[attr-defined]
    while part is not None:
        parts.append(part.series)
        part = part.following
    return parts


def test_purchases_of_both_currencies_add_up_and_refunds_lower_the_sum() -> None:
    found = valued("at least 100")
    eur, usd, back, _ = series(found)
    happened(eur, [(20, 1, 600_000)])
    happened(usd, [(10, 1, 500_000)])
    assert found.evaluate(NOW) == (TRUE, leaves(20, 30))
    assert reason(found)["observed"] == 106.0
    happened(back, [(5, 1, 70_000)])
    assert found.evaluate(NOW) == (FALSE, NEVER)
    assert reason(found)["observed"] == 99.0


def test_a_value_rises_when_a_refund_leaves_the_window() -> None:
    found = valued("at least 50")
    eur, _, back, _ = series(found)
    happened(eur, [(5, 1, 600_000)])
    happened(back, [(20, 1, 200_000)])
    assert found.evaluate(NOW) == (FALSE, leaves(20, 30))
    assert found.evaluate(leaves(20, 30)) == (TRUE, leaves(5, 30))


def test_what_is_converted_is_rounded_down_to_what_is_stored() -> None:
    found = valued("at least 0.0001", rates={"USD": "0.333333"})
    _, usd, _, _ = series(found)
    happened(usd, [(1, 1, 3)])
    assert found.evaluate(NOW) == (FALSE, NEVER)
    happened(usd, [(0, 1, 1)])
    assert found.evaluate(NOW)[0] == TRUE


def test_a_lower_bound_needs_to_know_every_refund_and_no_more() -> None:
    found = valued("at least 50")
    eur, usd, back, _ = series(found)
    happened(eur, [(5, 1, 600_000)])
    usd.since_ms = NOW
    assert found.evaluate(NOW) == (TRUE, leaves(5, 30))
    back.since_ms = NOW
    watched_ms = (TODAY + 30) * DAY
    assert found.evaluate(NOW) == (NOT_OBSERVABLE, watched_ms)
    assert found.evaluate(watched_ms) == (FALSE, NEVER)


def test_an_upper_bound_needs_to_know_every_purchase_and_no_more() -> None:
    found = valued("less than 50")
    eur, _, back, _ = series(found)
    happened(eur, [(5, 1, 400_000)])
    back.since_ms = NOW
    assert found.evaluate(NOW) == (TRUE, NEVER)
    eur.since_ms = NOW
    assert found.evaluate(NOW) == (NOT_OBSERVABLE, (TODAY + 30) * DAY)


def test_the_value_of_the_whole_lifetime_never_changes_by_time() -> None:
    found = looked({"value": "at least 100", "(measured)": {"revenue": ["purchase.amount"]}})
    happened(series(found)[0], [(900, 1, 1_000_000)])
    assert found.evaluate(NOW) == (TRUE, NEVER)


@pytest.mark.parametrize(
    ("bounds", "false", "true"),
    [
        ("at least 480", {"refund"}, {"purchase"}),
        ("less than cost of winning", {"purchase"}, {"refund"}),
        ({"at least": 100, "less than": 480}, {"purchase", "refund"}, {"purchase", "refund"}),
        ("top 20%", {"refund"}, {"purchase"}),
    ],
)
def test_a_refund_breaks_a_lower_bound_and_a_purchase_an_upper_one(
    bounds: Any, false: set[str], true: set[str]
) -> None:
    when = READ({"value": bounds})
    assert value.can_turn_false(when) == false
    assert value.can_turn_true(when) == true


@pytest.mark.parametrize(
    ("bounds", "amount", "words"),
    [
        ("at least 100", 400_000, "changes when the value grows by 60"),
        ("at least 30", 400_000, "changes when the value falls by more than 10"),
        ("less than 50", 400_000, "changes when the value grows by more than 9.9999"),
        ("less than 30", 400_000, "changes when the value falls by 10.0001"),
    ],
)
def test_why_says_by_how_much_the_value_must_change(bounds: str, amount: int, words: str) -> None:
    found = valued(bounds)
    happened(series(found)[0], [(5, 1, amount)])
    truth, _ = found.evaluate(NOW)
    assert value.changed_by(found.when, found.condition, truth, amount / 10_000, "purchase") == words  # type: ignore[arg-type]


def test_without_what_a_customer_is_worth_nothing_is_compiled() -> None:
    when = READ({"value": "at least 1"}).model_copy(update={"measured": None})
    assert value.said(when, holds=True).phrase == "value at least 1"
    assert (value.can_turn_false(when), value.least_events(when)) == (set(), {})
    with pytest.raises(ValueError, match="cannot be measured"):
        value.compile(when, None)  # type: ignore[arg-type]
