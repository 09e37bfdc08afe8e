"""The partition of a key, computed as Kafka's own producers do, so that all of them choose the same partition."""

import struct
from functools import lru_cache
from typing import Final

_SEED: Final = 0x9747B28C
_FACTOR: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF
_REMEMBERED: Final = 1 << 16

MURMUR2_SETTING: Final = "partitioner=murmur2_random"
"""What makes a producer on librdkafka choose partitions as Kafka's own producers do."""


@lru_cache(maxsize=_REMEMBERED)
def hash_of(key: bytes) -> int:
    """Return the hash of a key: murmur2 without its sign. Modulo the number of partitions it gives the partition."""
    length = len(key)
    value = _SEED ^ length
    for word in struct.unpack_from(f"<{length >> 2}I", key):
        word = word * _FACTOR & _WORD
        word = (word ^ word >> 24) * _FACTOR & _WORD
        value = value * _FACTOR & _WORD ^ word
    if rest := length & 3:
        value = (value ^ int.from_bytes(key[-rest:], "little")) * _FACTOR & _WORD
    value = (value ^ value >> 13) * _FACTOR & _WORD
    return (value ^ value >> 15) & 0x7FFFFFFF


def partition_of(customer_id: str, partitions: int) -> int:
    """Return the activity partition of a customer."""
    return hash_of(customer_id.encode()) % partitions


def wrong_partition(expected: int, found: int) -> str:
    """Return why a record whose key belongs to another partition is refused, and what its producer must set."""
    return (
        f"the key belongs to partition {expected} by murmur2, the partitioner of Kafka's own clients, and is in "
        f"partition {found}, so this customer's events would be spread over two. The producer chooses partitions in "
        "another way: librdkafka (Python, Go, .NET, Node, Ruby, PHP) takes CRC32 without "
        f"{MURMUR2_SETTING}"
    )
