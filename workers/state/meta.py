"""The hash `meta` of a partition: its owner, its position, and further fields by name.

The names are stored; docs/architecture.md lists them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

GENERATION: Final = "generation"
"""Generation of the rule set that decided last."""
RULES: Final = "rules"
"""Content hash of that rule set."""
SWEPT: Final = "swept"
"""Generation up to which every customer of the partition has been migrated."""
PARTITIONS: Final = "partitions"
"""How many partitions the activity topic had when the state was made."""
REBUILDING: Final = "rebuilding"
"""Set while `linger rebuild` is at work; its value says whether the rules' beginnings were known."""
_SINCE: Final = "since:"
_HIGH_WATER: Final = "hw:"
_COUNTER: Final = "n:"


@dataclass(slots=True)
class Meta:
    """What a partition's owner knows of it.

    Attributes:
        owner: token of the worker that owns the partition.
        version: raised by every accepted step.
        offset: next offset to read, -1 for a partition never seen.
        topic_id: id of the activity topic that was read, None while unknown.
        fields: everything else of the hash, as read.
    """

    owner: str
    version: int
    offset: int
    topic_id: str | None
    fields: dict[str, str]

    def high_water(self, source: str) -> int:
        """Return the highest offset folded of a source partition (`topic:partition`), -1 for none."""
        return int(self.fields.get(high_water_field(source), -1))

    def counter(self, name: str) -> int:
        """Return a counter."""
        return int(self.fields.get(counter_field(name), 0))


def since_field(series: str) -> str:
    """Return the field that says since when a series is watched (milliseconds)."""
    return _SINCE + series


def is_since(field: str) -> bool:
    """Return whether a field says since when a series is watched."""
    return field.startswith(_SINCE)


def since_by_series(fields: Mapping[str, str]) -> dict[str, int]:
    """Return since when each series is watched, in milliseconds; series no longer watched are left out."""
    return {name.removeprefix(_SINCE): int(text) for name, text in fields.items() if text and is_since(name)}


def high_water_field(source: str) -> str:
    """Return the field with the highest offset folded of a source partition (`topic:partition`)."""
    return _HIGH_WATER + source


def high_waters_of(topic: str, fields: Mapping[str, str]) -> list[str]:
    """Return the high-water fields of all partitions of a source topic."""
    return [
        name
        for name in fields
        if name.startswith(_HIGH_WATER) and name.removeprefix(_HIGH_WATER).rpartition(":")[0] == topic
    ]


def counter_field(name: str) -> str:
    """Return the field of a counter."""
    return _COUNTER + name


def counters_of(fields: Mapping[str, str]) -> dict[str, int]:
    """Return all counters by name."""
    return {name.removeprefix(_COUNTER): int(value) for name, value in fields.items() if name.startswith(_COUNTER)}
