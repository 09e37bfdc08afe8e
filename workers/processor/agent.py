"""The decide agent: the activity topic and the passing of time -> decisions.

Holds one `OwnedPartition` for each activity partition it has claimed. Everything it changes goes through one atomic
step of the store; what it publishes goes through the partition's outbox, after the step is durable.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Final

import structlog
from aiokafka import ConsumerRecord

from schemas.events import BUILT_IN, InvalidEvent, parse_event
from schemas.sources import SourcesFile
from workers.clock import Clock, Reading, believed_ms
from workers.core.coverage import Coverage, complete_series
from workers.core.customer import codec
from workers.core.decisions.decide import Outcome, decide
from workers.core.direct_producers import SOURCE_HEADER, DirectProducerProgress, direct_source, only_direct
from workers.core.events.decoding import DecodedEvent, NotCanonical, decode_event
from workers.core.events.fast_mapping import compile_untrusted_reader
from workers.core.rules.rule_set import RuleSet
from workers.core.watermarks import (
    NO_WATERMARK_MS,
    PartitionWatermarks,
    Progress,
    complete_types,
    sent_to,
    watched_since,
    watermarks_by_type,
)
from workers.dead_letters.record import dead_letter
from workers.errors import Fenced, LingerError, PartitionStopped, Transient
from workers.kafka.faust_batches import Delivery
from workers.kafka.producer import Publisher
from workers.kafka.records import OutboxRecord
from workers.kafka.topics import LogBounds
from workers.observability import log_events, logs, metrics
from workers.outbox.outbox import Outbox
from workers.processor.held_actions import Holding, Orders
from workers.processor.unit_of_work import UnitOfWork
from workers.settings import Settings
from workers.state.consistency import Log, check_consistency, end_of_log
from workers.state.keys import hash_tag
from workers.state.meta import GENERATION, PARTITIONS, REBUILDING, RULES, SWEPT, Meta, is_since, since_field
from workers.state.step import MAX_CUSTOMERS, WriteSet
from workers.state.store import Claimed, Due, Store

log = structlog.get_logger(__name__)

_MAX_RECORDS: Final = 1_000
_PAGES_PER_TICK: Final = 40
_RETRY_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0)
_POSTPONE_MS: Final = 3_600_000
_LOOK_BACK_SECONDS: Final = 10.0
_SCANNED_AT_ONCE: Final = 1_000


@dataclass(slots=True)
class OwnedPartition:
    """One activity partition that this worker owns.

    Attributes:
        meta: as last written.
        horizon: up to when each event type has been seen here.
        hearing: what direct producers have written here.
        since: since when each series is watched; None until the sources have been looked at.
        lock: one step at a time.
        lost_at: when another worker turned out to own it (monotonic seconds), None while it is ours.
        stopped: its state and log do not fit together; it is claimed, but nothing is done with it.
        outdated: it is stopped because newer rules have decided for it.
        fresh: nothing was stored of it when it was claimed.
        earliest: where its log began when it was claimed.
        went_back: Redis lost steps outside of a delivery; what was folded by them has to be read again.
    """

    number: int
    meta: Meta
    outbox: Outbox
    horizon: PartitionWatermarks
    hearing: DirectProducerProgress
    since: dict[str, int] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    lost_at: float | None = None
    stopped: bool = False
    outdated: bool = False
    fresh: bool = False
    earliest: int = 0
    went_back: bool = False

    @property
    def swept(self) -> int:
        """The generation of rules under which every customer has been looked at."""
        return int(self.meta.fields.get(SWEPT, 0))

    @property
    def is_usable(self) -> bool:
        """Whether this worker may take steps with it."""
        return self.lost_at is None and not self.stopped


class Processor:
    """Decides for the activity partitions assigned to this worker."""

    def __init__(
        self,
        settings: Settings,
        sources: SourcesFile,
        rules: RuleSet,
        store: Store,
        publisher: Publisher,
        clock: Clock,
        *,
        rebuilding: Holding | None = None,
    ) -> None:
        """Set up without claiming anything.

        Args:
            settings: of this worker.
            sources: the foreign topics.
            rules: in force.
            store: of the state.
            publisher: of what is decided.
            clock: the time.
            rebuilding: decides what goes out while state is made again; None in a worker.
        """
        self._settings = settings
        self._sources = sources
        self._rules = rules
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._activity_topic = settings.topic("activity")
        self._dead_letter_topic = settings.topic("dead-letter")
        self._declared = frozenset(sources.event_types)
        self._types = frozenset([*BUILT_IN, *self._declared])
        self._whole = complete_types(sources)
        self._direct = direct_source(sources, self._activity_topic)
        self._direct_types = only_direct(sources, self._activity_topic)
        self._door = compile_untrusted_reader(self._declared)
        self._max_future_ms = round(settings.max_future.total_seconds() * 1000)
        self._partitions: dict[int, OwnedPartition] = {}
        self._progress: Mapping[tuple[str, int], Progress] = {}
        self._now_ms = 0
        self._looked = asyncio.Event()
        self._looked_back_at = time.monotonic()
        self._rebuilding = rebuilding is not None
        self._holding = Holding(store) if rebuilding is None else rebuilding
        self._changed = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._asked = asyncio.Event()

    async def until_asked(self) -> None:
        """Wait until an event was folded whose action waits for nothing but a look at the sources; once for each."""
        await self._asked.wait()
        self._asked.clear()

    @property
    def rules(self) -> RuleSet:
        """The rule set in force here."""
        return self._rules

    @property
    def partitions(self) -> Mapping[int, OwnedPartition]:
        """The partitions claimed, by number."""
        return self._partitions

    @property
    def until(self) -> dict[str, int]:
        """Return until when each type has been seen in every partition of this worker."""
        seen: dict[str, int] = {}
        for partition in self._partitions.values():
            for name, until_ms in partition.horizon.by_type.items():
                seen[name] = min(until_ms, seen.get(name, until_ms))
        return seen

    async def claim(
        self, bounds: Mapping[int, LogBounds], topic_id: str | None, progress: Mapping[tuple[str, int], Progress]
    ) -> dict[int, int]:
        """Claim exactly these partitions and return where to read each from.

        A partition whose state and log do not fit together is left out, with an error in the log.
        """
        async with self._claiming:
            return await self._claim_all(bounds, topic_id, progress)

    async def _claim_all(
        self, bounds: Mapping[int, LogBounds], topic_id: str | None, progress: Mapping[tuple[str, int], Progress]
    ) -> dict[int, int]:
        for number in list(self._partitions):
            await self._release(number)
        self._progress = progress
        numbers = sorted(bounds)
        claimed = await asyncio.gather(*(self._claim(number, bounds[number], topic_id) for number in numbers))
        metrics.PARTITIONS.set(len(self._partitions))
        self._changed.set()
        log.info(log_events.PARTITIONS_CLAIMED, partitions=sorted(self._partitions))
        return {number: offset for number, offset in zip(numbers, claimed, strict=True) if offset is not None}

    def outdated(self) -> list[int]:
        """Return the partitions that are stopped until newer rules are loaded."""
        return [partition.number for partition in self._partitions.values() if partition.outdated]

    async def reclaim(self, number: int, bounds: LogBounds, topic_id: str | None) -> int | None:
        """Claim a stopped partition again and return where to read it from; None if it stays stopped, or is gone."""
        async with self._claiming:
            partition = self._partitions.get(number)
            if partition is None or not partition.stopped:
                return None
            await self._release(number)
            offset = await self._claim(number, bounds, topic_id)
        self._changed.set()
        return offset

    async def take(self, number: int, delivery: Delivery) -> int | bool:
        """Fold one delivery.

        Returns:
            True when it is done, False when it has to be dropped without being acknowledged, or the offset to
            read the partition from again.
        """
        partition = self._partitions.get(number)
        if partition is None or not partition.is_usable:
            return False
        await self._wait_until_watched(partition, delivery.records)
        while not await partition.outbox.wait_for_room():
            # Closed: the partition is lost, or a step that is tried again puts another outbox in its place.
            async with partition.lock:
                if not partition.is_usable:
                    return False
        async with partition.lock:
            if not partition.is_usable:
                return False
            try:
                taken = await self._take(partition, delivery)
            except Fenced:
                await self._lose(partition)
                return False
        has_reached = partition.horizon.reach(partition.meta.offset)
        partition.horizon.advance(self._direct_types, partition.hearing.watermark_ms)
        if has_reached:
            # What waited for these very records need not wait for the next tick.
            try:
                await self._fire_page([partition])
            except Transient as error:
                log.warning(log_events.STEP_RETRIED, partition=number, error=str(error))  # the next tick tries again
        return taken

    def read_again(self) -> dict[int, int]:
        """Return, once, where to read partitions from again of which Redis lost steps outside of a delivery."""
        back = [partition for partition in self._usable() if partition.went_back]
        for partition in back:
            partition.went_back = False
        return {partition.number: partition.meta.offset for partition in back}

    def look(
        self,
        reading: Reading,
        progress: Mapping[tuple[str, int], Progress],
        ends: Mapping[int, int],
        behind_holes: Callable[[int, int], int],
    ) -> None:
        """Take a look at the sources: what each partition may count as seen.

        Args:
            reading: the clock, read before everything else.
            progress: of all source partitions, read after the clock.
            ends: end offsets of the activity partitions, read after the progress.
            behind_holes: how far a partition is read by whom has handled everything before an offset.
        """
        self._progress, self._now_ms = progress, reading.now_ms
        seen = watermarks_by_type(self._sources, progress, {self._activity_topic: reading.now_ms})
        until = {name: seen.get(name, reading.now_ms) for name in self._types}
        sent = list(progress.values())
        for number, partition in self._partitions.items():
            if number not in ends:
                continue  # claimed since then
            told = reading.ends.get((self._activity_topic, number), 0)
            offset, end = behind_holes(number, partition.meta.offset), max(ends[number], told)
            if offset >= end:
                partition.hearing.watch_from(reading.now_ms)
            partition.horizon.update(offset, max(end, sent_to(number, sent)), until)
            partition.horizon.advance(self._direct_types, partition.hearing.watermark_ms)
        for name, until_ms in self.until.items():
            metrics.SEEN.labels(name).set(until_ms / 1000)
        self._looked.set()
        self._looked = asyncio.Event()

    def told(self) -> dict[tuple[str, int], Progress]:
        """Return what is to be told of direct producers, by partition, as intake tells of those it reads."""
        if self._direct is None:
            return {}
        types = self._direct.types()
        told: dict[tuple[str, int], Progress] = {}
        for partition in self._usable():
            # Not the least: a type that comes from elsewhere, too, may be seen less far because of that.
            watermark_ms = max(partition.horizon.by_type.get(name, NO_WATERMARK_MS) for name in types)
            told[self._activity_topic, partition.number] = partition.hearing.progress_report(
                watermark_ms, self._settings.partitions
            )
        return told

    async def fire_soon(self) -> None:
        """Decide some of the timers that may be decided now."""
        await self._fire_page(list(self._partitions.values()))

    async def fire(self) -> bool:
        """Decide the timers that may be decided now, and trim what Kafka confirmed.

        Returns:
            Whether all of them were decided; False if there were too many for one turn.
        """
        complete = False
        await self._look_back()
        for _ in range(_PAGES_PER_TICK):
            if complete := await self._fire_page(list(self._partitions.values())):
                break
        await self._carry_out()
        for partition in list(self._partitions.values()):
            if partition.outbox.confirmed() and partition.is_usable and not partition.lock.locked():
                await self._fire(partition, Due([], {}), 0)
        metrics.OUTBOX.set(sum(partition.outbox.unconfirmed for partition in self._partitions.values()))
        return complete

    async def _fire_page(self, partitions: Sequence[OwnedPartition]) -> bool:
        """Decide the timers of some partitions that may be decided now; False if there may be more of them."""
        bounds = {
            partition.number: (max(partition.horizon.by_type.values()), partition.horizon.by_type)
            for partition in partitions
            if partition.is_usable and self._resolve_since(partition)
        }
        due = await self._store.due(bounds, MAX_CUSTOMERS)
        # One partition waits for Redis while another is decided; each keeps its own order, by its lock.
        steps = [
            self._fire(partition, found, bounds[number][0])
            for number, found in due.items()
            if (partition := self._partitions.get(number)) is not None
        ]
        for outcome in await asyncio.gather(*steps, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        return all(len(found.customers) < MAX_CUSTOMERS for found in due.values())

    async def _look_back(self) -> None:
        """Now and then, look for partitions that a failover set back and in which nothing happens to show it."""
        if time.monotonic() - self._looked_back_at < _LOOK_BACK_SECONDS:
            return
        known = {partition.number: partition.meta.version for partition in self._usable()}
        stored = await self._store.metas(known)
        self._looked_back_at = time.monotonic()
        for number, version in known.items():
            partition = self._partitions.get(number)
            if partition is not None and int(stored[number].get("version", 0)) < version:
                await self._fire(partition, Due([], {}), 0)  # finds out what is left, like any step

    async def activate(self, rules: RuleSet) -> None:
        """Decide by another rule set from the next step on, and bring the customers under it one after the other."""
        async with AsyncExitStack() as locks:
            for partition in list(self._partitions.values()):
                await locks.enter_async_context(partition.lock)
            self._rules = rules
            for partition in self._partitions.values():
                partition.since = None
                self._resolve_since(partition)
        self._changed.set()

    async def put_out(self, number: int, work: UnitOfWork, **fields: str) -> None:
        """Take one step with what was gathered outside, and these further fields of `meta`.

        Raises:
            Fenced: if another worker owns the partition.
            Transient: if it is not known whether the step was taken.
        """
        partition = self._partitions[number]
        await partition.outbox.wait_for_room()
        async with partition.lock:
            changes = work.changes(self._settings.topic_prefix, partition.outbox.confirmed())
            self._stamp(partition, changes)
            changes.fields.update(fields)
            await self._commit(partition, changes)
            self._committed(partition, changes, work)

    async def sweep(self) -> None:
        """Look at every customer who was not looked at under the present rules, until cancelled.

        Runs beside live traffic, in small steps; whoever dies in between leaves the rest to the next owner.
        """
        while True:
            self._changed.clear()
            try:
                await self._sweep_once()
            except Transient as error:
                log.warning(log_events.STEP_RETRIED, error=str(error))
                await asyncio.sleep(_RETRY_SECONDS[-1])
                continue
            if not any(partition.swept < self._rules.generation for partition in self._usable()):
                await self._changed.wait()
            else:
                await asyncio.sleep(_RETRY_SECONDS[0])

    async def _sweep_once(self) -> None:
        generation = self._rules.generation
        behind = {
            hash_tag(partition.number): partition
            for partition in self._usable()
            if partition.swept < generation and self._resolve_since(partition)
        }
        if not behind:
            return
        started, swept, cursor = time.monotonic(), 0, None
        failed: set[str] = set()
        while cursor != 0:
            cursor, found = await self._store.scan(cursor or 0, _SCANNED_AT_ONCE)
            for tag, names in found.items():
                if (partition := behind.get(tag)) is None:
                    continue
                for start in range(0, len(names), MAX_CUSTOMERS):
                    await partition.outbox.wait_for_room()
                    some = Due(names[start : start + MAX_CUSTOMERS], {})
                    if not await self._fire(partition, some, 0, sweeping=True):
                        failed.add(tag)  # swept once more, from the beginning
                swept += len(names)
            await asyncio.sleep(0)
        for tag, partition in behind.items():
            async with partition.lock:
                if tag not in failed and partition.is_usable and self._rules.generation == generation:
                    await self._mark_swept(partition, generation)
        log.info(
            log_events.RULES_SWEPT,
            generation=generation,
            partitions=len(behind),
            customers=swept,
            seconds=round(time.monotonic() - started, 1),
        )

    async def _mark_swept(self, partition: OwnedPartition, generation: int) -> None:
        changes = WriteSet()
        self._stamp(partition, changes)
        changes.fields[SWEPT] = generation
        try:
            await self._commit(partition, changes)
        except Fenced:
            await self._lose(partition)
        except Transient as error:
            await self._recover_or_lose(partition, error)

    def _usable(self) -> list[OwnedPartition]:
        return [partition for partition in self._partitions.values() if partition.is_usable]

    def failure(self) -> BaseException | None:
        """Return what ended the publishing of a partition for good, None while all is well."""
        failures = (partition.outbox.failure() for partition in self._partitions.values())
        return next((failure for failure in failures if failure is not None), None)

    async def stop(self, seconds: float) -> None:
        """Let go of all partitions, after publishing what can be published in so many seconds."""
        await asyncio.gather(*(partition.outbox.drain(seconds) for partition in self._partitions.values()))
        for partition in list(self._partitions.values()):
            if partition.outbox.confirmed() and partition.is_usable:
                await self._fire(partition, Due([], {}), 0)
        for number in list(self._partitions):
            await self._release(number)

    # -- claiming ------------------------------------------------------------------------------------------

    async def _claim(self, number: int, bounds: LogBounds, topic_id: str | None) -> int | None:
        owner = uuid.uuid4().hex[:16]
        claimed = await self._claim_patiently(number, owner)
        meta = claimed.meta
        fresh = meta.offset < 0
        if fresh:
            meta.offset = bounds.earliest
        outbox = Outbox(self._publisher, claimed.outbox, self._settings.outbox_limit)
        horizon = PartitionWatermarks(dict.fromkeys(self._types, NO_WATERMARK_MS))
        hearing = DirectProducerProgress.resumed(self._progress.get((self._activity_topic, number)))
        partition = self._partitions[number] = OwnedPartition(
            number, meta, outbox, horizon, hearing, fresh=fresh, earliest=bounds.earliest
        )
        try:
            self._check(number, meta, bounds, topic_id)
        except PartitionStopped as stopped:
            partition.stopped = True
            partition.outdated = self._is_outdated(meta)
            log.error(log_events.PARTITION_STOPPED, partition=number, problem=str(stopped))
            return None
        if meta.topic_id is None and topic_id is not None:
            meta.topic_id = topic_id
            await self._commit(partition, WriteSet(fields={"topic_id": topic_id}))
        return meta.offset

    async def _claim_patiently(self, number: int, owner: str) -> Claimed:
        """Claim a partition; a Redis that is silent for less than the session timeout does not end the worker."""
        give_up = time.monotonic() + self._settings.kafka_session_timeout_ms / 1000
        for attempt in count():
            try:
                return await self._store.claim(number, owner)
            except Transient as error:
                if time.monotonic() > give_up:
                    raise
                metrics.RETRIES.inc()
                log.warning(log_events.STEP_RETRIED, partition=number, error=str(error))
                await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
        raise AssertionError("unreachable")

    def _check(self, number: int, meta: Meta, bounds: LogBounds, topic_id: str | None) -> None:
        topic = self._activity_topic
        if self._is_outdated(meta):
            raise PartitionStopped(
                number,
                f"it was decided by rule set {meta.fields['generation']}, newer than this worker's, "
                f"{self._rules.generation}",
                "It goes on when this worker has loaded the newer rule files",
            )
        sent = sent_to(number, self._progress.values())
        end = end_of_log(bounds.end, sent, tells_too_little=not self._settings.kafka_enable_idempotence)
        fields = {name: value for name, value in meta.fields.items() if name != REBUILDING or not self._rebuilding}
        found = check_consistency(
            fields, meta.offset, meta.topic_id, Log(topic, topic_id, self._settings.partitions, bounds.earliest, end)
        )
        if found is not None:
            raise PartitionStopped(number, found.problem, found.mend)

    def _is_outdated(self, meta: Meta) -> bool:
        return int(meta.fields.get(GENERATION, 0)) > self._rules.generation

    async def _release(self, number: int) -> None:
        partition = self._partitions.pop(number)
        partition.lost_at = time.monotonic()
        await partition.outbox.close()

    async def _lose(self, partition: OwnedPartition) -> None:
        partition.lost_at = time.monotonic()
        metrics.FENCED.inc()
        log.warning(log_events.PARTITION_FENCED, partition=partition.number)
        await partition.outbox.close()

    # -- folding -------------------------------------------------------------------------------------------

    async def _take(self, partition: OwnedPartition, delivery: Delivery) -> int | bool:
        meta = partition.meta
        if not delivery.is_contiguous(meta.offset):
            log.info(log_events.RECORDS_OUT_OF_ORDER, partition=partition.number, expected=meta.offset)
            return meta.offset
        for chunk in _chunks([record for record in delivery.records if record.offset >= meta.offset]):
            attempt = 0
            while rest := [record for record in chunk if record.offset >= meta.offset]:
                try:
                    await self._fold(partition, rest)
                except Transient as error:
                    before = meta.offset
                    await self._recover(partition, error, attempt)
                    meta, attempt = partition.meta, attempt + 1
                    if meta.offset < before:
                        partition.went_back = False
                        return meta.offset  # Redis lost its last steps: read them again
        return True

    async def _fold(self, partition: OwnedPartition, records: Sequence[ConsumerRecord]) -> None:
        """Take one step with these records, which begin at the partition's offset."""
        started = time.perf_counter()
        work = UnitOfWork(partition.meta)
        for record in records:
            self._sort(record, work)
        observed = self._observed(partition)
        async with self._store.step(partition.number, partition.meta) as step:
            names = list(work.events)
            for name, raw in zip(names, await step.read(names), strict=True):
                outcome = self._decide_customer(name, raw, work.events[name], observed, work)
                work.note(name, outcome, is_new=raw is None)
            await self._holding.keep_pace(work, self._rules, self._now_ms)
            changes = work.changes(self._settings.topic_prefix, partition.outbox.confirmed())
            changes.offset = records[-1].offset + 1
            self._stamp(partition, changes)
            await step.commit(changes)
        self._committed(partition, changes, work)
        if self._direct is not None and work.newest is not None:
            partition.hearing.note_record(self._stamped_ms(work.newest))
        if work.waiting:
            self._asked.set()
        metrics.STEP_SECONDS.observe(time.perf_counter() - started)

    def _sort(self, record: ConsumerRecord, work: UnitOfWork) -> None:
        """Put one record where it belongs: to its customer's events, the dead letters, or nowhere."""
        source = None
        for name, value in record.headers:
            if name == SOURCE_HEADER:
                source = value
                break
        if source is not None and not work.is_above_high_water(source):
            work.duplicates += 1
            return
        try:
            fact = self._fact(record, direct=source is None)
        except InvalidEvent as error:
            work.dead_letters.append(self._dead_letter(record, error))
            return
        if source is None and (work.newest is None or record.timestamp > work.newest.timestamp):
            work.newest = record
        events = work.events.setdefault(fact.customer_id, [])
        events.append((fact, record))

    def _fact(self, record: ConsumerRecord, *, direct: bool) -> DecodedEvent:
        """Read one record.

        Raises:
            InvalidEvent: with the reason, if it is no canonical event.
        """
        try:
            if direct:
                # Nobody has looked at it yet: it passes the same checks as everything foreign.
                fact = self._door(record.value, self._latest_ms(record))
            else:
                fact = decode_event(record.value or b"", self._declared)
        except NotCanonical:
            self._parse(record)
            raise InvalidEvent("not_canonical", "it is no canonical event") from None
        if record.key != fact.customer_id.encode():
            raise InvalidEvent(
                "wrong_key", "the record's key is not its customer_id, so it is in the wrong partition"
            )
        return fact

    def _parse(self, record: ConsumerRecord) -> None:
        latest = datetime.fromtimestamp(self._latest_ms(record) / 1000, UTC)
        parse_event(record.value, types=self._declared, latest=latest)

    def _latest_ms(self, record: ConsumerRecord) -> int:
        """Return the time by which the event in a record must have occurred."""
        return self._clock.latest_plausible_ms(record.timestamp) + self._max_future_ms

    def _stamped_ms(self, record: ConsumerRecord) -> int:
        """Return a record's time; now, if it has none."""
        return believed_ms(self._clock, record.timestamp) or self._now_ms

    def _decide_customer(
        self,
        name: str,
        raw: bytes | None,
        events: "Sequence[tuple[DecodedEvent, ConsumerRecord]]",
        observed: Coverage,
        work: UnitOfWork,
    ) -> Outcome | None:
        """Decide for one customer; what cannot be folded is dead-lettered, and its neighbours go on."""
        try:
            known = None if raw is None else codec.decode(raw, self._rules.codes)
            decided = decide(name, known, [fact for fact, _ in events], self._rules, observed)
            if decided.activity is not None:
                decided.stored = codec.encode(decided.activity)
            return decided
        except codec.OtherLayout as error:
            raise LingerError(str(error)) from error
        except Exception as error:  # the one place where a bug in deciding meets a customer's data
            log.exception(log_events.DEAD_LETTERED, customer=logs.customer_ref(name), error=type(error).__name__)
            reason = InvalidEvent("fold_failed", f"{type(error).__name__} while folding")
            if len(events) == 1:
                work.dead_letters.append(self._dead_letter(events[0][1], reason))
                return None
        merged: Outcome | None = None
        for event in events:
            outcome = self._decide_customer(name, raw, [event], observed, work)
            if outcome is not None and outcome.activity is not None:
                raw = outcome.stored
                if merged is not None:
                    outcome.decisions[:0] = merged.decisions
                    outcome.folded += merged.folded
                    outcome.duplicates += merged.duplicates
                merged = outcome
        return merged

    def _dead_letter(self, record: ConsumerRecord, error: InvalidEvent) -> OutboxRecord:
        metrics.DEAD_LETTERS.labels(record.topic, error.reason).inc()
        source = (record.topic, record.partition, record.offset)
        content = (record.key, record.value, tuple(record.headers))
        return dead_letter(self._dead_letter_topic, source, content, error)

    # -- timers --------------------------------------------------------------------------------------------

    async def _fire(self, partition: OwnedPartition, due: Due, upto_ms: int, *, sweeping: bool = False) -> bool:
        """Take one step for customers whose time has come; without customers, only trim the outbox.

        Sweeping, only customers count who were decided under older rules.

        Returns:
            Whether the step was taken.
        """
        async with partition.lock:
            if not partition.is_usable:
                return False
            try:
                await self._fire_once(partition, due, upto_ms, sweeping=sweeping)
            except Fenced:
                await self._lose(partition)
            except Transient as error:
                await self._recover_or_lose(partition, error)  # the next tick finds the same customers again
            else:
                return True
        return False

    async def _fire_once(self, partition: OwnedPartition, due: Due, upto_ms: int, *, sweeping: bool) -> None:
        work = UnitOfWork(partition.meta)
        observed = self._observed(partition)
        async with self._store.step(partition.number, partition.meta) as step:
            for name, raw in zip(due.customers, await step.read(due.customers), strict=True):
                work.timers += not sweeping
                if raw is None:
                    work.due[name] = 0
                    continue
                try:
                    known = codec.decode(raw, self._rules.codes)
                    if sweeping and known.generation >= self._rules.generation:
                        continue
                    outcome = decide(name, known, (), self._rules, observed, upto_ms)
                except codec.OtherLayout as error:
                    raise LingerError(str(error)) from error
                except Exception:  # one customer's data must not stop everybody's timers
                    log.exception(log_events.STEP_RETRIED, customer=logs.customer_ref(name))
                    work.due[name] = upto_ms + _POSTPONE_MS
                    continue
                work.note(name, outcome, is_new=False)
            for kind, names in due.waited.items():
                for name in names:
                    if name in work.due:
                        work.waiting.setdefault(kind, {}).setdefault(name, 0)
            await self._holding.keep_pace(work, self._rules, self._now_ms)
            changes = work.changes(self._settings.topic_prefix, partition.outbox.confirmed())
            self._stamp(partition, changes)
            await step.commit(changes)
        self._committed(partition, changes, work)
        metrics.TIMERS.inc(work.timers)

    # -- held actions --------------------------------------------------------------------------------------

    async def _carry_out(self) -> None:
        """Release and discard held actions, as people ordered and as paces allow."""
        partitions = {partition.number: partition for partition in self._usable()}
        ordered = await self._holding.orders(list(partitions), self._rules, self._now_ms)
        for number, orders in ordered.items():
            partition = partitions[number]
            await partition.outbox.wait_for_room()
            async with partition.lock:
                if not partition.is_usable:
                    continue
                try:
                    await self._carry_out_in(partition, orders)
                except Fenced:
                    await self._lose(partition)
                except Transient as error:
                    await self._recover_or_lose(partition, error)

    async def _carry_out_in(self, partition: OwnedPartition, orders: Orders) -> None:
        work = UnitOfWork(partition.meta)
        async with self._store.step(partition.number, partition.meta) as step:
            await step.read(())
            held = await self._store.held_actions.records(
                partition.number, [order.action_id for order in orders.all()]
            )
            self._holding.carry_out(orders, held, work, self._now_ms)
            changes = work.changes(self._settings.topic_prefix, partition.outbox.confirmed())
            changes.orders_done = len(orders.given)
            self._stamp(partition, changes)
            await step.commit(changes)
        self._committed(partition, changes, work)

    # -- what every step has in common ---------------------------------------------------------------------

    def _committed(self, partition: OwnedPartition, changes: WriteSet, work: UnitOfWork) -> None:
        partition.outbox.trimmed(changes.trim)
        partition.outbox.put(work.outgoing)
        metrics.LAST_STEP.set_to_current_time()
        work.report()

    async def _commit(self, partition: OwnedPartition, changes: WriteSet) -> None:
        async with self._store.step(partition.number, partition.meta) as step:
            await step.read(())
            await step.commit(changes)

    async def _recover(self, partition: OwnedPartition, error: Transient, attempt: int) -> None:
        """After an unanswered step, find out whether it was taken; what Redis holds is the truth.

        Raises:
            Fenced: if somebody else owns the partition by now.
        """
        metrics.RETRIES.inc()
        log.warning(log_events.STEP_RETRIED, partition=partition.number, error=str(error))
        while True:
            await asyncio.sleep(_RETRY_SECONDS[min(attempt, len(_RETRY_SECONDS) - 1)])
            attempt += 1
            try:
                claimed = await self._store.claim(partition.number, partition.meta.owner, again=True)
            except Transient as again:
                log.warning(log_events.STEP_RETRIED, partition=partition.number, error=str(again))
                continue
            self._take_as_stored(partition, claimed.meta)
            await partition.outbox.close()
            partition.outbox = Outbox(self._publisher, claimed.outbox, self._settings.outbox_limit)
            return

    def _take_as_stored(self, partition: OwnedPartition, meta: Meta) -> None:
        """Go on from what Redis holds, which may be older than what it had: steps can get lost in a failover."""
        before, partition.meta = partition.meta.offset, meta
        if meta.offset < 0:
            meta.offset = partition.earliest
        if meta.offset < before:
            log.warning(log_events.STEPS_LOST, partition=partition.number, offset=meta.offset, was=before)
            partition.went_back = True
            # What it has to be read to again, no timer may count as seen.
            partition.hearing.last_direct_ms = 0
            partition.horizon = PartitionWatermarks(dict.fromkeys(self._types, NO_WATERMARK_MS))

    async def _recover_or_lose(self, partition: OwnedPartition, error: Transient) -> None:
        try:
            await self._recover(partition, error, 0)
        except Fenced:
            await self._lose(partition)

    def _observed(self, partition: OwnedPartition) -> Coverage:
        since = partition.since or {}
        return Coverage(since, partition.horizon.by_type, complete_series(since, self._whole))

    async def _wait_until_watched(self, partition: OwnedPartition, records: Sequence[ConsumerRecord]) -> None:
        while partition.is_usable and not self._resolve_since(partition):
            if records and self._now_ms:
                # Not later than now: in a replay intake stamps with the time of the wall.
                partition.hearing.watch_from(min(self._stamped_ms(records[0]), self._now_ms))
            await self._looked.wait()

    def _resolve_since(self, partition: OwnedPartition) -> bool:
        """Find out since when each series is watched, once; False while the sources were not looked at yet."""
        if partition.since is not None:
            return True
        by_type = watched_since(self._sources, self._progress)
        if by_type is None or not self._now_ms:
            return False
        fields = partition.meta.fields
        untouched = not any(map(is_since, fields))
        since = {}
        for plan in self._rules.plans():
            known = fields.get(since_field(plan.key))
            if not known:
                type_ms = by_type.get(plan.type, self._now_ms)
                # A series that a new rule asks for is blind to what was folded before.
                is_old = untouched or (plan.matches is None and plan.key == plan.type)
                since[plan.key] = type_ms if is_old else self._now_ms
            else:
                since[plan.key] = int(known)
        partition.since = since
        return True

    def _stamp(self, partition: OwnedPartition, changes: WriteSet) -> None:
        """Write down by which rules the step was taken, and since when their series are watched."""
        wanted: dict[str, str] = {
            RULES: self._rules.hash,
            GENERATION: str(self._rules.generation),
            PARTITIONS: str(self._settings.partitions),
        }
        for plan in self._rules.plans():
            if partition.since is not None:
                wanted[since_field(plan.key)] = str(partition.since[plan.key])
        if partition.fresh:
            wanted[SWEPT] = str(self._rules.generation)
        fields = partition.meta.fields
        # What no rule asks for any more is not folded from now on: whoever asks again begins anew.
        for name, value in fields.items():
            if value and is_since(name) and name not in wanted and partition.since is not None:
                wanted[name] = ""
        changes.fields.update((name, value) for name, value in wanted.items() if fields.get(name) != value)
        partition.fresh = False


def _chunks(records: Sequence[ConsumerRecord]) -> Iterator[list[ConsumerRecord]]:
    """Split records so that no step has more than `MAX_CUSTOMERS` customers or `_MAX_RECORDS` records."""
    chunk: list[ConsumerRecord] = []
    keys: set[bytes | None] = set()
    for record in records:
        if len(chunk) >= _MAX_RECORDS or (len(keys) >= MAX_CUSTOMERS and record.key not in keys):
            yield chunk
            chunk, keys = [], set()
        chunk.append(record)
        keys.add(record.key)
    if chunk:
        yield chunk
