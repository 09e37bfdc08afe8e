"""`moved: down, from: loyal, within: 30 days`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.conditions.elementary import Elementary
from schemas.conditions.words import Span, StageName


class Moved(Elementary):
    """The customer came to the present step of the live ladder by a move up or down."""

    also_written: ClassVar = {"moved": "stage_moved movement"}

    elsewhere: ClassVar = {
        **dict.fromkeys(
            ("to", "into"),
            "where a customer has come to is a condition of its own under 'all:', such as 'stage: quiet'",
        ),
        "by": "steps are not counted: name the stage before with 'from:', the present one with 'stage:' under 'all:'",
    }
    begun: ClassVar = dict.fromkeys(
        ("entered", "left", "fell", "fallen", "dropped", "climbed", "rose", "stage changed", "changed stage"),
        "write 'moved: down' or 'moved: up', perhaps with 'from:' the stage before; the present one is 'stage:', a "
        "condition of its own under 'all:'",
    )

    moved: Literal["down", "up"] = Field(description="The direction of the latest move.", examples=["down"])
    from_: StageName | Annotated[list[StageName], Field(min_length=1, max_length=20)] | None = Field(
        default=None, alias="from", description="From this stage, or from one of these.", examples=["loyal"]
    )
    within: Span | None = Field(
        default=None,
        description="Less than this long ago. By default: for as long as the customer stays there.",
        examples=["30 days"],
    )

    @property
    def origins(self) -> tuple[str, ...]:
        """The stages from which the move counts; empty for any."""
        if self.from_ is None:
            return ()
        return (self.from_,) if isinstance(self.from_, str) else tuple(self.from_)
