"""Preflight: what has to be true outside before a worker starts, and again before it claims partitions."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from aiokafka.errors import KafkaError

from workers.errors import StartupError, Transient
from workers.intake.source_identity import recreated, remember
from workers.kafka.topics import TopicState, connected_admin, describe
from workers.runtime.parts import Parts
from workers.settings import OWN_TOPICS
from workers.state.consistency import Log, check_consistency
from workers.state.meta import PARTITIONS

_EVICTS_NOTHING: Final = "noeviction"


class Preflight:
    """Checks Redis, Kafka and the stored state; notes the topics that it saw."""

    def __init__(self, parts: Parts) -> None:
        self._settings = parts.settings
        self._store = parts.store
        self._topics = parts.topics
        self._sources = parts.intake.topics

    async def check(self) -> None:
        """Check everything outside, before a worker starts.

        Raises:
            StartupError: something is not as it must be; lists every problem.
        """
        problems = await self._redis_problems()
        wanted = [*map(self._settings.topic, OWN_TOPICS), *self._sources]
        try:
            async with connected_admin(self._settings.kafka_connection()) as admin:
                topics = await describe(admin, wanted)
                problems += await self._state_problems(topics)
        except (KafkaError, OSError) as error:
            servers = self._settings.kafka_bootstrap_servers
            problems.append(f"no Kafka broker answers at {servers}: {error}. Check LINGER_KAFKA_BOOTSTRAP_SERVERS")
        else:
            problems += self._topic_problems(topics, wanted)
            self._topics.note(topics)
        if problems:
            raise StartupError(problems)

    async def problems_at_claim(self, topics: Mapping[str, TopicState]) -> list[str]:
        """Return why nothing may be claimed: what can have changed since the start.

        Args:
            topics: as Kafka describes them now.
        """
        problems = await self._state_problems(topics)
        with suppress(Transient):  # a claim waits for a Redis that does not answer for a moment
            problems += await self._eviction_problems()
        return problems

    async def _state_problems(self, topics: Mapping[str, TopicState]) -> list[str]:
        """Return why the stored state as a whole does not fit the topics; note sources seen for the first time."""
        sources = {name: topics[name] for name in self._sources if name in topics}
        try:
            problems = recreated(await self._store.redis.fields(self._store.keys.sources), sources)
            if not problems:
                await remember(self._store, sources)
            metas = await self._store.metas(range(self._settings.partitions))
        except Transient:
            return []  # `_redis_problems` reports it
        activity = topics.get(self._topics.activity)
        if activity is not None:
            log_now = Log(activity.name, None, activity.partitions, 0, 0)
            made_with = ({PARTITIONS: meta.get(PARTITIONS, "")} for meta in metas.values())
            mismatches = [check_consistency(fields, -1, None, log_now) for fields in made_with]
            problems += dict.fromkeys(f"{found.problem}. {found.mend}" for found in mismatches if found is not None)
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
                remedy = "create it: linger topics create" if name in own else "check `topic` in the sources file"
                problems.append(f"topic '{name}' does not exist; {remedy}")
        activity = topics.get(self._topics.activity)
        if activity is not None and activity.partitions != self._settings.partitions:
            problems.append(
                f"topic '{activity.name}' has {activity.partitions} partitions, LINGER_PARTITIONS is "
                f"{self._settings.partitions}; set it to {activity.partitions}"
            )
        return problems
