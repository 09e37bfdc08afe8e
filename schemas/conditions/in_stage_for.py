"""`in stage for: 30 days`."""

from typing import ClassVar

from pydantic import Field

from schemas.conditions.elementary import Elementary
from schemas.conditions.words import Span


class InStage(Elementary):
    """How long the customer has stood on the present step of the live ladder, whichever it is."""

    also_written: ClassVar = {"in stage for": "stage_for in_stage stage_since since_stage"}

    in_stage_for: Span = Field(alias="in stage for", description="This long or longer.", examples=["30 days"])
