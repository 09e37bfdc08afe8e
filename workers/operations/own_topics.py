"""Linger's own topics as the settings define them, and their creation."""

from collections.abc import Mapping
from typing import Final

from aiokafka.errors import KafkaError

from workers.errors import StartupError
from workers.kafka.topics import TopicPlan, TopicResult, connected_admin, create_missing
from workers.settings import OWN_TOPICS, PAUSES, Settings

_DEAD_LETTER_MAX_BYTES: Final = 10 << 20
"""A dead letter carries a whole source record, the reason, and the record's origin."""
_CONFIGS: Final[Mapping[str, Mapping[str, str]]] = {
    "dead-letter": {"max.message.bytes": str(_DEAD_LETTER_MAX_BYTES)},
    # The newest record of each rule is kept: a pause does not end because a week has passed.
    PAUSES: {"cleanup.policy": "compact"},
}


async def create_own_topics(settings: Settings) -> list[TopicResult]:
    """Create the topics that are missing, and return what was done about each.

    Existing topics are never changed. A second call creates nothing.

    Raises:
        StartupError: if no broker answers.
        TopicsError: if Kafka refuses a topic.
    """
    plans = [
        TopicPlan(
            settings.topic(name),
            settings.partitions_of(name),
            settings.topic_replication_factor,
            _CONFIGS.get(name, {}),
        )
        for name in OWN_TOPICS
    ]
    try:
        async with connected_admin(settings.kafka_connection()) as admin:
            return list(await create_missing(admin, plans))
    except (KafkaError, OSError) as error:
        raise StartupError([f"no Kafka broker answers at {settings.kafka_bootstrap_servers}: {error}"]) from error
