"""The mark book: the key of marks, and the marks of the partitions that are claimed.

A partition whose `meta` says that its marks are in Redis is read from there. Any other one is new or rebuilt, or
Redis has lost it: its marks come from the topic, too, before anything is decided, and are written at once.
"""

import secrets
from typing import Final

from workers.kafka.producer import Publisher
from workers.processor.orders.mark_topic import MarkTopic
from workers.state.marks.key import KEY_BYTES, MarkKey
from workers.state.marks.mark import Mark, encode_mark
from workers.state.marks.stored import CHECK, COPIED, KEY, key_of
from workers.state.meta import MARKED, Meta
from workers.state.step import WriteSet
from workers.state.store import Store

_IN_REDIS: Final = "1"


class MarkBook:
    """Knows the key, and reads the marks of partitions at their claim."""

    def __init__(self, store: Store, topic: MarkTopic, publisher: Publisher, configured: bytes | None) -> None:
        """Set up without asking anything.

        Args:
            store: of the marks.
            topic: with the copy of them.
            publisher: of what is known of the key.
            configured: the key of the settings, None without one.
        """
        self._store = store
        self._topic = topic
        self._publisher = publisher
        self._configured = configured
        self._key: MarkKey | None = None

    def ref(self, customer_id: str) -> bytes:
        """Return the keyed hash of a customer's id; the book was opened before."""
        if self._key is None:
            raise RuntimeError("the key of marks is not known yet")
        return self._key.ref(customer_id)

    async def open(self, topic_id: str | None) -> None:
        """Find out the key, or make one; after this it is in Redis, and in the topic.

        Called before each claim: Redis may have lost it while this worker was running.

        Args:
            topic_id: of the activity topic. State that was imported elsewhere knows the key, and the topic does not.

        Raises:
            StartupError: if it is not the key with which marks were made, or the topic cannot be read.
            Transient: if Redis does not answer.
        """
        fields = await self._store.marks.key_fields()
        copied = topic_id or "1"
        if fields.get(COPIED) != copied:
            if not fields:
                fields = await self._keep_key((await self._topic.read(())).key_fields)
            key_of(fields, self._configured)
            await self._publisher.send([self._topic.key_record(fields)])
            await self._store.marks.note_of_key(COPIED, copied)
        self._key = key_of(fields, self._configured)

    async def _keep_key(self, copied: dict[str, str]) -> dict[str, str]:
        """Store what the topic knows of the key, or a new key; return what is stored then."""
        key_of(copied, self._configured)
        if copied:
            ((field, value),) = copied.items()
        elif self._configured is None:
            field, value = KEY, secrets.token_hex(KEY_BYTES)
        else:
            field, value = CHECK, MarkKey(self._configured).check()
        return await self._store.marks.keep_key(field, value)

    async def read(self, number: int, meta: Meta, topic_id: str | None) -> tuple[dict[bytes, Mark], WriteSet | None]:
        """Return the marks of a partition, and what must be written before anything is decided; None for nothing.

        Args:
            number: of the partition.
            meta: as it was claimed.
            topic_id: of the activity topic; offsets in marks of another one mean nothing.

        Raises:
            StartupError: if they are not in Redis, and the topic cannot be read.
            Transient: if Redis does not answer.
        """
        stored = await self._store.marks.of_partition(number)
        is_complete = meta.fields.get(MARKED) == _IN_REDIS
        marks = {ref: mark.of_topic(topic_id or "") for ref, mark in stored.items()}
        if not is_complete:
            for ref, mark in (await self._topic.read([number])).marks[number].items():
                copy = mark.of_topic(topic_id or "")
                marks[ref] = copy if ref not in marks else marks[ref].or_later(copy)
        changed = {ref: encode_mark(mark) for ref, mark in marks.items() if stored.get(ref) != mark}
        if is_complete and not changed:
            return marks, None
        return marks, WriteSet(fields={MARKED: _IN_REDIS}, marks=dict(changed))
