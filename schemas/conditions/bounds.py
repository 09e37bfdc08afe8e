"""Bounds for numbers."""

from decimal import Decimal
from typing import Final

from pydantic import Field, model_validator

from schemas.conditions.words import Between, Strict
from schemas.refusals import InconsistentEntries


class Bounds(Strict):
    """Bounds for a number: a lower bound, an upper bound, or both."""

    at_least: Decimal | None = Field(default=None, alias="at least", description="This much or more.", examples=[3])
    at_most: Decimal | None = Field(default=None, alias="at most", description="This much or less.", examples=[10])
    more_than: Decimal | None = Field(default=None, alias="more than", description="More than this.", examples=[2])
    fewer_than: Decimal | None = Field(
        default=None, alias="fewer than", description="Fewer than this; the same as `less than`.", examples=[5]
    )
    less_than: Decimal | None = Field(
        default=None, alias="less than", description="Less than this; the same as `fewer than`.", examples=[99.9]
    )
    exactly: Decimal | None = Field(default=None, description="This much, no more and no less.", examples=[1])
    between: Between | None = Field(default=None, description="Two numbers, both included.", examples=["3 and 10"])

    @model_validator(mode="after")
    def _sensible(self) -> "Bounds":
        given = {name: bound for name in BOUND_WORDS if (bound := getattr(self, name)) is not None}
        words = [BOUND_WORDS[name] for name in given]
        if not words and not self._may_be_unbounded():
            raise ValueError("needs a bound: one of at least, at most, more than, fewer than, exactly, between")
        if len(words) > 1 and {"exactly", "between"} & set(words):
            raise InconsistentEntries(f"'{words[0]}' and '{words[1]}' cannot be combined: keep one", words[0])
        for side in (("at_least", "more_than"), ("at_most", "fewer_than", "less_than")):
            twice = [BOUND_WORDS[name] for name in side if name in given]
            if len(twice) > 1:
                message = f"'{twice[0]}' and '{twice[1]}' are two bounds on the same side: keep one"
                raise InconsistentEntries(message, twice[0])
        low, high = self.limits()
        # There is no whole number strictly between neighbours, but there are other numbers.
        if low is not None and high is not None and (low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1]))):
            raise InconsistentEntries(f"{self.words()} can never hold: no number is both", *words)
        return self

    def _may_be_unbounded(self) -> bool:
        return False

    def _keys_of(self, bound: Decimal) -> list[str]:
        """Return the keys that have a bound as their only number."""
        return [word for name, word in BOUND_WORDS.items() if getattr(self, name) == bound]

    def limits(self) -> tuple[tuple[Decimal, bool] | None, tuple[Decimal, bool] | None]:
        """Return the lower and the upper limit, each with whether it is excluded; None for no limit."""
        if self.exactly is not None:
            return (self.exactly, False), (self.exactly, False)
        if self.between is not None:
            return (self.between[0], False), (self.between[1], False)
        low = high = None
        if self.at_least is not None:
            low = (self.at_least, False)
        elif self.more_than is not None:
            low = (self.more_than, True)
        if self.at_most is not None:
            high = (self.at_most, False)
        elif (upper := self.fewer_than if self.fewer_than is not None else self.less_than) is not None:
            high = (upper, True)
        return low, high

    def words(self) -> str:
        """Return the bounds as they were written, such as `at least 3 and at most 10`."""
        parts = []
        for name, word in BOUND_WORDS.items():
            bound = getattr(self, name)
            if name == "between" and bound is not None:
                parts.append(f"between {bound[0]:f} and {bound[1]:f}")
            elif bound is not None:
                parts.append(f"{word} {bound:f}")
        return " and ".join(parts)


BOUND_WORDS: Final = {
    "at_least": "at least",
    "at_most": "at most",
    "more_than": "more than",
    "fewer_than": "fewer than",
    "less_than": "less than",
    "exactly": "exactly",
    "between": "between",
}
