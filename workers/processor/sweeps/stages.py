"""The sweep that publishes stages which are no move, at the pace that the ladder states.

Moves are published by the step that decides them. A stage that is known for the first time, or that changed because
the ladder did, waits in Redis (`STAGE_TO_PUBLISH`) with all others: one step publishes some of them, and takes them
out. If the worker dies, the next owner goes on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from workers.core.rules.rule_set import LADDER
from workers.errors import LingerError, Transient
from workers.observability import log_events, logs
from workers.processor.active_rules import ActiveRules
from workers.processor.deciding import Deciding
from workers.processor.orders.customer_orders import CustomerOrders
from workers.processor.ownership import Ownership
from workers.processor.partition import OwnedPartition
from workers.processor.release_policy import ReleasePolicy
from workers.processor.source_view import SourceView
from workers.processor.steps import Steps
from workers.processor.unit_of_work import UnitOfWork
from workers.state.keys import STAGE_TO_PUBLISH
from workers.state.rate_limits import RateLimiter
from workers.state.step import MAX_CUSTOMERS
from workers.state.store import Store

log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 1.0
_NOT_COMPARED: Final = 1
_COMPARED: Final = 2
"""How those wait whose newest record was compared, and says another stage: behind the others."""


class StageSweep:
    """Publishes where customers stand who did not move there."""

    def __init__(
        self,
        store: Store,
        ownership: Ownership,
        steps: Steps,
        rules: ActiveRules,
        sources: SourceView,
        policy: ReleasePolicy,
        orders: CustomerOrders,
    ) -> None:
        self._store = store
        self._ownership = ownership
        self._steps = steps
        self._rules = rules
        self._sources = sources
        self._policy = policy
        self._orders = orders
        self._limiter = RateLimiter(store)

    async def run(self) -> None:
        """Publish what waits, as fast as the ladder says; runs until cancelled."""
        while True:
            try:
                for partition in list(self._ownership.usable()):
                    await self._some(partition)
            except Transient as error:
                log.warning(log_events.STEP_RETRIED, error=str(error))
            await asyncio.sleep(_PAUSE_SECONDS)

    async def agree(self, partition: OwnedPartition, published: Mapping[str, tuple[str, int]]) -> None:
        """Take those out who stand where their newest record says; the others go on waiting.

        Args:
            partition: of the customers; nothing of it is published meanwhile.
            published: by customer, the stage in the newest record, and since when.
        """
        while page := await self._page(partition, _NOT_COMPARED):
            if await self._step_for(partition, page, published) is None:
                return

    async def _some(self, partition: OwnedPartition) -> None:
        ladder = self._rules.current.ladder
        if ladder is None or not partition.resolve_since(self._sources, self._rules.current):
            return
        page = await self._page(partition, _COMPARED)
        if not page:
            return
        now_ms = self._sources.now_ms
        granted = await self._limiter.acquire(LADDER, ladder.pace, len(page), now_ms)
        if granted:
            await partition.outbox.wait_for_room()
            work = await self._step_for(partition, page[:granted], None)
            published_now = 0 if work is None else len(work.stages)
            await self._limiter.give_back(LADDER, ladder.pace, max(0, granted - published_now), now_ms)

    async def _page(self, partition: OwnedPartition, upto: int) -> list[str]:
        """Return some of those who wait."""
        # Of due times, none is before the epoch.
        due = await self._store.due({partition.number: (-1, {STAGE_TO_PUBLISH: upto})}, MAX_CUSTOMERS)
        return [] if partition.number not in due else due[partition.number].customers

    async def _step_for(
        self, partition: OwnedPartition, customer_ids: Sequence[str], published: Mapping[str, tuple[str, int]] | None
    ) -> UnitOfWork | None:
        """Take one step for some customers; return it, None if it was not taken."""
        async with partition.lock:
            if not partition.is_usable:
                return None
            work = UnitOfWork(partition.meta)
            is_taken = await self._ownership.attempt(partition, self._step(partition, work, customer_ids, published))
            return work if is_taken else None

    async def _step(
        self,
        partition: OwnedPartition,
        work: UnitOfWork,
        customer_ids: Sequence[str],
        published: Mapping[str, tuple[str, int]] | None,
    ) -> None:
        coverage = partition.coverage(self._sources.complete_types)
        upto_ms = max(partition.watermarks.by_type.values())
        async with self._steps.begin(partition) as step:
            rules = self._rules.current
            deciding = Deciding(partition, rules, coverage, self._steps.topic_prefix)
            for customer_id, raw in zip(customer_ids, await step.read(customer_ids), strict=True):
                if raw is None or not self._steps.belongs(partition, customer_id):
                    work.waiting.setdefault(STAGE_TO_PUBLISH, {})[customer_id] = 0
                    continue
                standing = self._orders.standing(partition, customer_id, partition.meta.offset)
                try:
                    newest = None if published is None else published.get(customer_id)
                    decided = deciding.publish_stage(customer_id, raw, upto_ms, standing, newest)
                except LingerError:
                    raise
                except Exception:  # the data of one customer must not stop the stages of all others
                    log.exception(
                        log_events.STEP_RETRIED,
                        partition=partition.number,
                        customer=logs.customer_ref(customer_id),
                    )
                    work.waiting.setdefault(STAGE_TO_PUBLISH, {})[customer_id] = 0
                    continue
                if published is not None and decided.is_unpublished:
                    decided.waiting = {**decided.waiting, STAGE_TO_PUBLISH: _COMPARED}
                work.add(customer_id, decided, is_new=False)
            work.facts = deciding.take_facts()
            await self._orders.release_held(partition, work)
            await self._policy.withhold(work, rules, self._sources.now_ms)
            changes = self._steps.write_set(partition, work)
            await step.commit(changes)
        self._steps.publish(partition, changes, work)
        self._orders.note_written(partition, work)
