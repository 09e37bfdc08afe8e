"""`linger rebuild`: state rebuilt from the activity topic, without publishing anything twice.

It takes the same steps as a worker (`workers.processor`), under an owner token of its own, so that a forgotten worker
is fenced. `workers.recovery.release_policy` decides what it publishes. The stored offset counts here too: after a
kill at any point, the next run continues where it stopped. Until a partition is finished, a mark in its `meta`
(`workers.recovery.mark`) keeps workers away from it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer

from schemas.actions import moment
from schemas.book import BOOK
from schemas.sources import SourcesFile
from schemas.stages import STAGES
from workers.book.lost_experiments import read_back
from workers.book.topic import BookTopic
from workers.clock import Reading
from workers.core.decisions.decide import decider_of
from workers.core.direct_producers import direct_source, intake_sources
from workers.core.rules.rule_set import RuleSet
from workers.core.source_set import SourceSet
from workers.core.watermarks import Progress
from workers.dead_letters.record import cut_dead_letters
from workers.errors import StartupError
from workers.kafka.producer import Publisher
from workers.pauses.pause_list import PauseList
from workers.pauses.reader import PauseReader
from workers.processor.orders.mark_topic import MarkTopic
from workers.recovery.activity_log import LogHeads, event_time, kafka_time, read_heads, read_last_intake_ms
from workers.recovery.loss import Loss, count_loss
from workers.recovery.mark import RebuildMark
from workers.recovery.partition_replay import Advance, PartitionReplay, ReplayContext
from workers.recovery.plan import Plan, make_plan
from workers.recovery.published import Published, PublishedTopics, read_published
from workers.recovery.release_policy import Tally
from workers.recovery.report import Options, Report
from workers.recovery.snapshot import Snapshot, connected
from workers.recovery.source_progress import SourcePartition, covered_since, find_progress
from workers.recovery.state_files.beginning import Beginning, read_beginning
from workers.recovery.wipe import wipe
from workers.rule_files.known_names import event_types
from workers.settings import MARKS, PAUSES, Settings
from workers.state import layouts
from workers.state.connect import clock_of
from workers.state.marks.stored import stored_key
from workers.state.rule_sets.activation import activate, newest_generation
from workers.state.rule_sets.lost_experiments import forget_who_is_in
from workers.state.settings_check import namespaces_of_topic
from workers.state.source_sets.stored import as_agreed
from workers.state.store import Store

RECORDS_PER_SECOND: Final = 4_000
"""About what one process folds on one core; only used to estimate the duration of a rebuild."""


class Rebuild:
    """One run of `linger rebuild`; see the module's docstring."""

    def __init__(self, settings: Settings, sources: SourcesFile, rules: RuleSet, store: Store) -> None:
        """Set up without connecting to Kafka.

        Args:
            settings: of Linger.
            sources: where the event types come from.
            rules: to decide by; activated before the first partition is replayed.
            store: of the state.
        """
        self._settings = settings
        self._sources = sources
        self._agreed = SourceSet(sources)
        self._rules = rules
        self._store = store
        self._clock = clock_of(settings, store)
        self._activity_topic = settings.topic("activity")
        self._time_of = event_time if settings.clock == "replay" else kafka_time

    async def run(
        self,
        options: Options,
        start: Callable[[int], None],
        advance: Advance,
        accept: Callable[[Loss], bool] = lambda _: False,
    ) -> Report:
        """Rebuild the partitions that need it.

        Args:
            options: from the operator.
            start: called once, with the number of records to read; not in a dry run, nor if there is nothing to do.
            advance: called as records are folded, with their number.
            accept: called if a log has lost its beginning and the options do not accept that, before anything is
                changed; returns whether to go on.

        Raises:
            StartupError: if it cannot begin, every problem at once; or a log has lost its beginning and no one
                accepts it.
            LingerError: if it cannot finish. Run again, it continues where it stopped.
        """
        started_at = time.monotonic()
        reading = await self._clock.read()
        if not reading.now_ms:
            raise StartupError(["the replay clock has not started: let its player set the time, then run this again"])
        self._agreed = await as_agreed(self._store, self._sources)
        self._sources = self._agreed.read
        source_topics = [source.topic for source in intake_sources(self._sources, self._activity_topic)]
        allow_workers = options.among_workers or options.dry_run
        async with connected(self._settings, source_topics, allow_workers=allow_workers) as (consumer, snapshot):
            logs = snapshot.activity_logs
            rules_stored = bool(await newest_generation(self._store))
            metas = await self._store.metas(logs)
            if not any(metas.values()) and not options.all_partitions:
                await self._refuse_another_namespace(logs[0].topic_id)
            beginning = read_beginning(options.begin_with, self._rules, logs)
            rules_stored = rules_stored or beginning.has_rules
            plan = make_plan(metas, logs, options, rules_stored=rules_stored, file_offsets=beginning.offsets)
            if not plan.reasons:
                return Report(plan.reasons, options.dry_run)
            await beginning.require_newest_rules(self._store)
            await beginning.require_marks_key(self._store, self._settings)
            heads = await read_heads(consumer, logs, self._time_of)
            published = await self._read_published(consumer, snapshot, reading.now_ms)
            loss = await count_loss(self._store, consumer, self._rules, logs, plan.partitions_from_the_log)
            findings = _Findings(reading, snapshot, heads, published, beginning, loss)
            report = _forecast(plan, findings, options)
            if options.dry_run:
                return report
            if loss is not None and not options.cut_log_accepted and not accept(loss):
                raise StartupError(_refusal(loss))
            start(report.records)
            await self._keep_experiments(plan, findings, metas)
            layout = await layouts.begin_with(self._store, is_empty=not any(metas.values()))
            await self._wipe(consumer, plan, findings, layout)
            await self._replay(consumer, plan, findings, report.tally, advance)
        return replace(report, seconds=time.monotonic() - started_at)

    async def _refuse_another_namespace(self, topic_id: str | None) -> None:
        """Raise StartupError if nothing is lost: the state of this topic is under another namespace."""
        if namespaces := await namespaces_of_topic(self._store, topic_id):
            shown = " and ".join(f"'{namespace}'" for namespace in namespaces)
            raise StartupError(
                [
                    f"nothing is stored under the namespace '{self._settings.redis_namespace}', but the state of "
                    f"topic '{self._activity_topic}' is under {shown}: set LINGER_REDIS_NAMESPACE. To make the state "
                    "a second time under this one: linger rebuild --all"
                ]
            )

    async def _read_published(self, consumer: AIOKafkaConsumer, snapshot: Snapshot, now_ms: int) -> Published:
        dead_letter_topic = self._settings.topic("dead-letter")
        topics = PublishedTopics(
            [self._settings.topic(name) for name in self._settings.decided_topics],
            self._settings.partitions,
            dead_letter_topic,
            snapshot.topics[dead_letter_topic].partitions,
            self._activity_topic,
            None if self._rules.ladder is None else self._settings.topic(STAGES),
        )
        longest_ms = max((rule.expires_after_ms for rule in self._rules.rules), default=0)
        return await read_published(consumer, topics, now_ms - longest_ms, now_ms)

    async def _keep_experiments(
        self, plan: Plan, findings: "_Findings", metas: Mapping[int, Mapping[str, str]]
    ) -> None:
        """Give back to Redis what it has lost of experiments.

        Where the log does not say any more which customers are in them, others begin.
        """
        now_ms, logs = findings.reading.now_ms, findings.snapshot.activity_logs
        cut = [partition for partition in plan.partitions_from_the_log if logs[partition].earliest > 0]
        files = bool(findings.beginning.offsets)
        await read_back(self._store, self._settings, now_ms, is_cut=bool(cut), has_files=files)
        if cut:
            are_lost = not all(metas[partition] for partition in cut)
            await forget_who_is_in(self._store, now_ms, are_figures_lost=are_lost)

    async def _wipe(self, consumer: AIOKafkaConsumer, plan: Plan, findings: "_Findings", layout: int) -> None:
        """Delete the stored state of the partitions, except those that an interrupted rebuild has begun.

        Those that begin with a state file hold its state afterwards, written in `layout`; until then, they stay
        marked as being wiped.
        """
        last_intake_ms = await read_last_intake_ms(consumer, findings.snapshot.activity_logs, self._time_of)
        marks = {
            partition: RebuildMark(
                plan.rules_lost,
                max(last_intake_ms, findings.published.decided_ms(partition)),
                counts=not await self._store.fields(self._store.keys.partition(partition).experiments),
            )
            for partition in plan.wiped_partitions
        }
        in_files = {partition: mark for partition, mark in marks.items() if partition in plan.file_offsets}
        unfinished = {partition: mark.while_wiping() for partition, mark in in_files.items()}
        key = await stored_key(self._store, self._settings.key_of_marks)
        await wipe(self._store, {**marks, **unfinished}, event_types(self._sources), key)
        beginning = findings.beginning
        await beginning.load_shared(self._store)
        await beginning.load(self._store, in_files, findings.published, self._settings, layout)

    async def _replay(
        self, consumer: AIOKafkaConsumer, plan: Plan, findings: "_Findings", tally: Tally, advance: Advance
    ) -> None:
        """Activate the rules, restore the progress of intake, and replay one partition after the other."""
        reading, logs = findings.reading, findings.snapshot.activity_logs
        rules = (await activate(self._store, self._rules, reading.now_ms, allow_rollback=False)).rules
        if (moves := decider_of(rules).turn.moves) is not None:
            moves.is_silent = True  # what differs from what was published is published by the workers
        progress = await self._restore_progress(consumer, findings)
        publisher = Publisher(
            self._settings.kafka_connection(),
            idempotent=self._settings.kafka_enable_idempotence,
            deadline_ms=self._settings.kafka_delivery_timeout_ms,
            shorten=cut_dead_letters,
        )
        pauses = PauseReader(self._settings.kafka_connection(), self._settings.topic(PAUSES), PauseList())
        context = ReplayContext(
            self._settings,
            self._sources,
            rules,
            self._store,
            publisher,
            self._clock,
            pauses.pauses,
            MarkTopic(self._settings.kafka_connection(), self._settings.topic(MARKS)),
            BookTopic(self._settings.kafka_connection(), self._settings.topic(BOOK)),
            findings.published,
            tally,
            findings.snapshot.tombstone_topics,
            rules_known=not plan.rules_lost,
        )
        await publisher.start()
        keeping_fresh: asyncio.Task[None] | None = None
        try:
            await pauses.start()
            keeping_fresh = asyncio.create_task(pauses.run(), name="pauses")
            for partition in plan.reasons:
                log = logs[partition]
                since = covered_since(self._agreed, rules, progress, findings.heads, partition, log, reading.now_ms)
                await PartitionReplay(partition, log, context).run(consumer, reading, progress, since, advance)
        finally:
            if keeping_fresh is not None:
                keeping_fresh.cancel()
            await pauses.stop()
            await publisher.stop()

    async def _restore_progress(
        self, consumer: AIOKafkaConsumer, findings: "_Findings"
    ) -> dict[tuple[str, int], Progress]:
        """Return the progress of each source partition; store what Redis has lost of it."""
        stored = await self._store.progress()
        snapshot = findings.snapshot
        has_direct_producers = direct_source(self._sources, self._activity_topic) is not None
        lost = []
        for topic_partition, bounds in snapshot.bounds.items():
            is_activity = topic_partition.topic == self._activity_topic
            # Records of direct producers are read to their end.
            committed = bounds.end if is_activity else snapshot.committed.get(topic_partition)
            source = SourcePartition(
                topic_partition, bounds, committed, snapshot.topics[topic_partition.topic].partitions
            )
            if (has_direct_producers or not is_activity) and source.topic_partition not in stored:
                lost.append(source)
        restored = await find_progress(consumer, lost, findings.heads.sources_ms, findings.reading, self._clock)
        if restored:
            await self._store.publish_progress(restored)
        # The log is read to its end: everything that intake has sent is in it.
        return {key: msgspec.structs.replace(progress, sent={}) for key, progress in {**restored, **stored}.items()}


@dataclass(frozen=True, slots=True)
class _Findings:
    """What a rebuild reads before it changes anything.

    Attributes:
        reading: of the clock, taken first.
        snapshot: of Kafka.
        heads: the first records of the activity topic.
        published: what was published before.
        beginning: the state files to begin with.
        loss: what is lost because logs have lost their beginning; None if they have it.
    """

    reading: Reading
    snapshot: Snapshot
    heads: LogHeads
    published: Published
    beginning: Beginning
    loss: Loss | None


def _forecast(plan: Plan, findings: _Findings, options: Options) -> Report:
    """Return the report before anything is rebuilt; its duration is an estimate."""
    log_begins = {}
    for partition in plan.reasons:
        if findings.snapshot.activity_logs[partition].earliest > 0 and partition not in plan.file_offsets:
            first_ms = findings.heads.first_ms.get(partition)
            log_begins[partition] = "nothing is left" if first_ms is None else moment(first_ms).isoformat()
    return Report(
        plan.reasons,
        options.dry_run,
        plan.records,
        seconds=plan.records / RECORDS_PER_SECOND,
        ids_known=len(findings.published.statuses),
        log_begins=log_begins,
        loss=findings.loss,
        rules_lost=plan.rules_lost,
        from_files=sorted(plan.file_offsets),
    )


def _refusal(loss: Loss) -> list[str]:
    remedy = (
        "nothing was changed. Restore Redis or the topic from a copy if there is one; to rebuild from the rest of "
        "the log, and lose this: linger rebuild --yes-the-log-is-cut. With files of linger state export that end "
        "where the log begins, or behind, nothing is lost: linger rebuild --from FILE"
    )
    return [*loss.sentences(), remedy]
