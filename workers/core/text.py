# cython: cdivision=True
"""Text: bytes of JSON, written piece by piece into one buffer that is used again and again.

Moments, numbers and days are written as `json.dumps`, `datetime.isoformat` and f-strings would, without making an
object of them. Knows nothing of customers and rules.
"""
# No number below is divided while it is negative, so that the division of C will do.

from typing import Any, Final

import msgspec

from workers.core.memory import Characters

_FIRST_ROOM: Final = 4096
_DAY_MS: Final = 86_400_000
_END_OF_CALENDAR: Final = 253_402_300_800_000
_EXACT: Final = 10**15
"""Numbers of ten-thousandths below it are written digit by digit; the others as JSON writes a float."""
_SIX_DIGITS: Final = 10**6
_LONGEST_EXACT_DAYS: Final = 10**6
"""Lengths of fewer days are never rounded to another tenth than their nearest float."""


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


def escaped(raw: bytes) -> bytes:
    """Return a text in UTF-8 as JSON has it between the quotes: mostly the same bytes."""
    given = raw
    for place in range(len(raw)):
        value = given[place]
        if value < 32 or value == 34 or value == 92:
            return inside_quotes(raw.decode())
    return raw


def _quotient(value: int, unit: int) -> float:
    """Divide as Python does: rounded once, where C would round a number of more than 53 bits before it."""
    return value / unit


class Text:
    """Writes text.

    Attributes:
        room: the buffer.
        size: its length.
        at: how many bytes are written.
    """

    __slots__ = ("_memory", "at", "room", "size")

    def __init__(self) -> None:
        self.size = _FIRST_ROOM
        self._memory = Characters(_FIRST_ROOM)
        self.room = self._memory.characters()
        self.at = 0

    def clear(self) -> None:
        """Begin again."""
        self.at = 0

    def made(self) -> bytes:
        """Return what is written."""
        return self._memory.made(0, self.at)

    def part(self, from_: int, size: int) -> bytes:
        """Return that many bytes of what is written, from a place on.

        Raises:
            IndexError: if they are not written yet.
        """
        self._check(from_, size)
        return self._memory.made(from_, size)

    def need(self, number: int) -> None:
        """Make room for that many more bytes."""
        if self.at + number > self.size:
            self.size = 2 * (self.at + number)
            self._memory.grow(self.size)
            self.room = self._memory.characters()

    def byte(self, value: int) -> None:
        """Write one byte."""
        if self.at == self.size:
            self.need(1)
        self.room[self.at] = value
        self.at += 1

    def copy(self, raw: bytes) -> None:
        """Write bytes."""
        at, size = self.at, len(raw)
        if at + size > self.size:
            self.need(size)
        self._memory.put(at, raw)
        self.at = at + size

    def again(self, from_: int, size: int) -> None:
        """Write that many bytes once more, which begin at a place of what is written.

        Raises:
            IndexError: if they are not written yet.
        """
        self._check(from_, size)
        self.need(size)
        self._memory.put_again(self.at, from_, size)
        self.at += size

    def _check(self, from_: int, size: int) -> None:
        if from_ < 0 or size < 0 or from_ > self.at - size:
            raise IndexError(f"{size} bytes from {from_} on are asked for, {self.at} are written")

    def decimal(self, value: int) -> None:
        """Write a whole number of 64 bits."""
        self.need(20)
        room, at = self.room, self.at
        if value < 0:
            room[at] = 45
            at += 1
            value = 0 - value  # a subtraction is checked by the compiler, a sign is not
        size, rest = 1, value // 10
        while rest:
            size += 1
            rest //= 10
        place = at + size
        self.at = place
        while place > at:
            place -= 1
            room[place] = 48 + value % 10
            value //= 10

    def day(self, at_ms: int) -> None:
        """Write the UTC day of a moment as ISO 8601 has it: `2026-11-30`.

        Raises:
            OverflowError: before 1970 and after the year 9999.
        """
        self.need(10)
        self._day(at_ms)

    def moment(self, at_ms: int) -> None:
        """Write a moment in words: `2026-11-30 14:05 UTC`; `never` before 1970 and after the year 9999."""
        if not 0 <= at_ms < _END_OF_CALENDAR:
            self.copy(b"never")
        else:
            self.need(20)
            self._day(at_ms)
            room, at = self.room, self.at
            minutes = at_ms % _DAY_MS // 60_000
            room[at] = 32
            self._two(at + 1, minutes // 60)
            room[at + 3] = 58
            self._two(at + 4, minutes % 60)
            room[at + 6], room[at + 7], room[at + 8], room[at + 9] = 32, 85, 84, 67
            self.at = at + 10

    def instant(self, at_ms: int) -> None:
        """Write a moment as RFC 3339 has it, to the millisecond: `2026-11-30T14:05:00.250000Z`.

        Raises:
            OverflowError: before 1970 and after the year 9999.
        """
        self.need(27)
        self._day(at_ms)
        room, at = self.room, self.at
        room[at] = 84
        self._time(at + 1, at_ms)
        at = self._thousandths(at + 9, at_ms % 1000)
        room[at] = 90
        self.at = at + 1

    def spaced_instant(self, at_ms: int) -> None:
        """Write a moment as `str(datetime)` does: `2026-11-30 14:05:00.250000+00:00`.

        Raises:
            OverflowError: before 1970 and after the year 9999.
        """
        self.need(32)
        self._day(at_ms)
        at = self.at
        self.room[at] = 32
        self._time(at + 1, at_ms)
        self.at = self._thousandths(at + 9, at_ms % 1000)
        self.copy(b"+00:00")

    def amount(self, value: int) -> None:
        """Write ten-thousandths as JSON writes the float of them: `12.5`."""
        if not -_EXACT < value < _EXACT or 0 < value < 10 or -10 < value < 0:
            self.copy(msgspec.json.encode(_quotient(value, 10_000)))
        else:
            self._ten_thousandths(value)
            if self.room[self.at - 1] == 46:
                self.byte(48)

    def short_amount(self, value: int) -> None:
        """Write ten-thousandths with at most six digits, as `f"{value / 10_000:g}"` does: `12.5`, `12`."""
        if not -_SIX_DIGITS < value < _SIX_DIGITS:
            self.copy(b"%g" % _quotient(value, 10_000))
        else:
            self._ten_thousandths(value)
            if self.room[self.at - 1] == 46:
                self.at -= 1

    def short_number(self, value: int) -> None:
        """Write a whole number with at most six digits, as `f"{value:g}"` does: `12`, `1.23457e+06`."""
        if not -_SIX_DIGITS < value < _SIX_DIGITS:
            self.copy(b"%g" % value)
        else:
            self.decimal(value)

    def uuid(self, digest: bytes) -> None:
        """Write a UUID of version 5 from the first 16 bytes of a hash.

        Raises:
            IndexError: if there are fewer.
        """
        if len(digest) < 16:
            raise IndexError(f"a UUID has 16 bytes, not {len(digest)}")
        self.need(36)
        room, at, given = self.room, self.at, digest
        for place in range(16):
            value = given[place]
            if place == 6:
                value = 0x50 | value & 15
            elif place == 8:
                value = 0x80 | value & 63
            if place == 4 or place == 6 or place == 8 or place == 10:
                room[at] = 45
                at += 1
            high, low = value >> 4, value & 15
            room[at] = 48 + high if high < 10 else 87 + high
            room[at + 1] = 48 + low if low < 10 else 87 + low
            at += 2
        self.at = at

    def in_days(self, span_ms: int) -> None:
        """Write a length of time in days, to a tenth, as `f"{span_ms / DAY_MS:.1f}"` does: `3.5`."""
        tenths = rest = -1
        if 0 <= span_ms < _LONGEST_EXACT_DAYS * _DAY_MS:
            tenths, rest = span_ms * 10 // _DAY_MS, span_ms * 10 % _DAY_MS
        if rest < 0 or 2 * rest == _DAY_MS:  # half a tenth: it is rounded as the float of it
            self.copy(b"%.1f" % _quotient(span_ms, _DAY_MS))
        else:
            if 2 * rest > _DAY_MS:
                tenths += 1
            self.decimal(tenths // 10)
            self.need(2)
            self.room[self.at] = 46
            self.room[self.at + 1] = 48 + tenths % 10
            self.at += 2

    def _two(self, at: int, value: int) -> None:
        self.room[at] = 48 + value // 10
        self.room[at + 1] = 48 + value % 10

    def _day(self, at_ms: int) -> None:
        """Write a day, by Howard Hinnant's `civil_from_days`; there is room."""
        if not 0 <= at_ms < _END_OF_CALENDAR:
            raise OverflowError(f"{at_ms} ms since 1970 is not between the years 1970 and 9999")
        days = at_ms // _DAY_MS + 719468
        era = days // 146097
        of_era = days - era * 146097
        year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
        of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
        shifted = (5 * of_year + 2) // 153
        month = shifted + 3 if shifted < 10 else shifted - 9
        year = year_of_era + era * 400 + (1 if month <= 2 else 0)
        room, at = self.room, self.at
        self._two(at, year // 100)
        self._two(at + 2, year % 100)
        room[at + 4] = room[at + 7] = 45
        self._two(at + 5, month)
        self._two(at + 8, of_year - (153 * shifted + 2) // 5 + 1)
        self.at = at + 10

    def _time(self, at: int, at_ms: int) -> None:
        """Write the time of the day, `14:05:00`, at a place; there is room."""
        seconds = at_ms % _DAY_MS // 1000
        self._two(at, seconds // 3600)
        self._two(at + 3, seconds // 60 % 60)
        self._two(at + 6, seconds % 60)
        self.room[at + 2] = self.room[at + 5] = 58

    def _thousandths(self, at: int, rest: int) -> int:
        """Write thousandths of a second, `.250000`, or nothing for 0; return the place behind it; there is room."""
        if not rest:
            return at
        room = self.room
        room[at], room[at + 1] = 46, 48 + rest // 100
        self._two(at + 2, rest % 100)
        room[at + 4] = room[at + 5] = room[at + 6] = 48
        return at + 7

    def _ten_thousandths(self, value: int) -> None:
        """Write a number with a point, and of the four digits behind it those that are needed: none for 0."""
        if value < 0:
            self.byte(45)
            value = -value
        self.decimal(value // 10_000)
        self.need(5)
        room, at = self.room, self.at
        room[at] = 46
        self._two(at + 1, value % 10_000 // 100)
        self._two(at + 3, value % 100)
        at += 4
        while room[at] == 48:
            at -= 1
        self.at = at + 1
