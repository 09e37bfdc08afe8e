"""The limit once more, with as many bytes to write as Linger has: messages with their reasons, and an outbox.

Like `limit.py` it decides nothing. For every second event it writes a message as long as Linger's are on average: to
a list in Redis, with the states of the batch, and then to Kafka, while it goes on with the next batches. Nothing that
does so with these two libraries is faster.
"""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from redis.asyncio import Redis

from benchmarks.arena import create_topics
from benchmarks.contenders import Contender, Dealings, Place, python_module
from benchmarks.contest import passed_by

_BATCH: Final = 2_000
_STATE: Final = bytes(250)
_MESSAGE: Final = b"x" * 730
_HEADERS: Final = [(f"ce_header{number}", b"x" * 20) for number in range(8)]
_OUTBOX: Final = b"x" * 1_035
_AT_ONCE: Final = 8
"""So many batches may wait for Kafka to confirm their messages."""
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
    producer = AIOKafkaProducer(
        bootstrap_servers=environment["BENCH_KAFKA"], enable_idempotence=True, acks="all", max_batch_size=256 << 10
    )
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    async with consumer, producer, Redis.from_url(environment["BENCH_REDIS"]) as redis:
        publishing: deque[asyncio.Task[int]] = deque()
        while not over.is_set():
            found = await consumer.getmany(timeout_ms=200, max_records=_BATCH)
            records = [record for some in found.values() for record in some]
            if not records:
                continue
            customers = {record.key for record in records}
            told = records[::2]
            await redis.mget(customers)
            async with redis.pipeline(transaction=True) as step:
                step.mset(dict.fromkeys(customers, _STATE))
                step.rpush("outbox", *[_OUTBOX] * len(told))
                while publishing and (publishing[0].done() or len(publishing) > _AT_ONCE):
                    step.ltrim("outbox", await publishing.popleft(), -1)
                await step.execute()
            publishing.append(asyncio.create_task(_publish(producer, environment["BENCH_MESSAGES"], told)))
            for record in records:
                if record.key.startswith(_MARKER):
                    await asyncio.gather(*publishing)
                    passed = passed_by(record.key.decode(), record.timestamp)
                    await producer.send_and_wait(environment["BENCH_ACTIONS"], orjson.dumps(passed._asdict()))
            await consumer.commit()


async def _publish(producer: AIOKafkaProducer, topic: str, told: Sequence[ConsumerRecord]) -> int:
    """Write a message for each of some records; return how many, when Kafka has confirmed them."""
    by_partition: dict[int, list[ConsumerRecord]] = {}
    for record in told:
        by_partition.setdefault(record.partition, []).append(record)
    sent = []
    for partition, some in by_partition.items():
        batch = producer.create_batch()
        for record in some:
            while batch.append(timestamp=record.timestamp, key=record.key, value=_MESSAGE, headers=_HEADERS) is None:
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
        batch.close()
        sent.append(await producer.send_batch(batch, topic, partition=partition))
    await asyncio.gather(*sent)
    return len(told)


class MessagesDealings(Dealings):
    """The messages go to a topic of their own, which nobody reads."""

    async def set_up(self, place: Place) -> Mapping[str, str]:
        """Create the topic."""
        topic = f"{place.group}.messages"
        await create_topics(place.kafka, [topic], place.partitions)
        return {"BENCH_MESSAGES": topic}


CONTENDER: Final = Contender(
    name="floor",
    title="aiokafka and Redis alone, with as much to write as Linger",
    state="Redis, one MSET for each batch",
    delivery="nothing lost, and nothing decided",
    command=python_module("benchmarks.contenders.floor"),
    dealings=MessagesDealings(),
    decides=False,
)

if __name__ == "__main__":
    asyncio.run(run())
