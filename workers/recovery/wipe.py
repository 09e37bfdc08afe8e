"""Deletes the stored state of partitions before they are rebuilt."""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import product
from typing import Final, get_args

import msgspec

from schemas.actions import Action
from workers.core.decisions.published import read_record
from workers.kafka.records import OutboxRecord, PlacedRecord, encode_record
from workers.recovery.mark import RebuildMark
from workers.state.keys import STAGE_TO_PUBLISH, hash_tag, list_of
from workers.state.marks.key import MarkKey
from workers.state.meta import CLOSED_BEFORE, LISTED, REBUILDING, Meta, listed_in
from workers.state.step import Because
from workers.state.store import Store

_KEYS_PER_STEP: Final = 1_000
_KEYS_PER_SCAN: Final = 5_000


async def wipe(
    store: Store, marks: Mapping[int, RebuildMark], event_types: Collection[str], key: MarkKey | None = None
) -> None:
    """Claim partitions, delete their stored state, and leave a mark in each.

    Marks of customers stay, but are compared with those of the topic at the next claim: Redis may be an older copy.
    What an order has put into the outbox stays, and so does every retraction for an erased customer: the log does not
    bring it back.

    Until the wipe is finished, the mark shows that it is not: after a crash, the next rebuild wipes again.

    Args:
        store: of the state.
        marks: what to leave in `meta`, by partition; these partitions are wiped.
        event_types: all types that a customer may wait for.
        key: of the marks; None if there are none.

    Raises:
        Fenced: if a worker claims one of the partitions.
        Transient: if Redis does not answer.
    """
    metas: dict[int, Meta] = {}
    unsent: dict[int, list[bytes]] = {}
    listed: dict[int, set[str]] = {}
    kept: dict[int, dict[str, str]] = {}
    for partition, mark in marks.items():
        claimed = await store.claim(partition, uuid.uuid4().hex[:16])
        meta = metas[partition] = claimed.meta
        listed[partition] = listed_in(meta.fields)
        unsent[partition] = await _unsent(store, partition, claimed.outbox, key)
        lists = {LISTED: " ".join(sorted(listed[partition]))} if listed[partition] else {}
        # What is closed of the book stays closed: a record that closes a day may still wait in the outbox.
        kept[partition] = {name: meta.fields[name] for name in (CLOSED_BEFORE,) if name in meta.fields}
        fields = {REBUILDING: mark.while_wiping().encode(), **lists, **kept[partition]}
        await store.wipe(partition, meta, (), fields)
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
            keys.facts,
            *(keys.held_of(*held) for held in product(held_rules, get_args(Because))),
        ]
        doomed += map(keys.waiting, (*event_types, STAGE_TO_PUBLISH, *map(list_of, listed[partition])))
        for start in range(0, len(doomed), _KEYS_PER_STEP):
            await store.wipe(partition, meta, doomed[start : start + _KEYS_PER_STEP])
        fields = {REBUILDING: marks[partition].encode(), **kept[partition]}
        await store.wipe(partition, meta, [keys.outbox], fields, unsent[partition])


async def _unsent(store: Store, partition: int, outbox: Sequence[OutboxRecord], key: MarkKey | None) -> list[bytes]:
    """Return those records of an outbox that are not decided again, encoded."""
    if not outbox:
        return []
    known = {} if key is None else await store.marks.of_partition(partition)
    erased = {ref for ref, mark in known.items() if mark.erased_ms}

    def is_of_erased(customer_id: str) -> bool:
        return key is not None and key.ref(customer_id) in erased

    return [encode_record(record) for record in outbox if _is_decided_once(record, is_of_erased)]


def _is_decided_once(record: OutboxRecord, is_of_erased: Callable[[str], bool]) -> bool:
    """Return whether a record is a tombstone, a mark, or takes back what is not decided again."""
    if record.value is None or isinstance(record, PlacedRecord):
        return True
    try:
        content = read_record(encode_record(record)).content()
    except msgspec.DecodeError:
        return False  # a dead letter, which is written again
    if not isinstance(content, Action) or content.status != "retracted":
        return False
    return content.retracted_because in ("erased", "suppressed") or is_of_erased(content.customer_id)


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
