"""`first: purchase, at most: 30 days ago`."""

from pydantic import Field

from schemas.conditions.ages import Aged
from schemas.conditions.words import TypeName


class First(Aged):
    """How long ago something happened for the first time ever."""

    first: TypeName = Field(description="The event type.", examples=["purchase"])
