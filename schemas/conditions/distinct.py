"""`distinct: purchase.category, at least: 3`."""

from typing import ClassVar, Final

from pydantic import Field, model_validator

from schemas.conditions.windows import Whole
from schemas.conditions.words import Reference
from schemas.refusals import InconsistentEntries

MAX_DISTINCT: Final = 32
"""The most values of an attribute that are distinguished; more count as this number."""


class Distinct(Whole):
    """How many different values an attribute had."""

    naming: ClassVar = "distinct"
    also_written: ClassVar = {"distinct": "unique different"}

    distinct: Reference = Field(
        description="Event type and attribute, with a dot between.", examples=["purchase.category"]
    )

    @model_validator(mode="after")
    def _countable(self) -> "Distinct":
        for limit in self.limits():
            if limit is not None and limit[0] > MAX_DISTINCT:
                message = f"at most {MAX_DISTINCT} different values can be distinguished, found {limit[0]}"
                raise InconsistentEntries(message, *self._keys_of(limit[0]), is_value=True)
        return self

    def told_apart(self) -> tuple[str, ...]:
        """Return the attribute."""
        return (self.distinct,)
