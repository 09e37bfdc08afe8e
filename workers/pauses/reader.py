"""Reads the topic of pauses into a pause list, and keeps it fresh for as long as a worker runs.

It joins no group. `*` sorts before every id, so nothing else depends on the names of rules.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from workers.errors import StartupError
from workers.kafka.range_reader import stop_consumer
from workers.kafka.records import TopicPartition
from workers.observability import log_events, metrics
from workers.pauses.pause_list import PauseList
from workers.pauses.record import decode_pause

log = structlog.get_logger(__name__)

_FETCH_WAIT_MS: Final = 100
"""How long Kafka may wait for new records. A question for the end waits behind a fetch, so this is short."""
_EVERY_SECONDS: Final = 0.2
_ANSWER_SECONDS: Final = 3.0
_REQUEST_TIMEOUT_MS: Final = 5_000
_PARTITION: Final = 0
"""The topic has one partition; if it was made with more, the others are not used."""


class PauseReader:
    """Follows the topic of pauses.

    Attributes:
        pauses: what has been read.
    """

    def __init__(self, connection: Mapping[str, Any], topic: str, pauses: PauseList) -> None:
        """Set up without connecting.

        Args:
            connection: keyword arguments of aiokafka's clients.
            topic: the topic of pauses.
            pauses: filled as the topic is read.
        """
        self.pauses = pauses
        self._connection = {
            **connection,
            "request_timeout_ms": min(_REQUEST_TIMEOUT_MS, connection.get("request_timeout_ms", _REQUEST_TIMEOUT_MS)),
        }
        self._place = TopicPartition(topic, _PARTITION)
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect and read the whole topic.

        Raises:
            StartupError: if Kafka does not answer, or the topic cannot be read.
        """
        try:
            await self.read_on()
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            problem = f"the pauses cannot be read from topic '{self._place.topic}': {type(error).__name__}: {error}"
            if isinstance(error, TopicAuthorizationFailedError):
                problem += "; allow this user to Read it: docs/acl/kafka-acls.sh"
            raise StartupError([problem]) from error

    async def run(self) -> None:
        """Keep the list fresh until cancelled; while Kafka does not answer, it is tried again."""
        failing = False
        while True:
            try:
                await self.read_on()
                failing = False
            except (KafkaError, OSError, TimeoutError) as error:
                if not failing:
                    log.warning(log_events.PAUSES_UNREAD, error=f"{type(error).__name__}: {error}")
                failing = True
                await self.stop()  # a new consumer goes on where this one stopped
            await asyncio.sleep(_EVERY_SECONDS)

    async def read_on(self) -> None:
        """Read to the end of the topic, and confirm the list.

        Raises:
            KafkaError: if Kafka does not answer as it should.
            TimeoutError: if it does not answer in time.
        """
        async with asyncio.timeout(2 * _ANSWER_SECONDS):
            consumer = self._consumer or await self._open()
        # Before the question: everything that was appended by this moment is before the answer.
        asked_at = time.monotonic()
        end = (await asyncio.wait_for(consumer.end_offsets([self._place]), _ANSWER_SECONDS))[self._place]
        if end < self.pauses.offset:
            # Deleted and created again. What was known stays paused until a new record says otherwise.
            log.error(log_events.PAUSES_UNREAD, error=f"topic '{self._place.topic}' was replaced; it is read again")
            self.pauses.offset = 0
            await consumer.seek_to_beginning(self._place)
        async with asyncio.timeout(_ANSWER_SECONDS):
            while True:
                # The embedded broker lists ends that are too low; a fetch brings the right one.
                end = max(end, consumer.highwater(self._place) or 0)
                position = await consumer.position(self._place)
                is_read = position >= end
                fetched = await consumer.getmany(self._place, timeout_ms=0 if is_read else _FETCH_WAIT_MS)
                for record in fetched.get(self._place, ()):
                    self._take(record.key, record.value)
                if is_read and not fetched:
                    break
        self.pauses.confirm(position, asked_at)
        paused = self.pauses.paused()
        metrics.PAUSED_RULES.set(len(paused))
        metrics.OLDEST_PAUSE.set(max((time.time() - one.at_ms / 1000 for one in paused), default=0))

    async def stop(self) -> None:
        """Disconnect; `read_on` connects again."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            try:
                await asyncio.wait_for(stop_consumer(consumer), _ANSWER_SECONDS)
            except (KafkaError, OSError, TimeoutError) as error:
                log.info(log_events.PAUSES_UNREAD, error=f"{type(error).__name__}: {error}")

    async def _open(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._connection,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        try:
            await consumer.start()
            consumer.assign([self._place])
            if self.pauses.offset:
                consumer.seek(self._place, self.pauses.offset)
            else:
                await consumer.seek_to_beginning(self._place)
        except BaseException:
            await stop_consumer(consumer)
            raise
        self._consumer = consumer
        return consumer

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        if value is None:
            self.pauses.remove((key or b"").decode(errors="replace"))
            return
        record = decode_pause(value)
        if record is None:
            # Never guessed: an unreadable pause must not be taken for a resume. The last readable one counts.
            log.error(log_events.PAUSES_UNREAD, error=f"a record of topic '{self._place.topic}' cannot be read")
        else:
            self.pauses.add(record)
