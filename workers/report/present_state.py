"""The present state of all customers, summed up. Pure values; `present` counts them."""

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

QUIET_DAYS: Final = (7, 14, 30, 60, 90)
"""For how many days, at least, customers who slip away have been quiet."""
ONE_TIME_DAYS: Final = (30, 90, 180)
"""How old a first purchase is, at least, and within how many days the second did not come."""


@dataclass(slots=True)
class OneTime:
    """Customers whose first purchase is old enough.

    Attributes:
        old_enough: how many.
        once: of them, those without a second purchase within as many days.
    """

    old_enough: int = 0
    once: int = 0


@dataclass(slots=True)
class Silent:
    """Customers who bought within the lapse point before the period began.

    Attributes:
        active: how many.
        lapsed: of them, those who had not bought for as long at its end.
        worth: what the lapsed ones had brought, by currency, in ten-thousandths.
    """

    active: int = 0
    lapsed: int = 0
    worth: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Worths:
    """What customers brought in one currency, in ten-thousandths.

    Attributes:
        so_far: of all of them, since they are known.
        customers: how many of them brought anything.
        of_year: what each of them brought in the last 365 days, where it is above 0.
        year: of all of them, in the last 365 days.
    """

    so_far: int = 0
    customers: int = 0
    of_year: "array[int]" = field(default_factory=lambda: array("q"))
    year: int = 0


@dataclass(slots=True)
class StageNow:
    """Customers on a stage.

    Attributes:
        name: of the stage.
        customers: how many.
        worth: what they are worth by `value:`, in ten-thousandths.
    """

    name: str
    customers: int = 0
    worth: int = 0


@dataclass(slots=True)
class PresentState:
    """All customers at a moment.

    Attributes:
        at_ms: the moment.
        customers: how many are known.
        unreadable: who could not be read, because what is stored is damaged; nothing below counts them.
        quiet: by days, who has been quiet for at least as long.
        quiet_worth: by days and currency, what these brought in the last 365 days.
        buyers: who ever bought.
        one_time: by days.
        one_time_is_known: whether the days of purchases are kept for long enough for that.
        one_time_since: the first day of a first purchase that is counted there; 0 if all are.
        silent: who lapsed in the period.
        worths: by currency; empty if it is not known what customers bring.
        year_is_known: whether what was brought in the last 365 days is kept.
        purchases_are_known: whether the days of purchases are kept for long enough.
        stages: from the top; empty if there is no ladder.
        currency_of_worth: of what the stages are worth; None if no file says what a customer is worth.
        unknown_stage: those whose stage is not known.
    """

    at_ms: int
    customers: int = 0
    unreadable: int = 0
    quiet: Counter[int] = field(default_factory=Counter)
    quiet_worth: Counter[tuple[int, str]] = field(default_factory=Counter)
    buyers: int = 0
    one_time: dict[int, OneTime] = field(default_factory=lambda: {days: OneTime() for days in ONE_TIME_DAYS})
    one_time_is_known: bool = True
    one_time_since: int = 0
    silent: Silent = field(default_factory=Silent)
    worths: dict[str, Worths] = field(default_factory=dict)
    year_is_known: bool = True
    purchases_are_known: bool = True
    stages: list[StageNow] = field(default_factory=list)
    currency_of_worth: str | None = None
    unknown_stage: int = 0
