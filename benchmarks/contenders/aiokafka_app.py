"""A consumer as a good engineer would write it with aiokafka and Redis, without an engine: event by event.

The partitions are worked on at the same time, the events of one after the other: read the customer, decide by hand,
and write in one transaction what is known of them, when to look again, and what was decided. That is sent right
away; only after a batch does anybody wait for Kafka, forget what was sent, and commit the offset. What a crash keeps
from being sent is still in Redis, and the offset beside each customer says which events are known already.
"""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from benchmarks.contenders import Contender, python_module
from benchmarks.contenders.by_hand import NEVER, State, fire, fold, pack, read_event, unpack, write

log = logging.getLogger(__name__)

CONTENDER: Final = Contender(
    name="aiokafka",
    title="aiokafka, rules by hand",
    state="Redis, a transaction for each event",
    delivery="at least once",
    command=python_module("benchmarks.contenders.aiokafka_app"),
)

_BATCH: Final = 500
_FIRED_AT_ONCE: Final = 100
_OFFSET_BYTES: Final = 8
_SESSION_MS: Final = 60_000


class Customers:
    """The customers of one partition, in Redis; one writer at a time.

    A customer's value is the offset of the latest event that was folded, 8 bytes, and the state behind it. Beside
    that there are the due times of all as a sorted set, and a list of what was decided and may not have been sent.
    """

    def __init__(self, redis: Redis, prefix: str, partition: int) -> None:
        self._redis: Any = redis  # its answers are typed as if they might be texts
        self._state = f"{prefix}:state:"
        self._due = f"{prefix}:due:{partition}"
        self._unsent = f"{prefix}:unsent:{partition}"
        self._time_ms = 0

    async def take(self, offset: int, value: bytes) -> list[bytes]:
        """Fold one event; one that was folded before a crash is left alone.

        Args:
            offset: of the event; the partition's events come in their order.
            value: the record's.

        Returns:
            The records to be sent.
        """
        event = read_event(value)
        self._time_ms = max(self._time_ms, event.at_ms)
        stored = await self._redis.get(self._state + event.customer)
        known, due_ms = None, NEVER
        if stored is not None:
            if int.from_bytes(stored[:_OFFSET_BYTES]) >= offset:
                return []
            known = unpack(stored[_OFFSET_BYTES:])
            due_ms = known.due_ms
        state, decided = fold(known, event)
        records = [write(one) for one in decided]
        if not records and state.due_ms == due_ms:
            await self._redis.set(self._state + event.customer, offset.to_bytes(_OFFSET_BYTES) + pack(state))
            return []
        async with self._redis.pipeline(transaction=True) as steps:
            self._put(steps, event.customer, offset.to_bytes(_OFFSET_BYTES), state, due_ms)
            if records:
                steps.rpush(self._unsent, *records)
            await steps.execute()
        return records

    async def fire(self) -> AsyncIterator[list[bytes]]:
        """Decide all that is due at the time of the newest event taken, and yield records to be sent."""
        while due := await self._redis.zrangebyscore(self._due, 0, self._time_ms, 0, _FIRED_AT_ONCE):
            customers = [customer.decode() for customer in due]
            values = await self._redis.mget([self._state + customer for customer in customers])
            records: list[bytes] = []
            async with self._redis.pipeline(transaction=True) as steps:
                for customer, stored in zip(customers, values, strict=True):
                    state = unpack(stored[_OFFSET_BYTES:])
                    due_ms = state.due_ms
                    records += [write(one) for one in fire(customer, state, self._time_ms)]
                    self._put(steps, customer, stored[:_OFFSET_BYTES], state, due_ms)
                if records:
                    steps.rpush(self._unsent, *records)
                await steps.execute()
            yield records

    def _put(self, steps: Pipeline, customer: str, offset: bytes, state: State, before_ms: int) -> None:
        steps.set(self._state + customer, offset + pack(state))
        due_ms = state.due_ms
        if due_ms and due_ms != before_ms:
            steps.zadd(self._due, {customer: due_ms})
        elif before_ms and not due_ms:
            steps.zrem(self._due, customer)

    async def unsent(self) -> list[bytes]:
        """Return the records that a crash may have kept from being sent."""
        records: list[bytes] = await self._redis.lrange(self._unsent, 0, -1)
        return records

    async def all_sent(self) -> None:
        """Forget what was to be sent."""
        await self._redis.delete(self._unsent)


def open_redis(url: str) -> Redis:
    """Return a client with one connection, for a partition.

    To wait for each command with a timeout takes half as long again; a connection that is dead is noticed anyway.
    """
    return Redis.from_url(url, single_connection_client=True, socket_timeout=None, socket_keepalive=True)


def customer_of(record: bytes) -> bytes:
    """Return the key of a record to be sent: its customer."""
    customer: str = orjson.loads(record)["customer"]
    return customer.encode()


class Worker(ConsumerRebalanceListener):  # type: ignore[misc]
    """Works on the assigned partitions, each in a task."""

    def __init__(
        self, group: str, actions: str, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer, redis_url: str
    ) -> None:
        self._group = group
        self._actions = actions
        self._consumer = consumer
        self._producer = producer
        self._redis_url = redis_url
        self._tasks = asyncio.TaskGroup()
        self._by_partition: dict[TopicPartition, asyncio.Task[None]] = {}

    async def run(self, events: str, stop: asyncio.Event) -> None:
        """Work until `stop` is set; raises what made a partition fail."""
        async with self._tasks:
            self._consumer.subscribe([events], listener=self)
            await self._consumer.start()
            try:
                await stop.wait()
            finally:
                await self.on_partitions_revoked(list(self._by_partition))
                await self._consumer.stop()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Begin to work on partitions."""
        for partition in assigned:
            self._by_partition[partition] = self._tasks.create_task(self._work(partition))

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Drop partitions: their next owner reads unfinished records again."""
        tasks = [self._by_partition.pop(partition) for partition in revoked if partition in self._by_partition]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, partition: TopicPartition) -> None:
        async with open_redis(self._redis_url) as redis:
            customers = Customers(redis, self._group, partition.partition)
            await self._settle(customers, await self._send(await customers.unsent()))
            while True:
                fetched = await self._consumer.getmany(partition, timeout_ms=1_000, max_records=_BATCH)
                if fetched:
                    await self._take(customers, fetched[partition])
                    await self._commit(partition, fetched[partition][-1].offset + 1)

    async def _take(self, customers: Customers, events: Iterable[ConsumerRecord]) -> None:
        sent = []
        for event in events:
            sent += await self._send(await customers.take(event.offset, event.value))
        async for records in customers.fire():
            sent += await self._send(records)
        await self._settle(customers, sent)

    async def _send(self, records: Iterable[bytes]) -> list[asyncio.Future[object]]:
        return [await self._producer.send(self._actions, one, key=customer_of(one)) for one in records]

    @staticmethod
    async def _settle(customers: Customers, sent: list[asyncio.Future[object]]) -> None:
        """Wait until Kafka has everything that was sent."""
        if sent:
            await asyncio.gather(*sent)
            await customers.all_sent()

    async def _commit(self, partition: TopicPartition, offset: int) -> None:
        try:
            await self._consumer.commit({partition: offset})
        except (CommitFailedError, IllegalStateError) as error:
            # A rebalance is under way; the next owner of this partition finds what is stored.
            log.warning("%s is not committed: %s", partition, error)


async def run() -> None:
    """Work until SIGTERM, where the environment says."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    kafka, group = os.environ["BENCH_KAFKA"], os.environ["BENCH_GROUP"]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka,
        group_id=group,
        # With a name of its own it has its partitions back at once when it is started again.
        group_instance_id=f"{group}-1",
        session_timeout_ms=_SESSION_MS,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_wait_ms=100,
    )
    async with AIOKafkaProducer(
        bootstrap_servers=kafka, enable_idempotence=True, acks="all", linger_ms=5, max_batch_size=128 << 10
    ) as producer:
        worker = Worker(group, os.environ["BENCH_ACTIONS"], consumer, producer, os.environ["BENCH_REDIS"])
        await worker.run(os.environ["BENCH_EVENTS"], stop)


def main() -> None:
    """Run it."""
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(run())


if __name__ == "__main__":
    main()
