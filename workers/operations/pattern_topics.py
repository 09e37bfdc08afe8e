"""Which of Kafka's topics the patterns of `sources.yaml` match: never Kafka's own, and never Linger's."""

from typing import Final

from schemas.sources import SourcesFile
from workers.core.source_set import Matches, matches
from workers.kafka.topics import TopicState, connected_admin, visible_topics
from workers.settings import Settings

_KAFKAS_OWN: Final = "__"
"""Begins the names of topics that programs around Kafka keep for themselves."""


async def find_topics(settings: Settings, sources: SourcesFile) -> tuple[Matches, dict[str, TopicState]]:
    """Return which topics the patterns match now, and all topics that there are; asks nothing without patterns.

    Raises:
        KafkaError: no broker answers.
    """
    if all(source.pattern is None for source in sources.sources):
        return Matches({}, {}), {}
    async with connected_admin(settings.kafka_connection()) as admin:
        visible = await visible_topics(admin)
    own = set(map(settings.topic, settings.own_topics))
    topics = {name: topic for name, topic in visible.items() if name not in own and not name.startswith(_KAFKAS_OWN)}
    return matches(sources, topics), topics
