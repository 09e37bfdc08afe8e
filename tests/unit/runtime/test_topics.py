"""Laws of what a worker knows of its topics."""

from workers.kafka.topics import TopicState
from workers.runtime.topics import KnownTopics


def test_a_topic_that_a_broker_does_not_show_for_a_moment_keeps_what_it_had() -> None:
    topics = KnownTopics("activity")
    topics.note({"activity": TopicState("activity", 4, "id-1"), "orders": TopicState("orders", 2, None)})
    topics.note({"orders": TopicState("orders", 3, None)})
    assert topics.partitions == {"activity": 4, "orders": 3}
    assert topics.activity_id == "id-1"
