"""Whether everything is decided up to a moment: what workers say, compared with what Redis has left to do.

What a worker says can be older than what Redis lost since, or than a rebuild; and what it has not seen yet is neither
due nor waiting. So neither is enough.
"""

from collections.abc import Mapping
from typing import NamedTuple

from workers.state.keys import STAGE_TO_PUBLISH
from workers.state.meta import types_watched
from workers.state.store import Store


class Partition(NamedTuple):
    """One activity partition.

    Attributes:
        said: what its owner said: until when it is decided (epoch milliseconds), the next offset, and how many
            records Kafka lacks. None if none did.
        offset: the next one, as it is stored.
        has_due: whether a customer is due by that moment, or waits until some type or their stage is known.
        outbox: how many records are stored there.
    """

    said: tuple[int, int, int] | None
    offset: int
    has_due: bool
    outbox: int

    def is_decided(self, until_ms: int) -> bool:
        """Return whether everything is decided up to a moment, and Kafka has all of it."""
        if self.said is None or self.has_due or self.outbox:
            return False
        decided_ms, offset, unconfirmed = self.said
        return decided_ms >= until_ms and self.offset >= offset and not unconfirmed


async def partitions_at(store: Store, number: int, until_ms: int) -> list[Partition]:
    """Return what is said and stored of all partitions.

    Args:
        store: of the run.
        number: how many there are.
        until_ms: the moment that `Partition.has_due` is about.
    """
    # First what is said: what Redis has then is from that moment or later.
    said: Mapping[str, str] = await store.fields(store.keys.seen)
    metas = await store.metas(range(number))
    lists = {place: {STAGE_TO_PUBLISH, *types_watched(meta)} for place, meta in metas.items()}
    due = await store.due({place: (until_ms, dict.fromkeys(names, until_ms)) for place, names in lists.items()}, 1)
    outboxes = await store.redis.call([("LLEN", store.keys.partition(place).outbox) for place in metas])
    return [
        Partition(_numbers(said.get(str(place))), int(metas[place].get("offset", -1)), place in due, outboxes[place])
        for place in metas
    ]


def _numbers(said: str | None) -> tuple[int, int, int] | None:
    if said is None:
        return None
    decided_ms, offset, unconfirmed = map(int, said.split())
    return decided_ms, offset, unconfirmed
