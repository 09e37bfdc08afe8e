"""`last: purchase, at least: 30 days ago`."""

from typing import ClassVar

from pydantic import Field

from schemas.conditions.ages import Aged
from schemas.conditions.words import TypeName


class Last(Aged):
    """How long ago something last happened; false if it never happened."""

    naming: ClassVar = "last"
    also_written: ClassVar = {"last": "latest_event most_recent recency"}
    begun: ClassVar = dict.fromkeys(
        ("days since", "time since", "days ago"),
        "write 'last:' with the event type, and 'at least: 45 days ago' below it",
    )
    meant_keys: ClassVar = {
        "within": "at most",
        "for": "at least",
        "more than": "at least",
        "fewer than": "at most",
        "less than": "at most",
    }

    last: TypeName = Field(description="The event type.", examples=["purchase"])
