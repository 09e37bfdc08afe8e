"""The publisher: an idempotent producer that is replaced when it does not answer, and never gives up in between.

A producer of aiokafka can hang for ever when its broker is gone, and one whose sequence is broken fails every
later record. So each sending has a deadline, and after it a new producer sends the same records again: at least
once, in order. What consumers see twice carries the same ids.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordTooLargeError

from workers import telemetry
from workers.dead_letters import cut_dead_letters
from workers.store import OutboxRecord

log = structlog.get_logger(__name__)

MAX_RECORD_BYTES: Final = 8 << 20
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
                telemetry.PUBLISH_FAILURES.inc()
                log.warning(
                    telemetry.PUBLISH_FAILED,
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
        futures = [
            await producer.send(record.topic, value=record.value, key=record.key, headers=list(record.headers))
            for record in records
        ]
        # Every future is awaited, also after one failed: an exception that nobody looks at is a lost record.
        answers = await asyncio.gather(*futures, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [(answer.partition, answer.offset) for answer in answers if not isinstance(answer, BaseException)]

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
                log.warning(telemetry.PUBLISH_FAILED, error=f"{type(error).__name__}: {error}", records=0, topics=[])

    async def _dispose(self, producer: AIOKafkaProducer) -> None:
        try:
            # stop() waits for what it still holds, which a dead broker never confirms.
            await asyncio.wait_for(producer.stop(), min(5.0, self._deadline_seconds))
        except (TimeoutError, KafkaError, OSError) as error:
            log.info(telemetry.PRODUCER_ABANDONED, error=f"{type(error).__name__}: {error}")
