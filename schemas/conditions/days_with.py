"""`days with: login, at least: 5, within: 28 days`."""

from typing import ClassVar

from pydantic import Field, model_validator

from schemas.conditions.windows import Whole
from schemas.conditions.words import TypeName, Window
from schemas.refusals import InconsistentEntries


class DaysWith(Whole):
    """On how many days something happened."""

    naming: ClassVar = "days with"
    also_written: ClassVar = {
        "days with": "active_days days_active days_of distinct_days unique_days day_count number_of_days days",
    }

    begun: ClassVar = {
        "weeks with": "only days are counted: write 'days with:', with a window such as 'within: 84 days'",
        "days without": "they are the rest of the window: write 'days with:', such as 'at most: 8' within 28 days",
    }

    days_with: TypeName = Field(alias="days with", description="The event type.", examples=["login"])
    within: Window = Field(description="The last N days, including today.", examples=["28 days"])

    @model_validator(mode="after")
    def _possible(self) -> "DaysWith":
        low, _ = self.limits()
        if low is not None and low[0] + low[1] > self.within.days:
            message = f"{self.words()} can never hold: the window has {self.within.days} days"
            raise InconsistentEntries(message, *self._keys_of(low[0]), is_value=True)
        return self
