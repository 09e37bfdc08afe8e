"""`known for: 90 days`."""

from pydantic import Field

from schemas.conditions.words import Span, Strict


class Known(Strict):
    """How long the customer has been known, since the first event of any type."""

    known_for: Span = Field(alias="known for", description="This long or longer.", examples=["90 days"])
