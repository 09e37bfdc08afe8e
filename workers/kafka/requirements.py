"""Requirements on topics: existence and partition count. Pure; what to do about a failure is up to the caller."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from workers.kafka.topics import TopicState


@dataclass(frozen=True, slots=True)
class MissingTopic:
    """A topic that does not exist.

    Attributes:
        topic: its name.
    """

    topic: str

    def __str__(self) -> str:
        """Return the problem, without a remedy."""
        return f"topic '{self.topic}' does not exist"


@dataclass(frozen=True, slots=True)
class WrongPartitions:
    """A topic whose partition count is not LINGER_PARTITIONS.

    Attributes:
        topic: its name.
        partitions: its partition count.
        required: LINGER_PARTITIONS.
    """

    topic: str
    partitions: int
    required: int

    def __str__(self) -> str:
        """Return the problem, without a remedy."""
        return f"topic '{self.topic}' has {self.partitions} partitions, LINGER_PARTITIONS is {self.required}"


def missing_topics(names: Iterable[str], topics: Mapping[str, TopicState]) -> list[MissingTopic]:
    """Return those of `names` that do not exist, in order.

    Args:
        names: the topics that are needed.
        topics: those that exist, see `workers.kafka.topics.describe`.
    """
    return [MissingTopic(name) for name in names if name not in topics]


def wrong_partitions(names: Iterable[str], topics: Mapping[str, TopicState], required: int) -> list[WrongPartitions]:
    """Return those of `names` that exist with another partition count, in order.

    Args:
        names: the topics that need this partition count.
        topics: those that exist, see `workers.kafka.topics.describe`.
        required: LINGER_PARTITIONS.
    """
    return [
        WrongPartitions(name, topics[name].partitions, required)
        for name in names
        if name in topics and topics[name].partitions != required
    ]
