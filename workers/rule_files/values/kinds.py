"""The kind of value that an attribute has: a number, a text, true or false, a moment. Pure.

Linger's own fields have theirs by `schemas.events`. Further kinds are given, by reference.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, Literal

Kind = Literal["number", "text", "true/false", "moment"]
KindOf = Callable[[str], Kind | None]
"""Returns the kind of an attribute, given as `type.attribute`; None if it is not known."""

OWN_FIELDS: Final[Mapping[str, Kind]] = {
    "purchase.amount": "number",
    "purchase.currency": "text",
    "purchase.order_id": "text",
    "cancellation.what": "text",
    "cancellation.reason": "text",
    "cancellation.effective_at": "moment",
}
"""Linger's own fields of events."""

IN_WORDS: Final[Mapping[Kind, str]] = {
    "number": "a number",
    "text": "a text",
    "true/false": "true or false",
    "moment": "a moment",
}

CURRENCY: Final = "purchase.currency"
MONEY: Final = "purchase.amount"
MOST_MONEY: Final = 10**12
"""The highest amount of a purchase; the lowest is 0."""
_CURRENCY_CODE: Final = re.compile(r"[A-Z]{3}")
_SIGNS: Final = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "EURO": "EUR", "EUROS": "EUR", "DOLLAR": "USD"}


def kinds_with(declared: Mapping[str, Kind] | None = None) -> KindOf:
    """Return the function that knows Linger's own fields and the given kinds; the own fields cannot be changed."""
    known = {**(declared or {}), **OWN_FIELDS}
    return known.get


def is_currency_code(text: str) -> bool:
    """Return whether a text can be the currency of a purchase."""
    return _CURRENCY_CODE.fullmatch(text) is not None


def meant_currency(text: str) -> str | None:
    """Return the currency code that a text was meant to be, or None."""
    bare = text.strip().upper()
    bare = _SIGNS.get(bare, bare)
    return bare if is_currency_code(bare) else None
