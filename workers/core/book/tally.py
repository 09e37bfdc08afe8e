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
        row: the numbers that are kept, row by row.
        row_day: the day of each row.
        rows: how many days there are.
        touched: the places in `row` that may be other than 0; one may be there twice.
        touches: how many they are.
    """

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.pending = self.room = self.rows = self.row_room = 0
        self.day_before = -1
        self.row_before = 0
        memory = Numbers(0)
        self._memory: list[Numbers] = []
        self._row_memory = self._day_memory = self._place_memory = memory
        self.day = self.column = self.number = self.row = self.row_day = self.row_at = memory.numbers()
        self.touched, self._touched_memory = memory.numbers(), memory
        self.touches = self.touched_room = 0
        self.mask = 0
        self.noted: list[tuple[int, str, int]] = []
        self.notes: dict[tuple[int, str], int] = {}
        self.need(_PENDING)
        self.need_rows(_ROWS)
        self.need_touched(_PENDING)

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
        """Make room for that many days, a power of two; those that are there stay.

        Where the row of a day is stands in a table: at the first free place from the end of the day's number on.
        """
        memory, days, places = Numbers(room * self.columns), Numbers(room), Numbers(4 * room)
        moved = memory.numbers()
        for place in range(self.rows * self.columns):
            moved[place] = self.row[place]
        moved_days = days.numbers()
        for row in range(self.rows):
            moved_days[row] = self.row_day[row]
        self.row, self.row_day, self.row_at = moved, moved_days, places.numbers()
        self._row_memory, self._day_memory, self._place_memory = memory, days, places
        self.row_room = room
        self.mask = 4 * room - 1
        for row in range(self.rows):
            self.row_at[self.place_of(self.row_day[row])] = row + 1

    def need_touched(self, room: int) -> None:
        """Make room for that many touched places; those that are there stay."""
        memory = Numbers(room)
        moved = memory.numbers()
        for at in range(self.touches):
            moved[at] = self.touched[at]
        self.touched, self._touched_memory, self.touched_room = moved, memory, room

    def place_of(self, day: int) -> int:
        """Return the place of a day in the table: one with its row, plus 1, or a free one."""
        place = day & self.mask
        while self.row_at[place] and self.row_day[self.row_at[place] - 1] != day:
            place = (place + 1) & self.mask
        return place

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
            total = self.row[place]
            if not total:
                if self.touches == self.touched_room:
                    self.need_touched(2 * self.touched_room)
                self.touched[self.touches] = place
                self.touches += 1
            total += self.number[at]
            self.row[place] = _MOST if total > _MOST else -_MOST if total < -_MOST else total
        self.pending = 0
        if self.noted:
            for day, name, number in self.noted:
                noted = self.notes.get((day, name), 0) + number
                self.notes[day, name] = max(-MOST, min(MOST, noted))
            self.noted = []

    def find(self, day: int) -> None:
        """Find the row of a day, or begin one."""
        place = self.place_of(day)
        if not self.row_at[place]:
            if self.rows == self.row_room:
                self.need_rows(2 * self.row_room)
                place = self.place_of(day)
            self.row_day[self.rows] = day
            self.rows += 1
            self.row_at[place] = self.rows
        self.day_before = day
        self.row_before = (self.row_at[place] - 1) * self.columns

    def clear(self) -> None:
        """Drop what is kept and pending."""
        self.begin()
        self.day_before = -1
        for at in range(self.touches):
            self.row[self.touched[at]] = 0
        self.touches = 0
        # In this order, no day is looked for across a place that is free already.
        for row in range(self.rows - 1, -1, -1):
            self.row_at[self.place_of(self.row_day[row])] = 0
        self.rows = 0
        if self.notes:
            self.notes = {}
