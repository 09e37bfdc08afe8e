# cython: overflowcheck=False
# Nothing here leaves 64 bits: what is read has at most eight bytes, places are below the length of what is read or
# written, moments are bounded before they are added, and `larger_number` refuses what doubling made negative.
"""Binary: numbers, moments and bytes, read from what is stored and written into it.

What is read may be damaged, so every number is bounded and every count compared with the bytes that are left before
anything is done with it. Most values are moments. In layout 3 they are written as their distance to the latest event.
In layout 4 each is written as its UTC day, counted from that of the latest event, and the time of that day. The time
is one that was written before, if it was: most moments of a customer are whole days from one another.
"""

from typing import Final

from schemas.durations import DAY_MS
from workers.core.memory import Characters, Numbers

FARTHEST_MS: Final = (1 << 56) - 1
"""No moment is farther from 1970, nor from another one."""
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
_TIMES: Final = 15
"""Times of days that moments refer to; the number of none of them means that a new one follows."""
_TIME_BITS: Final = 4
_TIME_BYTES: Final = 4
_FARTHEST_APART: Final = 1 << 31


class Damaged(ValueError):
    """Stored bytes that no worker wrote."""


class Form:
    """How numbers and moments are written, and what moments refer to: the same for a reader and a writer.

    Attributes:
        is_of_3: whether the layout is 3; if not, it is 4.
        one, two_end: a number below it takes one byte, or two.
        many: the first byte of a larger number, without how many bytes follow.
        at_ms, at_day: the latest event, and its UTC day.
        times: times of days; layout 3 refers to none.
        known: how many of them there are.
        next: the place of the next one.
    """

    def __init__(self, layout: int) -> None:
        self.is_of_3 = layout == 3
        self.one, self.two_end, self.many = _ONE, _TWO_END, _MANY
        if self.is_of_3:
            self.one = self.two_end = self.many = _ONE_OF_3
        self._times = Numbers(_TIMES)
        self.times = self._times.numbers()
        self.at_ms = self.at_day = self.known = self.next = 0

    def refer_to(self, at_ms: int) -> None:
        """Let moments refer to the latest event."""
        self.at_ms = at_ms
        if not self.is_of_3:
            self.at_day = at_ms // DAY_MS
            self.times[0], self.times[1] = at_ms - DAY_MS * self.at_day, 0
            self.known = self.next = 2

    def note(self, time_ms: int) -> None:
        """Keep a time of day, so that later moments can refer to it."""
        self.times[self.next] = time_ms
        self.next += 1
        if self.known < self.next:
            self.known = self.next
        if self.next == _TIMES:
            self.next = 2


class Reader(Form):
    """Reads bytes from beginning to end.

    Attributes:
        raw, given: the bytes.
        at: how many of them are read.
        end: how many there are.
    """

    def __init__(self, layout: int) -> None:
        super().__init__(layout)
        self.raw = self.given = b""
        self.at = self.end = 0

    def begin(self, raw: bytes) -> None:
        """Begin to read, after the byte for the layout."""
        self.raw = self.given = raw
        self.at = 1
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

    def number(self) -> int:
        """Read a whole number, not below zero."""
        at = self.at
        if at < self.end and self.given[at] < self.one:
            self.at = at + 1
            return self.given[at]
        return self.larger_number()

    def larger_number(self) -> int:
        """Read a number of more than one byte."""
        at, given = self.at, self.given
        if self.end - at > 1 and given[at] <= self.many:
            self.at = at + 2
            return ((given[at] & 63) << 8) + given[at + 1] + _ONE
        value = self.byte() - self.many
        if value <= 0:
            raise Damaged("it ends too early")
        value = self.little(value)
        if value < 0:
            raise Damaged("a number beyond 63 bits")
        return value

    def integer(self) -> int:
        """Read a whole number."""
        return from_zigzag(self.number())

    def moment(self) -> int:
        """Read a moment."""
        number = self.number()
        place, apart = number & _TIMES, number >> _TIME_BITS
        if place < self.known:
            time_ms = self.times[place]
        elif self.is_of_3:
            return self.at_ms - within(from_zigzag(number), _FARTHEST_APART_MS)
        elif place < _TIMES:
            raise Damaged("a time that was not written before")
        else:
            time_ms = self.little(_TIME_BYTES)
            if time_ms >= DAY_MS:
                raise Damaged(f"a day of {time_ms} ms")
            self.note(time_ms)
        if apart >= _FARTHEST_APART:
            raise Damaged(f"a moment {apart} days away")
        return (self.at_day - from_zigzag(apart)) * DAY_MS + time_ms

    def moments(self) -> list[int]:
        """Read the count of moments, and each moment."""
        return [self.moment() for _ in range(self.bounded(self.number(), 1))]

    def stretches(self) -> list[int]:
        """Read moments that are beginnings and ends."""
        found = self.moments()
        if len(found) % 2:
            raise Damaged("a stretch without end")
        return found

    def bounded(self, number: int, size: int) -> int:
        """Return a number of things that follow, each of at least `size` bytes, if they can be there."""
        left = self.end - self.at
        if number > left or number * size > left:
            raise Damaged("it ends too early")
        return number

    def take(self, size: int) -> bytes:
        """Read this number of bytes."""
        if size < 0 or size > self.end - self.at:
            raise Damaged("it ends too early")
        start = self.at
        self.at = start + size
        characters = self.raw  # compiled, a pointer: its slices need no check of the type
        return characters[start : self.at]

    def text(self) -> str:
        """Read the count of the bytes of a text, and the text."""
        return self.take(self.number()).decode()


class Writer(Form):
    """Writes into one buffer that is used again and again.

    Attributes:
        put: the buffer.
        size: its length.
        at: how many bytes are written.
    """

    def __init__(self, layout: int) -> None:
        super().__init__(layout)
        self.size = _FIRST_ROOM
        self._memory = Characters(_FIRST_ROOM)
        self.put = self._memory.characters()
        self.at = 0

    def begin(self, layout: int) -> None:
        """Begin again, with the byte for the layout."""
        self.at = 0
        self.byte(layout)

    def made(self) -> bytes:
        """Return what is written."""
        return self._memory.made(0, self.at)

    def need(self, number: int) -> None:
        """Make room for that many more bytes."""
        if number > self.size - self.at:
            self.size = 2 * (self.size + number)
            self._memory.grow(self.size)
            self.put = self._memory.characters()

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

    def number(self, value: int) -> None:
        """Write a whole number, not below zero."""
        if 0 <= value < self.one and self.at < self.size:
            self.put[self.at] = value
            self.at += 1
        else:
            self.larger_number(value)

    def larger_number(self, value: int) -> None:
        """Write a number that may have more than one byte: two, or how many follow and these, the lowest first."""
        if not 0 <= value <= _LARGEST:
            raise OverflowError(f"{value} is below zero or has more than 63 bits")
        if self.size - self.at < _LONGEST:
            self.need(_LONGEST)
        at, put = self.at, self.put
        self.at += 1
        if value < self.one:
            put[at] = value
        elif value < self.two_end:
            value -= _ONE
            put[at] = _ONE | (value >> 8)
            put[at + 1] = value & 255
            self.at += 1
        else:
            while value:
                put[self.at] = value & 255
                value >>= 8
                self.at += 1
            put[at] = self.many + self.at - at - 1

    def integer(self, value: int) -> None:
        """Write a whole number."""
        self.number(zigzag(value))

    def moment(self, at_ms: int) -> None:
        """Write a moment."""
        if self.is_of_3:
            self.integer(self.at_ms - at_ms)
        else:
            self.day_and_time(at_ms)

    def day_and_time(self, at_ms: int) -> None:
        """Write a moment of layout 4."""
        day = at_ms // DAY_MS
        time_ms, apart = at_ms - DAY_MS * day, zigzag(self.at_day - day)
        times, known, place = self.times, self.known, 0
        while place < known and times[place] != time_ms:
            place += 1
        if place < known:
            self.number(apart * (_TIMES + 1) + place)
        else:
            self.number(apart * (_TIMES + 1) + _TIMES)
            self.little(time_ms, _TIME_BYTES)
            self.note(time_ms)

    def moments(self, several: list[int]) -> None:
        """Write the count of moments, and each moment."""
        self.number(len(several))
        for at_ms in several:
            self.moment(at_ms)

    def copy(self, raw: bytes) -> None:
        """Write bytes without their length."""
        self.need(len(raw))
        self._memory.put(self.at, raw)
        self.at += len(raw)

    def text(self, raw: bytes) -> None:
        """Write the count of the bytes, and the bytes."""
        self.number(len(raw))
        self.copy(raw)


def zigzag(value: int) -> int:
    """Return a whole number as one that is not below zero: 0, -1, 1, -2 as 0, 1, 2, 3."""
    return -2 * value - 1 if value < 0 else 2 * value


def from_zigzag(value: int) -> int:
    """Return the whole number that `zigzag` made this one of."""
    return -(value >> 1) - 1 if value & 1 else value >> 1


def within(value: int, most: int) -> int:
    """Return a number if it is between `-most` and `most`.

    Raises:
        Damaged: if it is not.
    """
    if value > most or value < -most:
        raise Damaged(f"{value} is beyond {most}")
    return value
