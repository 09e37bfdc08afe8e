"""Keeps stopped source partitions in Redis, tries them again, and says which there are.

A partition stops when its next batch cannot be decoded, or when too many records of its topic cannot be read. It is
tried once a minute, soon after a restart or a rebalance, and at once when `linger sources resume` asks for it. One
that waits until workers of an older release have gone goes on in the tick that finds them gone. All others go on.
"""

import time
from collections.abc import Mapping
from typing import Final

import structlog
from faust.types import TP

from workers.kafka.faust_batches import Undecodable
from workers.kafka.records import TopicPartition
from workers.observability import log_events, metrics
from workers.runtime.parts import Parts
from workers.state.stopped_sources import Stop, StoredStops, read_stops, write_stops

log = structlog.get_logger(__name__)

_TRY_EVERY_SECONDS: Final = 60.0
_FIRST_TRY_SECONDS: Final = 1.0
"""Until then, some of the records that wait in a partition that was taken over have been fetched."""


class StoppedSources:
    """The stopped source partitions, looked at once a tick.

    Attributes:
        problems: by topic, which of its partitions are stopped, and why; those of all workers.
    """

    def __init__(self, parts: Parts) -> None:
        self._store = parts.store
        self._reader = parts.reader
        self._processor = parts.processor
        self._stopping = parts.intake.stopping
        self._activity = parts.topics.activity
        self._intake = parts.intake
        self._answered: Mapping[str, str] | None = None
        self._next_try: dict[TopicPartition, float] = {}
        self._logged: dict[TopicPartition, Stop] = {}
        self.problems: Mapping[str, str] = {}

    async def look(self, now_ms: int) -> None:
        """Note new stops, try those that are due, and publish what is stopped.

        Args:
            now_ms: Linger's clock.

        Raises:
            Transient: if Redis does not answer.
        """
        stored = await read_stops(self._store)
        self._note_undecodable(now_ms)
        await self._try(stored)
        stops = self._stopping.stops()
        self._log(stops)
        read_here = self._stopping.cursors
        new = {place: stop for place, stop in stops.items() if stored.stops.get(place) != stop}
        await write_stops(self._store, new, {place for place in stored.stops if place in read_here} - stops.keys())
        topics = set(self._intake.topics)
        elsewhere = {
            place: stop for place, stop in stored.stops.items() if place not in read_here and place.topic in topics
        }
        self.problems = StoredStops({**elsewhere, **stops}).problems()
        metrics.STOPPED.show({topic: topic in self.problems for topic in topics})

    def _note_undecodable(self, now_ms: int) -> None:
        for tp, batch in self._reader.undecodable.items():
            if tp.topic == self._activity:
                self._stop_activity(tp, batch)
            else:
                self._stopping.stop_undecodable(TopicPartition(*tp), batch.offset, batch.problem, now_ms)

    def _stop_activity(self, tp: TP, batch: Undecodable) -> None:
        """Stop a partition of the activity topic: it stays claimed, and no step is taken until a restart."""
        partition = self._processor.partitions.get(tp.partition)
        if partition is not None and not partition.stopped:
            partition.stopped = True
            problem = f"the batch at offset {batch.offset} of {tp.topic} cannot be decoded: {batch.problem}"
            remedy = "Fix the topic, then restart the workers; nothing of the partition is lost or skipped"
            log.error(log_events.PARTITION_STOPPED, partition=tp.partition, problem=f"{problem}. {remedy}")

    async def _try(self, stored: StoredStops) -> None:
        requested, stops, now = self._requested(stored), self._stopping.stops(), time.monotonic()
        for place in self._next_try.keys() - stops.keys():
            del self._next_try[place]
        for place, stop in stops.items():
            first_seconds = _FIRST_TRY_SECONDS if place in stored.stops else _TRY_EVERY_SECONDS
            due_at = self._next_try.setdefault(place, now + first_seconds)
            is_asked = place.topic in requested
            is_due = now >= due_at or is_asked
            if is_due:
                self._next_try[place] = now + _TRY_EVERY_SECONDS
            if stop.cause == "dead_letters":
                self._try_reading(place, is_due=is_due, is_asked=is_asked)
            elif stop.cause == "undecodable":
                await self._try_decoding(TP(*place), is_due=is_due)

    def _try_reading(self, place: TopicPartition, *, is_due: bool, is_asked: bool) -> None:
        """Look further ahead of where it stopped; go on if that is due, and the cause is over or an operator asks."""
        if self._stopping.has_room(place):
            self._reader.resume(TP(*place))
        if is_asked:
            self._stopping.go_on_at_once(place.topic)
        elif is_due:
            self._stopping.go_on_if_readable(place.topic)

    async def _try_decoding(self, tp: TP, *, is_due: bool) -> None:
        """Fetch the batch again if that is due; go on once it has arrived."""
        batch = self._reader.undecodable.get(tp)
        if batch is None:
            self._stopping.go_on_if_decoded(TopicPartition(*tp))
        elif is_due:
            await self._reader.seek(tp, batch.offset)

    def _requested(self, stored: StoredStops) -> set[str]:
        """Return the topics that an operator asked to go on with since the last look; nothing at the first one."""
        answered, self._answered = self._answered, stored.requests
        if answered is None:
            return set()
        return {topic for topic, request in stored.requests.items() if answered.get(topic) != request}

    def _log(self, stops: Mapping[TopicPartition, Stop]) -> None:
        for place, stop in stops.items():
            if place not in self._logged:
                log.error(
                    log_events.SOURCE_STOPPED, topic=place.topic, partition=place.partition, problem=stop.problem
                )
        for place in self._logged:
            if place not in stops and place in self._stopping.cursors:
                log.info(log_events.SOURCE_GOES_ON, topic=place.topic, partition=place.partition)
        self._logged = dict(stops)
