"""Laws of what a worker knows of its topics."""

from workers.kafka.topics import TopicState
from workers.runtime.topics import KnownTopics


def test_a_topic_that_a_broker_does_not_show_for_a_moment_keeps_what_it_had() -> None:
    topics = KnownTopics("activity")
    topics.note({"activity": TopicState("activity", 4, "id-1"), "orders": TopicState("orders", 2, None)})
    topics.note({"orders": TopicState("orders", 3, None)})
    assert topics.partitions == {"activity": 4, "orders": 3}
    assert topics.activity_id == "id-1"


def test_a_topic_that_was_created_again_is_seen_before_it_is_noted() -> None:
    topics, again = KnownTopics("activity"), {"activity": TopicState("activity", 4, "id-2")}
    topics.note({"activity": TopicState("activity", 4, "id-1")})
    replaced = topics.replaced(again)
    assert replaced is not None
    assert replaced.kind == "recreated"
    topics.note(again)
    assert topics.replaced(again) is None


def test_a_topic_without_an_id_or_not_shown_is_not_taken_for_another_one() -> None:
    topics = KnownTopics("activity")
    assert topics.replaced({"activity": TopicState("activity", 4, "id-1")}) is None
    topics.note({"activity": TopicState("activity", 4, "id-1")})
    assert topics.replaced({"activity": TopicState("activity", 4, None)}) is None
    assert topics.replaced({}) is None
