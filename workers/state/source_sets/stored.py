"""The hash in which the workers agree on the sources: its fields, and reading it. Changes nothing.

One hash: `generation` and `hash` of the newest file; `set:<hash>` to the generation of every file that was active;
`source:<key>` to `Mapped`; `type:<type>` to since when a type is watched at the earliest; `topic:<name>` to
`PatternTopic`; `read:<key or topic>` for everything that was ever read.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from schemas.sources import SourcesFile
from workers.core.source_changes import Mapped, content_hash
from workers.core.source_set import PatternTopic, SourceSet
from workers.state.connection import text_fields
from workers.state.store import Store

GENERATION: Final = "generation"
HASH: Final = "hash"
SET: Final = "set:"
SOURCE: Final = "source:"
TYPE: Final = "type:"
TOPIC: Final = "topic:"
READ: Final = "read:"

encode = msgspec.json.Encoder(order="sorted").encode
_mapped = msgspec.json.Decoder(Mapped).decode
_topic = msgspec.json.Decoder(PatternTopic).decode


def part_of(stored: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Return the fields that begin with a prefix, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in stored.items() if name.startswith(prefix)}


def mapped_in(stored: Mapping[str, str]) -> dict[str, Mapped]:
    """Return the sources of the newest generation, by key."""
    return {key: _mapped(text) for key, text in part_of(stored, SOURCE).items()}


def topics_in(stored: Mapping[str, str]) -> dict[str, PatternTopic]:
    """Return the topics of its patterns, by name."""
    return {name: _topic(text) for name, text in part_of(stored, TOPIC).items()}


def as_stored(sources: SourcesFile, stored: Mapping[str, str]) -> SourceSet:
    """Return a file as the generation that is stored; the caller has made sure that it is this one."""
    began = {name: int(text) for name, text in part_of(stored, TYPE).items()}
    return SourceSet(sources, int(stored[GENERATION]), began, mapped_in(stored), topics_in(stored))


async def as_agreed(store: Store, sources: SourcesFile) -> SourceSet:
    """Return a file with its generation and topics if it is the newest; without a generation if not.

    The topics of patterns are those that the workers read, in either case.

    Raises:
        Transient: if Redis does not answer.
    """
    stored = await stored_sources(store)
    if stored.get(HASH) == content_hash(sources):
        return as_stored(sources, stored)
    return SourceSet(sources, topics=topics_in(stored))


async def stored_sources(store: Store) -> dict[str, str]:
    """Return everything that Redis says of generations of sources.

    Raises:
        Transient: if Redis does not answer.
    """
    return await store.redis.fields(store.keys.source_sets)


async def source_ids_and_generation(store: Store) -> tuple[dict[str, str], int]:
    """Return the ids of the source topics, and the generation of the newest file, in one round trip.

    Raises:
        Transient: if Redis does not answer.
    """
    keys = store.keys
    ids, generation = await store.redis.call([("HGETALL", keys.sources), ("HGET", keys.source_sets, GENERATION)])
    return text_fields(ids), int(generation or 0)


async def newest_sources(store: Store) -> int:
    """Return the generation of the newest file, 0 if there is none.

    Raises:
        Transient: if Redis does not answer.
    """
    return int((await stored_sources(store)).get(GENERATION, 0))
