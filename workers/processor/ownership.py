"""Ownership: which activity partitions this worker has claimed, and what happens when one is lost or set back.

It never folds an event and never decides.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import count
from typing import Final, TypeVar

import structlog

from workers.core.direct_producers import DirectProducerProgress
from workers.core.meaning import MEANING
from workers.core.watermarks import (
    NO_WATERMARK_MS,
    PartitionWatermarks,
    Progress,
    sent_to,
    watermarks_in_partition,
)
from workers.errors import Fenced, PartitionStopped, Transient
from workers.kafka.producer import Publisher
from workers.kafka.topics import LogBounds
from workers.observability import log_events, metrics
from workers.outbox.claim import StoredClaim
from workers.outbox.outbox import Outbox
from workers.pauses.pause_list import PauseList
from workers.processor.active_rules import ActiveRules
from workers.processor.days.claiming import ClosedDays
from workers.processor.layout_order import LayoutOrder
from workers.processor.orders.mark_book import MarkBook
from workers.processor.partition import OwnedPartition
from workers.processor.source_view import SourceView
from workers.settings import Settings
from workers.state.consistency import Log, check_consistency, end_of_log
from workers.state.meta import GENERATION, REBUILDING, SWEPT, Meta, meaning_fields, meaning_of, meant_in, topic_fields
from workers.state.step import WriteSet
from workers.state.store import Claimed, Store

log = structlog.get_logger(__name__)

_Answer = TypeVar("_Answer")

_RETRY_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
_VERSION_CHECK_SECONDS: Final = 10.0
"""How often the stored versions are compared with ours. It only matters for partitions without traffic."""


class Ownership:
    """The partitions that this worker has claimed.

    Attributes:
        partitions: by number. Only this class adds and removes them.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        publisher: Publisher,
        rules: ActiveRules,
        sources: SourceView,
        pauses: PauseList,
        layouts: LayoutOrder,
        marks: MarkBook,
        days: ClosedDays,
        *,
        rebuilding: bool,
    ) -> None:
        """Set up without claiming anything.

        Args:
            settings: of this worker.
            store: of the state.
            publisher: of the outboxes.
            rules: the active rule set.
            sources: whose progress limits how far a log must reach.
            pauses: asked by the outboxes.
            layouts: in which layout partitions are written.
            marks: of customers, read at a claim.
            days: of the book, likewise.
            rebuilding: whether this is the rebuild itself, so that its unfinished mark is no obstacle.
        """
        self.partitions: dict[int, OwnedPartition] = {}
        self._settings = settings
        self._store = store
        self._publisher = publisher
        self._rules = rules
        self._sources = sources
        self._pauses = pauses
        self._layouts = layouts
        self._marks = marks
        self._days = days
        self._rebuilding = rebuilding
        self._claiming = asyncio.Lock()
        self._versions_checked_at = time.monotonic()

    def usable(self) -> list[OwnedPartition]:
        """Return the partitions that may take steps."""
        return [partition for partition in self.partitions.values() if partition.is_usable]

    def outdated(self) -> list[int]:
        """Return the partitions that are stopped until newer rules are loaded."""
        return [partition.number for partition in self.partitions.values() if partition.outdated]

    async def claim(
        self, bounds: Mapping[int, LogBounds], topic_id: str | None, progress: Mapping[tuple[str, int], Progress]
    ) -> dict[int, int]:
        """Claim exactly these partitions, release all others, and return where to read each from.

        A partition whose state and log do not match is left out of the result, with an error in the log.
        """
        async with self._claiming:
            await self.release_all()
            numbers = sorted(bounds)
            if numbers:  # a worker without partitions needs no answer of Redis
                await self._patiently(self._layouts.read)
                await self._patiently(self._marks.open)
                self._sources.progress = progress
                await self._patiently(partial(self._marks.read_ahead, numbers))
                await self._patiently(partial(self._days.read_ahead, numbers))
            offsets = await asyncio.gather(*(self._claim(number, bounds[number], topic_id) for number in numbers))
            metrics.PARTITIONS.set(len(self.partitions))
            log.info(log_events.PARTITIONS_CLAIMED, partitions=sorted(self.partitions))
            return {number: offset for number, offset in zip(numbers, offsets, strict=True) if offset is not None}

    async def reclaim(self, number: int, bounds: LogBounds, topic_id: str | None) -> int | None:
        """Claim a stopped partition again.

        Returns:
            Where to read it from; None if it stays stopped or is not claimed here any more.
        """
        async with self._claiming:
            partition = self.partitions.get(number)
            if partition is None or not partition.stopped:
                return None
            await self._release(number)
            await self._patiently(self._layouts.read)
            return await self._claim(number, bounds, topic_id)

    async def release_all(self) -> None:
        """Release every partition; unconfirmed records stay in Redis for the next owner."""
        for number in list(self.partitions):
            await self._release(number)

    async def lose(self, partition: OwnedPartition) -> None:
        """Stop publishing for a partition that another worker owns."""
        partition.lost_at = time.monotonic()
        metrics.FENCED.inc()
        log.warning(log_events.PARTITION_FENCED, partition=partition.number)
        await partition.outbox.close()

    async def recover(self, partition: OwnedPartition, error: Transient, attempt: int) -> None:
        """Continue from the stored state after a step that got no answer; wait until Redis answers.

        Args:
            partition: the partition of the step; the caller holds its lock.
            error: the error that the step raised.
            attempt: how many attempts at the same records failed before; the pause grows with it.

        Raises:
            Fenced: if another worker owns the partition by now.
        """
        metrics.RETRIES.inc()
        log.warning(log_events.STEP_RETRIED, partition=partition.number, error=str(error))
        while True:
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
            attempt += 1
            try:
                claimed = await self._store.claim(partition.number, partition.meta.owner, again=True)
                marks, missing = await self._marks.read(partition.number, claimed.meta, partition.meta.topic_id)
                open_days, _ = await self._days.read(partition.number, claimed.meta)
                if missing is not None:
                    async with self._store.step(partition.number, claimed.meta) as step:
                        await step.read(())
                        await step.commit(missing)
            except Transient as again:
                log.warning(log_events.STEP_RETRIED, partition=partition.number, error=str(again))
                continue
            self._restore(partition, claimed.meta)
            partition.marks, partition.open_days = marks, open_days
            # The stored outbox is the truth: if the step was taken, its records are in it. Records that were sent
            # and not trimmed are published again, with the same ids.
            await partition.outbox.close()
            partition.outbox = self._outbox(partition.number, claimed)
            return

    async def attempt(self, partition: OwnedPartition, step: Awaitable[None]) -> bool:
        """Take a step that need not be repeated; recover the partition if it got no answer, lose it if it is fenced.

        Args:
            partition: the partition of the step; the caller holds its lock.
            step: reads and commits.

        Returns:
            Whether the step was taken.
        """
        try:
            await step
        except Fenced:
            await self.lose(partition)
        except Transient as error:
            try:
                await self.recover(partition, error, 0)
            except Fenced:
                await self.lose(partition)
        else:
            return True
        return False

    async def set_back(self) -> list[OwnedPartition]:
        """Return the partitions whose stored version is older than ours: a failover lost steps.

        A partition with traffic notices this in its next step. This check is for the others, so it asks Redis only
        every 10 seconds and returns nothing in between.
        """
        if time.monotonic() - self._versions_checked_at < _VERSION_CHECK_SECONDS:
            return []
        versions = {partition.number: partition.meta.version for partition in self.usable()}
        stored = await self._store.metas(versions)
        await self._layouts.read()
        self._versions_checked_at = time.monotonic()
        return [
            partition
            for number, version in versions.items()
            if (partition := self.partitions.get(number)) is not None
            and int(stored[number].get("version", 0)) < version
        ]

    def read_again(self) -> dict[int, int]:
        """Return where to read partitions again after Redis lost steps outside a delivery; each loss only once."""
        partitions = [partition for partition in self.usable() if partition.lost_steps]
        for partition in partitions:
            partition.lost_steps = False
        return {partition.number: partition.meta.offset for partition in partitions}

    async def _claim(self, number: int, bounds: LogBounds, topic_id: str | None) -> int | None:
        owner = uuid.uuid4().hex[:16]
        claimed = await self._patiently(partial(self._store.claim, number, owner))
        meta = claimed.meta
        fresh = meta.offset < 0
        if fresh:
            meta.offset = bounds.earliest
        previous = self._sources.progress.get((self._sources.activity_topic, number))
        begun = (meta, self._outbox(number, claimed), self._no_watermarks(), DirectProducerProgress.resumed(previous))
        partition = self.partitions[number] = OwnedPartition(
            number, *begun, fresh=fresh, earliest=bounds.earliest, is_replayed=self._rebuilding, is_read=False
        )
        try:
            self._check(number, meta, bounds, topic_id)
        except PartitionStopped as stopped:
            partition.stopped = True
            partition.outdated = self._is_outdated(meta)
            log.error(log_events.PARTITION_STOPPED, partition=number, problem=str(stopped))
            return None
        changed: dict[str, str | int] = {}
        if meta.topic_id is None and topic_id is not None:
            meta.topic_id = topic_id
            changed |= topic_fields(topic_id, partition.layout)
        changed |= self._layouts.fields(partition)
        partition.marks, marks = await self._patiently(partial(self._marks.read, number, meta, meta.topic_id))
        partition.open_days, closed = await self._patiently(partial(self._days.read, number, meta))
        changed |= closed
        if not fresh and meaning_of(meta.fields)[1] < self._rules.current.meaning_generation:
            changed |= await self._begin_meaning(number, meta)
        if marks is not None and not fresh:
            changed[SWEPT] = "0"  # written by a release without marks: the sweep marks who has opted out
        if changed or marks is not None:
            marks = marks or WriteSet()
            marks.fields |= changed
            await partition.commit(self._store, marks)
        partition.meant, partition.is_read = meant_in(meta.fields), True
        return meta.offset

    async def _begin_meaning(self, number: int, meta: Meta) -> dict[str, str]:
        """Note in `meta` up to when the release with the meaning before has decided; return the changed fields.

        Called before intake of this release can have read anything.
        """
        progress = self._sources.progress
        is_behind = meta.offset < sent_to(number, progress.values())
        decided_ms = await self._store.decided_ms(number) if is_behind else None
        latest_ms = max((report.watermark_ms for report in progress.values()), default=NO_WATERMARK_MS)
        meant = watermarks_in_partition(self._sources.sources, progress, latest_ms, decided_ms)
        fields = meaning_fields(MEANING, self._rules.current.meaning_generation, meant)
        meta.fields.update(fields)
        log.info(log_events.MEANING_BEGAN, partition=number, meaning=MEANING)
        return fields

    async def _patiently(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Ask Redis; retry while it is silent for less than the session timeout."""
        give_up_at = time.monotonic() + self._settings.kafka_session_timeout_ms / 1000
        for attempt in count():
            try:
                return await ask()
            except Transient as error:
                if time.monotonic() > give_up_at:
                    raise
                metrics.RETRIES.inc()
                log.warning(log_events.STEP_RETRIED, error=str(error))
                await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
        raise AssertionError("unreachable")

    def _check(self, number: int, meta: Meta, bounds: LogBounds, topic_id: str | None) -> None:
        """Raise PartitionStopped if the stored state cannot be continued by these rules from this log."""
        if self._is_outdated(meta):
            raise PartitionStopped(
                number,
                f"it was decided by rule set {meta.fields['generation']}, newer than this worker's, "
                f"{self._rules.current.generation}",
                "It goes on when this worker has loaded the newer rule files",
            )
        topic, sent = self._sources.activity_topic, sent_to(number, self._sources.progress.values())
        end = end_of_log(bounds.end, sent, is_lower_bound=not self._settings.kafka_enable_idempotence)
        fields = {name: value for name, value in meta.fields.items() if name != REBUILDING or not self._rebuilding}
        mismatch = check_consistency(
            fields, meta.offset, meta.topic_id, Log(topic, topic_id, self._settings.partitions, bounds.earliest, end)
        )
        if mismatch is not None:
            raise PartitionStopped(number, mismatch.problem, mismatch.remedy)

    def _is_outdated(self, meta: Meta) -> bool:
        return int(meta.fields.get(GENERATION, 0)) > self._rules.current.generation

    def _restore(self, partition: OwnedPartition, meta: Meta) -> None:
        """Continue from the stored `meta`, which is older than ours if a failover lost steps."""
        before, partition.meta = partition.meta.offset, meta
        if meta.offset < 0:
            meta.offset = partition.earliest
        if meta.offset < before:
            log.warning(log_events.STEPS_LOST, partition=partition.number, offset=meta.offset, was=before)
            partition.lost_steps = True
            # No timer may fire until the lost records are folded again.
            partition.direct_producers.last_direct_ms = 0
            partition.watermarks = self._no_watermarks()

    def _no_watermarks(self) -> PartitionWatermarks:
        return PartitionWatermarks(dict.fromkeys(self._sources.event_types, NO_WATERMARK_MS))

    def _outbox(self, number: int, claimed: Claimed) -> Outbox:
        claim = StoredClaim(partial(self._store.meta, number), claimed.meta.owner)
        with structlog.contextvars.bound_contextvars(partition=number):  # of all that its task logs
            return Outbox(self._publisher, claimed.outbox, self._settings.outbox_limit, self._pauses, claim)

    async def _release(self, number: int) -> None:
        partition = self.partitions.pop(number)
        partition.lost_at = time.monotonic()
        await partition.outbox.close()
