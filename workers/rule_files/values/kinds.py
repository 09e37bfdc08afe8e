"""What is known of an attribute's values before any is seen: its type, and the codes of currencies. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from schemas.attribute_types import BUILT_IN_TYPES, AttributeType

TypeOf = Callable[[str], AttributeType | None]
"""Returns the type of an attribute, given as `type.attribute`; None if it is not known."""

IN_WORDS: Final[Mapping[AttributeType, str]] = {
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


def types_with(declared: Mapping[str, AttributeType]) -> TypeOf:
    """Return the function that knows the types of Linger's own fields, and then the declared ones."""
    known = {**declared, **BUILT_IN_TYPES}
    return known.get


def is_currency_code(text: str) -> bool:
    """Return whether a text can be the currency of a purchase."""
    return _CURRENCY_CODE.fullmatch(text) is not None


def meant_currency(text: str) -> str | None:
    """Return the currency code that a text was meant to be, or None."""
    bare = text.strip().upper()
    bare = _SIGNS.get(bare, bare)
    return bare if is_currency_code(bare) else None
