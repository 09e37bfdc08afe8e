"""Counts that add up: those of two halves of the customers are those of all. Pure."""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Final, TypeVar

__all__ = ["EXAMPLES", "Counts", "Customers"]

EXAMPLES: Final = 5
"""The number of customer ids that are kept by default: those worth most, and the first ones in alphabetical order."""

_TIDY_ABOVE: Final = 200
Counted = TypeVar("Counted", bound="Counts")


class Counts:
    """Counts that add up field by field: the counts of two halves of the customers are those of all."""

    __slots__ = ()

    def add(self: Counted, other: Counted) -> None:
        """Add the counts of other customers."""
        for each in fields(self):  # type: ignore[arg-type]
            mine, theirs = getattr(self, each.name), getattr(other, each.name)
            if isinstance(mine, Counts):
                mine.add(theirs)
            elif isinstance(mine, Counter):
                mine.update(theirs)
            elif isinstance(mine, dict):
                for key, value in theirs.items():
                    if key in mine:
                        mine[key].add(value)
                    else:
                        mine[key] = value
            else:
                setattr(self, each.name, mine + theirs)


@dataclass(slots=True)
class Customers(Counts):
    """The number of some customers, what they are worth, and all of their ids or a few.

    Attributes:
        number: the number of customers.
        worth: what they are worth together, in hundredths; 0 if it was not said.
        some: the kept ids, each after the negative of what the customer is worth, in no order; `kept` orders them.
        keeps_all: every id is kept.
    """

    number: int = 0
    worth: int = 0
    some: list[tuple[int, str]] = field(default_factory=list)
    keeps_all: bool = False

    def note(self, customer_id: str, worth: int = 0) -> None:
        """Count one more customer, and what they are worth, in hundredths."""
        self.number += 1
        self.worth += worth
        self.some.append((-worth, customer_id))
        if len(self.some) > _TIDY_ABOVE and not self.keeps_all:
            self.some = sorted(self.some)[:EXAMPLES]

    def add(self, other: "Customers") -> None:
        """Add other customers."""
        self.number += other.number
        self.worth += other.worth
        self.some += other.some

    def kept(self) -> list[tuple[str, int]]:
        """Return the kept ids and what each is worth, the most first, and in alphabetical order."""
        ordered = sorted(self.some) if self.keeps_all else sorted(self.some)[:EXAMPLES]
        return [(customer_id, -negative) for negative, customer_id in ordered]

    def ids(self) -> list[str]:
        """Return the kept ids, in the order of `kept`."""
        return [customer_id for customer_id, _ in self.kept()]
