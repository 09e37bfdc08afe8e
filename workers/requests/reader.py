"""Follows the topic of requests, and writes an order into the activity topic for each.

One worker does it: the owner of activity partition 0. It joins no group. It reads from the position that is stored in
Redis, sends the orders of some records, and stores the next position after Kafka has confirmed them.

Each request is carried out exactly once, although its order may be sent more than once. Each order carries its place
in the topic of requests as its source position, as a record of intake does. Orders are sent in the order of the
requests, and a reader always begins at a position before which every order was confirmed. So in each activity
partition, the first record of each request comes before the first one of every later request. A step drops what is
not above the high-water of its partition, so every further record of a request is dropped. That holds when a worker
is killed between sending and storing, when it stores an older position after another worker has stored a newer one,
when two workers read for a while after partition 0 has moved, and when Redis has lost the position.

Workers of older releases do not know orders, and would make dead letters of them. So it waits while any activity
partition may be theirs: one that is written in an older layout than 4.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from workers.clock import Clock
from workers.errors import Transient
from workers.kafka.clients.connecting import connect
from workers.kafka.producer import Publisher
from workers.kafka.range_reader import stop_consumer
from workers.kafka.records import TopicPartition
from workers.kafka.topics import TopicsError, TopicState
from workers.observability import log_events, metrics
from workers.observability.conditions import Note
from workers.requests.conversion import Conversion
from workers.requests.position import Position, read_position, store_position
from workers.settings import REQUESTS, Settings
from workers.state.meta import layout_of
from workers.state.store import Store

log = structlog.get_logger(__name__)

FIRST_LAYOUT_WITH_ORDERS: Final = 4
"""Every release that writes it knows orders."""
PARTITION: Final = 0
"""Of the topic, which has one; and of the activity topic: its owner is the reader."""
_EVERY_SECONDS: Final = 0.5
_FETCH_WAIT_MS: Final = 500
_MAX_RECORDS: Final = 500
_LOOK_AGAIN_SECONDS: Final = 30.0
"""How often it is checked that the topic is still the one that was read."""
_LAYOUTS_AGAIN_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 3.0

Describe = Callable[[Sequence[str]], Awaitable[Mapping[str, TopicState]]]


class RequestReader:
    """Reads the requests of all workers, while this one owns activity partition 0.

    Attributes:
        problem: why requests wait; a `Note` if none of them does, None if they are read.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        publisher: Publisher,
        clock: Clock,
        describe: Describe,
        is_reader: Callable[[], bool],
    ) -> None:
        """Set up without connecting.

        Args:
            settings: of this worker.
            store: of the state.
            publisher: sends the orders.
            clock: of this worker.
            describe: returns the state of those topics that exist.
            is_reader: whether this worker owns activity partition 0.
        """
        self.problem: str | None = None
        self._store = store
        self._publisher = publisher
        self._describe = describe
        self._is_reader = is_reader
        self._conversion = Conversion(settings, clock)
        self._connection = settings.kafka_connection()
        self._partitions = settings.partitions
        self._place = TopicPartition(settings.topic(REQUESTS), PARTITION)
        self._consumer: AIOKafkaConsumer | None = None
        self._topic_id: str | None = None
        self._looked_at = float("-inf")
        self._layouts_at = float("-inf")
        self._are_orders_known = False

    async def run(self) -> None:
        """Read until cancelled; while Kafka or Redis does not answer, it is tried again."""
        while True:
            try:
                self.problem = await self.read_on()
            except (KafkaError, OSError, TimeoutError, TopicsError, Transient) as error:
                text = f"{type(error).__name__}: {error}"
                if self.problem is None or isinstance(self.problem, Note):
                    log.warning(log_events.REQUESTS_UNREAD, error=text)
                self.problem = f"requests in topic '{self._place.topic}' cannot be read: {text}"
                await self.stop()  # a new consumer goes on at the stored position
            await asyncio.sleep(_EVERY_SECONDS)

    async def read_on(self) -> str | None:
        """Read what there is, and send the orders; return why nothing is read, None if it is.

        Raises:
            KafkaError: if Kafka does not answer as it should.
            TimeoutError: if it does not answer in time.
            Transient: if Redis does not answer.
        """
        if not self._is_reader():
            self._are_orders_known = False
            await self.stop()
            return None
        now = time.monotonic()
        if self._consumer is None or now - self._looked_at >= _LOOK_AGAIN_SECONDS:
            if (problem := await self._look()) is not None:
                return problem
            self._looked_at = now
        consumer = self._consumer or await self._open()
        if (waits := await self._waits_for_upgrade(consumer, now)) is not None:
            return waits
        try:
            fetched = await consumer.getmany(self._place, timeout_ms=_FETCH_WAIT_MS, max_records=_MAX_RECORDS)
        except OffsetOutOfRangeError:
            await self.stop()  # deleted by age or made again, and then the next look goes on or says so
            return (
                f"topic '{self._place.topic}' does not hold the request that is to be read next. If this stays, it "
                "has lost its end, and later requests would be taken for those read before. Stop all workers, and to "
                f"read it from its beginning run: linger sources forget {self._place.topic}"
            )
        if records := fetched.get(self._place):
            await self._take(records)
        return None

    async def stop(self) -> None:
        """Disconnect; `read_on` connects again."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            try:
                await asyncio.wait_for(stop_consumer(consumer), _STOP_SECONDS)
            except (KafkaError, OSError, TimeoutError) as error:
                log.info(log_events.REQUESTS_UNREAD, error=f"{type(error).__name__}: {error}")

    async def _take(self, records: Sequence[ConsumerRecord]) -> None:
        """Send what some requests become, then store the position after them."""
        converted = self._conversion.convert(records)
        await self._publisher.send(converted.records)
        await store_position(self._store, Position(records[-1].offset + 1, self._topic_id))
        metrics.REQUESTS_READ.inc(len(records))
        for reason, count in converted.refused.items():
            metrics.REQUESTS_REFUSED.inc(count)
            metrics.DEAD_LETTERS.labels(self._place.topic, reason).inc(count)
            log.warning(log_events.REQUESTS_REFUSED, topic=self._place.topic, reason=reason, records=count)

    async def _look(self) -> str | None:
        """Return why the topic cannot be read on; None if it is the one that was read."""
        topic = self._place.topic
        state = (await self._describe([topic])).get(topic)
        if state is None:
            await self.stop()
            return f"topic '{topic}' does not exist: linger topics create"
        if not (await read_position(self._store)).is_of(state.topic_id):
            await self.stop()
            return (
                f"topic '{topic}' was deleted and created again: its requests would be taken for those read before. "
                f"Stop all workers, and to read it from its beginning run: linger sources forget {topic}"
            )
        self._topic_id = state.topic_id
        return None

    async def _open(self) -> AIOKafkaConsumer:
        position = await read_position(self._store)
        consumer = AIOKafkaConsumer(
            **self._connection,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=_FETCH_WAIT_MS,
        )
        try:
            await connect(consumer)
            consumer.assign([self._place])
            earliest = (await consumer.beginning_offsets([self._place]))[self._place]
            if lost := max(0, earliest - position.offset):
                if position.topic_id is not None:
                    log.error(log_events.REQUESTS_LOST, topic=self._place.topic, records=lost)
                position = Position(earliest, position.topic_id)
            consumer.seek(self._place, position.offset)
        except BaseException:
            await stop_consumer(consumer)
            raise
        self._consumer = consumer
        return consumer

    async def _waits_for_upgrade(self, consumer: AIOKafkaConsumer, now: float) -> str | None:
        """Return that workers may not know orders yet; None if all do. A layout never becomes an older one."""
        if self._are_orders_known:
            return None
        if now - self._layouts_at < _LAYOUTS_AGAIN_SECONDS:
            return self.problem
        metas = await self._store.metas(range(self._partitions))
        older = [number for number, fields in metas.items() if layout_of(fields) < FIRST_LAYOUT_WITH_ORDERS]
        if not older:
            self._are_orders_known = True
            return None
        self._layouts_at = now
        end = (await consumer.end_offsets([self._place]))[self._place]
        waiting = max(0, end - await consumer.position(self._place))
        text = (
            f"{waiting} requests wait until the upgrade is finished: {len(older)} partitions, such as {older[0]}, "
            "are written as the release before writes them, and its workers do not know orders. Run: linger upgrade "
            "finish"
        )
        return text if waiting else Note(text)
