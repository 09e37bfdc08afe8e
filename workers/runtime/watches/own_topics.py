"""Linger's own topics while a worker runs: one that is gone or too small while everything else goes on."""

from collections.abc import Mapping
from typing import Final

import structlog

from workers.kafka.requirements import missing_topics, wrong_partitions
from workers.kafka.topics import TopicState
from workers.observability import log_events
from workers.settings import Settings

log = structlog.get_logger(__name__)

PATIENCE_SECONDS: Final = 3.0
"""A broker of a cluster that lags may for a moment not know a topic."""


def unusable_topics(settings: Settings, topics: Mapping[str, TopicState]) -> dict[str, str]:
    """Return by topic why a worker cannot use one of its own topics: it is missing, or has other partitions.

    Args:
        settings: name the topics and say how many partitions they have.
        topics: as Kafka describes them.
    """
    names = [settings.topic(name) for name in settings.worker_topics]
    partitioned = [settings.topic(name) for name in ("activity", *settings.topics_by_customer)]
    problems = {
        missing.topic: f"{missing}; create it: linger topics create" for missing in missing_topics(names, topics)
    }
    for wrong in wrong_partitions(partitioned, topics, settings.partitions):
        is_small = wrong.partitions < wrong.required
        remedy = "add partitions with kafka-topics.sh --alter" if is_small else "create it again"
        problems[wrong.topic] = f"{wrong}; {remedy}"
    return problems


class OwnTopics:
    """Watches Linger's own topics in a running worker.

    Attributes:
        problem: what is wrong with which topics, None if nothing is.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._since: dict[str, float] = {}
        self._reported: dict[str, str] = {}
        self.problem: str | None = None

    def note(self, topics: Mapping[str, TopicState], now: float) -> None:
        """Take a description of all topics that exist.

        Args:
            topics: as Kafka describes them now.
            now: seconds of a monotonic clock.
        """
        unusable = unusable_topics(self._settings, topics)
        self._since = {topic: self._since.get(topic, now) for topic in unusable}
        lasting = {
            topic: problem for topic, problem in unusable.items() if now - self._since[topic] >= PATIENCE_SECONDS
        }
        for topic, problem in lasting.items():
            if self._reported.get(topic) != problem:
                log.error(log_events.OWN_TOPIC_WRONG, topic=topic, problem=problem)
        for topic in self._reported.keys() - unusable.keys():
            log.info(log_events.OWN_TOPIC_RIGHT, topic=topic)
        # What was reported stays reported while it only changes from one fault to another.
        self._reported = {topic: unusable[topic] for topic in unusable if topic in lasting or topic in self._reported}
        self.problem = "; ".join(self._reported.values()) or None
