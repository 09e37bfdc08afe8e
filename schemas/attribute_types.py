"""Types of attributes: as what a value counts, however its sender wrote it.

A type is declared in `sources.yaml` (`attribute_types`), belongs to one of Linger's own fields, or follows from the
rules that read the attribute: a sum needs a number, `is: true` needs true/false.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Discriminator, Field, Tag

from schemas import conditions as model
from schemas.conditions.uses import AttributeType, AttributeUse, kind_of, literals_in
from schemas.conditions.words import Strict

__all__ = [
    "BUILT_IN_TYPES",
    "AttributeType",
    "AttributeUse",
    "Declared",
    "DeclaredAttribute",
    "kind_of",
    "literals_in",
    "told_apart_in",
    "uses_of",
]


class DeclaredAttribute(Strict):
    """What is declared of an attribute besides its type."""

    type: AttributeType | None = Field(
        default=None, description="As what its value counts; without it, as what rules compare it with."
    )
    personal: bool = Field(
        default=False,
        description="Whether its value stays out of logs, metrics, previews and `why`. An action has it only as a "
        "variable of a template that names it.",
    )


def _declared_kind(value: Any) -> str:
    return "declared" if isinstance(value, dict | DeclaredAttribute) else "type"


Declared = Annotated[
    Annotated[AttributeType, Tag("type")] | Annotated[DeclaredAttribute, Tag("declared")],
    Discriminator(_declared_kind),
]
"""What `attribute_types` says of an attribute: its type, or a mapping with `type` and `personal`."""

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
        return set(condition.told_apart())
    return {reference for part in model.parts_of(condition) for reference in told_apart_in(part)}
