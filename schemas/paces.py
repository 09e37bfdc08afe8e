"""Paces: the most of something in a period, such as `at most 500 per hour`."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from schemas.refusals import not_in_format

_NUMBER: Final = r"(\d{1,3}(?:,\d{3}){1,2}|\d{1,7})"  # 2,000 or 2000; not 2,00
_PACE: Final = re.compile(rf"at\s+most\s+{_NUMBER}\s+per\s+(minute|hour|day)")
_MOST_PER_PERIOD: Final = 9_999_999
_PACE_SECONDS: Final = {"minute": 60, "hour": 3600, "day": 86_400}


def _read_pace(value: Any) -> Any:
    if isinstance(value, tuple | list) and len(value) == 2:
        return tuple(value)
    match = _PACE.fullmatch(value.strip()) if isinstance(value, str) else None
    most = 0 if match is None else int(match[1].replace(",", ""))
    if match is None or not 0 < most <= _MOST_PER_PERIOD:
        raise not_in_format("a pace such as 'at most 500 per hour'", value, "pace")
    return most, match[2]


Pace = Annotated[
    tuple[int, Literal["minute", "hour", "day"]],
    BeforeValidator(_read_pace),
    PlainSerializer(lambda pace: f"at most {pace[0]} per {pace[1]}", return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^at\s+most\s+(\d{1,3}(,\d{3}){1,2}|\d{1,7})\s+per\s+(minute|hour|day)$",
            "examples": ["at most 500 per hour"],
        }
    ),
]


def pace_seconds(pace: tuple[int, str]) -> int:
    """Return the length of a pace's period in seconds."""
    return _PACE_SECONDS[pace[1]]


def _read_brake(value: Any) -> Any:
    pace = _read_pace(value)
    if pace[1] != "hour":
        raise not_in_format("a brake for an hour, such as 'at most 2,000 per hour'", value, "pace")
    return pace


Brake = Annotated[
    tuple[int, Literal["hour"]],
    BeforeValidator(_read_brake),
    PlainSerializer(lambda brake: f"at most {brake[0]} per {brake[1]}", return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^at\s+most\s+(\d{1,3}(,\d{3}){1,2}|\d{1,7})\s+per\s+hour$",
            "examples": ["at most 2,000 per hour"],
        }
    ),
]
