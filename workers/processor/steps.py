"""Steps: opened, stamped with the active rules, committed, and then published."""

from contextlib import AbstractAsyncContextManager

import structlog

from schemas.durations import DAY_MS
from workers.core.decisions.published import PublishedRecord, read_record
from workers.experiments.figures import entered
from workers.kafka.partitioner import partition_of
from workers.kafka.records import encode_record
from workers.observability import log_events, metrics
from workers.pauses.pause_list import PauseList
from workers.processor.active_rules import ActiveRules
from workers.processor.days.counting import counted_facts, doings_of, lasting_facts, none_closed, summed
from workers.processor.partition import OwnedPartition
from workers.processor.release_policy import paused_detail
from workers.processor.source_view import SourceView
from workers.processor.unit_of_work import UnitOfWork
from workers.settings import Settings
from workers.state.meta import CLOSED_BEFORE
from workers.state.source_sets.activation import OlderSources
from workers.state.source_sets.stored import newest_sources
from workers.state.step import Step, WriteSet
from workers.state.store import Store

log = structlog.get_logger(__name__)


class Steps:
    """Turns units of work into atomic steps; the caller holds the partition's lock.

    Attributes:
        topic_prefix: of the topics to publish to.
    """

    def __init__(
        self, settings: Settings, store: Store, rules: ActiveRules, pauses: PauseList, sources: SourceView
    ) -> None:
        self.topic_prefix = settings.topic_prefix
        self._partitions = settings.partitions
        self._store = store
        self._rules = rules
        self._pauses = pauses
        self._sources = sources

    def belongs(self, partition: OwnedPartition, customer_id: str) -> bool:
        """Return whether a customer's events come to this partition.

        Records in the wrong partition were once folded there: what they left of a customer must never act.
        """
        return partition_of(customer_id, self._partitions) == partition.number

    def begin(self, partition: OwnedPartition) -> AbstractAsyncContextManager[Step]:
        """Return one step of a partition, to be read and committed."""
        return self._store.step(partition.number, partition.meta)

    async def require_newest_sources(self, generation: int) -> None:
        """Ask whether newer sources have made what cannot be read here; 0 stands for sources that are not agreed.

        Raises:
            OlderSources: other workers have newer sources.
            Transient: if Redis does not answer.
        """
        if generation and (newest := await newest_sources(self._store)) > generation:
            raise OlderSources(generation, newest)

    def write_set(self, partition: OwnedPartition, work: UnitOfWork) -> WriteSet:
        """Return the writes of a step with this work, stamped with the active rules.

        It trims what is done of the outbox, and holds what of it was not sent because its rule is paused: in one
        step, so that neither a crash nor another owner loses or doubles it.
        """
        trim = partition.outbox.confirmed()
        for record in partition.outbox.withheld(trim):
            # What the partition was claimed with is as it was read.
            action = record if isinstance(record, PublishedRecord) else read_record(encode_record(record))
            work.withdraw(action, paused_detail(self._pauses.pause_of(action.rule)))
        work.unsent += partition.outbox.dropped(trim)
        changes = work.changes(trim)
        self._count(partition, work, changes)
        partition.stamp(changes, self._rules.current, self._partitions)
        return changes

    def _count(self, partition: OwnedPartition, work: UnitOfWork, changes: WriteSet) -> None:
        """Add to a step what it writes of the book; what a rebuild does not count again is not counted in one."""
        closed_before = partition.close_what_is_empty()
        if closed_before != partition.closed_before:
            changes.fields[CLOSED_BEFORE] = str(closed_before)
        changes.facts = summed(partition.open_days.fitted(counted_facts(work.facts, closed_before)))
        if not partition.is_replayed:
            lasting = lasting_facts(work.facts, closed_before)
            lasting += doings_of(work.records, work.withdrawn)
            changes.doings = summed(none_closed(lasting, closed_before, self._sources.now_ms // DAY_MS))

    def empty_write_set(self, partition: OwnedPartition) -> WriteSet:
        """Return the writes of a step without work: only the stamp of the active rules."""
        changes = WriteSet()
        partition.stamp(changes, self._rules.current, self._partitions)
        return changes

    async def commit(self, partition: OwnedPartition, changes: WriteSet) -> None:
        """Take one step that reads no customer; see `OwnedPartition.commit`."""
        await partition.commit(self._store, changes)

    def publish(self, partition: OwnedPartition, changes: WriteSet, work: UnitOfWork) -> None:
        """Hand the records of a committed step to the outbox, and count the step in the metrics."""
        partition.outbox.trimmed(changes.trim)
        partition.outbox.put(work.outgoing, work.written_ms())
        partition.open_days.note((*changes.facts, *changes.doings))
        metrics.LAST_STEP.set_to_current_time()
        work.report()
        if changes.experiments:
            self._report_entries(changes)
        if work.unnamed:
            log.error(log_events.ACTION_UNKNOWN, partition=partition.number, versions=dict(work.unnamed))

    def _report_entries(self, changes: WriteSet) -> None:
        """Count in the metrics which customers have entered experiments."""
        names = {one.key: one.name for one in self._rules.current.experiments}
        for (key, arm), number in entered(changes.experiments).items():
            if key in names and number > 0:
                metrics.EXPERIMENT_CUSTOMERS.labels(names[key], arm).inc(number)
