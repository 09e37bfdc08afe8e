"""Which events are meant: `where`, and an event with its filter."""

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from schemas.conditions.bounds import Bounds
from schemas.conditions.words import Attribute, Plain, Strict, TypeName


class Different(Strict):
    """Any value except these."""

    other_than: Plain | list[Plain] = Field(
        alias="other than", description="A value, or a list of values.", examples=["gift card"]
    )


def _filter_kind(value: Any) -> str:
    if isinstance(value, dict):
        return "different" if "other than" in value or "other_than" in value else "comparison"
    if isinstance(value, Bounds | Different):
        return "different" if isinstance(value, Different) else "comparison"
    return "any of" if isinstance(value, list) else "equal"


Filter = Annotated[
    Annotated[Plain, Tag("equal")]
    | Annotated[list[Plain], Field(min_length=1, max_length=64), Tag("any of")]
    | Annotated[Bounds, Tag("comparison")]
    | Annotated[Different, Tag("different")],
    Discriminator(_filter_kind),
]

Where = Annotated[
    dict[Attribute, Filter],
    Field(
        min_length=1,
        max_length=8,
        description="Counts only events whose attributes match all of these.",
        examples=[{"currency": "EUR"}, {"plan": ["gold", "silver"]}, {"amount": {"at least": 50}}],
    ),
]


class EventFilter(Strict):
    """An event type, and which of its events."""

    event: TypeName = Field(description="The event type.", examples=["cancellation"])
    where: Where | None = None


def _event_kind(value: Any) -> str:
    return "filtered" if isinstance(value, dict | EventFilter) else "plain"


Which = Annotated[
    Annotated[TypeName, Tag("plain")] | Annotated[EventFilter, Tag("filtered")], Discriminator(_event_kind)
]


def event_and_filter(which: "str | EventFilter") -> tuple[str, dict[str, Any] | None]:
    """Return the event type that is meant, and its `where`; None for every event of the type."""
    return (which, None) if isinstance(which, str) else (which.event, which.where)
