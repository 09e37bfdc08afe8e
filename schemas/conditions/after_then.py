"""`after: complaint, then: purchase, within: 2 days`."""

from pydantic import Field

from schemas.conditions.filters import Which
from schemas.conditions.words import Span, Strict


class Followed(Strict):
    """The latest event of one type was followed by another in time; true until the first happens again."""

    after: Which = Field(description="What happened first.", examples=["complaint"])
    then: Which = Field(description="What followed.", examples=["purchase"])
    within: Span = Field(description="How soon it followed.", examples=["2 days"])
