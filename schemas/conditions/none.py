"""`none: purchase, for: 45 days`."""

from pydantic import Field

from schemas.conditions.filters import Where
from schemas.conditions.words import Span, Strict, TypeName


class Absent(Strict):
    """Something did not happen for a while."""

    none: TypeName = Field(description="The event type that did not happen.", examples=["purchase"])
    for_: Span = Field(alias="for", description="For how long it did not happen.", examples=["45 days"])
    where: Where | None = None
