"""Gives back to Redis what it has lost of generations of sources, from what a running worker remembers.

Numbers must not begin again at 1 while a worker reads by a higher one: it would not see that its file is older. With
the numbers Redis loses since when each type is watched, and then rules would take what was not read for silence. What
was activated since the loss keeps its place; `workers.state.rule_sets.restoring` does the same for rules.
"""

from collections.abc import Mapping

from workers.state.source_sets.activation import following
from workers.state.source_sets.stored import GENERATION, HASH, READ, SET, SOURCE, TOPIC, TYPE, mapped_in, topics_in
from workers.state.store import Store


async def restore_sources(store: Store, known: Mapping[str, str], now_ms: int) -> dict[str, str]:
    """Put back what Redis has lost, atomically; return what it says of generations of sources then.

    A second call changes nothing, and workers that know the same may call it at once.

    Args:
        store: the store that all workers share.
        known: what Redis said when it knew the file of this worker as the newest.
        now_ms: the present.

    Raises:
        Transient: if Redis does not answer.
    """
    return await store.redis.rewrite(store.keys.source_sets, lambda stored: restored(known, stored, now_ms))


def are_lost(known: Mapping[str, str], stored: Mapping[str, str]) -> bool:
    """Return whether Redis does not know the file of a worker, or only under a lower number; pure.

    Args:
        known: what Redis said when it knew the file as the newest.
        stored: what it says now.
    """
    return int(stored.get(SET + known[HASH], 0)) < int(known[GENERATION])


def restored(known: Mapping[str, str], stored: Mapping[str, str], now_ms: int) -> dict[str, str] | None:
    """Return what Redis should say, None if nothing is lost; pure.

    If Redis names no file, or one that was active before that of `known`, that of `known` is the newest again, under
    its number. Otherwise the file that Redis names is newer. It gets a number above both, and differs from that of
    `known` as if it were activated now.

    Args:
        known: what Redis said when it knew the file of a worker as the newest.
        stored: what it says now.
        now_ms: since when a type is watched that the file in `stored` reads otherwise than that in `known`.
    """
    if not are_lost(known, stored):
        return None
    own, newest = int(known[GENERATION]), int(stored.get(GENERATION, 0))
    was, now = topics_in(known), topics_in(stored)
    generation, fields = own, dict(known)
    if newest >= own or (HASH in stored and SET + stored[HASH] not in known):
        generation = max(own, newest) + 1
        matched = {name: topic.source for name, topic in now.items() if name in was}
        fields, _ = following(known, stored[HASH], mapped_in(stored), matched, now_ms)
    for name, value in stored.items():
        if name.startswith((SET, TYPE)):
            fields[name] = str(max(int(value), int(fields.get(name, 0))))
        elif name.startswith(READ):
            fields[name] = value
    for name, topic in now.items():
        if name not in was and SOURCE + topic.source in fields and SOURCE + name not in fields:
            fields[TOPIC + name] = stored[TOPIC + name]
    return fields | {GENERATION: str(generation), SET + fields[HASH]: str(generation)}
