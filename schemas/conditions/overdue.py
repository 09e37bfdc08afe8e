"""`overdue: purchase, by: 2.5 times, usual gap: 40 days, at least: 30 days`."""

from typing import ClassVar

from pydantic import Field

from schemas.conditions.elementary import Elementary
from schemas.conditions.filters import Where
from schemas.conditions.words import Span, Times, TypeName


class Overdue(Elementary):
    """The customer's last event is longer ago than their own rhythm explains.

    The customer's usual gap is the mean gap between days with the event, as if there had been two more gaps of
    length `usual gap`: (2 x usual gap + last - first) / (2 + days - 1).
    """

    naming: ClassVar = "overdue"
    also_written: ClassVar = {
        "usual gap": "gap usual rhythm average_gap",
    }

    overdue: TypeName = Field(description="The event type.", examples=["purchase"])
    where: Where | None = None
    by: Times = Field(description="How many times the customer's usual gap.", examples=["2.5 times"])
    usual_gap: Span = Field(
        alias="usual gap",
        description="The usual gap of all customers. It counts for newcomers; regulars have their own.",
        examples=["40 days"],
    )
    at_least: Span = Field(alias="at least", description="Never sooner than this.", examples=["30 days"])
