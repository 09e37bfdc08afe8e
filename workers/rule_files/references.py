"""References in rule files: rules, definitions, and the names that they use.

This module reads nodes, not models, so that a mistake in one place does not hide another one elsewhere. It must
never know which names exist.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from schemas.conditions import ELEMENTARY, Elementary, condition_kind
from workers.rule_files.yaml_nodes import Document, MapNode, Node, ScalarNode, items_of, value_of


class Named(NamedTuple):
    """An event type that a file names, possibly with one of its attributes.

    Attributes:
        type: the event type.
        attribute: the attribute; None if only the type is named.
        node: where it is named.
        is_beside: the node is a key of a mapping beside the type, and names the attribute only.
    """

    type: str
    attribute: str | None
    node: ScalarNode
    is_beside: bool = False


class Definition(NamedTuple):
    """A named condition and its position.

    Attributes:
        name: the name.
        document: the file.
        key: the node of the name.
        condition: the node of the condition.
    """

    name: str
    document: Document
    key: ScalarNode
    condition: Node


def rules_in(document: Document) -> Iterator[MapNode]:
    """Yield every rule that is a mapping."""
    for rule in items_of(value_of(document.root, "rules")):
        if isinstance(rule, MapNode):
            yield rule


def text_of(node: Node | None, key: str) -> ScalarNode | None:
    """Return the node of a key's value if it is a text."""
    value = value_of(node, key)
    return value if isinstance(value, ScalarNode) and isinstance(value.value, str) else None


def entries_of(node: Node | None) -> Mapping[str, tuple[ScalarNode, Node]]:
    """Return the entries of a mapping; none for anything else."""
    return node.entries if isinstance(node, MapNode) else {}


def definitions_in(document: Document) -> Iterator[Definition]:
    """Yield every named condition."""
    for name, (key, condition) in entries_of(value_of(document.root, "define")).items():
        yield Definition(name, document, key, condition)


def conditions_of(rule: Node) -> list[Node]:
    """Return the nodes under `when` and `unless`."""
    return [part for key in ("when", "unless") if (part := value_of(rule, key)) is not None]


def parts_of(condition: Node) -> list[Node]:
    """Return the conditions directly inside a combination; none for an elementary one."""
    parts = [part for key in ("all", "any") for part in items_of(value_of(condition, key))]
    return parts + [part for part in (value_of(condition, "not"),) if part is not None]


def elementary_in(condition: Node) -> Iterator[Node]:
    """Yield every condition that is not a combination, in the order of the file."""
    parts = parts_of(condition)
    for part in parts:
        yield from elementary_in(part)
    if not parts:
        yield condition


def kind_of(condition: Node) -> type[Elementary] | None:
    """Return how an elementary condition is to be written; None if no key names its kind, and for `meets`.

    The first word of a condition decides; another one beside it is a separate mistake.
    """
    return ELEMENTARY.get(condition_kind(dict(entries_of(condition))) or "")


def meets_in(condition: Node) -> Iterator[ScalarNode]:
    """Yield the nodes of the named conditions that a condition uses."""
    for part in elementary_in(condition):
        if (name := text_of(part, "meets")) is not None:
            yield name


# --- event types and attributes ---------------------------------------------------------------------------------


def names_in(document: Document) -> Iterator[Named]:
    """Yield every event type and attribute that a file names, in no particular order."""
    for definition in definitions_in(document):
        yield from names_in_condition(definition.condition)
    for rule in rules_in(document):
        for condition in conditions_of(rule):
            yield from names_in_condition(condition)
        yield from variables_in(rule)
        for example in items_of(value_of(rule, "examples")):
            yield from names_in_example(example)
    every = value_of(document.root, "for every rule")
    for setting, key in (("time zone", "from"), ("time zone", "country"), ("consent", "from")):
        yield from _named(value_of(value_of(every, setting), key))


def names_in_condition(condition: Node) -> Iterator[Named]:
    """Yield the names in a condition and the conditions inside it."""
    for part in elementary_in(condition):
        if (kind := kind_of(part)) is None:
            continue
        if kind.naming:
            yield from _named(value_of(part, kind.naming), value_of(part, "where"))
        for key in kind.steps:
            step = value_of(part, key)
            named = value_of(step, "event") if isinstance(step, MapNode) else step
            yield from _named(named, value_of(step, "where"))


def variables_in(rule: Node) -> Iterator[Named]:
    """Yield the names in the template variables of a rule."""
    for _, reference in entries_of(value_of(rule, "variables")).values():
        yield from _named(reference)


def names_in_example(example: Node) -> Iterator[Named]:
    """Yield the names in the events of an example."""
    for given in items_of(value_of(example, "given")):
        yield from _named(value_of(given, "event"), value_of(given, "with"))


def _named(node: Node | None, attributes: Node | None = None) -> Iterator[Named]:
    """Yield the names in `purchase` or `purchase.amount`, and the attributes in a mapping beside it."""
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return
    event_type, dot, attribute = node.value.partition(".")
    yield Named(event_type, attribute if dot else None, node)
    for beside, (key, _) in entries_of(attributes).items():
        yield Named(event_type, beside, key, True)
