"""`change: login, down by: 50%, within: 30 days, from at least: 6`."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from schemas.conditions.elementary import Elementary
from schemas.conditions.filters import Where
from schemas.conditions.words import LONGEST_WINDOW, REFERENCE_PATTERN, Percent, Window
from schemas.durations import write_duration
from schemas.events import TYPE_PATTERN
from schemas.refusals import InconsistentEntries


class Change(Elementary):
    """How a window compares with the window of equal length before it."""

    naming: ClassVar = "change"
    compares: ClassVar = "sums"
    also_written: ClassVar = {
        "from at least": "at_least min minimum from base",
        "down by": "down decrease decreased_by drop dropped_by fall fell_by fallen_by lost by less_by",
        "up by": "up increase increased_by rise rose_by risen_by grow grew_by more_by",
    }

    change: Annotated[str, Field(pattern=rf"{TYPE_PATTERN[:-1]}$|{REFERENCE_PATTERN}")] = Field(
        description="An event type to count, or a type and an attribute to add up, with a dot between.",
        examples=["login", "purchase.amount"],
    )
    where: Where | None = None
    down_by: Percent | None = Field(
        default=None, alias="down by", description="Down by this share or more.", examples=["50%"]
    )
    up_by: Percent | None = Field(
        default=None, alias="up by", description="Up by this share or more.", examples=["100%"]
    )
    within: Window = Field(
        description="Length of both windows: the last N days, and the N days before.", examples=["30 days"]
    )
    from_at_least: Annotated[Decimal, Field(gt=0)] = Field(
        alias="from at least",
        description="The least that the window before must have, so that noise does not count.",
        examples=[6],
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Change":
        if (self.down_by is None) == (self.up_by is None):
            raise InconsistentEntries("needs either 'down by' or 'up by'", "down by")
        if self.down_by is not None and not 0 < self.down_by <= 100:
            message = f"something can fall by more than 0% and by 100% at most, found {self.down_by}%"
            raise InconsistentEntries(message, "down by", is_value=True)
        if self.up_by is not None and self.up_by <= 0:
            raise InconsistentEntries("'up by' must be more than 0%", "up by")
        if 2 * self.within > LONGEST_WINDOW:
            raise ValueError(
                f"compares two windows of {write_duration(self.within)}: together at most {LONGEST_WINDOW.days} days"
            )
        return self
