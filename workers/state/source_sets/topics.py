"""The topics of patterns: which ones all workers read, since when, and whether rules wait for them."""

from collections.abc import Collection, Mapping

import msgspec

from workers.core.source_set import PatternTopic, SourceSet
from workers.state.source_sets.stored import GENERATION, READ, TOPIC, encode, topics_in
from workers.state.store import Store


async def agree_on_topics(
    store: Store, sources: SourceSet, joining: Mapping[str, str], leaving: Collection[str], now_ms: int
) -> SourceSet:
    """Add topics that have appeared and remove those that are gone, for all workers; return the sources with all.

    If the generation is not the newest any more, nothing is changed: workers with the newest one do it.

    Args:
        store: the store that all workers share.
        sources: the generation of this worker.
        joining: topics that its patterns match and that are not read yet, with the name of the source of each.
        leaving: topics of patterns that Kafka does not have any more.
        now_ms: by Linger's clock; what a joining topic holds before is history.

    Raises:
        Transient: if Redis does not answer.
    """

    def change(stored: Mapping[str, str]) -> dict[str, str] | None:
        if int(stored.get(GENERATION, 0)) != sources.generation:
            return None
        gone = {TOPIC + name for name in leaving}
        fields = {name: value for name, value in stored.items() if name not in gone}
        for name, source in joining.items():
            if TOPIC + name not in fields:
                # One that was read before goes on where it was left.
                is_known = READ + name in fields
                topic = PatternTopic(source) if is_known else PatternTopic(source, now_ms, counts=False)
                fields[TOPIC + name] = encode(topic).decode()
                fields[READ + name] = ""
        return None if fields == stored else fields

    stored = await store.redis.rewrite(store.keys.source_sets, change)
    return sources.with_topics(topics_in(stored)) if _is_same(sources, stored) else sources


async def let_count(store: Store, sources: SourceSet, read: Collection[str]) -> SourceSet:
    """Note that some topics have been read up to the moment at which they appeared: rules wait for them from now on.

    Raises:
        Transient: if Redis does not answer.
    """

    def change(stored: Mapping[str, str]) -> dict[str, str] | None:
        topics = topics_in(stored)
        fields = dict(stored)
        for name in read:
            if name in topics and not topics[name].counts:
                fields[TOPIC + name] = encode(msgspec.structs.replace(topics[name], counts=True)).decode()
        return None if fields == stored else fields

    stored = await store.redis.rewrite(store.keys.source_sets, change)
    return sources.with_topics(topics_in(stored)) if _is_same(sources, stored) else sources


def _is_same(sources: SourceSet, stored: Mapping[str, str]) -> bool:
    return int(stored.get(GENERATION, 0)) == sources.generation
