"""What Redis holds of some customers, counted; read and never changed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from workers.customer_orders.ids import by_partition
from workers.kafka.records import decode_record
from workers.state.store import Store

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored, over all the customers.

    Attributes:
        known: how many of the customers have an activity.
        bytes: the size of these activities.
        held: how many actions of the customers are held.
        unsent: how many of their records wait for Kafka.
    """

    known: int = 0
    bytes: int = 0
    held: int = 0
    unsent: int = 0


async def stored_of(store: Store, partitions: int, customer_ids: Collection[str]) -> Stored:
    """Return what is stored of some customers.

    Args:
        store: of the state.
        partitions: of the activity topic.
        customer_ids: of these customers.

    Raises:
        Transient: if Redis does not answer.
    """
    known = size = held = unsent = 0
    for partition, ids in by_partition(customer_ids, partitions).items():
        keys = store.keys.partition(partition)
        wanted = {customer_id.encode() for customer_id in ids}
        for start in range(0, len(ids), _AT_ONCE):
            names = [keys.customer(customer_id) for customer_id in ids[start : start + _AT_ONCE]]
            (values,) = await store.redis.call([("MGET", *names)])
            known += sum(value is not None for value in values)
            size += sum(len(value or b"") for value in values)
        held_values, outbox = await store.redis.call([("HGETALL", keys.held), ("LRANGE", keys.outbox, 0, -1)])
        held += _of(wanted, _values(held_values))
        unsent += _of(wanted, outbox)
    return Stored(known, size, held, unsent)


def _of(keys: Collection[bytes], records: Sequence[bytes]) -> int:
    return sum(decode_record(raw).key in keys for raw in records)


def _values(hash_answer: Any) -> list[bytes]:
    return list(hash_answer.values()) if isinstance(hash_answer, dict) else list(hash_answer[1::2])
