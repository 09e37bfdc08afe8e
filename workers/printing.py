"""Printing of all commands: no name loses a character, however narrow the screen is, in any locale.

A name that is cut cannot be searched for or typed again. So a table wraps its cells; if even the longest words do not
fit beside one another, each row is printed as lines `head: cell`. An output that is no terminal has no width: there,
a row is one line, unless COLUMNS gives a width. Where the encoding of the output lacks a character, JSON escapes it,
and text has a replacement. What steers a terminal is escaped in all that is printed; `one_line` does so with line
breaks, too, for a text of foreign origin. This module must never know what is printed.
"""

import codecs
import io
import json
import os
import sys
from collections.abc import Iterable
from typing import IO, Any, Final

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from workers.observability.escapes import escaped, escaped_json

_UNBOUNDED: Final = 100_000
"""The width of an output that is no terminal, in columns."""


_REPLACEMENTS: Final = str.maketrans(
    {"✓": "+", "✗": "x", "→": ">", "…": "...", "·": "-", "—": "-", "×": "x", "“": '"', "”": '"'}  # noqa: RUF001
)
_ERRORS: Final = "linger.replacements"


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding lacks: a mark by one that looks like it, anything else by `?`."""
    assert isinstance(error, UnicodeEncodeError)  # it is registered for writing only
    text = error.object[error.start : error.end].translate(_REPLACEMENTS)
    return "".join(character if character.isascii() else "?" for character in text), error.end


def accept_any_encoding() -> None:
    """Make standard output accept every character, as standard error does by itself."""
    codecs.register_error(_ERRORS, _replaced)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors=_ERRORS)


def json_line(document: Any, stream: IO[str] | None = None) -> str:
    """Return a JSON document as one line, non-ASCII characters unescaped if a stream can have them all.

    Args:
        document: plain values.
        stream: where the line is to be written; standard output by default.
    """
    encoding = getattr(stream or sys.stdout, "encoding", None) or "utf-8"
    return escaped_json(json.dumps(document, ensure_ascii=codecs.lookup(encoding).name != "utf-8")) + "\n"


def one_line(text: str) -> str:
    """Return a text of foreign origin as it may stand in a line: its line breaks are escaped, too."""
    return escaped(text)


def write_file_text(text: str) -> None:
    """Write text that is meant for a file to standard output: in UTF-8, as every file of Linger is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def given_text(argument: str) -> str:
    """Return the text of an argument: in a locale without its characters, it is read as UTF-8.

    Raises:
        ValueError: if it is neither in the encoding of the locale nor UTF-8.
    """
    try:
        argument.encode()
    except UnicodeEncodeError:
        return os.fsencode(argument).decode()
    return argument


class CommandConsole(Console):
    """A console that neither highlights numbers nor replaces `:word:`, and has no width if it is no terminal.

    Nothing that is printed to it steers the terminal, but its own styles and progress bars.
    """

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        super().__init__(stderr=stderr, highlight=False, emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render what is printed, without control characters but those of the console itself."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else escaped(segment.text, keep="\n")
            yield segment if text == segment.text else Segment(text, segment.style, segment.control)

    @property
    def size(self) -> ConsoleDimensions:
        """The size of the terminal; COLUMNS goes before it, also without a terminal."""
        size = super().size
        has_width = self.is_terminal or self._width is not None  # which COLUMNS has set
        return size if has_width else ConsoleDimensions(_UNBOUNDED, size.height)

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size


def table_of(*heads: str, **options: Any) -> Table:
    """Return an empty table whose columns wrap; `options` are those of `rich.table.Table`."""
    table = Table(**options)
    for head in heads:
        table.add_column(head, overflow="fold")
    return table


def print_table(console: Console, table: Table) -> None:
    """Print a table, or each of its rows as lines if the console is too narrow for its longest words."""
    _escape_cells(table)
    width = console.width
    if _narrowest(console, table) <= width:
        console.print(table)
        return
    heads = [_plain(console, column.header) for column in table.columns]
    cells = [list(column.cells) for column in table.columns]
    for row in zip(*cells, strict=True):
        for head, cell in zip(heads, row, strict=True):
            label = Text(f"{head}: " if head else "", style="bold")
            content = cell if isinstance(cell, Text) else Text.from_markup(str(cell))
            console.print(label + content, soft_wrap=True)
        console.print()


def _escape_cells(table: Table) -> None:
    """Escape the texts of all cells before they are measured, line breaks too: each row stays one row."""
    for column in table.columns:
        # rich has no way to replace a cell.
        column._cells = [_escaped_cell(cell) for cell in column._cells]


def _escaped_cell(cell: Any) -> Any:
    if isinstance(cell, Text):
        plain = escaped(cell.plain)
        return cell if plain == cell.plain else Text(plain, cell.style)
    return escaped(cell) if isinstance(cell, str) else cell


def _narrowest(console: Console, table: Table) -> int:
    """Return the width below which a table would split words."""
    options = console.options
    widths = [
        max(
            (Measurement.get(console, options, cell).minimum for cell in (column.header, *column.cells)),
            default=1,
        )
        for column in table.columns
    ]
    pad_left, pad_right = table.padding[3], table.padding[1]
    borders = len(widths) + 1 if table.box is not None else 0
    return sum(widths) + len(widths) * (pad_left + pad_right) + borders


def _plain(console: Console, renderable: Any) -> str:
    return renderable.plain if isinstance(renderable, Text) else Text.from_markup(str(renderable)).plain
