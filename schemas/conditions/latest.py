"""`latest: profile.plan, is: gold`."""

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from schemas.conditions.bounds import Bounds
from schemas.conditions.elementary import Elementary, Way
from schemas.conditions.uses import AttributeUse, literals_in, uses_of_values
from schemas.conditions.words import Plain, Reference
from schemas.refusals import InconsistentEntries


class Latest(Bounds, Elementary):
    """The latest known value of an attribute: a plan, a country, the score of the last answer."""

    naming: ClassVar = "latest"
    compares: ClassVar[Way | None] = "value"
    also_written: ClassVar = {"latest": "attribute property trait current value"}

    latest: Reference = Field(
        description="Event type and attribute, with a dot between.", examples=["profile.plan", "nps.score"]
    )
    is_: Plain | Annotated[list[Plain], Field(min_length=1, max_length=64)] | None = Field(
        default=None, alias="is", description="This value, or one of these.", examples=["gold"]
    )
    is_not: Plain | Annotated[list[Plain], Field(min_length=1, max_length=64)] | None = Field(
        default=None, alias="is not", description="Any value except this, or except these.", examples=["gold"]
    )

    @model_validator(mode="after")
    def _one_test(self) -> "Latest":
        bounded = any(limit is not None for limit in self.limits())
        if bounded + (self.is_ is not None) + (self.is_not is not None) != 1:
            key = "is" if self.is_ is not None else "is not" if self.is_not is not None else "at most"
            raise InconsistentEntries("needs one of: 'is', 'is not', or bounds such as 'at most: 6'", key)
        return self

    def _may_be_unbounded(self) -> bool:
        return True

    def uses(self) -> Iterator[AttributeUse]:
        """Yield the attribute: of the type of the values, or a number for bounds."""
        literals = [*literals_in(self.is_), *literals_in(self.is_not)]
        yield from uses_of_values(self.latest, literals) if literals else (AttributeUse(self.latest, "number"),)
