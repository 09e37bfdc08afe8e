"""`latest: profile.plan, is: gold`, and how the latest value compares with an earlier one."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field, model_validator

from schemas.conditions.bounds import Bounds
from schemas.conditions.elementary import Elementary, Way
from schemas.conditions.filters import Filter
from schemas.conditions.uses import AttributeUse, literals_in, uses_of_filter, uses_of_values
from schemas.conditions.words import LONGEST_WINDOW, Age, Percent, Plain, Reference
from schemas.durations import write_duration
from schemas.refusals import InconsistentEntries

UNKNOWN: Final = "unknown"
GIVEN: Final = "given"
WHETHER_KNOWN: Final = (UNKNOWN, GIVEN)
"""What `is` says of an attribute itself, not of its value. As a text, each is written in a list: `is: [unknown]`."""


def _whole_days(age: timedelta) -> timedelta:
    if age % timedelta(days=1) or not timedelta(0) < age <= LONGEST_WINDOW:
        raise ValueError(f"expected 1 to {LONGEST_WINDOW.days} whole days ago, found {write_duration(age)} ago")
    return age


class Latest(Bounds, Elementary):
    """The latest known value of an attribute: a plan, a country, the score of the last answer."""

    naming: ClassVar = "latest"
    compares: ClassVar[Way | None] = "value"
    also_written: ClassVar = {
        "latest": "attribute property trait current value",
        "was": "previous previously before former formerly had_been",
        "compared with": "against versus compared_to than_before",
    }
    begun: ClassVar = {
        **dict.fromkeys(
            ("previous", "previously", "before", "former", "was", "changed"),
            "write 'latest:' with the attribute, and below it 'was:' with what the value before must have been",
        ),
        **dict.fromkeys(
            ("known", "unknown", "given", "missing", "exists", "empty", "has"),
            "write 'latest:' with the attribute, and below it 'is: unknown' or 'is: given'",
        ),
    }

    elsewhere: ClassVar = {
        "within": "an earlier day is 'compared with: 30 days ago'; how fresh the value must be is a condition of its "
        "own under 'all:', such as 'last: nps' with 'at most: 30 days ago'",
        "was not": "write it as 'was: {other than: …}'",
        **dict.fromkeys(
            ("from", "to", "changed", "changed from", "changed to"),
            "the value before is written as 'was: …', and the latest one as 'is: …'",
        ),
    }

    latest: Reference = Field(
        description="Event type and attribute, with a dot between.", examples=["profile.plan", "nps.score"]
    )
    is_: Plain | Annotated[list[Plain], Field(min_length=1, max_length=64)] | None = Field(
        default=None,
        alias="is",
        description="This value, or one of these; `unknown` if no value is known, `given` if one is.",
        examples=["gold"],
    )
    is_not: Plain | Annotated[list[Plain], Field(min_length=1, max_length=64)] | None = Field(
        default=None, alias="is not", description="Any value except this, or except these.", examples=["gold"]
    )
    was: Filter | None = Field(
        default=None,
        description="What the value reported before the latest one was: a value, one of several, or bounds.",
        examples=[{"at least": 9}, "gold"],
    )
    down_by: Percent | None = Field(
        default=None, alias="down by", description="Down by this share or more.", examples=["20%"]
    )
    up_by: Percent | None = Field(
        default=None, alias="up by", description="Up by this share or more.", examples=["50%"]
    )
    compared_with: Annotated[Age, AfterValidator(_whole_days)] | None = Field(
        default=None,
        alias="compared with",
        description="The value at the end of that UTC day. By default: the value reported before the latest one.",
        examples=["30 days ago"],
    )
    from_at_least: Annotated[Decimal, Field(gt=0)] | None = Field(
        default=None,
        alias="from at least",
        description="The least that the earlier value must have been.",
        examples=[5],
    )

    @property
    def changes(self) -> bool:
        """Whether it asks how much the value has changed."""
        return self.down_by is not None or self.up_by is not None

    @property
    def asks_whether_known(self) -> bool:
        """Whether it asks for no value, but whether one is known."""
        return isinstance(self.is_, str) and self.is_ in WHETHER_KNOWN

    @model_validator(mode="after")
    def _one_test(self) -> "Latest":
        bounded = any(limit is not None for limit in self.limits())
        tests = bounded + (self.is_ is not None) + (self.is_not is not None)
        key = "is" if self.is_ is not None else "is not" if self.is_not is not None else "at most"
        if self.changes:
            self._one_change(tests, key)
            return self
        for other, given in (("compared with", self.compared_with), ("from at least", self.from_at_least)):
            if given is not None:
                raise InconsistentEntries(f"'{other}' belongs to 'down by' or 'up by'", other)
        if tests > 1 or (not tests and self.was is None):
            message = (
                "needs one of: 'is' (a value, unknown or given), 'is not', 'was', or bounds such as 'at most: 6'"
            )
            raise InconsistentEntries(message, key)
        if isinstance(self.is_not, str) and self.is_not in WHETHER_KNOWN:
            meant = GIVEN if self.is_not == UNKNOWN else UNKNOWN
            message = f"write 'is: {meant}'; if events have the text '{self.is_not}', write [{self.is_not}]"
            raise InconsistentEntries(message, "is not")
        if self.asks_whether_known and self.was is not None:
            raise InconsistentEntries(f"'is: {self.is_}' asks for no value, so it cannot stand beside 'was'", "is")
        return self

    def _one_change(self, tests: int, key: str) -> None:
        if self.down_by is not None and self.up_by is not None:
            raise InconsistentEntries("needs either 'down by' or 'up by'", "down by")
        if tests or self.was is not None:
            other = key if tests else "was"
            way = "down by" if self.down_by is not None else "up by"
            message = f"'{way}' cannot stand beside '{other}': write two conditions under 'all'"
            raise InconsistentEntries(message, other)
        if self.down_by is not None and not 0 < self.down_by <= 100:
            message = f"something can fall by more than 0% and by 100% at most, found {self.down_by}%"
            raise InconsistentEntries(message, "down by", is_value=True)
        if self.up_by is not None and self.up_by <= 0:
            raise InconsistentEntries("'up by' must be more than 0%", "up by")

    def _may_be_unbounded(self) -> bool:
        return True

    def uses(self) -> Iterator[AttributeUse]:
        """Yield the attribute: of the type of the values, or a number for bounds and changes; none of a state."""
        literals = [*literals_in(self.is_), *literals_in(self.is_not)]
        if self.was is not None:
            name, attribute = self.latest.split(".", 1)
            yield from uses_of_filter(name, {attribute: self.was})
        if literals and not self.asks_whether_known:
            yield from uses_of_values(self.latest, literals)
        elif self.changes or self.limits() != (None, None):
            yield AttributeUse(self.latest, "number")
