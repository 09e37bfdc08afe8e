"""YAML that people wrote, read with positions: every problem at once, with line, column and what was meant.

The dialect is small and closed: one document of text keys and YAML 1.2 core scalars, so `no`, `on` and `off` are
texts. Anchors, aliases, tags, merge keys, repeated keys and values left empty are refused: each of them can make
a file mean something else than it says. What is here must not know what a file is for: the model is an argument.

Text goes through `parse_yaml` (text -> nodes with positions) and `validate` (nodes -> model); `read_yaml` does both.
"""

import codecs
import difflib
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError
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

from schemas.conditions import ATTRIBUTE_PATTERN, REFERENCE_PATTERN
from schemas.events import TYPE_PATTERN
from schemas.rules import RULE_ID_PATTERN
from schemas.sources import PATH_PATTERN, TOPIC_PATTERN

__all__ = [
    "Document",
    "ListNode",
    "MapNode",
    "Node",
    "Position",
    "Problem",
    "ScalarNode",
    "UnreadNode",
    "add_elsewhere",
    "did_you_mean",
    "in_order",
    "items_of",
    "parse_yaml",
    "plain_value",
    "printable",
    "read_text",
    "read_yaml",
    "read_yaml_file",
    "validate",
    "value_of",
]

MAX_FILE_BYTES: Final = 256 * 1024
MAX_NESTING: Final = 32

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that somebody has to mend.

    Attributes:
        file: the file as it was named.
        line: counted from 1, as editors do.
        column: counted from 1, in characters.
        code: stable name of the kind of mistake, such as `unknown-key`.
        message: what was found, in words.
        hint: what was probably meant.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return printable(f"{self.file}:{self.line}:{self.column}: {self.message}{hint}")


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


def read_yaml_file(path: Path, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    """Read and validate one file of at most 256 KiB of UTF-8; never raises for what the file holds."""
    text, problems = read_text(path)
    return (None, problems) if text is None else read_yaml(path, text, model)


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


def read_yaml(file: str | Path, text: str, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    """Parse and validate a text; the value is None as soon as there is any problem.

    Args:
        file: how the problems name the file; nothing is read from it.
        text: the whole file.
        model: what the file must be.

    Returns:
        The value or None, and the problems in the order of the file.
    """
    return validate(parse_yaml(str(file), text), model)


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


def validate(document: Document, model: type[Model]) -> tuple[Model | None, list[Problem]]:
    """Check parsed nodes against a model; returns the document's own problems too, in the order of the file."""
    if document.root is None:
        return None, list(document.problems)
    try:
        # Keys are what the published schema says, not the names that the code has for them.
        value = model.model_validate(plain_value(document.root), by_alias=True, by_name=False)
    except ValidationError as error:
        found = _Explainer(document.file, document.root, model).problems(error)
        # Not even a refusal that nothing here has words for may look like a file without problems.
        rest = [] if found or document.problems else [_nameless(document.file, document.root)]
        return None, in_order([*document.problems, *found, *rest])
    return (None if document.problems else value), list(document.problems)


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


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems by file, line and column, each once."""
    return sorted(dict.fromkeys(problems), key=lambda problem: (problem.file, problem.line, problem.column))


def value_of(node: Node | None, key: str) -> Node | None:
    """Return the value of a key, or None where there is no such key or no mapping at all."""
    return node.entries[key][1] if isinstance(node, MapNode) and key in node.entries else None


def items_of(node: Node | None) -> "tuple[Node, ...]":
    """Return the entries of a list; of anything else, none."""
    return node.items if isinstance(node, ListNode) else ()


def add_elsewhere(problems: Iterable[Problem], more: Iterable[Problem]) -> list[Problem]:
    """Return the problems and those of `more` at whose places nothing is reported yet: one mistake, one problem."""
    kept = list(problems)
    taken = {(problem.line, problem.column) for problem in kept}
    return kept + [problem for problem in more if (problem.line, problem.column) not in taken]


def printable(text: str) -> str:
    """Replace what a terminal would obey or hide, one character by one; a tab becomes a space."""
    return "".join(character if character.isprintable() else " " if character == "\t" else "·" for character in text)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, or None."""
    by_form = {_form(name): name for name in known}
    matches = difflib.get_close_matches(_form(word), by_form, n=1, cutoff=0.6)
    return by_form[matches[0]] if matches else None


def _form(word: str) -> str:
    return re.sub(r"[\s_\u200b\ufeff-]+", " ", word).strip().lower()


# --- text -> nodes ----------------------------------------------------------------------------------------------

_CONFLICT: Final = re.compile(r"^(?:<{7}|>{7})(?: .*)?$", re.MULTILINE)
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_QUOTES: Final = "“”„‟‘’‚‛«»"  # noqa: RUF001 (these are what is looked for)
_ODD_SPACES: Final = "\u00a0\u2007\u202f\u2009\u200b\u3000"

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
            name = f"*{_short(str(event.anchor))}"
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
            shown = _short(str(tag).replace("tag:yaml.org,2002:", "!!"))
            hint = "delete it; for a text that begins with '!', use quotes"
            return self._note(at, "tag", f"the tag '{shown}' is not possible here", hint)
        if (anchor := getattr(event, "anchor", None)) is not None:
            hint = "delete it and write each value out; for a text that begins with '&', use quotes"
            return self._note(at, "anchor", f"the anchor '&{_short(str(anchor))}' is not possible here", hint)
        return None

    def _scalar(self, event: ScalarEvent, at: Position) -> ScalarNode | UnreadNode:
        text, is_plain = str(event.value), bool(event.implicit[0])
        if is_plain and text[:1] and text[0] in _QUOTES:
            message = f"'{text[0]}' is a typographic quotation mark, and would become part of the text"
            return self._note(at, "smart-quotes", message, f'write "{_short(text.strip(_QUOTES))}"')
        return ScalarNode(at, text, _core_value(text) if is_plain else text, is_plain)

    def _list(self, at: Position, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            node = self._node(event, depth + 1)
            items.append(self._filled(node, self._at(event), "this entry"))
        return ListNode(at, tuple(items))

    def _map(self, at: Position, depth: int) -> MapNode | UnreadNode:
        entries: dict[str, tuple[ScalarNode, Node]] = {}
        is_whole = True
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = self._key(event, depth)
            value = self._node(next(self._events), depth + 1)
            if key is None:
                is_whole = False
            elif key.text in entries:
                first = entries[key.text][0].at
                message = f"'{_short(key.text)}' is here already, in line {first.line}"
                self._note(key.at, "duplicate-key", message, "keep one of the two")
            else:
                entries[key.text] = key, self._filled(value, key.at, f"'{_short(key.text)}'")
        return MapNode(at, entries, is_whole) if entries or is_whole else UnreadNode(at)

    def _key(self, event: Event, depth: int) -> ScalarNode | None:
        """Return a key, or None if it was refused; then its value is read for its own problems only."""
        before = len(self.problems)
        node = self._node(event, depth + 1)
        if isinstance(node, ScalarNode) and isinstance(node.value, str):
            if not (node.is_plain and node.text == "<<"):
                return node
            self._note(node.at, "merge-key", "'<<' is not possible here", "write the keys out")
        elif isinstance(node, ScalarNode):
            message = f"found {_short(node.text)} as a key" if node.text else "there is no key before the ':'"
            hint = f'write "{_short(node.text)}" if it is a name' if node.text else None
            self._note(node.at, "key-not-text", message, hint)
        elif not isinstance(node, UnreadNode):
            del self.problems[before:]  # what is wrong inside such a key follows from its being one
            hint = "a text that begins with '{' or '[' needs quotes"
            self._note(node.at, "key-not-text", "a key must be a text", hint)
        return None

    def _filled(self, node: Node, at: Position, name: str) -> Node:
        if isinstance(node, ScalarNode) and node.is_plain and not node.text:
            return self._note(at, "empty-value", f"{name} has no value", "write one, or delete the line")
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
        "indent it like its neighbours; a text with quotes in it needs quotes round the whole",
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
    said = f"{getattr(error, 'context', None) or ''}: {getattr(error, 'problem', None) or error}"
    for pattern, at_beginning, message, hint in _SYNTAX:
        if re.search(pattern, said):
            at = began if at_beginning else here
            return Problem(file, *at, "syntax", message, _odd_line_hint(lines.line(at.line)) or hint)
    message = f"this is not YAML: {said.strip(': ')}"
    return Problem(file, *here, "syntax", message, _odd_line_hint(lines.line(here.line)))


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
    for column, character in enumerate(line, start=1):
        if character in _ODD_SPACES:
            return f"column {column} holds a non-breaking space: type an ordinary one"
        if character in _QUOTES:
            return f"column {column} holds the typographic quotation mark {character}: type \" or '"
    return None


# --- what the model says, in words ------------------------------------------------------------------------------

_PATTERNS: Final = {
    TYPE_PATTERN: "an event type: small letters, digits, '-' and '_', beginning with a letter",
    RULE_ID_PATTERN: "an id: 3 to 64 small letters, digits and '-', beginning with a letter",
    ATTRIBUTE_PATTERN: "an attribute: letters, digits and '_'",
    REFERENCE_PATTERN: "an event type and an attribute with a dot between, such as 'purchase.amount'",
    PATH_PATTERN: "a path, such as 'customer.id' or 'lines[0].sku'",
    TOPIC_PATTERN: "a topic: letters, digits, '.', '-' and '_'",
}
_TRUTH_OF_YAML_1_1: Final = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}

_Schema = dict[str, Any]


class _Spot(NamedTuple):
    """Where an error of the model is in the file, and what the model wants there."""

    node: Node
    schema: _Schema | None
    kinds: dict[str, _Schema]
    """The alternatives that the node chooses from by its keys, if it does; empty otherwise."""
    union: _Schema | None
    """The union that the node chooses from by its type, if it does."""


class _Words(NamedTuple):
    code: str
    message: str
    hint: str | None = None
    at: Position | None = None
    """Where, if not at the node."""


def _nameless(file: str, root: Node) -> Problem:
    return Problem(file, *root.at, "wrong-value", "this file does not hold what it should")


class _Explainer:
    """Turns the errors of a model into problems of the file.

    The errors name their place by keys, indices and the tags of unions. A tag may look like a key (`count`), so
    the place is found by walking the model's own schema along with the nodes.
    """

    def __init__(self, file: str, root: Node, model: type[BaseModel]) -> None:
        self._file = file
        self._root = root
        schema: _Schema = dict(model.__pydantic_core_schema__)
        self._refs: dict[str, _Schema] = {part["ref"]: part for part in schema.get("definitions", ())}
        self._schema = schema

    def problems(self, error: ValidationError) -> list[Problem]:
        """Return the problems, without those that only follow from others."""
        errors = error.errors(include_url=False, include_input=False)
        unknown = [item for item in errors if item["type"] == "extra_forbidden"]
        missing = [item for item in errors if item["type"] == "missing"]
        others = [item for item in errors if item["type"] not in ("extra_forbidden", "missing")]
        meant: dict[int, set[str]] = {}
        found = [self._unknown_key(item["loc"], meant) for item in unknown]
        found += self._missing_keys([item["loc"] for item in missing], meant)
        found += self._refused_values(others)
        return [problem for problem in found if problem is not None]

    def _problem(self, node: Node, words: _Words) -> Problem | None:
        if isinstance(node, UnreadNode):
            return None
        return Problem(self._file, *(words.at or node.at), words.code, words.message, words.hint)

    def _unknown_key(self, loc: Sequence[int | str], meant: dict[int, set[str]]) -> Problem | None:
        spot, name = self._spot(loc[:-1]), str(loc[-1])
        if not isinstance(spot.node, MapNode):
            return None
        own = _keys_of(spot.schema)
        at = spot.node.entries[name][0].at if name in spot.node.entries else spot.node.at
        others = {key for kind in spot.kinds.values() for key in _keys_of(self._unwrapped(kind))}
        if name in spot.kinds or name in others:
            hint = _one_kind(spot.kinds) if name in spot.kinds else f"possible are {_listed(own)}"
            words = _Words("unknown-key", f"'{name}' cannot stand beside '{_kind_of(spot)}'", hint, at)
        else:
            suggested = did_you_mean(name, [key for key in own if key not in spot.node.entries] or own)
            suggested = suggested or did_you_mean(name, others)
            meant.setdefault(id(spot.node), set()).add(suggested or "")
            hint = f"did you mean '{suggested}'?" if suggested else f"possible are {_listed(own)}"
            words = _Words("unknown-key", f"unknown key '{_short(name)}'", _odd_space_hint(name) or hint, at)
        return self._problem(spot.node, words)

    def _missing_keys(self, locs: list[tuple[int | str, ...]], meant: dict[int, set[str]]) -> list[Problem | None]:
        missing: dict[int, tuple[Node, list[str]]] = {}
        for loc in locs:
            node = self._spot(loc[:-1]).node
            if isinstance(node, MapNode) and node.is_whole and loc[-1] not in meant.get(id(node), ()):
                missing.setdefault(id(node), (node, []))[1].append(str(loc[-1]))
        found = []
        for node, names in missing.values():
            message = f"{_listed(names)} {'is' if len(names) == 1 else 'are'} missing"
            found.append(self._problem(node, _Words("missing-key", message)))
        return found

    def _refused_values(self, errors: Iterable[Any]) -> list[Problem | None]:
        found: list[Problem | None] = []
        explained = set()
        for item in errors:
            spot = self._spot(item["loc"])
            if spot.union is not None:
                # A union complains once for each of its members; and a list that it takes is told about inside.
                takes_list = isinstance(spot.node, ListNode) and spot.schema is not None
                if takes_list or id(spot.node) in explained:
                    continue
                explained.add(id(spot.node))
            found.append(self._problem(spot.node, _explained(item, spot)))
        return found

    def _spot(self, loc: Sequence[int | str]) -> _Spot:
        """Walk nodes and schema along the place that an error names, as far as there are nodes."""
        node, key = self._root, None  # and the key that leads to the node, if one does
        schema, kinds, union = self._unwrapped(self._schema), dict[str, _Schema](), None
        for part in loc:
            if part == "[key]" and key is not None:
                return _Spot(key, None, {}, None)
            kind = schema["type"] if schema else None
            if schema and kind == "tagged-union":
                kinds = schema["choices"]
                schema = self._unwrapped(kinds.get(str(part)))
                continue
            if schema and kind == "union":
                union = schema
                schema = self._list_of(union) if isinstance(node, ListNode) else None
                continue
            if isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
                node, key = node.items[part], None
            elif isinstance(node, MapNode) and part in node.entries:
                key, node = node.entries[str(part)]
            else:
                break
            schema, kinds, union = self._unwrapped(_inside(schema, part)), {}, None
        return _Spot(node, schema, kinds, union)

    def _list_of(self, union: _Schema) -> _Schema | None:
        return next((choice for choice in union["choices"] if choice["type"] == "list"), None)

    def _unwrapped(self, schema: _Schema | None) -> _Schema | None:
        """Return the part of a schema that says what keys, items or values it wants."""
        while schema is not None:
            if schema["type"] == "definition-ref":
                schema = self._refs.get(schema["schema_ref"])
            elif "schema" in schema:
                schema = schema["schema"]
            else:
                break
        return schema


def _inside(schema: _Schema | None, part: int | str) -> _Schema | None:
    if schema is None:
        return None
    if schema["type"] == "model-fields":
        fields = {_alias(name, field): field for name, field in schema["fields"].items()}
        return fields.get(str(part))
    inner: _Schema | None = schema.get("items_schema" if isinstance(part, int) else "values_schema")
    return inner


def _alias(name: str, field: _Schema) -> str:
    alias = field.get("validation_alias", name)
    return alias if isinstance(alias, str) else name


def _keys_of(schema: _Schema | None) -> list[str]:
    if schema is None or schema["type"] != "model-fields":
        return []
    return [_alias(name, field) for name, field in schema["fields"].items()]


def _kind_of(spot: _Spot) -> str:
    entries = spot.node.entries if isinstance(spot.node, MapNode) else {}
    return next((key for key in entries if key in spot.kinds), next(iter(entries), ""))


def _one_kind(kinds: Iterable[str]) -> str:
    return f"only one of {', '.join(kinds)} is possible at a time; put several into a list under 'all:'"


def _explained(item: Any, spot: _Spot) -> _Words:
    """Say in words what a model's error means for the person who wrote the file."""
    error, found = str(item["type"]), _in_words(spot.node)
    if spot.schema is not None and spot.schema["type"] == "tagged-union" and error != "value_error":
        return _no_kind(spot, list(spot.schema["choices"]))
    if spot.union is not None:
        return _Words("wrong-type", f"expected a text, a number or true/false, found {found}")
    context = item.get("ctx", {})
    if error == "value_error":
        return _Words("wrong-value", _short(str(context["error"]), 300), _value_hint(spot.node))
    if error == "literal_error":
        return _no_literal(spot, found)
    if error == "string_pattern_mismatch":
        words = _PATTERNS.get(str(context.get("pattern")))
        hint = _value_hint(spot.node) or (f"expected {words}" if words else None)
        return _Words("wrong-value", f"{found} is not possible here", hint)
    if error.endswith(("too_short", "too_long")):
        return _Words("wrong-size", _size_in_words(error, context, found))
    for beginnings, code, expected in _EXPECTED:
        if error.startswith(beginnings):
            return _Words(code, f"expected {expected}, found {found}", _value_hint(spot.node, expected))
    return _Words("wrong-value", f"{found} is not possible here", _value_hint(spot.node))


_EXPECTED: Final[tuple[tuple[tuple[str, ...], str, str], ...]] = (
    (("string",), "wrong-type", "a text"),
    (("decimal", "int", "float", "finite"), "wrong-type", "a number"),
    (("bool",), "wrong-type", "true or false"),
    (("list",), "wrong-type", "a list"),
    (("dict", "model"), "wrong-type", "keys with values"),
    (("date", "timezone"), "wrong-value", "a day such as 2024-01-31"),
)


def _no_kind(spot: _Spot, kinds: list[str]) -> _Words:
    """Explain a mapping in which none of the keys is there that would say what it is."""
    message = f"expected one of {', '.join(kinds)}; found {_in_words(spot.node)}"
    if isinstance(spot.node, ListNode) and "all" in kinds:
        return _Words("unknown-kind", message, "write 'all:' or 'any:' before a list of conditions")
    if isinstance(spot.node, MapNode):
        for name, (key, _) in spot.node.entries.items():
            if (suggested := did_you_mean(name, kinds)) is not None:
                message = f"'{_short(name)}' is none of {', '.join(kinds)}"
                return _Words("unknown-kind", message, f"did you mean '{suggested}'?", key.at)
        message = f"none of {', '.join(kinds)} is here"
    return _Words("unknown-kind", message)


def _no_literal(spot: _Spot, found: str) -> _Words:
    expected = list((spot.schema or {}).get("expected", ()))
    written = spot.node.text if isinstance(spot.node, ScalarNode) else ""
    if expected == [True]:
        meant = _TRUTH_OF_YAML_1_1.get(written.lower())
        hint = f"'{written}' is a text here: write {meant}" if meant else "write true, or delete the line"
        return _Words("wrong-value", f"expected true, found {found}", hint)
    suggested = did_you_mean(written, [str(value) for value in expected])
    message = f"{found} is none of {_listed([str(value) for value in expected])}"
    return _Words("wrong-value", message, f"did you mean '{suggested}'?" if suggested else None)


def _size_in_words(error: str, context: dict[str, Any], found: str) -> str:
    one, several = ("character", "characters") if error.startswith("string") else ("entry", "entries")
    bound, comparison = context.get("min_length", 0), "at least"
    if error.endswith("too_long"):
        bound, comparison = context.get("max_length", 0), "at most"
        found = str(context.get("actual_length") or found)
    return f"expected {comparison} {bound} {one if bound == 1 else several}, found {found}"


def _value_hint(node: Node, expected: str = "") -> str | None:
    if not isinstance(node, ScalarNode):
        return "begin each entry with '- '" if isinstance(node, MapNode) and expected == "a list" else None
    if expected == "a text" and node.is_plain:
        return f'write "{_short(node.text)}" if it is a text'
    if expected == "a number" and "," in node.text:
        return "write a decimal point, and nothing between thousands"
    return _odd_space_hint(node.text)


def _odd_space_hint(text: str) -> str | None:
    has_one = any(character in _ODD_SPACES for character in text)
    return "it holds a non-breaking space: type an ordinary one" if has_one else None


def _in_words(node: Node) -> str:
    match node:
        case ScalarNode():
            return f"'{_short(node.text)}'"
        case ListNode():
            return "a list" if node.items else "an empty list"
        case MapNode():
            return "keys with values" if node.entries else "nothing in { }"
        case UnreadNode():
            return "nothing"


def _short(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
