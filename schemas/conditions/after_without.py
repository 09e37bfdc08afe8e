"""`after: cart, without: purchase, for: 2 days`."""

from typing import ClassVar

from pydantic import Field

from schemas.conditions.elementary import Elementary
from schemas.conditions.filters import Which
from schemas.conditions.words import Span


class Unfollowed(Elementary):
    """An event happened, and another did not follow; true until it follows, or the first happens again."""

    steps: ClassVar = ("after", "then", "without")
    also_written: ClassVar = {"without": "but_not not not_followed_by no"}
    lacking: ClassVar = {
        "without": "what followed is written as 'then' and 'within', what did not follow as 'without' and 'for'"
    }

    after: Which = Field(description="What happened first.", examples=["cart"])
    without: Which = Field(description="What did not follow.", examples=["purchase"])
    for_: Span = Field(alias="for", description="For how long it did not follow.", examples=["2 days"])
