"""The conditions of this worker: why each of the catalogue holds now. It changes nothing but metrics."""

import asyncio
import time
from collections.abc import Mapping

from workers.observability import metrics
from workers.observability.conditions import CATALOGUE, Health, Reasons, is_wrong
from workers.requests.reader import RequestReader
from workers.runtime.assignment import Assignment
from workers.runtime.health.liveness import Liveness
from workers.runtime.health.readiness import Readiness
from workers.runtime.parts import Parts
from workers.runtime.patterns import PatternTopics
from workers.runtime.pauses import PauseWatch
from workers.runtime.reload import Reload
from workers.runtime.sources import SourcesInForce
from workers.runtime.tick import Tick
from workers.runtime.watches.other_workers import OtherWorkers


class Conditions:
    """Looks at every part of a worker that can say that something is wrong."""

    def __init__(
        self,
        parts: Parts,
        liveness: Liveness,
        readiness: Readiness,
        assignment: Assignment,
        tick: Tick,
        reload: Reload,
        sources: SourcesInForce,
        patterns: PatternTopics,
        pauses: PauseWatch,
        others: OtherWorkers,
        requests: RequestReader,
    ) -> None:
        self._membership = parts.reader.membership
        self._processor = parts.processor
        self._intake = parts.intake
        self._liveness = liveness
        self._readiness = readiness
        self._assignment = assignment
        self._tick = tick
        self._reload = reload
        self._sources = sources
        self._patterns = patterns
        self._pauses = pauses
        self._publisher = parts.publisher
        self._others = others
        self._requests = requests
        self._stop: asyncio.Event | None = None

    def ends_with(self, stop: asyncio.Event) -> None:
        """Count the worker as ending from the moment at which `stop` is set."""
        self._stop = stop

    def health(self) -> Health:
        """Return what the endpoints ask for."""
        return Health(self.stalled, self.unready, self.reasons)

    def stalled(self) -> str | None:
        """Return why the worker counts as stalled, None if it makes progress."""
        return self._liveness.problem(time.monotonic())

    def unready(self) -> str | None:
        """Return why the worker is not ready, None if it is."""
        if self._stop is not None and self._stop.is_set():
            self._readiness.is_ending = True
        if self._assignment.was_claimed and not self._assignment.is_claiming:
            partitions = self._processor.partitions.values()
            self._readiness.note_claimed([one.stopped for one in partitions if one.lost_at is None])
        return self._readiness.problem(self._membership.unconfirmed_seconds(time.monotonic()))

    def reasons(self) -> Reasons:
        """Return why each condition holds, None if it does not, and set its metric."""
        partitions = self._processor.partitions.values()
        stopped = [partition.number for partition in partitions if partition.stopped]
        lost = [partition.number for partition in partitions if partition.lost_at is not None]
        is_assigned = bool(partitions or self._intake.partitions)
        reasons: dict[str, str | None] = {
            "progress": self.stalled(),
            "group": self._without_group(),
            "outside": self._tick.problem,
            "own_topics": self._tick.own_topics.problem,
            "publishing": self._publisher.refusal,
            "rules": self._reload.problem,
            "rule_sets": self._others.problem,
            "newest_sources": self._sources.problem,
            "patterns": self._patterns.notes(),
            "assigned": None if is_assigned else "no partition is assigned",
            "stopped": f"partitions {stopped} are stopped, see the log" if stopped else None,
            "lost": f"partitions {lost} belong to another worker" if lost else None,
            "pauses": self._pauses.problem,
            "requests": self._requests.problem,
            "brake": self._pauses.brake_problem,
            "sources": self._tick.silence.problem(),
            "skipped": _listed(self._tick.skips.problems),
            "stopped_sources": _listed(self._tick.stopped.problems),
            "schema_registry": _listed(self._tick.waiting),
        }
        for name in CATALOGUE:
            metrics.CONDITION.labels(name).set(is_wrong(reasons[name]))
        return reasons

    def _without_group(self) -> str | None:
        seconds = self._membership.unconfirmed_seconds(time.monotonic())
        if seconds is None:
            return "the worker has not joined the consumer group yet"
        if seconds > self._readiness.session_seconds:
            return f"the consumer group has not confirmed this worker as a member for {seconds:.0f} s"
        return None


def _listed(problems: Mapping[str, str]) -> str | None:
    """Return problems by topic as one line, None if there are none."""
    return "; ".join(f"{topic}: {problem}" for topic, problem in problems.items()) or None
