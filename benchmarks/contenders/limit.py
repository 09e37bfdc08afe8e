"""No contender but the limit: aiokafka, one MGET and one MSET for each batch, and nothing else.

It reads no event and decides nothing; it moves, for every batch, as many bytes as a small state of each customer.
No program in Python that keeps its state in Redis batch by batch is faster.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from redis.asyncio import Redis

from benchmarks.contenders import Contender, python_module
from benchmarks.contest import passed_by

_BATCH: Final = 2_000
_STATE: Final = bytes(300)
_MARKER: Final = b"end-"
_PRODUCED_AT_ONCE: Final = 256 << 10
"""Bytes of a partition."""

Write = Callable[[Redis, AIOKafkaProducer, Sequence[ConsumerRecord], Collection[bytes]], Awaitable[None]]
"""Writes what a batch of records, of these customers, leads to."""


async def move(write: Write, settle: Callable[[], Awaitable[object]]) -> None:
    """Move data until SIGTERM.

    Args:
        write: see `Write`.
        settle: waits until all is written that `write` may have left behind.
    """
    environment = os.environ
    consumer = AIOKafkaConsumer(
        environment["BENCH_EVENTS"],
        bootstrap_servers=environment["BENCH_KAFKA"],
        group_id=environment["BENCH_GROUP"],
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=environment["BENCH_KAFKA"], enable_idempotence=True, max_batch_size=_PRODUCED_AT_ONCE
    )
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    async with consumer, producer, Redis.from_url(environment["BENCH_REDIS"]) as redis:
        while not over.is_set():
            found = await consumer.getmany(timeout_ms=200, max_records=_BATCH)
            records = [record for some in found.values() for record in some]
            if not records:
                continue
            customers = {record.key for record in records}
            await redis.mget(customers)
            await write(redis, producer, records, customers)
            for record in records:
                if record.key.startswith(_MARKER):
                    await settle()
                    passed = passed_by(record.key.decode(), record.timestamp)
                    await producer.send_and_wait(environment["BENCH_ACTIONS"], orjson.dumps(passed._asdict()))
            await consumer.commit()


async def _write_states(
    redis: Redis, producer: AIOKafkaProducer, records: Sequence[ConsumerRecord], customers: Collection[bytes]
) -> None:
    await redis.mset(dict.fromkeys(customers, _STATE))


CONTENDER: Final = Contender(
    name="limit",
    title="aiokafka and Redis alone, nothing decided",
    state="Redis, one MSET for each batch",
    delivery="nothing lost, and nothing decided",
    command=python_module("benchmarks.contenders.limit"),
    decides=False,
)

if __name__ == "__main__":
    asyncio.run(move(_write_states, lambda: asyncio.sleep(0)))
