"""What stands where in rule files: rules, definitions, and the names they use, whether or not the rest is in order.

What is here reads nodes, not models: a mistake in one place must not hide another one elsewhere.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from schemas.conditions import CONDITION_WORDS
from workers.rule_files.yaml_nodes import Document, MapNode, Node, ScalarNode, items_of, value_of

_NAMING: Final = (
    *("count", "none", "last", "first", "overdue", "change"),
    *("sum", "average", "distinct", "latest", "date"),
)
"""Keys of conditions that name an event type, or a type and an attribute with a dot between."""
_STEPS: Final = ("after", "then", "without")


class Named(NamedTuple):
    """An event type that a file names, and an attribute of it if it names one."""

    type: str
    attribute: str | None
    node: ScalarNode
    is_beside: bool = False
    """The attribute stands by itself in a mapping beside the type."""


class Definition(NamedTuple):
    """A named condition, where it is."""

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
    """Return the value of a key if it is a text."""
    value = value_of(node, key)
    return value if isinstance(value, ScalarNode) and isinstance(value.value, str) else None


def entries_of(node: Node | None) -> Mapping[str, tuple[ScalarNode, Node]]:
    """Return the entries of a mapping; of anything else, none."""
    return node.entries if isinstance(node, MapNode) else {}


def definitions_in(document: Document) -> Iterator[Definition]:
    """Yield every named condition."""
    for name, (key, condition) in entries_of(value_of(document.root, "define")).items():
        yield Definition(name, document, key, condition)


def conditions_of(rule: Node) -> list[Node]:
    """Return what stands under `when` and `unless`."""
    return [part for key in ("when", "unless") if (part := value_of(rule, key)) is not None]


def parts_of(condition: Node) -> list[Node]:
    """Return the conditions directly inside a combination; none for an elementary one."""
    parts = [part for key in ("all", "any") for part in items_of(value_of(condition, key))]
    return parts + [part for part in (value_of(condition, "not"),) if part is not None]


def elementary_in(condition: Node) -> Iterator[Node]:
    """Yield every condition that is no combination, in the order of the file."""
    parts = parts_of(condition)
    for part in parts:
        yield from elementary_in(part)
    if not parts:
        yield condition


def meets_in(condition: Node) -> Iterator[ScalarNode]:
    """Yield the names that a condition uses, where it uses them."""
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
    for place, key in (("time zone", "from"), ("time zone", "country"), ("consent", "from")):
        yield from _named(value_of(value_of(every, place), key))


def names_in_condition(condition: Node) -> Iterator[Named]:
    """Yield what a condition and the conditions in it name."""
    for part in elementary_in(condition):
        # The first of these words says what a condition is; another one beside it is a mistake of its own.
        kind = next((key for key in entries_of(part) if key in CONDITION_WORDS), None)
        if kind in _NAMING:
            yield from _named(value_of(part, kind), value_of(part, "where"))
        for key in _STEPS if kind == "after" else ():
            step = value_of(part, key)
            named = value_of(step, "event") if isinstance(step, MapNode) else step
            yield from _named(named, value_of(step, "where"))


def variables_in(rule: Node) -> Iterator[Named]:
    """Yield what a rule's template variables name."""
    for _, reference in entries_of(value_of(rule, "variables")).values():
        yield from _named(reference)


def names_in_example(example: Node) -> Iterator[Named]:
    """Yield the events that a made-up customer does."""
    for given in items_of(value_of(example, "given")):
        yield from _named(value_of(given, "event"), value_of(given, "with"))


def _named(node: Node | None, attributes: Node | None = None) -> Iterator[Named]:
    """Yield what `purchase` or `purchase.amount` names, and the attributes of that type in a mapping beside it."""
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return
    name, dot, attribute = node.value.partition(".")
    yield Named(name, attribute if dot else None, node)
    for other, (key, _) in entries_of(attributes).items():
        yield Named(name, other, key, True)
