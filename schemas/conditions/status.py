"""`status: cancelled, for: 30 days`."""

from typing import Literal

from pydantic import Field, model_validator

from schemas.conditions.words import Span, Strict
from schemas.refusals import InconsistentEntries


class Status(Strict):
    """Whether the customer has cancelled: from a cancellation until the next purchase or reactivation."""

    status: Literal["active", "cancelled"] = Field(description="The status that the customer must have.")
    for_: Span | None = Field(
        default=None, alias="for", description="For at least this long. By default: at once.", examples=["30 days"]
    )

    @model_validator(mode="after")
    def _since(self) -> "Status":
        if self.for_ is not None and self.status == "active":
            raise InconsistentEntries("'for' goes with 'status: cancelled' only", "for")
        return self
