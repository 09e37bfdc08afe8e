"""Texts as people see them: lines and columns, and characters that look like others."""

import re
from bisect import bisect_right
from typing import Final, NamedTuple

QUOTES: Final = "“”„‟‘’‚‛«»"  # noqa: RUF001 (these are what is looked for)
ODD_SPACES: Final = "\u00a0\u2007\u202f\u2009\u200b\u3000"

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


class Position(NamedTuple):
    """A place in a text, both counted from 1."""

    line: int
    column: int


class Lines:
    """Turns an index into a text into line and column, as editors count them (not as YAML does)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def position(self, index: int) -> Position:
        """Return where the character with an index stands."""
        line = bisect_right(self._starts, index)
        return Position(line, index - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """Return a line, counted from 1, without its end."""
        end = self._starts[number] if number < len(self._starts) else len(self._text)
        return self._text[self._starts[number - 1] : end].rstrip("\r\n")
