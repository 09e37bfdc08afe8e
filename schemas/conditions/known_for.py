"""`known for: 90 days`."""

from pydantic import Field

from schemas.conditions.elementary import Elementary
from schemas.conditions.words import Span


class Known(Elementary):
    """How long the customer has been known, since the first event of any type."""

    known_for: Span = Field(alias="known for", description="This long or longer.", examples=["90 days"])
