"""The publisher: an idempotent producer that is replaced when it does not answer, and never gives up in between.

A producer of aiokafka can hang for ever when its broker is gone, and one whose sequence is broken fails every
later record. So each sending has a deadline, and after it a new producer sends the same records again: at least
once, in order. What consumers see twice carries the same ids.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError

from workers.dead_letters.record import cut_dead_letters
from workers.kafka.partitioner import hash_of
from workers.kafka.records import MAX_RECORD_BYTES, OutboxRecord
from workers.observability import log_events, metrics

log = structlog.get_logger(__name__)

_MAX_BATCH_BYTES: Final = 256 << 10
_LINGER_MS: Final = 5
_LONGEST_PAUSE_SECONDS: Final = 5.0

Position = tuple[int, int]


class Publisher:
    """Sends records to Kafka; shared by all partitions of a worker.

    Attributes:
        is_refused: Kafka did not take what was sent last, and it is being sent again.
    """

    def __init__(self, connection: Mapping[str, Any], *, idempotent: bool, deadline_ms: int) -> None:
        self._arguments = {
            **connection,
            "acks": "all",
            "enable_idempotence": idempotent,
            "linger_ms": _LINGER_MS,
            "max_batch_size": _MAX_BATCH_BYTES,
            "max_request_size": MAX_RECORD_BYTES + (1 << 20),
        }
        self._deadline_seconds = deadline_ms / 1000
        self.is_refused = False
        self._producer: AIOKafkaProducer | None = None
        self._changing = asyncio.Lock()

    async def start(self) -> None:
        """Connect; raises `KafkaError` if no broker answers."""
        self._producer = await self._open()

    async def send(self, records: Sequence[OutboxRecord]) -> list[Position]:
        """Send records in order and return where Kafka put each, as partition and offset.

        Returns only when Kafka confirmed all of them, however long that takes; cancel it to give up. After a
        failure all of them are sent again.
        """
        pause = 0.1
        while True:
            producer = self._producer
            try:
                if producer is None:
                    raise KafkaError("there is no connection")
                sent = await asyncio.wait_for(self._send_once(producer, records), self._deadline_seconds)
                self.is_refused = False
                return sent
            except (MessageSizeTooLargeError, RecordTooLargeError):
                # Raises again if nothing was left to cut: actions are small, so the topic's limit is far too low.
                records = cut_dead_letters(records)
            except (TimeoutError, KafkaError, OSError, ConnectionError) as error:
                self.is_refused = True
                metrics.PUBLISH_FAILURES.inc()
                log.warning(
                    log_events.PUBLISH_FAILED,
                    error=f"{type(error).__name__}: {error}",
                    records=len(records),
                    topics=sorted({record.topic for record in records}),
                )
                await self._replace(producer)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def stop(self) -> None:
        """Disconnect, within the deadline."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await self._dispose(producer)

    @staticmethod
    async def _send_once(producer: AIOKafkaProducer, records: Sequence[OutboxRecord]) -> list[Position]:
        counts = {topic: len(await producer.partitions_for(topic)) for topic in {one.topic for one in records}}
        places = [(one.topic, hash_of(_key_of(one)) % counts[one.topic]) for one in records]
        by_place: dict[tuple[str, int], list[OutboxRecord]] = {}
        for place, record in zip(places, records, strict=True):
            by_place.setdefault(place, []).append(record)
        sent = [await _send_to(producer, place, group) for place, group in by_place.items()]
        # Every batch is awaited, also after one failed: an exception that nobody looks at is a lost record.
        answers = await asyncio.gather(*(one for batches in sent for one, _ in batches), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        offsets = {
            place: chain.from_iterable(
                range(one.result().offset, one.result().offset + number) for one, number in batches
            )
            for place, batches in zip(by_place, sent, strict=True)
        }
        return [(place[1], next(offsets[place])) for place in places]

    async def _open(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(**self._arguments)
        try:
            await producer.start()
        except BaseException:
            await self._dispose(producer)
            raise
        return producer

    async def _replace(self, broken: AIOKafkaProducer | None) -> None:
        async with self._changing:
            if self._producer is not broken:
                return  # somebody else has replaced it
            self._producer = None
            if broken is not None:
                await self._dispose(broken)
            try:
                self._producer = await asyncio.wait_for(self._open(), self._deadline_seconds)
            except (TimeoutError, KafkaError, OSError) as error:
                log.warning(log_events.PUBLISH_FAILED, error=f"{type(error).__name__}: {error}", records=0, topics=[])

    async def _dispose(self, producer: AIOKafkaProducer) -> None:
        try:
            # stop() waits for what it still holds, which a dead broker never confirms.
            await asyncio.wait_for(producer.stop(), min(5.0, self._deadline_seconds))
        except (TimeoutError, KafkaError, OSError) as error:
            log.info(log_events.PRODUCER_ABANDONED, error=f"{type(error).__name__}: {error}")


def _key_of(record: OutboxRecord) -> bytes:
    """Return what decides where a record belongs; one without a key may lie anywhere."""
    return (record.value or b"") if record.key is None else record.key


async def _send_to(
    producer: AIOKafkaProducer, place: tuple[str, int], records: Sequence[OutboxRecord]
) -> list[tuple["asyncio.Future[Any]", int]]:
    """Hand records of one partition over in as few batches as they fit into.

    One future for each batch instead of one for each record: those cost more than everything else about sending.

    Returns:
        For each batch what Kafka will say of it, and how many records it has.
    """
    topic, partition = place
    sent, at_ms = [], round(time.time() * 1000)
    batch = producer.create_batch()
    for record in records:
        while batch.append(timestamp=at_ms, key=record.key, value=record.value, headers=[*record.headers]) is None:
            sent.append((await producer.send_batch(batch, topic, partition=partition), batch.record_count()))
            batch = producer.create_batch()
    batch.close()  # closed, it is sent at once
    sent.append((await producer.send_batch(batch, topic, partition=partition), batch.record_count()))
    return sent
