"""Cross-references of rule files: ids, event types, attributes and named conditions that do not fit together.

A model sees one file at a time; this module sees all of them. It must never know how a rule is evaluated.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from schemas.actions import ACTION_PATTERN
from schemas.conditions import CURRENCY_ATTRIBUTE, MAX_CONDITIONS, MAX_NESTING
from workers.rule_files.hints.likeness import did_you_mean
from workers.rule_files.known_names import KnownNames
from workers.rule_files.problems import Explanation, Problem, Replacement, shortened
from workers.rule_files.references import (
    Definition,
    actions_in,
    conditions_in,
    conditions_of,
    definitions_in,
    ids_in,
    meets_in,
    names_in,
    parts_of,
    rules_in,
    steps_in,
    text_of,
)
from workers.rule_files.suggestions import meant_value
from workers.rule_files.yaml_nodes import Document, Node, ScalarNode, items_of, value_of

_SHOWN_NAMES: Final = 20
_DAYS: Final = ("day", "days", "date")
_MOST_COMPARED: Final = 1_000
_MOST_REPORTED: Final = 200
"""Problems of one kind that are reported. More are one mistake made many times, and each takes time to compare."""


def reference_problems(
    documents: Sequence[Document], names: KnownNames, other_ids: Collection[str] = ()
) -> Iterator[Problem]:
    """Yield a problem for every name that is unknown, is used twice, or refers to itself; pure.

    Args:
        documents: all rule files.
        names: event types and attributes. Without types, neither is checked.
        other_ids: ids of rules of files beside these, which `instead of` can name.
    """
    yield from islice(_repeated_ids(documents), _MOST_REPORTED)
    yield from islice(_unknown_rules(documents, other_ids), _MOST_REPORTED)
    yield from islice(_repeated_for_every_rule(documents), _MOST_REPORTED)
    yield from islice(_repeated_value(documents), _MOST_REPORTED)
    yield from islice(_repeated_book(documents), _MOST_REPORTED)
    yield from _definition_problems(documents)
    if names.actions is not None:
        yield from islice(_unknown_actions(documents, names.actions), _MOST_REPORTED)
    if names.types is not None:
        for document in documents:
            yield from islice(_unknown_names(document, names.types, names.attributes or {}), _MOST_REPORTED)


def _unknown_names(
    document: Document, types: Collection[str], attributes: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    for event_type, attribute, node, is_beside in names_in(document):
        if event_type not in types:
            if is_beside:
                continue  # the type itself is reported where it is written
            message = f"there is no event type '{event_type}'"
            yield _unknown(document, node, "unknown-type", message, _Suggestion(event_type, types))
        elif (
            attribute is not None
            and event_type in attributes
            and attribute not in (possible := attributes[event_type])
        ):
            message = f"no source gives a {event_type} the attribute '{attribute}'"
            otherwise = "others are added to a source in sources.yaml first; it has"
            if attribute == CURRENCY_ATTRIBUTE and is_beside:
                otherwise = f"leave 'currency' out if all amounts are in one; {otherwise}"
            if attribute in _DAYS:
                otherwise = f"on how many days it happened is 'days with: {event_type}'; {otherwise}"
            suggestion = _Suggestion(attribute, possible, otherwise)
            yield _unknown(document, node, "unknown-attribute", message, suggestion)


class _Suggestion(NamedTuple):
    """A name that is unknown, and those that are known.

    Attributes:
        written: the unknown name.
        possible: the known names.
        otherwise: the words before the known names, if none of them was probably meant.
        meant: the known name that was meant; None to look for a similar one.
    """

    written: str
    possible: Collection[str]
    otherwise: str = "known are"
    meant: str | None = None


def _unknown(document: Document, node: ScalarNode, code: str, message: str, suggestion: _Suggestion) -> Problem:
    """Return a problem with what was probably meant, or else with the first possible names."""
    written, names = suggestion.written, sorted(suggestion.possible)
    shown_names = f"{', '.join(names[:_SHOWN_NAMES]) or 'none'}{', …' if len(names) > _SHOWN_NAMES else ''}"
    otherwise = f"{suggestion.otherwise} {shown_names}"
    meant = suggestion.meant or did_you_mean(written, islice(suggestion.possible, _MOST_COMPARED))
    if meant is None:
        return Problem(document.file, *node.at, code, message, otherwise)
    # Of `purchase.amuont`, and of `30% of count purchas`, only the unknown part changes.
    new = re.sub(rf"(?<![\w-]){re.escape(written)}(?![\w-])", meant, node.text, count=1)
    replacement = Replacement(*node.at, node.text, new)
    hint = f"did you mean '{meant}'?"
    return Problem(document.file, *node.at, code, message, hint, replacement=replacement, otherwise=otherwise)


def _repeated_ids(documents: Iterable[Document]) -> Iterator[Problem]:
    """Yield a problem for every repeated id, in any file, with the position of its first use."""
    first: dict[str, str] = {}
    for document in documents:
        for rule in rules_in(document):
            if (rule_id := text_of(rule, "id")) is None:
                continue
            position = _position(document, rule_id)
            if (other := first.setdefault(rule_id.text, position)) != position:
                message = f"the id '{rule_id.text}' is taken already, at {other}"
                hint = "an id permanently names one rule: choose another one"
                yield Problem(document.file, *rule_id.at, "repeated-id", message, hint)


def _position(document: Document, node: Node) -> str:
    return f"{document.file}:{node.at.line}:{node.at.column}"


def _unknown_rules(documents: Sequence[Document], other_ids: Collection[str]) -> Iterator[Problem]:
    ids = ids_in(documents) | {*other_ids}
    for document in documents:
        for rule in rules_in(document):
            for node in _rule_ids_in(rule):
                if isinstance(node.value, str) and node.text not in ids:
                    message = f"there is no rule '{node.text}'"
                    yield _unknown(document, node, "unknown-rule", message, _Suggestion(node.text, ids))


def _unknown_actions(documents: Sequence[Document], actions: Collection[str]) -> Iterator[Problem]:
    for document in documents:
        for node in actions_in(document):
            if isinstance(node.value, str) and re.fullmatch(ACTION_PATTERN, node.text) and node.text not in actions:
                message = f"there is no action '{node.text}'"
                otherwise = "declare it under 'actions' in sources.yaml; known are"
                suggestion = _Suggestion(node.text, actions, otherwise, meant_value(node.text, actions))
                yield _unknown(document, node, "unknown-action", message, suggestion)


def _rule_ids_in(rule: Node) -> Iterator[ScalarNode]:
    """Yield the ids of other rules that a rule names in `instead of` and in its examples."""
    for node in items_of(value_of(rule, "instead of")):
        if isinstance(node, ScalarNode):
            yield node
    for example in items_of(value_of(rule, "examples")):
        for expected in items_of(value_of(example, "expect")):
            if (rule_id := text_of(expected, "rule")) is not None:
                yield rule_id


def _repeated_for_every_rule(documents: Iterable[Document]) -> Iterator[Problem]:
    for document, node, first in _said_again(documents, "for every rule"):
        hint = "it applies to the rules of all files: keep it in one of them"
        message = f"{first} already has 'for every rule'"
        yield Problem(document.file, *node.at, "repeated-for-every-rule", message, hint)


def _repeated_value(documents: Iterable[Document]) -> Iterator[Problem]:
    for document, node, first in _said_again(documents, "value"):
        hint = "a customer is worth the same for all rules: keep it in one file"
        yield Problem(document.file, *node.at, "repeated-value", f"{first} already has 'value'", hint)


def _repeated_book(documents: Iterable[Document]) -> Iterator[Problem]:
    for document, node, first in _said_again(documents, "book"):
        hint = "an event means the same in all figures: keep it in one file"
        yield Problem(document.file, *node.at, "repeated-book", f"{first} already has 'book'", hint)


def _said_again(documents: Iterable[Document], key: str) -> Iterator[tuple[Document, Node, str]]:
    """Yield each file that has a key which an earlier one has, the value there, and the position of the first."""
    first: str | None = None
    for document in documents:
        found = value_of(document.root, key)
        if found is None:
            continue
        if first is not None:
            yield document, found, first
        first = first or _position(document, found)


# --- named conditions -------------------------------------------------------------------------------------------


def _definition_problems(documents: Sequence[Document]) -> Iterator[Problem]:
    defined: dict[str, Definition] = {}
    for document in documents:
        for definition in definitions_in(document):
            if (first := defined.setdefault(definition.name, definition)) is not definition:
                message = f"'{definition.name}' is defined already, at {_position(first.document, first.key)}"
                hint = "all files share their definitions: choose another name, or delete one"
                yield Problem(document.file, *definition.key.at, "repeated-definition", message, hint)
    yield from islice(_unknown_definitions(documents, defined), _MOST_REPORTED)
    ordered, cycles = _in_dependency_order(defined)
    yield from cycles
    if not cycles:
        yield from _too_large_conditions(documents, ordered)


def _unknown_definitions(documents: Sequence[Document], defined: Mapping[str, Definition]) -> Iterator[Problem]:
    for document in documents:
        conditions = [definition.condition for definition in definitions_in(document)]
        conditions += conditions_in(document)
        for condition in conditions:
            for node in meets_in(condition):
                if node.text not in defined:
                    message = f"nothing is called '{shortened(node.text)}' under 'define'"
                    if defined:
                        suggestion = _Suggestion(node.text, defined)
                        yield _unknown(document, node, "unknown-definition", message, suggestion)
                    else:
                        hint = "define it under 'define', in this file or in another one of its folder"
                        yield Problem(document.file, *node.at, "unknown-definition", message, hint)


def _in_dependency_order(defined: Mapping[str, Definition]) -> tuple[list[Definition], list[Problem]]:
    """Return the definitions, each after those that it uses, and a problem where a cycle of names closes."""
    ordered: dict[str, Definition] = {}
    cycles: list[Problem] = []
    for start in defined:
        # An explicit stack: a chain of names can be longer than Python's recursion limit.
        path = {} if start in ordered else {start: meets_in(defined[start].condition)}
        while path:
            name = next(reversed(path))
            node = next((node for node in path[name] if node.text in defined and node.text not in ordered), None)
            if node is None:
                ordered[name] = defined[name]
                del path[name]
            elif node.text in path:
                names = list(path)
                cycles.append(_cycle(defined[name], node, names[names.index(node.text) :]))
            else:
                path[node.text] = meets_in(defined[node.text].condition)
    return list(ordered.values()), cycles


def _cycle(definition: Definition, node: ScalarNode, names: list[str]) -> Problem:
    shown = names if len(names) < 7 else [*names[:3], "…", *names[-2:]]
    message = f"'{node.text}' means itself: {' → '.join([*shown, node.text])}"
    return Problem(definition.document.file, *node.at, "definition-of-itself", message, "write one of them out")


def _too_large_conditions(documents: Sequence[Document], ordered: Sequence[Definition]) -> Iterator[Problem]:
    """Yield conditions that are too large once every name is written out.

    Args:
        documents: all rule files.
        ordered: all definitions, each after those that it uses.
    """
    sizes: dict[str, _Size] = {}
    for definition in ordered:
        size = sizes[definition.name] = _size(definition.condition, sizes)
        if size.is_too_large() and not _uses_too_large(definition.condition, sizes):
            yield _too_large(definition.document, definition.key, size)
    for document in documents:
        for conditions in (*map(conditions_of, rules_in(document)), *([when] for when in steps_in(document))):
            # Without names the model reports the size. A name that is too large itself is reported above.
            uses_names = any(any(meets_in(condition)) for condition in conditions)
            if not uses_names or any(_uses_too_large(condition, sizes) for condition in conditions):
                continue
            parts = [_size(condition, sizes) for condition in conditions]
            size = _Size(sum(part.conditions for part in parts), max(part.depth for part in parts))
            if size.is_too_large():
                yield _too_large(document, conditions[0], size)


class _Size(NamedTuple):
    """The size of a condition once every name is written out.

    Attributes:
        conditions: the number of elementary conditions.
        depth: the levels of nesting.
    """

    conditions: int
    depth: int

    def is_too_large(self) -> bool:
        return self.conditions > MAX_CONDITIONS or self.depth > MAX_NESTING


def _size(condition: Node, sizes: Mapping[str, _Size]) -> _Size:
    if (name := text_of(condition, "meets")) is not None:
        return sizes.get(name.text, _Size(1, 1))
    parts = [_size(part, sizes) for part in parts_of(condition)]
    if not parts:
        return _Size(1, 1)
    return _Size(sum(part.conditions for part in parts), 1 + max(part.depth for part in parts))


def _uses_too_large(condition: Node, sizes: Mapping[str, _Size]) -> bool:
    return any(node.text in sizes and sizes[node.text].is_too_large() for node in meets_in(condition))


def _too_large(document: Document, node: Node, size: _Size) -> Problem:
    if size.conditions > MAX_CONDITIONS:
        count = str(size.conditions) if size.conditions < 1_000_000 else "more than a million"
        message = f"has {count} conditions once every name is written out, at most {MAX_CONDITIONS}"
    else:
        message = f"is nested {size.depth} deep once every name is written out, at most {MAX_NESTING}"
    return Problem(document.file, *node.at, "too-large-condition", message, "split it into several rules")


# --- codes ------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "unknown-type": Explanation(
        "There is no such event type",
        "Linger knows `purchase`, `login`, `cancellation`, and the types that sources.yaml declares under "
        "`event_types`. Give the path of that file with `--sources`.",
        "when:\n  none: puchase\n  for: 45 days\n",
        "when:\n  none: purchase\n  for: 45 days\n",
    ),
    "unknown-attribute": Explanation(
        "Events of this type have no such attribute",
        "No source in sources.yaml provides it, under `fields` or `attributes`, so no event would ever have it. "
        "Correct the spelling, or add it to a source first.",
    ),
    "unknown-rule": Explanation(
        "There is no such rule",
        "`instead of` and examples name rules by their id. No rule has this id.",
        "instead of: [no-such-rule]\n",
        "priority: 10\n",
    ),
    "unknown-action": Explanation(
        "There is no such action",
        "An action is `at-risk`, `win-back`, or one that sources.yaml declares under `actions`. Each has a topic of "
        "its own, which a mailer must read.",
        "action: at-rsk\n",
        "action: at-risk\n",
    ),
    "unknown-definition": Explanation(
        "There is no such named condition",
        "`meets` needs a condition that one of the checked files defines under `define`.",
        "when:\n  meets: regular customer\n",
        "define:\n  regular customer: {count: purchase, at least: 3}\n"
        "rules:\n  - id: regulars\n    title: A regular\n    when: {meets: regular customer}\n    action: at-risk\n"
        "    template: thank-you\n    expires after: 14 days\n",
    ),
    "repeated-id": Explanation(
        "Two rules have the same id",
        "An id permanently names one rule, across all files: Linger remembers by it what was sent. Choose another "
        "id.",
        "rules:\n"
        "  - {id: same, title: One, when: {status: cancelled}, action: win-back, template: a, expires after: 1 day}\n"
        "  - {id: same, title: Two, when: {status: active}, action: at-risk, template: b, expires after: 1 day}\n",
        "rules:\n"
        "  - {id: one, title: One, when: {status: cancelled}, action: win-back, template: a, expires after: 1 day}\n"
        "  - {id: two, title: Two, when: {status: active}, action: at-risk, template: b, expires after: 1 day}\n",
    ),
    "repeated-definition": Explanation(
        "Two conditions have the same name",
        "All files share their definitions, so a name can mean one thing only. Choose another name, or delete one.",
    ),
    "repeated-for-every-rule": Explanation(
        "Two files have `for every rule`",
        "It applies to the rules of all files. Keep it in one file, so that there is one place to look.",
    ),
    "repeated-value": Explanation(
        "Two files have `value`",
        "What a customer is worth is said once, for the rules of all files. Keep it in one file.",
    ),
    "repeated-book": Explanation(
        "Two files have `book`",
        "Which events mean what in the figures over all customers is said once. Keep it in one file.",
    ),
    "definition-of-itself": Explanation(
        "A named condition refers to itself",
        "It `meets` a condition that, directly or through others, meets it in turn, so it has no meaning. Write one "
        "of them out.",
        "define:\n  good customer: {meets: regular customer}\n  regular customer: {meets: good customer}\n",
        "define:\n  good customer: {meets: regular customer}\n  regular customer: {count: purchase, at least: 3}\n",
    ),
    "too-large-condition": Explanation(
        "Too many conditions for one rule",
        "With all names written out, there are more than 32 conditions, or they are nested more than 6 levels deep. "
        "Split the rule into several.",
        "define:\n  three: {any: [{status: active}, {status: cancelled}, {status: active}]}\n"
        "  nine: {any: [{meets: three}, {meets: three}, {meets: three}]}\n"
        "  many: {any: [{meets: nine}, {meets: nine}, {meets: nine}, {meets: nine}]}\n",
        "define:\n  three: {any: [{status: active}, {status: cancelled}, {status: active}]}\n"
        "  nine: {any: [{meets: three}, {meets: three}, {meets: three}]}\n",
    ),
}
