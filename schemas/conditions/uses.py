"""Uses of attributes: where a condition needs an attribute to have a type."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from schemas.conditions.bounds import Bounds
from schemas.conditions.filters import Different
from schemas.consent import TRUTHS

AttributeType = Literal["number", "text", "true/false", "moment"]

_STRICTEST_FIRST: Final[tuple[AttributeType, ...]] = ("true/false", "number")
_NUMBER: Final = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?", re.ASCII)


class AttributeUse(NamedTuple):
    """A place where a rule needs an attribute to have a type.

    Attributes:
        reference: the attribute, as `type.attribute`.
        kind: the type that it must have.
        wanted: the value that it is compared with; None for bounds, sums, averages, changes and dates.
    """

    reference: str
    kind: AttributeType
    wanted: str | int | float | bool | None = None


def kind_of(literal: Any) -> AttributeType:
    """Return the type that an attribute must have to equal a value in a rule file."""
    if isinstance(literal, bool):
        return "true/false"
    return "number" if isinstance(literal, int | float | Decimal) else "text"


def literals_in(wanted: Any) -> list[Any]:
    """Return the values that a filter names; none for bounds."""
    if isinstance(wanted, Different):
        wanted = wanted.other_than
    if wanted is None or isinstance(wanted, Bounds):
        return []
    return wanted if isinstance(wanted, list) else [wanted]


def uses_of_filter(event_type: str, where: Mapping[str, Any] | None) -> Iterator[AttributeUse]:
    """Yield the uses of a `where` of events of a type."""
    for attribute, wanted in (where or {}).items():
        reference = f"{event_type}.{attribute}"
        if isinstance(wanted, Bounds):
            yield AttributeUse(reference, "number")
        else:
            yield from uses_of_values(reference, literals_in(wanted))


def uses_of_values(reference: str, literals: list[Any]) -> Iterator[AttributeUse]:
    """Yield one use for each type among some values; one only, if all can be read as the strictest of them.

    `[true, "yes", 1]` and `[7, "7"]` name one value in the spellings of several producers.
    """
    found = set()
    kinds = {kind_of(literal) for literal in literals}
    for kind in _STRICTEST_FIRST if len(kinds) > 1 else ():
        if kind in kinds and all(_reads_as(literal, kind) for literal in literals):
            yield AttributeUse(reference, kind, next(literal for literal in literals if kind_of(literal) == kind))
            return
    for literal in literals:
        kind = kind_of(literal)
        if kind not in found:
            found.add(kind)
            yield AttributeUse(reference, kind, literal)


def _reads_as(literal: Any, kind: AttributeType) -> bool:
    """Return whether a value in a rule file says a number, or true or false, perhaps in quotes."""
    if kind == "true/false":
        return str(literal).strip().lower() in TRUTHS
    return not isinstance(literal, bool) and _NUMBER.fullmatch(str(literal).strip()) is not None
