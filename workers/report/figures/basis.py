"""What every figure is made from. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from workers.book.book import Book
from workers.report.document import Count, Incomplete, Missing, Money, Period, Share, Value
from workers.report.figures.months import days_of, month_of, months_between
from workers.report.present_state import PresentState

TREND_MONTHS: Final = 13
"""How many months a table of months shows at most: the same month of the year before is the first."""
LAPSE_DAYS: Final = 90
"""A customer without a contract has gone after as many days without a purchase, if rule files say nothing else."""


@dataclass(frozen=True)
class Basis:
    """What a report is made from.

    Attributes:
        book: what happened.
        period: for which the report is asked: whole months.
        seen_until: the last day that is over and was read to its end.
        at_ms: when the report is made, or the end of the history.
        present: the present state of all customers; None if it was not looked at.
        lapse_days: without a purchase for longer than this, a customer has gone silently.
        cost_of_winning: what winning a customer costs; None if no file says it.
        titles: of rules, by their ids.
    """

    book: Book
    period: Period
    seen_until: int
    at_ms: int
    present: PresentState | None = None
    lapse_days: int = LAPSE_DAYS
    cost_of_winning: Money | None = None
    titles: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def facts(self) -> Counter[str]:
        """The facts of the period."""
        return self.book.between(self.period.first, self.period.last)

    @cached_property
    def ever(self) -> Counter[str]:
        """The facts of all days up to the end of the period."""
        return self.book.between(0, self.period.last)

    @cached_property
    def before(self) -> Counter[str]:
        """The facts of all days before the period."""
        return self.book.between(0, self.period.first - 1)

    @cached_property
    def by_month(self) -> dict[str, Counter[str]]:
        """The facts of each month from the first of the book to that of the period."""
        found: dict[str, Counter[str]] = {}
        for day in sorted(self.book.facts):
            if day <= self.period.last:
                found.setdefault(month_of(day), Counter()).update(self.book.facts[day])
        if not found:
            return {}
        return {
            month: found.get(month, Counter()) for month in months_between(min(found), month_of(self.period.last))
        }

    @property
    def trend(self) -> list[str]:
        """The months that tables of months show, from the oldest."""
        return list(self.by_month)[-TREND_MONTHS:]

    @property
    def trend_time(self) -> Period:
        """The days of these months."""
        first = self.trend[0] if self.trend else month_of(self.period.first)
        return Period(days_of(first).first, self.period.last)

    @property
    def is_whole(self) -> bool:
        """Whether the period is over and seen to its end."""
        return self.period.last <= self.seen_until

    def of_period(self, value: Value) -> Value:
        """Return a value of the period, marked if the period is not over."""
        return value if self.is_whole or isinstance(value, Missing) else Incomplete(value)

    def of_month(self, month: str, value: Value) -> Value:
        """Return a value of a month, marked if the month is not over."""
        whole = days_of(month).last <= self.seen_until
        return value if whole or isinstance(value, Missing) else Incomplete(value)

    def counted(self, field: str, reason: str) -> Value:
        """Return how often something happened in the period; missing if it never has."""
        return self.of_period(Count(self.facts[field])) if self.has(field) else Missing(reason)

    def counted_any(self, name: str, reason: str) -> Value:
        """Return how often something with any label happened in the period; missing if it never has."""
        if not self.has(name):
            return Missing(reason)
        return self.of_period(Count(sum(number for _, number in labelled(self.facts, name))))

    def has(self, name: str) -> bool:
        """Return whether the book has a field, or any with a name, up to the end of the period."""
        return name in self.ever or any(one.startswith(f"{name}:") for one in self.ever)

    def currencies(self) -> list[str]:
        """Return the currencies of revenue, the one with the most first; `-` for none said."""
        found = dict(labelled(self.ever, "revenue"))
        return sorted(found, key=lambda one: (-found[one], one))


def labelled(fields: Mapping[str, int], name: str) -> Iterator[tuple[str, int]]:
    """Yield the labels of all fields with a name, and their numbers."""
    beginning = f"{name}:"
    for one, number in fields.items():
        if one.startswith(beginning):
            yield one.removeprefix(beginning), number


def share(part: int, whole: int, reason: str) -> Value:
    """Return a share; missing if there is no whole."""
    return Share(part, whole) if whole > 0 else Missing(reason)
