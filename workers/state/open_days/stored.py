"""The open days of the book as Redis has them: two hashes for each partition, with fields `DAY|FIELD`.

Only steps of the partition's owner write them. What a rebuild counts again is in `book:facts`, the rest in
`book:doings`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from workers.state.store import Store

MOST_FIELDS: Final = 2_000
"""Fields of the book in one step; more would block Redis for too long."""

Days = dict[int, dict[str, int]]
"""Numbers by day and field."""


@dataclass(slots=True)
class OpenDays:
    """What one partition has counted of days that are not closed.

    Attributes:
        facts: by day and field, what a rebuild counts again.
        lasting: by day and field, what it does not.
    """

    facts: Days = field(default_factory=dict)
    lasting: Days = field(default_factory=dict)

    def days(self) -> list[int]:
        """Return the days that have any number."""
        return sorted({*self.facts, *self.lasting})


def stored_field(day: int, name: str) -> str:
    """Return the field in Redis of a field of the book."""
    return f"{day}|{name}"


async def read_open_days(store: Store, partitions: Iterable[int]) -> dict[int, OpenDays]:
    """Return the open days of some partitions.

    Raises:
        Transient: if Redis does not answer.
    """
    numbers = list(partitions)
    keys = [store.keys.partition(number) for number in numbers]
    found: dict[int, OpenDays] = {}
    for number, own in zip(numbers, keys, strict=True):
        found[number] = OpenDays(days_in(await store.fields(own.facts)), days_in(await store.fields(own.doings)))
    return found


def days_in(fields: Mapping[str, str]) -> Days:
    """Return the numbers of a hash by day and field of the book."""
    days: Days = {}
    for name, number in fields.items():
        day, _, own = name.partition("|")
        days.setdefault(int(day), {})[own] = int(number)
    return days
