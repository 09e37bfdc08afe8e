"""The publisher: an idempotent producer that is replaced when it does not answer and never gives up.

An aiokafka producer can hang forever when its broker is gone; after a broken sequence, it fails every later record.
So each attempt has a deadline, after which a new producer sends the same records again: at least once, in order.
Repeated records carry the same ids.

This module does not know what the records mean; its creator passes a function that shortens a record that is too
large.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError

from workers.kafka.clients.connecting import connect
from workers.kafka.partitioner import hash_of
from workers.kafka.records import MAX_RECORD_BYTES, PlacedRecord, Sendable
from workers.observability import log_events, metrics

log = structlog.get_logger(__name__)

_MAX_BATCH_BYTES: Final = 256 << 10
_LINGER_MS: Final = 5
_LONGEST_PAUSE_SECONDS: Final = 5.0

Position = tuple[int, int]
"""Partition and offset of a record in its topic."""

Allowed = Callable[[], bool]
"""Returns whether records may still be sent; asked right before each attempt."""

Shorten = Callable[[Sequence[Sendable]], Sequence[Sendable]]
"""Returns the records with the too large ones shortened. Raises `ValueError` if it can shorten none of them."""


class Withdrawn(Exception):
    """Records may not be sent any longer. After a failed attempt, it is unknown which of them Kafka has."""


def _always() -> bool:
    return True


class Publisher:
    """Sends records to Kafka; shared by all partitions of a worker.

    Args:
        connection: keyword arguments of aiokafka's clients.
        idempotent: whether the broker supports idempotent producers.
        deadline_ms: how long Kafka may take to confirm one call's records before a new producer sends them again.
        shorten: called with the records of a call when one of them is larger than its topic allows.

    Attributes:
        refusal: why Kafka did not confirm the latest records, and their topics, while they are being sent again.
    """

    def __init__(
        self, connection: Mapping[str, Any], *, idempotent: bool, deadline_ms: int, shorten: Shorten
    ) -> None:
        self._arguments = {
            **connection,
            "acks": "all",
            "enable_idempotence": idempotent,
            "linger_ms": _LINGER_MS,
            "max_batch_size": _MAX_BATCH_BYTES,
            "max_request_size": MAX_RECORD_BYTES + (1 << 20),
        }
        self._deadline_seconds = deadline_ms / 1000
        self._shorten = shorten
        self.refusal: str | None = None
        self._producer: AIOKafkaProducer | None = None
        self._changing = asyncio.Lock()

    @property
    def is_refused(self) -> bool:
        """Whether Kafka has not confirmed the latest records."""
        return self.refusal is not None

    async def start(self) -> None:
        """Connect; raises `KafkaError` if no broker answers."""
        self._producer = await self._open()

    async def send(self, records: Sequence[Sendable], allowed: Allowed = _always) -> list[Position]:
        """Send records in order and return the position that Kafka gave each.

        Returns only after Kafka has confirmed all of them, no matter how long that takes; cancel the call to give
        up. After a failure all of them are sent again.

        Args:
            records: to send.
            allowed: whether they may still be sent.

        Raises:
            LingerError: if a record is larger than its topic allows and cannot be shortened.
            Withdrawn: once they are not allowed any longer; an attempt in flight was awaited before.
        """
        pause = 0.1
        while True:
            producer = self._producer
            try:
                if producer is None:
                    raise KafkaError("there is no connection")
                sent = await asyncio.wait_for(self._send_once(producer, records, allowed), self._deadline_seconds)
                self.refusal = None
                return sent
            except (MessageSizeTooLargeError, RecordTooLargeError):
                # Raises if nothing can be shortened: actions are small, so the topic's limit is far too low.
                records = self._shorten(records)
            except asyncio.CancelledError:
                self.refusal = None  # these are given up; what else is being sent says it again
                raise
            except (TimeoutError, KafkaError, OSError, ConnectionError) as error:
                topics = sorted({record.topic for record in records})
                text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
                self.refusal = f"Kafka does not confirm records for {', '.join(topics)}: {text}"
                metrics.PUBLISH_FAILURES.inc()
                log.warning(log_events.PUBLISH_FAILED, error=text, records=len(records), topics=topics)
                await self._replace(producer)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def stop(self) -> None:
        """Disconnect, within the deadline."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._dispose(producer)

    @staticmethod
    async def _send_once(producer: AIOKafkaProducer, records: Sequence[Sendable], allowed: Allowed) -> list[Position]:
        topics = {record.topic for record in records}
        partition_counts = {topic: len(await producer.partitions_for(topic)) for topic in topics}
        partitions = [(record.topic, _partition_of(record, partition_counts[record.topic])) for record in records]
        by_partition: dict[tuple[str, int], list[Sendable]] = {}
        for partition, record in zip(partitions, records, strict=True):
            by_partition.setdefault(partition, []).append(record)
        sent = []
        for partition, group in by_partition.items():
            # Right before each group: the metadata, or room for the group before, may have taken long.
            if not allowed():
                break
            sent.append(await _send_to(producer, partition, group))
        # Every batch is awaited, also after one has failed: an unread exception is a lost record.
        answers = await asyncio.gather(*(future for batches in sent for future, _ in batches), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        if len(sent) < len(by_partition):
            raise Withdrawn
        offsets = {
            partition: chain.from_iterable(
                range(future.result().offset, future.result().offset + count) for future, count in batches
            )
            for partition, batches in zip(by_partition, sent, strict=True)
        }
        return [(partition[1], next(offsets[partition])) for partition in partitions]

    async def _open(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(**self._arguments)
        try:
            await connect(producer)
        except BaseException:
            await self._dispose(producer)
            raise
        return producer

    async def _replace(self, broken: AIOKafkaProducer | None) -> None:
        async with self._changing:
            if self._producer is not broken:
                return  # another call has replaced it
            self._producer = None
            if broken is not None:
                await self._dispose(broken)
            try:
                self._producer = await asyncio.wait_for(self._open(), self._deadline_seconds)
            except (TimeoutError, KafkaError, OSError) as error:
                log.warning(log_events.PUBLISH_FAILED, error=f"{type(error).__name__}: {error}", records=0, topics=[])

    async def _dispose(self, producer: AIOKafkaProducer) -> None:
        try:
            # stop() waits for its unsent records, which a dead broker never confirms.
            await asyncio.wait_for(producer.stop(), min(5.0, self._deadline_seconds))
        except (TimeoutError, KafkaError, OSError) as error:
            log.info(log_events.PRODUCER_ABANDONED, error=f"{type(error).__name__}: {error}")


def _partition_of(record: Sendable, count: int) -> int:
    """Return the partition of a record: its own, or that of its key; a record without a key may go to any."""
    if isinstance(record, PlacedRecord):
        return record.partition
    return hash_of((record.value or b"") if record.key is None else record.key) % count


async def _send_to(
    producer: AIOKafkaProducer, topic_partition: tuple[str, int], records: Sequence[Sendable]
) -> list[tuple["asyncio.Future[Any]", int]]:
    """Pass records of one partition to the producer in as few batches as possible.

    One future for each batch, because one for each record would cost more than the rest of sending.

    Returns:
        For each batch the future of its confirmation, and its number of records.
    """
    topic, partition = topic_partition
    sent, at_ms = [], round(time.time() * 1000)
    batch = producer.create_batch()
    for record in records:
        while batch.append(timestamp=at_ms, key=record.key, value=record.value, headers=[*record.headers]) is None:
            sent.append((await producer.send_batch(batch, topic, partition=partition), batch.record_count()))
            batch = producer.create_batch()
    batch.close()  # a closed batch is sent at once
    sent.append((await producer.send_batch(batch, topic, partition=partition), batch.record_count()))
    return sent
