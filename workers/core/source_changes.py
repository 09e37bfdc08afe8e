"""What differs between two generations of `sources.yaml`: sources that come and go, types that are read otherwise.

Pure. A source is known by its name: its topic, or the pattern of its topics. What it reads is compared by type, as a
hash of everything in its mapping that decides which records become such an event, and what is in its fields.
Attributes, limits of silence and descriptions are not part of it: with others, the same events are read.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import msgspec

from schemas.sources import Source, SourcesFile

_READS_THE_SAME: Final = frozenset(
    {
        "attributes",
        "complete_since",
        "description",
        "history_before",
        "max_silence",
        "name",
        "pack",
        "type_max_silence",
    }
)
"""Keys of a source, or of one of its cases, with which the same records become the same events."""
_CASES: Final = "one_of"


class Mapped(msgspec.Struct, frozen=True, omit_defaults=True):
    """One source of a generation. It is stored as JSON: new fields have defaults.

    Attributes:
        types: by event type that it gives, a hash of what it reads as such.
        complete: it declares its history complete.
        later: it came after the first generation, and nothing of it had been read before: its types are watched since
            its first record at the earliest.
    """

    types: dict[str, str]
    complete: bool = False
    later: bool = False


@dataclass(frozen=True, slots=True)
class SourceChanges:
    """What is different in a generation; each in alphabetical order.

    Attributes:
        added: sources that the one before did not have.
        removed: sources that it had.
        changed: sources that read other events than before.
        again: event types that are watched since now only, because other events are read as such than before.
        from_first: event types that are watched since the first record of a source that was added.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    from_first: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """Return what is different, for people; empty if nothing of this is."""
        parts = {
            "sources added": self.added,
            "sources removed": self.removed,
            "sources that read other events than before": self.changed,
            "types watched since now only": self.again,
            "types watched since the first record of the added source": self.from_first,
        }
        return [f"{what}: {', '.join(names)}" for what, names in parts.items() if names]


def content_hash(sources: SourcesFile) -> str:
    """Return a hash of everything that a file says; comments, order of keys and layout do not count."""
    return _hash(sources.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def mapped(sources: SourcesFile) -> dict[str, Mapped]:
    """Return the sources of a file as they are compared, by key."""
    return {
        source.name: Mapped(dict(_fingerprints(source)), source.complete_since is not None)
        for source in sources.sources
    }


def changes_between(
    before: Mapping[str, Mapped], after: Mapping[str, Mapped], was_read: frozenset[str] = frozenset()
) -> SourceChanges:
    """Return what is different.

    Args:
        before: the sources of the generation before, by key.
        after: those of the new one.
        was_read: keys and topics that any earlier generation has read: a source that comes back goes on where it was
            left, so what it reads counts since now.
    """
    changed: set[str] = set()
    again: set[str] = set()
    from_first: set[str] = set()
    for key, source in after.items():
        old = before.get(key)
        if old is None:
            if not source.complete:
                (again if key in was_read else from_first).update(source.types)
            continue
        others = {name for name, read in source.types.items() if old.types.get(name) != read}
        if others or old.types.keys() - source.types.keys():
            changed.add(key)
        if not source.complete:
            again |= others
    for event_type in _lost(before, after):
        left = [source for source in after.values() if event_type in source.types]
        if not left or not all(source.complete for source in left):
            again.add(event_type)
    return SourceChanges(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(changed)),
        again=tuple(sorted(again)),
        from_first=tuple(sorted(from_first - again)),
    )


def _lost(before: Mapping[str, Mapped], after: Mapping[str, Mapped]) -> Iterator[str]:
    """Yield the types that a source gave before and does not give now."""
    for key, source in before.items():
        now = after.get(key)
        yield from source.types.keys() - (now.types.keys() if now is not None else set())


def _fingerprints(source: Source) -> Iterator[tuple[str, str]]:
    """Yield each type of a source, with a hash of what it reads as such.

    Of several cases the first that fits counts. So what a case reads is decided by the conditions of those before it,
    and a case that is added at the end changes nothing for the others.
    """
    whole = source.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    shared = {name: value for name, value in whole.items() if name not in _READS_THE_SAME and name != _CASES}
    cases: list[dict[str, Any]] = whole.get(_CASES, [])
    parts: dict[str, list[Any]] = {}
    for number, case in enumerate(cases):
        if "event" not in case:
            continue  # it skips or refuses, and counts among those before the others only
        earlier = [one.get("only_when") for one in cases[:number]]
        own = {name: value for name, value in case.items() if name not in _READS_THE_SAME}
        parts.setdefault(case["event"], []).append([earlier, own])
    shared.pop("events", None)  # of canonical records: each carries its own type
    for event_type in source.types():
        yield event_type, _hash([shared, parts.get(event_type, [])])


def _hash(content: Any) -> str:
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=12).hexdigest()
