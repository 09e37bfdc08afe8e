"""A worker's knowledge of its topics: partition counts, and the id of the activity topic."""

from collections.abc import Collection, Mapping

from workers.kafka.topics import TopicState
from workers.state.consistency import StateMismatch, topic_mismatch


class KnownTopics:
    """The topics of a worker, as Kafka last described them.

    Attributes:
        activity: name of the activity topic.
        activity_id: id of the activity topic; None while unknown, or if the broker reports none.
        partitions: partition count by topic.
    """

    def __init__(self, activity: str) -> None:
        self.activity = activity
        self.activity_id: str | None = None
        self.partitions: dict[str, int] = {}

    def replaced(self, topics: Mapping[str, TopicState]) -> StateMismatch | None:
        """Return a mismatch if a description shows another activity topic than the noted one; call before `note`."""
        activity = topics.get(self.activity)
        return None if activity is None else topic_mismatch(self.activity_id, activity.name, activity.topic_id)

    def forget(self, topics: Collection[str]) -> None:
        """Know nothing of topics that are not read any more."""
        self.partitions = {name: count for name, count in self.partitions.items() if name not in topics}

    def note(self, topics: Mapping[str, TopicState]) -> None:
        """Store a description; a topic that a broker does not report at the moment keeps its last one."""
        self.partitions |= {name: topic.partitions for name, topic in topics.items()}
        if self.activity in topics:
            self.activity_id = topics[self.activity].topic_id
