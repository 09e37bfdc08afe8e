"""Memory: room for 64-bit numbers, and for bytes. Compiled, `memory.pyx` stands for this module.

It is the only module that exists twice: the compiler cannot make a pointer of an array of plain Python.
"""

from array import array


class Numbers:
    """Room for numbers, all 0 at first; a caller that uses what `numbers` returns keeps this object."""

    def __init__(self, size: int) -> None:
        self._numbers = array("q", bytes(8 * max(1, size)))

    def numbers(self) -> "array[int]":
        """Return the numbers, to be read and written by their places; compiled, a pointer."""
        return self._numbers


class Characters:
    """Room for bytes. Places and sizes are not checked: a caller that writes has asked for room before."""

    def __init__(self, size: int) -> None:
        self._characters = bytearray(size)

    def characters(self) -> bytearray:
        """Return the bytes, to be read and written by their places; compiled, a pointer. Ask again after `grow`."""
        return self._characters

    def grow(self, size: int) -> None:
        """Make the room that large; what is there stays."""
        self._characters.extend(bytes(size - len(self._characters)))

    def put(self, at: int, raw: bytes) -> None:
        """Write bytes at a place."""
        self._characters[at : at + len(raw)] = raw

    def put_again(self, at: int, from_: int, size: int) -> None:
        """Write bytes at a place that are there already; they end before it."""
        self._characters[at : at + size] = self._characters[from_ : from_ + size]

    def made(self, from_: int, size: int) -> bytes:
        """Return the bytes at a place."""
        return bytes(memoryview(self._characters)[from_ : from_ + size])
