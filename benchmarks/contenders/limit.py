"""No contender but the limit: aiokafka, one MGET and one MSET for each batch, and nothing else.

It reads no event and decides nothing; it moves, for every batch, as many bytes as a small state of each customer.
No program in Python that keeps its state in Redis batch by batch is faster.
"""

import asyncio
import os
import signal
from typing import Final

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from redis.asyncio import Redis

from benchmarks.contenders import Contender, python_module
from benchmarks.contest import passed_by

_BATCH: Final = 2_000
_STATE: Final = bytes(300)
_MARKER: Final = b"end-"


async def run() -> None:
    """Move data until SIGTERM."""
    environment = os.environ
    consumer = AIOKafkaConsumer(
        environment["BENCH_EVENTS"],
        bootstrap_servers=environment["BENCH_KAFKA"],
        group_id=environment["BENCH_GROUP"],
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(bootstrap_servers=environment["BENCH_KAFKA"], enable_idempotence=True)
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
            await redis.mset(dict.fromkeys(customers, _STATE))
            for record in records:
                if record.key.startswith(_MARKER):
                    passed = passed_by(record.key.decode(), record.timestamp)
                    await producer.send_and_wait(environment["BENCH_ACTIONS"], orjson.dumps(passed._asdict()))
            await consumer.commit()


CONTENDER: Final = Contender(
    name="limit",
    title="aiokafka and Redis alone, nothing decided",
    state="Redis, one MSET for each batch",
    delivery="nothing lost, and nothing decided",
    command=python_module("benchmarks.contenders.limit"),
    decides=False,
)

if __name__ == "__main__":
    asyncio.run(run())
