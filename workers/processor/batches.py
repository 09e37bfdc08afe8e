"""One Kafka batch -> atomic steps: events are folded and their customers decided.

It knows nothing of timers or of how a partition is claimed.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, cast

import structlog
from aiokafka import ConsumerRecord

from schemas.events import InvalidEvent
from workers.core.customer.standing import AS_ANYBODY, Standing
from workers.core.decisions.decide import decider_of
from workers.errors import Fenced, LingerError, Transient
from workers.kafka.faust_batches import Delivery
from workers.kafka.records import SeekTo
from workers.observability import log_events, logs, metrics
from workers.processor.active_rules import ActiveRules
from workers.processor.deciding import CustomerStep, Deciding, Event
from workers.processor.event_reader import EventReader
from workers.processor.orders.customer_orders import CustomerOrders
from workers.processor.ownership import Ownership
from workers.processor.partition import OwnedPartition
from workers.processor.release_policy import ReleasePolicy
from workers.processor.results import DROPPED, PROCESSED, ProcessResult
from workers.processor.source_view import SourceView
from workers.processor.steps import Steps
from workers.processor.unit_of_work import UnitOfWork
from workers.state.open_days.stored import MOST_FIELDS
from workers.state.source_sets.activation import OlderSources
from workers.state.step import MAX_CUSTOMERS

log = structlog.get_logger(__name__)

_MAX_RECORDS: Final = 1_000
"""Records in one step. Together with `MAX_CUSTOMERS` this bounds how long Redis is blocked."""


class BatchProcessor:
    """Folds the batches of every partition; each partition keeps its own order, by its lock."""

    def __init__(
        self,
        reader: EventReader,
        ownership: Ownership,
        steps: Steps,
        rules: ActiveRules,
        sources: SourceView,
        policy: ReleasePolicy,
        orders: CustomerOrders,
    ) -> None:
        self._reader = reader
        self._ownership = ownership
        self._steps = steps
        self._rules = rules
        self._sources = sources
        self._policy = policy
        self._orders = orders
        self._blocked = asyncio.Event()

    async def until_blocked(self) -> None:
        """Wait until an action is blocked only by stale source progress. Each call consumes one signal."""
        await self._blocked.wait()
        self._blocked.clear()

    async def process(self, partition: OwnedPartition, delivery: Delivery) -> ProcessResult:
        """Fold one delivery, after waiting for the sources to report and for room in the outbox.

        Both waits are outside the lock: timers are decided and the outbox is trimmed while Kafka is slow. So is the
        wait for newer sources, if they have made a record that cannot be read without them.

        Returns:
            `Dropped` if the partition is not usable, or was lost while waiting or folding.
        """
        offset = partition.meta.offset
        partition.unread_ms = next((one.timestamp for one in delivery.records if one.offset >= offset), None)
        try:
            return await self._process_when_possible(partition, delivery)
        finally:
            partition.unread_ms = None

    async def _process_when_possible(self, partition: OwnedPartition, delivery: Delivery) -> ProcessResult:
        while not await partition.outbox.wait_for_room():
            # The outbox was closed: the partition is lost, or a retried step is replacing its outbox under the lock.
            async with partition.lock:
                if not partition.is_usable:
                    return DROPPED
        while True:
            await self._wait_until_watched(partition, delivery.records)
            async with partition.lock:
                if not partition.is_usable:
                    return DROPPED
                if partition.since is None:
                    continue  # sources that have not reported yet came meanwhile
                try:
                    return await self._process(partition, delivery)
                except Fenced:
                    await self._ownership.lose(partition)
                    return DROPPED
                except OlderSources:
                    updated = self._sources.next_update()
            await updated.wait()

    async def _wait_until_watched(self, partition: OwnedPartition, records: Sequence[ConsumerRecord]) -> None:
        sources = self._sources
        while partition.is_usable and not partition.resolve_since(sources, self._rules.current):
            if records and sources.now_ms:
                # Not later than now: in a replay, intake stamps records with the real time.
                written_ms = self._reader.written_ms(records[0], sources.now_ms)
                partition.direct_producers.watch_from(min(written_ms, sources.now_ms))
            await sources.wait_for_update()

    async def _process(self, partition: OwnedPartition, delivery: Delivery) -> ProcessResult:
        meta = partition.meta
        if not delivery.is_contiguous(meta.offset):
            log.info(log_events.RECORDS_OUT_OF_ORDER, partition=partition.number, expected=meta.offset)
            return SeekTo(meta.offset)
        most = _MAX_RECORDS
        for chunk in _chunks([record for record in delivery.records if record.offset >= meta.offset]):
            attempt = 0
            while rest := [record for record in chunk if record.offset >= meta.offset][:most]:
                partition.unread_ms = rest[0].timestamp
                try:
                    is_taken = await self._fold(partition, rest)
                    most = min(_MAX_RECORDS, 2 * most) if is_taken else max(1, len(rest) // 2)
                except Transient as error:
                    before = meta.offset
                    await self._ownership.recover(partition, error, attempt)
                    meta, attempt = partition.meta, attempt + 1
                    if meta.offset < before:
                        # Redis lost its last steps. The caller seeks, so `read_again` must not report it too.
                        partition.lost_steps = False
                        return SeekTo(meta.offset)
        return PROCESSED

    async def _fold(self, partition: OwnedPartition, records: Sequence[ConsumerRecord]) -> bool:
        """Take one step with these records; the first one is at the partition's offset.

        Returns:
            Whether it was taken. It is not if it would write too much of the book at once: then fewer records come.
        """
        started = time.perf_counter()
        work = UnitOfWork(partition.meta)
        rules = self._rules.current
        scanner = decider_of(rules).scanner
        sort = self._reader.sort  # looked up once for the batch, not for each record
        for record in records:
            sort(record, work, scanner)
        if work.unread:
            await self._steps.require_newest_sources(self._sources.generation)
            work.dead_letters += [self._reader.dead_letter(record, error) for record, error in work.unread]
        coverage = partition.coverage(self._sources.complete_types)
        async with self._steps.begin(partition) as step:
            customer_ids = list(work.events)
            activities = await step.read(customer_ids)
            deciding = Deciding(partition, rules, coverage, self._steps.topic_prefix)
            may_concern = bool(work.ordered or partition.marks)
            for customer_id, raw in zip(customer_ids, activities, strict=True):
                events = work.events[customer_id]
                if may_concern and self._orders.concern(partition, work, customer_id):
                    fold = partial(self._decide_customer, customer_id, deciding=deciding, work=work)
                    decided = self._orders.decide(partition, work, deciding, customer_id, raw, fold)
                else:
                    plain = cast("list[tuple[Event, ConsumerRecord]]", events)
                    decided = self._decide_customer(customer_id, raw, plain, AS_ANYBODY, deciding, work)
                    if decided is not None and decided.answered_ms:
                        answer = decided.says_yes, decided.answered_ms
                        self._orders.note_answer(partition, work, customer_id, answer, events[-1][1].offset)
                if decided is not None:
                    work.add(customer_id, decided, is_new=raw is None)
            work.facts = deciding.take_facts()
            if len(records) > 1 and len(work.facts) + len(work.records) > MOST_FIELDS:
                return False
            await self._orders.release_held(partition, work)
            await self._policy.withhold(work, rules, self._sources.now_ms)
            changes = self._steps.write_set(partition, work)
            changes.offset = records[-1].offset + 1
            await step.commit(changes)
        # Only now, after the step is durable: what is published must never be decided differently after a crash.
        self._steps.publish(partition, changes, work)
        self._orders.note_written(partition, work)
        if self._sources.direct_source is not None:
            for event_type, newest in work.newest.items():
                written_ms = self._reader.written_ms(newest, self._sources.now_ms)
                partition.direct_producers.note_event(event_type, written_ms)
        if work.waiting:
            self._blocked.set()
        metrics.STEP_SECONDS.observe(time.perf_counter() - started)
        return True

    def _decide_customer(
        self,
        customer_id: str,
        raw: bytes | None,
        events: "Sequence[tuple[Event, ConsumerRecord]]",
        standing: Standing,
        deciding: Deciding,
        work: UnitOfWork,
    ) -> CustomerStep | None:
        """Decide for one customer. If the events cannot be folded together, fold each of them alone.

        An event that cannot be folded alone becomes a dead letter; the customer's other events still count.
        """
        try:
            return deciding.fold(customer_id, raw, [event for event, _ in events], standing)
        except LingerError:
            raise
        except Exception as error:  # a bug in deciding must not stop the other customers
            log.exception(
                log_events.DEAD_LETTERED,
                partition=deciding.partition,
                customer=logs.customer_ref(customer_id),
                error=type(error).__name__,
            )
            reason = InvalidEvent("fold_failed", f"{type(error).__name__} while folding")
            if len(events) == 1:
                work.dead_letters.append(self._reader.dead_letter(events[0][1], reason))
                return None
        last: CustomerStep | None = None
        for event in events:
            single = self._decide_customer(customer_id, raw, [event], standing, deciding, work)
            if single is not None:
                raw = single.stored
                if last is not None:
                    single.after(last)
                last = single
        return last


def _chunks(records: Sequence[ConsumerRecord]) -> Iterator[list[ConsumerRecord]]:
    """Split records so that no step has more than `MAX_CUSTOMERS` customers or `_MAX_RECORDS` records."""
    chunk: list[ConsumerRecord] = []
    keys: set[bytes | None] = set()
    for record in records:
        if len(chunk) >= _MAX_RECORDS or (len(keys) >= MAX_CUSTOMERS and record.key not in keys):
            yield chunk
            chunk, keys = [], set()
        chunk.append(record)
        keys.add(record.key)
    if chunk:
        yield chunk
