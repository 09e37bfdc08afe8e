"""What is asked for: a month, and what rule files say of what is counted in it. Pure."""

from datetime import date

from schemas.durations import DAY_MS
from schemas.rules import RuleBook
from workers.book.book import Book
from workers.core.events.decoding import UNIT
from workers.core.rules.rule_set import RuleSet
from workers.errors import StartupError
from workers.report.document import Money, Period
from workers.report.figures.basis import Basis
from workers.report.figures.months import days_of, month_of
from workers.report.present_state import PresentState


def period_asked(month: str | None, first: int, seen_until: int) -> Period:
    """Return the days of a month: the one that is asked for, or the latest that is over and not before the first day.

    Args:
        month: as `2026-03`; None for none in particular.
        first: the first day with anything that is known.
        seen_until: the last day that is over.

    Raises:
        StartupError: if it is no month.
    """
    if month is not None:
        try:
            date.fromisoformat(f"{month}-01")
        except ValueError:
            raise StartupError([f"--month {month}: no month; expected one such as 2026-03"]) from None
        return days_of(month)
    latest = days_of(month_of(max(first, seen_until)))
    if latest.last > seen_until and latest.first > first:
        return days_of(month_of(latest.first - 1))
    return latest


def lapse_days_of(rules: RuleSet) -> int:
    """Return after how many days without a purchase a customer has gone: as long as a break is."""
    return rules.meant.break_ms // DAY_MS


def basis_for(
    written: RuleBook, rules: RuleSet, period: Period, at_ms: int, counted: tuple[Book, PresentState | None]
) -> Basis:
    """Return what a report is made from.

    Args:
        written: the rules as written.
        rules: the same compiled.
        period: for which the report is.
        at_ms: until when everything was read.
        counted: the book, and the present state; None if it was not looked at.
    """
    valuation = written.value
    cost = None
    if valuation is not None and valuation.cost_of_winning is not None:
        cost = Money(int(valuation.cost_of_winning * UNIT), valuation.currency or "-")
    return Basis(
        book=counted[0],
        period=period,
        seen_until=(at_ms + 1) // DAY_MS - 1,
        at_ms=at_ms,
        present=counted[1],
        lapse_days=lapse_days_of(rules),
        cost_of_winning=cost,
        titles={rule.id: rule.title for rule in written.rules if rule.title},
    )
