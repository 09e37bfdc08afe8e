"""Which topics with a customer's id as key are compacted: an erased customer gets a tombstone there.

An administrator can change that while workers run, so it is asked again and again.
"""

import asyncio
from typing import Final

from aiokafka.errors import KafkaError

from workers.kafka.topic_configs import may_be_compacted
from workers.kafka.topics import TopicsError, connected_admin, describe
from workers.runtime.parts import Parts

_EVERY_SECONDS: Final = 60.0


class CompactedTopics:
    """Gives the orders for customers the topics that get tombstones."""

    def __init__(self, parts: Parts) -> None:
        self._settings = parts.settings
        self._orders = parts.processor.customer_orders

    async def watch(self) -> None:
        """Ask once a minute, until cancelled; while Kafka does not answer, what it said last holds."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Ask Kafka now."""
        keyed = [self._settings.topic(name) for name in self._settings.topics_by_customer]
        try:
            async with connected_admin(self._settings.kafka_connection()) as admin:
                topics = await describe(admin, keyed)
                self._orders.tombstone_topics = await may_be_compacted(admin, list(topics))
        except (KafkaError, OSError, TimeoutError, TopicsError):
            return
