"""Laws of hash tags: partitions are spread evenly over a cluster, for any number of them."""

import math
from collections import Counter
from functools import cache

import pytest

from workers.state.keys import SLOTS, hash_tag


@cache
def slot(key: str) -> int:
    """Redis's hash slot of a key without braces: CRC-16/XMODEM by its definition, one bit after the other."""
    crc = 0
    for byte in key.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return crc % SLOTS


def test_slots_are_computed_as_redis_specifies() -> None:
    # From the cluster specification, and from `CLUSTER KEYSLOT`.
    assert slot("123456789") == 0x31C3 % SLOTS
    assert [slot(key) for key in ("foo", "bar", "somekey", "user1000")] == [12182, 5061, 11058, 3443]


@pytest.mark.parametrize("nodes", [3, 6])
@pytest.mark.parametrize("partitions", [4, 16, 64])
def test_no_node_of_a_cluster_gets_more_than_its_share_of_partitions(partitions: int, nodes: int) -> None:
    shares = Counter(slot(hash_tag(number)) * nodes // SLOTS for number in range(partitions))
    assert max(shares.values()) <= math.ceil(partitions / nodes)
    if partitions >= 16:
        assert max(shares.values()) / (partitions / nodes) <= 1.35


@pytest.mark.parametrize("nodes", [3, 6])
def test_also_an_odd_number_of_partitions_is_spread_evenly(nodes: int) -> None:
    for partitions in range(nodes, 513):
        shares = Counter(slot(hash_tag(number)) * nodes // SLOTS for number in range(partitions))
        assert max(shares.values()) <= partitions / nodes * 1.35 + 1


def test_no_two_partitions_share_a_hash_tag() -> None:
    assert len({hash_tag(number) for number in range(4096)}) == 4096
