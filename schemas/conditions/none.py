"""`none: purchase, for: 45 days`."""

from typing import ClassVar

from pydantic import Field

from schemas.conditions.elementary import Elementary
from schemas.conditions.filters import Where
from schemas.conditions.words import Span, TypeName


class Absent(Elementary):
    """Something did not happen for a while."""

    naming: ClassVar = "none"
    also_written: ClassVar = {"none": "no nothing not_happened missing absent inactive no_event without"}
    elsewhere: ClassVar = dict.fromkeys(
        ("each", "per", "same"),
        "a customer is silent as a whole; for events with one value, name it, such as 'where: {contact: anna}'",
    )

    none: TypeName = Field(description="The event type that did not happen.", examples=["purchase"])
    for_: Span = Field(alias="for", description="For how long it did not happen.", examples=["45 days"])
    where: Where | None = None
