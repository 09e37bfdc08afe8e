"""Preflight: external preconditions, checked before a worker starts and again before it claims partitions."""

from collections.abc import Mapping
from contextlib import suppress

import structlog
from aiokafka.errors import KafkaError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError

from schemas.rules import RuleBook
from schemas.sources import SourcesFile
from workers.core.direct_producers import intake_sources
from workers.errors import StartupError, Transient
from workers.intake.source_identity import recreated, remember
from workers.kafka.requirements import missing_topics, wrong_partitions
from workers.kafka.topic_configs import alter_command, may_be_compacted, topic_configs
from workers.kafka.topics import TopicsError, TopicState, connected_admin, describe
from workers.observability.log_events import TOPIC_LOSES_RECORDS, TOPIC_SETTINGS_HIDDEN
from workers.operations.permissions import (
    MissingRight,
    Refusal,
    kafka_refusals,
    missing_rights,
    redis_refusals,
)
from workers.operations.redis_checks import EVICTS_NOTHING, may_evict, parse_info
from workers.operations.retention import needs_of, shortages_of
from workers.operations.rights.redis_commands import refused_commands
from workers.runtime.parts import Parts
from workers.settings import Settings
from workers.state.consistency import partitions_made_with, partitions_mismatch

log = structlog.get_logger(__name__)


async def require_access(settings: Settings, sources: SourcesFile) -> None:
    """Check that Kafka and Redis accept this worker and give it every right it needs.

    A Kafka without TLS and SASL refuses no client, so it is not checked.

    Raises:
        StartupError: every refusal, with the setting or the ACL that is the remedy.
    """
    refusals: list[Refusal | MissingRight] = []
    if settings.kafka_security_protocol != "PLAINTEXT":
        refusals += await kafka_refusals(settings) or await missing_rights(settings, sources)
    refusals += await redis_refusals(settings)
    if refusals:
        raise StartupError([str(refusal) for refusal in refusals])


async def warn_of_lost_records(settings: Settings, book: RuleBook) -> None:
    """Log each setting with which a topic of Linger deletes records that the rules need; never refuses the start.

    A Kafka that does not answer is not reported here: the checks that follow do.

    Args:
        settings: of the worker.
        book: its rules as written.
    """
    needs = needs_of(book, settings)
    try:
        async with connected_admin(settings.kafka_connection()) as admin:
            topics = await describe(admin, needs)
            configs = await topic_configs(admin, list(topics))
    except (KafkaError, OSError, TopicsError):
        return
    if hidden := sorted(topics.keys() - configs.keys()):
        log.info(
            TOPIC_SETTINGS_HIDDEN, topics=hidden, remedy="allow DescribeConfigs on them (docs/acl/kafka-acls.sh)"
        )
    for name in sorted(topics.keys() & configs.keys()):
        for shortage in shortages_of(name, needs[name], configs[name]):
            log.warning(
                TOPIC_LOSES_RECORDS,
                topic=shortage.topic,
                setting=shortage.setting,
                found=shortage.found,
                needed=shortage.needed,
                because=shortage.because,
                remedy=alter_command(shortage.topic, shortage.remedy, settings.kafka_bootstrap_servers),
            )


class Preflight:
    """Checks Redis, Kafka and the stored state; notes the topics that it saw."""

    def __init__(self, parts: Parts) -> None:
        self._settings = parts.settings
        self._store = parts.store
        self._topics = parts.topics
        self._intake = parts.intake
        self._processor = parts.processor
        self._reader = parts.reader

    async def check(self) -> None:
        """Check everything outside, before a worker starts.

        Raises:
            StartupError: a precondition is not met; lists every problem.
        """
        problems = await self._redis_problems()
        topic_names = [*map(self._settings.topic, self._settings.worker_topics), *self._intake.topics]
        try:
            async with connected_admin(self._settings.kafka_connection()) as admin:
                topics = await describe(admin, topic_names)
                problems += await self._state_problems(topics)
                keyed = [self._settings.topic(name) for name in self._settings.topics_by_customer]
                found = await may_be_compacted(admin, [name for name in keyed if name in topics])
                self._processor.customer_orders.tombstone_topics = found
        except (KafkaError, OSError) as error:
            servers = self._settings.kafka_bootstrap_servers
            problems.append(f"no Kafka broker answers at {servers}: {error}. Check LINGER_KAFKA_BOOTSTRAP_SERVERS")
        else:
            problems += self._topic_problems(topics, topic_names)
            self._topics.note(topics)
        if problems:
            raise StartupError(problems)

    async def problems_at_claim(self, topics: Mapping[str, TopicState]) -> list[str]:
        """Return the problems that forbid a claim, among those that can arise after the start.

        Args:
            topics: as Kafka describes them now.
        """
        problems = await self._state_problems(topics)
        with suppress(Transient):  # a claim waits for a Redis that does not answer for a moment
            problems += await self._eviction_problems()
        return problems

    async def problems_of_sources(self, sources: SourcesFile) -> list[str]:
        """Return why other sources cannot be read: their topics must exist, be the ones read before, and be allowed.

        Topics of actions that they declare must exist, too.

        Raises:
            KafkaError: no broker answers.
            Transient: Redis does not answer.
        """
        activity = self._settings.topic("activity")
        names = [source.topic for source in intake_sources(sources, activity) if source.pattern is None]
        topics = await self._reader.describe(names)
        problems = [
            f"{self._settings.sources}: {missing}; check `topic`" for missing in missing_topics(names, topics)
        ]
        actions = [*map(self._settings.topic, sources.actions)]
        own = await self._reader.describe(actions)
        problems += [
            f"{self._settings.sources}: {missing}; create it: linger topics create"
            for missing in missing_topics(actions, own)
        ]
        problems += recreated(await self._store.redis.fields(self._store.keys.sources), topics)
        if self._settings.kafka_security_protocol != "PLAINTEXT":
            problems += map(str, await missing_rights(self._settings, sources))
        return problems

    async def _state_problems(self, topics: Mapping[str, TopicState]) -> list[str]:
        """Return why the stored state as a whole does not fit the topics; store the ids of new sources."""
        sources = {name: topics[name] for name in self._intake.topics if name in topics}
        try:
            problems = recreated(await self._store.redis.fields(self._store.keys.sources), sources)
            if not problems:
                await remember(self._store, sources)
            metas = await self._store.metas(range(self._settings.partitions))
        except Transient:
            return []  # `_redis_problems` reports it
        activity = topics.get(self._topics.activity)
        if activity is not None:
            made_with = dict.fromkeys(map(partitions_made_with, metas.values()))
            mismatches = [partitions_mismatch(count, activity.name, activity.partitions) for count in made_with]
            problems += [str(mismatch) for mismatch in mismatches if mismatch is not None]
        return problems

    async def _redis_problems(self) -> list[str]:
        try:
            return [*await self._eviction_problems(), *await self._missing_commands()]
        except (Transient, RedisConnectionError) as error:
            return [f"{error}. Check LINGER_REDIS_URL"]

    async def _missing_commands(self) -> list[str]:
        """Return which commands Redis's ACL does not give to this user: a worker would retry its steps forever."""
        refused = {
            name: str(error)
            for name, error in await refused_commands(self._store)
            if isinstance(error, NoPermissionError) and (name != "WAIT" or self._settings.redis_wait_replicas)
        }
        if not refused:
            return []
        user = self._settings.redis_username or "USER"
        names, answer = sorted(refused), next(iter(refused.values()))
        added = " ".join(f"+{name.lower()}" for name in names)
        return [
            f"Redis refuses {', '.join(names)} to this user ({answer}). Give it its line in "
            f"docs/acl/redis-users.acl; after an upgrade: redis-cli ACL SETUSER {user} {added}"
        ]

    async def _eviction_problems(self) -> list[str]:
        problems = []
        for server, answer in (await self._store.redis.ask_every_server("INFO", "memory")).items():
            policy = parse_info(answer).get("maxmemory_policy", EVICTS_NOTHING)
            if may_evict(policy):
                problems.append(
                    f"Redis at {server} may evict customers: maxmemory-policy is '{policy}'. "
                    f"Set it to {EVICTS_NOTHING}: redis-cli CONFIG SET maxmemory-policy {EVICTS_NOTHING}"
                )
        return problems

    def _topic_problems(self, topics: Mapping[str, TopicState], topic_names: list[str]) -> list[str]:
        own = set(map(self._settings.topic, self._settings.worker_topics))
        problems = []
        for missing in missing_topics(topic_names, topics):
            is_own = missing.topic in own
            remedy = "create it: linger topics create" if is_own else "check `topic` in the sources file"
            problems.append(f"{missing}; {remedy}")
        for wrong in wrong_partitions([self._topics.activity], topics, self._settings.partitions):
            problems.append(f"{wrong}; set it to {wrong.partitions}")
        return problems
