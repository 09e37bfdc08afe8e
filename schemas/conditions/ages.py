"""What conditions share that ask how long ago something was."""

from datetime import timedelta

from pydantic import Field, model_validator

from schemas.conditions.elementary import Elementary
from schemas.conditions.filters import Where
from schemas.conditions.words import Age, Ages
from schemas.durations import write_duration
from schemas.refusals import InconsistentEntries


class Aged(Elementary):
    """How long ago something was."""

    where: Where | None = None
    at_least: Age | None = Field(
        default=None, alias="at least", description="This long ago or longer.", examples=["30 days ago"]
    )
    at_most: Age | None = Field(
        default=None, alias="at most", description="This long ago or less.", examples=["7 days ago"]
    )
    between: Ages | None = Field(
        default=None, description="Two ages, both included.", examples=["30 days and 90 days ago"]
    )

    @model_validator(mode="after")
    def _bounded(self) -> "Aged":
        if self.between is not None and (self.at_least is not None or self.at_most is not None):
            message = "'between' cannot be combined with 'at least' or 'at most': it sets both"
            raise InconsistentEntries(message, "between")
        low, high = self.ages()
        if low is None and high is None:
            raise ValueError("needs 'at least', 'at most' or 'between', such as 'at most: 7 days ago'")
        if low is not None and high is not None and low > high:
            message = f"at least {write_duration(low)} and at most {write_duration(high)} ago can never hold"
            raise InconsistentEntries(message, "at least", "at most")
        return self

    def ages(self) -> tuple[timedelta | None, timedelta | None]:
        """Return the lowest and the highest age, both included; None for no bound."""
        return self.between if self.between is not None else (self.at_least, self.at_most)
