"""Attributes have a type: a value is converted once, when its event is folded.

`convert` is the only place that says what counts as a number, a text, true or false, or a moment, for every way on
which an event arrives. It accepts what it returns: converting twice changes nothing. Knows no rule and no customer.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from schemas.attribute_types import AttributeType
from workers.core.events.decoding import DecodedEvent

LATEST_YEAR_MS: Final = 253_402_300_800_000
"""The end of the year 9999, in epoch milliseconds."""

REASONS: Final[dict[str, str]] = {
    "number": "not_a_number",
    "text": "not_a_text",
    "true/false": "not_true_or_false",
    "moment": "not_a_moment",
}
"""By type, the reason for which a value is left out."""

_LONGEST: Final = 64
_NUMBER: Final = re.compile(r"[+-]?(\d{1,40}|(\d{1,40}\.\d{0,40}|\.\d{1,40}|\d{1,40})([eE][+-]?\d{1,3})?)", re.ASCII)
_MILLISECONDS: Final = re.compile(r"(\d{12,15})(\.0*)?", re.ASCII)
_FEWEST_MILLISECONDS: Final = 10**11
"""Smaller numbers, up to March 1973, are seconds or a date without hyphens (`20261231`) far more often."""
_TRUTHS: Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0", "0.0"), False),
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def convert(value: Any, kind: AttributeType) -> Any:
    """Return a value as its type, None if it cannot be converted.

    * number: numbers, and texts that JSON or a table could have as a number: `9`, ` 12.50 `, `-4`, `+4`, `.5`, `1e3`.
      A text of digits becomes an int, another one a float, as if it had no quotes. Not: a comma (`12,50`), groups of
      digits (`1.234,5`, `1 000`), a unit, `NaN`, an empty text, true and false.
    * text: texts as they are; a number as it is written, true and false as `true` and `false`.
    * true/false: true and false; of any case, `true`, `t`, `yes`, `y`, `on`, `1` and `false`, `f`, `no`, `n`, `off`,
      `0`; the numbers 1 and 0.
    * moment: a date or time as text that `date_ms_of` reads, and epoch milliseconds of 12 to 15 digits, as a number
      or a text. Fewer digits are not milliseconds but seconds, or a date such as `20261231`. A text is kept as it
      is written, without blanks around it.
    """
    if kind == "text":
        return value if value.__class__ is str else _text(value)
    if kind == "number":
        return _number(value)
    return _truth(value) if kind == "true/false" else _moment(value)


def typed(
    event: DecodedEvent, types: Sequence[tuple[str, AttributeType]], left_out: list[tuple[str, str, str, str]]
) -> DecodedEvent:
    """Return the event with its attributes converted; the same event if none has to be.

    Args:
        event: it is not changed.
        types: attributes of its type, and their types.
        left_out: gets the event's type and id, the attribute and the reason for each value that cannot be converted.
            The result is without it.
    """
    attributes = event.attributes
    changed: dict[str, Any] | None = None
    for name, kind in types:
        value = attributes.get(name)
        if value is None:
            continue
        converted = convert(value, kind)
        if converted is value:
            continue
        if changed is None:
            changed = attributes.copy()
        if converted is None:
            del changed[name]
            left_out.append((event.type, event.event_id, name, REASONS[kind]))
        else:
            changed[name] = converted
    if changed is None:
        return event
    return DecodedEvent(event.event_id, event.type, event.customer_id, event.at_ms, changed, event.history_ms)


def reads_like_another(text: str) -> bool:
    """Return whether a number, true or false becomes this text when it is converted to a text."""
    return text in ("true", "false") or _number(text) is not None


def date_ms_of(value: Any) -> int | None:
    """Read a date as `date` conditions do, in epoch milliseconds; None if it is not a date from 1970 to 9999.

    A date is its midnight in UTC; a time without a zone is UTC. A number is epoch milliseconds.
    """
    if value.__class__ is str:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        value = (moment - _EPOCH) // _MILLISECOND
    elif value.__class__ is float and isfinite(value):
        value = int(value)
    elif value.__class__ is not int:
        return None
    return value if 0 <= value < LATEST_YEAR_MS else None


def _number(value: Any) -> int | float | Decimal | None:
    if value.__class__ is int:
        return value
    if value.__class__ is float:
        return value if isfinite(value) else None
    if value.__class__ is Decimal:
        return value if value.is_finite() else None
    if value.__class__ is not str or len(value) > _LONGEST:
        return None
    text = value.strip()
    if _NUMBER.fullmatch(text) is None:
        return None
    if text.lstrip("+-").isdigit():
        return int(text)
    number = float(text)
    return number if isfinite(number) else None


def _text(value: Any) -> str | None:
    if value.__class__ is bool:
        return "true" if value else "false"
    if value.__class__ is int or (value.__class__ is float and isfinite(value)):
        return str(value)
    return str(value) if value.__class__ is Decimal and value.is_finite() else None


def _truth(value: Any) -> bool | None:
    if value.__class__ is bool:
        return value
    if value.__class__ is str:
        return _TRUTHS.get(value.strip().lower()) if len(value) <= _LONGEST else None
    if value.__class__ is int or value.__class__ is float or value.__class__ is Decimal:
        return _TRUTHS.get(str(value))
    return None


def _is_milliseconds(value: Any) -> bool:
    return value.__class__ in (int, float) and value >= _FEWEST_MILLISECONDS


def _moment(value: Any) -> str | int | float | None:
    if value.__class__ is str:
        value = value.strip()
        if milliseconds := _MILLISECONDS.fullmatch(value):
            value = int(milliseconds[1])
    if value.__class__ is not str and not _is_milliseconds(value):
        return None
    return None if date_ms_of(value) is None else value
