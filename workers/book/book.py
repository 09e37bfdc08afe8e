"""The book as it is read: by day, how often each thing happened. It says nothing about what the fields mean. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

Line = tuple[int, str, int]
"""A day (days since 1970-01-01, UTC), a field of it, and by how much the field grows."""


@dataclass(slots=True)
class Book:
    """Facts and doings by day; a day without any is not there.

    Attributes:
        facts: what the log says, counted when it was folded: by day, by field.
        doings: what was decided: by day, by field.
        closed_before: days before this one are closed and never change again; 0 if none is.
    """

    facts: dict[int, Counter[str]] = field(default_factory=dict)
    doings: dict[int, Counter[str]] = field(default_factory=dict)
    closed_before: int = 0

    def add(self, day: int, name: str, number: int) -> None:
        """Add to a fact of a day; one that comes to 0 is dropped, so that equal books are equal."""
        _add(self.facts, day, name, number)

    def add_doing(self, day: int, name: str, number: int) -> None:
        """Add to a doing of a day."""
        _add(self.doings, day, name, number)

    def add_all(self, facts: Iterable[Line] = (), doings: Iterable[Line] = ()) -> None:
        """Add facts and doings."""
        for line in facts:
            self.add(*line)
        for line in doings:
            self.add_doing(*line)

    def between(self, first: int, last: int) -> Counter[str]:
        """Return the sum of the facts of these days, the first and the last included."""
        return _between(self.facts, first, last)

    def since(self, first: int) -> Counter[str]:
        """Return the sum of the facts of a day and of all later ones."""
        return _between(self.facts, first, max(self.facts, default=first))

    def doings_between(self, first: int, last: int) -> Counter[str]:
        """Return the sum of the doings of these days, the first and the last included."""
        return _between(self.doings, first, last)

    @property
    def first_day(self) -> int | None:
        """The first day with a fact or a doing; None if there is none."""
        return min((*self.facts, *self.doings), default=None)

    @property
    def last_day(self) -> int | None:
        """The last day with a fact or a doing; None if there is none."""
        return max((*self.facts, *self.doings), default=None)


def _add(days: dict[int, Counter[str]], day: int, name: str, number: int) -> None:
    fields = days.setdefault(day, Counter())
    fields[name] += number
    if not fields[name]:
        del fields[name]
        if not fields:
            del days[day]


def _between(days: dict[int, Counter[str]], first: int, last: int) -> Counter[str]:
    total: Counter[str] = Counter()
    for day, fields in days.items():
        if first <= day <= last:
            total.update(fields)
    return total
