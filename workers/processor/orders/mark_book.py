"""The mark book: the key of marks, and the marks of the partitions that are claimed.

A partition whose `meta` says that its marks are in Redis is read from there. Any other one is new, or Redis has lost
it: its marks come from the topic, before anything is decided, and are written with the partition's next step.

`meta` also says by its id which topic has the copies. If that is another one now, it was deleted and created again:
then all marks are copied once more.
"""

import asyncio
import secrets
from collections.abc import Collection, Iterable
from typing import Final

import structlog

from workers.errors import StartupError, Transient
from workers.kafka.producer import Publisher
from workers.observability import log_events
from workers.processor.orders.mark_topic import KEY_PARTITION, Copies, MarkTopic
from workers.processor.partition import OwnedPartition
from workers.state.marks.key import KEY_BYTES, MarkKey
from workers.state.marks.mark import Mark, encode_mark
from workers.state.marks.merging import all_merged
from workers.state.marks.stored import CHECK, KEY, key_of
from workers.state.meta import MARKED, Meta
from workers.state.step import WriteSet
from workers.state.store import Store

log = structlog.get_logger(__name__)

_IN_REDIS: Final = "1"
"""Value of the field of `meta` for marks that are in Redis, and perhaps not in the topic."""
_COPIED_AT_ONCE: Final = 1_000
_COPY_SECONDS: Final = 10.0
"""How long Kafka may take to confirm them."""
_KEY_IS_LOST: Final = (
    "Redis and the topic of marks have lost the key under which it stands there who is suppressed, opted out or "
    "erased; with another one, none of them would be found. Restore Redis, or import the state file that has it; if "
    "LINGER_MARKS_KEY was set, set it again. To forget them all, delete the topic and run: linger topics create"
)


class MarkBook:
    """Knows the key, and reads the marks of partitions at their claim."""

    def __init__(
        self, store: Store, topic: MarkTopic, publisher: Publisher, configured: bytes | None, partitions: int
    ) -> None:
        """Set up without asking anything.

        Args:
            store: of the marks.
            topic: with the copy of them.
            publisher: of what is known of the key.
            configured: the key of the settings, None without one.
            partitions: how many the topic has.
        """
        self._store = store
        self._topic = topic
        self._publisher = publisher
        self._configured = configured
        self._partitions = partitions
        self._key: MarkKey | None = None
        self._ahead: dict[int, dict[bytes, Mark]] = {}

    def ref(self, customer_id: str) -> bytes:
        """Return the keyed hash of a customer's id; the book was opened before."""
        if self._key is None:
            raise RuntimeError("the key of marks is not known yet")
        return self._key.ref(customer_id)

    async def open(self) -> None:
        """Find out the key, or make one; after this it is in Redis, and in the topic.

        The first call writes it to the topic in any case: the worker that stored it may have been killed before.

        Raises:
            StartupError: if it is not the key with which marks were made, or that key is lost.
            Transient: if Redis does not answer, or the topic cannot be read.
        """
        fields = await self._store.marks.key_fields()
        if fields and self._key is not None:
            return
        if not fields:
            fields = await self._keep_key(await self._copies(range(self._partitions)))
        key = key_of(fields, self._configured)
        await self._publisher.send([self._topic.key_record(fields)])
        self._key = key

    async def _keep_key(self, copies: Copies) -> dict[str, str]:
        """Store what the topic knows of the key, or a new key; return what is stored then."""
        copied = copies.key_fields
        known = key_of(copied, self._configured)
        if copied:
            field = KEY if KEY in copied else CHECK
            value = copied[field]
        elif known is not None:
            field, value = CHECK, known.check()
        elif any(copies.marks.values()):
            raise StartupError([_KEY_IS_LOST])
        else:
            field, value = KEY, secrets.token_hex(KEY_BYTES)
        return await self._store.marks.keep_key(field, value)

    async def _copies(self, partitions: Collection[int]) -> Copies:
        """Read the topic; that it cannot be read now is no reason to end a worker that runs.

        Raises:
            Transient: if it cannot be read.
        """
        try:
            return await self._topic.read(partitions)
        except StartupError as error:
            raise Transient(str(error)) from error

    async def read_ahead(self, numbers: Collection[int]) -> None:
        """Read the topic once for all those partitions that are about to be claimed and do not have marks in Redis.

        Raises:
            Transient: if Redis does not answer, or the topic cannot be read.
        """
        metas = await self._store.metas(numbers)
        lost = [number for number, fields in metas.items() if MARKED not in fields]
        self._ahead = (await self._copies(lost)).marks if lost else {}

    async def read(self, number: int, meta: Meta, topic_id: str | None) -> tuple[dict[bytes, Mark], WriteSet | None]:
        """Return the marks of a partition, and what must be written before anything is decided; None for nothing.

        Args:
            number: of the partition.
            meta: as it was claimed.
            topic_id: of the activity topic; offsets in marks of another one mean nothing.

        Raises:
            Transient: if Redis does not answer, or they are not in Redis and the topic cannot be read.
        """
        stored = await self._store.marks.of_partition(number)
        copied = self._ahead.pop(number, None)
        is_complete = MARKED in meta.fields
        if is_complete:
            copied = {}
        elif copied is None:
            copied = (await self._copies([number])).marks[number]
        marks = all_merged(stored, copied, topic_id or "")
        changed = {ref: encode_mark(mark) for ref, mark in marks.items() if stored.get(ref) != mark}
        if is_complete and not changed:
            return marks, None
        if is_complete:
            field = meta.fields[MARKED]
        else:
            field = (self._topic.topic_id if marks == copied else None) or _IN_REDIS
        return marks, WriteSet(fields={MARKED: field}, marks=dict(changed))

    def behind(self, partitions: Iterable[OwnedPartition]) -> list[OwnedPartition]:
        """Return those of some partitions whose marks are not known to be in the topic."""
        topic_id = self._topic.topic_id
        return [one for one in partitions if topic_id is not None and one.meta.fields.get(MARKED) != topic_id]

    async def copy(self, partition: OwnedPartition) -> None:
        """Copy all marks of a partition to the topic, and note in `meta` that it has them.

        The caller holds the partition's lock, so no newer copy comes before this one; the same mark may come twice.

        Raises:
            Fenced: if another worker owns the partition.
            TimeoutError: if Kafka does not confirm the copies; they are sent again.
            Transient: if it is unknown whether the step was taken.
        """
        topic_id = self._topic.topic_id
        if topic_id is None:
            return
        records = [self._topic.record(partition.number, ref, mark) for ref, mark in partition.marks.items()]
        if partition.number == KEY_PARTITION:
            records.append(self._topic.key_record(await self._store.marks.key_fields()))
        for start in range(0, len(records), _COPIED_AT_ONCE):
            some = records[start : start + _COPIED_AT_ONCE]
            await asyncio.wait_for(self._publisher.send(some), _COPY_SECONDS)
        await partition.commit(self._store, WriteSet(fields={MARKED: topic_id}))
        log.info(log_events.MARKS_COPIED, partition=partition.number, marks=len(partition.marks))
