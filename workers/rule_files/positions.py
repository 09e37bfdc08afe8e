"""Positions in texts as editors show them, and characters that look like others. Pure."""

import re
from bisect import bisect_right
from typing import Final, NamedTuple

QUOTES: Final = "“”„‟‘’‚‛«»"  # noqa: RUF001 (these are the characters to find)
ODD_SPACES: Final = "\u00a0\u2007\u202f\u2009\u200b\u3000"

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


class Position(NamedTuple):
    """A position in a text.

    Attributes:
        line: counted from 1.
        column: counted from 1, in characters.
    """

    line: int
    column: int


class Lines:
    """Converts an index into line and column, as editors count them; YAML counts more line ends."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def position(self, index: int) -> Position:
        """Return the position of the character with an index, counted from 0."""
        line = bisect_right(self._starts, index)
        return Position(line, index - self._starts[line - 1] + 1)

    def index(self, line: int, column: int) -> int | None:
        """Return the index of the character at a position; None if the text has no such line."""
        if not 1 <= line <= len(self._starts):
            return None
        return min(self._starts[line - 1] + column - 1, len(self._text))

    def line(self, line: int) -> str:
        """Return a line, counted from 1, without its end."""
        end = self._starts[line] if line < len(self._starts) else len(self._text)
        return self._text[self._starts[line - 1] : end].rstrip("\r\n")
