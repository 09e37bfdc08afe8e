"""`first: purchase, at most: 30 days ago`."""

from typing import ClassVar

from pydantic import Field

from schemas.conditions.ages import Aged
from schemas.conditions.words import TypeName


class First(Aged):
    """How long ago something happened for the first time ever."""

    naming: ClassVar = "first"
    meant_keys: ClassVar = {
        "within": "at most",
        "for": "at least",
        "more than": "at least",
        "fewer than": "at most",
        "less than": "at most",
    }

    first: TypeName = Field(description="The event type.", examples=["purchase"])
