"""Value: what a customer is worth, said once for all rules under `value` of a rule file."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from schemas.conditions import (
    COST_OF_WINNING,
    Elementary,
    Measured,
    Percent,
    Strict,
    changed,
    parts_of,
    top,
)
from schemas.refusals import InconsistentEntries

SHARES: Final = tuple(map(Decimal, (1, 5, 10, 20, 50)))
"""The shares of customers whose thresholds are measured, besides those that rules use."""


class Tiers(Strict):
    """From which value on a customer is among the top of all; measured, and never changed by itself."""

    measured: date = Field(description="The day up to which the value was measured.", examples=["2026-11-30"])
    customers: Annotated[int, Field(ge=0)] = Field(description="How many customers were measured.", examples=[12300])
    from_: Literal["scan", "history"] = Field(
        alias="from", description="From what: all customers that Linger knows, or a history.", examples=["scan"]
    )
    thresholds: Annotated[dict[Percent, Decimal], Field(min_length=1, max_length=20)] = Field(
        description="By share of the customers, the least value of the top.", examples=[{"5%": 900, "20%": 260}]
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Tiers":
        ordered = [self.thresholds[share] for share in sorted(self.thresholds)]
        if ordered != sorted(ordered, reverse=True):
            message = "the threshold of a smaller share cannot be lower: measure them with `linger rules tune`"
            raise InconsistentEntries(message, "thresholds")
        return self


class Valuation(Measured):
    """What a customer is worth, and what winning one costs; in one file only."""

    cost_of_winning: Annotated[Decimal, Field(ge=0)] | None = Field(
        default=None, alias=COST_OF_WINNING, description="What winning a customer costs.", examples=[60]
    )
    tiers: Tiers | None = Field(default=None, description="Written by `linger rules tune`, never by hand.")

    def amounts(self) -> dict[str, Decimal]:
        """Return the amounts that conditions can name: `top 20%`, `cost of winning`."""
        amounts = {} if self.cost_of_winning is None else {COST_OF_WINNING: self.cost_of_winning}
        thresholds = {} if self.tiers is None else self.tiers.thresholds
        return amounts | {top(share): amount for share, amount in thresholds.items()}


def shares_in(condition: Any) -> list[Decimal]:
    """Return the shares of customers that a condition asks for, at any depth: 20 of `value: top 20%`."""
    if isinstance(condition, Elementary):
        return sorted(condition.shares())
    return [share for part in parts_of(condition) for share in shares_in(part)]


def with_value(condition: Any, valuation: Valuation | None) -> Any:
    """Return a condition in which every value is measured as it is declared, at any depth.

    A value that cannot be measured, because nothing is declared or an amount is not known, stays as it was written.
    """
    amounts = {} if valuation is None else valuation.amounts()

    def meant(part: Any) -> Any:
        return part.measured_by(valuation, amounts) if isinstance(part, Elementary) else part

    return changed(condition, meant)
