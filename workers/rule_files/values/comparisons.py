"""Comparisons in rule files: which attribute is compared with which values and bounds, and where.

This module reads nodes, not models, so that a mistake in one place does not hide another one elsewhere. It must never
know which values are possible.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from schemas.conditions import BOUND_WORDS, CONDITION_WORDS
from workers.rule_files.references import elementary_in, entries_of
from workers.rule_files.yaml_nodes import ListNode, MapNode, Node, ScalarNode, items_of, value_of

Way = Literal["where", "latest", "sum", "average", "change", "date", "consent"]

_OF_EVENTS: Final = ("count", "none", "last", "first", "overdue", "change", "sum", "average", "distinct")
"""Conditions that choose events by `where`."""
_STEPS: Final = ("after", "then", "without")
_WORDS: Final = tuple(BOUND_WORDS.values())


class Comparison(NamedTuple):
    """An attribute, and what it is compared with.

    Attributes:
        type: the event type.
        attribute: the attribute.
        node: where the attribute is named.
        way: the key that compares it.
        values: the values that it is compared with; empty for a comparison with bounds.
        bounds: by word (`at least` …), the nodes of the bounds.
        excludes: any value except these.
        is_list: the values are written as a list.
    """

    type: str
    attribute: str
    node: ScalarNode
    way: Way
    values: tuple[ScalarNode, ...] = ()
    bounds: Mapping[str, ScalarNode] = {}
    excludes: bool = False
    is_list: bool = False

    @property
    def reference(self) -> str:
        """The attribute with its type, such as `purchase.amount`."""
        return f"{self.type}.{self.attribute}"


def comparisons_in(condition: Node) -> Iterator[Comparison]:
    """Yield every comparison in a condition and the conditions inside it."""
    for part in elementary_in(condition):
        kind = next((key for key in entries_of(part) if key in CONDITION_WORDS), None)
        named = value_of(part, kind) if kind is not None else None
        event_type, attribute = _split(named)
        if event_type and kind in _OF_EVENTS:
            yield from _filters(event_type, value_of(part, "where"))
        if event_type and attribute and isinstance(named, ScalarNode):
            yield from _of_attribute(part, kind, event_type, attribute, named)
        for key in _STEPS if kind == "after" else ():
            step = value_of(part, key)
            if isinstance(step, MapNode) and (step_type := _split(value_of(step, "event"))[0]):
                yield from _filters(step_type, value_of(step, "where"))


def consent_in(every: Node | None) -> Iterator[Comparison]:
    """Yield the comparisons of the consent under `for every rule`."""
    consent = value_of(every, "consent")
    named = value_of(consent, "from")
    event_type, attribute = _split(named)
    if event_type and attribute and isinstance(named, ScalarNode):
        for key in ("opted out", "opted in"):
            if values := _scalars(value_of(consent, key)):
                yield Comparison(event_type, attribute, named, "consent", values)


def _of_attribute(
    part: Node, kind: str | None, event_type: str, attribute: str, named: ScalarNode
) -> Iterator[Comparison]:
    match kind:
        case "latest":
            for key in ("is", "is not"):
                if values := _scalars(value_of(part, key)):
                    yield Comparison(event_type, attribute, named, "latest", values, excludes=key == "is not")
            if bounds := _bounds(part):
                yield Comparison(event_type, attribute, named, "latest", bounds=bounds)
        case "sum" | "average":
            way: Way = "sum" if kind == "sum" else "average"
            yield Comparison(event_type, attribute, named, way, bounds=_bounds(part))
        case "change":
            yield Comparison(event_type, attribute, named, "change")
        case "date":
            yield Comparison(event_type, attribute, named, "date")


def _filters(event_type: str, where: Node | None) -> Iterator[Comparison]:
    for attribute, (key, wanted) in entries_of(where).items():
        if isinstance(wanted, MapNode):
            if other := _scalars(value_of(wanted, "other than")):
                is_list = isinstance(value_of(wanted, "other than"), ListNode)
                yield Comparison(event_type, attribute, key, "where", other, excludes=True, is_list=is_list)
            elif bounds := _bounds(wanted):
                yield Comparison(event_type, attribute, key, "where", bounds=bounds)
        elif values := _scalars(wanted):
            is_list = isinstance(wanted, ListNode)
            yield Comparison(event_type, attribute, key, "where", values, is_list=is_list)


def _split(node: Node | None) -> tuple[str, str]:
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        return "", ""
    event_type, _, attribute = node.value.partition(".")
    return event_type, attribute


def _scalars(node: Node | None) -> tuple[ScalarNode, ...]:
    """Return a single value, or the values of a list."""
    nodes = (node,) if isinstance(node, ScalarNode) else items_of(node)
    return tuple(item for item in nodes if isinstance(item, ScalarNode) and item.value is not None)


def _bounds(node: Node) -> dict[str, ScalarNode]:
    bounds = ((word, value_of(node, word)) for word in _WORDS)
    return {word: bound for word, bound in bounds if isinstance(bound, ScalarNode)}
