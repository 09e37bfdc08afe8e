# cython: overflowcheck=False
# Nothing here leaves 64 bits: what is read has at most eight bytes, places are below the length of what is read or
# written, moments are bounded before they are added, and `many` refuses what doubling made negative.
"""Binary: numbers, moments and bytes, read from what is stored and written into it.

What is read may be damaged, so every number is bounded and every count compared with the bytes that are left before
anything is done with it. Most values are moments, and most moments are near one another, so they are written as
their distance to one of them.
"""

from array import array
from typing import Final

FARTHEST_MS: Final = 1 << 56
"""No moment is as far from 1970, nor from another one."""
_FARTHEST_APART_MS: Final = 1 << 55
_FIRST_ROOM: Final = 1024
_LONGEST: Final = 9
_LARGEST: Final = (1 << 63) - 1
# The first byte of a number of layout 3: one byte, or how many follow.
_ONE_OF_3: Final = 240
# The first byte of a number of layout 4: one byte, two bytes, or how many follow.
_ONE: Final = 192
_MANY: Final = 247
_TWO_END: Final = _ONE + 256 * (_MANY + 1 - _ONE)


class Damaged(ValueError):
    """Stored bytes that no worker wrote."""


class Reader:
    """Reads bytes from beginning to end.

    Attributes:
        raw, given: the bytes.
        at: how many of them are read.
        end: how many there are.
        base_ms: moments are written as their distance to it.
    """

    __slots__ = ("at", "base_ms", "end", "given", "raw")

    def __init__(self) -> None:
        self.raw = self.given = b""
        self.at = self.end = self.base_ms = 0

    def begin(self, raw: bytes) -> None:
        """Begin to read."""
        self.raw = self.given = raw
        self.at = self.base_ms = 0
        self.end = len(raw)

    def byte(self) -> int:
        """Read a number below 256."""
        if self.at >= self.end:
            raise Damaged("it ends too early")
        self.at += 1
        return self.given[self.at - 1]

    def little(self, size: int) -> int:
        """Read a number of `size` bytes, at most 8, the lowest first; one of 8 bytes may be below zero."""
        at = self.at + size
        if size > 8 or at > self.end:
            raise Damaged("it ends too early")
        self.at = at
        given = self.given
        if size == 6:  # of an event id; written out, because there are eight of them
            value = given[at - 1]
            value = value << 8 | given[at - 2]
            value = value << 8 | given[at - 3]
            value = value << 8 | given[at - 4]
            value = value << 8 | given[at - 5]
            return value << 8 | given[at - 6]
        value = 0
        if size == 8:
            at -= 1
            size = 7
            value = given[at]
            if value > 127:
                value -= 256
        while size:
            at -= 1
            size -= 1
            value = value * 256 + given[at]
        return value

    def code(self) -> int:
        """Read a code of five bytes, the highest first: codes are sorted as their bytes are."""
        at, given = self.at, self.given
        if self.end - at < 5:
            raise Damaged("it ends too early")
        self.at = at + 5
        value = given[at]
        value = value << 8 | given[at + 1]
        value = value << 8 | given[at + 2]
        value = value << 8 | given[at + 3]
        return value << 8 | given[at + 4]

    def number_of_3(self) -> int:
        """Read a whole number of layout 3, not below zero."""
        value = self.byte()
        if value < _ONE_OF_3:
            return value
        value = self.little(value - _ONE_OF_3)
        if value < 0:
            raise Damaged("a number beyond 63 bits")
        return value

    def number(self) -> int:
        """Read a whole number of layout 4, not below zero."""
        at, end = self.at, self.end
        if at >= end:
            raise Damaged("it ends too early")
        value = self.given[at]
        self.at = at + 1
        if value < _ONE:
            return value
        if value <= _MANY:  # two bytes; written out, because nothing else is read as often
            if at + 1 >= end:
                raise Damaged("it ends too early")
            self.at = at + 2
            return ((value & 63) << 8) + self.given[at + 1] + _ONE
        value = self.little(value - _MANY)
        if value < 0:
            raise Damaged("a number beyond 63 bits")
        return value

    def integer_of_3(self) -> int:
        """Read a whole number of layout 3."""
        value = self.number_of_3()
        return -(value >> 1) - 1 if value & 1 else value >> 1

    def integer(self) -> int:
        """Read a whole number of layout 4."""
        value = self.number()
        return -(value >> 1) - 1 if value & 1 else value >> 1

    def moment_of_3(self) -> int:
        """Read a moment of layout 3."""
        apart = self.integer_of_3()
        if not -_FARTHEST_APART_MS < apart < _FARTHEST_APART_MS:
            raise Damaged(f"a moment {apart} ms away")
        return self.base_ms - apart

    def moments_of_3(self) -> list[int]:
        """Read the count of moments of layout 3, and each moment."""
        found = []
        for _ in range(self.bounded(self.number_of_3(), 1)):
            found.append(self.moment_of_3())
        return found

    def bounded(self, number: int, size: int) -> int:
        """Return a number of things that follow, each of at least `size` bytes, if they can be there."""
        if number > (self.end - self.at) // size:
            raise Damaged("it ends too early")
        return number

    def column(self, into: "array[int]", number: int, size: int, times: int) -> None:
        """Read numbers of `size` bytes each, at most 8, into a column that has room for them.

        Args:
            into: the column; compiled, a pointer.
            number: how many.
            size: of each; below 8 none is below zero.
            times: what each is multiplied by.
        """
        self.bounded(number, size)
        if size == 1:
            at = self.at
            for place in range(number):
                into[place] = times * self.given[at + place]
            self.at = at + number
            return
        for place in range(number):
            into[place] = times * self.little(size)

    def take(self, size: int) -> bytes:
        """Read this number of bytes."""
        if size < 0 or size > self.end - self.at:
            raise Damaged("it ends too early")
        start = self.at
        self.at = start + size
        characters = self.raw  # compiled, a pointer: its slices need no check of the type
        return characters[start : self.at]

    def rest(self) -> bytes:
        """Read everything that is left."""
        return self.take(self.end - self.at)


class Writer:
    """Writes into one buffer that is used again and again.

    Attributes:
        room, put: the buffer.
        size: its length.
        at: how many bytes are written.
        base_ms: moments are written as their distance to it.
    """

    __slots__ = ("at", "base_ms", "put", "room", "size")

    def __init__(self) -> None:
        self.size = _FIRST_ROOM
        self.room = bytearray(_FIRST_ROOM)
        self.put = self.room
        self.at = self.base_ms = 0

    def begin(self) -> None:
        """Begin again."""
        self.at = self.base_ms = 0

    def made(self) -> bytes:
        """Return what is written."""
        characters = self.room  # compiled, a pointer: see `Reader.take`
        made: bytes | bytearray = characters[: self.at]
        return made if isinstance(made, bytes) else bytes(made)

    def need(self, number: int) -> None:
        """Make room for that many more bytes."""
        if number > self.size - self.at:
            self.size = 2 * (self.size + number)
            room = bytearray(self.size)
            room[: self.at] = self.room[: self.at]
            self.room = room
            self.put = room

    def byte(self, value: int) -> None:
        """Write a number below 256."""
        if self.at == self.size:
            self.need(1)
        self.put[self.at] = value
        self.at += 1

    def little(self, value: int, size: int) -> None:
        """Write a number into `size` bytes, the lowest first; into 8 also one below zero.

        Raises:
            OverflowError: if it does not fit.
        """
        if size > self.size - self.at:
            self.need(size)
        at, put = self.at, self.put
        self.at = at + size
        if size == 6:  # an event id, as in `Reader`
            put[at] = value & 255
            put[at + 1] = value >> 8 & 255
            put[at + 2] = value >> 16 & 255
            put[at + 3] = value >> 24 & 255
            put[at + 4] = value >> 32 & 255
            put[at + 5] = value >> 40 & 255
            value >>= 48
        else:
            for place in range(at, at + size):
                put[place] = value & 255
                value >>= 8
        if value and (size < 8 or value != -1):
            raise OverflowError(f"a number is below zero or takes more than {size} bytes")

    def code(self, value: int) -> None:
        """Write a code of five bytes, the highest first."""
        if self.size - self.at < 5:
            self.need(5)
        at, put = self.at, self.put
        self.at = at + 5
        put[at + 4] = value & 255
        put[at + 3] = value >> 8 & 255
        put[at + 2] = value >> 16 & 255
        put[at + 1] = value >> 24 & 255
        put[at] = value >> 32 & 255

    def number_of_3(self, value: int) -> None:
        """Write a whole number of layout 3, not below zero."""
        if 0 <= value < _ONE_OF_3:
            self.byte(value)
        else:
            self.many(value, _ONE_OF_3)

    def number(self, value: int) -> None:
        """Write a whole number of layout 4, not below zero."""
        if self.size - self.at < _LONGEST:
            self.need(_LONGEST)
        at, put = self.at, self.put
        if 0 <= value < _ONE:
            put[at] = value
            self.at = at + 1
        elif 0 <= value < _TWO_END:
            value -= _ONE
            put[at] = _ONE | (value >> 8)
            put[at + 1] = value & 255
            self.at = at + 2
        else:
            self.many(value, _MANY)

    def many(self, value: int, head: int) -> None:
        """Write how many bytes follow, added to `head`, and a number in that many bytes, the lowest first."""
        if not 0 <= value <= _LARGEST:
            raise OverflowError(f"{value} is below zero or has more than 63 bits")
        self.need(_LONGEST)
        at, put = self.at + 1, self.put
        while value:
            put[at] = value & 255
            value >>= 8
            at += 1
        put[self.at] = head + at - self.at - 1
        self.at = at

    def integer_of_3(self, value: int) -> None:
        """Write a whole number of layout 3."""
        self.number_of_3(-2 * value - 1 if value < 0 else 2 * value)

    def integer(self, value: int) -> None:
        """Write a whole number of layout 4."""
        self.number(-2 * value - 1 if value < 0 else 2 * value)

    def moment_of_3(self, at_ms: int) -> None:
        """Write a moment of layout 3, before or after the base."""
        self.integer_of_3(self.base_ms - at_ms)

    def moments_of_3(self, several: list[int]) -> None:
        """Write the count of moments of layout 3, and each moment."""
        self.number_of_3(len(several))
        for at_ms in several:
            self.moment_of_3(at_ms)

    def copy(self, raw: bytes) -> None:
        """Write bytes without their length."""
        size = len(raw)
        self.need(size)
        for place in range(size):
            self.put[self.at + place] = raw[place]
        self.at += size
