"""`after: complaint, then: purchase, within: 2 days`."""

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from schemas.conditions.elementary import Elementary
from schemas.conditions.filters import Which, event_and_filter
from schemas.conditions.uses import AttributeUse, uses_of_filter
from schemas.conditions.words import Span


class Followed(Elementary):
    """The latest event of one type was followed by another in time; true until the first happens again."""

    steps: ClassVar = ("after", "then", "without")
    also_written: ClassVar = {
        "then": "followed_by and_then with",
    }

    after: Which = Field(description="What happened first.", examples=["complaint"])
    then: Which = Field(description="What followed.", examples=["purchase"])
    within: Span = Field(description="How soon it followed.", examples=["2 days"])

    def uses(self) -> Iterator[AttributeUse]:
        """Yield those of the filters of both steps."""
        for step in (self.after, self.then):
            yield from uses_of_filter(*event_and_filter(step))
