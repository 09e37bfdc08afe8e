"""Numbers, times and names as they are written in conditions."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from schemas.durations import DURATION_SCHEMA, Days, Duration, parse_duration, write_duration
from schemas.events import TYPE_PATTERN
from schemas.refusals import not_in_format

LONGEST_WINDOW: Final = timedelta(days=730)
ATTRIBUTE_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
STAGE_PATTERN: Final = r"^[a-z][a-z0-9-]{1,62}[a-z0-9]$"
REFERENCE_PATTERN: Final = r"^[a-z][a-z0-9_-]{0,63}\.[A-Za-z_][A-Za-z0-9_]{0,63}$"

TypeName = Annotated[str, Field(pattern=TYPE_PATTERN)]
Attribute = Annotated[str, Field(pattern=ATTRIBUTE_PATTERN)]
Reference = Annotated[str, Field(pattern=REFERENCE_PATTERN)]
StageName = Annotated[str, Field(pattern=STAGE_PATTERN)]
Plain = str | int | float | bool

_NUMBER: Final = r"-?\d{1,12}(?:\.\d{1,4})?"
_BETWEEN: Final = re.compile(rf"({_NUMBER})\s+and\s+({_NUMBER})")
_PERCENT: Final = re.compile(r"(\d{1,4}(?:\.\d{1,2})?)\s*%")
_TIMES: Final = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)\s+times")


class Strict(BaseModel):
    """A mapping that refuses unknown keys; spaces in keys are underscores in Python."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


def _bounded_window(window: timedelta) -> timedelta:
    if window > LONGEST_WINDOW:
        raise ValueError(f"a window can be {LONGEST_WINDOW.days} days long at most, found {write_duration(window)}")
    return window


Window = Annotated[Days, AfterValidator(_bounded_window)]
Span = Annotated[Duration, AfterValidator(_bounded_window)]


def _read_between(value: Any) -> Any:
    if isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(bound, Decimal) for bound in value):
        return tuple(value)
    match = _BETWEEN.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise not_in_format("two numbers such as '3 and 10'", value, "two numbers")
    low, high = Decimal(match[1]), Decimal(match[2])
    if low > high:
        raise ValueError(f"'{value}': the smaller number comes first")
    return low, high


Between = Annotated[
    tuple[Decimal, Decimal],
    BeforeValidator(_read_between),
    PlainSerializer(lambda bounds: f"{bounds[0]:f} and {bounds[1]:f}", return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^{_NUMBER}\s+and\s+{_NUMBER}$", "examples": ["3 and 10"]},
    ),
]


def _read_percent(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise not_in_format("a percentage such as '50%'", value, "percentage")
    return Decimal(match[1])


Percent = Annotated[
    Decimal,
    BeforeValidator(_read_percent),
    PlainSerializer(lambda percent: f"{percent:f}%", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,4}(\.\d{1,2})?\s*%$", "examples": ["50%"]}),
]


def _read_times(value: Any) -> Any:
    if isinstance(value, Decimal):
        return value
    match = _TIMES.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not Decimal(1) <= Decimal(match[1]) <= Decimal(100):
        raise not_in_format("how many times, such as '2.5 times' (1 to 100)", value, "times")
    return Decimal(match[1])


Times = Annotated[
    Decimal,
    BeforeValidator(_read_times),
    PlainSerializer(lambda times: f"{times:f} times", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}(\.\d{1,2})?\s+times$", "examples": ["2.5 times"]}),
]


def _read_age(value: Any) -> Any:
    return parse_duration(value.strip().removesuffix(" ago") if isinstance(value, str) else value)


Age = Annotated[
    timedelta,
    BeforeValidator(_read_age),
    PlainSerializer(lambda age: f"{write_duration(age)} ago", return_type=str),
    WithJsonSchema(
        {**DURATION_SCHEMA, "pattern": DURATION_SCHEMA["pattern"][:-1] + r"(\s+ago)?$", "examples": ["30 days ago"]}
    ),
]


def _read_ages(value: Any) -> Any:
    if isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(age, timedelta) for age in value):
        return tuple(value)
    parts = value.strip().removesuffix(" ago").split(" and ") if isinstance(value, str) else []
    if len(parts) != 2:
        raise not_in_format("two durations such as '30 days and 90 days ago'", value, "two ages")
    low, high = parse_duration(parts[0]), parse_duration(parts[1])
    if low > high:
        raise ValueError(f"'{value}': the shorter time comes first")
    return low, high


Ages = Annotated[
    tuple[timedelta, timedelta],
    BeforeValidator(_read_ages),
    PlainSerializer(lambda ages: f"{write_duration(ages[0])} and {write_duration(ages[1])} ago", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["30 days and 90 days ago"]}),
]
