"""YAML that people wrote, as nodes with positions: every problem at once, with line, column and what was meant.

The dialect is small and closed: one document of text keys and YAML 1.2 core scalars, so `no`, `on` and `off` are
texts. Anchors, aliases, tags, merge keys, repeated keys and values left empty are refused: each of them can make
a file mean something else than it says. What is here must not know what a file is for, hints excepted.
"""

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from workers.problems import Problem, in_order, shortened
from workers.rule_hints import key_at_the_beginning

MAX_FILE_BYTES: Final = 256 * 1024
MAX_NESTING: Final = 32


class Position(NamedTuple):
    """A place in a text, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class ScalarNode:
    """A single value: what was written, and what it means."""

    at: Position
    text: str
    value: str | int | float | bool | None
    is_plain: bool
    """Written without quotes."""


@dataclass(frozen=True, slots=True, eq=False)
class ListNode:
    """A list."""

    at: Position
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True, eq=False)
class MapNode:
    """Keys with values, in the order of the file."""

    at: Position
    entries: "dict[str, tuple[ScalarNode, Node]]"
    is_whole: bool
    """False if an entry was refused and left out, so that nothing can be said about missing keys."""


@dataclass(frozen=True, slots=True, eq=False)
class UnreadNode:
    """Stands where something was refused and reported already."""

    at: Position


Node = ScalarNode | ListNode | MapNode | UnreadNode


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file; `root` is None if it cannot be read at all."""

    file: str
    root: Node | None
    problems: tuple[Problem, ...]


def read_text(path: Path) -> tuple[str | None, list[Problem]]:
    """Return the text of a file, or None and the problem; a byte order mark is dropped."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return None, [Problem(str(path), 1, 1, "cannot-read", f"cannot be read: {error.strerror or error}")]
    if len(raw) > MAX_FILE_BYTES:
        message = f"is larger than {MAX_FILE_BYTES // 1024} KiB"
        return None, [Problem(str(path), 1, 1, "too-large", message, "split it into several files")]
    raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return raw.decode(), []
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        at = _Lines(before).position(len(before))
        message = f"is not UTF-8: found the byte 0x{raw[error.start]:02X}"
        return None, [Problem(str(path), *at, "not-utf-8", message, "save the file as UTF-8")]


def parse_yaml(file: str, text: str) -> Document:
    """Parse a text into nodes; never raises, whatever the text is."""
    text = text.removeprefix("\ufeff")
    lines = _Lines(text)
    if conflicts := _merge_conflicts(file, text, lines):
        return Document(file, None, tuple(conflicts))
    composer = _Composer(file, text, lines)
    try:
        root = composer.document()
    except _UnreadableError as error:
        return Document(file, None, tuple(in_order([*composer.problems, error.problem])))
    if root is None:
        composer.problems.append(Problem(file, 1, 1, "empty-file", "the file is empty"))
    return Document(file, root, tuple(composer.problems))


def plain_value(node: Node) -> Any:
    """Return what a node means as plain Python values; what was refused stays in it as an `UnreadNode`."""
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return [plain_value(item) for item in node.items]
        case MapNode():
            return {key: plain_value(value) for key, (_, value) in node.entries.items()}
        case UnreadNode():
            return node  # no field takes it, so that nothing is built out of what was refused


def value_of(node: Node | None, key: str) -> Node | None:
    """Return the value of a key, or None where there is no such key or no mapping at all."""
    return node.entries[key][1] if isinstance(node, MapNode) and key in node.entries else None


def items_of(node: Node | None) -> "tuple[Node, ...]":
    """Return the entries of a list; of anything else, none."""
    return node.items if isinstance(node, ListNode) else ()


# --- text -> nodes ----------------------------------------------------------------------------------------------

_UNSPACED: Final = re.compile(r"^\s*(?:- )?[A-Za-z_][A-Za-z_ ]*:[^\s:/]")
_BULLET: Final = re.compile(r"^( *)([–—−•·‣▪]|-(?=[A-Za-z]))")  # noqa: RUF001 (these are what is looked for)
_CONFLICT: Final = re.compile(r"^(?:<{7}|>{7})(?: .*)?$", re.MULTILINE)
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_QUOTES: Final = "“”„‟‘’‚‛«»"  # noqa: RUF001 (these are what is looked for)
ODD_SPACES: Final = "\u00a0\u2007\u202f\u2009\u200b\u3000"

# YAML 1.2, core schema. Longer whole numbers stay text: nothing needs them, and reading them takes quadratic time.
_NULL: Final = re.compile(r"~|null|Null|NULL|")
_TRUTH: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,40}")
_BASED: Final = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FRACTION: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_SPECIAL: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class _UnreadableError(Exception):
    """Nothing after this place can be read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Lines:
    """Turns an index into a text into line and column, as editors count them (not as YAML does)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def position(self, index: int) -> Position:
        line = bisect_right(self._starts, index)
        return Position(line, index - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        end = self._starts[number] if number < len(self._starts) else len(self._text)
        return self._text[self._starts[number - 1] : end].rstrip("\r\n")


def _merge_conflicts(file: str, text: str, lines: _Lines) -> list[Problem]:
    hint = "decide between the two versions and delete the lines with <<<<<<<, ======= and >>>>>>>"
    message = "is left over from a merge conflict"
    return [
        Problem(file, *lines.position(match.start()), "merge-conflict", f"'{match[0][:40]}' {message}", hint)
        for match in _CONFLICT.finditer(text)
    ]


class _Composer:
    """Builds nodes out of parser events, and notes everything that the dialect refuses."""

    def __init__(self, file: str, text: str, lines: _Lines) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._lines = lines
        self._events = self._parsed(text)

    def document(self) -> Node | None:
        """Return the first document's root, or None if there is none.

        Raises:
            _UnreadableError: at the first place that is no YAML, or is nested too deeply.
        """
        root: Node | None = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent) and root is not None:
                hint = "delete the '---', or move what follows to a file of its own"
                self._note(self._at(event), "several-documents", "a second document begins here", hint)
                break
            if isinstance(event, NodeEvent):
                root = self._node(event, 1)
        is_nothing = isinstance(root, ScalarNode) and root.value is None
        return None if is_nothing else root

    def _parsed(self, text: str) -> Iterator[Event]:
        latest = Position(1, 1)
        try:
            for event in YAML(typ="safe", pure=True).parse(text):
                latest = self._at(event)
                yield event
        except Exception as error:  # for some escapes the parser raises ValueError and UnicodeError, not its own
            raise _UnreadableError(_syntax_problem(self._file, self._lines, error, latest)) from None

    def _at(self, event: Event) -> Position:
        return self._lines.position(event.start_mark.index)

    def _note(self, at: Position, code: str, message: str, hint: str | None = None) -> UnreadNode:
        self.problems.append(Problem(self._file, *at, code, message, hint))
        return UnreadNode(at)

    def _node(self, event: Event, depth: int) -> Node:
        at = self._at(event)
        if isinstance(event, AliasEvent):
            name = f"*{shortened(str(event.anchor))}"
            hint = f"write the value out; for a text that begins with '*', write \"{name}\""
            return self._note(at, "alias", f"'{name}' repeats another value; that is not possible here", hint)
        refused = self._refused_properties(event, at)
        if isinstance(event, ScalarEvent):
            node: Node = self._scalar(event, at)
        elif depth > MAX_NESTING:
            raise _UnreadableError(Problem(self._file, *at, "too-deep", f"nested deeper than {MAX_NESTING}"))
        elif isinstance(event, SequenceStartEvent):
            node = self._list(at, depth)
        else:
            node = self._map(at, depth)
        return refused or node

    def _refused_properties(self, event: Event, at: Position) -> UnreadNode | None:
        if (tag := getattr(event, "tag", None)) is not None:
            shown = shortened(str(tag).replace("tag:yaml.org,2002:", "!!"))
            hint = "delete it; for a text that begins with '!', use quotes"
            return self._note(at, "tag", f"the tag '{shown}' is not possible here", hint)
        if (anchor := getattr(event, "anchor", None)) is not None:
            hint = "delete it and write each value out; for a text that begins with '&', use quotes"
            return self._note(at, "anchor", f"the anchor '&{shortened(str(anchor))}' is not possible here", hint)
        return None

    def _scalar(self, event: ScalarEvent, at: Position) -> ScalarNode | UnreadNode:
        text, is_plain = str(event.value), bool(event.implicit[0])
        if is_plain and text[:1] and text[0] in _QUOTES:
            message = f"'{text[0]}' is a typographic quotation mark, and would become part of the text"
            return self._note(at, "smart-quotes", message, f'write "{shortened(text.strip(_QUOTES))}"')
        return ScalarNode(at, text, _core_value(text) if is_plain else text, is_plain)

    def _list(self, at: Position, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            node = self._node(event, depth + 1)
            items.append(self._filled(node, self._at(event), "this entry"))
        return ListNode(at, tuple(items))

    def _map(self, at: Position, depth: int) -> MapNode | UnreadNode:
        entries: dict[str, tuple[ScalarNode, Node]] = {}
        is_whole, begins_again = True, False
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._key(event, depth)
            value = self._node(next(self._events), depth + 1)
            if key is None or self._is_unspaced(key, value):
                is_whole = False
            elif key.text in entries:
                # Where the first key comes again, another entry of a list begins: one problem, not one for each key.
                begins_again = begins_again or key.text == next(iter(entries))
                if not begins_again or key.text == next(iter(entries)):
                    self._note_again(key, entries[key.text][0].at.line, begins_again)
            else:
                entries[key.text] = key, self._filled(value, key.at, f"'{shortened(key.text)}'")
        return MapNode(at, entries, is_whole) if entries or is_whole else UnreadNode(at)

    def _note_again(self, key: ScalarNode, line: int, begins_again: bool) -> None:
        hint = "if another entry of the list begins here, write '- ' before it" if begins_again else None
        message = f"'{shortened(key.text)}' is here already, in line {line}"
        self._note(key.at, "duplicate-key", message, hint or "keep one of the two")

    def _is_unspaced(self, key: ScalarNode, value: Node) -> bool:
        """Note `{within:3 days}`, which is one key without a value."""
        is_one = ":" in key.text and key.is_plain and isinstance(value, ScalarNode) and value.is_plain
        if is_one and isinstance(value, ScalarNode) and not value.text:
            message = f"'{shortened(key.text)}' has no value"
            self._note(key.at, "empty-value", message, "write a space after the ':'")
            return True
        return False

    def _key(self, event: Event, depth: int) -> ScalarNode | None:
        """Return a key, or None if it was refused; then its value is read for its own problems only."""
        before = len(self.problems)
        node = self._node(event, depth + 1)
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            if not (node.is_plain and node.text == "<<"):
                return node
            self._note(node.at, "merge-key", "'<<' is not possible here", "write the keys out")
        elif isinstance(node, ScalarNode):
            message = f"found {shortened(node.text)} as a key" if node.text else "there is no key before the ':'"
            hint = f'write "{shortened(node.text)}" if it is a name' if node.text else None
            self._note(node.at, "key-not-text", message, hint)
        elif not isinstance(node, UnreadNode):
            del self.problems[before:]  # what is wrong inside such a key follows from its being one
            hint = "a text that begins with '{' or '[' needs quotes"
            self._note(node.at, "key-not-text", "a key must be a text", hint)
        return None

    def _filled(self, node: Node, at: Position, name: str) -> Node:
        if isinstance(node, ScalarNode) and node.is_plain and not node.text:
            hint = "write one, delete the line, or indent the lines below that belong to it"
            return self._note(at, "empty-value", f"{name} has no value", hint)
        return node


def _core_value(text: str) -> str | int | float | bool | None:
    if _NULL.fullmatch(text):
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FRACTION.fullmatch(text):
        return float(text)
    return float(text.replace(".", "", 1)) if _SPECIAL.fullmatch(text) else text


# --- what the parser says, in words -----------------------------------------------------------------------------

# What the parser says -> (whether the place is where the thing began, message, hint); the first that is found.
_SYNTAX: Final[tuple[tuple[str, bool, str, str | None], ...]] = (
    (r"found character '\\t'", False, "a tab is not possible here", "write spaces"),
    ("that cannot start any token", False, "a text cannot begin with this character", "put the text in quotes"),
    ("end of stream|document separator", True, "this quotation mark is never closed", "close it in the same line"),
    ("expected ',' or '[\\]}]'", True, "this bracket is never closed", "is a ',' or a closing bracket missing?"),
    (
        "sequence entries are not allowed",
        False,
        "a list cannot begin here",
        "begin it in a line of its own, indented",
    ),
    (
        "mapping values are not allowed",
        False,
        "a ':' is not possible here",
        "check the indentation of this line and the one above; a text with ': ' in it needs quotes",
    ),
    ("could not find expected ':'", True, "this line has no ':'", "write 'key: value'"),
    (
        "expected <block end>",
        False,
        "this does not fit to the lines above",
        "indent it like its neighbours",
    ),
    ("unknown escape|escape sequence|chr\\(\\)|surrogates", False, "'\\' has a special meaning in \"…\"", "use '…'"),
    ("while scanning an? (alias|anchor)", True, "a text cannot begin with '*' or '&'", "put the text in quotes"),
    ("expected the node content", False, "a value is missing here", None),
)


def _syntax_problem(file: str, lines: _Lines, error: Exception, latest: Position) -> Problem:
    if isinstance(error, ReaderError):
        at = lines.position(error.position)
        message = f"the invisible character U+{_code_point(error.character):04X} is not possible in a file"
        return Problem(file, *at, "syntax", message, "delete it and type the text again")
    began = here = latest
    if isinstance(error, MarkedYAMLError) and error.problem_mark:
        began = here = lines.position(error.problem_mark.index)
    if isinstance(error, MarkedYAMLError) and error.context_mark:
        began = lines.position(error.context_mark.index)
    if (indentation := _odd_indentation(file, lines, here.line)) is not None:
        return indentation
    if (known := _known_slip(file, lines, error, here)) is not None:
        return known
    said = f"{getattr(error, 'context', None) or ''}: {getattr(error, 'problem', None) or error}"
    for pattern, at_beginning, message, hint in _SYNTAX:
        if re.search(pattern, said):
            at = began if at_beginning else here
            line = lines.line(at.line)
            hint = f"write '{unspaced}'" if (unspaced := _with_colon(line, message)) else hint
            return Problem(file, *at, "syntax", message, _odd_line_hint(line) or hint)
    message = f"this is not YAML: {said.strip(': ')}"
    return Problem(file, *here, "syntax", message, _odd_line_hint(lines.line(here.line)))


def _with_colon(line: str, message: str) -> str | None:
    return shortened(found) if "':'" in message and (found := key_at_the_beginning(line[:200])) else None


def _known_slip(file: str, lines: _Lines, error: Exception, here: Position) -> Problem | None:
    """Tell apart what the parser says of in the same words."""
    for number in (here.line, here.line - 1):
        if number and (bullet := _BULLET.match(lines.line(number))) is not None:
            message = f"'{bullet[2]}' begins no entry of a list"
            hint = "a list entry begins with '- ': a hyphen and a space"
            return Problem(file, number, len(bullet[1]) + 1, "syntax", message, hint)
    said, before = str(getattr(error, "problem", None)), lines.line(here.line)[: here.column - 1]
    if "expected <block end>" in said and before.rstrip().endswith(("'", '"')):
        message = "the text ends with the closing quotation mark, and here something follows"
        hint = "put the whole text in quotes of the other kind, or none of it"
        return Problem(file, *here, "syntax", message, hint)
    if "mapping values are not allowed" not in said or _odd_line_hint(lines.line(here.line)):
        return None
    above = next((lines.line(number) for number in range(here.line - 1, 0, -1) if _says_something(lines, number)), "")
    indentation = len(before) - len(before.lstrip())
    if ":" not in before and indentation > len(above) - len(above.lstrip(" -")) and not above.rstrip().endswith(":"):
        message = "this line is indented further than the one above, which has its value already"
        hint = "indent both alike, or look for a ':' that is missing above"
        return Problem(file, here.line, indentation + 1, "syntax", message, hint)
    if ":" in before:
        message = "a second ':' in one line"
        hint = "a text with ': ' in it needs quotes; what consists of several things begins in a line of its own"
        return Problem(file, *here, "syntax", message, hint)
    return None


def _says_something(lines: _Lines, number: int) -> bool:
    line = lines.line(number).strip()
    return bool(line) and not line.startswith("#")


def _code_point(character: Any) -> int:
    return ord(character) if isinstance(character, str) else int(character)


def _odd_indentation(file: str, lines: _Lines, last: int) -> Problem | None:
    """Blame a tab or a non-breaking space in front of a line; the parser stumbles over it there or one line later."""
    for number in range(max(1, last - 1), last + 1):
        line = lines.line(number)
        for column, character in enumerate(line[: len(line) - len(line.lstrip())], start=1):
            if character != " ":
                name = "a tab" if character == "\t" else "a non-breaking space"
                message = f"{name} is not possible in front of a line"
                return Problem(file, number, column, "syntax", message, "indent with spaces")
    return None


def _odd_line_hint(line: str) -> str | None:
    """Return what is probably wrong with a line that holds a character people do not see."""
    if line.lstrip().startswith("//"):
        return "a comment begins with '#'"
    if line.startswith("```"):
        return "delete the lines with ```"
    if _UNSPACED.match(line):
        return "write a space after the ':'"
    for column, character in enumerate(line, start=1):
        if character in ODD_SPACES:
            return f"column {column} holds a non-breaking space: type an ordinary one"
        if character in _QUOTES:
            return f"column {column} holds the typographic quotation mark {character}: type \" or '"
    return None
