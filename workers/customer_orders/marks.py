"""The marks of all customers, as keyed hashes; and which of some ids are marked."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from workers.customer_orders.ids import by_partition
from workers.state.marks.key import MarkKey
from workers.state.marks.mark import Mark, decode_mark
from workers.state.store import Store

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class MarkedRef:
    """A mark, as it is stored.

    Attributes:
        partition: of the activity topic.
        ref: the keyed hash of the customer's id.
        mark: what is known of the customer.
    """

    partition: int
    ref: bytes
    mark: Mark


@dataclass(frozen=True, slots=True)
class MarkedId:
    """A customer who is marked.

    Attributes:
        customer_id: as it was asked for.
        mark: what is known of the customer.
    """

    customer_id: str
    mark: Mark


async def all_marks(store: Store, partitions: int) -> AsyncIterator[MarkedRef]:
    """Yield every mark that says something, by partition and ref.

    Raises:
        Transient: if Redis does not answer.
    """
    for partition in range(partitions):
        for ref, mark in sorted((await store.marks.of_partition(partition)).items()):
            if not mark.says_nothing:
                yield MarkedRef(partition, ref, mark)


async def marked_among(
    store: Store, partitions: int, key: MarkKey | None, customer_ids: Sequence[str]
) -> list[MarkedId]:
    """Return those of some customers who are marked, in the order of the ids.

    Args:
        store: of the state.
        partitions: of the activity topic.
        key: of marks; None if there is none yet, and so no mark.
        customer_ids: of these customers.

    Raises:
        Transient: if Redis does not answer.
    """
    if key is None:
        return []
    marks: dict[str, Mark] = {}
    for partition, ids in by_partition(customer_ids, partitions).items():
        name = store.keys.partition(partition).marks
        for start in range(0, len(ids), _AT_ONCE):
            asked = ids[start : start + _AT_ONCE]
            (values,) = await store.redis.call([("HMGET", name, *map(key.ref, asked))])
            marks |= {
                customer_id: decode_mark(raw)
                for customer_id, raw in zip(asked, values, strict=True)
                if raw is not None
            }
    return [
        MarkedId(customer_id, mark)
        for customer_id in customer_ids
        if (mark := marks.get(customer_id)) is not None and not mark.says_nothing
    ]
