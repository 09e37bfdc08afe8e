"""Durations as people write them: `45 days`, `6 hours`, `2 weeks`."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from schemas.refusals import WrongFormat, not_in_format

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_WRITTEN = re.compile(r"(\d{1,6})\s+([A-Za-z]+)")
_LONGEST = timedelta(days=3660)


def parse_duration(text: Any) -> timedelta:
    """Read a duration written in words.

    Args:
        text: a whole number and a unit from second to week, singular or plural, such as `45 days`.

    Raises:
        ValueError: for anything else, for zero, and for more than ten years. The message gives the value found and
            how to write it. Months and years are refused because they have no fixed length.
    """
    if isinstance(text, timedelta):
        return text
    if isinstance(text, int | float) and not isinstance(text, bool):
        raise ValueError(f"{text} has no unit; write for example '{text} days'")
    if not isinstance(text, str):
        raise not_in_format("a duration such as '45 days'", text)
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        raise not_in_format("a whole number and a unit such as '45 days'", text, "duration")
    number, unit = int(match[1]), match[2].lower().removesuffix("s")
    if unit in ("month", "year"):
        days = number * (30 if unit == "month" else 365)
        raise ValueError(f"'{text}' has no fixed length; write '{days} days'")
    if unit not in _UNITS:
        message = f"unknown unit '{match[2]}' in '{text}'; units are seconds, minutes, hours, days, weeks"
        raise WrongFormat(message, "duration")
    duration = number * _UNITS[unit]
    if not duration:
        raise ValueError(f"'{text}' is no time at all; the shortest duration is '1 second'")
    if duration > _LONGEST:
        raise ValueError(f"'{text}' is longer than ten years")
    return duration


def write_duration(duration: timedelta) -> str:
    """Write a duration in the largest unit that divides it, except weeks."""
    for name in ("day", "hour", "minute", "second"):
        count, rest = divmod(duration, _UNITS[name])
        if not rest:
            return f"{count} {name}" + ("" if count == 1 else "s")
    return f"{duration.total_seconds():g} seconds"


def duration_ms(duration: timedelta) -> int:
    """Return a duration in whole milliseconds."""
    return duration // timedelta(milliseconds=1)


def _whole_days(duration: timedelta) -> timedelta:
    if duration % _UNITS["day"]:
        raise ValueError(f"'{write_duration(duration)}' is not a number of whole days; windows count whole days")
    return duration


DURATION_SCHEMA: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": r"^\d{1,6}\s+([Ss]econd|[Mm]inute|[Hh]our|[Dd]ay|[Ww]eek)s?$",
    "examples": ["45 days", "6 hours", "2 weeks"],
}

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(write_duration, return_type=str),
    WithJsonSchema(DURATION_SCHEMA),
]
Days = Annotated[
    Duration,
    AfterValidator(_whole_days),
    WithJsonSchema(
        {**DURATION_SCHEMA, "pattern": r"^\d{1,4}\s+([Dd]ay|[Ww]eek)s?$", "examples": ["90 days", "2 weeks"]}
    ),
]
