"""What conditions share that count or measure events in a window."""

from pydantic import Field, model_validator

from schemas.conditions.bounds import BOUND_WORDS, Bounds
from schemas.conditions.elementary import Elementary
from schemas.conditions.filters import Where
from schemas.conditions.words import Window
from schemas.refusals import InconsistentEntries


class Windowed(Bounds, Elementary):
    """A number of events, or measured over them, in a window."""

    where: Where | None = None
    within: Window | None = Field(
        default=None,
        description="The last N days, including today. By default: ever.",
        examples=["90 days"],
    )


class Whole(Windowed):
    """A number of events, or of what they name: a whole number from 0 on."""

    @model_validator(mode="after")
    def _whole(self) -> "Whole":
        for limit in self.limits():
            # Not `bound % 1`: for numbers above 10^28, decimal raises an error that is not a ValueError.
            if limit is not None and (limit[0] < 0 or limit[0] != limit[0].to_integral_value()):
                message = f"events are counted in whole numbers, found {limit[0]}"
                raise InconsistentEntries(message, *self._keys_of(limit[0]), is_value=True)
        low, high = self.limits()
        if low and high and low[0] + low[1] > high[0] - high[1]:
            message = f"{self.words()} can never hold: no whole number is both"
            raise InconsistentEntries(message, *BOUND_WORDS.values())
        if high and high[0] - high[1] < 0:
            message = f"{self.words()} can never hold: nothing happens less than 0 times"
            raise InconsistentEntries(message, *BOUND_WORDS.values())
        return self
