"""`after: complaint, then: purchase, within: 2 days`."""

from typing import ClassVar

from pydantic import Field

from schemas.conditions.elementary import Elementary
from schemas.conditions.filters import Which
from schemas.conditions.words import Span


class Followed(Elementary):
    """The latest event of one type was followed by another in time; true until the first happens again."""

    steps: ClassVar = ("after", "then", "without")
    also_written: ClassVar = {"then": "followed_by and_then with"}

    after: Which = Field(description="What happened first.", examples=["complaint"])
    then: Which = Field(description="What followed.", examples=["purchase"])
    within: Span = Field(description="How soon it followed.", examples=["2 days"])
