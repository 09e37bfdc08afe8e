"""When a run counts as decided, and when it does not."""

import pytest

from tests.faults.over import Partition
from tests.support.builders import day

END_MS = day(100)
DECIDED = Partition((END_MS, 40, 0), 40, False, 0)


def test_a_partition_is_decided_if_its_owner_says_so_and_redis_has_nothing_left() -> None:
    assert DECIDED.is_decided(END_MS)
    assert DECIDED.is_decided(END_MS - 1)
    assert DECIDED._replace(offset=41).is_decided(END_MS)  # the next tick says more


@pytest.mark.parametrize(
    "partition",
    [
        DECIDED._replace(said=None),
        DECIDED._replace(said=(END_MS - 1, 40, 0)),
        DECIDED._replace(said=(END_MS, 40, 1)),
        DECIDED._replace(offset=39),  # Redis has lost what the owner has folded
        DECIDED._replace(has_due=True),  # a rebuild has not come as far as its workers had
        DECIDED._replace(outbox=1),
    ],
)
def test_it_is_not_if_anything_is_left(partition: Partition) -> None:
    assert not partition.is_decided(END_MS)
