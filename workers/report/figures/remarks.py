"""What must be known to read a chart: whether its last month is over, and where new customers stay away. Pure."""

from statistics import mean
from typing import Final

from workers.report.document import Count, Month, Note, Value
from workers.report.figures.basis import Basis
from workers.report.figures.months import days_of, month_of

_MONTHS: Final = 2
"""Months without a new customer that are worth a remark."""
_BEFORE: Final = 12
"""Months with which the last one is compared, at most."""
_FEWEST_BEFORE: Final = 3
_FEW: Final = 1 / 3
"""Below this part of what was usual before, the number of new customers is worth a remark."""


def of_last_month(basis: Basis) -> Note:
    """Return the remark whether the last month is over."""
    month = month_of(basis.period.last)
    return Note("month_over" if _is_over(month, basis) else "month_open", {"month": Month(month)})


def of_period(basis: Basis) -> tuple[Note, ...]:
    """Return the remark that the period is not over, if it is not."""
    return () if basis.is_whole else (Note("incomplete"),)


def of_new_customers(basis: Basis) -> tuple[Note, ...]:
    """Return the remark that no customer, or far fewer than before, bought for the first time of late."""
    firsts = _firsts(basis)
    if not firsts:
        return ()
    if none := of_no_new_customers(basis):
        return none
    month, number = firsts[-1]
    before = [one for _, one in firsts[-1 - _BEFORE : -1]]
    if len(before) < _FEWEST_BEFORE or number >= mean(before) * _FEW:
        return ()
    given: dict[str, Value] = {"month": Month(month), "n": Count(number), "before": Count(round(mean(before)))}
    return (Note("few_new_customers", given),)


def of_no_new_customers(basis: Basis) -> tuple[Note, ...]:
    """Return the remark since when no customer has bought for the first time, if that is months ago."""
    firsts = _firsts(basis)
    latest = next((place for place in reversed(range(len(firsts))) if firsts[place][1]), None)
    if latest is None or (without := len(firsts) - 1 - latest) < _MONTHS:
        return ()
    return (Note("no_new_customers", {"month": Month(firsts[latest][0]), "n": Count(without)}),)


def _firsts(basis: Basis) -> list[tuple[str, int]]:
    """Return how many customers bought for the first time in each month that is over."""
    return [(month, facts["first"]) for month, facts in basis.by_month.items() if _is_over(month, basis)]


def _is_over(month: str, basis: Basis) -> bool:
    return days_of(month).last <= basis.seen_until
