"""Explains refused values to the person who wrote the file: what was found, and what was probably meant.

This module must never know where a file comes from. `workers.rule_files.suggestions` has the spellings that people
guess.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final, Literal, get_args

from schemas.actions import ACTION_PATTERN
from schemas.attribute_types import AttributeType
from schemas.conditions import (
    ATTRIBUTE_PATTERN,
    BOUND_WORDS,
    DEFINITION_PATTERN,
    ELEMENTARY,
    REFERENCE_PATTERN,
    Compared,
)
from schemas.events import TYPE_PATTERN
from schemas.places import PATH_PATTERN, Place
from schemas.refusals import InconsistentEntries, WrongFormat
from schemas.rules import BY_VALUE, RULE_ID_PATTERN, Consent, Expected, TimeZone
from schemas.sources import CASE_PATTERN, PACK_PATTERN, TOPIC_PATTERN
from workers.rule_files import suggestions
from workers.rule_files.error_locations import (
    ErrorLocation,
    Instead,
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
from workers.rule_files.hints.likeness import form_of
from workers.rule_files.hints.values import as_bound, as_comparison, as_measurement, as_number
from workers.rule_files.hints.variables import GOES_WITH_EVERY_ACTION, measurement_in, no_variable
from workers.rule_files.key_errors import AS_PERSONAL, PERSONAL, example_hint
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
    ACTION_PATTERN: ("an action: 3 to 32 small letters, digits and '-'", suggestions.as_action),
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
_ENTRIES: Final = "begin each entry with '- ', or put [ ] around them"
_EXPECTED: Final = "{at: 45 days, action: at-risk}"
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
        return no_variable(location) if "attribute" in location.schema["choices"] else _no_kind(location)
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
            hint, new = _type_hint(location, expected)
            node = location.node
            instead = Instead(node.text, new) if new is not None and isinstance(node, ScalarNode) else None
            return ProblemText(code, message, hint, None, instead)
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
    if rewritten is None:
        hint = odd_value_hint(node) or suggestions.instead_of_format(value_format, written)
        return ProblemText("wrong-value", message, hint)
    instead = Instead(node.text if isinstance(node, ScalarNode) else "", as_yaml(rewritten))
    otherwise = suggestions.instead_of_format(value_format, written)
    return ProblemText("wrong-value", message, f"did you mean '{rewritten}'?", None, instead, otherwise)


def as_yaml(text: str) -> str:
    """Return a text as it is written in a file: in quotes if YAML would read it as something else without them."""
    is_plain = re.fullmatch(r"[A-Za-z0-9$][^:#,\[\]{}\"'\n]*", text) is not None and text == text.strip()
    is_read_otherwise = re.fullmatch(r"true|false|null|\.\w+|\d[\d_.eE+-]*|0[xo]\w+", text, re.IGNORECASE) is not None
    return text if is_plain and not is_read_otherwise else json.dumps(text, ensure_ascii=False)


def _joined(node: Node) -> str:
    """Return a list of single values as one text; "" for anything else."""
    if isinstance(node, ListNode) and all(isinstance(item, ScalarNode) for item in node.items):
        return ", ".join(item.text for item in node.items if isinstance(item, ScalarNode))
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
    meant = as_measurement(written) if location.key == "change" else None
    if meant is not None and meant.startswith(("distinct ", "average ", "days with ")):
        longer = f"'at most: 60% of {meant} within 180 days'"
        hint = f"'change' counts events or adds up; compare the last days with more of them, such as {longer}"
        return ProblemText("wrong-value", message, hint)
    if pattern == PATH_PATTERN and suggestions.is_search(written):
        remedy = "write {find: '…'} around a JMESPath expression, which can search in lists"
        return ProblemText("wrong-value", message, remedy)
    if pattern == ATTRIBUTE_PATTERN and (comparison := as_comparison(written)) is not None:
        return ProblemText("wrong-value", message, f"write '{comparison}'")
    if words and pattern not in _OF_SOURCES and suggestions.is_several(written):
        return _several_in_one(location, written, message)
    if pattern == ATTRIBUTE_PATTERN and re.match(REFERENCE_PATTERN, written):
        return _other_event(location, written, message)
    expected = odd_value_hint(location.node) or (f"expected {words}" if words else None)
    if pattern == REFERENCE_PATTERN and _is_a_variable(location):
        if (always := GOES_WITH_EVERY_ACTION.get(form_of(written))) is not None:
            return ProblemText("wrong-value", message, always)
        if (measurement := measurement_in(written)) is not None:
            hint = f"write '{measurement}'"
            return ProblemText("wrong-value", message, hint, None, Instead(written, measurement))
        expected = (
            f"expected {words}, or a measurement such as {{sum: purchase.amount}}; a fixed text goes under 'labels'"
        )
    suggested = None if rewrite is None else rewrite(written[:200])
    if suggested is not None and suggested != written:
        hint, instead = f"did you mean '{suggested}'? It must be {words}", Instead(written, as_yaml(suggested))
        return ProblemText("wrong-value", message, hint, None, instead, expected)
    return ProblemText("wrong-value", message, expected)


def _is_a_variable(location: ErrorLocation) -> bool:
    return any(value_of(node, "variables") is location.way[-1] for node in location.way[:-1])


def _several_in_one(location: ErrorLocation, written: str, message: str) -> ProblemText:
    """Explain a text that holds several things, such as `purchase at least 3`."""
    lines = suggestions.in_lines(written, location.key or "")
    around = location.way[-1] if location.way else None
    if lines is None or not isinstance(around, MapNode) or any(key in around.entries for key, _ in lines.below):
        hint = "each thing is a line of its own, such as 'count: purchase' and below it 'at least: 3'"
        return ProblemText("wrong-value", message, hint)
    entries = ", ".join(f"'{key}: {value}'" for key, value in ((location.key, lines.value), *lines.below))
    hint = f"write {entries}: each in a line of its own, or with a ',' between them"
    return ProblemText("wrong-value", message, hint, None, Instead(written, lines.value, lines.below))


def _other_event(location: ErrorLocation, written: str, message: str) -> ProblemText:
    """Explain `profile.country` where only the name of an attribute is possible: of this event, or of another one."""
    event_type, _, name = written.partition(".")
    if event_type in _types_around(location):
        instead = Instead(written, name)
        return ProblemText("wrong-value", message, f"write '{name}': it is of this event", None, instead)
    hint = (
        f"here are attributes of this event only; what a {event_type} said is a condition of its own under 'all:', "
        f"'- latest: {written}' and below it 'is:' with the value"
    )
    return ProblemText("wrong-value", message, hint)


def _types_around(location: ErrorLocation) -> set[str]:
    """Return the event types that the mappings around a key name."""
    texts = [
        value.text
        for node in location.way
        if isinstance(node, MapNode) and any(inner in node_values(node) for inner in location.way)
        for value in node_values(node)
        if isinstance(value, ScalarNode)
    ]
    return {text.partition(".")[0] for text in texts}


def node_values(node: MapNode) -> list[Node]:
    """Return the values of a mapping."""
    return [value for _, value in node.entries.values()]


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
        return _kind_in_text(location, location.node.text, kinds, message)
    if isinstance(location.node, MapNode) and location.node.entries:
        return _no_kind_in_entries(location, location.node, kinds)
    return ProblemText("unknown-kind", message, f"it begins with one of {', '.join(kinds)}")


def _no_kind_in_entries(location: ErrorLocation, node: MapNode, kinds: list[str]) -> ProblemText:
    """Explain a mapping without a kind: at the first key that resembles one, or else at its beginning."""
    first, (key_node, value) = next(iter(node.entries.items()))
    is_part = _is_key_of_some_kind(location, first)
    if (written := suggestions.as_begun(first)) is not None:
        return ProblemText("unknown-kind", f"'{shortened(first)}' is no condition", written, key_node.at)
    for key, (node_of_key, _) in node.entries.items() if not is_part else ():
        if _is_key_of_some_kind(location, key):
            continue  # 'at least' is right where it is, and resembles 'latest'
        if (suggested := _meant_kind(location, node, key, kinds)) is not None:
            hint = odd_key_hint(key) or f"did you mean '{suggested}'?"
            message = f"'{shortened(key)}' is no condition"
            instead, possible = Instead(key, suggested), f"possible are {', '.join(kinds)}"
            return ProblemText("unknown-kind", message, hint, node_of_key.at, instead, possible)
    message = f"expected a condition: it begins with one of {', '.join(kinds)}"
    kind = suggestions.words_at_the_beginning(first, kinds)
    rest = "" if kind is None else first[len(kind) :].strip(" :")
    if (
        kind is not None
        and kind in ELEMENTARY
        and rest in {field.alias or name for name, field in ELEMENTARY[kind].model_fields.items()}
    ):
        hint = f"write '{kind}:' with what it is about, and '{shortened(rest)}:' in a line of its own"
        return ProblemText("unknown-kind", message, hint, key_node.at)
    if (odd := odd_key_hint(first)) is not None:
        hint = odd
    elif is_part:
        hint = f"'{first}' is part of a condition: is there a '- ' too many, or is the line above indented too far?"
    elif isinstance(value, MapNode | ListNode | UnreadNode):
        hint = f"a condition begins with one of these words, such as 'count: {shortened(first)}'"
    else:
        message, hint = f"'{shortened(first)}' is no condition", f"possible are {', '.join(kinds)}"
    return ProblemText("unknown-kind", message, hint, key_node.at)


def _meant_kind(location: ErrorLocation, node: MapNode, key: str, kinds: list[str]) -> str | None:
    """Return the kind that was probably meant by a key, if the other keys of the mapping can stand beside it."""
    meant = suggestions.meant_key(key, kinds)
    if meant is None:
        return None
    others = {other for other in node.entries if other != key and _is_key_of_some_kind(location, other)}
    choices = (location.schema or {})["choices"]
    schemas = [schema for kind, schema in choices.items() if kind == meant or kind.startswith(f"{meant} ")]
    fits = any(others <= set(keys_of(location.unwrapped(schema)[0])) for schema in schemas)
    return meant if fits or not schemas else None


def _is_key_of_some_kind(location: ErrorLocation, key: str) -> bool:
    choices = (location.schema or {})["choices"].values()
    return any(key in keys_of(location.unwrapped(choice)[0]) for choice in choices)


def _kind_in_text(location: ErrorLocation, written: str, kinds: list[str], message: str) -> ProblemText:
    """Explain a condition that was written as one text."""
    if (line := _written_out(written, kinds)) is not None:
        is_entry = bool(location.way) and isinstance(location.way[-1], ListNode)
        shown_line = line if is_entry and "," not in line else f"{{{line}}}"
        space = ", with a space after each ':'" if ":" in written else ""
        return ProblemText(
            "unknown-kind", message, f"write '{shown_line}'{space}", None, Instead(written, f"{{{line}}}")
        )
    if (line := suggestions.key_at_the_beginning(written)) is not None and line.partition(":")[0] not in kinds:
        hint = f"write '{line}' below the condition that it belongs to, without '- '"
        return ProblemText("unknown-kind", message, hint)
    usual = "a condition is written as 'word: value', such as 'none: purchase' and below it 'for: 45 days'"
    return ProblemText("unknown-kind", message, suggestions.as_begun(written) or usual)


def _written_out(written: str, kinds: list[str]) -> str | None:
    """Return a condition in one text, such as `none purchase for 45 days`, with its keys; None if a part is odd."""
    for kind in ELEMENTARY.values():
        if (line := kind.alone.get(written.strip().lower())) is not None:
            return line
    if "meets" not in kinds or (word := suggestions.words_at_the_beginning(written, kinds)) is None:
        return None
    rest = written[len(word) :].strip(": ")
    if word == "not":
        inner = _written_out(rest, kinds)
        return None if inner is None else f"not: {{{inner}}}"
    if word in ("all", "any") or not rest:
        return None
    if suggestions.is_several(rest) or re.search(r"\s", rest):
        lines = suggestions.in_lines(re.sub(r":(?=\S)", ": ", rest), word)
        return (
            None
            if lines is None
            else ", ".join([f"{word}: {lines.value}", *(f"{key}: {value}" for key, value in lines.below)])
        )
    return f"{word}: {rest}"


# --- values of another type, size or choice ---------------------------------------------------------------------


def _no_name(node: ScalarNode, patterns: list[str], content: str) -> ProblemText:
    """Explain a text that is no name of the form that is expected here, such as that of a stage."""
    message = f"expected a name in small letters, digits and hyphens, found {content}"
    meant = form_of(node.text).replace(" ", "-")
    if not any(re.search(pattern, meant) for pattern in patterns):
        return ProblemText("wrong-value", message, _STAGES)
    return ProblemText("wrong-value", message, f"did you mean '{meant}'?", None, Instead(node.text, meant), _STAGES)


_STAGES: Final = "write the name of a stage, such as regular, or several: [regular, loyal]"


def _none_of_union(location: ErrorLocation, content: str) -> ProblemText:
    choices = [location.unwrapped(choice)[0] or {} for choice in (location.union or {}).get("choices", ())]
    literals = [str(value) for choice in choices for value in choice.get("expected", ())]
    node = location.node
    patterns = [choice["pattern"] for choice in choices if choice.get("pattern")]
    if patterns and isinstance(node, ScalarNode):
        return _no_name(node, patterns, content)
    if patterns:
        return ProblemText(
            "wrong-type", f"expected the name of a stage, or a list of names, found {content}", _STAGES
        )
    if not literals:
        return ProblemText("wrong-type", f"expected a text, a number or true/false, found {content}")
    suggested = suggestions.meant_value(node.text, literals) if isinstance(node, ScalarNode) else None
    message = f"expected a list or {listed(literals)}, found {content}"
    if suggested is not None and isinstance(node, ScalarNode):
        instead = Instead(node.text, suggested)
        return ProblemText("wrong-type", message, f"did you mean '{suggested}'?", None, instead)
    if isinstance(node, ScalarNode):
        return ProblemText("wrong-type", message, f"write {_EXPECTED} in a list" if "nothing" in literals else None)
    return ProblemText("wrong-type", message, _ENTRIES)


def _no_literal(location: ErrorLocation, content: str) -> ProblemText:
    expected = list((location.schema or {}).get("expected", ()))
    written = location.node.text if isinstance(location.node, ScalarNode) else ""
    if expected == [True]:
        meant = _TRUTH_OF_YAML_1_1.get(written.lower())
        if meant == "false":
            return ProblemText("wrong-value", f"expected true, found {content}", "delete the line")
        remedy = f"'{written}' is a text here: write {meant}" if meant else "write true, or delete the line"
        instead = Instead(written, meant) if meant else None
        return ProblemText("wrong-value", f"expected true, found {content}", remedy, None, instead)
    choices = [str(value) for value in expected]
    if isinstance(location.node, ListNode):
        return ProblemText("wrong-type", f"expected one value, found {content}", f"write one of {listed(choices)}")
    suggested = suggestions.meant_value(written, choices)
    message = f"{content} is none of {listed(choices)}"
    if suggested is None:
        hint = AS_PERSONAL if written == PERSONAL and choices == list(get_args(AttributeType)) else None
        if location.key == "moved":
            hint = "the present stage is a condition of its own under 'all:', such as 'stage: quiet'"
        elif hint is None and len(choices) == 1:
            hint = f"write {choices[0]}, or delete the line"
        return ProblemText("wrong-value", message, hint)
    hint = f"did you mean '{suggested}'?"
    around = location.way[-1] if location.way else None
    if suggested == "live" and value_of(around, "examples") is None:
        hint += " It needs 'examples'; without them, 'shadow' tries the rule"
    return ProblemText("wrong-value", message, hint, None, Instead(written, suggested))


def _size_message(kind: str, context: dict[str, Any], content: str) -> str:
    singular, plural = ("character", "characters") if kind.startswith("string") else ("entry", "entries")
    bound, comparison = context.get("min_length", 0), "at least"
    if kind.endswith("too_long"):
        bound, comparison = context.get("max_length", 0), "at most"
        content = str(context.get("actual_length") or content)
    return f"expected {comparison} {bound} {singular if bound == 1 else plural}, found {content}"


_Remedy = tuple[str | None, str | None]
"""A hint, and what to write instead of the value; None for neither."""


def _type_hint(location: ErrorLocation, expected: Wanted) -> _Remedy:
    """Return how to write a value of another type than the expected one."""
    match location.node:
        case MapNode() as node:
            other: dict[Wanted, str] = {"list": _ENTRIES, "text": "write one value"}
            return odd_key_hint(next(iter(node.entries), "")) or other.get(expected), None
        case ListNode():
            return _hint_for_list(location, expected), None
        case ScalarNode() as node:
            return _hint_for_scalar(location, node, expected)
    return None, None


def _hint_for_list(location: ErrorLocation, expected: Wanted) -> str:
    if expected == "mapping":
        lists = [key for key in keys_of(location.schema) if is_list(location, key)]
        return f"write '{lists[0]}:' above the list" if lists else "write the lines without '- '"
    if (location.schema or {}).get("pattern") in (TYPE_PATTERN, REFERENCE_PATTERN):
        return "write one of them; for several, write a condition for each under 'any:'"
    return "write one value, without '- ' and brackets"


def _hint_for_scalar(location: ErrorLocation, node: ScalarNode, expected: Wanted) -> _Remedy:
    match expected:
        case "text" if node.is_plain:
            new = json.dumps(node.text, ensure_ascii=False)
            return f"write {json.dumps(shortened(node.text), ensure_ascii=False)} if it is a text", new
        case "number" | "whole number":
            return _number_hint(location, node.text[:200])
        case "list":
            return _list_hint(node)
        case "mapping":
            return _mapping_hint(node.text[:200]) or _whole_mapping(location, node.text)
    return odd_value_hint(node), None


def _whole_mapping(location: ErrorLocation, written: str) -> _Remedy:
    """Return how to write a mapping if only one value of it was written."""
    if location.model is Expected:
        return f"write for example {_EXPECTED}", None
    if location.model is Consent and re.match(REFERENCE_PATTERN, written):
        return f"write for example {{from: {shortened(written)}, opted out: [false]}}", None
    if location.model is TimeZone and (zone := suggestions.as_zone(written)) is not None:
        return f"write {{otherwise: {zone}}}", f"{{otherwise: {zone}}}"
    return example_hint(location), None


def _list_hint(node: ScalarNode) -> _Remedy:
    parts = [part.strip() for part in node.text.split(",")]
    if len(parts) > 1:
        new = f"[{', '.join(map(_as_item, parts))}]"
        return f"write {shortened(new)} if these are several values", None
    # `no` is a text here, and the next message would say so.
    new = f"[{_as_item(node.text) if node.is_plain else json.dumps(node.text, ensure_ascii=False)}]"
    return f"write {shortened(new)}", new


def _as_item(text: str) -> str:
    if text.lower() in _TRUTH_OF_YAML_1_1:
        return json.dumps(text)
    return text if text in ("true", "false") or re.fullmatch(r"-?\d+(\.\d+)?", text) else as_yaml(text)


def _number_hint(location: ErrorLocation, written: str) -> _Remedy:
    around = location.way[-1] if location.way else None
    if location.key == "priority":
        by_value = suggestions.meant_value(written, (BY_VALUE,))
        return (f"did you mean '{by_value}'?", by_value) if by_value else (_PRIORITY, None)
    is_bound = isinstance(around, MapNode) and any(word in around.entries for word in Compared.one_of)
    is_measured = is_bound and location.key in Compared.against and re.search(r"[A-Za-z](\.|\s+)[A-Za-z]", written)
    if is_measured and as_number(written, _nouns_around(location)) is None and (meant := as_measurement(written)):
        return f"did you mean '{meant}'?", as_yaml(meant)
    if is_measured and re.match(r"(the )?(previous|last|former|before|usual)\b", written):
        return suggestions.AN_EARLIER_VALUE, None
    if re.search(r"[A-Za-z]\w*\.[A-Za-z]", written):
        words = "'at least', 'at most', 'more than', 'fewer than' or 'less than' of a condition"
        return f"write a number; another measurement can only be the bound of {words}", None
    number = as_number(written, _nouns_around(location))
    if number is not None:
        hint = f"write {number}"
        if "," in written:
            hint = f"write a decimal point, and nothing between thousands: {number}"
        return hint, number
    bound = as_bound(written)
    word = "" if bound is None else bound.rpartition(": ")[0]
    if bound is not None and word and word == location.key:
        number = bound.rpartition(": ")[2]
        return f"write {number}", number
    if bound is not None and word in BOUND_WORDS.values() and location.key in BOUND_WORDS.values():
        return f"write '{bound}' instead of '{location.key}'", None
    if "," in written:
        return "write a decimal point, and nothing between thousands", None
    return odd_text_hint(written) or "write a number and nothing else", None


_PRIORITY: Final = f"write a number from 1 to 100, or '{BY_VALUE}'"


def _nouns_around(location: ErrorLocation) -> set[str]:
    """Return the event types that a number can be followed by, such as `3 purchases`."""
    around = location.way[-1] if location.way else None
    return _types_around(location) | {text_of_value(around)} if isinstance(around, MapNode) else set()


def text_of_value(node: MapNode) -> str:
    """Return the event type that the first entry of a condition names: `purchase` for `sum: purchase.amount`."""
    first = next(iter(node_values(node)), None)
    return first.text.partition(".")[0] if isinstance(first, ScalarNode) else ""


def _mapping_hint(written: str) -> _Remedy | None:
    if (comparison := as_comparison(written)) is not None:
        return f"write {{{comparison}}}", f"{{{comparison}}}"
    match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*(?::|=|==|\bis\b)\s*([^\s<>=!,]+|\"[^\"]*\")", written)
    if match is not None and match[2].lower() != "not":
        new = f"{{{match[1]}: {match[2]}}}"
        return f"write {new}", new
    return None if (odd := odd_text_hint(written)) is None else (odd, None)


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
