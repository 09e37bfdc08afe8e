"""Comparisons that can never hold: `currency: eur`, `amount: ">50"`, `sku: cart.sku`.

A rule with such a comparison looks as if it worked, and reaches no customer, or all of them. So each is a mistake.
This module must never know which values a history has; `unseen` names those.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from schemas.attribute_types import AttributeType
from schemas.conditions import REFERENCE_PATTERN
from schemas.events import MAX_TEXT_BYTES
from workers.rule_files.hints.values import as_bound
from workers.rule_files.known_names import KnownNames, built_in_attributes
from workers.rule_files.problems import Explanation, Problem, Replacement, shortened
from workers.rule_files.references import conditions_of, definitions_in, names_in, rules_in, steps_in
from workers.rule_files.values.comparisons import Comparison, comparisons_in, consent_in, worth_in
from workers.rule_files.values.kinds import (
    CURRENCY,
    IN_WORDS,
    MONEY,
    MOST_MONEY,
    is_currency_code,
    meant_currency,
)
from workers.rule_files.yaml_nodes import Document, MapNode, ScalarNode, value_of

_MOST_REPORTED: Final = 200
_ADDED: Final = ("sum", "mean", "sums")
_REFERENCE: Final = re.compile(REFERENCE_PATTERN)
_AROUND: Final = "${}[]<>% "
_N: Final = r"(-?\d+(?:[.,]\d+)?)"
_COMPARING: Final = re.compile(rf"(?:[<>]=?|=[<>]|[≤≥≠]|!=|<>|==)\s*{_N}")
_TRUTHS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("true", "yes", "y", "on", "1", "ja", "oui", "si"), "true"),
    **dict.fromkeys(("false", "no", "n", "off", "0", "nein", "nee", "non"), "false"),
}


def value_problems(documents: Sequence[Document], names: KnownNames) -> Iterator[Problem]:
    """Yield a problem for every comparison that can never hold; pure.

    Args:
        documents: all rule files.
        names: event types, attributes, and the kinds of value that attributes have.
    """
    attributes = _known_attributes(documents, names)
    for document in documents:
        yield from islice(_problems_in(document, names, attributes), _MOST_REPORTED)


def _problems_in(
    document: Document, names: KnownNames, attributes: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    for comparison in all_comparisons(document):
        kind = names.type_of(comparison.reference)
        for node in comparison.values:
            # A name in the wrong place says more than a text that is no number.
            if (message := _name_as_value(comparison, node, attributes)) is not None:
                hint = "write the value itself: a rule cannot ask for the value that another event has"
                if node.value == comparison.attribute:
                    hint += f"; if events have this very text, write [{node.value}]"
                yield Problem(document.file, *node.at, "name-as-value", message, hint)
            elif (impossible := _impossible_value(comparison, kind, node)) is not None:
                message, remedy = impossible
                yield _value_problem(document, node, "impossible-value", message, remedy)
            elif kind is None and isinstance(node.value, str) and _COMPARING.fullmatch(node.value.strip()):
                message = f"'{shortened(node.value)}' is taken as a text here, not as a bound"
                remedy = _number_remedy(comparison, node)
                hint = (
                    f"{remedy.hint}; if events have this text, declare {comparison.reference} as text under "
                    "'attribute_types' in sources.yaml"
                )
                yield _value_problem(document, node, "bound-as-text", message, _Remedy(hint, remedy.new))
        yield from _bound_problems(document, comparison, kind)
    yield from _labels_that_name(document, attributes)


def _labels_that_name(document: Document, attributes: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    """Yield a problem for every label whose value is the name of an attribute."""
    for labels in (value_of(rule, "labels") for rule in rules_in(document)):
        for _, node in labels.entries.values() if isinstance(labels, MapNode) else ():
            if isinstance(node, ScalarNode) and isinstance(node.value, str):
                event_type, _, attribute = node.value.partition(".")
                if attribute in attributes.get(event_type, ()):
                    message = f"'{node.value}' is taken as a text here: a label is the same for every customer"
                    hint = "write it under 'variables'"
                    yield Problem(document.file, *node.at, "name-as-value", message, hint)


def _value_problem(document: Document, node: ScalarNode, code: str, message: str, remedy: "_Remedy") -> Problem:
    replacement = None if remedy.new is None else Replacement(*node.at, node.text, remedy.new)
    otherwise = "write a value that events can have"
    return Problem(document.file, *node.at, code, message, remedy.hint, replacement=replacement, otherwise=otherwise)


def all_comparisons(document: Document) -> Iterator[Comparison]:
    """Yield every comparison in a file."""
    for definition in definitions_in(document):
        yield from comparisons_in(definition.condition)
    for rule in rules_in(document):
        for condition in conditions_of(rule):
            yield from comparisons_in(condition)
    for condition in steps_in(document):
        yield from comparisons_in(condition)
    yield from consent_in(value_of(document.root, "for every rule"))
    yield from worth_in(value_of(document.root, "value"))


# --- names of attributes ----------------------------------------------------------------------------------------


def _known_attributes(documents: Iterable[Document], names: KnownNames) -> dict[str, set[str]]:
    """Return the attributes of each known type: those of its sources, its own fields, and those that rules name.

    A type whose events can have any attribute has at least those that some rule or example reads.
    """
    if names.types is None:
        return {}
    known = {name: {*(names.attributes or {}).get(name, ()), *built_in_attributes(name)} for name in names.types}
    for document in documents:
        for named in names_in(document):
            if named.attribute is not None and named.type in known:
                known[named.type].add(named.attribute)
    return known


def _name_as_value(comparison: Comparison, node: ScalarNode, attributes: Mapping[str, Collection[str]]) -> str | None:
    """Return why a name is no value; None if it is no name of an attribute."""
    if not isinstance(node.value, str):
        return None
    if comparison.way == "where" and node.value == comparison.attribute and not comparison.is_list:
        return f"'{node.value}' is taken as a text here, not as the {node.value} of another event"
    bare = node.value.strip(_AROUND)
    event_type, _, attribute = bare.partition(".")
    if _REFERENCE.fullmatch(bare) is None or attribute not in attributes.get(event_type, ()):
        return None
    return (
        f"'{shortened(node.value)}' is taken as a text here, not as the {attribute} of a {event_type}: one event "
        "cannot be compared with another"
    )


# --- values -----------------------------------------------------------------------------------------------------


class _Remedy(NamedTuple):
    """What helps.

    Attributes:
        hint: in words.
        new: what to write instead of the value, as YAML; None if that needs a decision.
    """

    hint: str
    new: str | None = None


def _impossible_value(
    comparison: Comparison, kind: AttributeType | None, node: ScalarNode
) -> tuple[str, _Remedy] | None:
    """Return why no event can have a value, and what helps; None if one can."""
    if comparison.way == "consent":
        return None  # its values are alternatives, and spellings that do not occur do no harm
    value, reference = node.value, comparison.reference
    if isinstance(value, float) and not math.isfinite(value):
        remedy = _Remedy("write a number, or a text in quotes")
        return f"'{node.text}' is no number that an event can have", remedy
    found: str | None = None
    remedy = _Remedy("")
    match kind:
        case "number" if isinstance(value, str | bool):
            what = f"the text '{shortened(str(value))}'" if isinstance(value, str) else node.text
            found, remedy = f"{reference} is a number, and never {what}", _number_remedy(comparison, node)
        case "number" if reference == MONEY and isinstance(value, int | float) and not 0 <= value <= MOST_MONEY:
            found = f"the amount of a purchase is from 0 to {MOST_MONEY}, and never {node.text}"
            remedy = _Remedy("write an amount that a purchase can have")
        case "text" if reference == CURRENCY and not (isinstance(value, str) and is_currency_code(value)):
            found = f"the currency of a purchase is three capital letters, and never '{shortened(node.text)}'"
            meant = meant_currency(node.text)
            is_certain = meant is not None and node.text.strip() not in ("$", "¥")
            example = f"such as {meant or 'EUR'}"
            remedy = (
                _Remedy(f"write {meant}", meant) if is_certain else _Remedy(f"write its ISO 4217 code, {example}")
            )
        case "text" if not isinstance(value, str):
            found = f"{reference} is a text, and never the {_in_words(value)} {node.text}"
            remedy = _Remedy(f'write "{node.text}" with quotes if the events have this text', f'"{node.text}"')
        case "text" if isinstance(value, str) and len(value.encode()) > MAX_TEXT_BYTES:
            found = f"the text has {len(value.encode())} bytes, and a value has {MAX_TEXT_BYTES} at most"
            remedy = _Remedy("write the value as events have it")
        case "true/false" if not isinstance(value, bool):
            found = f"{reference} is true or false, and never '{shortened(node.text)}'"
            meant = _TRUTHS.get(node.text.strip().lower())
            remedy = _Remedy(f"write {meant}", meant) if meant else _Remedy("write true or false, without quotes")
        case "moment" if not _is_moment(value):
            found = f"{reference} is a moment, and never '{shortened(node.text)}'"
            hint = f"write a condition of its own: 'date: {reference}' with 'in the next' or 'passed for'"
            remedy = _Remedy(hint)
    return None if found is None else (found, remedy)


def _in_words(value: object) -> str:
    return "value" if isinstance(value, bool) else "number"


def _is_moment(value: object) -> bool:
    """Return whether a value is a moment with a zone, as events have them."""
    if not isinstance(value, str):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


_OPPOSITE: Final[Mapping[str, str]] = {
    "at least": "less than",
    "at most": "more than",
    "more than": "at most",
    "less than": "at least",
}


def _number_remedy(comparison: Comparison, node: ScalarNode) -> _Remedy:
    """Return what to write instead of a text that is compared with a number."""
    meant = None if isinstance(node.value, bool) else as_bound(str(node.value))
    if meant is None:
        return _Remedy("write a number, or bounds such as 'at least: 50'")
    word, _, number = meant.rpartition(": ")
    if not word:
        if comparison.way == "value":
            return _Remedy(f"write '{'is not' if comparison.excludes else 'is'}: {number}'", number)
        is_same = str(node.value).strip() == number
        return _Remedy(f"write {number} without quotes" if is_same else f"write {number}", number)
    if len(comparison.values) > 1 or (comparison.excludes and word not in _OPPOSITE):
        return _Remedy(f"a bound is no value among others: write a condition of its own with '{meant}'")
    if comparison.excludes:  # anything but more than 50 is at most 50
        word = _OPPOSITE[word]
    if comparison.way == "value":
        instead = "is not" if comparison.excludes else "is"
        word = "is not" if word == "other than" else word
        return _Remedy(f"write '{word}: {number}' instead of '{instead}'")
    new = f"{{{word}: {number}}}"
    is_value = not comparison.excludes and not comparison.is_list
    return _Remedy(f"write '{comparison.attribute}: {new}'", new if is_value else None)


# --- bounds -----------------------------------------------------------------------------------------------------


def _bound_problems(document: Document, comparison: Comparison, kind: AttributeType | None) -> Iterator[Problem]:
    """Yield why an attribute cannot be bounded, added up or read as a date, or why no value is within its bounds."""
    reference, node = comparison.reference, comparison.node
    if kind is None:
        return
    if comparison.way == "moment":
        if kind in ("number", "true/false"):
            message = f"{reference} is {IN_WORDS[kind]}, and never a date"
            yield Problem(document.file, *node.at, "impossible-value", message, "name an attribute with a date")
        return
    if comparison.way in _ADDED and kind != "number":
        message = f"{reference} is {IN_WORDS[kind]}: there is no number to {_verb(comparison)}"
        hint = f"name an attribute that is a number, or count events: 'count: {comparison.type}'"
        yield Problem(document.file, *node.at, "impossible-value", message, hint)
        return
    for word, bound in comparison.bounds.items():
        message = hint = ""
        if kind != "number":
            message = f"{reference} is {IN_WORDS[kind]}, which has no '{word}'"
            hint = (
                f"write a condition of its own: 'date: {reference}' with 'in the next' or 'passed for'"
                if kind == "moment"
                else "write the value itself"
            )
        elif reference == MONEY and _excludes_all(word, bound, None if comparison.way == "sum" else MOST_MONEY):
            message = f"'{word} {bound.text}' can never hold: the amount of a purchase is from 0 to {MOST_MONEY}"
            hint = "write a bound that an amount can reach"
        if message:
            yield Problem(document.file, *bound.at, "impossible-value", message, hint)


def _verb(comparison: Comparison) -> str:
    return "average" if comparison.way == "mean" else "add up"


def _excludes_all(word: str, bound: ScalarNode, most: int | None) -> bool:
    """Return whether a bound excludes every number from 0 to `most` (None: without end)."""
    if word == "between":
        numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", bound.text)]
        return len(numbers) == 2 and (max(numbers) < 0 or (most is not None and min(numbers) > most))
    value = bound.value
    if isinstance(value, str | bool) or value is None or not math.isfinite(value):
        return False  # the model refuses it
    if word in ("at least", "more than"):
        return most is not None and (value > most or (word == "more than" and value == most))
    if word == "exactly":
        return value < 0 or (most is not None and value > most)
    return value < 0 or (value == 0 and word in ("less than", "fewer than"))


# --- codes ------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "impossible-value": Explanation(
        "A value that no event can have",
        "The attribute has another kind of value, or another form: a currency is three capital letters, an amount is "
        "a number from 0 on, and a text is never equal to a number. The comparison would never hold. "
        "Bounds are written as words: `more than: 50`.",
        'when:\n  count: purchase\n  at least: 2\n  where: {currency: eur, amount: ">50"}\n',
        "when:\n  count: purchase\n  at least: 2\n  where: {currency: EUR, amount: {more than: 50}}\n",
    ),
    "bound-as-text": Explanation(
        "A comparison sign inside a text",
        'A value is compared exactly, so `">9"` is the text of these two characters, which hardly any event has. '
        "Bounds are written as words: `more than: 9`. If events do have such texts, declare the attribute as text "
        "under `attribute_types` in sources.yaml.",
        'when:\n  count: login\n  at least: 2\n  where: {minutes: ">9"}\n',
        "when:\n  count: login\n  at least: 2\n  where: {minutes: {more than: 9}}\n",
    ),
    "name-as-value": Explanation(
        "The name of an attribute where a value is expected",
        "A comparison has a value on its right side: a text, a number, true or false. The name of another event's "
        "attribute would be taken as a text, which no event has. One event cannot be compared with another.",
        "when:\n  after: login\n  without: {event: purchase, where: {order_id: cancellation.what}}\n  for: 1 day\n",
        "when:\n  after: login\n  without: purchase\n  for: 1 day\n",
    ),
}
