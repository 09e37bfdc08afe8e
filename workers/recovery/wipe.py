"""Deletes the stored state of partitions before they are rebuilt."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from itertools import product
from typing import Final, get_args

import msgspec

from schemas.actions import Action
from workers.core.decisions.published import read_record
from workers.kafka.records import OutboxRecord, PlacedRecord, encode_record
from workers.recovery.mark import RebuildMark
from workers.state.keys import hash_tag
from workers.state.meta import MARKED, REBUILDING, Meta
from workers.state.step import Because
from workers.state.store import Store

_KEYS_PER_STEP: Final = 1_000
_KEYS_PER_SCAN: Final = 5_000


async def wipe(store: Store, marks: Mapping[int, RebuildMark], event_types: Collection[str]) -> None:
    """Claim partitions, delete their stored state, and leave a mark in each.

    Marks of customers stay, and so does what an order has put into the outbox: the log does not bring it back.

    Until the wipe is finished, the mark shows that it is not: after a crash, the next rebuild wipes again.

    Args:
        store: of the state.
        marks: what to leave in `meta`, by partition; these partitions are wiped.
        event_types: all types that a customer may wait for.

    Raises:
        Fenced: if a worker claims one of the partitions.
        Transient: if Redis does not answer.
    """
    metas: dict[int, Meta] = {}
    unsent: dict[int, list[bytes]] = {}
    marked: dict[int, dict[str, str]] = {}
    for partition, mark in marks.items():
        claimed = await store.claim(partition, uuid.uuid4().hex[:16])
        meta = metas[partition] = claimed.meta
        unsent[partition] = [encode_record(record) for record in claimed.outbox if _is_of_an_order(record)]
        marked[partition] = {name: meta.fields[name] for name in (MARKED,) if name in meta.fields}
        await store.wipe(partition, meta, (), {REBUILDING: mark.while_wiping().encode(), **marked[partition]})
    if not metas:
        return
    customers = await stored_customers(store, metas)
    held_rules = await store.held_actions.rules()
    for partition, meta in metas.items():
        keys = store.keys.partition(partition)
        doomed = [keys.customer(customer_id) for customer_id in customers.get(partition, ())]
        doomed += [
            keys.due,
            keys.held,
            *(keys.held_of(*held) for held in product(held_rules, get_args(Because))),
        ]
        doomed += map(keys.waiting, event_types)
        for start in range(0, len(doomed), _KEYS_PER_STEP):
            await store.wipe(partition, meta, doomed[start : start + _KEYS_PER_STEP])
        fields = {REBUILDING: marks[partition].encode(), **marked[partition]}
        await store.wipe(partition, meta, [keys.outbox], fields, unsent[partition])


def _is_of_an_order(record: OutboxRecord) -> bool:
    """Return whether a record is not decided again: what an order has taken back, a tombstone, or a mark."""
    if record.value is None or isinstance(record, PlacedRecord):
        return True
    try:
        content = read_record(encode_record(record)).content()
    except msgspec.DecodeError:
        return False  # a dead letter, which is written again
    return isinstance(content, Action) and content.retracted_because in ("erased", "suppressed")


async def stored_customers(store: Store, partitions: Iterable[int]) -> dict[int, set[str]]:
    """Return the ids of all stored customers, by partition: one scan over all of Redis."""
    partition_by_tag = {hash_tag(partition): partition for partition in partitions}
    customers: dict[int, set[str]] = {}
    cursor = -1
    while cursor:
        cursor, ids_by_tag = await store.scan(max(0, cursor), _KEYS_PER_SCAN)
        for tag, customer_ids in ids_by_tag.items():
            if tag in partition_by_tag:
                customers.setdefault(partition_by_tag[tag], set()).update(customer_ids)
    return customers
