"""`after: cart, without: purchase, for: 2 days`."""

from pydantic import Field

from schemas.conditions.filters import Which
from schemas.conditions.words import Span, Strict


class Unfollowed(Strict):
    """An event happened, and another did not follow; true until it follows, or the first happens again."""

    after: Which = Field(description="What happened first.", examples=["cart"])
    without: Which = Field(description="What did not follow.", examples=["purchase"])
    for_: Span = Field(alias="for", description="For how long it did not follow.", examples=["2 days"])
