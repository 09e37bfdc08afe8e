"""The sweep that forgets: once a month, customers without a sign of life for long enough are removed.

Whether a customer is forgotten follows from the customer's own events (`Customer.forgotten_ms` in the core). What
comes after that moment finds a stranger, with or without this sweep, which only removes what is stored. It runs for a
partition once every type that is a sign of life has been seen up to the start of a month. If the worker dies, the
next owner sweeps what is left.
"""

import asyncio
import time
from typing import Final

import structlog

from workers.core.months import month_at
from workers.core.watermarks import NO_WATERMARK_MS
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
from workers.state.keys import hash_tag
from workers.state.meta import FORGOTTEN
from workers.state.step import MAX_CUSTOMERS
from workers.state.store import Store

log = structlog.get_logger(__name__)

_SCANNED_AT_ONCE: Final = 1_000
_RETRY_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.05
"""Between two pages, so that live traffic goes first."""
_PAGES_PER_LINE: Final = 200
"""How many pages are scanned between two lines of the log."""


class ForgettingSweep:
    """Removes the customers whose moment has come."""

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
        self._due = asyncio.Event()

    def look(self) -> None:
        """Begin, if a partition has come to another month, or customers are forgotten earlier than before."""
        if self._rules.current.forget_after_ms and self._behind():
            self._due.set()

    async def run(self) -> None:
        """Forget the customers of every partition that comes to another month; runs until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self._sweep()
            except Transient as error:
                log.warning(log_events.STEP_RETRIED, error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)

    def _behind(self) -> dict[str, tuple[OwnedPartition, int]]:
        """Return by hash tag the partitions to be swept, and up to which start of a month."""
        rules = self._rules.current
        behind = {}
        for partition in self._ownership.usable():
            until = partition.watermarks.by_type
            seen_ms = min((until[name] for name in rules.signs_of_life if name in until), default=NO_WATERMARK_MS)
            target = month_at(seen_ms), rules.forget_after_ms
            done = partition.forgotten
            if seen_ms > NO_WATERMARK_MS and (target[0] > done[0] or target[1] != done[1]):
                behind[hash_tag(partition.number)] = partition, target[0]
        return behind

    async def _sweep(self) -> None:
        rules = self._rules.current
        behind = {
            tag: (partition, upto_ms)
            for tag, (partition, upto_ms) in (self._behind() if rules.forget_after_ms else {}).items()
            if partition.resolve_since(self._sources, rules)
        }
        if not behind:
            return
        started, looked_at, forgotten, pages, cursor = time.monotonic(), 0, 0, 0, None
        failed: set[str] = set()
        while cursor != 0:
            cursor, customers = await self._store.scan(cursor or 0, _SCANNED_AT_ONCE)
            for tag, customer_ids in customers.items():
                if tag not in behind or tag in failed:
                    continue
                partition, upto_ms = behind[tag]
                for start in range(0, len(customer_ids), MAX_CUSTOMERS):
                    page = customer_ids[start : start + MAX_CUSTOMERS]
                    gone = await self._page(partition, page, upto_ms)
                    if gone is None:
                        failed.add(tag)  # it is swept again from the beginning
                        break
                    forgotten += gone
                    looked_at += len(page)
            pages += 1
            if not pages % _PAGES_PER_LINE:
                log.info(log_events.FORGETTING, customers=looked_at, forgotten=forgotten)
            await asyncio.sleep(_PAUSE_SECONDS if cursor else 0)
        for tag, (partition, upto_ms) in behind.items():
            async with partition.lock:
                # With another `forget after`, others are forgotten: that needs another sweep.
                is_same = self._rules.current.forget_after_ms == rules.forget_after_ms
                if tag not in failed and partition.is_usable and is_same:
                    await self._mark_done(partition, upto_ms, rules.forget_after_ms)
        log.info(
            log_events.CUSTOMERS_FORGOTTEN,
            partitions=len(behind) - len(failed),
            customers=looked_at,
            forgotten=forgotten,
            seconds=round(time.monotonic() - started, 1),
        )

    async def _page(self, partition: OwnedPartition, customer_ids: list[str], upto_ms: int) -> int | None:
        """Take one step for some customers; return how many are forgotten, None if the step was not taken."""
        await partition.outbox.wait_for_room()
        async with partition.lock:
            if not partition.is_usable or not self._rules.current.forget_after_ms:
                return None
            work = UnitOfWork(partition.meta)
            is_taken = await self._ownership.attempt(partition, self._step(partition, work, customer_ids, upto_ms))
            return work.forgotten if is_taken else None

    async def _step(self, partition: OwnedPartition, work: UnitOfWork, customer_ids: list[str], upto_ms: int) -> None:
        coverage = partition.coverage(self._sources.complete_types)
        async with self._steps.begin(partition) as step:
            rules = self._rules.current
            deciding = Deciding(partition, rules, coverage, self._steps.topic_prefix)
            for customer_id, raw in zip(customer_ids, await step.read(customer_ids), strict=True):
                if raw is not None and self._steps.belongs(partition, customer_id):
                    self._collect(partition, work, deciding, customer_id, raw, upto_ms)
            if not work.activities:
                return
            work.facts = deciding.take_facts()
            await self._orders.release_held(partition, work)
            await self._policy.withhold(work, rules, self._sources.now_ms)
            changes = self._steps.write_set(partition, work)
            await step.commit(changes)
        self._steps.publish(partition, changes, work)
        self._orders.note_written(partition, work)

    def _collect(
        self,
        partition: OwnedPartition,
        work: UnitOfWork,
        deciding: Deciding,
        customer_id: str,
        raw: bytes,
        upto_ms: int,
    ) -> None:
        offset = partition.meta.offset
        try:
            decided = deciding.collect(
                customer_id, raw, upto_ms, self._orders.standing(partition, customer_id, offset)
            )
        except LingerError:
            raise
        except Exception as error:  # the data of one customer must not keep all others from being forgotten
            log.exception(
                log_events.STEP_RETRIED,
                partition=partition.number,
                customer=logs.customer_ref(customer_id),
                error=type(error).__name__,
            )
            return
        if decided is None:
            return
        if decided.stored is None:
            decided.waiting = partition.waits_for_nothing()
        work.add(customer_id, decided, is_new=False)
        if decided.answered_ms:
            answer = decided.says_yes, decided.answered_ms
            self._orders.note_answer(partition, work, customer_id, answer, offset - 1)

    async def _mark_done(self, partition: OwnedPartition, upto_ms: int, after_ms: int) -> None:
        changes = self._steps.empty_write_set(partition)
        changes.fields[FORGOTTEN] = f"{upto_ms} {after_ms}"
        await self._ownership.attempt(partition, self._steps.commit(partition, changes))
