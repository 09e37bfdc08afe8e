"""In how many days a rule's hold-out shows something, by the customers of a history.

Pure: this module must never know files, clocks and terminals.
"""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any, Final

from schemas.durations import DAY_MS
from schemas.outcomes import SMALLEST_DIFFERENCE, success_of
from schemas.rules import ForEveryRule, Rule
from workers.verdict.needed import USUAL_BASE_RATE, needed_for
from workers.verdict.sentences import points

ENOUGH: Final = 100
"""Actions of a history whose time is over, for a rate that can be planned with."""
_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Measuring:
    """How long a comparison takes.

    Attributes:
        hold_out: the share that is held out.
        smallest: the smallest difference that is to be seen, a share.
        base_rate: the share who succeed anyway.
        needed: finished customers of both arms.
        per_day: customers who come into the experiment each day.
        days: until that number is finished; None if no customer comes.
    """

    hold_out: float
    smallest: float
    base_rate: float
    needed: int
    per_day: float
    days: int | None


def measuring(
    rule: Rule, policy: ForEveryRule, customers: int, period_ms: int, rate: float | None = None
) -> Measuring | None:
    """Return how long it takes until a rule's hold-out shows something, None for a rule that compares nothing.

    Args:
        rule: the rule.
        policy: for every rule.
        customers: that it reached in the period, without those it held out.
        period_ms: the length of the period.
        rate: the share of the history's actions after which the rule's success came in time; None if they are too
            few.
    """
    success = success_of(rule.action, rule.success or policy.success)
    if rule.hold_out is None or success is None:
        return None
    held, before = float(rule.hold_out) / 100, float(rule.as_before or 0) / 100
    smallest = float(rule.smallest_difference or policy.smallest_difference or SMALLEST_DIFFERENCE) / 100
    # Customers for whom an old campaign goes on are in neither arm.
    base_rate = USUAL_BASE_RATE if rate is None else rate
    needed = needed_for(base_rate, smallest, held / (1 - before)).both
    treated = 1 - held - before
    per_day = customers * (1 - before) / treated * DAY_MS / period_ms if period_ms > 0 and treated > 0 else 0.0
    days = ceil(needed / per_day + success.within / _ONE_DAY) if per_day else None
    return Measuring(held, smallest, base_rate, needed, per_day, days)


def measuring_document(found: Measuring | None) -> dict[str, Any] | None:
    """Return the same as plain values."""
    if found is None:
        return None
    return {
        "share": found.hold_out,
        "smallest_difference": found.smallest,
        "base_rate": round(found.base_rate, 6),
        "customers_needed": found.needed,
        "customers_a_day": round(found.per_day, 2),
        "days": found.days,
    }


def said(document: dict[str, Any]) -> str:
    """Return the document of a hold-out in words."""
    share, needed, a_day = document["share"], document["customers_needed"], document["customers_a_day"]
    rate = f"{a_day:,.0f}" if a_day >= 10 else f"{a_day:,.1f}"
    base = f"{100 * document['base_rate']:.0f}% do it anyway"
    about = f"{needed:,} customers with {100 * share:g}% held out if {base}, {rate} a day"
    if document["days"] is None:
        return f"never: {about}"
    return f"about {document['days']:,} days until {points(document['smallest_difference'])} are seen: {about}"
