"""Memory: room for 64-bit numbers, in plain Python an array. Compiled, `memory.pyx` stands for this module.

It is the only module that exists twice: the compiler cannot make a pointer of an array of plain Python.
"""

from array import array


class Numbers:
    """Room for numbers, all 0 at first; whoever uses what `numbers` returns keeps this object."""

    def __init__(self, size: int) -> None:
        self._numbers = array("q", bytes(8 * max(1, size)))

    def numbers(self) -> "array[int]":
        """Return the numbers, to be read and written by their places; compiled, a pointer."""
        return self._numbers
