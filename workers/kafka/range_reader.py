"""A reader of Kafka topics that nobody notices: without a group, from the earliest record that is kept."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from workers.errors import StartupError
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
