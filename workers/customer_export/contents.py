"""Bytes of records as plain values, without loss: JSON, text or base64. Pure."""

import json
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, TypedDict

Form = Literal["json", "text", "base64", "none"]
"""What a content is: a JSON value, a text, bytes in base64, or nothing (a tombstone)."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOTHING: Final = object()


class Header(TypedDict):
    """A header of a record.

    Attributes:
        name: its name; several headers of a record may have the same.
        form: of the value: `text`, `base64` or `none`.
        value: the value.
    """

    name: str
    form: Form
    value: str | None


def json_of(value: bytes | None) -> Any:
    """Return the JSON value of some bytes; None also for what is no JSON."""
    document = _json(value or b"")
    return None if document is _NOTHING else document


def content_of(value: bytes | None) -> tuple[Form, Any]:
    """Return the form and the content of a record's value, with nothing lost.

    JSON that would lose something as a plain value (a name that is there twice, digits of a number) stays text.
    """
    if value is None:
        return "none", None
    document = _json(value)
    return text_of(value) if document is _NOTHING else ("json", document)


def text_of(value: bytes | None) -> tuple[Form, str | None]:
    """Return the form and the text of some bytes."""
    if value is None:
        return "none", None
    try:
        return "text", value.decode()
    except UnicodeDecodeError:
        return "base64", b64encode(value).decode()


def headers_of(headers: Iterable[tuple[str, bytes | None]]) -> list[Header]:
    """Return all headers in order."""
    return [Header(name=name, form=form, value=text) for name, raw in headers for form, text in [text_of(raw)]]


def shown_text(form: Form, value: Any) -> str:
    """Return a content as a text for people."""
    if form == "none":
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def iso_text(at_ms: int | None) -> str | None:
    """Return a moment as ISO 8601 in UTC, to the millisecond; None for none, and for one of no calendar."""
    if at_ms is None:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment_ms(text: object) -> int | None:
    """Return the epoch milliseconds of an ISO 8601 moment, None if it is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _json(value: bytes) -> Any:
    try:
        document = json.loads(
            value.decode(), object_pairs_hook=_each_name_once, parse_constant=_no_constant, parse_float=_exact
        )
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # a UnicodeError is a ValueError
        return _NOTHING
    return document


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a name is there twice")
    return document


def _exact(text: str) -> float:
    number = float(text)
    if Decimal(text) != Decimal(repr(number)):
        raise ValueError(f"{text} has more digits than a number keeps")
    return number


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
