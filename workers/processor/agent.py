"""The processor: the activity topic and the passing of time -> decisions.

`Processor` is the entry point of this package: it assembles the parts and passes each call to one of them. A part
changes state only through an atomic step of the store. A step's records are published through the partition's outbox,
after the step is durable.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from schemas.sources import SourcesFile
from workers.book.topic import BookTopic
from workers.clock import Clock, Reading
from workers.core.rules.rule_set import RuleSet
from workers.core.source_set import SourceSet
from workers.core.watermarks import NO_WATERMARK_MS, Progress, sent_to, watermarks_by_type
from workers.errors import Transient
from workers.kafka.faust_batches import Delivery
from workers.kafka.producer import Publisher
from workers.kafka.topics import LogBounds
from workers.observability import log_events, metrics
from workers.pauses.pause_list import PauseList
from workers.processor.active_rules import ActiveRules
from workers.processor.batches import BatchProcessor
from workers.processor.days.claiming import ClosedDays
from workers.processor.days.closing import Closing
from workers.processor.days.cohorts import Cohorts
from workers.processor.event_reader import EventReader
from workers.processor.held_actions import OrderExecutor
from workers.processor.layout_order import LayoutOrder
from workers.processor.orders.customer_orders import CustomerOrders
from workers.processor.orders.mark_book import MarkBook
from workers.processor.orders.mark_topic import MarkTopic
from workers.processor.ownership import Ownership
from workers.processor.partition import OwnedPartition
from workers.processor.release_policy import LivePolicy, ReleasePolicy
from workers.processor.results import DROPPED, Dropped, ProcessResult
from workers.processor.source_view import SourceView
from workers.processor.steps import Steps
from workers.processor.sweeps.forgetting import ForgettingSweep
from workers.processor.sweeps.rules import RuleSweep
from workers.processor.sweeps.stages import StageSweep
from workers.processor.timers import Timers
from workers.processor.unit_of_work import UnitOfWork
from workers.settings import Settings
from workers.state.store import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Backends:
    """The backends of a processor.

    Attributes:
        store: of the state.
        publisher: sends the decisions.
        clock: the time.
        pauses: the paused rules, as far as they are known.
        marks: the topic of marks.
        book: the topic of the book.
    """

    store: Store
    publisher: Publisher
    clock: Clock
    pauses: PauseList
    marks: MarkTopic
    book: BookTopic


class Processor:
    """Decides for the activity partitions assigned to this worker.

    Attributes:
        customer_orders: carries out what was ordered for customers.
        stages: publishes the stages that are no move.
    """

    def __init__(
        self,
        settings: Settings,
        sources: SourcesFile,
        rules: RuleSet,
        backends: Backends,
        *,
        rebuild_policy: ReleasePolicy | None = None,
    ) -> None:
        """Set up without claiming anything.

        Args:
            settings: of this worker.
            sources: the source topics.
            rules: the active rule set.
            backends: the store, the publisher, the clock and the pauses.
            rebuild_policy: chooses what is published during a rebuild; None in a worker.
        """
        store, pauses = backends.store, backends.pauses
        policy = rebuild_policy or LivePolicy(store, pauses, settings.partitions)
        self._partition_count = settings.partitions
        self._rules = active = ActiveRules(rules)
        self._sources = view = SourceView(sources, settings.topic("activity"))
        self._layouts = layouts = LayoutOrder(store)
        self._marks = book = MarkBook(
            store, backends.marks, backends.publisher, settings.key_of_marks, settings.partitions
        )
        self.customer_orders = orders = CustomerOrders(store, book, backends.marks)
        self._ownership = ownership = Ownership(
            *(settings, store, backends.publisher, active, view, pauses, layouts, book),
            ClosedDays(store, backends.book),
            rebuilding=rebuild_policy is not None,
        )
        self._steps = steps = Steps(settings, store, active, pauses, view)
        self._reader = reader = EventReader(settings, sources, backends.clock)
        self._batches = BatchProcessor(reader, ownership, steps, active, view, policy, orders)
        self._timers = Timers(store, ownership, steps, active, view, policy, orders)
        self._orders = OrderExecutor(store, ownership, steps, active, view, policy)
        self._sweep = RuleSweep(store, ownership, steps, self._timers, active, view)
        self.stages = StageSweep(store, ownership, steps, active, view, policy, orders)
        self._closing = Closing(store, ownership, steps, backends.book)
        self._cohorts = Cohorts(store, ownership, steps, view)
        self._forgetting = ForgettingSweep(store, ownership, steps, active, view, policy, orders)

    @property
    def rules(self) -> RuleSet:
        """The active rule set."""
        return self._rules.current

    @property
    def partitions(self) -> Mapping[int, OwnedPartition]:
        """The claimed partitions, by number."""
        return self._ownership.partitions

    @property
    def watermarks(self) -> dict[str, int]:
        """Up to when each event type is complete in every claimed partition, in epoch milliseconds."""
        watermarks: dict[str, int] = {}
        for partition in self.partitions.values():
            for event_type, until_ms in partition.watermarks.by_type.items():
                watermarks[event_type] = min(until_ms, watermarks.get(event_type, until_ms))
        return watermarks

    # -- partitions ----------------------------------------------------------------------------------------

    async def claim(
        self, bounds: Mapping[int, LogBounds], topic_id: str | None, progress: Mapping[tuple[str, int], Progress]
    ) -> dict[int, int]:
        """Claim exactly these partitions; see `Ownership.claim`."""
        offsets = await self._ownership.claim(bounds, topic_id, progress)
        self._sweep.wake()
        return offsets

    async def reclaim(self, number: int, bounds: LogBounds, topic_id: str | None) -> int | None:
        """Claim a stopped partition again; see `Ownership.reclaim`."""
        offset = await self._ownership.reclaim(number, bounds, topic_id)
        self._sweep.wake()
        return offset

    def outdated(self) -> list[int]:
        """Return the partitions that are stopped until newer rules are loaded."""
        return self._ownership.outdated()

    def read_again(self) -> dict[int, int]:
        """Return where to read partitions again after Redis lost steps outside a delivery; each loss only once."""
        return self._ownership.read_again()

    # -- records and timers --------------------------------------------------------------------------------

    async def process(self, number: int, delivery: Delivery) -> ProcessResult:
        """Fold one delivery, and fire the timers that waited for its records."""
        partition = self.partitions.get(number)
        if partition is None or not partition.is_usable:
            return DROPPED
        result = await self._batches.process(partition, delivery)
        if isinstance(result, Dropped):
            return result
        has_reached = partition.watermarks.reach(partition.meta.offset)
        partition.advance_direct(self._sources)
        if has_reached:
            # Timers that waited for these records need not wait for the next tick.
            try:
                await self._timers.fire_page([partition])
            except Transient as error:
                log.warning(log_events.STEP_RETRIED, partition=number, error=str(error))  # the next tick retries
        return result

    async def until_blocked(self) -> None:
        """Wait until an action is blocked only by stale source progress. Each call consumes one signal."""
        await self._batches.until_blocked()

    async def fire_soon(self) -> None:
        """Decide one page of the timers that may be decided now."""
        await self._timers.fire_page(self.partitions.values())

    async def fire(self) -> dict[int, int]:
        """Decide the timers that may be decided now, carry out orders, and trim what Kafka confirmed.

        Returns:
            By partition, up to when every type is decided, in epoch milliseconds. Left out are those with more timers
            than fit into one call, and those that were lost meanwhile.
        """
        for partition in await self._ownership.set_back():
            await self._timers.trim(partition)  # restores what Redis still has, like any step
        for partition in self._layouts.behind(self._ownership.usable()):
            async with partition.lock:
                if partition.is_usable:
                    await self._ownership.attempt(partition, self._layouts.begin(partition))
        for partition in self._marks.behind(self._ownership.usable()):
            async with partition.lock:
                if partition.is_usable:
                    await self._ownership.attempt(partition, self._marks.copy(partition))
        decided = await self._timers.fire()
        await self._closing.run()
        await self._cohorts.run()
        await self._orders.run()  # after the timers, which may retract an action that an order would release
        for partition in list(self.partitions.values()):
            if partition.outbox.confirmed() and partition.is_usable and not partition.lock.locked():
                await self._timers.trim(partition)
        metrics.OUTBOX.set(sum(partition.outbox.unconfirmed for partition in self.partitions.values()))
        # Where Redis turned out to have lost steps meanwhile, no type counts as seen.
        return {
            partition.number: min(decided[partition.number], *partition.watermarks.by_type.values())
            for partition in self._ownership.usable()
            if partition.number in decided
        }

    # -- sources -------------------------------------------------------------------------------------------

    def observe(
        self,
        reading: Reading,
        progress: Mapping[tuple[str, int], Progress],
        ends: Mapping[int, int],
        position_past_gaps: Callable[[int, int], int],
    ) -> None:
        """Take a progress snapshot: up to when each partition may count as complete.

        The readings must be taken in this order: clock, progress, ends. Then what intake had sent by the time of
        `progress` lies before `ends`, and what is sent later is newer than the clock.

        Args:
            reading: the clock, read before everything else.
            progress: of all source partitions, read after the clock.
            ends: end offsets of the activity partitions, read after the progress.
            position_past_gaps: returns, for a partition and an offset, the offset moved past any confirmed gap.
        """
        sources, now_ms = self._sources, reading.now_ms
        sources.update(progress, now_ms)
        topic = sources.activity_topic
        seen = watermarks_by_type(sources.sources, progress, {topic: now_ms})
        until = {event_type: seen.get(event_type, now_ms) for event_type in sources.event_types}
        reports = list(progress.values())
        for number, partition in self.partitions.items():
            if number not in ends:
                continue  # claimed after the ends were read
            offset = position_past_gaps(number, partition.meta.offset)
            end = max(ends[number], reading.ends.get((topic, number), 0))
            if offset >= end:
                partition.direct_producers.watch_from(now_ms)
            partition.watermarks.update(offset, max(end, sent_to(number, reports)), until)
            partition.advance_direct(sources)
        watermarks = self.watermarks
        self._forgetting.look()
        metrics.SEEN.show({event_type: until_ms / 1000 for event_type, until_ms in watermarks.items()})
        metrics.BEHIND.show(
            {event_type: max(0, now_ms - until_ms) / 1000 for event_type, until_ms in watermarks.items()}
        )

    def progress_report(self) -> dict[tuple[str, int], Progress]:
        """Return the progress of direct producers by activity partition, as intake reports it for source topics."""
        direct = self._sources.direct_source
        if direct is None:
            return {}
        types = direct.types()
        report: dict[tuple[str, int], Progress] = {}
        for partition in self._ownership.usable():
            # The highest: a type that also comes from another source may be held back by that source alone.
            watermark_ms = max(partition.watermarks.by_type.get(event_type, NO_WATERMARK_MS) for event_type in types)
            topic_partition = self._sources.activity_topic, partition.number
            report[topic_partition] = partition.direct_producers.progress_report(watermark_ms, self._partition_count)
        return report

    # -- rules ---------------------------------------------------------------------------------------------

    async def activate(self, rules: RuleSet, sources: SourceSet | None = None) -> None:
        """Decide by another rule set from the next step on; the sweep migrates every customer to it.

        Args:
            rules: the active rule set.
            sources: the generation of sources, or the topics of its patterns, that hold from the same step on; None
                if they are the same.
        """
        async with AsyncExitStack() as locks:
            for partition in list(self.partitions.values()):
                await locks.enter_async_context(partition.lock)
            self._rules.current = rules
            if sources is not None:
                self._sources.replace(sources)
                self._reader.take_sources(sources.written)
            for partition in self.partitions.values():
                partition.since = None
                partition.resolve_since(self._sources, rules)
        self._sweep.wake()

    async def sweep(self) -> None:
        """Decide every customer who was last decided under older rules; runs until cancelled."""
        await self._sweep.run()

    async def forget(self) -> None:
        """Remove the customers who are forgotten, once a month; runs until cancelled."""
        await self._forgetting.run()

    # -- publishing ----------------------------------------------------------------------------------------

    async def publish(self, number: int, work: UnitOfWork, **fields: str) -> None:
        """Take one step with prepared work, and publish it.

        Args:
            number: of the partition.
            work: of the step.
            fields: further fields of `meta` to write.

        Raises:
            Fenced: if another worker owns the partition.
            Transient: if it is unknown whether the step was taken.
        """
        partition = self.partitions[number]
        await partition.outbox.wait_for_room()
        async with partition.lock:
            changes = self._steps.write_set(partition, work)
            changes.fields.update(fields)
            await self._steps.commit(partition, changes)
            self._steps.publish(partition, changes, work)

    def failure(self) -> BaseException | None:
        """Return the error that ended the publishing of a partition permanently, None while every outbox works."""
        failures = (partition.outbox.failure() for partition in self.partitions.values())
        return next((failure for failure in failures if failure is not None), None)

    async def stop(self, seconds: float) -> None:
        """Publish what can be published within `seconds`, then release all partitions."""
        await asyncio.gather(*(partition.outbox.drain(seconds) for partition in self.partitions.values()))
        for partition in list(self.partitions.values()):
            if partition.outbox.confirmed() and partition.is_usable:
                await self._timers.trim(partition)
        await self._ownership.release_all()
