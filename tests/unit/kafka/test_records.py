"""A topic-partition is one value, whichever client library it came from."""

import aiokafka
import pytest
from faust.types import TP

from workers.kafka.records import TopicPartition

HERE = TopicPartition("shop.orders", 3)


@pytest.mark.parametrize(
    "other", [TP("shop.orders", 3), aiokafka.TopicPartition("shop.orders", 3), ("shop.orders", 3)]
)
def test_it_equals_the_same_partition_of_faust_and_of_aiokafka_also_as_a_key(other: tuple[str, int]) -> None:
    assert other == HERE
    assert {HERE: 1}[TopicPartition(*other)] == {other: 1}[HERE] == 1


def test_aiokafka_accepts_it() -> None:
    assert isinstance(HERE, aiokafka.TopicPartition)


@pytest.mark.parametrize("topic", ["orders", "shop.orders", "a:b", ""])
def test_it_is_read_as_it_was_written(topic: str) -> None:
    partition = TopicPartition(topic, 12)
    assert str(partition) == f"{partition}" == f"{topic}:12"
    assert TopicPartition.parse(str(partition)) == partition


@pytest.mark.parametrize("text", ["", "orders", "orders:", "orders:x"])
def test_a_text_without_a_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        TopicPartition.parse(text)
