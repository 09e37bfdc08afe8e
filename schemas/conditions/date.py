"""`date: cancellation.effective_at, in the next: 30 days`."""

from typing import ClassVar

from pydantic import Field, model_validator

from schemas.conditions.elementary import Elementary
from schemas.conditions.words import Reference
from schemas.durations import Duration
from schemas.refusals import InconsistentEntries


class Date(Elementary):
    """A date in an event, such as the end of a subscription or a benefit."""

    naming: ClassVar = "date"
    compares: ClassVar = "moment"
    also_written: ClassVar = {
        "in the next": "next upcoming",
        "passed for": "since after ago passed over_for",
    }

    date: Reference = Field(
        description="Event type and attribute, with a dot between. The latest value counts.",
        examples=["cancellation.effective_at"],
    )
    in_the_next: Duration | None = Field(
        default=None, alias="in the next", description="The date is ahead, at most this far.", examples=["30 days"]
    )
    passed_for: Duration | None = Field(
        default=None, alias="passed for", description="The date passed at least this long ago.", examples=["3 days"]
    )

    @model_validator(mode="after")
    def _one_side(self) -> "Date":
        if (self.in_the_next is None) == (self.passed_for is None):
            raise InconsistentEntries("needs either 'in the next' or 'passed for'", "in the next")
        return self
