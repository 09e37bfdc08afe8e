"""Text: bytes of JSON, written piece by piece into one buffer that is used again and again.

Moments, numbers and days are written as `json.dumps`, `datetime.isoformat` and f-strings would, without making an
object of them. Knows nothing of customers and rules.
"""

from typing import Any, Final

import msgspec

_FIRST_ROOM: Final = 4096
_DAY_MS: Final = 86_400_000
_END_OF_CALENDAR: Final = 253_402_300_800_000
_EXACT: Final = 10**15
"""Numbers of ten-thousandths below it are written digit by digit; the others as JSON writes a float."""


def quoted(text: str) -> bytes:
    """Return a text as JSON, with its quotes."""
    return msgspec.json.encode(text)


def as_json(value: Any) -> bytes:
    """Return a text, a number, true, false or None as JSON."""
    return msgspec.json.encode(value)


def inside_quotes(text: str) -> bytes:
    """Return a text as JSON has it between the quotes."""
    raw = msgspec.json.encode(text)
    return raw[1 : len(raw) - 1]


class Text:
    """Writes text.

    Attributes:
        room: the buffer.
        size: its length.
        at: how many bytes are written.
    """

    def __init__(self) -> None:
        self.size = _FIRST_ROOM
        self.room = bytearray(_FIRST_ROOM)
        self.at = 0

    def clear(self) -> None:
        """Begin anew."""
        self.at = 0

    def made(self) -> bytes:
        """Return what is written."""
        characters = self.room  # compiled, a pointer: its slices need no check of the type
        return bytes(characters[: self.at])

    def need(self, number: int) -> None:
        """Make room for that many more bytes."""
        if self.at + number > self.size:
            self.size = 2 * (self.size + number)
            room = bytearray(self.size)
            room[: self.at] = self.room[: self.at]
            self.room = room

    def byte(self, value: int) -> None:
        """Write one byte."""
        self.need(1)
        self.room[self.at] = value
        self.at += 1

    def copy(self, raw: bytes) -> None:
        """Write bytes."""
        size = len(raw)
        self.need(size)
        room, at = self.room, self.at
        for place in range(size):
            room[at + place] = raw[place]
        self.at = at + size

    def two(self, value: int) -> None:
        """Write a number from 0 to 99 with two digits."""
        self.need(2)
        self.room[self.at] = 48 + value // 10
        self.room[self.at + 1] = 48 + value % 10
        self.at += 2

    def decimal(self, value: int) -> None:
        """Write a whole number."""
        if value < 0:
            self.byte(45)
            value = -value
        size, rest = 1, value // 10
        while rest:
            size += 1
            rest //= 10
        self.need(size)
        at = self.at + size
        self.at = at
        for _ in range(size):
            at -= 1
            self.room[at] = 48 + value % 10
            value //= 10

    def day(self, at_ms: int) -> None:
        """Write the UTC day of a moment from 1970 on (ISO 8601), by Howard Hinnant's `civil_from_days`."""
        days = at_ms // _DAY_MS + 719468
        era = days // 146097
        of_era = days - era * 146097
        year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
        of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
        shifted = (5 * of_year + 2) // 153
        month = shifted + 3 if shifted < 10 else shifted - 9
        year = year_of_era + era * 400 + (1 if month <= 2 else 0)
        self.two(year // 100)
        self.two(year % 100)
        self.byte(45)
        self.two(month)
        self.byte(45)
        self.two(of_year - (153 * shifted + 2) // 5 + 1)

    def moment(self, at_ms: int) -> None:
        """Write a moment in words: `2026-11-30 14:05 UTC`; `never` before 1970 and after the year 9999."""
        if not 0 <= at_ms < _END_OF_CALENDAR:
            self.copy(b"never")
            return
        self.day(at_ms)
        minutes = at_ms % _DAY_MS // 60_000
        self.byte(32)
        self.two(minutes // 60)
        self.byte(58)
        self.two(minutes % 60)
        self.copy(b" UTC")

    def instant(self, at_ms: int) -> None:
        """Write a moment as RFC 3339 has it, to the millisecond: `2026-11-30T14:05:00.250000Z`."""
        self.day(at_ms)
        self.byte(84)
        seconds, rest = at_ms % _DAY_MS // 1000, at_ms % 1000
        self.two(seconds // 3600)
        self.byte(58)
        self.two(seconds // 60 % 60)
        self.byte(58)
        self.two(seconds % 60)
        if rest:
            self.byte(46)
            self.byte(48 + rest // 100)
            self.two(rest % 100)
            self.copy(b"000")
        self.byte(90)

    def amount(self, value: int) -> None:
        """Write ten-thousandths as JSON writes the float of them."""
        if not -_EXACT < value < _EXACT or 0 < value < 10 or -10 < value < 0:
            self.copy(msgspec.json.encode(value / 10_000))
            return
        if value < 0:
            self.byte(45)
            value = -value
        self.decimal(value // 10_000)
        self.byte(46)
        rest = value % 10_000
        self.two(rest // 100)
        self.two(rest % 100)
        while self.room[self.at - 1] == 48 and self.room[self.at - 2] != 46:
            self.at -= 1
