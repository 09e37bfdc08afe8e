"""`sum: purchase.amount, at least: 500, within: 365 days`."""

from typing import ClassVar

from pydantic import Field

from schemas.conditions.windows import Windowed
from schemas.conditions.words import Reference


class Sum(Windowed):
    """The sum of an attribute."""

    naming: ClassVar = "sum"
    compares: ClassVar = "sum"
    also_written: ClassVar = {"sum": "total sum_of adds_up spent revenue"}
    elsewhere: ClassVar = dict.fromkeys(
        ("top", "best", "percentile"), "the best customers are a condition of their own, such as 'value: top 20%'"
    )

    sum: Reference = Field(description="Event type and attribute, with a dot between.", examples=["purchase.amount"])
