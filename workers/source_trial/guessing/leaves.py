"""The values in sample documents, by the path at which a mapping would find them, with what was seen there."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from workers.source_trial.guessing.vocabulary import words_of

__all__ = ["Header", "Leaf", "leaves_of", "searched_path", "searched_value", "written_path"]

_DEEPEST: Final = 10
_MOST_LEAVES: Final = 3_000
_MOST_PAIRS: Final = 60
_PLAIN_STEP: Final = re.compile(r'[^.\[\]\s"]+')
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOTATION: Final = frozenset(
    {"$oid", "$date", "$numberDecimal", "$numberLong", "$numberInt", "$numberDouble"}
    | {"string", "int", "long", "float", "double", "#text"}
)
_PAIR_NAMES: Final = ("key", "name")
Step = str | int


def written_path(steps: Sequence[Step]) -> str:
    """Return a path as `sources.yaml` writes it; names with dots, blanks or brackets are in quotes."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = step if _PLAIN_STEP.fullmatch(step) else '"' + step.replace("\\", "\\\\").replace('"', '\\"') + '"'
            text += f".{name}" if text else name
    return text


@dataclass(slots=True)
class Leaf:
    """What was seen at one place of the samples.

    Attributes:
        steps: the names and indexes that lead there; empty for a header.
        documents: number of documents that were looked at.
        values: by the number of its document, the value there; null is not among them.
        nulls: in how many documents it is null.
        find: the JMESPath that finds it, if no path does.
        name: of the value itself, as it is written.
        is_outside: it stands beside the list whose items are the documents.
    """

    steps: tuple[Step, ...]
    documents: int
    values: dict[int, Any] = field(default_factory=dict)
    nulls: int = 0
    find: str | None = None
    name: str = ""
    is_outside: bool = False

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return f"find {self.find}" if self.find is not None else written_path(self.steps)

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its own name."""
        return words_of(self.name)

    @property
    def parents(self) -> list[str]:
        """The names above it, nearest first."""
        names = [step for step in self.steps if isinstance(step, str) and not _is_of_notation(step)]
        return names[:-1][::-1] if self.find is None else names[::-1]

    @property
    def depth(self) -> int:
        """How many names lead to it."""
        return len(self.parents) + 1

    @property
    def in_list(self) -> bool:
        """Whether it is an entry of a list, or below one."""
        return any(isinstance(step, int) for step in self.steps)

    @property
    def is_everywhere(self) -> bool:
        """Whether every document has it."""
        return len(self.values) == self.documents

    @property
    def distinct(self) -> int:
        """Number of different values."""
        return len({(value.__class__, value) for value in self.values.values()})

    def is_beside(self, other: "Leaf") -> bool:
        """Return whether it is always there, at the same level as another value."""
        return self.find is None and other.find is None and self.steps[:-1] == other.steps[:-1] and self.is_everywhere

    def counts(self) -> Counter[Any]:
        """Return the values, each with the number of documents that have it."""
        return Counter(self.values.values())

    def seen(self) -> str:
        """Return in words how often it was there, and whether its values differ."""
        return _seen(list(self.values.values()), self.documents)

    def example(self) -> str:
        """Return one value, shortened, to show what was seen."""
        text = str(next(iter(self.values.values()), ""))
        return text if len(text) <= 40 else text[:39] + "…"

    def within(self, documents: Sequence[int]) -> "Leaf":
        """Return what was seen in some of the documents only."""
        values = {number: self.values[number] for number in documents if number in self.values}
        nulls = self.nulls if len(documents) == self.documents else 0
        return Leaf(self.steps, len(documents), values, nulls, self.find, self.name, self.is_outside)


@dataclass(frozen=True, slots=True)
class Header:
    """What was seen in one Kafka header.

    Attributes:
        name: as the first record that has it writes it.
        records: number of records that were looked at.
        values: by the number of its record, the text.
    """

    name: str
    records: int
    values: Mapping[int, str]

    @property
    def words(self) -> tuple[str, ...]:
        """The words of its name."""
        return words_of(self.name)

    def seen(self) -> str:
        """Return in words how often it was there, and whether its values differ."""
        return _seen(list(self.values.values()), self.records)


def _seen(values: Sequence[Any], all_of: int) -> str:
    text = f"in {len(values)} of {all_of} sample{'s' if all_of != 1 else ''}"
    if len(values) < 2:
        return text
    different = len({(value.__class__, value) for value in values})
    return text + (
        ", all different"
        if different == len(values)
        else f", {different} different"
        if different > 1
        else ", all alike"
    )


def leaves_of(documents: Sequence[Any]) -> list[Leaf]:
    """Return every place of the documents that holds a plain value, in the order in which they are seen.

    Of a list, only the first entry is looked at. A list of names with values, such as the parameters of an analytics
    event, gives one place for each name.
    """
    found: dict[tuple[Step, ...] | str, Leaf] = {}
    for number, document in enumerate(documents):
        for steps, find, name, value in _walk(document, ()):
            if len(found) >= _MOST_LEAVES and (find or steps) not in found:
                continue
            leaf = found.setdefault(find or steps, Leaf(steps, len(documents), find=find, name=name))
            if value is None:
                leaf.nulls += 1
            else:
                leaf.values[number] = value
    return list(found.values())


_Found = tuple[tuple[Step, ...], str | None, str, Any]


def _walk(value: Any, steps: tuple[Step, ...]) -> Iterator[_Found]:
    if isinstance(value, dict) and len(steps) < _DEEPEST:
        for name, inner in value.items():
            yield from _walk(inner, (*steps, name))
    elif isinstance(value, list) and len(steps) < _DEEPEST:
        pairs = list(_pairs(value, steps))
        yield from pairs
        if value and not pairs:
            yield from _walk(value[0], (*steps, 0))
    elif not isinstance(value, dict | list) and (names := [step for step in steps if isinstance(step, str)]):
        yield steps, None, _name_of(names), value


def _name_of(names: Sequence[str]) -> str:
    """Return the last name on the way to a value that says what it is."""
    return next((name for name in reversed(names) if not _is_of_notation(name)), names[-1])


def _is_of_notation(name: str) -> bool:
    """Return whether a name shows the type of a value, as MongoDB, Avro and XML write it, and not what it is."""
    return name in _NOTATION


def _pairs(items: list[Any], steps: tuple[Step, ...]) -> Iterator[_Found]:
    """Yield the values of a list of names with values, each with the JMESPath that finds it."""
    if any(isinstance(step, int) for step in steps) or not all(isinstance(item, dict) for item in items):
        return
    label = next((name for name in _PAIR_NAMES if all(isinstance(item.get(name), str) for item in items)), None)
    if label is None or not all("value" in item for item in items):
        return
    where = searched_path(steps)
    for item in items[:_MOST_PAIRS]:
        name, value = item[label], item["value"]
        of_name = f"{where}[?{label}=={searched_value(name)}].value"
        if isinstance(value, dict):
            # One of several forms is filled, such as string_value, int_value and double_value.
            for form, inner in value.items():
                if inner is not None and not isinstance(inner, dict | list):
                    yield steps, f"{of_name}.{_jmes(form)} | [0]", name, inner
        elif value is not None and not isinstance(value, list):
            yield steps, f"{of_name} | [0]", name, value


def searched_path(steps: Sequence[Step]) -> str:
    """Return a path as JMESPath writes it."""
    text = ""
    for step in steps:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{_jmes(step)}" if text else _jmes(step)
    return text


def searched_value(value: Any) -> str:
    """Return a plain value as JMESPath writes it."""
    if isinstance(value, str) and not {"'", "\\"} & {*value} and value.isprintable():
        return f"'{value}'"
    return "`" + json.dumps(value).replace("`", "\\`") + "`"


def _jmes(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name)
