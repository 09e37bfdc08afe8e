"""The limit once more, with as many bytes to write as Linger has: messages with their reasons, and an outbox.

Like `limit.py` it decides nothing. For every second event it writes a message as long as Linger's are on average: to
a list in Redis, with the states of the batch, and then to Kafka, while it goes on with the next batches. Nothing that
does so with these two libraries is faster.
"""

import asyncio
import os
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaProducer, ConsumerRecord
from redis.asyncio import Redis

from benchmarks.arena import create_topics
from benchmarks.contenders import Contender, Dealings, Place, python_module
from benchmarks.contenders.limit import move

_STATE: Final = bytes(250)
_MESSAGE: Final = b"x" * 730
_HEADERS: Final = [(f"ce_header{number}", b"x" * 20) for number in range(8)]
_OUTBOX: Final = b"x" * 1_035
_AT_ONCE: Final = 8
"""Batches that may wait for Kafka to confirm their messages."""


class Messages:
    """Messages to a topic, on their way to Kafka."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._publishing: deque[asyncio.Task[int]] = deque()

    async def write(
        self,
        redis: Redis,
        producer: AIOKafkaProducer,
        records: Sequence[ConsumerRecord],
        customers: Collection[bytes],
    ) -> None:
        """Write states and outbox, take out what Kafka has confirmed, and begin to publish."""
        decided = records[::2]
        async with redis.pipeline(transaction=True) as step:
            step.mset(dict.fromkeys(customers, _STATE))
            step.rpush("outbox", *[_OUTBOX] * len(decided))
            while self._publishing and (self._publishing[0].done() or len(self._publishing) > _AT_ONCE):
                step.ltrim("outbox", await self._publishing.popleft(), -1)
            await step.execute()
        self._publishing.append(asyncio.create_task(self._publish(producer, decided)))

    async def settle(self) -> None:
        """Wait until Kafka has confirmed all of them."""
        await asyncio.gather(*self._publishing)

    async def _publish(self, producer: AIOKafkaProducer, decided: Sequence[ConsumerRecord]) -> int:
        """Write a message for each of some records; return how many, when Kafka has confirmed them."""
        by_partition: dict[int, list[ConsumerRecord]] = {}
        for record in decided:
            by_partition.setdefault(record.partition, []).append(record)
        sent = []
        for number, some in by_partition.items():
            batch = producer.create_batch()
            for one in some:
                while batch.append(timestamp=one.timestamp, key=one.key, value=_MESSAGE, headers=_HEADERS) is None:
                    sent.append(await producer.send_batch(batch, self._topic, partition=number))
                    batch = producer.create_batch()
            batch.close()
            sent.append(await producer.send_batch(batch, self._topic, partition=number))
        await asyncio.gather(*sent)
        return len(decided)


class MessagesDealings(Dealings):
    """The messages go to a topic that has no reader."""

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
    messages = Messages(os.environ["BENCH_MESSAGES"])
    asyncio.run(move(messages.write, messages.settle))
