"""Attributes that several rules read as different types. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from schemas.attribute_types import BUILT_IN_TYPES, AttributeType, AttributeUse, uses_of
from schemas.conditions import Meets, parts_of
from schemas.rules import RuleBook
from schemas.variables import measurement_of
from workers.rule_files.hints.values import as_bound
from workers.rule_files.positions import Position
from workers.rule_files.problems import Explanation, Problem, shortened
from workers.rule_files.references import (
    Definition,
    conditions_of,
    definitions_in,
    elementary_in,
    meets_in,
    names_in_condition,
    variables_of,
)
from workers.rule_files.values.kinds import IN_WORDS
from workers.rule_files.yaml_nodes import Document, MapNode, Node

_HINTS: Final[Mapping[AttributeType, str]] = {
    "number": "write a number without quotes, or a comparison such as {at least: 50}",
    "text": 'write the value in quotes, such as "9"',
    "true/false": "write true or false, without quotes",
    "moment": "a moment is compared by 'date', with 'in the next' or 'passed for'",
}


class _Place(NamedTuple):
    """Where a rule uses an attribute, and as what."""

    use: AttributeUse
    file: str
    at: Position


class _Names(NamedTuple):
    """The named conditions, as models and as nodes."""

    define: Mapping[str, Any]
    definitions: Mapping[str, Definition]


def attribute_type_problems(
    book: RuleBook,
    documents: Sequence[Document],
    rule_nodes: Sequence[tuple[Document, MapNode]],
    *,
    is_whole: bool,
) -> Iterator[Problem]:
    """Yield a problem for each use of an attribute as another type than the first rule that uses it needs.

    Drafts count like all rules: as it is here, the book could not go live. Uses of Linger's own fields and of
    attributes with a declared type are not compared here.

    Args:
        book: the rules.
        documents: their files.
        rule_nodes: for each rule of the book, its file and its node.
        is_whole: whether every `meets` can be written out; otherwise rules with one are left out.
    """
    definitions = {one.name: one for file in documents for one in definitions_in(file)}
    names = _Names(book.define, definitions)
    first: dict[str, _Place] = {}
    for rule, (document, node) in zip(book.rules, rule_nodes, strict=True):
        if not is_whole and any(meets for part in conditions_of(node) for meets in meets_in(part)):
            continue
        written = [rule.when] if rule.unless is None else [rule.when, rule.unless]
        places = [
            *(
                place
                for condition, part in zip(written, conditions_of(node), strict=False)
                for place in _places(condition, part, document, names)
            ),
            *(
                _Place(use, document.file, part.at)
                for variable, part in zip(rule.variables.values(), variables_of(node), strict=False)
                for use in measurement_of(variable).uses()
            ),
        ]
        for place in places:
            reference, kind = place.use.reference, place.use.kind
            if reference in book.attribute_types or reference in BUILT_IN_TYPES:
                continue  # `values.impossible` compares with the type that is known
            if (other := first.setdefault(reference, place)).use.kind != kind:
                position = f"{other.file}:{other.at.line}"
                as_text = place.use if place.use.kind == "text" else other.use
                yield _problem(place, other.use.kind, f"{_used(other.use)} at {position}", as_text.wanted)


def _problem(place: _Place, kind: AttributeType, origin: str, wanted: Any) -> Problem:
    """Return the problem of a use that needs another type; `wanted` is the text that one of both is compared with."""
    use = place.use
    message = f"{use.reference} is {_used(use)} here, but {origin}"
    bound = as_bound(wanted) if isinstance(wanted, str) else None
    hint = f"a bound is written with a ':', as {{{bound}}}" if bound is not None and ":" in bound else _HINTS[kind]
    return Problem(place.file, *place.at, "attribute-type", message, hint)


def _used(use: AttributeUse) -> str:
    if use.wanted is None:
        return f"used as {IN_WORDS[use.kind]}"
    shown = str(use.wanted).lower() if isinstance(use.wanted, bool) else shortened(str(use.wanted), 40)
    return f"compared with the text '{shown}'" if use.kind == "text" else f"compared with {shown}"


def _places(condition: Any, node: Node, document: Document, names: _Names) -> Iterator[_Place]:
    """Yield every use of an attribute in a condition, where it is written."""
    for leaf, written in zip(_leaves(condition), elementary_in(node), strict=False):
        if isinstance(leaf, Meets):
            definition = names.definitions[leaf.meets]
            yield from _places(names.define[leaf.meets], definition.condition, definition.document, names)
            continue
        named = {f"{one.type}.{one.attribute}": one.node.at for one in names_in_condition(written)}
        for use in uses_of(leaf):
            yield _Place(use, document.file, named.get(use.reference, written.at))


def _leaves(condition: Any) -> Iterator[Any]:
    parts = parts_of(condition)
    for part in parts:
        yield from _leaves(part)
    if not parts:
        yield condition


# --- codes ------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "attribute-type": Explanation(
        "An attribute is used as two types",
        "An attribute has one type: number, text, true/false or moment. If sources.yaml does not declare it under "
        "`attribute_types`, it follows from the rules: bounds, `sum`, `average` and `change` need a number, `date` a "
        "moment, and a value that is compared needs its own type. Rules that need different types cannot all match. "
        "Write the values as one type; values that events carry are converted to it.",
        "when:\n  all:\n    - {latest: purchase.size, at most: 6}\n    - {latest: purchase.size, is not: none}\n",
        "when:\n  latest: purchase.size\n  at most: 6\n",
    ),
}
