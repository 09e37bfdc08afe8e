"""Tally: numbers by UTC day, each in its column, and beside them those that are too rare for a column.

What a turn counts is pending until it is kept, so a turn that fails counts nothing.
"""

from array import array
from typing import Final

from workers.core.memory import Numbers

MOST: Final = 10**15
"""What is counted at once, of one field, is at most this much; no day of a partition comes near 64 bits then."""
_MOST: Final = MOST
"""The same for the compiler, which hides its own numbers from other modules."""
_PENDING: Final = 64
_ROWS: Final = 8


class Tally:
    """Numbers by day and column.

    Attributes:
        columns: how many columns each day has.
        pending: how many numbers are counted and not kept.
        rows: how many days there are.
    """

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.pending = self.room = self.rows = self.row_room = 0
        self.day_before = -1
        self.row_before = 0
        memory = Numbers(0)
        self._memory: list[Numbers] = []
        self._row_memory = memory
        self.day = self.column = self.number = self.row = memory.numbers()
        self.row_of: dict[int, int] = {}
        self.noted: list[tuple[int, str, int]] = []
        self.notes: dict[tuple[int, str], int] = {}
        self.need(_PENDING)
        self.need_rows(_ROWS)

    def need(self, room: int) -> None:
        """Make room for that many pending numbers; those that are there stay."""
        self.day = self._moved(self.day, room)
        self.column = self._moved(self.column, room)
        self.number = self._moved(self.number, room)
        del self._memory[: len(self._memory) - 3]
        self.room = room

    def _moved(self, numbers: "array[int]", room: int) -> "array[int]":
        memory = Numbers(room)
        self._memory.append(memory)
        moved = memory.numbers()
        for place in range(self.pending):
            moved[place] = numbers[place]
        return moved

    def need_rows(self, room: int) -> None:
        """Make room for that many days; those that are there stay."""
        memory = Numbers(room * self.columns)
        moved = memory.numbers()
        for place in range(self.rows * self.columns):
            moved[place] = self.row[place]
        self.row = moved
        self._row_memory = memory
        self.row_room = room

    def begin(self) -> None:
        """Begin another turn; what is pending of the one before counts nothing."""
        self.pending = 0
        if self.noted:
            self.noted = []

    def count(self, day: int, column: int, number: int) -> None:
        """Count a number in a column of a day."""
        at = self.pending
        if at == self.room:
            self.need(2 * self.room)
        self.day[at] = day
        self.column[at] = column
        self.number[at] = number
        self.pending = at + 1

    def note(self, day: int, name: str, number: int) -> None:
        """Count a number under a name, of a day."""
        self.noted.append((day, name, number))

    def keep(self) -> None:
        """Keep what is pending."""
        for at in range(self.pending):
            if self.day[at] != self.day_before:
                self.find(self.day[at])
            place = self.row_before + self.column[at]
            total = self.row[place] + self.number[at]
            self.row[place] = _MOST if total > _MOST else -_MOST if total < -_MOST else total
        self.pending = 0
        if self.noted:
            for day, name, number in self.noted:
                noted = self.notes.get((day, name), 0) + number
                self.notes[day, name] = max(-MOST, min(MOST, noted))
            self.noted = []

    def find(self, day: int) -> None:
        """Find the row of a day, or begin one."""
        found = self.row_of.get(day)
        if found is None:
            if self.rows == self.row_room:
                self.need_rows(2 * self.row_room)
            found = self.row_of[day] = self.rows
            self.rows += 1
        self.day_before = day
        self.row_before = found * self.columns

    def clear(self) -> None:
        """Drop what is kept and pending."""
        self.begin()
        self.day_before = -1
        for place in range(self.rows * self.columns):
            self.row[place] = 0
        self.rows = 0
        if self.row_of:
            self.row_of = {}
        if self.notes:
            self.notes = {}

    def read(self) -> list[tuple[int, int, int]]:
        """Return day, column and number of all that is kept in columns and not 0, by day."""
        found = []
        for day in sorted(self.row_of):
            begin = self.row_of[day] * self.columns
            for column in range(self.columns):
                number = self.row[begin + column]
                if number:
                    found.append((day, column, number))
        return found
