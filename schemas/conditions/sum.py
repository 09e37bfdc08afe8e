"""`sum: purchase.amount, at least: 500, within: 365 days`."""

from pydantic import Field

from schemas.conditions.windows import Windowed
from schemas.conditions.words import Reference


class Sum(Windowed):
    """The sum of an attribute."""

    sum: Reference = Field(description="Event type and attribute, with a dot between.", examples=["purchase.amount"])
