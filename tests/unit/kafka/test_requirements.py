"""Laws of the requirements on topics."""

from workers.kafka.requirements import missing_topics, wrong_partitions
from workers.kafka.topics import TopicState

TOPICS = {"a": TopicState("a", 4, None), "b": TopicState("b", 8, None)}


def test_topics_that_do_not_exist_are_named_in_order() -> None:
    assert list(map(str, missing_topics(["d", "a", "c"], TOPICS))) == [
        "topic 'd' does not exist",
        "topic 'c' does not exist",
    ]


def test_another_partition_count_is_named_with_both_counts_and_a_missing_topic_has_none() -> None:
    (wrong,) = wrong_partitions(["a", "b", "c"], TOPICS, 4)
    assert str(wrong) == "topic 'b' has 8 partitions, LINGER_PARTITIONS is 4"
    assert (wrong.partitions, wrong.required) == (8, 4)
