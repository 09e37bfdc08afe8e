"""`count: purchase, at least: 3, within: 90 days`."""

from pydantic import Field

from schemas.conditions.windows import Whole
from schemas.conditions.words import TypeName


class Count(Whole):
    """How often something happened."""

    count: TypeName = Field(description="The event type to count.", examples=["purchase"])
