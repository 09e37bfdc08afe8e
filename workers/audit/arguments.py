"""Arguments of a command as the audit keeps them: customer ids hashed, no secret, none without an end."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from workers.audit.record import Argument
from workers.observability.logs import customer_ref

_MASK: Final = "********"
_IS_CUSTOMER: Final = re.compile(r"customers?(_ids?)?")
_IS_SECRET: Final = re.compile(r"password|secret|token|(?:^|_)key(?:$|_)")
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s]*(?=@)")
_LONGEST_TEXT: Final = 500
_LONGEST_LIST: Final = 100


def recorded(arguments: Mapping[str, Any]) -> dict[str, Argument]:
    """Return arguments by name as they are recorded; names that are about customers or secrets say so."""
    customer_ids = customers_in(arguments)
    return {name: _recorded(name, value, customer_ids) for name, value in arguments.items()}


def customers_in(arguments: Mapping[str, Any]) -> list[str]:
    """Return the customer ids among arguments, the longest first."""
    ids: list[str] = []
    for name, value in arguments.items():
        if _IS_CUSTOMER.fullmatch(name) and value is not None:
            ids += map(str, value) if isinstance(value, list | tuple) else [str(value)]
    return sorted(set(ids) - {""}, key=len, reverse=True)


def without_customers(text: str, customer_ids: list[str]) -> str:
    """Return a text with the hash in place of each of some customer ids, and without credentials."""
    for customer_id in customer_ids:
        text = text.replace(customer_id, customer_ref(customer_id))
    return _cut(_CREDENTIALS.sub(_MASK, text))


def _recorded(name: str, value: Any, customer_ids: list[str]) -> Argument:
    if isinstance(value, list | tuple):
        texts = [str(_recorded(name, part, customer_ids)) for part in value[:_LONGEST_LIST]]
        return [*texts, f"and {len(value) - _LONGEST_LIST} more"] if len(value) > _LONGEST_LIST else texts
    if value is None or isinstance(value, bool):
        return value
    if _IS_SECRET.search(name):
        return _MASK
    if _IS_CUSTOMER.fullmatch(name):
        return customer_ref(str(value))
    if isinstance(value, int | float):
        return value
    text = str(value.absolute() if isinstance(value, Path) else value)
    return without_customers(text, customer_ids)


def _cut(text: str) -> str:
    text = text.encode(errors="backslashreplace").decode()  # an argument need not be UTF-8
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
