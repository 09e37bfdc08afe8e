"""YAML files as nodes with positions, and every problem at once, with line, column and what was probably meant.

The dialect is small and closed: one document of text keys and YAML 1.2 core scalars, so `no`, `on` and `off` are
texts. Anchors, aliases, tags, merge keys, repeated keys and empty values are refused, because each can give a file an
unexpected meaning. This module must never know the purpose of a file.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
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

from workers.rule_files.positions import QUOTES, Lines, Position
from workers.rule_files.problems import Explanation, Problem, Replacement, in_order, shortened
from workers.rule_files.yaml_syntax import syntax_problem
from workers.rule_files.yaml_usual import usual_events

MAX_NESTING: Final = 32


@dataclass(frozen=True, slots=True, eq=False)
class ScalarNode:
    """A single value.

    Attributes:
        at: its position.
        text: as it is written.
        value: its meaning.
        is_plain: it is written without quotes.
    """

    at: Position
    text: str
    value: str | int | float | bool | None
    is_plain: bool


@dataclass(frozen=True, slots=True, eq=False)
class ListNode:
    """A list.

    Attributes:
        at: its position.
        items: its entries.
    """

    at: Position
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True, eq=False)
class MapNode:
    """Keys with values.

    Attributes:
        at: its position.
        entries: by key, the nodes of the key and of its value, in the order of the file.
        is_whole: False if an entry was refused and left out, so that missing keys must not be reported.
    """

    at: Position
    entries: "dict[str, tuple[ScalarNode, Node]]"
    is_whole: bool


@dataclass(frozen=True, slots=True, eq=False)
class UnreadNode:
    """The place of a node that was refused and reported.

    Attributes:
        at: its position.
    """

    at: Position


Node = ScalarNode | ListNode | MapNode | UnreadNode


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file.

    Attributes:
        file: its name.
        root: its outermost node; None if the file cannot be read at all.
        problems: everything that the dialect refuses, in the order of the file.
    """

    file: str
    root: Node | None
    problems: tuple[Problem, ...]


def parse_yaml(file: str, text: str, *, any_scalar_as_key: bool = False) -> Document:
    """Parse a text into nodes; never raise because of its content.

    Args:
        file: its name in problems.
        text: the whole file.
        any_scalar_as_key: whether a number, or true or false, can be a key; it counts as the text that is written.
    """
    text = text.removeprefix("\ufeff")
    lines = Lines(text)
    if conflicts := _merge_conflicts(file, text, lines):
        return Document(file, None, tuple(conflicts))
    composer = _Composer(file, text, lines, any_scalar_as_key=any_scalar_as_key)
    try:
        root = composer.document()
    except _UnreadableError as error:
        return Document(file, None, tuple(in_order([*composer.problems, error.problem])))
    if root is None:
        composer.problems.append(Problem(file, 1, 1, "empty-file", "the file is empty"))
    return Document(file, root, tuple(composer.problems))


def plain_value(node: Node) -> Any:
    """Return the meaning of a node as plain Python values; refused parts remain `UnreadNode`s."""
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return [plain_value(item) for item in node.items]
        case MapNode():
            return {key: plain_value(value) for key, (_, value) in node.entries.items()}
        case UnreadNode():
            return node  # no field accepts it, so that no model is built from a refused part


def value_of(node: Node | None, key: str) -> Node | None:
    """Return the value of a key, or None if there is no such key or the node is not a mapping."""
    return node.entries[key][1] if isinstance(node, MapNode) and key in node.entries else None


def items_of(node: Node | None) -> "tuple[Node, ...]":
    """Return the entries of a list; none for anything else."""
    return node.items if isinstance(node, ListNode) else ()


# --- text -> nodes ----------------------------------------------------------------------------------------------

_CONFLICT: Final = re.compile(r"^(?:<{7}|>{7})(?: .*)?$", re.MULTILINE)

# YAML 1.2, core schema. Longer whole numbers stay text: no field needs them, and parsing takes quadratic time.
_NULL: Final = re.compile(r"~|null|Null|NULL|")
_TRUTH: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,40}")
_BASED: Final = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FRACTION: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_SPECIAL: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class _UnreadableError(Exception):
    """Nothing after this position can be read."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _merge_conflicts(file: str, text: str, lines: Lines) -> list[Problem]:
    hint = "decide between the two versions and delete the lines with <<<<<<<, ======= and >>>>>>>"
    message = "is left over from a merge conflict"
    return [
        Problem(file, *lines.position(match.start()), "merge-conflict", f"'{match[0][:40]}' {message}", hint)
        for match in _CONFLICT.finditer(text)
    ]


class _Composer:
    """Builds nodes from parser events, and records everything that the dialect refuses."""

    def __init__(self, file: str, text: str, lines: Lines, *, any_scalar_as_key: bool) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._lines = lines
        self._any_scalar_as_key = any_scalar_as_key
        self._events = self._parsed(text)

    def document(self) -> Node | None:
        """Return the root of the first document, or None if there is none.

        Raises:
            _UnreadableError: at the first position that is not YAML, or is nested too deeply.
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
        if (usual := usual_events(text)) is not None:
            yield from usual
            return
        latest = Position(1, 1)
        try:
            for event in YAML(typ="safe", pure=True).parse(text):
                latest = self._at(event)
                yield event
        except Exception as error:  # for some escapes the parser raises ValueError and UnicodeError, not its own
            raise _UnreadableError(syntax_problem(self._file, self._lines, error, latest)) from None

    def _at(self, event: Event) -> Position:
        return self._lines.position(event.start_mark.index)

    def _note(
        self, at: Position, code: str, message: str, hint: str | None = None, replacement: Replacement | None = None
    ) -> UnreadNode:
        self.problems.append(Problem(self._file, *at, code, message, hint, replacement=replacement))
        return UnreadNode(at)

    def _node(self, event: Event, depth: int) -> Node:
        at = self._at(event)
        if isinstance(event, AliasEvent):
            alias = f"*{shortened(str(event.anchor))}"
            hint = f"write the value out; for a text that begins with '*', write \"{alias}\""
            return self._note(at, "alias", f"'{alias}' repeats another value; that is not possible here", hint)
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
            written = shortened(str(tag).replace("tag:yaml.org,2002:", "!!"))
            hint = "delete it; for a text that begins with '!', use quotes"
            return self._note(at, "tag", f"the tag '{written}' is not possible here", hint)
        if (anchor := getattr(event, "anchor", None)) is not None:
            hint = "delete it and write each value out; for a text that begins with '&', use quotes"
            return self._note(at, "anchor", f"the anchor '&{shortened(str(anchor))}' is not possible here", hint)
        return None

    def _scalar(self, event: ScalarEvent, at: Position) -> ScalarNode | UnreadNode:
        text, is_plain = str(event.value), bool(event.implicit[0])
        if is_plain and text[:1] and text[0] in QUOTES:
            message = f"'{text[0]}' is a typographic quotation mark, and would become part of the text"
            new = json.dumps(text.strip(QUOTES), ensure_ascii=False)
            return self._note(at, "smart-quotes", message, f"write {shortened(new)}", Replacement(*at, text, new))
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
                # If the first key repeats, another entry of a list begins: that is one problem, not one for each key.
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
        """Record a problem for `{within:3 days}`, which is one key without a value; return whether it is one."""
        is_plain = ":" in key.text and key.is_plain and isinstance(value, ScalarNode) and value.is_plain
        if is_plain and isinstance(value, ScalarNode) and not value.text:
            message = f"'{shortened(key.text)}' has no value"
            self._note(key.at, "empty-value", message, "write a space after the ':'")
            return True
        return False

    def _key(self, event: Event, depth: int) -> ScalarNode | None:
        """Return a key, or None if it was refused; then its value is read for its own problems only."""
        before = len(self.problems)
        node = self._node(event, depth + 1)
        is_text = isinstance(node, ScalarNode) and isinstance(node.value, str)
        if isinstance(node, ScalarNode) and (is_text or (self._any_scalar_as_key and node.value is not None)):
            if not (node.is_plain and node.text == "<<"):
                return node
            self._note(node.at, "merge-key", "'<<' is not possible here", "write the keys out")
        elif isinstance(node, ScalarNode):
            message = f"found {shortened(node.text)} as a key" if node.text else "there is no key before the ':'"
            hint = f'write "{shortened(node.text)}" if it is a name' if node.text else None
            self._note(node.at, "key-not-text", message, hint)
        elif not isinstance(node, UnreadNode):
            del self.problems[before:]  # problems inside such a key follow from this one
            hint = "a text that begins with '{' or '[' needs quotes"
            self._note(node.at, "key-not-text", "a key must be a text", hint)
        return None

    def _filled(self, node: Node, at: Position, what: str) -> Node:
        if isinstance(node, ScalarNode) and node.is_plain and not node.text:
            hint = "write one, delete the line, or indent the lines below that belong to it"
            return self._note(at, "empty-value", f"{what} has no value", hint)
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


# --- codes ------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "empty-file": Explanation(
        "The file is empty",
        "The file has only comments or blank lines. Perhaps saving it went wrong. If it is meant to be empty, "
        "delete it.",
        "# nothing but a comment\n",
        "rules:\n"
        "  - id: gone-quiet\n"
        "    title: Gone quiet\n"
        "    when: {none: purchase, for: 45 days}\n"
        "    action: at-risk\n"
        "    template: we-miss-you\n"
        "    expires after: 14 days\n",
    ),
    "merge-conflict": Explanation(
        "Two versions of the file were not merged",
        "Git could not choose between two versions and left both, between `<<<<<<<` and `>>>>>>>`. Keep the right "
        "lines; delete the others and the markers.",
        "<<<<<<< HEAD\ntemplate: we-miss-you\n=======\ntemplate: come-back\n>>>>>>> spring\n",
        "template: come-back\n",
    ),
    "several-documents": Explanation(
        "A second document begins",
        "A line `---` begins a second document, which Linger would not read. Delete the line, or move the second "
        "part to another file.",
        "template: we-miss-you\n---\nrules: []\n",
        "template: we-miss-you\n",
    ),
    "duplicate-key": Explanation(
        "A key appears twice",
        "Only one of the two can count, and Linger does not guess which. If the second one belongs to another entry "
        "of a list, put a `- ` before it.",
        "template: we-miss-you\ntemplate: come-back\n",
        "template: come-back\n",
    ),
    "key-not-text": Explanation(
        "A key is not a text",
        "The key before a colon must be a word. `{{ name }}`, known from templates, is a mapping in YAML: put it in "
        "quotes.",
        "template: {{ template }}\n",
        'template: "{{ template }}"\n',
    ),
    "empty-value": Explanation(
        "A value is missing",
        "There is nothing after the colon or the dash. Write a value or delete the line. If the lines below belong "
        "to it, indent them.",
        "template: we-miss-you\nunless:\n",
        "template: we-miss-you\n",
    ),
    "smart-quotes": Explanation(
        "Typographic quotation marks",
        'Word processors and chats replace " with “ and ”, which YAML reads as part of the text. Type plain '
        "quotation marks, or leave them out: most texts need none.",
        "template: “we-miss-you”\n",
        "template: we-miss-you\n",
    ),
    "anchor": Explanation(
        "A YAML anchor",
        "`&name` names a value so that it can be repeated. A rule should show all its values. Write the value out, "
        "or name a condition under `define`.",
        "template: &message we-miss-you\n",
        "template: we-miss-you\n",
    ),
    "alias": Explanation(
        "A YAML alias",
        "`*name` repeats another value. Write the value out. A text that begins with `*` needs quotes.",
        "template: *message\n",
        "template: we-miss-you\n",
    ),
    "merge-key": Explanation(
        "A YAML merge key",
        "`<<` copies keys from another mapping. Write them out. Shared conditions belong under `define`.",
        "<<: {action: at-risk}\n",
        "action: at-risk\n",
    ),
    "tag": Explanation(
        "A YAML tag",
        "`!name` changes the type of a value. Delete it. A text that begins with `!` needs quotes.",
        "template: !important we-miss-you\n",
        "template: we-miss-you\n",
    ),
    "too-deep": Explanation(
        "Nested too deeply",
        "Lists and mappings are nested more than 32 levels deep. No rule needs that; a bracket may be missing.",
        "description: " + "[" * 40 + "]" * 40 + "\n",
        "description: no brackets\n",
    ),
}
