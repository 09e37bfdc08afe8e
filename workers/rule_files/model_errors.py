"""What a model refuses, in words for the person who wrote the file: what was found, and what was probably meant.

What is here must not know where a file comes from; words that people guess are in `workers.rule_files.suggestions`.
"""

import re
from collections.abc import Callable, Collection, Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from schemas.conditions import ATTRIBUTE_PATTERN, DEFINITION_PATTERN, REFERENCE_PATTERN
from schemas.events import TYPE_PATTERN
from schemas.rules import RULE_ID_PATTERN
from schemas.sources import PATH_PATTERN, TOPIC_PATTERN
from workers.rule_files import suggestions
from workers.rule_files.positions import ODD_SPACES, Position
from workers.rule_files.problems import Explanation, shortened
from workers.rule_files.yaml_nodes import ListNode, MapNode, Node, ScalarNode, UnreadNode

Schema = dict[str, Any]


class ErrorLocation(NamedTuple):
    """Where an error of the model is in the file, and what the model wants there."""

    node: Node
    schema: Schema | None
    kinds: dict[str, Schema]
    """The alternatives that the node chooses from by its keys, if it does; empty otherwise."""
    union: Schema | None
    """The union that the node chooses from by its type, if it does."""
    model: type[BaseModel] | None
    unwrapped: Callable[[Schema | None], tuple[Schema | None, type[BaseModel] | None]]
    """Finds what a schema wants inside of wrappers and references."""
    key: str | None = None
    """Of which key the node is the value, if it is one."""


class ProblemText(NamedTuple):
    """A problem without its place."""

    code: str
    message: str
    hint: str | None = None
    at: Position | None = None
    """Where, if not at the node."""


def alias_of(name: str, field: Schema) -> str:
    """Return how a field is called in files."""
    alias = field.get("validation_alias", name)
    return alias if isinstance(alias, str) else name


# --- keys -------------------------------------------------------------------------------------------------------


def unknown_key(location: ErrorLocation, name: str, told: Collection[str]) -> tuple[ProblemText | None, str | None]:
    """Explain a key that is not possible.

    Args:
        location: the mapping.
        name: the key.
        told: what earlier unknown keys of the same mapping stand for.

    Returns:
        The words, None if the same was said already; and the key that this one stands for, if it can be told.
    """
    entries = location.node.entries if isinstance(location.node, MapNode) else {}
    own = _keys_of(location.schema)
    free = [key for key in own if key not in entries]
    at = entries[name][0].at if name in entries else location.node.at
    if (odd := _odd_key_hint(name)) is not None:
        return ProblemText("unknown-key", f"unknown key '{shortened(name)}'", odd, at), suggestions.meant_key(
            name, free
        )
    others = {key for kind in location.kinds.values() for key in _keys_of(location.unwrapped(kind)[0])}
    if name in others:
        return _key_of_another_kind(location, name, free, at)
    guessed = suggestions.guessed_key(name, free)
    below = None if guessed in _required_of(location.schema) else _field_above(location, name)
    if below is not None:
        entry = ", in an entry that begins with '- '" if _is_list(location, below) else ""
        hint = f"it belongs under '{below}': write it below, indented{entry}"
        stands_for = f"under {below}"
        words = ProblemText("misplaced-key", f"'{name}' is not possible here", hint, at)
        return (None if stands_for in told else words), stands_for
    suggested = guessed or suggestions.meant_key(name, free or own) or suggestions.meant_key(name, others)
    hint = f"did you mean '{suggested}'?" if suggested else f"possible are {listed(own)}"
    if "equal" in location.kinds and suggestions.guessed_key(name, ["exactly"]):
        hint = "to compare with a value, write the value itself: 'currency: EUR'"
    elif suggested in ("all", "any") and suggested not in own:
        hint = f"a condition is one thing: put both into a list under '{suggested}:', each with '- ' before it"
    return ProblemText("unknown-key", f"unknown key '{shortened(name)}'", hint, at), suggested


def _key_of_another_kind(
    location: ErrorLocation, name: str, free: list[str], at: Position
) -> tuple[ProblemText, str | None]:
    """Explain a key that other conditions have, but not this one."""
    words, kind = kinds_in_words(location), _kind_of(location)
    value = (
        location.node.entries[name][1]
        if isinstance(location.node, MapNode) and name in location.node.entries
        else None
    )
    is_text = isinstance(value, ScalarNode) and suggestions.as_duration(value.text) is None
    suggested = None if name in words and is_text else suggestions.guessed_key(name, free, kind)
    if suggested:
        hint = f"'{kind}' has '{suggested}' for that"
    elif name in words:
        hint = "a condition is one thing: put both into a list under 'all:', each with '- ' before it"
    else:
        hint = f"possible are {listed(_keys_of(location.schema))}"
    return ProblemText("unknown-key", f"'{name}' cannot stand beside '{kind}'", hint, at), suggested


def _field_above(location: ErrorLocation, name: str) -> str | None:
    """Return under which key of a mapping another key would be possible."""
    if location.schema is None or location.schema["type"] != "model-fields":
        return None
    for own, field in location.schema["fields"].items():
        inner = location.unwrapped(field)[0]
        if inner is not None and inner["type"] == "list":
            inner = location.unwrapped(inner.get("items_schema"))[0]
        choices = inner["choices"].values() if inner is not None and inner["type"] == "tagged-union" else [inner]
        if any(name in _keys_of(location.unwrapped(choice)[0]) for choice in choices):
            return alias_of(own, field)
    return None


def missing_keys(location: ErrorLocation, names: list[str]) -> ProblemText:
    """Explain which keys a mapping lacks, with an example of each."""
    entries = location.node.entries if isinstance(location.node, MapNode) else {}
    message = f"{listed(names)} {'is' if len(names) == 1 else 'are'} missing"
    if "after" in entries and "without" in names:
        hint = "what followed is written as 'then' and 'within', what did not follow as 'without' and 'for'"
        return ProblemText("missing-key", message, hint)
    examples = [
        f"'{name}: {example}'" for name in names if (example := _example_of(location.model, name)) is not None
    ]
    return ProblemText("missing-key", message, f"write for example {' and '.join(examples)}" if examples else None)


def _example_hint(location: ErrorLocation) -> str | None:
    """Return how a mapping with everything that it needs looks."""
    needed = [name for name in _keys_of(location.schema) if name in _required_of(location.schema)]
    examples = [f"{name}: {example}" for name in needed if (example := _example_of(location.model, name)) is not None]
    return f"write for example {{{', '.join(examples)}}}" if examples and len(examples) == len(needed) else None


def _example_of(model: type[BaseModel] | None, name: str) -> str | None:
    fields = model.model_fields if model is not None else {}
    field = next((field for key, field in fields.items() if name in (key, field.alias)), None)
    example = field.examples[0] if field is not None and field.examples else None
    return str(example) if isinstance(example, str | int) else None


def _keys_of(schema: Schema | None) -> list[str]:
    if schema is None or schema["type"] != "model-fields":
        return []
    return [alias_of(name, field) for name, field in schema["fields"].items()]


def _required_of(schema: Schema | None) -> set[str]:
    if schema is None or schema["type"] != "model-fields":
        return set()
    return {alias_of(name, field) for name, field in schema["fields"].items() if field["schema"]["type"] != "default"}


def kinds_in_words(location: ErrorLocation, kinds: dict[str, Schema] | None = None) -> list[str]:
    """Return the keys by which the alternatives are told apart: of `after then` and `after without`, `after`."""
    words: dict[str, None] = {}
    for kind, schema in (kinds or location.kinds).items():
        words[kind if kind in _keys_of(location.unwrapped(schema)[0]) else kind.split(" ")[0]] = None
    return list(words)


def _kind_of(location: ErrorLocation) -> str:
    entries = location.node.entries if isinstance(location.node, MapNode) else {}
    words = kinds_in_words(location)
    return next((key for key in entries if key in words), next(iter(entries), ""))


# --- values -----------------------------------------------------------------------------------------------------

_PATTERNS: Final[dict[str, tuple[str, Callable[[str], str | None]]]] = {
    TYPE_PATTERN: ("an event type: small letters, digits, '-' and '_', beginning with a letter", suggestions.as_type),
    RULE_ID_PATTERN: ("an id: 3 to 64 small letters, digits and '-', beginning with a letter", suggestions.as_id),
    ATTRIBUTE_PATTERN: ("an attribute: letters, digits and '_'", suggestions.as_attribute),
    REFERENCE_PATTERN: (
        "an event type and an attribute with a dot between, such as 'purchase.amount'",
        suggestions.as_reference,
    ),
    DEFINITION_PATTERN: ("a name: small letters, digits, spaces and '-', 3 to 64 of them", suggestions.as_name),
    PATH_PATTERN: ("a path, such as 'customer.id' or 'lines[0].sku'", lambda written: None),
    TOPIC_PATTERN: ("a topic: letters, digits, '.', '-' and '_'", lambda written: None),
}
_TRUTH_OF_YAML_1_1: Final = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}
_EXPECTED: Final[tuple[tuple[tuple[str, ...], str, str], ...]] = (
    (("string",), "wrong-type", "a text"),
    (("decimal", "float", "finite"), "wrong-type", "a number"),
    (("int",), "wrong-type", "a whole number"),
    (("bool",), "wrong-type", "true or false"),
    (("list",), "wrong-type", "a list"),
    (("dict", "model"), "wrong-type", "keys with values"),
    (("date", "timezone"), "wrong-value", "a day such as 2024-01-31"),
)
_RANGES: Final = {
    "greater_than_equal": ("ge", "{} or more"),
    "greater_than": ("gt", "more than {}"),
    "less_than_equal": ("le", "{} or less"),
    "less_than": ("lt", "less than {}"),
}


def explained(item: Any, location: ErrorLocation) -> ProblemText:
    """Say in words what a model's error means for the person who wrote the file."""
    error, found = str(item["type"]), in_words(location.node)
    context = item.get("ctx", {})
    if location.schema is not None and location.schema["type"] == "tagged-union" and error != "value_error":
        return _no_kind(location)
    if error.endswith(("too_short", "too_long")):
        return ProblemText("wrong-size", _size_in_words(error, context, found))
    if location.union is not None:
        return _none_of_union(location, found)
    if error == "value_error":
        return _refused(location, shortened(str(context["error"]), 300))
    if error == "literal_error":
        return _no_literal(location, found)
    if error == "string_pattern_mismatch":
        return _no_match(location, str(context.get("pattern")), found)
    if error in _RANGES:
        bound, words = _RANGES[error]
        return ProblemText("wrong-value", f"expected {words.format(context.get(bound))}, found {found}")
    for beginnings, code, expected in _EXPECTED:
        if error.startswith(beginnings):
            return ProblemText(code, f"expected {expected}, found {found}", _type_hint(location, expected))
    return ProblemText("wrong-value", f"{found} is not possible here", _odd_hint(location.node))


def _refused(location: ErrorLocation, message: str) -> ProblemText:
    """Explain what a validator refused; one of a whole mapping, at the entry that it speaks of."""
    if not isinstance(location.node, MapNode):
        written = location.node.text if isinstance(location.node, ScalarNode) else _flat(location.node)
        rewritten = suggestions.rewritten(message, written, location.key)
        hint = f"did you mean '{rewritten}'?" if rewritten else _odd_hint(location.node)
        message = message.replace(repr(written), f"'{written}'")
        return ProblemText("wrong-value", _without_python(message, location.node), hint)
    return ProblemText("wrong-value", message, None, _spoken_of(location.node, message))


def _without_python(message: str, node: Node) -> str:
    """Show lists and mappings in words, not as Python writes them."""
    if isinstance(node, ScalarNode) or ", found " not in message:
        return message
    return f"{message.rpartition(', found ')[0]}, found {in_words(node)}"


def _flat(node: Node) -> str:
    """Return what a list of single values would be as one text."""
    if isinstance(node, ListNode) and all(isinstance(item, ScalarNode) for item in node.items):
        return " ".join(item.text for item in node.items if isinstance(item, ScalarNode))
    return ""


def _spoken_of(node: MapNode, message: str) -> Position | None:
    """Return the place of the entry that a message about a mapping speaks of: a key in quotes, or a value found."""
    for quoted in re.findall(r"'([^']+)'", message):
        if (name := quoted.partition(":")[0]) in node.entries:
            return node.entries[name][0].at
    if (found := re.search(r", found (-?\d+(?:\.\d+)?)%?$", message)) is not None:
        for _, value in node.entries.values():
            if isinstance(value, ScalarNode) and _same_number(value.text.rstrip("% "), found[1]):
                return value.at
    for name, (key, _) in node.entries.items():
        if (" " in name and name in message) or re.search(rf"\b{re.escape(name)} -?\d", message):
            return key.at
    if re.match(r"has \d+ conditions|conditions are nested", message) and "when" in node.entries:
        return node.entries["when"][0].at
    return None


def _same_number(text: str, other: str) -> bool:
    try:
        return Decimal(text) == Decimal(other)
    except InvalidOperation:
        return False


def _no_match(location: ErrorLocation, pattern: str, found: str) -> ProblemText:
    written = location.node.text if isinstance(location.node, ScalarNode) else ""
    words, rewrite = _PATTERNS.get(pattern, ("", None))
    if not words and REFERENCE_PATTERN in pattern:
        words, rewrite = "an event type, or one with an attribute such as 'purchase.amount'", suggestions.as_reference
    message = f"{found} is not possible here"
    if words and (lines := suggestions.in_lines(written, location.key)) is not None:
        return ProblemText("wrong-value", message, lines)
    suggested = None if rewrite is None else rewrite(written[:200])
    if suggested not in (None, written):
        return ProblemText("wrong-value", message, f"did you mean '{suggested}'? It must be {words}")
    return ProblemText("wrong-value", message, _odd_hint(location.node) or (f"expected {words}" if words else None))


def _no_kind(location: ErrorLocation) -> ProblemText:
    """Explain a mapping in which none of the keys is there that would say what it is."""
    kinds = kinds_in_words(location, (location.schema or {})["choices"])
    message = f"expected a condition, found {in_words(location.node)}"
    if isinstance(location.node, ListNode):
        return ProblemText("unknown-kind", message, "write 'all:' or 'any:' before a list of conditions")
    if isinstance(location.node, ScalarNode):
        return ProblemText("unknown-kind", message, _kind_in_text(location.node.text, kinds))
    if isinstance(location.node, MapNode) and location.node.entries:
        if _is_key_of_some(location, next(iter(location.node.entries))):
            return _kindless(location, location.node, kinds)
        for name, (key, _) in location.node.entries.items():
            if (suggested := suggestions.meant_key(name, kinds)) is not None:
                message = f"'{shortened(name)}' is no condition"
                hint = _odd_key_hint(name) or f"did you mean '{suggested}'?"
                return ProblemText("unknown-kind", message, hint, key.at)
        return _kindless(location, location.node, kinds)
    return ProblemText("unknown-kind", message, f"it begins with one of {', '.join(kinds)}")


def _kindless(location: ErrorLocation, node: MapNode, kinds: list[str]) -> ProblemText:
    name, (key, value) = next(iter(node.entries.items()))
    message = f"expected a condition: it begins with one of {', '.join(kinds)}"
    if (odd := _odd_key_hint(name)) is not None:
        return ProblemText("unknown-kind", message, odd, key.at)
    if _is_key_of_some(location, name):
        hint = f"'{name}' is part of a condition: is there a '- ' too many, or is the line above indented too far?"
    elif isinstance(value, MapNode | ListNode | UnreadNode):
        hint = f"a condition begins with one of these words, such as 'count: {shortened(name)}'"
    else:
        hint = "a condition begins with one of these words, such as 'count: purchase'"
    return ProblemText("unknown-kind", message, hint, key.at)


def _is_key_of_some(location: ErrorLocation, name: str) -> bool:
    choices = (location.schema or {})["choices"].values()
    return any(name in _keys_of(location.unwrapped(choice)[0]) for choice in choices)


def _kind_in_text(written: str, kinds: list[str]) -> str | None:
    if written.lower() in ("active", "cancelled", "canceled"):
        return f"write 'status: {'active' if written.lower() == 'active' else 'cancelled'}'"
    if "meets" in kinds and (word := suggestions.words_at_the_beginning(written, kinds)) is not None:
        rest = shortened(written[len(word) :].strip(": "))
        more = ", and other words on lines below" if " " in rest else ""
        return f"write '{word}: {rest.split(' ')[0]}', with a space after the ':'{more}"
    if (line := suggestions.key_at_the_beginning(written)) is not None:
        return f"write '{line}' below the condition that it belongs to, without '- '"
    if (lines := suggestions.in_lines(written)) is not None:
        return lines
    return "a condition is written as 'word: value', such as 'none: purchase' and below it 'for: 45 days'"


def _none_of_union(location: ErrorLocation, found: str) -> ProblemText:
    choices = [location.unwrapped(choice)[0] or {} for choice in (location.union or {}).get("choices", ())]
    literals = [str(value) for choice in choices for value in choice.get("expected", ())]
    if not literals:
        return ProblemText("wrong-type", f"expected a text, a number or true/false, found {found}")
    suggested = (
        suggestions.meant_value(location.node.text, literals) if isinstance(location.node, ScalarNode) else None
    )
    hint = f"did you mean '{suggested}'?" if suggested else "begin each entry of the list with '- '"
    return ProblemText("wrong-type", f"expected a list or {listed(literals)}, found {found}", hint)


def _no_literal(location: ErrorLocation, found: str) -> ProblemText:
    expected = list((location.schema or {}).get("expected", ()))
    written = location.node.text if isinstance(location.node, ScalarNode) else ""
    if expected == [True]:
        meant = _TRUTH_OF_YAML_1_1.get(written.lower())
        hint = f"'{written}' is a text here: write {meant}" if meant else "write true, or delete the line"
        return ProblemText("wrong-value", f"expected true, found {found}", hint)
    suggested = suggestions.meant_value(written, [str(value) for value in expected])
    if isinstance(location.node, ListNode):
        return ProblemText(
            "wrong-type", f"expected one value, found {found}", f"write one of {listed(map(str, expected))}"
        )
    message = f"{found} is none of {listed([str(value) for value in expected])}"
    return ProblemText("wrong-value", message, f"did you mean '{suggested}'?" if suggested else None)


def _size_in_words(error: str, context: dict[str, Any], found: str) -> str:
    one, several = ("character", "characters") if error.startswith("string") else ("entry", "entries")
    bound, comparison = context.get("min_length", 0), "at least"
    if error.endswith("too_long"):
        bound, comparison = context.get("max_length", 0), "at most"
        found = str(context.get("actual_length") or found)
    return f"expected {comparison} {bound} {one if bound == 1 else several}, found {found}"


def _type_hint(location: ErrorLocation, expected: str) -> str | None:
    """Say how to write what is of another type than it should be."""
    node = location.node
    if isinstance(node, MapNode):
        odd = _odd_key_hint(next(iter(node.entries), ""))
        return odd or {"a list": "begin each entry with '- '", "a text": "write one value"}.get(expected)
    if isinstance(node, ListNode):
        if expected == "keys with values":
            lists = [name for name in _keys_of(location.schema) if _is_list(location, name)]
            return f"write '{lists[0]}:' above the list" if lists else "write the lines without '- '"
        if (location.schema or {}).get("pattern") in (TYPE_PATTERN, REFERENCE_PATTERN):
            return "write one of them; for several, write a condition for each under 'any:'"
        return "write one value, without '- ' and brackets"
    if not isinstance(node, ScalarNode):
        return None
    if expected == "a text" and node.is_plain:
        return f'write "{shortened(node.text)}" if it is a text'
    if expected in ("a number", "a whole number"):
        return _number_hint(node.text)
    if expected == "a list":
        return f"write [{shortened(node.text)}]"
    if expected == "keys with values":
        return _mapping_hint(node.text) or _example_hint(location)
    return _odd_hint(node)


def _is_list(location: ErrorLocation, name: str) -> bool:
    fields = (location.schema or {}).get("fields", {})
    field = next((field for key, field in fields.items() if alias_of(key, field) == name), None)
    return (location.unwrapped(field)[0] or {}).get("type") == "list"


def _number_hint(written: str) -> str | None:
    number = suggestions.as_number(written[:200])
    if "," in written:
        return "write a decimal point, and nothing between thousands" + (f": {number}" if number else "")
    return f"write {number}" if number else _odd_text_hint(written)


def _mapping_hint(written: str) -> str | None:
    match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*(?::|=|==|\bis\b)\s*(\S.*)", written[:200])
    return f"write {{{match[1]}: {match[2]}}}" if match else _odd_text_hint(written)


# --- characters that people do not see --------------------------------------------------------------------------

_BULLETS: Final = re.compile(r"^([–—−•*·‣▪-]+)\s*(?=\S)")  # noqa: RUF001 (these are what is looked for)


def _odd_key_hint(name: str) -> str | None:
    if (bullet := _BULLETS.match(name)) is not None:
        if bullet[1] == "-":
            return "write a space after the '-'"
        return f"a list entry begins with '- ': a hyphen and a space; here stands '{bullet[1]}'"
    if (odd := _odd_text_hint(name)) is not None:
        return odd
    return "write a space after the ':'" if ":" in name else None


def _odd_hint(node: Node) -> str | None:
    return _odd_text_hint(node.text) if isinstance(node, ScalarNode) else None


def _odd_text_hint(text: str) -> str | None:
    has_one = any(character in ODD_SPACES for character in text)
    return "it holds a non-breaking space: type an ordinary one" if has_one else None


def in_words(node: Node) -> str:
    """Return what was found, as it is called in messages."""
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
    """Return names in quotes."""
    return ", ".join(f"'{name}'" for name in names)


# --- codes ------------------------------------------------------------------------------------------------------

EXPLANATIONS: Final[dict[str, Explanation]] = {
    "unknown-key": Explanation(
        "A key that is not allowed here",
        "The key is misspelt, belongs to another kind of condition, or has another name: `none` goes with `for`, "
        "`count` with `within`. docs/rules.md lists the keys of each condition.",
        "when:\n  none: purchase\n  within: 45 days\n",
        "when:\n  none: purchase\n  for: 45 days\n",
    ),
    "misplaced-key": Explanation(
        "A key on the wrong level",
        "The key belongs one level deeper, under another key. Usually the indentation is wrong.",
        "when:\n  none: purchase\n  for: 45 days\nall:\n  - status: active\n",
        "when:\n  all:\n    - none: purchase\n      for: 45 days\n    - status: active\n",
    ),
    "missing-key": Explanation(
        "A required key is missing",
        "A rule needs `id`, `title`, `when`, `action`, `template` and `expires after`. A condition needs the keys "
        "of its kind. There is no default that suits everyone.",
        "when:\n  none: purchase\n",
        "when:\n  none: purchase\n  for: 45 days\n",
    ),
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
