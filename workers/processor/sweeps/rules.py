"""The sweep: after the rules change, every stored customer is decided under the new ones.

It runs beside live traffic, in small steps. If the worker dies, the next owner sweeps what is left.
"""

import asyncio
import time
from typing import Final

import structlog

from workers.errors import Transient
from workers.observability import log_events
from workers.processor.active_rules import ActiveRules
from workers.processor.ownership import Ownership
from workers.processor.partition import OwnedPartition
from workers.processor.source_view import SourceView
from workers.processor.steps import Steps
from workers.processor.timers import Timers
from workers.state.keys import hash_tag
from workers.state.meta import LISTED, SWEPT
from workers.state.step import MAX_CUSTOMERS
from workers.state.store import Due, Store

log = structlog.get_logger(__name__)

_SCANNED_AT_ONCE: Final = 1_000
_RETRY_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.05


class RuleSweep:
    """Migrates stored customers to the active rules."""

    def __init__(
        self,
        store: Store,
        ownership: Ownership,
        steps: Steps,
        timers: Timers,
        rules: ActiveRules,
        sources: SourceView,
    ) -> None:
        self._store = store
        self._ownership = ownership
        self._steps = steps
        self._timers = timers
        self._rules = rules
        self._sources = sources
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Start again, because the rules or the claimed partitions have changed."""
        self._changed.set()

    async def run(self) -> None:
        """Decide every customer who was last decided under older rules; runs until cancelled."""
        while True:
            self._changed.clear()
            try:
                await self._sweep()
            except Transient as error:
                log.warning(log_events.STEP_RETRIED, error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            generation = self._rules.current.generation
            if not any(partition.swept < generation for partition in self._ownership.usable()):
                await self._changed.wait()
            else:
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _sweep(self) -> None:
        rules = self._rules.current
        generation = rules.generation
        behind = {
            hash_tag(partition.number): partition
            for partition in self._ownership.usable()
            if partition.swept < generation and partition.resolve_since(self._sources, rules)
        }
        if not behind:
            return
        started, swept, cursor = time.monotonic(), 0, None
        failed: set[str] = set()
        while cursor != 0:
            cursor, customers = await self._store.scan(cursor or 0, _SCANNED_AT_ONCE)
            for tag, customer_ids in customers.items():
                if (partition := behind.get(tag)) is None:
                    continue
                for start in range(0, len(customer_ids), MAX_CUSTOMERS):
                    await partition.outbox.wait_for_room()
                    page = Due(customer_ids[start : start + MAX_CUSTOMERS], {})
                    if not await self._timers.step(partition, page, 0, sweeping=True):
                        failed.add(tag)  # the whole partition is swept again
                swept += len(customer_ids)
            await asyncio.sleep(0)
        for tag, partition in behind.items():
            async with partition.lock:
                # Rules that changed meanwhile need another sweep.
                if tag not in failed and partition.is_usable and self._rules.current.generation == generation:
                    await self._mark_swept(partition, generation)
        log.info(
            log_events.RULES_SWEPT,
            generation=generation,
            partitions=len(behind),
            customers=swept,
            seconds=round(time.monotonic() - started, 1),
        )

    async def _mark_swept(self, partition: OwnedPartition, generation: int) -> None:
        changes = self._steps.empty_write_set(partition)
        changes.fields[SWEPT] = generation
        ladder = self._rules.current.ladder
        if partition.listed(self._rules.current):  # every customer has left the lists that are gone
            changes.fields[LISTED] = " ".join(sorted(() if ladder is None else ladder.listed))
        await self._ownership.attempt(partition, self._steps.commit(partition, changes))
