"""Comparisons in rule files: which attribute is compared with which values and bounds, and where.

This module reads nodes, not models, so that a mistake in one place does not hide another one elsewhere. It must never
know which values are possible.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from schemas.conditions import BOUND_WORDS
from schemas.conditions.elementary import Way
from schemas.conditions.latest import WHETHER_KNOWN
from workers.rule_files.references import elementary_in, entries_of, kind_of
from workers.rule_files.yaml_nodes import ListNode, MapNode, Node, ScalarNode, items_of, value_of

_WORDS: Final = tuple(BOUND_WORDS.values())


class Comparison(NamedTuple):
    """An attribute, and what it is compared with.

    Attributes:
        type: the event type.
        attribute: the attribute.
        node: where the attribute is named.
        way: what is done with it; `where` in a filter, `consent` under `for every rule`.
        values: the values that it is compared with; empty for a comparison with bounds.
        bounds: by word (`at least` …), the nodes of the bounds.
        excludes: any value except these.
        is_list: the values are written as a list.
    """

    type: str
    attribute: str
    node: ScalarNode
    way: Way | Literal["where", "consent"]
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
        if (kind := kind_of(part)) is None:
            continue
        named = value_of(part, kind.naming)
        event_type, attribute = _split(named)
        if event_type and "where" in kind.model_fields:
            yield from _filters(event_type, value_of(part, "where"))
        if event_type and attribute and isinstance(named, ScalarNode):
            yield from _of_attribute(part, kind.compares, event_type, attribute, named)
        for key in kind.steps:
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


def worth_in(value: Node | None) -> Iterator[Comparison]:
    """Yield the attributes that `value` adds up."""
    for key in ("revenue", "less"):
        for named in items_of(value_of(value, key)):
            event_type, attribute = _split(named)
            if event_type and attribute and isinstance(named, ScalarNode):
                yield Comparison(event_type, attribute, named, "sum")


def _of_attribute(
    part: Node, way: Way | None, event_type: str, attribute: str, named: ScalarNode
) -> Iterator[Comparison]:
    match way:
        case "value":
            for key in ("is", "is not"):
                wanted = value_of(part, key)
                if key == "is" and isinstance(wanted, ScalarNode) and wanted.value in WHETHER_KNOWN:
                    continue  # it asks for no value
                if values := _scalars(wanted):
                    yield Comparison(event_type, attribute, named, way, values, excludes=key == "is not")
            if bounds := _bounds(part):
                yield Comparison(event_type, attribute, named, way, bounds=bounds)
            if (was := value_of(part, "was")) is not None:
                yield from _filter(event_type, attribute, named, was)
        case "sum" | "mean":
            yield Comparison(event_type, attribute, named, way, bounds=_bounds(part))
        case "sums" | "moment":
            yield Comparison(event_type, attribute, named, way)


def _filters(event_type: str, where: Node | None) -> Iterator[Comparison]:
    for attribute, (key, wanted) in entries_of(where).items():
        yield from _filter(event_type, attribute, key, wanted)


def _filter(event_type: str, attribute: str, key: ScalarNode, wanted: Node) -> Iterator[Comparison]:
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
