"""The hash `meta` of a partition: its owner, its position, and further fields by name.

The names are stored; docs/architecture.md lists them. A source partition is text here, because the header
`linger-source` is. Reads and writes nothing.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workers.core.meaning import MEANING_OF_0_1
from workers.core.source_positions import ITEMS, Pair, high_water_of

GENERATION: Final = "generation"
"""Generation of the rule set that decided last."""
RULES: Final = "rules"
"""Content hash of that rule set."""
SWEPT: Final = "swept"
"""Generation up to which every customer of the partition has been migrated."""
FORGOTTEN: Final = "forgotten"
"""Up to which start of a month customers have been forgotten, and by which `forget after`; both in milliseconds."""
MEANING: Final = "meaning"
"""Number of the meaning of rules, and the generation with which it began; absent in state of release 0.1."""
MEANT: Final = "meant"
"""Up to when each event type had been seen when that meaning began: milliseconds by type, as JSON."""
LISTED: Final = "listed"
"""The stages that have a list of their customers, or had one that is not removed yet, with blanks between."""
PARTITIONS: Final = "partitions"
"""How many partitions the activity topic had when the state was created."""
REBUILDING: Final = "rebuilding"
"""Set while `linger rebuild` runs; its value says whether it was known since when each rule counts."""
MARKED: Final = "marks"
"""Set once the marks of the partition's customers are in Redis (`workers.state.marks`): the id of the topic that has
copies of all of them, or something else if that is not certain."""
CLOSED_BEFORE: Final = "book_closed_before"
"""Days of the book before this one, counted from 1970, are closed; absent if that is still to be found out."""
LAYOUT: Final = "layout"
"""Layout in which the partition's customers are written; absent as long as it is `LAYOUT_OF_OLD`."""
LAYOUT_OF_OLD: Final = 3
"""The only layout of the releases that do not know the field `layout`."""
ITEMS_FORMAT: Final = 2
"""The first format with positions of items (`workers.core.source_positions`); release 0.1 has no number."""
LAYOUTS_FORMAT: Final = 3
"""The first format of workers that read `layout`."""
WIRE_FORMAT: Final = LAYOUTS_FORMAT
"""The format of what this release writes."""
_TYPE: Final = re.compile(r"[a-z][a-z0-9_-]*")
"""With which the key of every series begins."""
_TOPIC_ID: Final = "topic_id"
_FOR_OLDER_RELEASES: Final = " (written in layout {layout}, which only newer releases of Linger read)"
"""Stands after the topic's id once a later layout is written.

A worker that does not know `layout` compares the id with the topic's own at the claim. So it stops the partition, and
this text is in its message. It must not get as far as the first customer.
"""
OWNERSHIP: Final = ("owner", "format")
"""The fields that say who owns a partition, and what that worker writes."""
_SINCE: Final = "since:"
_HIGH_WATER: Final = "hw:"
_COUNTER: Final = "n:"
_ON_STAGE: Final = "on:"
_HELD: Final = "held:"
_LAST: Final = "last:"


@dataclass(slots=True)
class Meta:
    """The `meta` of a partition, as its owner has it.

    Attributes:
        owner: token of the worker that owns the partition.
        version: raised by every accepted step.
        offset: next offset to read, -1 for a partition never seen.
        topic_id: id of the activity topic that the offset refers to, None while unknown.
        fields: everything else of the hash, as read.
    """

    owner: str
    version: int
    offset: int
    topic_id: str | None
    fields: dict[str, str]

    def high_water(self, source: str) -> Pair:
        """Return the highest folded position of a source partition (`topic:partition`), `NONE` for none."""
        whole, items = high_water_field(source), high_water_field(source + ITEMS)
        return high_water_of(self.fields.get(whole, -1), self.fields.get(items, -1))

    def counter(self, name: str) -> int:
        """Return the value of a counter, 0 if it was never raised."""
        return int(self.fields.get(counter_field(name), 0))

    def on_stage(self, code: int) -> int:
        """Return how many customers have a stage in their newest record, named by its code."""
        return int(self.fields.get(on_stage_field(code), 0))


def ownership_fields(owner: str) -> dict[str, str]:
    """Return the fields that say who owns a partition, and what that worker writes.

    The format stands with the owner's token. A worker of an older release that claims the partition later leaves this
    field standing, so a format beside another token says nothing of the owner.
    """
    return dict(zip(OWNERSHIP, (owner, f"{WIRE_FORMAT} {owner}"), strict=True))


def has_older_owner(fields: Mapping[str, str], wire_format: int = ITEMS_FORMAT) -> bool:
    """Return whether the worker that owns a partition is of a release that does not know a format."""
    owner, written = (fields.get(name) for name in OWNERSHIP)
    number, _, token = (written or "").partition(" ")
    return owner is not None and not (token == owner and number.isdigit() and int(number) >= wire_format)


def layout_of(fields: Mapping[str, str]) -> int:
    """Return the layout in which a partition's customers are written."""
    return int(fields.get(LAYOUT) or LAYOUT_OF_OLD)


def layout_fields(topic_id: str | None, layout: int) -> dict[str, str]:
    """Return the fields that say in which layout a partition is written; none for that of the old releases.

    Args:
        topic_id: of the activity topic, None if the broker reports none.
        layout: the layout.
    """
    return {} if layout == LAYOUT_OF_OLD else {LAYOUT: str(layout), **topic_fields(topic_id, layout)}


def topic_fields(topic_id: str | None, layout: int) -> dict[str, str]:
    """Return the field of the topic that the state is made from, by name; `topic_id_of` reads it.

    Args:
        topic_id: of the activity topic, None if the broker reports none.
        layout: in which the partition is written.
    """
    if layout == LAYOUT_OF_OLD:
        return {} if topic_id is None else {_TOPIC_ID: topic_id}
    return {_TOPIC_ID: (topic_id or "-") + _FOR_OLDER_RELEASES.format(layout=layout)}


def topic_id_of(fields: Mapping[str, str]) -> str | None:
    """Return the id of the activity topic that the state was made from, None if it is not known."""
    topic_id = (fields.get(_TOPIC_ID) or "").partition(" ")[0]
    return None if topic_id in ("", "-") else topic_id


def without_ownership(fields: Mapping[str, str]) -> dict[str, str]:
    """Return a copy of `meta` without who owns it."""
    return {name: value for name, value in fields.items() if name not in OWNERSHIP}


def since_field(series: str) -> str:
    """Return the field that holds since when a series is watched (milliseconds)."""
    return _SINCE + series


def is_since(field: str) -> bool:
    """Return whether a field holds since when a series is watched."""
    return field.startswith(_SINCE)


def since_by_series(fields: Mapping[str, str]) -> dict[str, int]:
    """Return since when each series is watched, in milliseconds; series no longer watched are left out."""
    return {name.removeprefix(_SINCE): int(text) for name, text in fields.items() if text and is_since(name)}


def types_watched(fields: Mapping[str, str]) -> set[str]:
    """Return every event type that is or was watched here."""
    names = (name.removeprefix(_SINCE) for name in fields if is_since(name))
    return {match.group() for name in names if (match := _TYPE.match(name)) is not None}


def listed_in(fields: Mapping[str, str]) -> set[str]:
    """Return the stages that may have a list of their customers."""
    return set((fields.get(LISTED) or "").split())


def meaning_of(fields: Mapping[str, str]) -> tuple[int, int]:
    """Return the number of the meaning of rules, and the generation with which it began; release 0.1 stored none."""
    meaning, generation = (fields.get(MEANING) or f"{MEANING_OF_0_1} 0").split()
    return int(meaning), int(generation)


def meant_in(fields: Mapping[str, str]) -> dict[str, int]:
    """Return up to when each type had been seen when the meaning began (ms); empty if it always has."""
    found: dict[str, int] = json.loads(fields.get(MEANT) or "{}")
    return found


def meaning_fields(meaning: int, generation: int, meant: Mapping[str, int]) -> dict[str, str]:
    """Return the fields of a meaning that begins, by name; `meaning_of` and `meant_in` read them."""
    return {MEANING: f"{meaning} {generation}", MEANT: json.dumps(dict(sorted(meant.items())))}


def high_water_field(source: str) -> str:
    """Return the field of the high-water of a source partition (`topic:partition`, and `ITEMS` for that of items)."""
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


def on_stage_field(code: int) -> str:
    """Return the field that counts the customers who have a stage in their newest record, named by its code."""
    return f"{_ON_STAGE}{code}"


def counters_of(fields: Mapping[str, str]) -> dict[str, int]:
    """Return all counters by name."""
    return {name.removeprefix(_COUNTER): int(value) for name, value in fields.items() if name.startswith(_COUNTER)}


def last_action_field(rule_id: str) -> str:
    """Return the field that holds when the latest action of a rule was decided (milliseconds)."""
    return _LAST + rule_id


def last_actions(fields: Mapping[str, str]) -> dict[str, int]:
    """Return when the latest action of each rule was decided (milliseconds); rules without one are left out."""
    return {name.removeprefix(_LAST): int(value) for name, value in fields.items() if name.startswith(_LAST)}


def held_field(rule_id: str, because: str) -> str:
    """Return the field that is set while actions of a rule may be held for a reason other than its rate limit."""
    return f"{_HELD}{because}:{rule_id}"


def rules_held(fields: Mapping[str, str], because: str) -> list[str]:
    """Return the ids of rules with actions that may be held for this reason."""
    prefix = held_field("", because)
    return [name.removeprefix(prefix) for name, value in fields.items() if value and name.startswith(prefix)]
