"""A reader of Kafka topics that nobody notices: without a group, from the earliest record that is kept."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from workers.errors import LingerError, StartupError
from workers.kafka.topics import TopicsError

_FETCH_BYTES: Final = 4 << 20


@asynccontextmanager
async def opened_reader(connection: Mapping[str, Any]) -> AsyncIterator[AIOKafkaConsumer]:
    """Connect a consumer for the length of a `with` block; what Kafka refuses inside it is said in words.

    Args:
        connection: keyword arguments of aiokafka's clients.

    Raises:
        StartupError: Kafka does not answer, or what was asked of it in the block failed.
    """
    consumer = AIOKafkaConsumer(
        **connection,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    try:
        try:
            await consumer.start()
        except (KafkaError, OSError) as error:
            servers = ",".join(connection["bootstrap_servers"])
            raise StartupError([f"no Kafka broker answers at {servers}: {error}"]) from error
        yield consumer
    except TopicsError as error:
        raise StartupError(error.problems) from error
    except (KafkaError, OSError) as error:
        raise StartupError([f"Kafka cannot be read: {error}"]) from error
    finally:
        await stop_consumer(consumer)


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer; aiokafka cancels a fetch of its own by that, and lets the cancellation escape."""
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # this one was meant for us


_FETCH_MS: Final = 500


_AT_ONCE: Final = 5_000


_PATIENCE_SECONDS: Final = 60.0


Take = Callable[[TopicPartition, Sequence[ConsumerRecord]], None]


async def read_through(
    consumer: AIOKafkaConsumer,
    starts: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    take: Take,
) -> None:
    """Read partitions from their starts to their ends, each in order.

    Raises:
        LingerError: if Kafka sends nothing more for a minute.
        KafkaError: if Kafka does not answer.
    """
    left = {place for place, start in starts.items() if start < ends[place]}
    if not left:
        return
    consumer.assign(list(left))
    for place in left:
        consumer.seek(place, starts[place])
    loop = asyncio.get_running_loop()
    moved_at, passed = loop.time(), {place: starts[place] for place in left}
    while left:
        fetched: dict[TopicPartition, Any] = await consumer.getmany(timeout_ms=_FETCH_MS, max_records=_AT_ONCE)
        for place, records in fetched.items():
            if wanted := [record for record in records if record.offset < ends[place]]:
                take(place, wanted)
        for place in sorted(left):
            position = await consumer.position(place)
            if position != passed[place]:
                passed[place], moved_at = position, loop.time()
            if position >= ends[place]:
                left.discard(place)
                consumer.pause(place)
        if loop.time() - moved_at > _PATIENCE_SECONDS:
            stuck = ", ".join(f"{place.topic}:{place.partition}" for place in sorted(left))
            raise LingerError(f"Kafka has sent nothing more of {stuck} for {_PATIENCE_SECONDS:.0f} s; run it again")
