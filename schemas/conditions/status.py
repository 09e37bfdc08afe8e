"""`status: cancelled, for: 30 days`."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from schemas.conditions.elementary import Elementary
from schemas.conditions.words import Span
from schemas.refusals import InconsistentEntries


class Status(Elementary):
    """Whether the customer has cancelled: from a cancellation until the next purchase or reactivation."""

    also_written: ClassVar = {"status": "state enabled active live stage mode"}
    alone: ClassVar = {
        "active": "status: active",
        "cancelled": "status: cancelled",
        "canceled": "status: cancelled",
    }

    status: Literal["active", "cancelled"] = Field(description="The status that the customer must have.")
    for_: Span | None = Field(
        default=None, alias="for", description="For at least this long. By default: at once.", examples=["30 days"]
    )

    @model_validator(mode="after")
    def _since(self) -> "Status":
        if self.for_ is not None and self.status == "active":
            message = "'for' goes with 'status: cancelled' only; how long a customer is known is 'known for: 30 days'"
            raise InconsistentEntries(message, "for")
        return self
