"""Where a key belongs, compared with the client that other producers use."""

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from workers.kafka.partitioner import hash_of, partition_of


@given(st.binary(max_size=300), st.integers(1, 500))
def test_a_key_is_where_the_default_partitioner_puts_it(key: bytes, partitions: int) -> None:
    numbers = list(range(partitions))
    assert hash_of(key) % partitions == DefaultPartitioner()(key, numbers, numbers)


def test_a_customer_is_where_the_key_of_their_events_is() -> None:
    assert partition_of("änne", 12) == hash_of("änne".encode()) % 12
