"""Assignment: from where to read each assigned partition, and where each delivery goes."""

import asyncio
from collections.abc import Callable, Mapping

from faust.types import TP

from workers.core.watermarks import Progress
from workers.errors import LingerError
from workers.intake.agent import Accepted
from workers.kafka.faust_batches import Delivery
from workers.kafka.records import SeekTo, TopicPartition
from workers.kafka.topics import LogBounds
from workers.processor.results import Dropped, Processed
from workers.runtime.failure import Failure
from workers.runtime.gaps import GapCheck, report_lost
from workers.runtime.parts import Parts
from workers.runtime.preflight import Preflight
from workers.state.stopped_sources import Stop, read_stops


class Assignment:
    """Claims the partitions assigned to this worker, and returns where to start reading.

    Attributes:
        was_claimed: whether the partitions of some assignment were claimed since the start, or there were none.
    """

    def __init__(self, parts: Parts, preflight: Preflight, failure: Failure) -> None:
        self._store = parts.store
        self._reader = parts.reader
        self._topics = parts.topics
        self._marks = parts.marks
        self._intake = parts.intake
        self._processor = parts.processor
        self._preflight = preflight
        self._failure = failure
        self._claiming = asyncio.Lock()
        self.was_claimed = False
        # The end offset of the embedded broker is a lower bound, so a position beyond it proves nothing there.
        self._ends_are_exact = parts.settings.kafka_enable_idempotence

    async def positions(self, assigned: set[TP], committed: Mapping[TP, int | None]) -> dict[TP, int]:
        """Claim the assigned partitions and return where to read each from.

        Args:
            assigned: all partitions of this worker, perhaps none; it gives up all others.
            committed: the offsets that the group committed.

        Raises:
            LingerError: nothing may be claimed; it ends the worker.
        """
        # Rebalances overlap: the assignment that was named last must also be claimed last.
        async with self._claiming:
            try:
                positions = await self._claim(assigned, committed) if assigned else await self._give_up_all()
            except LingerError as error:
                self._failure.note(error)
                raise
            self.was_claimed = True
            return positions

    @property
    def is_claiming(self) -> bool:
        """Whether a claim is under way: what is owned says nothing yet."""
        return self._claiming.locked()

    async def _give_up_all(self) -> dict[TP, int]:
        """Give up every partition. It asks neither Kafka nor Redis: a spare worker must outlast their outage."""
        await self._processor.claim({}, None, {})
        self._intake.assign({}, {}, {})
        return {}

    async def _claim(self, assigned: set[TP], committed: Mapping[TP, int | None]) -> dict[TP, int]:
        topics = await self._reader.describe([*self._topics.partitions])
        # Before the topics are noted: otherwise the tick would not notice that a topic was replaced.
        if (replaced := self._topics.replaced(topics)) is not None:
            raise LingerError(str(replaced))
        self._topics.note(topics)
        self._marks.note(topics)
        if problems := await self._preflight.problems_at_claim(topics):
            raise LingerError("\n".join(problems))
        bounds = await self._reader.bounds(assigned)
        progress = await self._store.progress()
        activity = {tp.partition: bounds[tp] for tp in assigned if tp.topic == self._topics.activity}
        claimed = await self._processor.claim(activity, self._topics.activity_id, progress)
        claimed |= await self._claim_behind(activity)
        stops = (await read_stops(self._store)).stops
        sources = {
            TopicPartition(*tp): max(
                self._source_position(tp, _reached(committed.get(tp), stops.get(tp)), bounds[tp]),
                _forwarded(progress.get(tp), bounds[tp]),
            )
            for tp in assigned
            if tp.topic != self._topics.activity
        }
        self._intake.assign(sources, progress, stops)
        positions = {TP(*topic_partition): offset for topic_partition, offset in sources.items()}
        for partition, partition_bounds in activity.items():
            # A stopped partition is read from its end, where there is nothing to drop.
            positions[TP(self._topics.activity, partition)] = claimed.get(partition, partition_bounds.end)
        return positions

    async def _claim_behind(self, bounds: dict[int, LogBounds]) -> dict[int, int]:
        """Claim partitions again whose log ended before the stored offset, and return where to read them from.

        The previous owner may have read on after the bounds were fetched. Now it is fenced, so bounds fetched
        again are final; `bounds` is updated with them.
        """
        offsets = {}
        for number, partition in list(self._processor.partitions.items()):
            if partition.stopped and partition.meta.offset > bounds[number].end:
                tp = TP(self._topics.activity, number)
                bounds[number] = (await self._reader.bounds([tp]))[tp]
                offset = await self._processor.reclaim(number, bounds[number], self._topics.activity_id)
                if offset is not None:
                    offsets[number] = offset
        return offsets

    def _source_position(self, tp: TP, committed: int | None, bounds: LogBounds) -> int:
        if committed is None or committed < 0:
            return bounds.earliest
        if committed < bounds.earliest:
            report_lost(tp, range(committed, bounds.earliest))
            return bounds.earliest
        if committed > bounds.end and self._ends_are_exact:
            raise LingerError(
                f"source '{tp.topic}' partition {tp.partition} was read up to offset {committed}, "
                f"but ends at {bounds.end}: the topic was deleted and created again, or has lost records. "
                "Restore it; or stop all workers, and to read it from its beginning run: "
                f"linger sources forget {tp.topic}"
            )
        return committed


def _reached(committed: int | None, stop: Stop | None) -> int | None:
    """Return the offset before which every record was forwarded.

    A partition that is held back stops within a delivery, which is not committed then. Read from its beginning, every
    restart would write its first dead letters once more.
    """
    if stop is None or stop.cause == "undecodable":
        return committed
    return stop.offset if committed is None else max(committed, stop.offset)


def _forwarded(progress: Progress | None, bounds: LogBounds) -> int:
    """Return the published offset before which every record was forwarded, if it can be one of this log.

    Kafka's committed offset is that of a whole batch. After a change of sources, the records between the two would
    become events a second time, and perhaps others.
    """
    return progress.offset if progress is not None and progress.offset <= bounds.end else 0


class Deliveries:
    """Hands each delivery to intake or to the processor, and acknowledges or repeats it."""

    def __init__(self, parts: Parts, gaps: GapCheck, failure: Failure) -> None:
        self._reader = parts.reader
        self._intake = parts.intake
        self._processor = parts.processor
        self._gaps = gaps
        self._failure = failure

    async def take_source(self, tp: TP, delivery: Delivery, done: Callable[[], object]) -> None:
        """Queue a batch of a source topic; `done` is called when all of it has been forwarded."""
        match self._intake.accept(TopicPartition(*tp), delivery, done):
            case Accepted(is_full=True):
                self._reader.pause(tp)
            case SeekTo(offset):
                await self._reader.seek(tp, offset)

    async def pass_on(self) -> None:
        """Forward the records that `take_source` queued, until cancelled."""
        await self._failure.guard(self._resume_passed_on())

    async def _resume_passed_on(self) -> None:
        async for topic_partition in self._intake.run():
            self._reader.resume(TP(*topic_partition))

    async def take_activity(self, tp: TP, delivery: Delivery, done: Callable[[], object]) -> None:
        """Fold a batch of the activity topic."""
        # If records before it were deleted unread, the state must stay as it is.
        await self._gaps.until_confirmed(tp)
        result = await self._failure.guard(self._processor.process(tp.partition, delivery))
        match result:
            case Processed():
                done()
            case SeekTo(offset):
                await self._reader.seek(tp, offset)
            case Dropped():  # this worker no longer owns the partition
                pass
