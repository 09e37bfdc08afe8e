"""Series: the totals and days of one kind of events, packed, and unpacked only when read.

Most events change only one of a customer's series, so the others are read and written as bytes. A day takes two bytes
for most kinds of events, four with an amount.
"""

import struct
from typing import Any, Final

_HUNDRED: Final = 100
_HEAD_BYTES: Final = 5
# The flags of the head: the widths of the steps from day to day, of the counts, and of the sums.
_DAY_CODES: Final = "BI"
_COUNT_CODES: Final = "BQ"
_SUM_CODES: Final = "xHIq"
"""Widths of a sum: none, hundreds in two or four bytes, or any number in eight."""
_WIDTHS: Final = {code: struct.calcsize(f"<{code}") for code in "BHIQq"} | {"x": 0}
_FORMATS: Final = tuple(
    (codes, sum(_WIDTHS[code] for code in codes))
    for codes in (days + counts + sums for sums in _SUM_CODES for counts in _COUNT_CODES for days in _DAY_CODES)
)
"""By flags: the width of each column, and the bytes of one day."""
_BYTE: Final = 0xFF
_SMALL_SUMS: Final = 1
_LARGE_SUMS: Final = 2
_ANY_SUMS: Final = 3
_SMALL_SUM: Final = 100 * 0xFFFF
_LARGE_SUM: Final = 100 * 0xFFFFFFFF


class Damaged(ValueError):
    """Stored bytes that are not packed days."""


class Series:
    """The totals and days of one series.

    Attributes:
        first_ms, last_ms: earliest and latest event.
        total, total_sum: over the lifetime; sums in ten-thousandths.
        days, counts, sums: parallel lists, one entry per UTC day with events, ascending; `sums` is empty
            when the series has no attribute to add up. Only this class changes them.
        active_days: number of UTC days with events, over the lifetime.
        gone_day: buckets up to and including this UTC day are incomplete; 0 if all are complete.
        values, value_days: parallel lists, ascending by day: hashes of an attribute's distinct values, and the UTC
            day on which each was seen last. Empty unless distinct values are counted; then there are no buckets, and
            `gone_day` refers to values.
    """

    __slots__ = (
        "_counts",
        "_days",
        "_packed",
        "_sums",
        "active_days",
        "first_ms",
        "gone_day",
        "last_ms",
        "total",
        "total_sum",
        "value_days",
        "values",
    )

    def __init__(
        self,
        first_ms: int,
        last_ms: int,
        total: int = 0,
        total_sum: int = 0,
        active_days: int = 0,
        gone_day: int = 0,
        packed: bytes = b"",
        values: list[int] | None = None,
        value_days: list[int] | None = None,
    ) -> None:
        self.first_ms = first_ms
        self.last_ms = last_ms
        self.total = total
        self.total_sum = total_sum
        self.active_days = active_days
        self.gone_day = gone_day
        self.values: list[int] = [] if values is None else values
        self.value_days: list[int] = [] if value_days is None else value_days
        self._packed: bytes | None = packed
        self._days: list[int] | None = None  # until it is unpacked, as its counts and sums

    def days(self) -> list[int]:
        """Return the days with events."""
        if self._days is None:
            self._unpack()
        return self._days  # type: ignore[return-value]

    def counts(self) -> list[int]:
        """Return the number of events of each day."""
        if self._days is None:
            self._unpack()
        return self._counts

    def sums(self) -> list[int]:
        """Return the sum of each day."""
        if self._days is None:
            self._unpack()
        return self._sums

    def add(self, day: int, amount: int | None, most: int) -> None:
        """Put one event into the bucket of its day; sums stay between `-most` and `most`."""
        days = self.days()
        self._packed = None
        at = len(days)
        while at and days[at - 1] > day:
            at -= 1
        if at and days[at - 1] == day:
            self._counts[at - 1] += 1
            if amount is not None:
                self._sums[at - 1] = max(-most, min(most, self._sums[at - 1] + amount))
            return
        days.insert(at, day)
        self._counts.insert(at, 1)
        if amount is not None:
            self._sums.insert(at, amount)

    def drop_oldest(self, number: int) -> None:
        """Drop the oldest `number` days."""
        if days := self.days():
            self._packed = None
            self.gone_day = max(self.gone_day, days[number - 1])
            del days[:number]
            del self._counts[:number]
            del self._sums[:number]

    def packed(self) -> bytes:
        """Return the days, their counts and sums as bytes."""
        if self._packed is None:
            self._packed = pack(self.days(), self._counts, self._sums)
        return self._packed

    def _unpack(self) -> None:
        assert self._packed is not None
        self._days, self._counts, self._sums = unpack(self._packed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Series) and self._told() == other._told()

    def _told(self) -> list[Any]:
        totals = [self.first_ms, self.last_ms, self.total, self.total_sum, self.active_days, self.gone_day]
        return [*totals, self.packed(), self.values, self.value_days]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return (
            f"Series({self.first_ms}, {self.last_ms}, total={self.total}, total_sum={self.total_sum}, "
            f"days={self.days()}, counts={self.counts()}, sums={self.sums()}, active_days={self.active_days}, "
            f"gone_day={self.gone_day}, values={self.values}, value_days={self.value_days})"
        )


def pack(days: list[int], counts: list[int], sums: list[int]) -> bytes:
    """Write parallel lists as bytes; nothing at all if they are empty.

    Args:
        days: ascending, from 0 to 2^32 - 1.
        counts: from 1 to 2^63 - 1.
        sums: between -2^63 and 2^63 - 1, or empty.

    Raises:
        OverflowError, struct.error: if a value is out of its range.
    """
    if not days:
        return b""
    number = len(days)
    wide_days = wide_counts = 0
    before = days[0]
    for day in days:
        if day - before > _BYTE:
            wide_days = 1
        before = day
    for count in counts:
        if count > _BYTE:
            wide_counts = 1
    kind = _kind_of(sums) if sums else 0
    flags = wide_days | wide_counts << 1 | kind << 2
    made = bytearray(_HEAD_BYTES + number * _FORMATS[flags][1])
    made[0] = flags
    before, at = days[0], _HEAD_BYTES
    put_number(made, 1, before, 4)
    width = 4 if wide_days else 1
    for day in days:
        put_number(made, at, day - before, width)
        before = day
        at += width
    width = 8 if wide_counts else 1
    for count in counts:
        put_number(made, at, count, width)
        at += width
    if kind == _ANY_SUMS:
        struct.pack_into(f"<{number}q", made, at, *sums)
    elif kind:
        width = 2 if kind == _SMALL_SUMS else 4
        for amount in sums:
            put_number(made, at, amount // _HUNDRED, width)
            at += width
    return bytes(made)


def _kind_of(sums: list[int]) -> int:
    """Return the code of the sums' width; see `_SUM_CODES`."""
    kind = _SMALL_SUMS
    for amount in sums:
        if amount < 0 or amount > _LARGE_SUM or amount % _HUNDRED:
            return _ANY_SUMS
        if amount > _SMALL_SUM:
            kind = _LARGE_SUMS
    return kind


def put_number(made: bytearray, at: int, value: int, width: int) -> None:
    """Write a number into `width` existing bytes, the lowest first.

    Raises:
        OverflowError: if it does not fit, or is below zero.
    """
    end = at + width
    while at < end:
        made[at] = value & _BYTE
        value >>= 8
        at += 1
    if value:
        raise OverflowError(f"a number is below zero or takes more than {width} bytes")


def unpack(packed: bytes) -> tuple[list[int], list[int], list[int]]:
    """Read what `pack` wrote: days, counts, sums."""
    if not packed:
        return [], [], []
    codes, number = check_packed(packed)
    day, at = number_at(packed, 1, 4), _HEAD_BYTES
    days, sums = [], []
    width = _WIDTHS[codes[0]]
    for place in range(number):
        if place:
            day += number_at(packed, at, width)
        days.append(day)
        at += width
    end = at + number * _WIDTHS[codes[1]]
    counts = list(packed[at:end]) if codes[1] == "B" else list(struct.unpack_from(f"<{number}Q", packed, at))
    kind = codes[2]
    if kind == "q":
        sums = list(struct.unpack_from(f"<{number}q", packed, end))
    elif kind != "x":
        width = _WIDTHS[kind]
        for _ in range(number):
            sums.append(number_at(packed, end, width) * _HUNDRED)
            end += width
    return days, counts, sums


def number_at(packed: bytes, at: int, width: int) -> int:
    """Read what `put_number` wrote."""
    value = 0
    while width:
        width -= 1
        value = value << 8 | packed[at + width]
    return value


def check_packed(packed: bytes) -> tuple[str, int]:
    """Return the widths of the columns and the number of days.

    Raises:
        Damaged: if `pack` cannot have written the bytes.
    """
    flags = packed[0]
    if flags >= len(_FORMATS):
        raise Damaged(f"packed days begin with {flags}")
    codes, width = _FORMATS[flags]
    size = len(packed) - _HEAD_BYTES
    if size < width or size % width:
        raise Damaged(f"{len(packed)} bytes are no whole number of days")
    return codes, size // width
