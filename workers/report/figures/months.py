"""Months in UTC, as `2026-11`, and the days in them. Pure."""

from datetime import date, timedelta
from typing import Final

from workers.report.document import Period

_EPOCH: Final = date(1970, 1, 1)
_DECEMBER: Final = 12


def date_of(day: int) -> date:
    """Return a day (days since 1970) as a date."""
    return _EPOCH + timedelta(days=day)


def day_of(when: date) -> int:
    """Return a date as days since 1970."""
    return (when - _EPOCH).days


def month_of(day: int) -> str:
    """Return the month of a day."""
    return f"{date_of(day):%Y-%m}"


def following(month: str) -> str:
    """Return the month after a month."""
    year, number = map(int, month.split("-"))
    return f"{year + 1:04}-01" if number == _DECEMBER else f"{year:04}-{number + 1:02}"


def days_of(month: str) -> Period:
    """Return the days of a month."""
    first = date.fromisoformat(f"{month}-01")
    return Period(day_of(first), day_of(date.fromisoformat(f"{following(month)}-01")) - 1)


def months_between(first: str, last: str) -> list[str]:
    """Return all months from one to another, both included."""
    months = []
    while first <= last:
        months.append(first)
        first = following(first)
    return months
