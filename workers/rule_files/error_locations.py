"""Error locations: the refused node of a file, what the model expects there, and the words for both in messages.

This module must never know why a value is refused.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from workers.rule_files.positions import ODD_SPACES, Position
from workers.rule_files.problems import shortened
from workers.rule_files.yaml_nodes import ListNode, MapNode, Node, ScalarNode, UnreadNode

Schema = dict[str, Any]


class ErrorLocation(NamedTuple):
    """The node that a model refuses, and what the model expects there.

    Attributes:
        node: the refused node, or the closest one around it.
        schema: the expected schema; None if the node is not part of the model.
        kinds: the alternatives that the node chooses from by its keys; empty if it does not.
        union: the union that the node chooses from by its type, if it does.
        model: the model that the node should become, if it should become one.
        unwrapped: returns the schema inside wrappers and references.
        key: the key whose value the node is, if it is one.
        way: the nodes that contain it, the outermost first.
    """

    node: Node
    schema: Schema | None
    kinds: dict[str, Schema]
    union: Schema | None
    model: type[BaseModel] | None
    unwrapped: Callable[[Schema | None], tuple[Schema | None, type[BaseModel] | None]]
    key: str | None = None
    way: tuple[Node, ...] = ()


class Instead(NamedTuple):
    """What a hint says to write in place of a key or a value.

    Attributes:
        old: what is there, without its quotes; "" for a list or mapping in brackets.
        new: what to write, as YAML.
        below: keys with values to add to the same mapping.
    """

    old: str
    new: str
    below: tuple[tuple[str, str], ...] = ()


class ProblemText(NamedTuple):
    """A problem without its file.

    Attributes:
        code: the stable code.
        message: what was found.
        hint: what was probably meant.
        at: the position, if it is not that of the node.
        instead: the hint as a change of what is at the position, if it can be followed without a decision.
        otherwise: the hint to give if that change leads to another mistake.
    """

    code: str
    message: str
    hint: str | None = None
    at: Position | None = None
    instead: Instead | None = None
    otherwise: str | None = None


# --- schemas ----------------------------------------------------------------------------------------------------


def alias_of(name: str, field: Schema) -> str:
    """Return the name of a field in files."""
    alias = field.get("validation_alias", name)
    return alias if isinstance(alias, str) else name


def keys_of(schema: Schema | None) -> list[str]:
    """Return the keys of a mapping; none for anything else. A key in brackets is never written in a file."""
    if schema is None or schema["type"] != "model-fields":
        return []
    aliases = (alias_of(name, field) for name, field in schema["fields"].items())
    return [alias for alias in aliases if not alias.startswith("(")]


def required_keys_of(schema: Schema | None) -> set[str]:
    """Return the keys that a mapping must have; none for anything else."""
    if schema is None or schema["type"] != "model-fields":
        return set()
    return {alias_of(name, field) for name, field in schema["fields"].items() if field["schema"]["type"] != "default"}


def is_list(location: ErrorLocation, key: str) -> bool:
    """Return whether the value of a key must be a list."""
    fields = (location.schema or {}).get("fields", {})
    field = next((field for name, field in fields.items() if alias_of(name, field) == key), None)
    return (location.unwrapped(field)[0] or {}).get("type") == "list"


def kind_words(location: ErrorLocation, kinds: dict[str, Schema] | None = None) -> list[str]:
    """Return the keys that distinguish the alternatives: `after` for `after then` and `after without`."""
    words: dict[str, None] = {}
    for kind, schema in (kinds or location.kinds).items():
        keys = keys_of(location.unwrapped(schema)[0])
        if (word := kind if kind in keys else kind.split(" ")[0]) in keys:
            words[word] = None
    return list(words)


# --- words ------------------------------------------------------------------------------------------------------

_BULLETS: Final = re.compile(r"^([–—−•*·‣▪-]+)\s*(?=\S)")  # noqa: RUF001 (these are the characters to find)


def odd_key_hint(key: str) -> str | None:
    """Return the hint for a key with a character that people overlook: a bullet, a hidden space, a ':'."""
    if (bullet := _BULLETS.match(key)) is not None:
        if bullet[1] == "-":
            return "write a space after the '-'"
        return f"a list entry begins with '- ', a hyphen and a space, not with '{bullet[1]}'"
    if (hint := odd_text_hint(key)) is not None:
        return hint
    return "write a space after the ':'" if ":" in key else None


def odd_value_hint(node: Node) -> str | None:
    """Return the hint for a single value with a space that only looks like one."""
    return odd_text_hint(node.text) if isinstance(node, ScalarNode) else None


def odd_text_hint(text: str) -> str | None:
    """Return the hint for a text with a space that only looks like one."""
    has_odd_space = any(character in ODD_SPACES for character in text)
    return "it has a non-breaking space: type an ordinary one" if has_odd_space else None


def in_words(node: Node) -> str:
    """Return the words of messages for a node's content."""
    match node:
        case ScalarNode():
            return f"'{shortened(node.text)}'"
        case ListNode():
            return "a list" if node.items else "an empty list"
        case MapNode():
            return "keys with values" if node.entries else "nothing in { }"
        case UnreadNode():
            return "nothing"


def listed(names: Iterable[str]) -> str:
    """Return names in quotes, with commas between them."""
    return ", ".join(f"'{name}'" for name in names)
