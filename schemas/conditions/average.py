"""`average: purchase.amount, less than: 20`."""

from typing import ClassVar

from pydantic import Field

from schemas.conditions.windows import Windowed
from schemas.conditions.words import Reference


class Average(Windowed):
    """The mean of an attribute over the events that have it; false if there are none."""

    naming: ClassVar = "average"
    compares: ClassVar = "mean"
    also_written: ClassVar = {"average": "avg mean"}

    average: Reference = Field(
        description="Event type and attribute, with a dot between.", examples=["purchase.amount"]
    )
