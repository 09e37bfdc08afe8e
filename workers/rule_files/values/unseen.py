"""What rules name and a history does not have: event types, attributes, values, and bounds that no value reaches.

A value that no event has is not a mistake: it may still come. But a rule that waits for `Too Expensive` while the
events say `too expensive` reaches no customer. So what comes near is named, and how often it occurs. Pure: the
history is an argument, counted before.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, Protocol

from schemas.attribute_types import BUILT_IN_TYPES, AttributeType
from schemas.events import UNREADABLE
from workers.rule_files.hints.likeness import did_you_mean
from workers.rule_files.positions import Position
from workers.rule_files.problems import shortened
from workers.rule_files.references import (
    Named,
    conditions_of,
    definitions_in,
    meets_in,
    names_in_condition,
    rules_in,
    text_of,
    variables_in,
)
from workers.rule_files.values.comparisons import Comparison, comparisons_in
from workers.rule_files.yaml_nodes import Document, Node, ScalarNode

Plain = str | int | float | bool | Decimal
Counted = tuple[Plain, int]
"""A value, and how many events have it."""

_MOST_NAMED: Final = 5
_LONGEST_COMPARED: Final = 64
_NUMBERS: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


class Seen(Protocol):
    """What a history has, as far as rules name it."""

    def events_of(self, event_type: str) -> int:
        """Return the number of events of a type."""

    def attributes_of(self, event_type: str) -> Sequence[str]:
        """Return the attributes that events of a type have, in order."""

    def events_with(self, reference: str) -> int:
        """Return how many events have a value of an attribute, given as `type.attribute`."""

    def events_with_value(self, reference: str, value: Plain) -> int:
        """Return how many events have this value of an attribute; texts, numbers and true/false differ."""

    def counted(self, reference: str) -> Sequence[Counted]:
        """Return the values of an attribute that were kept, the most frequent first."""

    def numbers(self, reference: str) -> tuple[Plain, Plain] | None:
        """Return the least and the greatest number of an attribute; None if no event has a number."""

    def is_personal(self, reference: str) -> bool:
        """Return whether the values of an attribute are not to be shown."""

    def kept(self, reference: str) -> int | None:
        """Return how many different values were kept, if there are more; None if all of them were."""

    def misread(self, reference: str) -> tuple[AttributeType, Sequence[Counted]] | None:
        """Return the type of an attribute, and values that cannot be read as it, the most frequent first; or None."""


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something that rules name and the history does not have.

    Attributes:
        what: what is missing: an event type, an attribute, a value, or a number within bounds.
        name: the event type, or `type.attribute`.
        rules: the ids of the rules that need it, in order; none for a named condition that no rule uses.
        file: where it is named.
        at: the position in the file.
        message: one sentence: what no event has, and what events have instead.
        value: the value that no event has; None for others.
        near: values that events have instead, those that come nearest first, with the number of events.
    """

    what: Literal["type", "attribute", "value", "bounds"]
    name: str
    rules: tuple[str, ...]
    file: str
    at: Position
    message: str
    value: Plain | None = None
    near: tuple[Counted, ...] = ()


def wanted_values(documents: Iterable[Document]) -> dict[str, dict[str, list[Plain]]]:
    """Return what a history must be searched for: by event type and attribute, the values that rules name."""
    wanted: dict[str, dict[str, list[Plain]]] = {}
    for part in _parts(documents):
        for named in part.names:
            attributes = wanted.setdefault(named.type, {})
            if named.attribute is not None:
                attributes.setdefault(named.attribute, [])
        for comparison in part.comparisons:
            values = wanted.setdefault(comparison.type, {}).setdefault(comparison.attribute, [])
            values += [node.value for node in comparison.values if node.value is not None]
    return wanted


def compared_in(documents: Iterable[Document]) -> set[str]:
    """Return the attributes, as `type.attribute`, whose every value matters, as it is compared or said.

    Of one that is only added up it matters whether there is a number at all.
    """
    return {one.reference for part in _parts(documents) for one in part.comparisons if one.way not in ("sum", "sums")}


def unseen_in(documents: Iterable[Document], seen: Seen) -> list[Unseen]:
    """Return what rules name and a history does not have, in the order of the files, each place once."""
    found: dict[tuple[str, Position], Unseen] = {}
    for part in _parts(documents):
        for unseen in part.unseen(seen):
            found.setdefault((unseen.file, unseen.at), unseen)
    return sorted(found.values(), key=lambda unseen: (unseen.file, unseen.at))


@dataclass(frozen=True, slots=True)
class _Part:
    """The condition or the variables of a rule, or a named condition, with the rules that need it."""

    file: str
    rules: tuple[str, ...]
    names: tuple[Named, ...]
    comparisons: tuple[Comparison, ...] = ()

    def unseen(self, seen: Seen) -> Iterator[Unseen]:
        absent: set[str] = set()
        for named in self.names:
            if not seen.events_of(named.type):
                if named.type not in absent:
                    absent.add(named.type)
                    yield self._of("type", named.type, named.node, f"no event is of the type '{named.type}'")
            elif named.attribute is not None and not seen.events_with(f"{named.type}.{named.attribute}"):
                yield self._of("attribute", f"{named.type}.{named.attribute}", named.node, _no_attribute(named, seen))
        for comparison in self.comparisons:
            if seen.events_with(comparison.reference) and BUILT_IN_TYPES.get(comparison.reference) != "moment":
                yield from self._values(comparison, seen)

    def _values(self, comparison: Comparison, seen: Seen) -> Iterator[Unseen]:
        name = comparison.reference
        for node in comparison.values:
            if node.value is not None and not seen.events_with_value(name, node.value):
                near = () if seen.is_personal(name) else nearest(node.value, seen.counted(name))
                message = f"no event has {name} {shown(node.value)}; {_instead(near, seen.kept(name))}"
                yield self._of("value", name, node, message, node.value, near)
        if not comparison.bounds and comparison.way not in ("sum", "mean", "sums"):
            return
        numbers = seen.numbers(name)
        if numbers is None:
            near = () if seen.is_personal(name) else tuple(seen.counted(name)[:_MOST_NAMED])
            message = f"no event has a number in {name}; {_instead(near, seen.kept(name))}"
            yield self._of("bounds", name, comparison.node, message, None, near)
        elif comparison.way in ("where", "value", "mean") and (limits := _beyond(comparison, *numbers)):
            message = f"no {name} is {limits}"
            if not seen.is_personal(name):
                message += f"; they go from {shown(numbers[0])} to {shown(numbers[1])}"
            yield self._of("bounds", name, next(iter(comparison.bounds.values())), message)

    def _of(
        self,
        what: Literal["type", "attribute", "value", "bounds"],
        name: str,
        node: ScalarNode,
        message: str,
        value: Plain | None = None,
        near: tuple[Counted, ...] = (),
    ) -> Unseen:
        return Unseen(what, name, self.rules, self.file, node.at, message, value, near)


def _parts(documents: Iterable[Document]) -> Iterator[_Part]:
    documents = list(documents)
    definitions = {each.name: each for document in documents for each in definitions_in(document)}
    users: dict[str, set[str]] = {name: set() for name in definitions}
    for document in documents:
        for rule in rules_in(document):
            rule_id = text_of(rule, "id")
            owner = () if rule_id is None else (rule_id.text,)
            for condition in conditions_of(rule):
                yield _part(document.file, owner, condition)
                for name in _met(condition, {name: each.condition for name, each in definitions.items()}):
                    users[name].update(owner)
            yield _Part(document.file, owner, tuple(variables_in(rule)))
    for name, definition in definitions.items():
        yield _part(definition.document.file, tuple(sorted(users[name])), definition.condition)


def _part(file: str, rules: tuple[str, ...], condition: Node) -> _Part:
    return _Part(file, rules, tuple(names_in_condition(condition)), tuple(comparisons_in(condition)))


def _met(condition: Node, definitions: Mapping[str, Node]) -> set[str]:
    """Return the named conditions that a condition uses, directly or through others."""
    met, waiting = set[str](), [condition]
    while waiting:
        for node in meets_in(waiting.pop()):
            if node.text in definitions and node.text not in met:
                met.add(node.text)
                waiting.append(definitions[node.text])
    return met


# --- in words ---------------------------------------------------------------------------------------------------


def shown(value: Plain) -> str:
    """Return a value as it is written in a rule file: a text in quotes, others bare."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return (
        f"'{shortened(value)}'"
        if isinstance(value, str)
        else f"{value:f}"
        if isinstance(value, Decimal)
        else str(value)
    )


def _instead(near: Sequence[Counted], kept: int | None) -> str:
    if not near:
        return "its values are personal, and not shown"
    cut = "" if kept is None else f" and more; only {kept:,} different values are compared"
    return (
        f"it has: {', '.join(f'{shown(value)}{_form_of_accents(value)} ({number:,})' for value, number in near)}{cut}"
    )


def _form_of_accents(value: Plain) -> str:
    """Return the difference of a value from another one that looks alike; "" for the usual form."""
    is_usual = not isinstance(value, str) or unicodedata.is_normalized("NFC", value)
    return "" if is_usual else " with accents as characters of their own"


def _no_attribute(named: Named, seen: Seen) -> str:
    all_names = seen.attributes_of(named.type)
    if misread := seen.misread(f"{named.type}.{named.attribute}"):
        kind, counted = misread
        what = "true or false" if kind == "true/false" else f"a {kind}"
        near = () if seen.is_personal(f"{named.type}.{named.attribute}") else counted[:_MOST_NAMED]
        return f"no {named.type} has {what} as '{named.attribute}'; {_instead(near, None)}"
    has = [name for name in all_names if name != UNREADABLE]
    if not has and UNREADABLE in all_names:
        left_out = "it has only lists and objects, which are left out"
        return f"no {named.type} has the attribute '{named.attribute}'; {left_out}"
    close = did_you_mean(named.attribute or "", has)
    instead = f"; did you mean '{close}'?" if close else f"; it has: {', '.join(has[:_MOST_NAMED])}" if has else ""
    return f"no {named.type} has the attribute '{named.attribute}'{instead}"


def _beyond(comparison: Comparison, low: Plain, high: Plain) -> str | None:
    """Return the first bound that no number from `low` to `high` reaches, in words; None if all can be reached."""
    least, most = Decimal(str(low)), Decimal(str(high))
    for word, node in comparison.bounds.items():
        numbers = [
            Decimal(number) for number in _NUMBERS.findall(node.text if word == "between" else str(node.value))
        ]
        if not numbers:
            continue  # the model refuses it
        is_beyond = {
            "at least": most < numbers[0],
            "more than": most <= numbers[0],
            "at most": least > numbers[0],
            "less than": least >= numbers[0],
            "fewer than": least >= numbers[0],
            "exactly": not least <= numbers[0] <= most,
            "between": most < numbers[0] or least > numbers[-1],
        }[word]
        if is_beyond:
            return f"{word} {node.text}"
    return None


def nearest(value: Plain, counted: Sequence[Counted]) -> tuple[Counted, ...]:
    """Return the values that come nearest to one, and the most frequent ones after them.

    Nearest are those that differ only in case, blanks or kind (the text "9" and the number 9), then those that
    differ in one character.

    Args:
        value: the value that no event has.
        counted: the values that events have, the most frequent first.
    """
    wanted, form = str(value), _form(value)
    ranked = sorted(
        counted, key=lambda each: 0 if _form(each[0]) == form else 1 if is_one_edit(str(each[0]), wanted) else 2
    )
    return tuple(ranked[:_MOST_NAMED])


def _form(value: Plain) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        composed = unicodedata.normalize("NFC", value.casefold())
        return "".join(character for character in composed if character.isalnum() or character in ".-")
    return f"{Decimal(str(value)).normalize():f}"


def is_one_edit(one: str, other: str) -> bool:
    """Return whether two texts of ordinary length differ in one character: added, left out, replaced or swapped."""
    one, other = one.casefold(), other.casefold()
    if len(one) > len(other):
        one, other = other, one
    if len(other) > _LONGEST_COMPARED or len(other) - len(one) > 1 or len(other) < 3:
        return False
    same = next((index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))
    if len(one) < len(other):
        return one[same:] == other[same + 1 :]
    replaced = one[same + 1 :] == other[same + 1 :]
    swapped = one[same : same + 2] == other[same : same + 2][::-1] and one[same + 2 :] == other[same + 2 :]
    return replaced or swapped
