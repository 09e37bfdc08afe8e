"""Types of attributes: as what a value counts, however its sender wrote it.

A type is declared in `sources.yaml` (`attribute_types`), belongs to one of Linger's own fields, or follows from the
rules that read the attribute: a sum needs a number, `is: true` needs true/false.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from schemas import conditions as model
from schemas.conditions.uses import AttributeType, AttributeUse, kind_of, literals_in

__all__ = ["AttributeType", "AttributeUse", "BUILT_IN_TYPES", "kind_of", "literals_in", "told_apart_in", "uses_of"]

BUILT_IN_TYPES: Final[Mapping[str, AttributeType]] = {
    "purchase.amount": "number",
    "purchase.currency": "text",
    "purchase.order_id": "text",
    "cancellation.what": "text",
    "cancellation.reason": "text",
    "cancellation.effective_at": "moment",
}
"""The types of Linger's own fields, by `type.attribute`. They arrive converted."""


def uses_of(condition: Any) -> Iterator[AttributeUse]:
    """Yield every use of an attribute that needs a type, in a condition without `meets` and the ones inside it."""
    if isinstance(condition, model.Elementary):
        yield from condition.uses()
    for part in model.parts_of(condition):
        yield from uses_of(part)


def told_apart_in(condition: Any) -> set[str]:
    """Return the attributes whose distinct values a condition without `meets` counts, as `type.attribute`."""
    if isinstance(condition, model.Elementary):
        return {reference for reference in (condition.told_apart(),) if reference is not None}
    return {reference for part in model.parts_of(condition) for reference in told_apart_in(part)}
