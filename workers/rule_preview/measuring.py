"""In how many days a rule's hold-out shows something, by the customers of a history.

Pure: this module must never know files, clocks and terminals.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from schemas.durations import DAY_MS
from schemas.rules import Rule
from workers.verdict.needed import USUAL_BASE_RATE, needed_for
from workers.verdict.sentences import points

_SMALLEST: Final = 0.03
_WINDOW_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Measuring:
    """How long a comparison takes.

    Attributes:
        hold_out: the share that is held out.
        smallest: the smallest difference that is to be seen, a share.
        needed: finished customers of both arms.
        per_day: customers who come into the experiment each day.
        days: until that number is finished; None if no customer comes.
    """

    hold_out: float
    smallest: float
    needed: int
    per_day: float
    days: int | None


def measuring(rule: Rule, customers: int, period_ms: int) -> Measuring | None:
    """Return how long it takes until a rule's hold-out shows something, None for a rule without one.

    Args:
        rule: the rule.
        customers: that it reached in the period, without those it held out.
        period_ms: the length of the period.
    """
    if rule.hold_out is None:
        return None
    hold_out = float(rule.hold_out) / 100
    needed = needed_for(USUAL_BASE_RATE, _SMALLEST, hold_out).both
    per_day = customers / (1 - hold_out) * DAY_MS / period_ms if period_ms > 0 else 0.0
    days = ceil(needed / per_day) + _WINDOW_DAYS if per_day else None
    return Measuring(hold_out, _SMALLEST, needed, per_day, days)


def measuring_document(found: Measuring | None) -> dict[str, Any] | None:
    """Return the same as plain values."""
    if found is None:
        return None
    return {
        "share": found.hold_out,
        "smallest_difference": found.smallest,
        "customers_needed": found.needed,
        "customers_a_day": round(found.per_day, 2),
        "days": found.days,
    }


def said(document: dict[str, Any]) -> str:
    """Return the document of a hold-out in words."""
    share, needed, a_day = document["share"], document["customers_needed"], document["customers_a_day"]
    rate = f"{a_day:,.0f}" if a_day >= 10 else f"{a_day:,.1f}"
    about = f"{needed:,} customers with {100 * share:g}% held out, {rate} a day"
    if document["days"] is None:
        return f"never: {about}"
    return f"about {document['days']:,} days until {points(document['smallest_difference'])} are seen: {about}"
