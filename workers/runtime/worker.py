"""One worker process: assembles the parts, keeps them running, and stops them in order."""

import asyncio
import platform
import time
from collections.abc import Awaitable
from importlib.metadata import version
from typing import Any, Final

import structlog
from aiokafka.errors import KafkaError

from workers.core.decisions.turn import __file__ as core_file
from workers.errors import LingerError, StartupError
from workers.loading import Configuration
from workers.observability import log_events, metrics
from workers.observability.http_server import Endpoints, Reloaded
from workers.observability.listening import worded
from workers.operations.upgrade.finish import finish_at_start
from workers.runtime.assignment import Assignment, Deliveries
from workers.runtime.failure import Failure, unless
from workers.runtime.gaps import GapCheck
from workers.runtime.health.conditions import Conditions
from workers.runtime.health.liveness import LEAST_PATIENCE_SECONDS, Liveness
from workers.runtime.health.readiness import Readiness
from workers.runtime.measures.beginnings import begin_activity, begin_requests
from workers.runtime.measures.queues import QueueWatch
from workers.runtime.parts import build_parts
from workers.runtime.patterns import PatternTopics
from workers.runtime.pauses import PauseWatch
from workers.runtime.preflight import Preflight
from workers.runtime.reader import ACTIVITY, PROBE_SECONDS, SOURCES, Subscription
from workers.runtime.reload import Reload
from workers.runtime.sources import SourcesInForce
from workers.runtime.tick import Tick
from workers.runtime.watches.compacted_topics import CompactedTopics
from workers.runtime.watches.experiments import ExperimentWatch
from workers.runtime.watches.other_workers import OtherWorkers, instance_taken
from workers.settings import REQUESTS, Settings

log = structlog.get_logger(__name__)

_PARTITIONS_AT_ONCE: Final = 8
"""Activity partitions handled concurrently: one waits for Redis while another is folded."""
_LEAST_PAUSE_SECONDS: Final = 0.02
"""Least pause between two ticks, even before an early one: under load, some action always waits for a tick."""
_WATCHDOG_SECONDS: Final = 1.0
"""How often liveness is checked while a tick runs."""


class Worker:
    """A worker process from start to stop."""

    def __init__(self, settings: Settings, configuration: Configuration) -> None:
        sources, rules = configuration.sources, configuration.rules
        parts = build_parts(settings, sources, rules)
        self._settings = settings
        self._rules = rules
        self._store = parts.store
        self._clock = parts.clock
        self._publisher = parts.publisher
        self._reader = parts.reader
        self._topics = parts.topics
        self._intake = parts.intake
        self._processor = parts.processor
        self._schemas = parts.schemas
        self._failure = Failure()
        self._preflight = Preflight(parts)
        self._sources = SourcesInForce(parts, sources)
        self._patterns = PatternTopics(parts, self._sources)
        self._reload = Reload(parts, self._preflight, self._sources, configuration)
        gaps = GapCheck(parts.reader, parts.topics.activity)
        self._assignment = Assignment(parts, self._preflight, self._failure)
        self._deliveries = Deliveries(parts, gaps, self._failure)
        patience_seconds = max(LEAST_PATIENCE_SECONDS, 3 * settings.kafka_session_timeout_ms / 1000)
        self._liveness = Liveness(patience_seconds, time.monotonic(), time.monotonic())
        self._pauses = PauseWatch(parts)
        self._queues = QueueWatch(parts)
        self._compacted = CompactedTopics(parts)
        self._experiments = ExperimentWatch(parts, lambda: self._sources.current.written)
        self._requests = parts.requests
        self._tick = Tick(parts, self._sources, gaps, self._liveness)
        self._others = OtherWorkers(parts, self._versions)
        self._readiness = Readiness(settings.kafka_session_timeout_ms / 1000)
        self._conditions = Conditions(
            *(parts, self._liveness, self._readiness, self._assignment, self._tick),
            *(self._reload, self._sources, self._patterns, self._pauses, self._others),
            requests=self._requests,
        )
        token = None if settings.http_token is None else settings.http_token.get_secret_value()
        self._endpoints = Endpoints(
            *(settings.http_host, settings.http_port, self._conditions.health(), self.reload, token),
            allowed_hosts=settings.allowed_hosts,
        )
        self._port = 0

    async def run(self, stop: asyncio.Event, reload_asked: asyncio.Event) -> None:
        """Work until `stop` is set; if that is while the worker starts, it starts no further.

        Args:
            stop: ends the worker, at any moment.
            reload_asked: set for a reload, at any moment. What is asked while one is under way is one more reload.

        Raises:
            StartupError: an external precondition is not met; lists every problem.
            LingerError: the error that ended the worker.
        """
        self._conditions.ends_with(stop)
        core = "plain Python" if core_file is not None and core_file.endswith(".py") else "compiled"
        metrics.BUILD.labels(version("linger"), core, platform.python_version()).set(1)
        metrics.ALL_PARTITIONS.set(self._settings.partitions)
        begin_activity(self._topics.activity)
        begin_requests(self._settings.topic(REQUESTS))
        log.info(log_events.WORKER_STARTING, rules=len(self._rules.rules), rule_set=self._rules.hash, core=core)
        if not await unless(stop, self._check_and_join()):
            await self._stop()
            return
        tasks: list[asyncio.Task[None]] = []
        try:
            if await unless(stop, self._start()):
                tasks = self._tasks(reload_asked)
                log.info(log_events.WORKER_READY, http_port=self._port)
                await self._work(stop)
        except BaseException as error:
            log.error(log_events.WORKER_FAILED, error=f"{type(error).__name__}: {error}")
            raise
        finally:
            for task in tasks:
                task.cancel()
            await self._stop()

    async def _check_and_join(self) -> None:
        await self._preflight.check()
        self._readiness.is_reached = True
        try:
            await self._pauses.start()  # before anything is published
            await self._join()
        except BaseException:
            await self._leave()
            raise

    async def _start(self) -> None:
        try:
            await self._publisher.start()
            await self._reader.connect()
        except (KafkaError, OSError) as error:  # it has answered a moment ago
            servers = self._settings.kafka_bootstrap_servers
            raise StartupError([f"no Kafka broker answers any more at {servers}: {error}"]) from error
        self._port = await self._listen()
        starting: asyncio.Task[Any] = asyncio.create_task(self._start_reading())
        try:
            while not await _first_of({starting}, _WATCHDOG_SECONDS):
                self._raise_failures()
        finally:
            starting.cancel()
        await starting

    def _tasks(self, reload_asked: asyncio.Event) -> "list[asyncio.Task[None]]":
        """Begin everything that runs beside the tick."""
        guard = self._failure.guard
        work = {
            "intake": self._deliveries.pass_on(),
            "sweep": guard(self._processor.sweep()),
            "forget": guard(self._processor.forget()),
            "stages": guard(self._processor.stages.run()),
            "rules": guard(self._reload.watch()),
            "agreed": guard(self._reload.keep_agreed()),
            "asked": guard(self._reload.obey(reload_asked)),
            "topics": guard(self._patterns.watch(self._reload.running)),
            "pauses": guard(self._pauses.read()),
            "requests": guard(self._requests.run()),
            "obeyed": guard(self._pauses.report()),
            "others": guard(self._others.report()),
            "queues": guard(self._queues.watch()),
            "compacted": guard(self._compacted.watch()),
            "experiments": guard(self._experiments.watch()),
        }
        if self._schemas is not None:
            work["schemas"] = guard(self._schemas.keep_asking())
        return [asyncio.create_task(coroutine, name=name) for name, coroutine in work.items()]

    async def reload(self) -> Reloaded:
        """Read the files again because the operator asks for it; see `Reload.reload`."""
        return await self._reload.reload()

    async def _join(self) -> None:
        try:
            await self._others.enter()
            await self._reload.join()
            await finish_at_start(self._settings, self._store, (await self._clock.read()).now_ms)
        except (KafkaError, OSError) as error:  # it has answered a moment ago
            raise StartupError([f"no Kafka broker answers any more: {error}"]) from error

    async def _listen(self) -> int:
        try:
            return await self._endpoints.start()
        except OSError as error:  # the port was free a moment ago
            raise StartupError([worded(self._settings.http_host, self._settings.http_port, error)]) from error

    async def _start_reading(self) -> None:
        source_topics = self._sources.note_subscribed()  # none if producers write to the activity topic directly
        subscriptions = [
            Subscription(SOURCES, source_topics, self._deliveries.take_source),
            Subscription(ACTIVITY, [self._topics.activity], self._deliveries.take_activity, _PARTITIONS_AT_ONCE),
        ]
        partitions = self._sources.count_partitions()
        await self._reader.start(self._assignment.positions, subscriptions, partitions=partitions)

    # -- working -------------------------------------------------------------------------------------------

    async def _work(self, stop: asyncio.Event) -> None:
        stopping: asyncio.Task[Any] = asyncio.create_task(stop.wait())
        failing: asyncio.Task[Any] = asyncio.create_task(self._failure.occurred())
        try:
            while not stop.is_set():
                await self._run_tick(stopping, failing)
                await self._pause({stopping, failing})
                self._raise_failures()
        finally:
            stopping.cancel()
            failing.cancel()

    async def _run_tick(self, stopping: asyncio.Task[Any], failing: asyncio.Task[Any]) -> None:
        """Run one tick; after a request to stop it has a while to finish, and an error of the worker cancels it."""
        ticking: asyncio.Task[Any] = asyncio.create_task(self._tick.run())
        while not await _first_of({ticking, stopping, failing}, _WATCHDOG_SECONDS):
            self._end_if_hopeless()
        if self._failure.error is not None:
            ticking.cancel()
            raise self._failure.error
        if not ticking.done():
            await _first_of({ticking, failing}, PROBE_SECONDS)
        if ticking.done() and (error := ticking.exception()) is not None:
            raise error

    async def _pause(self, ending: set[asyncio.Task[Any]]) -> None:
        """Wait for the next tick; it comes early if an action waits only for newer progress of the sources."""
        tick = self._settings.tick_ms / 1000
        early = min(tick, _LEAST_PAUSE_SECONDS)
        if await _first_of(ending, early) or early == tick:
            return
        asked: asyncio.Task[Any] = asyncio.create_task(self._processor.until_blocked())
        await _first_of({*ending, asked}, tick - early)
        asked.cancel()

    def _end_if_hopeless(self) -> None:
        now = time.monotonic()
        if self._liveness.is_hopeless(now):
            raise LingerError(f"{self._liveness.problem(now)}; ending, so that a new process takes over")

    def _raise_failures(self) -> None:
        self._end_if_hopeless()
        if (failure := self._processor.failure()) is not None:
            raise failure
        if self._reader.membership.is_taken:
            raise instance_taken(self._settings.kafka_group_instance_id or "", "as Kafka says")
        if (crash := self._reader.crash) is not None:
            raise LingerError(crash)
        patience_seconds = 2 * self._settings.kafka_session_timeout_ms / 1000
        for partition in self._processor.partitions.values():
            if partition.lost_at is not None and time.monotonic() - partition.lost_at > patience_seconds:
                raise LingerError(
                    f"partition {partition.number} was lost to another worker, but is still assigned here"
                )

    def _versions(self) -> tuple[int, str, int]:
        rules = self._processor.rules
        return rules.generation, rules.hash, self._sources.current.generation

    # -- stopping ------------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        self._readiness.is_ending = True
        log.info(log_events.WORKER_STOPPING)
        grace = self._settings.shutdown_grace_ms / 1000
        await _bounded(self._processor.stop(grace / 4), grace / 2)
        await _bounded(self._requests.stop(), grace / 8)
        await _bounded(self._reader.stop(), grace / 2)
        await _bounded(self._reader.disconnect(), grace / 8)
        await _bounded(self._publisher.stop(), grace / 8)
        await _bounded(self._endpoints.stop(), grace / 8)
        await self._leave()
        await _bounded(self._store.close(), grace / 8)
        log.info(log_events.WORKER_STOPPED)

    async def _leave(self) -> None:
        """Undo what joining began: the successor need not wait for the report of this worker to grow old."""
        grace = self._settings.shutdown_grace_ms / 1000
        await _bounded(self._pauses.stop(), grace / 8)
        await _bounded(self._others.leave(), grace / 8)


async def _first_of(tasks: set[asyncio.Task[Any]], seconds: float) -> set[asyncio.Task[Any]]:
    """Wait until one of several tasks is done, at most `seconds`; return those that are."""
    return (await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED))[0]


async def _bounded(work: Awaitable[Any], seconds: float) -> None:
    """Run one part of stopping; if it fails or takes too long, the other parts still stop."""
    try:
        await asyncio.wait_for(work, seconds)
    except (Exception, asyncio.CancelledError) as error:  # aiokafka lets its own cancellations escape
        log.warning(log_events.WORKER_STOPPING, error=f"{type(error).__name__}: {error}")
