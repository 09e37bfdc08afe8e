"""What a worker knows of its topics: partition counts, and the id of the activity topic."""

from collections.abc import Mapping

from workers.kafka.topics import TopicState


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

    def note(self, topics: Mapping[str, TopicState]) -> None:
        """Take over a description; a topic that a broker does not show for a moment keeps what it had."""
        self.partitions |= {name: topic.partitions for name, topic in topics.items()}
        if self.activity in topics:
            self.activity_id = topics[self.activity].topic_id
