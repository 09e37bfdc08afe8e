"""Judges the experiments once an hour, pauses the rules that harm, and copies what is kept of each experiment.

The owner of activity partition 0 does it. The copies are in the topic of the book, for a Redis that is lost.

Judging is beside the work of a worker: it reads what all partitions have counted, and no decision waits for it. What
is found is kept in Redis before a rule is paused, and a pause that has no record yet is written at the next look. So
a worker that dies between the two leaves nothing out, and pauses nothing twice. So it is with the copies: what
differs from what this owner has written is written within a second, and everything once an hour.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from schemas.sources import SourcesFile
from workers.errors import Transient
from workers.experiments.judging import judge, to_pause
from workers.experiments.verdicts import Judged
from workers.kafka.producer import Withdrawn
from workers.kafka.records import PlacedRecord
from workers.observability import log_events, metrics
from workers.pauses.record import PauseRecord, encode_pause
from workers.runtime.parts import Parts
from workers.settings import PAUSES
from workers.verdict.judging import State

log = structlog.get_logger(__name__)

EVERY_SECONDS: Final = 3600.0
_AGAIN_SECONDS: Final = 30.0
"""After Redis did not answer, or while the pauses are not known."""
_LOOK_SECONDS: Final = 1.0
_PARTITION: Final = 0
"""Of the topic of pauses, which has one; and of the activity topic: its owner judges."""


class ExperimentWatch:
    """Judges the experiments of all workers, while this one owns activity partition 0."""

    def __init__(self, parts: Parts, sources: Callable[[], SourcesFile]) -> None:
        """Set up.

        Args:
            parts: of the worker.
            sources: returns what this worker reads, as written.
        """
        self._settings = parts.settings
        self._store = parts.store
        self._clock = parts.clock
        self._publisher = parts.publisher
        self._pauses = parts.pauses.pauses
        self._processor = parts.processor
        self._sources = sources
        self._book = parts.book
        self._known: dict[str, State] = {}
        self._copied: dict[str, str] = {}

    async def watch(self) -> None:
        """Judge at once after partition 0 has come, and every hour from then on, until cancelled."""
        next_at = float("-inf")
        while True:
            if not self._is_judge():
                next_at = float("-inf")
                self._show([])
            else:
                if time.monotonic() >= next_at:
                    self._copied.clear()
                    is_done = await self._look()
                    next_at = time.monotonic() + (EVERY_SECONDS if is_done else _AGAIN_SECONDS)
                await self._copy()
            await asyncio.sleep(_LOOK_SECONDS)

    def _is_judge(self) -> bool:
        partition = self._processor.partitions.get(_PARTITION)
        return partition is not None and partition.lost_at is None

    async def _look(self) -> bool:
        """Judge now; return whether it was done."""
        try:
            now_ms = (await self._clock.read()).now_ms
            wall_ms = time.time_ns() // 1_000_000
            found = await judge(self._store, self._sources(), self._settings.partitions, now_ms, wall_ms)
        except Transient as error:
            log.debug(log_events.STEP_RETRIED, error=str(error))
            return False
        self._show(found)
        records = to_pause(found, self._pauses, wall_ms)
        if records and not self._pauses.is_fresh():
            return False  # one of them may have been paused or resumed meanwhile
        if records:
            await self._pause(records)
        return True

    async def _copy(self) -> None:
        """Copy what has changed of experiments to the topic of the book."""
        try:
            entries = await self._store.fields(self._store.keys.experiments)
        except Transient as error:
            log.debug(log_events.STEP_RETRIED, error=str(error))
            return
        changed = {key: text for key, text in entries.items() if self._copied.get(key) != text}
        if not changed:
            return
        try:
            records = [self._book.experiment_record(key, text) for key, text in changed.items()]
            await self._publisher.send(records, self._is_judge)
        except Withdrawn:
            return  # the next owner of the partition does it
        self._copied.update(changed)

    async def _pause(self, records: Sequence[PauseRecord]) -> None:
        topic = self._settings.topic(PAUSES)
        placed = [PlacedRecord(topic, one.rule.encode(), encode_pause(one), (), _PARTITION) for one in records]
        try:
            await self._publisher.send(placed, self._is_judge)
        except Withdrawn:
            return  # the next owner of the partition does it
        for one in records:
            metrics.HARM_PAUSES.inc()
            log.error(log_events.RULE_HARMS, rule=one.rule, because=one.because)

    def _show(self, found: Sequence[Judged]) -> None:
        states = {one.figures.key: one.verdict.state for one in found}
        metrics.EXPERIMENTS.show({str(state): number for state, number in Counter(states.values()).items()})
        for one in found:
            if self._known.get(one.figures.key) is not one.verdict.state:
                log.info(log_events.EXPERIMENT_JUDGED, experiment=one.name, verdict=one.sentence)
        self._known = states
