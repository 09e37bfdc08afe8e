"""Rebuild: state made again from the activity topic, publishing nothing that was published before.

It takes the same steps as a worker (`workers.processor.agent`), under an owner token of its own, so that a forgotten
worker is fenced. Its decisions pass `workers.recovery.deferred_actions`. The offset in `meta` is the truth here too:
killed at any point and run again, it continues where it stopped. Until a partition is done, a mark in its `meta`
keeps
workers away from it.
"""

import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.actions import moment
from schemas.sources import SourcesFile
from workers.clock import Reading
from workers.core.direct_producers import SOURCE_HEADER, direct_source, foreign_sources
from workers.core.rules.rule_set import RuleSet
from workers.core.watermarks import Progress, encode_progress, watched_since
from workers.dead_letters.record import cut_dead_letters
from workers.errors import LingerError, StartupError, Transient
from workers.kafka.faust_batches import Delivery
from workers.kafka.groups import committed_offsets, members_of
from workers.kafka.producer import Publisher
from workers.kafka.range_reader import read_through, stop_consumer
from workers.kafka.topics import LogBounds, TopicState, connected_admin, describe, log_bounds
from workers.processor.agent import OwnedPartition, Processor
from workers.processor.unit_of_work import UnitOfWork
from workers.recovery.deferred_actions import Replayed, Tally
from workers.recovery.published import Published, read_published
from workers.recovery.source_progress import SourcePartition, find_progress
from workers.rule_files.known_names import event_types
from workers.settings import Settings
from workers.state.connect import clock_of
from workers.state.consistency import Log, check_consistency
from workers.state.keys import hash_tag
from workers.state.meta import REBUILDING, Meta, is_since
from workers.state.rule_sets import activate, newest_generation
from workers.state.store import Store

RECORDS_A_SECOND: Final = 4_000
"""About what one process folds on one core; only for telling beforehand how long it takes."""

_PUBLISHED_TOPICS: Final = ("at-risk", "win-back", "decisions")
_HEAD_RECORDS: Final = 1_000
_TAIL_RECORDS: Final = 10
_FETCH_MS: Final = 500
_AT_ONCE: Final = 2_000
_OUT_AT_ONCE: Final = 200
_WIPED_AT_ONCE: Final = 1_000
_SCANNED_AT_ONCE: Final = 5_000
_PATIENCE_SECONDS: Final = 60.0
_DRAIN_SECONDS: Final = 60.0
_ROUNDS: Final = 10_000
# The mark says what was known when the rebuild began: since when each rule counts, or that this is lost; and the
# latest moment at which workers certainly decided and published. Before it, while the old state is taken away, stands
# another word.
_KNOWN: Final = "rules-known"
_LOST: Final = "rules-lost"
_WIPING: Final = "wiping "

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What somebody asked for.

    Attributes:
        everything: also partitions whose state fits the log.
        dry: only say what would be done.
        among_workers: although workers of the group are alive.
    """

    everything: bool = False
    dry: bool = False
    among_workers: bool = False


@dataclass(slots=True)
class Report:
    """What a rebuild came to, or would.

    Attributes:
        partitions: to be made again, with the reason.
        records: to be read of the activity topic.
        seconds: how long it took; of a dry run, about how long it would.
        ids_known: action ids found in the topics that have not expired.
        log_begins: where the log does not begin at its beginning: by partition, before when nothing is known.
        rules_lost: since when each rule counts was lost with Redis.
        dry: nothing was changed.
        tally: what became of the actions decided.
    """

    partitions: dict[int, str]
    records: int = 0
    seconds: float = 0.0
    ids_known: int = 0
    log_begins: dict[int, str] = field(default_factory=dict)
    rules_lost: bool = False
    dry: bool = False
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class _Heads:
    """The beginnings of the activity topic's partitions.

    Attributes:
        first_ms: time of the first record kept, by partition.
        sources_ms: when the first record of a source partition came, by `topic:partition`.
    """

    first_ms: Mapping[int, int]
    sources_ms: Mapping[str, int]


class _Occurred(msgspec.Struct):
    occurred_at: datetime


_read_occurred = msgspec.json.Decoder(_Occurred).decode


class Rebuild:
    """One run of `linger rebuild`; see the module's docstring."""

    def __init__(self, settings: Settings, sources: SourcesFile, rules: RuleSet, store: Store) -> None:
        self._settings = settings
        self._sources = sources
        self._rules = rules
        self._store = store
        self._clock = clock_of(settings, store)
        self._activity = settings.topic("activity")
        self._foreign = [source.topic for source in foreign_sources(sources, self._activity)]
        self._publisher = Publisher(
            settings.kafka_connection(),
            idempotent=settings.kafka_enable_idempotence,
            deadline_ms=settings.kafka_delivery_timeout_ms,
            shorten=cut_dead_letters,
        )

    async def run(self, options: Options, starts: Advance, advance: Advance) -> Report:
        """Make again what has to be.

        Args:
            options: what was asked for.
            starts: told, once, how many records there are to read.
            advance: told how many records were folded.

        Raises:
            StartupError: if it cannot begin; every problem at once.
            LingerError: if it cannot go on. Run again, it goes on where it stood.
        """
        started = time.monotonic()
        reading = await self._clock.read()
        if not reading.now_ms:
            raise StartupError(
                ["the replay clock has not started: let its player tell the time, then run this again"]
            )
        async with self._outside(options) as (consumer, topics, committed):
            bounds = await self._bounds(consumer, topics)
            activity = {number: bounds[TopicPartition(self._activity, number)] for number in self._numbers()}
            topic_id = topics[self._activity].topic_id
            metas = await self._store.metas(self._numbers())
            report = Report(self._wanted(metas, activity, topic_id, options), dry=options.dry)
            if not report.partitions:
                return report
            heads = await self._heads(consumer, activity)
            published = await self._published(consumer, topics, reading.now_ms)
            going_on = self._going_on(report, metas, activity, topic_id)
            self._describe(report, going_on, activity, heads, published)
            report.rules_lost = await self._are_rules_lost(metas)
            if options.dry:
                report.seconds = report.records / RECORDS_A_SECOND
                return report
            starts(report.records)
            alive_ms = await self._alive_ms(consumer, activity)
            await self._wipe(report, going_on, published, alive_ms)
            now_ms = reading.now_ms
            self._rules = (await activate(self._store, self._rules, now_ms, allow_rollback=False)).rules
            progress = await self._progress(consumer, topics, bounds, committed, heads, reading)
            await self._publisher.start()
            try:
                for number in report.partitions:
                    replay = _Replay(self, number, activity[number], topic_id, published, report)
                    await replay.run(consumer, reading, progress, heads, advance)
            finally:
                await self._publisher.stop()
        report.seconds = time.monotonic() - started
        return report

    def decide(self, number: int, published: Published, report: Report) -> tuple[Processor, Replayed]:
        """Return what folds one partition, and what it lets out."""
        replayed = Replayed(
            self._store,
            number,
            self._settings.topic_prefix,
            published,
            report.tally,
            rules_known=not report.rules_lost,
        )
        decide = Processor(
            self._settings,
            self._sources,
            self._rules,
            self._store,
            self._publisher,
            self._clock,
            rebuilding=replayed,
        )
        return decide, replayed

    @property
    def store(self) -> Store:
        """Where the state is."""
        return self._store

    @property
    def rules(self) -> RuleSet:
        """The rule set in force."""
        return self._rules

    @property
    def activity_topic(self) -> str:
        """The name of the activity topic."""
        return self._activity

    def since(
        self, number: int, bounds: LogBounds, progress: Mapping[str, Progress], heads: "_Heads"
    ) -> dict[str, int]:
        """Return since when each series is watched in a partition that is made again."""
        by_type = watched_since(self._sources, progress) or {}
        first_ms = min(heads.first_ms.values(), default=0)
        # What was deleted from the log is not in the state, whatever the sources had.
        floor_ms = heads.first_ms.get(number, 0) if bounds.earliest > 0 else 0
        return {plan.key: max(by_type.get(plan.type, first_ms), floor_ms) for plan in self._rules.plans()}

    def _numbers(self) -> range:
        return range(self._settings.partitions)

    # -- what is there -------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _outside(
        self, options: Options
    ) -> AsyncIterator[tuple[AIOKafkaConsumer, dict[str, TopicState], dict[TopicPartition, int]]]:
        connection = self._settings.kafka_connection()
        consumer = AIOKafkaConsumer(
            enable_auto_commit=False, auto_offset_reset="none", isolation_level="read_committed", **connection
        )
        try:
            async with connected_admin(connection) as admin:
                topics = await self._topics(admin)
                if not options.among_workers and not options.dry:
                    await self._refuse_workers(admin)
                committed = await committed_offsets(admin, self._settings.kafka_group_id)
            await consumer.start()
            yield consumer, topics, committed
        except Transient as error:
            raise LingerError(f"{error}. Run this again: it goes on where it stood") from error
        except (KafkaError, OSError) as error:
            raise LingerError(f"Kafka does not answer as it should: {error!r}. Run this again: it goes on") from error
        finally:
            await stop_consumer(consumer)

    async def _topics(self, admin: AIOKafkaAdminClient) -> dict[str, TopicState]:
        own = [self._settings.topic(name) for name in ("activity", *_PUBLISHED_TOPICS)]
        dead, foreign = self._settings.topic("dead-letter"), self._foreign
        topics = await describe(admin, [*own, dead, *foreign])
        problems = [f"topic '{name}' does not exist" for name in [*own, dead, *foreign] if name not in topics]
        wanted = self._settings.partitions
        problems += [
            f"topic '{name}' has {topics[name].partitions} partitions, LINGER_PARTITIONS is {wanted}"
            for name in own
            if name in topics and topics[name].partitions != wanted
        ]
        if problems:
            raise StartupError(problems)
        return topics

    async def _refuse_workers(self, admin: AIOKafkaAdminClient) -> None:
        group = self._settings.kafka_group_id
        if alive := await members_of(admin, group):
            raise StartupError(
                [
                    f"{alive} workers of group '{group}' are alive: stop them first (one that was killed counts for "
                    f"another {self._settings.kafka_session_timeout_ms / 1000:.0f} s). With --among-workers they are "
                    "fenced instead; a worker that starts meanwhile interrupts the rebuild"
                ]
            )

    async def _bounds(
        self, consumer: AIOKafkaConsumer, topics: Mapping[str, TopicState]
    ) -> dict[TopicPartition, LogBounds]:
        names = [self._activity, *self._foreign]
        places = [(name, number) for name in names for number in range(topics[name].partitions)]
        return await log_bounds(consumer, places)

    def _wanted(
        self,
        metas: Mapping[int, Mapping[str, str]],
        bounds: Mapping[int, LogBounds],
        topic_id: str | None,
        options: Options,
    ) -> dict[int, str]:
        wanted, problems = {}, []
        for number, fields in metas.items():
            log = Log(
                self._activity, topic_id, self._settings.partitions, bounds[number].earliest, bounds[number].end
            )
            offset = int(fields.get("offset", -1))
            found = check_consistency(fields, offset, fields.get("topic_id"), log)
            if found is not None and not found.can_be_rebuilt:
                problems.append(f"partition {number}: {found.problem}. {found.remedy}")
            elif found is not None:
                wanted[number] = found.problem
            elif offset < 0 and log.earliest < log.end:
                wanted[number] = "nothing is stored of it"
            elif options.everything:
                wanted[number] = "all partitions were asked for"
        if problems:
            raise StartupError(problems)
        return wanted

    async def _heads(self, consumer: AIOKafkaConsumer, bounds: Mapping[int, LogBounds]) -> _Heads:
        """Read the first records of each partition of the activity topic."""
        first_ms: dict[int, int] = {}
        sources_ms: dict[str, int] = {}

        def take(place: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
            first_ms.setdefault(place.partition, self._time_of(records[0]))
            for record in records:
                source = dict(record.headers).get(SOURCE_HEADER)
                if source is not None:
                    name = source.decode(errors="replace").rpartition(":")[0]
                    sources_ms[name] = min(record.timestamp, sources_ms.get(name, record.timestamp))

        places = {TopicPartition(self._activity, number): one for number, one in bounds.items()}
        await read_through(
            consumer,
            {place: one.earliest for place, one in places.items()},
            {place: min(one.end, one.earliest + _HEAD_RECORDS) for place, one in places.items()},
            take,
        )
        return _Heads(first_ms, sources_ms)

    async def _alive_ms(self, consumer: AIOKafkaConsumer, bounds: Mapping[int, LogBounds]) -> int:
        """Return when intake passed on something last: until then workers decided, and Kafka took what they had."""
        alive_ms = 0

        def take(_: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
            nonlocal alive_ms
            times = [self._time_of(one) for one in records if SOURCE_HEADER in dict(one.headers)]
            alive_ms = max([alive_ms, *times])

        places = {TopicPartition(self._activity, number): one for number, one in bounds.items()}
        await read_through(
            consumer,
            {place: max(one.earliest, one.end - _TAIL_RECORDS) for place, one in places.items()},
            {place: one.end for place, one in places.items()},
            take,
        )
        return alive_ms

    def _time_of(self, record: ConsumerRecord) -> int:
        if self._settings.clock != "replay":
            return int(record.timestamp)
        try:  # in a replay, records are written long after what they tell
            return round(_read_occurred(record.value or b"").occurred_at.timestamp() * 1000)
        except (msgspec.DecodeError, ValueError):
            return int(record.timestamp)

    async def _published(
        self, consumer: AIOKafkaConsumer, topics: Mapping[str, TopicState], now_ms: int
    ) -> Published:
        dead = self._settings.topic("dead-letter")
        longest_ms = max((rule.expires_after_ms for rule in self._rules.rules), default=0)
        return await read_published(
            consumer,
            [self._settings.topic(name) for name in _PUBLISHED_TOPICS],
            (dead, topics[dead].partitions),
            self._activity,
            self._settings.partitions,
            now_ms - longest_ms,
            now_ms,
        )

    def _going_on(
        self,
        report: Report,
        metas: Mapping[int, Mapping[str, str]],
        bounds: Mapping[int, LogBounds],
        topic_id: str | None,
    ) -> dict[int, int]:
        """Return the partitions that a killed rebuild has begun, and the offset to go on from."""
        found = {}
        for number in report.partitions:
            fields = dict(metas[number])
            mark, offset = fields.pop(REBUILDING, ""), int(fields.get("offset", -1))
            log = Log(
                self._activity, topic_id, self._settings.partitions, bounds[number].earliest, bounds[number].end
            )
            if (
                mark
                and not mark.startswith(_WIPING)
                and check_consistency(fields, offset, fields.get("topic_id"), log) is None
            ):
                found[number] = max(offset, log.earliest)
        return found

    def _describe(
        self,
        report: Report,
        going_on: Mapping[int, int],
        bounds: Mapping[int, LogBounds],
        heads: _Heads,
        published: Published,
    ) -> None:
        report.ids_known = len(published.known)
        for number in report.partitions:
            log = bounds[number]
            report.records += log.end - going_on.get(number, log.earliest)
            if log.earliest > 0:
                first_ms = heads.first_ms.get(number)
                report.log_begins[number] = "nothing is left" if first_ms is None else moment(first_ms).isoformat()

    async def _are_rules_lost(self, metas: Mapping[int, Mapping[str, str]]) -> bool:
        marks = [fields.get(REBUILDING, "").removeprefix(_WIPING) for fields in metas.values()]
        return any(mark.startswith(_LOST) for mark in marks) or not await newest_generation(self._store)

    # -- making room ---------------------------------------------------------------------------------------

    async def _wipe(self, report: Report, going_on: Mapping[int, int], published: Published, alive_ms: int) -> None:
        """Take what is stored of the partitions away, except of those that a killed rebuild has begun."""
        kind = _LOST if report.rules_lost else _KNOWN
        owned: dict[int, Meta] = {}
        marks = {number: f"{kind}:{max(alive_ms, published.decided_ms(number))}" for number in report.partitions}
        for number in report.partitions:
            if number not in going_on:
                owned[number] = (await self._store.claim(number, uuid.uuid4().hex[:16])).meta
                await self._store.wipe(number, owned[number], (), {REBUILDING: _WIPING + marks[number]})
        if not owned:
            return
        customers = await self._customers(owned)
        held = await self._store.held_actions.rules()
        for number, meta in owned.items():
            keys = self._store.keys.partition(number)
            names = [keys.customer(name) for name in customers.get(number, ())]
            names += [keys.due, keys.outbox, keys.held, *map(keys.held_of, held)]
            names += map(keys.waiting, event_types(self._sources))
            for start in range(0, len(names), _WIPED_AT_ONCE):
                await self._store.wipe(number, meta, names[start : start + _WIPED_AT_ONCE])
            await self._store.wipe(number, meta, (), {REBUILDING: marks[number]})

    async def _customers(self, numbers: Iterable[int]) -> dict[int, set[str]]:
        tags = {hash_tag(number): number for number in numbers}
        found: dict[int, set[str]] = {}
        cursor = -1
        while cursor:
            cursor, names = await self._store.scan(max(0, cursor), _SCANNED_AT_ONCE)
            for tag, some in names.items():
                if tag in tags:
                    found.setdefault(tags[tag], set()).update(some)
        return found

    async def _progress(
        self,
        consumer: AIOKafkaConsumer,
        topics: Mapping[str, TopicState],
        bounds: Mapping[TopicPartition, LogBounds],
        committed: Mapping[TopicPartition, int],
        heads: _Heads,
        reading: Reading,
    ) -> dict[str, Progress]:
        """Return what intake has seen of each source partition; what Redis does not know any more is told it."""
        known = await self._store.progress()
        # Whatever direct producers wrote is read to its end.
        ends = {place: one.end for place, one in bounds.items() if place.topic == self._activity}
        read = {**committed, **ends}
        is_direct = direct_source(self._sources, self._activity) is not None
        lost = [
            SourcePartition(place, bounds[place], read.get(place), topics[place.topic].partitions)
            for place in bounds
            if (is_direct or place.topic != self._activity) and f"{place.topic}:{place.partition}" not in known
        ]
        found = await find_progress(consumer, lost, heads.sources_ms, reading, self._clock)
        if found:
            fields = [part for name, one in found.items() for part in (name, encode_progress(one))]
            await self._store.redis.call([("HSET", self._store.keys.progress, *fields)])
        # The log is read to its end: what intake has sent is in it.
        return {name: msgspec.structs.replace(one, sent={}) for name, one in {**found, **known}.items()}


class _Replay:
    """One partition, from the beginning of its log to the end it had when the rebuild began."""

    def __init__(
        self,
        rebuild: Rebuild,
        number: int,
        bounds: LogBounds,
        topic_id: str | None,
        published: Published,
        report: Report,
    ) -> None:
        self._rebuild = rebuild
        self._store = rebuild.store
        self._number = number
        self._bounds = bounds
        self._topic_id = topic_id
        self._decide, self._replayed = rebuild.decide(number, published, report)

    @property
    def _partition(self) -> OwnedPartition:
        partition = self._decide.partitions[self._number]
        if partition.lost_at is not None:
            raise LingerError(
                f"partition {self._number} was claimed by a worker meanwhile: stop all workers and run this again; "
                "it goes on where it stood"
            )
        return partition

    async def run(
        self,
        consumer: AIOKafkaConsumer,
        reading: Reading,
        progress: Mapping[str, Progress],
        heads: _Heads,
        advance: Advance,
    ) -> None:
        offset = await self._decide.claim({self._number: self._bounds}, self._topic_id, {})
        if self._number not in offset:
            raise LingerError(f"partition {self._number} cannot be made again, see the log")
        try:
            partition = self._partition
            self._replayed.decided_ms = int(partition.meta.fields[REBUILDING].rpartition(":")[2])
            self._decide.look(reading, progress, {self._number: 0}, lambda _, offset: offset)
            if not any(is_since(name) and value for name, value in partition.meta.fields.items()):
                partition.since = self._rebuild.since(self._number, self._bounds, progress, heads)
            await self._fold(consumer, offset[self._number], advance)
            self._decide.look(reading, progress, {self._number: 0}, lambda _, offset: offset)
            await self._fire()
            await self._let_out(reading.now_ms)
        finally:
            await self._decide.stop(_DRAIN_SECONDS)

    async def _fold(self, consumer: AIOKafkaConsumer, offset: int, advance: Advance) -> None:
        place = TopicPartition(self._rebuild.activity_topic, self._number)
        if offset >= self._bounds.end:
            return
        consumer.assign([place])
        consumer.seek(place, offset)
        follows = offset
        moved_at = time.monotonic()
        while offset < self._bounds.end:
            fetched: Mapping[Any, list[ConsumerRecord]] = await consumer.getmany(
                timeout_ms=_FETCH_MS, max_records=_AT_ONCE
            )
            records = [one for one in fetched.get(place, ()) if one.offset < self._bounds.end]
            if records:
                delivery = Delivery(records, follows)
                taken = await self._decide.take(self._number, delivery)
                _ = self._partition
                if taken is not True:
                    offset = follows = int(taken)
                    consumer.seek(place, offset)
                    continue
                follows = delivery.end
            position = await consumer.position(place)
            if position > offset:
                advance(min(position, self._bounds.end) - offset)
                offset, moved_at = position, time.monotonic()
            elif time.monotonic() - moved_at > _PATIENCE_SECONDS:
                raise LingerError(f"Kafka has sent nothing more of {place.topic}:{place.partition}; run this again")

    async def _fire(self) -> None:
        """Decide the timers that a live worker would have decided by now."""
        for _ in range(_ROUNDS):
            complete = await self._decide.fire()
            until = self._partition.horizon.until
            bounds = {self._number: (max(until.values()), until)}
            if complete and not await self._store.due(bounds, 1):
                return
        raise LingerError(f"the timers of partition {self._number} do not come to an end; please report it")

    async def _let_out(self, now_ms: int) -> None:
        """Let out what was put aside and still stands, and take the mark away."""
        while True:
            meta = self._partition.meta
            work = await self._replayed.let_out(meta, self._rebuild.rules, now_ms, _OUT_AT_ONCE)
            if work is None:
                break
            await self._put_out(work)
        await self._put_out(UnitOfWork(self._partition.meta), **{REBUILDING: ""})

    async def _put_out(self, work: UnitOfWork, **fields: str) -> None:
        await self._decide.put_out(self._number, work, **fields)
