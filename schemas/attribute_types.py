"""Types of attributes: as what a value counts, however its sender wrote it.

A type is declared in `sources.yaml` (`attribute_types`), belongs to one of Linger's own fields, or follows from the
rules that read the attribute: a sum needs a number, `is: true` needs true/false.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from schemas import conditions as model
from schemas.consent import TRUTHS

AttributeType = Literal["number", "text", "true/false", "moment"]

BUILT_IN_TYPES: Final[Mapping[str, AttributeType]] = {
    "purchase.amount": "number",
    "purchase.currency": "text",
    "purchase.order_id": "text",
    "cancellation.what": "text",
    "cancellation.reason": "text",
    "cancellation.effective_at": "moment",
}
"""The types of Linger's own fields, by `type.attribute`. They arrive converted."""


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
    if isinstance(wanted, model.Different):
        wanted = wanted.other_than
    if wanted is None or isinstance(wanted, model.Bounds):
        return []
    return wanted if isinstance(wanted, list) else [wanted]


def uses_of(condition: Any) -> Iterator[AttributeUse]:
    """Yield every use of an attribute that needs a type, in a condition without `meets` and the ones inside it."""
    match condition:
        case model.Sum(sum=reference) | model.Average(average=reference):
            yield AttributeUse(reference, "number")
        case model.Change(change=reference) if "." in reference:
            yield AttributeUse(reference, "number")
        case model.Date(date=reference):
            yield AttributeUse(reference, "moment")
        case model.Latest(latest=reference):
            literals = [*literals_in(condition.is_), *literals_in(condition.is_not)]
            yield from _of_values(reference, literals) if literals else (AttributeUse(reference, "number"),)
        case model.Followed(after=first, then=then) | model.Unfollowed(after=first, without=then):
            for step in (first, then):
                if isinstance(step, model.EventFilter):
                    yield from _of_filter(step.event, step.where)
    where = getattr(condition, "where", None)
    if where is not None:
        yield from _of_filter(_type_of(condition), where)
    for part in model.parts_of(condition):
        yield from uses_of(part)


def _of_filter(event_type: str, where: Mapping[str, Any] | None) -> Iterator[AttributeUse]:
    for attribute, wanted in (where or {}).items():
        reference = f"{event_type}.{attribute}"
        if isinstance(wanted, model.Bounds):
            yield AttributeUse(reference, "number")
        else:
            yield from _of_values(reference, literals_in(wanted))


def _of_values(reference: str, literals: list[Any]) -> Iterator[AttributeUse]:
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


_STRICTEST_FIRST: Final[tuple[AttributeType, ...]] = ("true/false", "number")


def _reads_as(literal: Any, kind: AttributeType) -> bool:
    """Return whether a value in a rule file says a number, or true or false, perhaps in quotes."""
    if kind == "true/false":
        return str(literal).strip().lower() in TRUTHS
    return not isinstance(literal, bool) and _NUMBER.fullmatch(str(literal).strip()) is not None


def _type_of(condition: Any) -> str:
    """Return the event type that a condition with a filter names."""
    word = next(word for word in _NAMING if word in type(condition).model_fields)
    return str(getattr(condition, word)).partition(".")[0]


_NUMBER: Final = re.compile(r"[+-]?\d{1,40}(\.\d{1,40})?", re.ASCII)
_NAMING: Final = ("count", "sum", "average", "distinct", "none", "last", "first", "change", "overdue")
