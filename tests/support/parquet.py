"""Reads columns of a Parquet file as it is written by Arrow: flat, compressed with Snappy, with dictionaries.

For tests that count from original files. It shares no code with what it tests, and needs no library of data frames.
"""

import struct
from collections.abc import Callable, Iterator
from typing import Any, Final

import cramjam

_MAGIC: Final = b"PAR1"
_PLAIN: Final = 0
_DICTIONARIES: Final = (2, 8)
_SIZES: Final = {1: 4, 2: 8, 3: 12, 4: 4, 5: 8}
"""By physical type: INT32, INT64, INT96, FLOAT and DOUBLE; bytes of a value."""
_JULIAN_EPOCH: Final = 2_440_588
_DAY_MS: Final = 86_400_000


def read_columns(raw: bytes, names: tuple[str, ...]) -> list[list[Any]]:
    """Return columns of a file, each with all of its values; moments are milliseconds since 1970."""
    assert raw[:4] == raw[-4:] == _MAGIC
    length = int.from_bytes(raw[-8:-4], "little")
    footer = _Thrift(raw, len(raw) - 8 - length).struct()
    found: dict[str, list[Any]] = {name: [] for name in names}
    for group in footer[4]:
        for chunk in group[1]:
            about = chunk[3]
            name = about[3][-1].decode()
            if name in found:
                found[name].extend(_values(raw, about))
    return [found[name] for name in names]


def _values(raw: bytes, about: dict[int, Any]) -> Iterator[Any]:
    place, left, physical = about.get(11, about[9]), about[5], about[1]
    dictionary: list[Any] = []
    while left:
        header = _Thrift(raw, place)
        page = header.struct()
        data = bytes(cramjam.snappy.decompress_raw(raw[header.place : header.place + page[3]]))
        place = header.place + page[3]
        if 7 in page:
            dictionary = _plain(data, physical, page[7][1])
            continue
        number, encoding = page[5][1], page[5][2]
        levels_end = 4 + int.from_bytes(data[:4], "little")
        is_there = _hybrid(data[4:levels_end], 1, number)
        assert all(is_there), "a value is missing"
        body = data[levels_end:]
        if encoding == _PLAIN:
            yield from _plain(body, physical, number)
        else:
            assert encoding in _DICTIONARIES
            yield from map(dictionary.__getitem__, _hybrid(body[1:], body[0], number))
        left -= number


def _plain(data: bytes, physical: int, number: int) -> list[Any]:
    size = _SIZES[physical]
    if size == 12:
        return [
            (day - _JULIAN_EPOCH) * _DAY_MS + nanoseconds // 1_000_000
            for nanoseconds, day in struct.iter_unpack("<qi", data[: size * number])
        ]
    kind = {1: "i", 2: "q", 4: "f", 5: "d"}[physical]
    return list(struct.unpack(f"<{number}{kind}", data[: size * number]))


def _hybrid(data: bytes, width: int, number: int) -> list[int]:
    """Return numbers that are run lengths, or packed bit by bit."""
    if not width:
        return [0] * number
    found: list[int] = []
    place, mask, size = 0, (1 << width) - 1, (width + 7) // 8
    while len(found) < number:
        head, place = _varint(data, place)
        if head & 1:
            for _ in range(head >> 1):
                packed = int.from_bytes(data[place : place + width], "little")
                place += width
                for shift in range(0, 8 * width, width):
                    found.append(packed >> shift & mask)
        else:
            found += [int.from_bytes(data[place : place + size], "little")] * (head >> 1)
            place += size
    return found[:number]


def _varint(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
        shift += 7


class _Thrift:
    """Reads structures of Thrift's compact protocol: by number of their fields."""

    def __init__(self, raw: bytes, place: int) -> None:
        self.raw = raw
        self.place = place

    def struct(self) -> dict[int, Any]:
        """Read a structure."""
        fields: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            fields[field] = kind == 1 if kind in (1, 2) else self._value(kind)
        return fields

    def _byte(self) -> int:
        self.place += 1
        return self.raw[self.place - 1]

    def _number(self) -> int:
        number, self.place = _varint(self.raw, self.place)
        return number

    def _signed(self) -> int:
        number = self._number()
        return number >> 1 ^ -(number & 1)

    def _bytes(self) -> bytes:
        size = self._number()
        self.place += size
        return self.raw[self.place - size : self.place]

    def _double(self) -> float:
        self.place += 8
        number: float = struct.unpack_from("<d", self.raw, self.place - 8)[0]
        return number

    def _list(self) -> list[Any]:
        head = self._byte()
        size = head >> 4
        if size == 15:
            size = self._number()
        return [self._value(head & 15) for _ in range(size)]

    def _value(self, kind: int) -> Any:
        readers: dict[int, Callable[[], Any]] = {
            1: self._byte, 2: self._byte, 3: self._byte, 4: self._signed, 5: self._signed, 6: self._signed,
            7: self._double, 8: self._bytes, 9: self._list, 10: self._list, 12: self.struct,
        }  # fmt: skip
        return readers[kind]()
