"""Explains refused values to the person who wrote the file: what was found, and what was probably meant.

This module must never know where a file comes from. `workers.rule_files.suggestions` has the spellings that people
guess.
"""

import re
from collections.abc import Callable
from typing import Any, Final, Literal

from schemas.conditions import ATTRIBUTE_PATTERN, DEFINITION_PATTERN, ELEMENTARY, REFERENCE_PATTERN
from schemas.events import TYPE_PATTERN
from schemas.places import PATH_PATTERN, Place
from schemas.refusals import InconsistentEntries, WrongFormat
from schemas.rules import RULE_ID_PATTERN
from schemas.sources import CASE_PATTERN, PACK_PATTERN, TOPIC_PATTERN
from workers.rule_files import suggestions
from workers.rule_files.error_locations import (
    ErrorLocation,
    ProblemText,
    in_words,
    is_list,
    keys_of,
    kind_words,
    listed,
    odd_key_hint,
    odd_text_hint,
    odd_value_hint,
)
from workers.rule_files.key_errors import example_hint
from workers.rule_files.positions import Position
from workers.rule_files.problems import Explanation, shortened
from workers.rule_files.yaml_nodes import ListNode, MapNode, Node, ScalarNode, UnreadNode, items_of, value_of

Wanted = Literal["text", "number", "whole number", "truth", "list", "mapping", "day"]
"""The type of value that a model expects."""

_PATTERNS: Final[dict[str, tuple[str, Callable[[str], str | None]]]] = {
    TYPE_PATTERN: ("an event type: small letters, digits, '-' and '_', beginning with a letter", suggestions.as_type),
    RULE_ID_PATTERN: ("an id: 3 to 64 small letters, digits and '-', beginning with a letter", suggestions.as_id),
    ATTRIBUTE_PATTERN: ("an attribute: letters, digits and '_'", suggestions.as_attribute),
    REFERENCE_PATTERN: (
        "an event type and an attribute with a dot between, such as 'purchase.amount'",
        suggestions.as_reference,
    ),
    DEFINITION_PATTERN: ("a name: small letters, digits, spaces and '-', 3 to 64 of them", suggestions.as_name),
    PATH_PATTERN: ("a path, such as 'customer.id' or 'lines[0].sku'", suggestions.as_path),
    TOPIC_PATTERN: ("a topic: letters, digits, '.', '-' and '_'", lambda written: None),
    CASE_PATTERN: (
        "a name: small letters, digits, spaces, '-' and '_'",
        suggestions.as_name,
    ),
    PACK_PATTERN: ("a pack: small letters, digits and '-'", suggestions.as_id),
}
"""By pattern of the schemas: the pattern in words, and what rewrites a text so that it matches."""
_OF_SOURCES: Final = frozenset({PATH_PATTERN, TOPIC_PATTERN, CASE_PATTERN, PACK_PATTERN})
"""Patterns of texts in which words of the rule language mean nothing."""
_TRUTH_OF_YAML_1_1: Final = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}
_WANTED_WORDS: Final[dict[Wanted, str]] = {
    "text": "a text",
    "number": "a number",
    "whole number": "a whole number",
    "truth": "true or false",
    "list": "a list",
    "mapping": "keys with values",
    "day": "a day such as 2024-01-31",
}
_WANTED: Final[tuple[tuple[tuple[str, ...], str, Wanted], ...]] = (
    (("string",), "wrong-type", "text"),
    (("decimal", "float", "finite"), "wrong-type", "number"),
    (("int",), "wrong-type", "whole number"),
    (("bool",), "wrong-type", "truth"),
    (("list",), "wrong-type", "list"),
    (("dict", "model"), "wrong-type", "mapping"),
    (("date", "timezone"), "wrong-value", "day"),
)
"""By the beginning of Pydantic's error type: the code, and the expected type."""
_RANGES: Final = {
    "greater_than_equal": ("ge", "{} or more"),
    "greater_than": ("gt", "more than {}"),
    "less_than_equal": ("le", "{} or less"),
    "less_than": ("lt", "less than {}"),
}


def explained(error: Any, location: ErrorLocation) -> ProblemText:
    """Return an error of Pydantic as a problem for the person who wrote the file."""
    kind, content = str(error["type"]), in_words(location.node)
    context = error.get("ctx", {})
    if location.schema is not None and location.schema["type"] == "tagged-union" and kind != "value_error":
        return _no_kind(location)
    if kind.endswith(("too_short", "too_long")):
        return ProblemText("wrong-size", _size_message(kind, context, content))
    if location.union is not None:
        return _none_of_union(location, content)
    if kind == "value_error":
        return _refused(location, context["error"])
    if kind == "literal_error":
        return _no_literal(location, content)
    if kind == "string_pattern_mismatch":
        return _no_match(location, str(context.get("pattern")), content)
    if kind in _RANGES:
        bound, words = _RANGES[kind]
        return ProblemText("wrong-value", f"expected {words.format(context.get(bound))}, found {content}")
    for beginnings, code, expected in _WANTED:
        if kind.startswith(beginnings):
            if expected == "mapping" and location.model is not None and issubclass(location.model, Place):
                return _no_place(location, content)
            message = f"expected {_WANTED_WORDS[expected]}, found {content}"
            return ProblemText(code, message, _type_hint(location, expected))
    return ProblemText("wrong-value", f"{content} is not possible here", odd_value_hint(location.node))


# --- values refused by a validator ------------------------------------------------------------------------------


def _refused(location: ErrorLocation, refusal: ValueError) -> ProblemText:
    """Explain a validator's refusal; in a mapping, at the entry that it is about."""
    node, message = location.node, shortened(str(refusal), 300)
    if isinstance(refusal, WrongFormat) and refusal.expected is not None and not isinstance(node, ScalarNode):
        message = f"expected {refusal.expected}, found {in_words(node)}"  # lists not as Python writes them
    if isinstance(node, MapNode):
        at = _entry_position(node, refusal) if isinstance(refusal, InconsistentEntries) else None
        return ProblemText("wrong-value", message, None, at)
    written = node.text if isinstance(node, ScalarNode) else _joined(node)
    value_format = refusal.format if isinstance(refusal, WrongFormat) else None
    rewritten = suggestions.rewritten(value_format, written, location.key)
    return ProblemText("wrong-value", message, f"did you mean '{rewritten}'?" if rewritten else odd_value_hint(node))


def _joined(node: Node) -> str:
    """Return a list of single values as one text; "" for anything else."""
    if isinstance(node, ListNode) and all(isinstance(item, ScalarNode) for item in node.items):
        return " ".join(item.text for item in node.items if isinstance(item, ScalarNode))
    return ""


def _entry_position(node: MapNode, refusal: InconsistentEntries) -> Position | None:
    """Return the position of the first entry that a refusal is about, or None if the file has none of them."""
    inner: Node | None = node
    for part in refusal.under:
        if isinstance(part, str):
            inner = value_of(inner, part)
        else:
            items = items_of(inner)
            inner = items[part] if part < len(items) else None
    entries = inner.entries if isinstance(inner, MapNode) else node.entries
    for key in refusal.keys if refusal.under else [key for key in entries if key in refusal.keys]:
        if key in entries:
            key_node, value = entries[key]
            return value.at if refusal.is_value else key_node.at
    return inner.at if refusal.under and inner is not None else None


def _no_match(location: ErrorLocation, pattern: str, content: str) -> ProblemText:
    """Explain a text that does not match a pattern."""
    written = location.node.text if isinstance(location.node, ScalarNode) else ""
    words, rewrite = _PATTERNS.get(pattern, ("", None))
    if not words and REFERENCE_PATTERN in pattern:
        words, rewrite = "an event type, or one with an attribute such as 'purchase.amount'", suggestions.as_reference
    message = f"{content} is not possible here"
    if pattern == PATH_PATTERN and suggestions.is_search(written):
        remedy = "write {find: '…'} around a JMESPath expression, which can search in lists"
        return ProblemText("wrong-value", message, remedy)
    if words and pattern not in _OF_SOURCES and (lines := suggestions.in_lines(written, location.key)) is not None:
        return ProblemText("wrong-value", message, lines)
    if pattern == ATTRIBUTE_PATTERN and re.match(REFERENCE_PATTERN, written):
        name = written.partition(".")[2]
        other = f"write '{name}' if it is of this event, or 'latest: {written}' in another condition"
        return ProblemText("wrong-value", message, other)
    suggested = None if rewrite is None else rewrite(written[:200])
    if suggested not in (None, written):
        return ProblemText("wrong-value", message, f"did you mean '{suggested}'? It must be {words}")
    hint = odd_value_hint(location.node) or (f"expected {words}" if words else None)
    return ProblemText("wrong-value", message, hint)


def _no_place(location: ErrorLocation, content: str) -> ProblemText:
    """Explain a value that should be a place of `sources.yaml`."""
    if isinstance(location.node, ListNode):
        return ProblemText("wrong-type", "expected a place, found a list in a list", "write one list of places")
    message = f"expected a path such as 'customer.id', or a place such as {{header: NAME}}, found {content}"
    remedy = None
    if isinstance(location.node, ScalarNode):
        remedy = f"write {{constant: {shortened(location.node.text)}}} if it is always this value"
    return ProblemText("wrong-type", message, remedy)


# --- kinds of conditions ----------------------------------------------------------------------------------------


def _no_kind(location: ErrorLocation) -> ProblemText:
    """Explain a node that should be a condition but has no key that names its kind."""
    kinds = kind_words(location, (location.schema or {})["choices"])
    message = f"expected a condition, found {in_words(location.node)}"
    if isinstance(location.node, ListNode):
        return ProblemText("unknown-kind", message, "write 'all:' or 'any:' before a list of conditions")
    if isinstance(location.node, ScalarNode):
        return ProblemText("unknown-kind", message, _kind_in_text(location.node.text, kinds))
    if isinstance(location.node, MapNode) and location.node.entries:
        return _no_kind_in_entries(location, location.node, kinds)
    return ProblemText("unknown-kind", message, f"it begins with one of {', '.join(kinds)}")


def _no_kind_in_entries(location: ErrorLocation, node: MapNode, kinds: list[str]) -> ProblemText:
    """Explain a mapping without a kind: at the first key that resembles one, or else at its beginning."""
    first, (key_node, value) = next(iter(node.entries.items()))
    is_part = _is_key_of_some_kind(location, first)
    for key, (node_of_key, _) in node.entries.items() if not is_part else ():
        if _is_key_of_some_kind(location, key):
            continue  # 'at least' is right where it is, and resembles 'latest'
        if (suggested := suggestions.meant_key(key, kinds)) is not None:
            hint = odd_key_hint(key) or f"did you mean '{suggested}'?"
            return ProblemText("unknown-kind", f"'{shortened(key)}' is no condition", hint, node_of_key.at)
    message = f"expected a condition: it begins with one of {', '.join(kinds)}"
    if (odd := odd_key_hint(first)) is not None:
        hint = odd
    elif is_part:
        hint = f"'{first}' is part of a condition: is there a '- ' too many, or is the line above indented too far?"
    elif isinstance(value, MapNode | ListNode | UnreadNode):
        hint = f"a condition begins with one of these words, such as 'count: {shortened(first)}'"
    else:
        hint = "a condition begins with one of these words, such as 'count: purchase'"
    return ProblemText("unknown-kind", message, hint, key_node.at)


def _is_key_of_some_kind(location: ErrorLocation, key: str) -> bool:
    choices = (location.schema or {})["choices"].values()
    return any(key in keys_of(location.unwrapped(choice)[0]) for choice in choices)


def _kind_in_text(written: str, kinds: list[str]) -> str | None:
    """Return how to write a condition that was written as one text."""
    for kind in ELEMENTARY.values():
        if (line := kind.alone.get(written.lower())) is not None:
            return f"write '{line}'"
    if "meets" in kinds and (word := suggestions.words_at_the_beginning(written, kinds)) is not None:
        rest = shortened(written[len(word) :].strip(": "))
        more = ", and other words on lines below" if " " in rest else ""
        return f"write '{word}: {rest.split(' ')[0]}', with a space after the ':'{more}"
    if (line := suggestions.key_at_the_beginning(written)) is not None:
        return f"write '{line}' below the condition that it belongs to, without '- '"
    if (lines := suggestions.in_lines(written)) is not None:
        return lines
    return "a condition is written as 'word: value', such as 'none: purchase' and below it 'for: 45 days'"


# --- values of another type, size or choice ---------------------------------------------------------------------


def _none_of_union(location: ErrorLocation, content: str) -> ProblemText:
    choices = [location.unwrapped(choice)[0] or {} for choice in (location.union or {}).get("choices", ())]
    literals = [str(value) for choice in choices for value in choice.get("expected", ())]
    if not literals:
        return ProblemText("wrong-type", f"expected a text, a number or true/false, found {content}")
    node = location.node
    suggested = suggestions.meant_value(node.text, literals) if isinstance(node, ScalarNode) else None
    hint = f"did you mean '{suggested}'?" if suggested else "begin each entry of the list with '- '"
    return ProblemText("wrong-type", f"expected a list or {listed(literals)}, found {content}", hint)


def _no_literal(location: ErrorLocation, content: str) -> ProblemText:
    expected = list((location.schema or {}).get("expected", ()))
    written = location.node.text if isinstance(location.node, ScalarNode) else ""
    if expected == [True]:
        meant = _TRUTH_OF_YAML_1_1.get(written.lower())
        remedy = f"'{written}' is a text here: write {meant}" if meant else "write true, or delete the line"
        return ProblemText("wrong-value", f"expected true, found {content}", remedy)
    choices = [str(value) for value in expected]
    if isinstance(location.node, ListNode):
        return ProblemText("wrong-type", f"expected one value, found {content}", f"write one of {listed(choices)}")
    suggested = suggestions.meant_value(written, choices)
    message = f"{content} is none of {listed(choices)}"
    return ProblemText("wrong-value", message, f"did you mean '{suggested}'?" if suggested else None)


def _size_message(kind: str, context: dict[str, Any], content: str) -> str:
    singular, plural = ("character", "characters") if kind.startswith("string") else ("entry", "entries")
    bound, comparison = context.get("min_length", 0), "at least"
    if kind.endswith("too_long"):
        bound, comparison = context.get("max_length", 0), "at most"
        content = str(context.get("actual_length") or content)
    return f"expected {comparison} {bound} {singular if bound == 1 else plural}, found {content}"


def _type_hint(location: ErrorLocation, expected: Wanted) -> str | None:
    """Return how to write a value of another type than the expected one."""
    match location.node:
        case MapNode() as node:
            other: dict[Wanted, str] = {"list": "begin each entry with '- '", "text": "write one value"}
            return odd_key_hint(next(iter(node.entries), "")) or other.get(expected)
        case ListNode():
            return _hint_for_list(location, expected)
        case ScalarNode() as node:
            return _hint_for_scalar(location, node, expected)
    return None


def _hint_for_list(location: ErrorLocation, expected: Wanted) -> str:
    if expected == "mapping":
        lists = [key for key in keys_of(location.schema) if is_list(location, key)]
        return f"write '{lists[0]}:' above the list" if lists else "write the lines without '- '"
    if (location.schema or {}).get("pattern") in (TYPE_PATTERN, REFERENCE_PATTERN):
        return "write one of them; for several, write a condition for each under 'any:'"
    return "write one value, without '- ' and brackets"


def _hint_for_scalar(location: ErrorLocation, node: ScalarNode, expected: Wanted) -> str | None:
    match expected:
        case "text" if node.is_plain:
            return f'write "{shortened(node.text)}" if it is a text'
        case "number" | "whole number":
            return _number_hint(node.text)
        case "list":
            return f"write [{shortened(node.text)}]"
        case "mapping":
            return _mapping_hint(node.text) or example_hint(location)
    return odd_value_hint(node)


def _number_hint(written: str) -> str | None:
    if re.search(r"[A-Za-z]\w*\.[A-Za-z]", written[:200]):
        return "write a number: a rule cannot compare with another value of the customer"
    number = suggestions.as_number(written[:200])
    if "," in written:
        return "write a decimal point, and nothing between thousands" + (f": {number}" if number else "")
    return f"write {number}" if number else odd_text_hint(written)


def _mapping_hint(written: str) -> str | None:
    match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*(?::|=|==|\bis\b)\s*(\S.*)", written[:200])
    return f"write {{{match[1]}: {match[2]}}}" if match else odd_text_hint(written)


# --- codes ------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "unknown-kind": Explanation(
        "Not a condition",
        "A condition begins with its own word: `count`, `none`, `status`, `all` and so on. Here that word is "
        "missing, or there is a text or a list instead of a condition. Put several conditions in a list under "
        "`all:` or `any:`.",
        "when:\n  - none: purchase\n    for: 45 days\n  - status: active\n",
        "when:\n  all:\n    - none: purchase\n      for: 45 days\n    - status: active\n",
    ),
    "wrong-type": Explanation(
        "The wrong type of value",
        "For example a number instead of a text, or a list instead of one value. List entries begin with `- `.",
        "variables:\n  - cancellation.reason\n",
        "variables:\n  reason: cancellation.reason\n",
    ),
    "wrong-value": Explanation(
        "A value that is not allowed",
        "The message says what is expected. Durations are a whole number and a unit: `45 days`. Percentages end in "
        "`%`. A dot connects a type and its attribute: `purchase.amount`.",
        "expires after: 14d\n",
        "expires after: 14 days\n",
    ),
    "wrong-size": Explanation(
        "Too short or too long",
        "A text is too short or too long, or a list has too few or too many entries.",
        "title: A\n",
        "title: A regular buyer has gone quiet\n",
    ),
}
