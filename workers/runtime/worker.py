"""One worker process: puts the parts together, keeps them going, and takes them down in order."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faust.types import TP

from schemas.durations import write_duration
from schemas.sources import SourcesFile
from workers.core.decisions.decide import __file__ as core_file
from workers.core.rules.rule_set import RuleSet
from workers.core.watermarks import Progress, silent_sources
from workers.dead_letters.record import cut_dead_letters
from workers.errors import Fenced, LingerError, StartupError, Transient
from workers.intake.agent import Intake
from workers.intake.source_identity import recreated, remember
from workers.kafka.faust_batches import Delivery, ReaderSettings, build_app, read_topics
from workers.kafka.producer import Publisher
from workers.kafka.topics import LogBounds, TopicsError, TopicState, connected_admin, describe, log_bounds
from workers.loading import load_rule_set
from workers.observability import log_events, metrics
from workers.observability.http_server import Endpoints
from workers.processor.agent import Processor
from workers.rule_files.watch import fingerprint
from workers.runtime.liveness import LEAST_PATIENCE_SECONDS, Liveness
from workers.settings import OWN_TOPICS, Settings
from workers.state.connect import clock_of, open_store
from workers.state.consistency import Log, check_consistency
from workers.state.meta import PARTITIONS
from workers.state.rule_sets import Activation, OlderRules, activate, newest_generation

log = structlog.get_logger(__name__)

_One = TypeVar("_One")
_Other = TypeVar("_Other")

_PROBE_SECONDS: Final = 10.0
_PARTITIONS_AT_ONCE: Final = 8
"""One partition waits for Redis while another is folded."""
_LEAST_PAUSE_SECONDS: Final = 0.02
"""Between two ticks. A pause before an early one, too: under load somebody is waiting all the time."""
_PASSING_ON_SECONDS: Final = 0.04
"""So long a look waits at most until what lay before it has been passed on."""
_EVICTS_NOTHING: Final = "noeviction"


class Worker:
    """A worker process from start to stop."""

    def __init__(self, settings: Settings, sources: SourcesFile, rules: RuleSet) -> None:
        self._settings = settings
        self._sources = sources
        self._rules = rules
        self._activity = settings.topic("activity")
        self._store = open_store(settings)
        connection = settings.kafka_connection()
        self._publisher = Publisher(
            connection,
            idempotent=settings.kafka_enable_idempotence,
            deadline_ms=settings.kafka_delivery_timeout_ms,
            shorten=cut_dead_letters,
        )
        self._clock = clock_of(settings, self._store)
        self._intake = Intake(settings, sources, self._publisher, self._clock)
        self._decide = Processor(settings, sources, rules, self._store, self._publisher, self._clock)
        token = None if settings.http_token is None else settings.http_token.get_secret_value()
        self._endpoints = Endpoints(
            settings.http_host, settings.http_port, self._live, self._ready, self.reload, token
        )
        self._counts: dict[str, int] = {}
        self._topic_id: str | None = None
        self._silent: list[str] = []
        patience = max(LEAST_PATIENCE_SECONDS, 3 * settings.kafka_session_timeout_ms / 1000)
        self._liveness = Liveness(patience, time.monotonic(), time.monotonic())
        self._next_tick_at = 0.0
        self._trouble: str | None = None
        self._failure: asyncio.Future[Any] | None = None
        self._looked = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._refused: str | None = None
        self._try_again = False

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set.

        Raises:
            StartupError: if something outside is not as it must be; every problem at once.
            LingerError: what ended the worker.
        """
        core = "plain Python" if core_file is not None and core_file.endswith(".py") else "compiled"
        log.info(log_events.WORKER_STARTING, rules=len(self._rules.rules), rule_set=self._rules.hash, core=core)
        self._failure = asyncio.get_running_loop().create_future()
        await self._check_outside()
        await self._join_generation()
        probe = AIOKafkaConsumer(enable_auto_commit=False, **self._settings.kafka_connection())
        app = build_app(self._reader_settings(), self._buffered_partitions(), self._positions)
        if self._intake.topics:
            read_topics(app, self._intake.topics, self._take_source)
        read_topics(app, [self._activity], self._take_activity, at_once=_PARTITIONS_AT_ONCE)
        self._app, self._probe = app, probe
        beside: list[asyncio.Task[None]] = []
        try:
            await self._publisher.start()
            await probe.start()
            port = await self._endpoints.start()
            await app.start()
            beside = [
                asyncio.create_task(self._pass_on(), name="intake"),
                asyncio.create_task(self._guarded(self._decide.sweep()), name="sweep"),
                asyncio.create_task(self._guarded(self._watch_rules()), name="rules"),
            ]
            log.info(log_events.WORKER_READY, http_port=port)
            await self._work(stop)
        except BaseException as error:
            log.error(log_events.WORKER_FAILED, error=f"{type(error).__name__}: {error}")
            raise
        finally:
            for task in beside:
                task.cancel()
            await self._stop()

    # -- rules ---------------------------------------------------------------------------------------------

    async def reload(self, *, asked: bool = True) -> list[str]:
        """Read the rule files again and put them in force: all of them, or none if there is any problem.

        Args:
            asked: somebody asked for it, so rules that were in force before may come back. Not asked, they may
                if this worker has the newest rules, so that they were changed back here; not if it is behind.

        Returns:
            The problems, as `file:line:column: …`; the old rules stay in force then.
        """
        async with self._reloading:
            self._try_again = False
            try:
                rules = await asyncio.to_thread(load_rule_set, self._settings, self._sources)
                is_new = rules.hash != self._rules.hash
                now_ms = (await self._clock.read()).now_ms
                is_newest = self._rules.generation == await newest_generation(self._store)
                allow_rollback = is_new and (asked or is_newest)
                promotion = await activate(self._store, rules, now_ms, allow_rollback=allow_rollback)
                if promotion.rules.generation != self._rules.generation:
                    await self._take_over(promotion)
                    metrics.RELOADS.labels("loaded").inc()
                await self._reclaim_stopped()
            except OlderRules as error:
                return self._refuse([str(error)]) if is_new else []
            except StartupError as error:
                return self._refuse(list(error.problems))
            except (Transient, Fenced, KafkaError, OSError) as error:
                self._try_again = True  # at the next look at the files
                return self._refuse([f"{error}; it is tried again"])
            self._refused = None
            return []

    def _refuse(self, problems: list[str]) -> list[str]:
        metrics.RELOADS.labels("refused").inc()
        self._refused = f"{problems[0]}{f' and {len(problems) - 1} more problems' if problems[1:] else ''}"
        log.error(log_events.RULES_REFUSED, problems=problems, in_force=self._rules.hash)
        return problems

    async def _join_generation(self) -> None:
        try:
            reading = await self._clock.read()
            promotion = await activate(self._store, self._rules, reading.now_ms, allow_rollback=False)
        except OlderRules as error:
            raise StartupError([str(error)]) from error
        await self._take_over(promotion)

    async def _take_over(self, promotion: Activation) -> None:
        self._rules, self._refused = promotion.rules, None
        await self._decide.activate(self._rules)
        metrics.GENERATION.set(self._rules.generation)
        log.info(
            log_events.RULES_LOADED,
            generation=self._rules.generation,
            rule_set=self._rules.hash,
            rules=len(self._rules.rules),
            from_now_on=list(promotion.began),
        )

    async def _reclaim_stopped(self) -> None:
        """Take up again what only newer rules could decide for."""
        for number in self._decide.outdated():
            bounds = await log_bounds(self._probe, [(self._activity, number)])
            offset = await self._decide.reclaim(number, bounds[self._activity, number], self._topic_id)
            if offset is not None:
                await self._app.consumer.seek_again(TP(self._activity, number), offset)

    async def _watch_rules(self) -> None:
        """Load rule files whenever they change; a change counts when the files have kept still for a moment."""
        loaded = seen = await asyncio.to_thread(fingerprint, self._settings.rules)
        await self.reload(asked=False)  # they may have changed while the worker was starting
        while True:
            await asyncio.sleep(self._settings.rules_poll_ms / 1000)
            found = await asyncio.to_thread(fingerprint, self._settings.rules)
            if found == seen and (found != loaded or self._try_again or self._decide.outdated()):
                loaded = found
                await self.reload(asked=False)
            seen = found

    # -- starting ------------------------------------------------------------------------------------------

    async def _check_outside(self) -> None:
        problems = await self._redis_problems()
        try:
            async with connected_admin(self._settings.kafka_connection()) as admin:
                wanted = [*map(self._settings.topic, OWN_TOPICS), *self._intake.topics]
                topics = await describe(admin, wanted)
                problems += await self._state_problems(topics)
        except (KafkaError, OSError) as error:
            servers = self._settings.kafka_bootstrap_servers
            problems.append(f"no Kafka broker answers at {servers}: {error}. Check LINGER_KAFKA_BOOTSTRAP_SERVERS")
        else:
            problems += self._topic_problems(topics, wanted)
        if problems:
            raise StartupError(problems)

    async def _state_problems(self, topics: Mapping[str, TopicState]) -> list[str]:
        """Return what of the stored state no longer fits the topics as a whole."""
        sources = {name: topics[name] for name in self._intake.topics if name in topics}
        try:
            problems = recreated(await self._store.redis.fields(self._store.keys.sources), sources)
            if not problems:
                await remember(self._store, sources)
            metas = await self._store.metas(range(self._settings.partitions))
        except Transient:
            return []  # told already
        activity = topics.get(self._activity)
        if activity is not None:
            log_as_is = Log(self._activity, None, activity.partitions, 0, 0)
            found = (
                check_consistency({PARTITIONS: meta.get(PARTITIONS, "")}, -1, None, log_as_is)
                for meta in metas.values()
            )
            problems += list(dict.fromkeys(f"{one.problem}. {one.mend}" for one in found if one is not None))
        return problems

    async def _redis_problems(self) -> list[str]:
        try:
            return await self._eviction_problems()
        except Transient as error:
            return [f"{error}. Check LINGER_REDIS_URL"]

    async def _eviction_problems(self) -> list[str]:
        problems = []
        for server, raw in (await self._store.redis.ask_every_server("INFO", "memory")).items():
            text = raw.decode() if isinstance(raw, bytes) else str(raw)
            policy = text.partition("maxmemory_policy:")[2].split()[:1]
            if policy and policy[0] != _EVICTS_NOTHING:
                problems.append(
                    f"Redis at {server} may evict customers: maxmemory-policy is '{policy[0]}'. "
                    f"Set it to {_EVICTS_NOTHING}: redis-cli CONFIG SET maxmemory-policy {_EVICTS_NOTHING}"
                )
        return problems

    def _topic_problems(self, topics: Mapping[str, TopicState], wanted: list[str]) -> list[str]:
        own = set(map(self._settings.topic, OWN_TOPICS))
        problems = []
        for name in wanted:
            if name not in topics:
                mend = "create it: linger topics create" if name in own else "check `topic` in the sources file"
                problems.append(f"topic '{name}' does not exist; {mend}")
        activity = topics.get(self._activity)
        if activity is not None and activity.partitions != self._settings.partitions:
            problems.append(
                f"topic '{self._activity}' has {activity.partitions} partitions, LINGER_PARTITIONS is "
                f"{self._settings.partitions}; set it to {activity.partitions}"
            )
        self._note_topics(topics)
        return problems

    def _note_topics(self, topics: Mapping[str, TopicState]) -> None:
        # A topic that a broker does not show for a moment keeps the number it had.
        self._counts |= {name: topic.partitions for name, topic in topics.items()}
        if self._activity in topics:
            self._topic_id = topics[self._activity].topic_id

    def _buffered_partitions(self) -> int:
        return self._settings.partitions + sum(self._counts[topic] for topic in self._intake.topics)

    def _reader_settings(self) -> ReaderSettings:
        settings, connection = self._settings, self._settings.kafka_connection()
        return ReaderSettings(
            group_id=settings.kafka_group_id,
            client_id=settings.kafka_client_id,
            group_instance_id=settings.kafka_group_instance_id,
            bootstrap_servers=connection["bootstrap_servers"],
            ssl_context=connection["ssl_context"],
            sasl_mechanism=connection["sasl_mechanism"],
            sasl_username=connection["sasl_plain_username"],
            sasl_password=connection["sasl_plain_password"],
            session_timeout_ms=settings.kafka_session_timeout_ms,
            rebalance_timeout_ms=settings.kafka_rebalance_timeout_ms,
            heartbeat_interval_ms=settings.kafka_heartbeat_interval_ms,
            request_timeout_ms=settings.kafka_request_timeout_ms,
            max_poll_records=settings.kafka_max_poll_records,
        )

    # -- reading -------------------------------------------------------------------------------------------

    async def _positions(self, assigned: set[TP], committed: Mapping[TP, int | None]) -> dict[TP, int]:
        """Claim what was assigned and say where to read each partition from."""
        try:
            return await self._claim(assigned, committed)
        except LingerError as error:
            self._fail(error)
            raise

    async def _claim(self, assigned: set[TP], committed: Mapping[TP, int | None]) -> dict[TP, int]:
        topics = await describe(self._probe, [*self._counts])
        self._note_topics(topics)
        problems = await self._state_problems(topics)
        with suppress(Transient):  # claiming is patient with a Redis that is silent for a moment
            problems += await self._eviction_problems()
        if problems:
            raise LingerError("\n".join(problems))
        raw_bounds = await log_bounds(self._probe, [(tp.topic, tp.partition) for tp in assigned])
        bounds = {TP(tp.topic, tp.partition): found for tp, found in raw_bounds.items()}
        progress = await self._store.progress()
        mine = {tp.partition: bounds[tp] for tp in assigned if tp.topic == self._activity}
        claimed = await self._decide.claim(mine, self._topic_id, progress)
        claimed |= await self._claim_behind(mine)
        sources = {
            (tp.topic, tp.partition): self._source_position(tp, committed.get(tp), bounds[tp])
            for tp in assigned
            if tp.topic != self._activity
        }
        self._intake.assign(sources, progress)
        positions = {TP(topic, partition): offset for (topic, partition), offset in sources.items()}
        for partition, found in mine.items():
            # A stopped partition is read from its end, where there is nothing to drop.
            positions[TP(self._activity, partition)] = claimed.get(partition, found.end)
        return positions

    async def _claim_behind(self, bounds: dict[int, LogBounds]) -> dict[int, int]:
        """Look again at the logs that ended before the stored offset: the owner before may have read on meanwhile.

        Now that it is fenced, the second look counts; `bounds` is brought up to date.
        """
        found = {}
        for number, partition in list(self._decide.partitions.items()):
            if partition.stopped and partition.meta.offset > bounds[number].end:
                newer = await log_bounds(self._probe, [(self._activity, number)])
                bounds[number] = newer[TopicPartition(self._activity, number)]
                offset = await self._decide.reclaim(number, bounds[number], self._topic_id)
                if offset is not None:
                    found[number] = offset
        return found

    def _source_position(self, tp: TP, committed: int | None, bounds: LogBounds) -> int:
        if committed is None or committed < 0:
            return bounds.earliest
        if committed < bounds.earliest:
            _tell_of_lost(tp, range(committed, bounds.earliest))
            return bounds.earliest
        # The embedded broker's end is a lower bound, so there this says nothing.
        if committed > bounds.end and self._settings.kafka_enable_idempotence:
            raise LingerError(
                f"source '{tp.topic}' partition {tp.partition} was read up to offset {committed}, "
                f"but ends at {bounds.end}: the topic was created anew, or has lost records. Restore it; or stop all "
                f"workers, and to read it from its beginning run: linger sources forget {tp.topic}"
            )
        return committed

    async def _take_source(self, tp: TP, delivery: Delivery, done: Callable[[], object]) -> None:
        taken = self._intake.take((tp.topic, tp.partition), delivery, done)
        if taken.full:
            self._app.consumer.hold_back(tp)
        if taken.read_again is not None:
            await self._app.consumer.seek_again(tp, taken.read_again)

    async def _pass_on(self) -> None:
        await self._guarded(self._intake.run(lambda place: self._app.consumer.let_go(TP(*place))))

    async def _take_activity(self, tp: TP, delivery: Delivery, done: Callable[[], object]) -> None:
        while self._app.consumer.holes_of(tp):
            await self._looked.wait()  # for what was deleted before it was read, the state stays as it is
        result = await self._guarded(self._decide.take(tp.partition, delivery))
        if result is True:
            done()
        elif result is not False:
            await self._app.consumer.seek_again(tp, result)

    async def _guarded(self, work: Awaitable[Any]) -> Any:
        """Run the handling of a batch; what it raises ends the worker, and the batch is never acknowledged."""
        try:
            return await work
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._fail(error)
            await asyncio.Event().wait()  # until the worker's end: nothing after this batch may be handled

    # -- ticking -------------------------------------------------------------------------------------------

    async def _work(self, stop: asyncio.Event) -> None:
        assert self._failure is not None
        stopping: asyncio.Future[Any] = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                ticking: asyncio.Future[Any] = asyncio.create_task(self._tick())
                awaited = {ticking, stopping, self._failure}
                while not await _first_of(awaited, 1.0):
                    self._end_if_hopeless()
                if self._failure.done():
                    ticking.cancel()
                    raise self._failure.result()
                if not ticking.done():
                    await _first_of({ticking, self._failure}, _PROBE_SECONDS)
                if ticking.done() and (error := ticking.exception()) is not None:
                    raise error
                await self._pause(stopping)
                self._look_for_failures()
        finally:
            stopping.cancel()

    async def _pause(self, stopping: asyncio.Future[Any]) -> None:
        """Wait for the next tick: it comes early if an action waits for nothing but a look at the sources."""
        assert self._failure is not None
        tick = self._settings.tick_ms / 1000
        early = min(tick, _LEAST_PAUSE_SECONDS)
        if await _first_of({stopping, self._failure}, early) or early == tick:
            return
        asked: asyncio.Future[Any] = asyncio.create_task(self._decide.until_asked())
        await _first_of({stopping, self._failure, asked}, tick - early)
        asked.cancel()

    async def _tick(self) -> None:
        """Look at the clock, the sources and the due times once; a failure outside is tried again next time.

        All of it once in `tick_ms`; an early tick looks and decides, and leaves the rest to that.
        """
        is_early = time.monotonic() < self._next_tick_at
        if not is_early:
            self._next_tick_at = time.monotonic() + self._settings.tick_ms / 1000
        try:
            reading = await self._clock.read()
            if not reading.now_ms:
                return
            await self._look_into_holes()
            # After the clock: what a partition that is not there yet will hold is later than the clock.
            sources = [TopicPartition(*place) for place in self._intake.partitions]
            _, found = await _both(self._look_at_topics(), self._ends(sources))
            ends = {(tp.topic, tp.partition): end for tp, end in found.items()}
            await self._intake.reach(ends, _PASSING_ON_SECONDS)
            told = self._intake.look(
                reading,
                ends,
                self._counts,
                lambda place, offset: self._behind_holes(*place, offset),
            )
            progress = await self._store.publish_progress({**told, **self._decide.told()})
            self._intake.note_elsewhere(progress)
            activity_ends = await self._ends(
                [TopicPartition(self._activity, number) for number in self._decide.partitions]
            )
            self._decide.look(
                reading,
                progress,
                {tp.partition: end for tp, end in activity_ends.items()},
                lambda number, offset: self._behind_holes(self._activity, number, offset),
            )
            if is_early:
                await self._decide.fire_soon()
                return
            complete = await self._decide.fire()
            for number, offset in self._decide.read_again().items():
                await self._app.consumer.seek_again(TP(self._activity, number), offset)
            if complete:
                await self._tell(self._store.keys.seen, self._seen())
            self._note_silence(progress, reading.now_ms)
            self._trouble = None
            self._note_progress(activity_ends)
        except (Transient, KafkaError, TopicsError, TimeoutError, OSError) as error:
            metrics.RETRIES.inc()
            self._trouble = f"{type(error).__name__}: {error}"
            self._liveness.note(time.monotonic(), None, waits=False)
            log.warning(log_events.STEP_RETRIED, error=self._trouble)
        finally:
            # Also after a failure: a silent Redis or Kafka is no reason to restart every worker.
            self._liveness.tick(time.monotonic())

    async def _look_into_holes(self) -> None:
        """Find out which records were deleted before they were read, among those that reading has passed over.

        Raises:
            LingerError: if they were of the activity topic.
        """
        holes: dict[TP, list[range]] = self._app.consumer.holes()
        if holes:
            places = [TopicPartition(*tp) for tp in holes]
            earliest = await asyncio.wait_for(self._probe.beginning_offsets(places), _PROBE_SECONDS)
            for tp, missing in holes.items():
                deleted = [
                    range(one.start, min(one.stop, earliest[tp])) for one in missing if one.start < earliest[tp]
                ]
                if deleted and tp.topic == self._activity:
                    raise LingerError(await self._mismatch(tp, deleted[0].start))
                for hole in deleted:
                    _tell_of_lost(tp, hole)
            self._app.consumer.settle(holes)
        self._looked.set()
        self._looked = asyncio.Event()

    async def _mismatch(self, tp: TP, offset: int) -> str:
        """Say why a partition cannot be gone on with from an offset that was deleted."""
        bounds = (await log_bounds(self._probe, [(tp.topic, tp.partition)]))[TopicPartition(*tp)]
        found = check_consistency({}, offset, None, Log(tp.topic, None, 0, bounds.earliest, bounds.end))
        assert found is not None  # a log never begins earlier than it did
        return f"partition {tp.partition}: {found.problem}. {found.mend}"

    async def _look_at_topics(self) -> None:
        """Notice partitions that were added, and topics that are others by now.

        Raises:
            LingerError: if the state does not belong to a topic any more.
        """
        before = self._topic_id
        topics, known = await _both(
            asyncio.wait_for(describe(self._probe, [*self._counts]), _PROBE_SECONDS),
            self._store.redis.fields(self._store.keys.sources),
        )
        problems = recreated(known, {name: one for name, one in topics.items() if name in self._intake.topics})
        activity = topics.get(self._activity)
        if activity is not None:
            log_now = Log(self._activity, activity.topic_id, activity.partitions, 0, 0)
            found = check_consistency({PARTITIONS: str(self._settings.partitions)}, -1, before, log_now)
            problems += [] if found is None else [f"{found.problem}. {found.mend}"]
        if problems:
            raise LingerError("\n".join(problems))
        self._note_topics(topics)

    async def _ends(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        if not partitions:
            return {}
        found: dict[TopicPartition, int] = await asyncio.wait_for(self._probe.end_offsets(partitions), _PROBE_SECONDS)
        return found

    async def _tell(self, key: str, fields: Mapping[str, Any]) -> None:
        if fields:
            await self._store.redis.call([("HSET", key, *(part for pair in fields.items() for part in pair))])

    def _seen(self) -> dict[str, str]:
        """Return for each partition up to when every type is decided, and how much waits for Kafka."""
        return {
            str(
                number
            ): f"{min(partition.horizon.until.values())} {partition.meta.offset} {partition.outbox.unconfirmed}"
            for number, partition in self._decide.partitions.items()
            if partition.is_usable
        }

    def _note_silence(self, progress: Mapping[str, Progress], now_ms: int) -> None:
        silent = silent_sources(self._sources, progress, now_ms)
        for source in self._sources.sources:
            was, is_now = source.topic in self._silent, source.topic in silent
            metrics.SILENT.labels(source.topic).set(is_now)
            if is_now and not was:
                limit = write_duration(source.max_silence)
                log.warning(
                    log_events.SOURCE_SILENT, topic=source.topic, max_silence=limit, held=list(source.types())
                )
            elif was and not is_now:
                log.info(log_events.SOURCE_SPEAKS_AGAIN, topic=source.topic)
        self._silent = silent

    def _note_progress(self, ends: Mapping[TopicPartition, int]) -> None:
        """Note how far everything is, and whether something waits that only this worker can do."""
        behind = self._intake.is_behind() or any(
            partition.is_usable
            and self._behind_holes(self._activity, number, partition.meta.offset)
            < ends.get(TopicPartition(self._activity, number), 0)
            for number, partition in self._decide.partitions.items()
        )
        state = self._intake.offsets(), tuple(one.meta.version for one in self._decide.partitions.values())
        self._liveness.note(time.monotonic(), state, waits=behind and not self._publisher.is_refused)

    def _behind_holes(self, topic: str, partition: int, offset: int) -> int:
        """Return how far a partition is read by whom has handled everything before an offset."""
        reached: int = self._app.consumer.behind_holes(TP(topic, partition), offset)
        return reached

    def _end_if_hopeless(self) -> None:
        now = time.monotonic()
        if self._liveness.is_hopeless(now):
            raise LingerError(f"{self._liveness.problem(now)}; ending, so that a new process takes over")

    def _look_for_failures(self) -> None:
        self._end_if_hopeless()
        if (failure := self._decide.failure()) is not None:
            raise failure
        if self._app.crashed:
            raise LingerError(f"the consumer crashed: {self._app.crash_reason!r}")
        patience = 2 * self._settings.kafka_session_timeout_ms / 1000
        for partition in self._decide.partitions.values():
            if partition.lost_at is not None and time.monotonic() - partition.lost_at > patience:
                raise LingerError(
                    f"partition {partition.number} was lost to another worker, but is still assigned here"
                )

    def _fail(self, error: BaseException) -> None:
        if self._failure is not None and not self._failure.done():
            self._failure.set_result(error)

    # -- health --------------------------------------------------------------------------------------------

    def _live(self) -> dict[str, str | None]:
        return {"progress": self._liveness.problem(time.monotonic())}

    def _ready(self) -> dict[str, str | None]:
        partitions = self._decide.partitions.values()
        stopped = [partition.number for partition in partitions if partition.stopped]
        lost = [partition.number for partition in partitions if partition.lost_at is not None]
        assigned = bool(partitions or self._intake.partitions)
        return {
            "outside": self._trouble,
            "rules": self._refused,
            "assigned": None if assigned else "no partition is assigned",
            "stopped": f"partitions {stopped} are stopped, see the log" if stopped else None,
            "lost": f"partitions {lost} belong to another worker" if lost else None,
            "sources": f"silent: {', '.join(self._silent)}" if self._silent else None,
        }

    # -- stopping ------------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        log.info(log_events.WORKER_STOPPING)
        grace = self._settings.shutdown_grace_ms / 1000
        await _bounded(self._decide.stop(grace / 4), grace / 2)
        await _bounded(self._app.stop(), grace / 2)
        await _bounded(self._probe.stop(), grace / 8)
        await _bounded(self._publisher.stop(), grace / 8)
        await _bounded(self._endpoints.stop(), grace / 8)
        await _bounded(self._store.close(), grace / 8)
        log.info(log_events.WORKER_STOPPED)


def _tell_of_lost(tp: TP, offsets: range) -> None:
    metrics.RECORDS_LOST.labels(tp.topic).inc(len(offsets))
    log.error(
        log_events.SOURCE_RECORDS_LOST,
        topic=tp.topic,
        partition=tp.partition,
        problem=f"offsets {offsets.start} to {offsets.stop - 1} were deleted before they were read; "
        "rules may act on customers who were active then",
    )


async def _both(one: Coroutine[Any, Any, _One], other: Coroutine[Any, Any, _Other]) -> tuple[_One, _Other]:
    """Do two things at once, each to its end; raise what the first one raised, or else the second one."""
    first, second = await asyncio.gather(one, other, return_exceptions=True)
    if isinstance(first, BaseException):
        raise first
    if isinstance(second, BaseException):
        raise second
    return first, second


async def _first_of(futures: set[asyncio.Future[Any]], seconds: float) -> set[asyncio.Future[Any]]:
    """Wait until one of several is done, at most so long; return those that are."""
    return (await asyncio.wait(futures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED))[0]


async def _bounded(work: Awaitable[Any], seconds: float) -> None:
    """Do one part of stopping; what does not end in time, or fails, must not keep the others from stopping."""
    try:
        await asyncio.wait_for(work, seconds)
    except (Exception, asyncio.CancelledError) as error:  # aiokafka lets its own cancellations escape
        log.warning(log_events.WORKER_STOPPING, error=f"{type(error).__name__}: {error}")
