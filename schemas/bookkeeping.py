"""The block `book` of a rule file: which events mean what in the figures over all customers."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from schemas.conditions import Attribute, Reference, Span, Strict, TypeName
from schemas.refusals import InconsistentEntries


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Types = Annotated[
    list[TypeName],
    BeforeValidator(_listed),
    Field(min_length=1, max_length=8),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "maxItems": 8}]}),
]


class Cancelled(Strict):
    """The event with which a customer leaves."""

    event: TypeName = Field(description="The event type.", examples=["cancellation"])
    reason: Attribute | None = Field(default=None, description="Its attribute with the reason.", examples=["reason"])


class Complained(Strict):
    """The event with which a customer complains."""

    event: TypeName = Field(description="The event type.", examples=["complaint"])
    subject: Attribute | None = Field(
        default=None, description="Its attribute that says about what.", examples=["about"]
    )


class Bookkeeping(Strict):
    """Which events mean what in the book; in one file only."""

    purchase: Types | None = Field(
        default=None, description="The event types that are purchases.", examples=["purchase"]
    )
    cancellation: Cancelled | None = Field(
        default=None,
        description="With what a customer leaves.",
        examples=[{"event": "cancellation", "reason": "reason"}],
    )
    failed_renewal: TypeName | None = Field(
        default=None,
        alias="failed renewal",
        description="The event type of a renewal that failed and stays unpaid.",
        examples=["renewal_failed"],
    )
    complaint: Complained | None = Field(
        default=None,
        description="With what a customer complains.",
        examples=[{"event": "complaint", "subject": "about"}],
    )
    recommends: Reference | None = Field(
        default=None,
        description="The attribute with the answer, from 0 to 10, to how likely one is to recommend us.",
        examples=["nps.score"],
    )
    contract: Types | None = Field(
        default=None,
        description="The event types that begin or go on with a contract; without it, there are no contracts.",
        examples=[["renewal"]],
    )
    break_after: Span | None = Field(
        default=None,
        alias="break after",
        description="A purchase is a return if the one before it is at least this old; by default 90 days.",
        examples=["90 days"],
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Bookkeeping":
        leaving = {self.failed_renewal} - {None}
        if self.cancellation is not None:
            leaving.add(self.cancellation.event)
        for key, types in (("purchase", self.purchase), ("contract", self.contract)):
            if both := leaving & set(types or ()):
                raise InconsistentEntries(f"{min(map(str, both))} cannot be both, {key} and end of it", key)
        return self
