"""`last: purchase, at least: 30 days ago`."""

from pydantic import Field

from schemas.conditions.ages import Aged
from schemas.conditions.words import TypeName


class Last(Aged):
    """How long ago something last happened; false if it never happened."""

    last: TypeName = Field(description="The event type.", examples=["purchase"])
