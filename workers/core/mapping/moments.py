"""Times of source records: by the declared format, a value -> a moment. Pure."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final
from zoneinfo import ZoneInfo

from schemas.events import InvalidEvent, Unusable
from schemas.places import When
from workers.core.mapping.words import in_words, shown

Read = Callable[[Any], Any]
"""Returns the moment that a value stands for; raises `InvalidEvent`."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# 10^11 ms. Seconds read as milliseconds all fall into January 1970; every customer would seem inactive for decades.
_EARLIEST_NUMBER: Final = datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)
_NUMERIC: Final = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_UNITS: Final = {
    "seconds": timedelta(seconds=1),
    "milliseconds": timedelta(milliseconds=1),
    "microseconds": timedelta(microseconds=1),
    "days": timedelta(days=1),
}


def time_reader(name: str, place: When) -> Read:
    """Return a reader of the values at a place.

    ISO times need a zone in the text or a declared one; the zone in the text wins. A local time that occurs twice (at
    the end of summer time) counts as the first of the two; one that is skipped counts as the moment with the offset
    from before the change. Days are those of the declared zone, or of UTC.

    Args:
        name: the field, for refusals.
        place: where its values are, and their format.
    """
    where = f"'{name}', read from {in_words(place)}"
    zone = None if place.zone is None else ZoneInfo(place.zone)
    if place.timestamp:
        return lambda value: _numeric_moment(value, "milliseconds", name, where)
    if place.format == "iso":
        return lambda value: _iso_moment(value, zone, name, where)
    if "%" in place.format:
        return lambda value: _written_moment(value, place.format, zone, name, where)
    if place.format == "days" and zone is not None:
        return lambda value: _local_day(value, zone, name, where)
    return lambda value: _numeric_moment(value, place.format, name, where)


def usable(read: Read) -> Read:
    """Return a reader of an optional value; one that cannot be read is not a reason to refuse the record."""

    def value_of(value: Any) -> Any:
        try:
            return read(value)
        except InvalidEvent as error:
            return Unusable("empty" if isinstance(value, str) and not value.strip() else error.reason)

    return value_of


def _iso_moment(value: Any, zone: ZoneInfo | None, name: str, where: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment
        if zone is not None:
            return moment.replace(tzinfo=zone).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        hint = "; for numbers declare 'format'" if isinstance(value, int | float) else ""
        detail = f"{where}: expected an ISO 8601 time, found {shown(value)}{hint}"
        raise InvalidEvent("impossible_time", detail, field=name) from None
    raise InvalidEvent("naive_time", f"{where}: {shown(value)} has no zone; declare 'zone'", field=name)


def _written_moment(value: Any, form: str, zone: ZoneInfo | None, name: str, where: str) -> datetime:
    try:
        moment = datetime.strptime(value, form)
        if moment.tzinfo is None and zone is not None:
            moment = moment.replace(tzinfo=zone)
        return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        detail = f"{where}: expected a time of the format '{form}', found {shown(value)}"
        raise InvalidEvent("impossible_time", detail, field=name) from None


def _local_day(value: Any, zone: ZoneInfo, name: str, where: str) -> datetime:
    day = _numeric_moment(value, "days", name, where)
    try:
        return day.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError:
        raise InvalidEvent("impossible_time", f"{where}: {shown(value)} days are too many", field=name) from None


def _numeric_moment(value: Any, unit: str, name: str, where: str) -> datetime:
    number = _number(value)
    if number is None:
        detail = f"{where}: expected {unit} since 1970, found {shown(value)}"
        raise InvalidEvent("impossible_time", detail, field=name)
    try:
        if unit == "nanoseconds":
            moment = _EPOCH + timedelta(microseconds=1) * (number // 1000)
        else:
            moment = _EPOCH + number * _UNITS[unit]
    except OverflowError:
        hint = "" if unit == "nanoseconds" else "; are they a smaller unit?"
        detail = f"{where}: {shown(value)} {unit} lie beyond the year 9999{hint}"
        raise InvalidEvent("impossible_time", detail, field=name) from None
    if moment < _EARLIEST_NUMBER:
        hint = "" if unit == "days" else "; are they a larger unit?"
        detail = f"{where}: {shown(value)} {unit} are {moment.isoformat()}{hint}"
        raise InvalidEvent("impossible_time", detail, field=name)
    return moment


def _number(value: Any) -> int | float | None:
    if isinstance(value, str):
        if not _NUMERIC.fullmatch(value):
            return None
        return float(value) if "." in value else int(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
