"""Explains unknown and missing keys to the person who wrote the file.

This module must never know where a file comes from. `workers.rule_files.suggestions` has the words that people guess.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from schemas.rules import ForEveryRule, Rule
from workers.rule_files import suggestions
from workers.rule_files.error_locations import (
    ErrorLocation,
    Instead,
    ProblemText,
    alias_of,
    is_list,
    keys_of,
    kind_words,
    listed,
    odd_key_hint,
    required_keys_of,
)
from workers.rule_files.hints.likeness import form_of
from workers.rule_files.hints.values import as_duration
from workers.rule_files.positions import Position
from workers.rule_files.problems import Explanation, shortened
from workers.rule_files.references import kind_of
from workers.rule_files.yaml_nodes import MapNode, Node, ScalarNode, items_of

_COMBINE: Final = "a condition is one thing: put both into a list under '{}:', each with '- ' before it"


@dataclass(frozen=True, slots=True)
class UnknownKey:
    """An unknown key, explained.

    Attributes:
        text: the problem; None if an earlier key of the same mapping caused the same one.
        meant: the key that was probably meant, or `under KEY` for a key that belongs one level deeper.
    """

    text: ProblemText | None
    meant: str | None


def unknown_key(location: ErrorLocation, key: str, already_meant: Collection[str]) -> UnknownKey:
    """Explain a key that is not possible in a mapping.

    Args:
        location: the mapping.
        key: the key.
        already_meant: what earlier unknown keys of the same mapping meant.
    """
    entries = _entries_of(location)
    at = entries[key][0].at if key in entries else location.node.at
    unused = [own for own in keys_of(location.schema) if own not in entries]
    if (hint := odd_key_hint(key)) is not None:
        meant = suggestions.meant_key(key, unused) or suggestions.meant_key(key.partition(":")[0], unused)
        instead = Instead(key, meant) if meant is not None and form_of(meant) == form_of(key) else None
        return UnknownKey(_unknown(key, hint, at, instead, hint), meant)
    if key in _keys_of_kinds(location):
        return _key_of_another_kind(location, key, unused, at)
    guess = suggestions.guessed_key(key, unused)
    if guess not in required_keys_of(location.schema) and (above := _key_above(location, key)) is not None:
        return _misplaced_key(location, key, above, at, already_meant)
    return _misspelt_key(location, key, guess, at)


def _unknown(
    key: str, hint: str, at: Position, instead: Instead | None = None, otherwise: str | None = None
) -> ProblemText:
    return ProblemText("unknown-key", f"unknown key '{shortened(key)}'", hint, at, instead, otherwise)


def _misplaced_key(
    location: ErrorLocation, key: str, above: str, at: Position, already_meant: Collection[str]
) -> UnknownKey:
    """Explain a key that belongs one level deeper; once for all keys that belong under the same one."""
    meant = f"under {above}"
    if meant in already_meant:
        return UnknownKey(None, meant)
    entry = ", in an entry that begins with '- '" if is_list(location, above) else ""
    hint = f"it belongs under '{above}': write it below, indented{entry}"
    return UnknownKey(ProblemText("misplaced-key", f"'{key}' is not possible here", hint, at), meant)


def _misspelt_key(location: ErrorLocation, key: str, guess: str | None, at: Position) -> UnknownKey:
    """Explain a key that no mapping here has, with the key that was probably meant."""
    own = keys_of(location.schema)
    unused = [name for name in own if name not in _entries_of(location)]
    meant = guess or suggestions.meant_key(key, unused or own) or suggestions.meant_key(key, _keys_of_kinds(location))
    possible = f"possible are {listed(own)}"
    instead = None
    if "equal" in location.kinds and suggestions.guessed_key(key, ["exactly", "is"]):
        itself = f"{location.key or 'currency'}: {_shown(location, key)}"
        hint = f"to compare with a value, write the value itself: '{itself}'"
    elif (asked := _asked_elsewhere(location, key)) is not None:
        hint = asked
    elif key == PERSONAL:
        hint = AS_PERSONAL
    elif location.model is Rule and key in _FOR_EVERY_RULE:
        hint = "it holds for all rules: write it under 'for every rule', at the top of a file"
    elif location.model is Rule and form_of(key) == "every" and as_duration(_shown(location, key)) is not None:
        hint, instead = "did you mean 'again every'?", Instead(key, "again every")
    elif location.model is Rule and form_of(key) in _TIMES:
        hint = (
            "a rule acts when it becomes true, at any hour and on any day; 'quiet hours' under 'for every rule' keep "
            "messages back at night"
        )
    elif meant in ("all", "any") and meant not in own:
        hint = _COMBINE.format(meant)
    elif meant is not None and meant in own and meant not in unused:
        hint = f"'{meant}' is there already: {possible}"
    elif meant is not None:
        hint, instead = f"did you mean '{meant}'?", Instead(key, meant)
    else:
        hint = possible
    return UnknownKey(_unknown(key, hint, at, instead, possible), meant)


PERSONAL: Final = "personal"
AS_PERSONAL: Final = "write in sources.yaml, for example: 'attribute_types: {profile.email: {personal: true}}'"
"""How an attribute is declared personal, for those who write it elsewhere or otherwise."""

_FOR_EVERY_RULE: Final = frozenset(field.alias or name for name, field in ForEveryRule.model_fields.items())


_TIMES: Final = frozenset(
    (
        "send at",
        "send on",
        "schedule",
        "cron",
        "every",
        "weekday",
        "weekdays",
        "day",
        "days",
        "hour",
        "time",
        "at",
        "on",
    )
)
"""Keys that people write for a time of day or a day of the week, which rules do not have."""


def _shown(location: ErrorLocation, key: str) -> str:
    """Return the value of a key as it is written: a single value, or a list of some."""
    value = _entries_of(location)[key][1] if key in _entries_of(location) else None
    if isinstance(value, ScalarNode):
        return shortened(value.text)
    texts = [item.text for item in items_of(value) if isinstance(item, ScalarNode)]
    return f"[{shortened(', '.join(texts))}]" if texts else "EUR"


def _key_of_another_kind(location: ErrorLocation, key: str, unused: list[str], at: Position) -> UnknownKey:
    """Explain a key that other conditions have, but not this one."""
    words, kind = kind_words(location), _kind_of(location)
    entries = _entries_of(location)
    value = entries[key][1] if key in entries else None
    is_text = isinstance(value, ScalarNode) and isinstance(value.value, str) and as_duration(value.text) is None
    is_text = is_text and key not in ("all", "any", "not")  # `not: gold` is no condition
    meant = None if key in words and is_text else suggestions.guessed_key(key, unused, kind)
    possible = f"possible are {listed(keys_of(location.schema))}"
    asked = _asked_elsewhere(location, key)
    if asked is not None:
        hint, meant = asked, None
    elif meant:
        hint = f"'{kind}' has '{meant}' for that"
    elif key in words and (is_text or not isinstance(value, ScalarNode)):
        hint = _COMBINE.format("all") if "all" in words else f"keep one of '{key}' and '{kind}'"
    else:
        hint = possible
    message, instead = f"'{key}' cannot stand beside '{kind}'", Instead(key, meant) if meant else None
    return UnknownKey(ProblemText("unknown-key", message, hint, at, instead, possible), meant)


def _asked_elsewhere(location: ErrorLocation, key: str) -> str | None:
    """Return how that is written which a key asks for that this kind of condition does not have."""
    kind = kind_of(location.node)
    if location.model is Rule and key == "times":
        return "how often it asks in all is written as 'at most: 3 actions'"
    return None if kind is None else kind.elsewhere.get(key)


def _entries_of(location: ErrorLocation) -> Mapping[str, tuple[ScalarNode, Node]]:
    return location.node.entries if isinstance(location.node, MapNode) else {}


def _keys_of_kinds(location: ErrorLocation) -> set[str]:
    return {key for kind in location.kinds.values() for key in keys_of(location.unwrapped(kind)[0])}


def _kind_of(location: ErrorLocation) -> str:
    entries, words = _entries_of(location), kind_words(location)
    return next((key for key in entries if key in words), next(iter(entries), ""))


def _key_above(location: ErrorLocation, key: str) -> str | None:
    """Return the key of a mapping under which another key is possible."""
    if location.schema is None or location.schema["type"] != "model-fields":
        return None
    for own, field in location.schema["fields"].items():
        inner = location.unwrapped(field)[0]
        if inner is not None and inner["type"] == "list":
            inner = location.unwrapped(inner.get("items_schema"))[0]
        choices = inner["choices"].values() if inner is not None and inner["type"] == "tagged-union" else [inner]
        if any(key in keys_of(location.unwrapped(choice)[0]) for choice in choices):
            return alias_of(own, field)
    return None


# --- missing keys -----------------------------------------------------------------------------------------------


def missing_keys(location: ErrorLocation, keys: list[str]) -> ProblemText:
    """Explain which keys a mapping lacks, with an example of each."""
    message = f"{listed(keys)} {'is' if len(keys) == 1 else 'are'} missing"
    kind = kind_of(location.node)
    hints = {} if kind is None else kind.lacking
    if (hint := next((hints[key] for key in keys if key in hints), None)) is not None:
        return ProblemText("missing-key", message, hint)
    if kind is not None and (misplaced := _of_the_rule(location, keys)) is not None:
        return ProblemText("missing-key", message, misplaced)
    examples = [f"'{key}: {example}'" for key in keys if (example := _example_of(location.model, key)) is not None]
    return ProblemText("missing-key", message, f"write for example {' and '.join(examples)}" if examples else None)


def _of_the_rule(location: ErrorLocation, keys: list[str]) -> str | None:
    """Return the hint for a key that a condition lacks, and the rule around it has; None if it has none of them."""
    for node in location.way:
        entries = node.entries if isinstance(node, MapNode) else {}
        for key in keys if "when" in entries else ():
            if key in entries and isinstance(value := entries[key][1], ScalarNode):
                return f"move '{key}: {shortened(value.text)}' of line {value.at.line} here, to the condition"
    return None


def example_hint(location: ErrorLocation) -> str | None:
    """Return an example of a mapping with every required key, or None if one of them has no example."""
    required = [key for key in keys_of(location.schema) if key in required_keys_of(location.schema)]
    examples = [f"{key}: {example}" for key in required if (example := _example_of(location.model, key)) is not None]
    return f"write for example {{{', '.join(examples)}}}" if examples and len(examples) == len(required) else None


def _example_of(model: type[BaseModel] | None, key: str) -> str | None:
    fields = model.model_fields if model is not None else {}
    field = next((field for name, field in fields.items() if key in (name, field.alias)), None)
    example = field.examples[0] if field is not None and field.examples else None
    return str(example) if isinstance(example, str | int) else None


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
}
