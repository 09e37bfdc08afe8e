"""Days: the UTC days on which something happened, in parallel columns of numbers."""

from array import array
from typing import Final

from workers.core.events.decoding import MAX_STORED
from workers.core.memory import Numbers

_FIRST_ROOM: Final = 32
_MANY: Final = 1 << 61
"""Below it, a sum and what is added up on one more day, at most `MAX_STORED`, stay within 64 bits."""


class Days:
    """Days with events, ascending.

    Attributes:
        number: how many days there are; the places of the columns from it on mean nothing.
        room: how many days fit into the columns.
        day: days since 1970.
        count: how many events each had, or, of distinct values, the hash of the value.
        sum: what was added up on each, in ten-thousandths.
    """

    __slots__ = ("_memory", "count", "day", "number", "room", "sum")

    def __init__(self) -> None:
        self._memory: list[Numbers] = []
        self.number = self.room = 0
        memory = Numbers(0)
        self.day = self.count = self.sum = memory.numbers()
        self.need(_FIRST_ROOM)

    def need(self, number: int) -> None:
        """Make room for that many days; what is there stays."""
        if number <= self.room:
            return
        room = max(2 * self.room, number)
        self.day = self._moved(self.day, room)
        self.count = self._moved(self.count, room)
        self.sum = self._moved(self.sum, room)
        del self._memory[: len(self._memory) - 3]
        self.room = room

    def _moved(self, column: "array[int]", room: int) -> "array[int]":
        memory = Numbers(room)
        self._memory.append(memory)
        moved = memory.numbers()
        for place in range(self.number):
            moved[place] = column[place]
        return moved

    def read(self) -> list[tuple[int, int, int]]:
        """Return day, count and sum of each day, for callers in Python."""
        found = []
        for place in range(self.number):
            found.append((self.day[place], self.count[place], self.sum[place]))
        return found

    def sum_from(self, place: int) -> int:
        """Return what was added up on the days from a place on; that may take more than 64 bits."""
        total, part = 0, 0
        column = self.sum
        while place < self.number:
            part += column[place]
            place += 1
            if not -_MANY < part < _MANY:
                total += part
                part = 0
        return total + part

    def first_from(self, day: int) -> int:
        """Return the place of the first day that is not before this one; `number` if there is none."""
        low, high = 0, self.number
        while low < high:
            middle = (low + high) // 2
            if self.day[middle] < day:
                low = middle + 1
            else:
                high = middle
        return low

    def has(self, day: int) -> bool:
        """Return whether something happened on a day."""
        place = self.first_from(day)
        return place < self.number and self.day[place] == day

    def add(self, day: int, amount: int) -> None:
        """Count one event on its day, and add its amount; sums stay between `-MAX_STORED` and `MAX_STORED`."""
        place = self.number
        if place and self.day[place - 1] >= day:
            place = self.first_from(day)
            if self.day[place] == day:
                self.count[place] += 1
                self.sum[place] = bounded(self.sum[place] + amount)
                return
        self.insert(place, day, 1, amount)

    def insert(self, place: int, day: int, count: int, total: int) -> None:
        """Put a day before the one at a place; the later ones move."""
        self.need(self.number + 1)
        at = self.number
        while at > place:
            self.day[at] = self.day[at - 1]
            self.count[at] = self.count[at - 1]
            self.sum[at] = self.sum[at - 1]
            at -= 1
        self.day[place], self.count[place], self.sum[place] = day, count, total
        self.number += 1

    def remove(self, place: int, number: int) -> None:
        """Take out a number of days from a place on; the later ones move."""
        self.number -= number
        for at in range(place, self.number):
            self.day[at] = self.day[at + number]
            self.count[at] = self.count[at + number]
            self.sum[at] = self.sum[at + number]


def bounded(total: int) -> int:
    """Return a sum, or the bound that it passes: `-MAX_STORED` or `MAX_STORED`."""
    if total > MAX_STORED:
        return MAX_STORED
    return -MAX_STORED if total < -MAX_STORED else total
