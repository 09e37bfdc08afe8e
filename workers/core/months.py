"""Calendar months in UTC, as numbers."""

from typing import Final

from schemas.durations import DAY_MS

_LONGEST_DAYS: Final = 31
"""That long after the start of a month, the next one has begun, and not the one after it."""


def month_at(at_ms: int) -> int:
    """Return the start of the month that a moment lies in; both in epoch milliseconds, from 1970 on."""
    return _first_day(at_ms // DAY_MS) * DAY_MS


def month_from(at_ms: int) -> int:
    """Return the first start of a month that is not before a moment; both in epoch milliseconds, from 1970 on."""
    day = (at_ms + DAY_MS - 1) // DAY_MS
    first = _first_day(day)
    return (first if first == day else _first_day(first + _LONGEST_DAYS)) * DAY_MS


def month_number(at_ms: int) -> int:
    """Return the number of the month that a moment lies in: 12 for each year, and 0 for January."""
    day = at_ms // DAY_MS + 719_468
    era = day // 146_097
    of_era = day % 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    return 12 * (400 * era + year) + (5 * of_year + 2) // 153 + 2


def month_named(number: int) -> str:
    """Return the month of a number as text, such as `2026-03`."""
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _first_day(day: int) -> int:
    """Return the first day of the month of a day; both counted from 1970-01-01.

    The Gregorian calendar as https://howardhinnant.github.io/date_algorithms.html has it (`civil_from_days`): years
    begin in March, so that the leap day is the last one.
    """
    of_era = (day + 719_468) % 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    return day - (of_year - (153 * month + 2) // 5)
