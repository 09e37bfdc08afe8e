"""Replays one partition of the activity topic through a processor, which writes its state and its missing actions.

The only module of the rebuild that uses the processor.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from schemas.sources import SourcesFile
from workers.book.topic import BookTopic
from workers.clock import Clock, Reading
from workers.core.rules.rule_set import RuleSet
from workers.core.watermarks import Progress
from workers.errors import LingerError
from workers.kafka.faust_batches import Delivery
from workers.kafka.producer import Publisher
from workers.kafka.records import SeekTo, TopicPartition
from workers.kafka.topics import LogBounds
from workers.pauses.pause_list import PauseList
from workers.processor.agent import Backends, Processor
from workers.processor.orders.mark_topic import MarkTopic
from workers.processor.partition import OwnedPartition
from workers.processor.results import Dropped, Processed
from workers.processor.unit_of_work import UnitOfWork
from workers.recovery.mark import RebuildMark
from workers.recovery.published import Published
from workers.recovery.release_policy import RebuildPolicy, Tally
from workers.settings import Settings
from workers.state.consistency import Log
from workers.state.meta import REBUILDING, is_since
from workers.state.store import Store

_FETCH_MS: Final = 500
_RECORDS_PER_FETCH: Final = 2_000
_ACTIONS_PER_STEP: Final = 200
_STALL_SECONDS: Final = 60.0
_DRAIN_SECONDS: Final = 60.0
# Each round decides thousands of timers, so a partition that needs more rounds than this will never finish.
_MAX_TIMER_ROUNDS: Final = 10_000

Advance = Callable[[int], None]
"""Called with the number of records folded since the last call."""


@dataclass(frozen=True, slots=True)
class ReplayContext:
    """What the replays of all partitions share.

    Attributes:
        settings: of Linger.
        sources: where the event types come from.
        rules: the active rule set.
        store: of the state.
        publisher: started; of the actions that were never published.
        clock: the time.
        pauses: the paused rules; kept fresh by the rebuild.
        marks: the topic of marks.
        book: the topic of the book.
        published: what is published already.
        tally: counts published and withheld actions.
        tombstone_topics: topics that get a tombstone for an order to erase that no worker has carried out.
        rules_known: Redis still held when each rule was activated.
    """

    settings: Settings
    sources: SourcesFile
    rules: RuleSet
    store: Store
    publisher: Publisher
    clock: Clock
    pauses: PauseList
    marks: MarkTopic
    book: BookTopic
    published: Published
    tally: Tally
    tombstone_topics: Collection[str]
    rules_known: bool


class PartitionReplay:
    """The replay of one partition, from where its state ends to the end that its log had when the rebuild began."""

    def __init__(self, partition: int, log: Log, context: ReplayContext) -> None:
        """Set up without claiming anything.

        Args:
            partition: of the activity topic; its `meta` holds a rebuild mark.
            log: of that partition.
            context: shared by all replays.
        """
        self._partition = partition
        self._log = log
        self._rules = context.rules
        self._store = context.store
        self._published = context.published
        self._policy = RebuildPolicy(
            context.store,
            context.pauses,
            partition,
            context.settings.topic_prefix,
            context.published,
            context.tally,
            rules_known=context.rules_known,
        )
        self._processor = Processor(
            context.settings,
            context.sources,
            context.rules,
            Backends(context.store, context.publisher, context.clock, context.pauses, context.marks, context.book),
            rebuild_policy=self._policy,
        )
        self._processor.customer_orders.tombstone_topics = context.tombstone_topics

    async def run(
        self,
        consumer: AIOKafkaConsumer,
        reading: Reading,
        progress: Mapping[tuple[str, int], Progress],
        covered_since: Mapping[str, int],
        advance: Advance,
    ) -> None:
        """Claim the partition, fold its log, decide its due timers, publish its deferred actions, remove its mark.

        Args:
            consumer: started, without a group; its assignment is changed.
            reading: of the clock.
            progress: of all source partitions.
            covered_since: since when each series is covered (epoch milliseconds), if the state does not say.
            advance: called as records are folded.

        Raises:
            LingerError: if the partition cannot be claimed, a worker claims it, or Kafka sends nothing more.
        """
        offsets = await self._processor.claim(
            {self._partition: LogBounds(self._log.earliest, self._log.end)}, self._log.topic_id, {}
        )
        if self._partition not in offsets:
            raise LingerError(f"partition {self._partition} cannot be rebuilt, see the log")
        try:
            owned = self._owned_partition()
            mark = RebuildMark.parse(owned.meta.fields[REBUILDING])
            self._policy.decided_ms, self._policy.counts = mark.decided_ms, mark.counts
            self._update_watermarks(reading, progress)
            if not any(is_since(name) and value for name, value in owned.meta.fields.items()):
                owned.since = dict(covered_since)
            await self._fold(consumer, offsets[self._partition], advance)
            self._update_watermarks(reading, progress)
            await self._fire_timers()
            await self._processor.stages.agree(owned, self._published.stages.get(self._partition, {}))
            await self._publish_deferred(reading.now_ms)
        finally:
            await self._processor.stop(_DRAIN_SECONDS)

    def _owned_partition(self) -> OwnedPartition:
        """Return the partition as the processor holds it.

        Raises:
            LingerError: if a worker has claimed it.
        """
        partition = self._processor.partitions[self._partition]
        if partition.lost_at is not None:
            raise self._interruption()
        return partition

    def _interruption(self) -> LingerError:
        return LingerError(
            f"a worker claimed partition {self._partition} during the rebuild: stop all workers and run this again; "
            "it continues where it stopped"
        )

    def _update_watermarks(self, reading: Reading, progress: Mapping[tuple[str, int], Progress]) -> None:
        self._processor.observe(reading, progress, {self._partition: 0}, lambda _, offset: offset)

    async def _fold(self, consumer: AIOKafkaConsumer, offset: int, advance: Advance) -> None:
        """Fold the log from an offset to its end."""
        if offset >= self._log.end:
            return
        topic_partition = TopicPartition(self._log.topic, self._partition)
        consumer.assign([topic_partition])
        consumer.seek(topic_partition, offset)
        delivered_until = offset
        advanced_at = time.monotonic()
        while offset < self._log.end:
            fetched: Mapping[Any, list[ConsumerRecord]] = await consumer.getmany(
                timeout_ms=_FETCH_MS, max_records=_RECORDS_PER_FETCH
            )
            records = [record for record in fetched.get(topic_partition, ()) if record.offset < self._log.end]
            if records:
                delivery = Delivery(records, delivered_until)
                seek_to = await self._deliver(delivery)
                if seek_to is not None:
                    offset = delivered_until = seek_to
                    consumer.seek(topic_partition, offset)
                    continue
                delivered_until = delivery.end
            # Not the offset of the last record: transaction markers and compacted records take offsets, too.
            position = await consumer.position(topic_partition)
            if position > offset:
                advance(min(position, self._log.end) - offset)
                offset, advanced_at = position, time.monotonic()
            elif time.monotonic() - advanced_at > _STALL_SECONDS:
                raise LingerError(
                    f"Kafka has sent nothing more of {topic_partition} for {_STALL_SECONDS:.0f} s; run this again"
                )

    async def _deliver(self, delivery: Delivery) -> int | None:
        """Fold one delivery; return the offset to read from again if the processor asks for it."""
        match await self._processor.process(self._partition, delivery):
            case Processed():
                return None
            case SeekTo(offset):
                return offset
            case Dropped():
                raise self._interruption()

    async def _fire_timers(self) -> None:
        """Decide the timers that a live worker would have decided by now."""
        for _ in range(_MAX_TIMER_ROUNDS):
            decided = await self._processor.fire()
            watermarks = self._owned_partition().watermarks.by_type
            bounds = {self._partition: (max(watermarks.values()), watermarks)}
            if self._partition in decided and not await self._store.due(bounds, 1):
                return
        raise LingerError(f"the timers of partition {self._partition} do not come to an end; please report this")

    async def _publish_deferred(self, now_ms: int) -> None:
        """Publish the deferred actions that were not retracted since, and remove the mark."""
        while True:
            meta = self._owned_partition().meta
            work = await self._policy.publish_deferred(meta, self._rules, now_ms, _ACTIONS_PER_STEP)
            if work is None:
                break
            await self._processor.publish(self._partition, work)
        work = UnitOfWork(self._owned_partition().meta)
        await self._processor.publish(self._partition, work, **{REBUILDING: ""})
