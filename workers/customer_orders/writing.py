"""Writes orders into the activity topic: each to the partition of its customer, confirmed by all replicas."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.orders import Order, encode_order
from workers.errors import LingerError
from workers.kafka.clients.connecting import connect
from workers.kafka.partitioner import partition_of
from workers.settings import Settings, for_command

_AT_ONCE: Final = 500
_LINGER_MS: Final = 5

Placed = dict[int, int]
"""By activity partition, the offset of the last order there."""


async def write_orders(settings: Settings, orders: Sequence[Order], advance: Callable[[int], object]) -> Placed:
    """Append orders to the activity topic, and return where the last one of each partition is.

    Not atomic: after an error some may be there. Orders that are given twice are carried out twice, which changes
    nothing.

    Args:
        settings: name the topic.
        orders: in the order in which they are given.
        advance: called with the number of orders that Kafka has confirmed since the last call.

    Raises:
        LingerError: if Kafka does not take them.
    """
    topic, deadline_seconds = settings.topic("activity"), settings.kafka_delivery_timeout_ms / 1000
    producer = AIOKafkaProducer(
        **for_command(settings).kafka_connection(),
        acks="all",
        enable_idempotence=settings.kafka_enable_idempotence,
        linger_ms=_LINGER_MS,
    )
    placed: Placed = {}
    written = 0
    try:
        await connect(producer)
        for start in range(0, len(orders), _AT_ONCE):
            batch = orders[start : start + _AT_ONCE]
            async with asyncio.timeout(deadline_seconds):
                confirmations = [
                    await producer.send(
                        topic,
                        value=encode_order(order),
                        key=order.customer_id.encode(),
                        partition=partition_of(order.customer_id, settings.partitions),
                        timestamp_ms=time.time_ns() // 1_000_000,
                    )
                    for order in batch
                ]
                for confirmed in await asyncio.gather(*confirmations):
                    placed[confirmed.partition] = max(placed.get(confirmed.partition, -1), confirmed.offset)
            written += len(batch)
            advance(len(batch))
    except (TimeoutError, KafkaError, OSError) as error:
        raise LingerError(
            f"Kafka did not take an order: {type(error).__name__}: {error}. {written} of {len(orders)} are "
            "confirmed; run the same command again, a second order of a customer changes nothing"
        ) from error
    finally:
        await producer.stop()
    return placed
