"""Up to where the topic of requests is read, in Redis: one hash for all workers."""

from dataclasses import dataclass

from workers.state.store import Store

_OFFSET = "offset"
_TOPIC_ID = "topic_id"


@dataclass(frozen=True, slots=True)
class Position:
    """Up to where the topic is read.

    Attributes:
        offset: the next offset to read.
        topic_id: of the topic that was read; None if nothing was read, or the broker reports no ids.
    """

    offset: int = 0
    topic_id: str | None = None

    def is_of(self, topic_id: str | None) -> bool:
        """Return whether a topic with this id may be the one that was read."""
        return topic_id is None or self.topic_id in (None, topic_id)


async def read_position(store: Store) -> Position:
    """Return up to where the topic is read; its beginning if nothing is stored.

    Raises:
        Transient: if Redis does not answer.
    """
    fields = await store.fields(store.keys.requests)
    return Position(int(fields.get(_OFFSET) or 0), fields.get(_TOPIC_ID) or None)


async def store_position(store: Store, position: Position) -> None:
    """Store up to where the topic is read.

    Raises:
        Transient: if Redis does not answer.
    """
    fields = {_OFFSET: str(position.offset), _TOPIC_ID: position.topic_id or ""}
    await store.set_fields(store.keys.requests, fields)
