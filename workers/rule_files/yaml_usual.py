"""A fast reader of usual YAML: keys with values and lists, on lines of their own or in brackets on one line.

It gives the events that the parser of `ruamel.yaml` gives, many times as fast, and gives up at everything that is not
plainly usual: a mistake, a text over several lines, an escape. Then that parser reads it, and says what is wrong.
"""

import re
from dataclasses import dataclass
from typing import Final

from ruamel.yaml.events import (
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

_UNUSUAL: Final = re.compile(
    "[^\n\x20-\x7e\u00a1-\u2027\u202a-\ud7ff\ue000-\ufefe\U00010000-\U0010ffff]|^(?:---|\\.\\.\\.|%)|.{1000}",
    re.MULTILINE,
)
_KEY: Final = re.compile(r"([A-Za-z_][\w.-]*(?: [\w.-]+)*):(?: +|$)", re.ASCII)
_QUOTED: Final = re.compile(r"""("[^"\\]*"|'[^']*')(?!['"])""")
_PLAIN_BEGINS: Final = re.compile(r"-?[\w./+~(]")
_PLAIN_IN_BRACKETS: Final = re.compile(r"""[^,\[\]{}:#"'&*!|>%@`]+""")
_REST: Final = re.compile(r" *$| +#")
_DEEPEST: Final = 40


class _UnusualError(Exception):
    """Something that only the whole parser reads."""


@dataclass(slots=True)
class _At:
    """Where an event begins: what of `ruamel.yaml`'s marks is asked."""

    index: int


@dataclass(slots=True)
class _Line:
    """What is left of a line.

    Attributes:
        indent: its column, from 0.
        index: of its first character in the text.
        text: without the blanks before it.
    """

    indent: int
    index: int
    text: str

    @property
    def begins_an_entry(self) -> bool:
        """Whether it begins with the dash of an entry of a list."""
        return self.text[0] == "-" and self.text[1:2] in ("", " ")


def usual_events(text: str) -> list[Event] | None:
    """Return the events of the nodes of a text; None if it is not plainly usual."""
    if _UNUSUAL.search(text) is not None:
        return None
    reader = _Reader(text)
    try:
        reader.read()
    except _UnusualError:
        return None
    return reader.events


class _Reader:
    """Reads lines from first to last, and collects events."""

    def __init__(self, text: str) -> None:
        self.events: list[Event] = []
        self._lines: list[_Line] = []
        self._next = 0
        index = 0
        for line in text.split("\n"):
            written = line.lstrip(" ")
            if written and written[0] != "#":
                indent = len(line) - len(written)
                self._lines.append(_Line(indent, index + indent, written))
            index += len(line) + 1

    def read(self) -> None:
        """Read everything.

        Raises:
            _UnusualError: at everything that is not plainly usual.
        """
        if not self._lines:
            raise _UnusualError
        self._node(1)
        if self._next < len(self._lines):
            raise _UnusualError

    def _node(self, depth: int) -> None:
        """Read what begins with the next line."""
        if depth > _DEEPEST:
            raise _UnusualError
        line = self._lines[self._next]
        if line.begins_an_entry:
            self._list(line, depth)
        elif _KEY.match(line.text) is not None:
            self._map(line, depth)
        else:
            self._value(line.index, line.text, depth)

    def _list(self, first: _Line, depth: int) -> None:
        self.events.append(SequenceStartEvent(None, None, True, _At(first.index)))
        while (
            (line := self._line_at(first.indent)) is not None and line.text[0] == "-" and line.text[1:2] in ("", " ")
        ):
            after = line.text[1:].lstrip(" ")
            if not after or after[0] == "#":
                self._next += 1
                self._below(line.indent)
            else:
                blanks = len(line.text) - len(after)
                self._lines[self._next] = _Line(line.indent + blanks, line.index + blanks, after)
            self._node(depth + 1)
        self.events.append(SequenceEndEvent(_At(first.index)))

    def _map(self, first: _Line, depth: int) -> None:
        self.events.append(MappingStartEvent(None, None, True, _At(first.index)))
        while (line := self._line_at(first.indent)) is not None:
            key = _KEY.match(line.text)
            if key is None:
                if line.text[0] == "-":
                    break  # the next entry of a list that is not indented
                raise _UnusualError
            self._scalar(line.index, key[1], is_plain=True)
            after = line.text[key.end() :]
            if after and after[0] != "#":
                self._value(line.index + key.end(), after, depth)
                continue
            self._next += 1
            self._below(line.indent, or_entries=True)
            self._node(depth + 1)
        self.events.append(MappingEndEvent(_At(first.index)))

    def _line_at(self, indent: int) -> _Line | None:
        """Return the next line if it has an indent; None if it has less."""
        line = self._lines[self._next] if self._next < len(self._lines) else None
        if line is None or line.indent < indent:
            return None
        if line.indent > indent:
            raise _UnusualError
        return line

    def _below(self, indent: int, *, or_entries: bool = False) -> None:
        """Refuse to read on if nothing belongs to the line above; the entries of its list need not be indented."""
        line = self._lines[self._next] if self._next < len(self._lines) else None
        if line is None or (
            line.indent <= indent and not (or_entries and line.indent == indent and line.begins_an_entry)
        ):
            raise _UnusualError

    def _value(self, index: int, text: str, depth: int) -> None:
        """Read a value that ends with its line."""
        if text[0] in "[{":
            end = self._in_brackets(index, text, 0, depth + 1)
        elif (quoted := _QUOTED.match(text)) is not None:
            self._scalar(index, quoted[1][1:-1], is_plain=False)
            end = quoted.end()
        else:
            plain = text.partition(" #")[0].rstrip(" ")
            if _PLAIN_BEGINS.match(plain) is None or ": " in plain or plain[-1] == ":":
                raise _UnusualError
            self._scalar(index, plain, is_plain=True)
            end = len(plain)
        if _REST.match(text, end) is None:
            raise _UnusualError
        self._next += 1

    def _in_brackets(self, index: int, text: str, at: int, depth: int) -> int:
        """Read a list or mapping in brackets, and return where it ends in the text of its line."""
        is_map = text[at] == "{"
        if depth > _DEEPEST:
            raise _UnusualError
        begins = _At(index + at)
        if is_map:
            self.events.append(MappingStartEvent(None, None, True, begins, flow_style=True))
        else:
            self.events.append(SequenceStartEvent(None, None, True, begins, flow_style=True))
        closing = "}" if is_map else "]"
        at = _after_blanks(text, at + 1)
        if text[at : at + 1] == closing:
            at += 1
        else:
            at = self._entries(index, text, at, depth, closing)
        self.events.append(MappingEndEvent(begins) if is_map else SequenceEndEvent(begins))
        return at

    def _entries(self, index: int, text: str, at: int, depth: int, closing: str) -> int:
        while True:
            if closing == "}":
                key = _KEY.match(text, at)
                if key is None:
                    raise _UnusualError
                self._scalar(index + at, key[1], is_plain=True)
                at = key.end()
            at = _after_blanks(text, self._entry(index, text, at, depth))
            if text[at : at + 1] == closing:
                return at + 1
            if text[at : at + 1] != ",":
                raise _UnusualError
            at = _after_blanks(text, at + 1)

    def _entry(self, index: int, text: str, at: int, depth: int) -> int:
        if text[at : at + 1] in ("[", "{"):
            return self._in_brackets(index, text, at, depth + 1)
        if (quoted := _QUOTED.match(text, at)) is not None:
            self._scalar(index + at, quoted[1][1:-1], is_plain=False)
            return quoted.end()
        found = _PLAIN_IN_BRACKETS.match(text, at)
        if found is None or _PLAIN_BEGINS.match(found[0]) is None:
            raise _UnusualError
        plain = found[0].rstrip(" ")
        self._scalar(index + at, plain, is_plain=True)
        return at + len(plain)

    def _scalar(self, index: int, value: str, *, is_plain: bool) -> None:
        self.events.append(ScalarEvent(None, None, (is_plain, not is_plain), value, _At(index)))


def _after_blanks(text: str, at: int) -> int:
    while text[at : at + 1] == " ":
        at += 1
    return at
