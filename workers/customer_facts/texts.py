"""Moments, days and amounts as the texts of facts: exact in both directions, and bounded when they are read.

A moment is ISO 8601 in UTC to the millisecond, a day an ISO date, an amount a decimal. What no calendar has, such as
a day after the year 9999, stays a whole number.
"""

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from workers.core.events.decoding import MAX_STORED, UNIT

Moment = str | int
Day = str | int
Amount = str

_EPOCH: Final = datetime(1970, 1, 1)
_EPOCH_DAY: Final = date(1970, 1, 1)
_MS: Final = timedelta(milliseconds=1)
_ISO_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_ISO_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_AMOUNT: Final = re.compile(r"(-?)(\d{1,16})(?:\.(\d{1,4}))?", re.ASCII)
_DECIMALS: Final = 4
_FARTHEST_MS: Final = 1 << 54
"""A customer's moments are less than twice this apart, which any layout can store."""
_LAST_DAY: Final = (1 << 32) - 1
_SHOWN: Final = 40


class UnreadableFacts(ValueError):
    """Facts that no customer can have, or that are none; the text says where and what was found."""


def moment_text(at_ms: int) -> Moment:
    """Return a moment as facts have it; a moment that no calendar has stays a number."""
    try:
        return f"{(_EPOCH + at_ms * _MS).isoformat(timespec='milliseconds')}Z"
    except OverflowError:
        return at_ms


def moment_ms(written: Moment, where: str) -> int:
    """Return the milliseconds of a moment.

    Args:
        written: as `moment_text` wrote it.
        where: named in the error.

    Raises:
        UnreadableFacts: if it is none, or farther away than any moment that is stored.
    """
    if isinstance(written, int):
        if not -_FARTHEST_MS < written < _FARTHEST_MS:
            raise UnreadableFacts(f"{where}: {written} ms is no moment that can be stored")
        return written
    if _ISO_MOMENT.fullmatch(written) is not None:
        try:
            return (datetime.fromisoformat(written[:-1]) - _EPOCH) // _MS
        except ValueError:
            pass
    raise UnreadableFacts(f"{where}: {written[:_SHOWN]!r} is no moment; it looks like 2026-01-31T09:30:00.000Z")


@lru_cache(maxsize=65_536)
def day_text(day: int) -> Day:
    """Return a day since 1970 as an ISO date; a day that no calendar has stays a number."""
    try:
        return (_EPOCH_DAY + timedelta(days=day)).isoformat()
    except OverflowError:
        return day


def day_number(written: Day, where: str) -> int:
    """Return the days since 1970 of a day; the arguments and errors are those of `moment_ms`."""
    if isinstance(written, int):
        if not -_LAST_DAY <= written <= _LAST_DAY:
            raise UnreadableFacts(f"{where}: {written} is no day that can be stored")
        return written
    return _day_in_calendar(written, where)


@lru_cache(maxsize=65_536)
def _day_in_calendar(written: str, where: str) -> int:
    if _ISO_DAY.fullmatch(written) is not None:
        try:
            return (date.fromisoformat(written) - _EPOCH_DAY).days
        except ValueError:
            pass
    raise UnreadableFacts(f"{where}: {written[:_SHOWN]!r} is no day; it looks like 2026-01-31")


def amount_text(amount: int) -> Amount:
    """Return ten-thousandths as a decimal text without zeros at its end: `12.5`."""
    whole, part = divmod(abs(amount), UNIT)
    decimals = f".{part:04}".rstrip("0") if part else ""
    return f"{'-' if amount < 0 else ''}{whole}{decimals}"


def amount_in(written: Amount, where: str) -> int:
    """Return the ten-thousandths of a decimal text; the arguments and errors are those of `moment_ms`."""
    read = _AMOUNT.fullmatch(written)
    if read is None:
        raise UnreadableFacts(f"{where}: {written[:_SHOWN]!r} is no amount; it looks like 12.5")
    sign, whole, part = read.groups()
    amount = int(whole) * UNIT + int((part or "").ljust(_DECIMALS, "0"))
    if amount > MAX_STORED:
        raise UnreadableFacts(f"{where}: {written} is more than can be stored")
    return -amount if sign else amount
