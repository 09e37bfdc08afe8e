"""The tick: once in `LINGER_TICK_MS`, everything that depends on time, as a list of steps in a fixed order.

The order keeps watermarks honest: the clock is read first, so everything read after it covers that moment.
"""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP

from workers.clock import Reading
from workers.core.watermarks import Progress
from workers.errors import LingerError, Transient
from workers.intake.source_identity import recreated
from workers.kafka.records import TopicPartition
from workers.kafka.topics import TopicsError
from workers.observability import log_events, metrics
from workers.runtime.gaps import GapCheck
from workers.runtime.health.liveness import Liveness
from workers.runtime.measures.lag import LagWatch, show_source_lag
from workers.runtime.parts import Parts
from workers.runtime.silence import SkipWatch
from workers.runtime.sources import SourcesInForce
from workers.runtime.stopped_sources import StoppedSources
from workers.runtime.watches.own_topics import OwnTopics
from workers.state.consistency import partitions_mismatch
from workers.state.source_sets.stored import source_ids_and_generation

log = structlog.get_logger(__name__)

_First = TypeVar("_First")
_Second = TypeVar("_Second")
_Ends = Mapping[TopicPartition, int]
"""End offsets by topic and partition."""

_LONG_TICK_SECONDS: Final = 5.0
"""From when on a tick that is not over says so: what it waits for is given up only after twice this."""
_IN_FLIGHT_SECONDS: Final = 0.04
"""Longest wait for source records in flight before their progress is reported."""


def problem_of(error: Exception, servers: str) -> str:
    """Return why a tick failed, for people.

    Args:
        error: that ended it.
        servers: of Kafka, as configured; an error of its client does not name them.
    """
    kind, text = type(error).__name__, str(error)
    if text and isinstance(error, LingerError | TimeoutError):
        return text
    worded = f"{kind}: {text}" if text else kind
    return f"Kafka at {servers}: {worded}" if isinstance(error, KafkaError) else worded


class Tick:
    """Reads the clock and the progress of the sources, and decides what is due.

    Attributes:
        silence: which sources and types are silent.
        skips: which sources skip more than is usual.
        stopped: which sources are not read further.
        own_topics: which of Linger's own topics are missing or too small.
        waiting: by topic, which sources of this worker wait for the schema registry, and why.
    """

    def __init__(self, parts: Parts, sources: SourcesInForce, gaps: GapCheck, liveness: Liveness) -> None:
        self._store = parts.store
        self._clock = parts.clock
        self._publisher = parts.publisher
        self._reader = parts.reader
        self._topics = parts.topics
        self._marks = parts.marks
        self._intake = parts.intake
        self._processor = parts.processor
        self._partitions = parts.settings.partitions
        self._gaps = gaps
        self._sources = sources
        self.silence = sources.silence
        self.skips = SkipWatch(parts.intake)
        self.stopped = StoppedSources(parts)
        self.own_topics = OwnTopics(parts.settings)
        self.waiting: Mapping[str, str] = {}
        self._liveness = liveness
        self._lag = LagWatch()
        self._seconds = parts.settings.tick_ms / 1000
        self._servers = parts.settings.kafka_bootstrap_servers
        self._next_at = 0.0
        self._began_at: float | None = None
        self._problem: str | None = None

    @property
    def problem(self) -> str | None:
        """What does not answer; None after a complete tick, unless the present one has waited for long."""
        if self._problem is not None or self._began_at is None:
            return self._problem
        waited = time.monotonic() - self._began_at
        if waited < _LONG_TICK_SECONDS:
            return None
        return f"a tick has waited for {waited:.0f} s: Kafka at {self._servers} or Redis does not answer"

    async def run(self) -> None:
        """Take every step once; a failure outside is noted, and the next tick tries again.

        A tick that starts early, before `LINGER_TICK_MS` have passed, decides only some of the due timers, and leaves
        all later steps to the next regular one.

        Raises:
            LingerError: the state no longer belongs to its topic, or activity records were lost.
        """
        is_early = time.monotonic() < self._next_at
        if not is_early:
            self._next_at = time.monotonic() + self._seconds
        self._began_at = time.monotonic()
        try:
            await self._take_steps(is_early=is_early)
        except (Transient, KafkaError, TopicsError, TimeoutError, OSError) as error:
            metrics.RETRIES.inc()
            self._problem = problem_of(error, self._servers)
            self._liveness.note(time.monotonic(), None, waits=False)
            log.warning(log_events.STEP_RETRIED, error=self._problem)
        finally:
            self._began_at = None
            # Also after a failure: a Redis or Kafka that does not answer is no reason to restart every worker.
            self._liveness.tick(time.monotonic())

    async def _take_steps(self, *, is_early: bool) -> None:
        # Clock first. Everything read below is at least as new, so "seen until now" holds for all of it.
        reading = await self._clock.read()
        if not reading.now_ms:
            return  # a replay that has not begun
        # Gaps before positions: a gap that is confirmed counts as read when progress is reported.
        await self._gaps.check()
        # Topics and ends after the clock: a partition that is added later holds only records later than the clock.
        # Both concurrently, which saves a round trip.
        _, source_ends = await _both(self._check_topics(), self._reader.ends(self._intake.partitions))
        if not is_early:
            await self._check_owners(reading.now_ms)
        # Progress after the ends: it compares the forwarded records with the ends.
        progress = await self._publish_progress(reading, source_ends)
        # Ends of the activity topic after the progress: they cover every event that the progress includes.
        activity_ends = await self._update_watermarks(reading, progress)
        # Timers after the watermarks, which bound what may be decided.
        if is_early:
            await self._processor.fire_soon()
            return
        await self._fire()
        self.silence.note(progress, reading.now_ms)
        self.skips.look(time.monotonic())
        self.waiting = self._intake.waiting.look()
        await self.stopped.look(reading.now_ms)
        self._problem = None
        # Last: the results of the steps above count as progress of this worker.
        self._note_liveness(activity_ends)

    # -- steps ---------------------------------------------------------------------------------------------

    async def _check_topics(self) -> None:
        """Note partitions that were added.

        Raises:
            LingerError: a topic was replaced, so that the state does not belong to it.
        """
        topics, (source_ids, newest) = await _both(
            self._reader.describe([*self._topics.partitions]),
            source_ids_and_generation(self._store),
        )
        self._sources.note_newest(newest)
        sources = {name: topic for name, topic in topics.items() if name in self._intake.topics}
        problems = recreated(source_ids, sources)
        activity = topics.get(self._topics.activity)
        if activity is not None:
            partitions = partitions_mismatch(self._partitions, activity.name, activity.partitions)
            mismatch = partitions or self._topics.replaced(topics)
            problems += [] if mismatch is None else [str(mismatch)]
        if problems:
            raise LingerError("\n".join(problems))
        self._topics.note(topics)
        self._marks.note(topics)
        self.own_topics.note(topics, time.monotonic())

    async def _check_owners(self, now_ms: int) -> None:
        """Hold back the sources whose events some owner of an activity partition cannot distinguish."""
        if self._intake.gives_items:
            older = await self._store.older_owners(range(self._partitions))
            self._intake.stopping.note_older_owners(older, now_ms)

    async def _publish_progress(self, reading: Reading, source_ends: _Ends) -> dict[tuple[str, int], Progress]:
        """Report how far this worker has read its sources; return the progress of all source partitions."""
        await self._intake.wait_for_in_flight(source_ends, _IN_FLIGHT_SECONDS)
        positions = {
            topic_partition: self._reader.position_past_gaps(TP(*topic_partition), offset)
            for topic_partition, offset in self._intake.positions().items()
        }
        reports = self._intake.snapshot(reading, source_ends, self._topics.partitions, positions)
        progress = await self._store.publish_progress({**reports, **self._processor.progress_report()})
        self._intake.note_other_workers(progress)
        show_source_lag(progress, positions, source_ends, reading.now_ms)
        return progress

    async def _update_watermarks(self, reading: Reading, progress: Mapping[tuple[str, int], Progress]) -> _Ends:
        """Update the watermarks of every activity partition; return the end offsets that were used."""
        activity = self._topics.activity
        ends = await self._reader.ends([(activity, partition) for partition in self._processor.partitions])
        by_number = {partition: end for (_, partition), end in ends.items()}

        def position_past_gaps(partition: int, offset: int) -> int:
            return self._reader.position_past_gaps(TP(activity, partition), offset)

        self._lag.look_at_activity(self._processor.partitions, by_number, position_past_gaps)
        if self._sources.is_outdated:
            return ends  # what newer sources read may be missing, so no type counts as seen any further
        self._processor.observe(reading, progress, by_number, position_past_gaps)
        return ends

    async def _fire(self) -> None:
        """Decide the timers that are due, and seek back where Redis lost steps."""
        decided = await self._processor.fire()
        for partition, offset in self._processor.read_again().items():
            await self._reader.seek(TP(self._topics.activity, partition), offset)
        if reports := self._reports(decided):
            fields = [part for pair in reports.items() for part in pair]
            await self._store.redis.call([("HSET", self._store.keys.seen, *fields)])

    def _reports(self, decided: Mapping[int, int]) -> dict[str, str]:
        """Return by partition: until when every type is decided, the next offset, and the records Kafka lacks."""
        return {
            str(number): f"{decided[number]} {partition.meta.offset} {partition.outbox.unconfirmed}"
            for number, partition in self._processor.partitions.items()
            if partition.is_usable and number in decided
        }

    def _note_liveness(self, activity_ends: _Ends) -> None:
        """Note the progress of all work, and whether work waits that only this worker can do."""
        waits = self._intake.is_behind() or any(
            partition.is_usable and self._is_behind(number, partition.meta.offset, activity_ends)
            for number, partition in self._processor.partitions.items()
        )
        versions = tuple(partition.meta.version for partition in self._processor.partitions.values())
        state = self._intake.positions(), versions
        can_work = not self._publisher.is_refused and not self._sources.is_outdated
        self._liveness.note(time.monotonic(), state, waits=waits and can_work)

    def _is_behind(self, partition: int, offset: int, activity_ends: _Ends) -> bool:
        topic_partition = TopicPartition(self._topics.activity, partition)
        position = self._reader.position_past_gaps(TP(*topic_partition), offset)
        return position < activity_ends.get(topic_partition, 0)


async def _both(first: Coroutine[Any, Any, _First], second: Coroutine[Any, Any, _Second]) -> tuple[_First, _Second]:
    """Run two coroutines concurrently, each to its end; raise the error of the first, or else of the second."""
    results = await asyncio.gather(first, second, return_exceptions=True)
    if isinstance(results[0], BaseException):
        raise results[0]
    if isinstance(results[1], BaseException):
        raise results[1]
    return results[0], results[1]
