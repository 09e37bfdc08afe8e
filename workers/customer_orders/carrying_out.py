"""Waits until workers have carried out orders, and have sent what follows from them."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass
from typing import Final

from workers.customer_orders.ids import by_partition
from workers.kafka.groups import has_members
from workers.kafka.records import decode_record
from workers.settings import Settings, for_command
from workers.state.store import Store

_POLL_SECONDS: Final = 0.2
_STALL_SECONDS: Final = 60.0
_MOST_SECONDS: Final = 1800.0
_ASK_GROUP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far workers are with some orders.

    Attributes:
        unread: activity partitions whose worker has not come to the last order.
        unsent: those where it has, and where records of the customers still wait for Kafka.
        has_workers: whether any worker runs; None if Kafka does not say, or it was not asked.
        refused: of how many customers the mark does not say what was ordered, once workers are past it; None if that
            was not seen.
    """

    unread: tuple[int, ...] = ()
    unsent: tuple[int, ...] = ()
    has_workers: bool | None = None
    refused: int | None = None

    @property
    def is_done(self) -> bool:
        """Whether everything is carried out and sent."""
        return not (self.is_waiting or self.refused)

    @property
    def is_waiting(self) -> bool:
        """Whether workers have something left to do."""
        return bool(self.unread or self.unsent)


async def until_carried_out(
    settings: Settings,
    store: Store,
    placed: Mapping[int, int],
    customer_ids: Collection[str],
    advance: Callable[[int], object],
    *,
    stall_seconds: float = _STALL_SECONDS,
) -> Outcome:
    """Wait until every partition is past its last order, and its outbox has no record of these customers.

    It returns early if no worker runs, or nothing has moved for a minute; it waits half an hour at most.

    Args:
        settings: name the group of the workers.
        store: of the state.
        placed: by activity partition, the offset of its last order.
        customer_ids: of these customers.
        advance: called with the number of partitions that have become done.
        stall_seconds: how long nothing may move.

    Raises:
        Transient: if Redis does not answer.
    """
    keys = {
        partition: {customer_id.encode() for customer_id in ids}
        for partition, ids in by_partition(customer_ids, settings.partitions).items()
    }
    pending = dict(placed)
    began_at = moved_at = time.monotonic()
    has_workers: bool | None = None
    asked_at = 0.0
    before: dict[int, tuple[int, int]] = {}
    while True:
        now = await _look(store, pending, keys)
        done = [
            partition for partition, (offset, waiting) in now.items() if offset > pending[partition] and not waiting
        ]
        for partition in done:
            del pending[partition]
        if done:
            advance(len(done))
        if not pending:
            return Outcome()
        if done or any(now[partition] != before.get(partition) for partition in pending):
            moved_at = time.monotonic()
        before = now
        at = time.monotonic()
        if at >= asked_at + _ASK_GROUP_SECONDS:
            has_workers, asked_at = await _has_workers(settings), at
        if has_workers is False or at >= min(moved_at + stall_seconds, began_at + _MOST_SECONDS):
            unread = tuple(sorted(number for number in pending if now[number][0] <= pending[number]))
            return Outcome(unread, tuple(sorted(pending.keys() - set(unread))), has_workers)
        await asyncio.sleep(_POLL_SECONDS)


async def _look(
    store: Store, pending: Mapping[int, int], keys: Mapping[int, Set[bytes]]
) -> dict[int, tuple[int, int]]:
    """Return the next offset of each partition and, once it is past the order, how many records wait for Kafka."""
    metas = await store.metas(pending)
    offsets = {partition: int(fields.get("offset", -1)) for partition, fields in metas.items()}
    passed = [partition for partition, offset in offsets.items() if offset > pending[partition]]
    # After the offsets: the step that wrote an offset has written the records that follow from it.
    outboxes = await store.redis.call([("LRANGE", store.keys.partition(number).outbox, 0, -1) for number in passed])
    waiting = {
        partition: sum(decode_record(raw).key in keys[partition] for raw in outbox)
        for partition, outbox in zip(passed, outboxes, strict=True)
    }
    return {partition: (offset, waiting.get(partition, 0)) for partition, offset in offsets.items()}


async def _has_workers(settings: Settings) -> bool | None:
    return await has_members(for_command(settings).kafka_connection(), settings.kafka_group_id)
