"""Values and places in words, for refusals and for people."""

from typing import Any

from schemas.events import InvalidEvent
from schemas.places import Place

_ORDINALS = ("1st", "2nd", "3rd")


def shown(value: Any, limit: int = 80) -> str:
    """Return a value as refusals show it."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def ordinal(number: int) -> str:
    """Return `1st`, `2nd`, `3rd`, `4th` and so on, up to 16."""
    return _ORDINALS[number - 1] if number <= len(_ORDINALS) else f"{number}th"


def in_words(where: Place | list[Any]) -> str:
    """Return a place such as `path 'customer.id'`; of several, all of them."""
    if isinstance(where, list):
        return ", or ".join(in_words(place) for place in where)
    if where.path is not None:
        return f"path '{where.path}'"
    if where.header is not None:
        return f"header '{where.header}'"
    if where.is_constant:
        return "a constant"
    if where.find is not None:
        return f"find '{where.find}'"
    if where.whole is not None:
        return f"path '{where.whole}' of the whole record"
    if where.join is not None:
        return " with ".join(
            f"({in_words(part)})" if isinstance(part, list) else in_words(part) for part in where.join
        )
    if where.timestamp:
        return "the record's timestamp"
    return "the record's key" if where.key else "the record's topic" if where.topic else "the record's position"


def text_of(raw: bytes, where: str) -> str:
    """Return bytes as text.

    Raises:
        InvalidEvent: `bad_text`.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidEvent("bad_text", f"{where} is not UTF-8: found {shown(raw)}") from None
