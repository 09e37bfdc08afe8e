"""The doctor: checks every precondition of running here, and changes nothing.

Returns findings and prints nothing. Claims no partition, joins no group and writes no key. A check for which a right
is missing is reported as such, and the others still run. Run it with the settings of a worker.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.book import BOOK
from schemas.rules import RuleBook
from schemas.sources import Source, SourcesFile
from schemas.stages import STAGES
from workers.core.direct_producers import intake_sources
from workers.core.mapping.trace import compile_trace
from workers.core.rules.rule_set import RuleSet
from workers.core.source_set import PatternTopic, SourceSet
from workers.core.watermarks import Progress, sent_to
from workers.errors import LingerError, StartupError, Transient
from workers.histories.personal import without_values_in
from workers.kafka.clients.connecting import connect
from workers.kafka.topic_configs import topic_configs
from workers.kafka.topics import (
    LogBounds,
    TopicsError,
    TopicState,
    broker_count,
    connected_admin,
    describe,
    log_bounds,
    rights_on,
)
from workers.operations import kafka_checks, redis_checks, state_checks
from workers.operations.activity_sample import sample_activity
from workers.operations.findings import Finding, ok, problem, unknown
from workers.operations.pattern_topics import find_topics
from workers.operations.pausing import read_pauses
from workers.operations.permissions import (
    group_rights_missing,
    kafka_refusals,
    redis_refusals,
    rights_needed,
    topic_rights_missing,
)
from workers.operations.registry_checks import registry
from workers.operations.retention import Configs, Need, needs_of
from workers.operations.running_worker import running_worker, running_workers
from workers.operations.source_samples import Trace, sample_sources
from workers.operations.upgrade import checks as upgrade_checks
from workers.operations.upgrade.facts import find_releases, sample_layouts
from workers.registry.for_commands import reader_for
from workers.settings import AUDIT, MARKS, PAUSES, Settings
from workers.state.brake import brake_state
from workers.state.connect import clock_of, opened_store
from workers.state.consistency import Log, end_of_log
from workers.state.meta import rules_held
from workers.state.rule_sets.experiments import read_entries
from workers.state.scan import escaped, scan_keys
from workers.state.settings_check import namespaces_of_topic, readable
from workers.state.step import Because
from workers.state.stopped_sources import read_stops
from workers.state.store import Store

_REQUEST_TIMEOUT_MS: Final = 10_000
_KEYS_LOOKED_AT: Final = 2_000
_NO_LOG: Final = LogBounds(0, 0)


async def examine(
    settings: Settings,
    sources: SourcesFile,
    rules: RuleSet,
    book: RuleBook,
    now: datetime,
    *,
    before_upgrade: bool = False,
) -> list[Finding]:
    """Check everything outside that a worker with these settings and files needs.

    Args:
        settings: of a worker.
        sources: its sources.
        rules: its rules.
        book: the same rules as written: how long topics must keep their records follows from them.
        now: the present time; an event that is later than allowed is refused.
        before_upgrade: also say whether an upgrade to this release can begin, and whether it can be finished.
    """
    settings = settings.model_copy(update={"kafka_request_timeout_ms": _REQUEST_TIMEOUT_MS})
    kafka = _Kafka(settings, sources, needs_of(book, settings))
    async with opened_store(settings) as store:
        findings = [
            *await kafka.findings(),
            *await kafka.direct_producers(),
            *await registry(settings, sources),
            *await kafka.samples(now),
        ]
        redis = await _redis(settings, store)
        if all(finding.health != "problem" for finding in redis if finding.checked == "reachable"):
            redis += await _state(settings, store, rules, kafka)
            redis += await _upgrade(settings, store, rules) if before_upgrade else []
    return [*findings, *redis, *await running_worker(settings)]


# -- Kafka -----------------------------------------------------------------------------------------------------


class _Kafka:
    """Fetches what the checks of Kafka need, and keeps the activity topic for the checks of the state.

    Attributes:
        is_reached: whether a broker has answered; True before anything is asked.
        marks_topic_id: the id of the topic of marks; None if it is not known.
    """

    def __init__(self, settings: Settings, sources: SourcesFile, needs: Mapping[str, Need]) -> None:
        self._settings = settings
        self._sources = sources
        self._needs = needs
        self._activity = settings.topic("activity")
        self._state: TopicState | None = None
        self._existing: frozenset[str] = frozenset()
        self.is_reached = True
        self.marks_topic_id: str | None = None

    async def findings(self) -> list[Finding]:
        servers = self._settings.kafka_bootstrap_servers
        if refusals := await kafka_refusals(self._settings):
            return kafka_checks.refused(refusals)
        try:
            async with connected_admin(self._settings.kafka_connection()) as admin:
                brokers = broker_count(admin)
                found, _ = await find_topics(self._settings, self._sources)
                patterns = kafka_checks.patterns(self._sources, found)
                topics = {name: PatternTopic(source) for name, source in found.topics.items()}
                self._sources = SourceSet(self._sources, topics=topics).read
                return [kafka_checks.reachable(brokers, servers), *patterns, *await self._topics(admin, brokers)]
        except (KafkaError, OSError, TimeoutError) as error:
            self.is_reached = False
            remedy = "start Kafka, or check LINGER_KAFKA_BOOTSTRAP_SERVERS"
            return [kafka_checks.unreachable(f"no broker answers at {servers}: {error}", remedy)]

    async def _topics(self, admin: AIOKafkaAdminClient, brokers: int) -> list[Finding]:
        settings, own = self._settings, [self._settings.topic(name) for name in self._settings.own_topics]
        needed = rights_needed(settings, self._sources)
        # Workers need no audit, and may not see it; commands do.
        reported = await rights_on(admin, dict.fromkeys([*needed, settings.topic(AUDIT)]))
        visible = [name for name in [*needed, settings.topic(AUDIT)] if reported.get(name) != frozenset()]
        try:
            topics = await describe(admin, visible)
        except TopicsError as error:
            return [problem("Kafka", "topics", text, "", "see above") for text in error.problems]
        findings = kafka_checks.existence(visible, topics, own, str(settings.sources))
        if (marks := topics.get(settings.topic(MARKS))) is not None:
            self.marks_topic_id = marks.topic_id
        if self._activity in topics:
            self._state = topics[self._activity]
            findings += kafka_checks.activity_topic(self._state, settings.partitions)
        actions = [settings.topic(name) for name in settings.decided_topics]
        # As many as the activity topic has: a setting that is wrong is one problem, not one for each topic.
        partition_count = settings.partitions if self._state is None else self._state.partitions
        findings += kafka_checks.action_topics(actions, topics, partition_count)
        missing = topic_rights_missing(settings, needed, reported)
        findings += kafka_checks.rights_on_topics(reported, needed, missing)
        group_missing = await group_rights_missing(settings, admin)
        findings += kafka_checks.rights_on_group(settings.kafka_group_id, group_missing)
        configs = await topic_configs(admin, list(topics))
        self._existing = frozenset(topics)
        own_existing = [name for name in own if name in topics]
        described = await admin.describe_topics(own_existing) if own_existing else []
        findings += [kafka_checks.copies(topic, brokers, configs) for topic in described]
        return findings + self._topic_settings(set(topics), configs)

    def _topic_settings(self, topics: set[str], configs: Configs) -> list[Finding]:
        needs = {name: need for name, need in self._needs.items() if name in topics}
        findings = kafka_checks.kept_records(needs, configs)
        if (pauses := self._settings.topic(PAUSES)) in topics:
            findings += kafka_checks.pauses_settings(pauses, configs)
        if (marks := self._settings.topic(MARKS)) in topics:
            findings += kafka_checks.marks_settings(marks, configs)
        if (book := self._settings.topic(BOOK)) in topics:
            findings += kafka_checks.book_settings(book, configs)
        if (stages := self._settings.topic(STAGES)) in topics:
            findings += kafka_checks.stages_settings(stages, configs)
        for name in map(self._settings.topic, ("dead-letter", AUDIT)):
            if name in topics:
                findings += kafka_checks.forgetting_settings(name, configs)
        names = [name for name in (self._activity, self._settings.topic("dead-letter")) if name in topics]
        source_topics = [source.topic for source in self._sources.sources if source.topic in topics]
        return findings + kafka_checks.record_sizes(names, source_topics, configs)

    @property
    def topic_id(self) -> str | None:
        """The id of the activity topic, None if it could not be described or the broker reports none."""
        return None if self._state is None else self._state.topic_id

    async def direct_producers(self) -> list[Finding]:
        """Check a sample of the activity topic; nothing if it could not be described."""
        if self._state is None:
            return []
        connection = self._settings.kafka_connection()
        try:
            return [
                kafka_checks.direct_producers(
                    await sample_activity(connection, self._activity, self._state.partitions)
                )
            ]
        except StartupError as error:
            return [kafka_checks.unread_activity(self._activity, error)]

    async def samples(self, now: datetime) -> list[Finding]:
        """Look at the newest records of each source that exists, through its mapping."""
        settings, latest = self._settings, now + self._settings.max_future
        declared = frozenset(self._sources.event_types)

        async def trace_of(source: Source, records: Sequence[ConsumerRecord]) -> Trace:
            values = [record.value for record in records]
            read_value = await reader_for(source.format, values, settings.registry_connection())
            trace = compile_trace(source, declared, latest, settings.hash_key, read_value)
            return without_values_in(trace, source, self._sources.personal())

        sources = [
            source for source in intake_sources(self._sources, self._activity) if source.topic in self._existing
        ]
        return await sample_sources(settings.kafka_connection(), sources, trace_of) if sources else []

    async def logs(self, progress: Collection[Progress]) -> dict[int, Log]:
        """Return the log of each partition of the activity topic as it is now; nothing if it cannot be read."""
        if self._state is None:
            return {}
        topic_id, partitions = self._state.topic_id, self._state.partitions
        try:
            bounds_by_partition = await self._bounds(partitions)
        except (TopicsError, KafkaError, OSError):
            return {}  # reported as what could not be checked
        logs = {}
        for partition in range(self._settings.partitions):
            bounds, sent = bounds_by_partition.get(partition, _NO_LOG), sent_to(partition, progress)
            end = end_of_log(bounds.end, sent, is_lower_bound=not self._settings.kafka_enable_idempotence)
            logs[partition] = Log(self._activity, topic_id, partitions, bounds.earliest, end)
        return logs

    async def _bounds(self, partitions: int) -> dict[int, LogBounds]:
        consumer = AIOKafkaConsumer(enable_auto_commit=False, **self._settings.kafka_connection())
        try:
            await connect(consumer)
            topic_partitions = [(self._activity, partition) for partition in range(partitions)]
            bounds_by_partition = await log_bounds(consumer, topic_partitions)
        finally:
            await consumer.stop()
        return {tp.partition: bounds for tp, bounds in bounds_by_partition.items()}


# -- Redis and what it holds -----------------------------------------------------------------------------------


async def _redis(settings: Settings, store: Store) -> list[Finding]:
    if refusals := await redis_refusals(settings):
        return redis_checks.refused(refusals)
    try:
        info = redis_checks.parse_info((await store.redis.call([("INFO",)]))[0])
    except Transient as error:
        return [redis_checks.unreachable(error)]
    return [
        ok("Redis", "reachable", settings.shown()["LINGER_REDIS_URL"]),
        redis_checks.version(info),
        redis_checks.eviction(info),
        redis_checks.headroom(info),
        redis_checks.append_only(info),
        redis_checks.replicas(info, settings.redis_wait_replicas),
        *await redis_checks.commands(store),
        redis_checks.clock(info),
    ]


async def _state(settings: Settings, store: Store, rules: RuleSet, kafka: _Kafka) -> list[Finding]:
    try:
        with readable():
            metas = await store.metas(range(settings.partitions))
            progress = await store.progress()
            rule_sets = await store.redis.fields(store.keys.rules)
            stops = await read_stops(store)
            elsewhere = [] if any(metas.values()) else await namespaces_of_topic(store, kafka.topic_id)
            braking = await _brake(settings, store, metas)
            workers = await running_workers(store)
            kept = await read_entries(store)
            namespace = store.keys.namespace
            _, some_keys = await scan_keys(store.redis, 0, f"{escaped(namespace)}:*", _KEYS_LOOKED_AT)
    except LingerError as error:
        return [unknown("state", "stored state", str(error), "", "see above")]
    # Logs after the stored state: workers may read on in between, which only makes a log longer.
    logs = await kafka.logs(progress.values())
    return [
        state_checks.rule_set(rules, rule_sets),
        state_checks.kinds_of_keys(namespace, [key.decode() for key in some_keys]),
        *state_checks.another_namespace(settings.redis_namespace, elsewhere),
        *state_checks.stored_offsets(metas, logs, settings.partitions),
        *state_checks.copied_marks(metas, settings.topic(MARKS), kafka.marks_topic_id),
        state_checks.stopped_sources(stops.problems()),
        await _pauses(settings, is_reached=kafka.is_reached),
        state_checks.experiments(kept),
        braking,
        workers,
    ]


async def _upgrade(settings: Settings, store: Store, rules: RuleSet) -> list[Finding]:
    try:
        releases = await find_releases(settings, store)
        sample = await sample_layouts(store)
        rule_sets = await store.redis.fields(store.keys.rules)
        info = redis_checks.parse_info((await store.redis.call([("INFO",)]))[0])
    except (StartupError, Transient) as error:
        return [unknown("upgrade", "stored state", str(error), "", "see above")]
    return [
        upgrade_checks.layouts_of_partitions(releases),
        upgrade_checks.layouts_of_customers(sample),
        upgrade_checks.rules(rules, rule_sets),
        upgrade_checks.rebuild(releases.metas),
        upgrade_checks.memory(info),
        upgrade_checks.readiness(),
        upgrade_checks.finishing(releases),
    ]


async def _brake(settings: Settings, store: Store, metas: Mapping[int, Mapping[str, str]]) -> Finding:
    names: list[tuple[int, str, Because]] = [
        (number, rule_id, "brake") for number, meta in metas.items() for rule_id in rules_held(meta, "brake")
    ]
    held = await store.held_actions.counts(names)
    now_ms = (await clock_of(settings, store).read()).now_ms
    return state_checks.brake(await brake_state(store, now_ms), sum(held))


async def _pauses(settings: Settings, *, is_reached: bool) -> Finding:
    try:
        if not is_reached:  # to ask again would take as long
            raise StartupError([f"no broker answers at {settings.kafka_bootstrap_servers}"])
        return state_checks.pauses((await read_pauses(settings)).paused())
    except StartupError as error:
        return unknown("state", "pauses", "; ".join(error.problems), "without it no action is sent", "see above")
