"""Makes a `sources.yaml` the newest generation, for all workers at once.

Every file that is activated gets the next number. A worker with an older file must not turn records into events any
more, and a restart alone does not bring an older file back; `workers.state.rule_sets.activation` does so for rules.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec

from schemas.sources import SourcesFile
from workers.core.source_changes import Mapped, SourceChanges, changes_between, content_hash, mapped
from workers.core.source_set import PatternTopic, SourceSet
from workers.errors import LingerError
from workers.state.source_sets.stored import (
    GENERATION,
    HASH,
    READ,
    SET,
    SOURCE,
    TOPIC,
    TYPE,
    as_stored,
    encode,
    mapped_in,
    part_of,
    topics_in,
)
from workers.state.store import Store


class OlderSources(LingerError):
    """This `sources.yaml` was active before, and newer ones have replaced it."""

    def __init__(self, generation: int, newest: int) -> None:
        super().__init__(
            f"this sources.yaml is older than the active one: it was generation {generation}, the newest is {newest}."
            " Load the newest file, or, if you mean to go back, run: linger sources promote"
        )


@dataclass(frozen=True, slots=True)
class SourceActivation:
    """The result of activating a file.

    Attributes:
        sources: the file with its generation.
        changes: what is different from the generation before; nothing if it was the newest already, or is the first.
        stored: everything that Redis says of generations of sources. A worker remembers it, in case Redis does not.
    """

    sources: SourceSet
    changes: SourceChanges
    stored: Mapping[str, str]


async def activate_sources(
    store: Store, sources: SourcesFile, matched: Mapping[str, str], now_ms: int, *, allow_rollback: bool
) -> SourceActivation:
    """Make a file the newest; if it is the newest already, change nothing.

    Args:
        store: the store that all workers share.
        sources: the file.
        matched: the topics that its patterns match now, with the name of the source of each. Those of a pattern that
            the generation before did not have are read like named ones; others may join later (`agree_on_topics`).
        now_ms: when it is loaded.
        allow_rollback: activate the file even if newer ones have replaced it: the operator asks for it. False for a
            worker that starts.

    Raises:
        OlderSources: if newer files have replaced it, without `allow_rollback`.
        Transient: if Redis does not answer.
    """
    key, changes = content_hash(sources), SourceChanges()

    def change(stored: Mapping[str, str]) -> dict[str, str] | None:
        nonlocal changes
        changes = SourceChanges()
        if stored.get(HASH) == key:
            return None
        newest = int(stored.get(GENERATION, 0))
        if not allow_rollback and (before := stored.get(SET + key)) is not None:
            raise OlderSources(int(before), newest)
        fields, changes = following(stored, key, mapped(sources), matched, now_ms)
        return fields

    fields = await store.redis.rewrite(store.keys.source_sets, change)
    return SourceActivation(as_stored(sources, fields), changes, fields)


def following(
    stored: Mapping[str, str], key: str, new: Mapping[str, Mapped], matched: Mapping[str, str], now_ms: int
) -> tuple[dict[str, str], SourceChanges]:
    """Return what Redis should say when a file becomes the generation after the newest, and what is different; pure.

    Args:
        stored: what it says now.
        key: the hash of the file.
        new: the sources of the file, by key.
        matched: the topics that its patterns match, with the name of the source of each.
        now_ms: when it becomes the newest.
    """
    newest = int(stored.get(GENERATION, 0))
    fields = {name: value for name, value in stored.items() if name.startswith((SET, TYPE, READ))}
    fields |= {GENERATION: str(newest + 1), HASH: key, SET + key: str(newest + 1)}
    changes, old = SourceChanges(), mapped_in(stored)
    was_read = frozenset(part_of(stored, READ))
    if newest:
        changes = changes_between(old, new, was_read)
        fields |= {TYPE + name: str(now_ms) for name in changes.again}
    for name, source in new.items():
        is_later = old[name].later if name in old else bool(newest) and name not in was_read
        fields[SOURCE + name] = encode(msgspec.structs.replace(source, later=is_later)).decode()
        fields[READ + name] = ""
    for name, topic in _topics(new, topics_in(stored), matched).items():
        fields[TOPIC + name] = encode(topic).decode()
        fields[READ + name] = ""
    return fields, changes


def _topics(
    sources: Collection[str], before: Mapping[str, PatternTopic], matched: Mapping[str, str]
) -> dict[str, PatternTopic]:
    """Return the topics of patterns in a new generation: those that stay as they were, and those of new patterns.

    A source is named like its topic, unless it has a pattern, so those that are no source of their own are matched.
    """
    known = {topic.source for topic in before.values()}
    topics = {name: topic for name, topic in before.items() if topic.source in sources and name not in sources}
    for name, source in matched.items():
        if name in before and name not in sources:
            topics[name] = msgspec.structs.replace(before[name], source=source)
        elif name not in topics and source not in known:
            topics[name] = PatternTopic(source)
    return topics
