"""`last: purchase, at least: 30 days ago`."""

from typing import ClassVar

from pydantic import Field

from schemas.conditions.ages import Aged
from schemas.conditions.words import TypeName


class Last(Aged):
    """How long ago something last happened; false if it never happened."""

    naming: ClassVar = "last"
    also_written: ClassVar = {"last": "latest_event most_recent recency"}
    meant_keys: ClassVar = {
        "within": "at most",
        "for": "at least",
        "more than": "at least",
        "fewer than": "at most",
        "less than": "at most",
    }

    last: TypeName = Field(description="The event type.", examples=["purchase"])
