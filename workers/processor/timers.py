"""Timers: decide customers at their due time, without a new event.

It knows nothing of records. Callers choose `upto_ms`; the core applies the watermarks.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog

from workers.errors import LingerError
from workers.observability import log_events, logs, metrics
from workers.processor.active_rules import ActiveRules
from workers.processor.deciding import Deciding
from workers.processor.orders.customer_orders import CustomerOrders
from workers.processor.ownership import Ownership
from workers.processor.partition import OwnedPartition
from workers.processor.release_policy import ReleasePolicy
from workers.processor.source_view import SourceView
from workers.processor.steps import Steps
from workers.processor.unit_of_work import UnitOfWork
from workers.state.step import MAX_CUSTOMERS
from workers.state.store import Due, Store

log = structlog.get_logger(__name__)

_PAGES_PER_TICK: Final = 40
"""Pages of due customers in one tick; with more, batches and the sources would wait too long."""
_POSTPONE_MS: Final = 3_600_000
"""Delay before a customer who cannot be decided is tried again."""


class Timers:
    """Decides the customers who are due, one step for each partition and page."""

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

    async def fire(self) -> dict[int, int]:
        """Decide the timers of all partitions that may be decided now.

        Returns:
            By partition, up to when every type is decided, in epoch milliseconds. Left out are those with more timers
            than fit into one tick, and those whose step was not taken.
        """
        decided: dict[int, int] = {}
        for _ in range(_PAGES_PER_TICK):
            partitions = self._to_decide(self._ownership.partitions.values())
            decided |= await self._page(partitions)
            if all(partition.number in decided for partition in partitions):
                break
        return decided

    async def fire_page(self, partitions: Iterable[OwnedPartition]) -> None:
        """Decide at most `MAX_CUSTOMERS` timers of each of these partitions."""
        await self._page(self._to_decide(partitions))

    def _to_decide(self, partitions: Iterable[OwnedPartition]) -> list[OwnedPartition]:
        """Return those of some partitions that may take steps and whose sources have reported."""
        rules = self._rules.current
        return [one for one in partitions if one.is_usable and one.resolve_since(self._sources, rules)]

    async def _page(self, partitions: Iterable[OwnedPartition]) -> dict[int, int]:
        """Decide a page of each of these partitions; return up to when those are decided that need no further one."""
        # What is seen from here on allows further timers, which are not decided below.
        seen = {partition.number: partition.watermarks.by_type for partition in partitions}
        bounds = {number: (max(by_type.values()), by_type) for number, by_type in seen.items()}
        due = await self._store.due(bounds, MAX_CUSTOMERS)
        # One partition waits for Redis while another is decided; each keeps its own order, by its lock.
        steps = {
            number: self.step(partition, customers, bounds[number][0])
            for number, customers in due.items()
            if (partition := self._ownership.partitions.get(number)) is not None
        }
        results = await asyncio.gather(*steps.values(), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        is_taken = dict(zip(steps, results, strict=True))
        return {
            number: min(by_type.values())
            for number, by_type in seen.items()
            if number not in due or (is_taken.get(number) and len(due[number].customers) < MAX_CUSTOMERS)
        }

    async def trim(self, partition: OwnedPartition) -> None:
        """Take a step without customers. It trims what Kafka confirmed, and notices a lost or set-back partition."""
        await self.step(partition, Due([], {}), 0)

    async def step(self, partition: OwnedPartition, due: Due, upto_ms: int, *, sweeping: bool = False) -> bool:
        """Take one step for customers whose time has come.

        Args:
            partition: of the customers.
            due: the customers, and those that waited for an event type.
            upto_ms: timers due until then are decided; 0 for none.
            sweeping: decide only customers who were last decided under older rules, and count no timer.

        Returns:
            Whether the step was taken. If not, the customers stay due.
        """
        async with partition.lock:
            if not partition.is_usable:
                return False
            # If it is not taken, the next tick finds the same customers.
            return await self._ownership.attempt(partition, self._step(partition, due, upto_ms, sweeping=sweeping))

    async def _step(self, partition: OwnedPartition, due: Due, upto_ms: int, *, sweeping: bool) -> None:
        work = UnitOfWork(partition.meta)
        coverage = partition.coverage(self._sources.complete_types)
        async with self._steps.begin(partition) as step:
            activities = await step.read(due.customers)
            rules = self._rules.current
            deciding = Deciding(partition, rules, coverage, self._steps.topic_prefix)
            for customer_id, raw in zip(due.customers, activities, strict=True):
                work.timers += not sweeping
                if raw is None or not self._steps.belongs(partition, customer_id):
                    work.due[customer_id] = 0
                    continue
                standing = self._orders.standing(partition, customer_id, partition.meta.offset)
                try:
                    is_behind, answer = deciding.look(raw) if sweeping else (True, None)
                    decided = deciding.fire(customer_id, raw, upto_ms, standing) if is_behind else None
                except LingerError:
                    raise
                except Exception:  # the data of one customer must not stop the timers of all others
                    log.exception(
                        log_events.STEP_RETRIED,
                        partition=partition.number,
                        customer=logs.customer_ref(customer_id),
                    )
                    work.due[customer_id] = upto_ms + _POSTPONE_MS
                    continue
                if decided is not None:
                    work.add(customer_id, decided, is_new=False)
                if answer is not None:
                    # An opt-out from before there were marks.
                    self._orders.note_answer(partition, work, customer_id, answer, partition.meta.offset - 1)
            work.facts = deciding.take_facts()
            for event_type, customer_ids in due.waited.items():
                for customer_id in customer_ids:
                    if customer_id in work.due:
                        # Decided now: no longer waiting for the type, unless it waits again.
                        work.waiting.setdefault(event_type, {}).setdefault(customer_id, 0)
            await self._policy.withhold(work, rules, self._sources.now_ms)
            changes = self._steps.write_set(partition, work)
            await step.commit(changes)
        self._steps.publish(partition, changes, work)
        self._orders.note_written(partition, work)
        metrics.TIMERS.inc(work.timers)
        if not sweeping:
            now_ms = self._sources.now_ms
            for action in work.new_actions():
                metrics.DUE_LATENESS.observe(max(0, now_ms - action.decided_ms) / 1000)
