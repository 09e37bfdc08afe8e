"""The sources in force: one generation, taken over by every part of a worker in the same moment."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from schemas.sources import SourcesFile
from workers.core.rules.rule_set import RuleSet
from workers.core.source_changes import content_hash
from workers.core.source_set import SourceSet
from workers.kafka.topics import TopicState
from workers.observability import log_events, metrics
from workers.runtime.measures.beginnings import begin_sources
from workers.runtime.parts import Parts
from workers.runtime.reader import SOURCES
from workers.runtime.silence import SilenceWatch
from workers.state.source_sets.restoring import are_lost, restore_sources
from workers.state.source_sets.stored import HASH, as_stored

log = structlog.get_logger(__name__)

_REBALANCE_SECONDS: Final = 10.0
"""How long a change of topics waits for a rebalance that is under way."""


class SourcesInForce:
    """Which sources this worker reads.

    Attributes:
        current: the generation.
        silence: which of them are silent.
        problem: why nothing is turned into events: other workers have newer sources; None while they have not.
        remembered: what Redis said of generations of sources when it last knew this one, in case it does not.
    """

    def __init__(self, parts: Parts, sources: SourcesFile) -> None:
        self._settings = parts.settings
        self._store = parts.store
        self._clock = parts.clock
        self._reader = parts.reader
        self._topics = parts.topics
        self._intake = parts.intake
        self._processor = parts.processor
        self.current = SourceSet(sources)
        self.silence = SilenceWatch(self.current.read)
        self.problem: str | None = None
        self.remembered: Mapping[str, str] = {}
        self._subscribed: list[str] | None = None

    async def take_over(self, sources: SourceSet, rules: RuleSet, topics: Mapping[str, TopicState]) -> None:
        """Read these sources and decide by these rules from now on; the caller holds `Intake.passing_on`.

        Args:
            sources: the generation, or the present one with other topics of its patterns.
            rules: the active rule set.
            topics: those that are new, as Kafka describes them.
        """
        before = set(self._intake.topics)
        await self._processor.activate(rules, sources)
        self._intake.take_sources(sources.read, sources.joining)
        self.silence.take_sources(sources.read)
        self._topics.note(topics)
        self._topics.forget(before - set(self._intake.topics))
        self.current = sources
        self.note_newest(sources.generation)
        metrics.SOURCES_GENERATION.set(sources.generation)
        begin_sources(sources.read)
        patterns = {source.pattern: source.name for source in sources.written.sources if source.pattern is not None}
        metrics.PATTERN_TOPICS.show(
            {
                pattern: sum(topic.source == name for topic in sources.topics.values())
                for pattern, name in patterns.items()
            }
        )

    async def agree(self, stored: Mapping[str, str]) -> None:
        """Give back to Redis what it has lost of generations of sources; take over what it says of this one.

        Topics of patterns that have come or gone are left to `PatternTopics`.

        Args:
            stored: everything that Redis says of generations of sources.

        Raises:
            Transient: if Redis does not answer.
        """
        if stored == self.remembered:
            return
        if are_lost(self.remembered, stored):
            now_ms = (await self._clock.read()).now_ms
            stored = await restore_sources(self._store, self.remembered, now_ms)
            log.warning(log_events.SOURCES_GIVEN_BACK, generation=self.current.generation)
        if stored.get(HASH) != content_hash(self.current.written):
            return  # the tick finds out that this one is outdated
        agreed = as_stored(self.current.written, stored).with_topics(self.current.topics)
        if agreed != self.current:
            async with self._intake.passing_on:
                await self.take_over(agreed, self._processor.rules, {})
        self.remembered = stored

    def note_newest(self, generation: int) -> None:
        """Compare with the newest generation that any worker has; hold everything if this one is older.

        What this worker sent by older sources would be mixed with what others send by newer ones.
        """
        self._intake.is_outdated = generation > self.current.generation
        if not self._intake.is_outdated:
            self.problem = None
        elif self.problem is None:
            self.problem = (
                "this worker's sources.yaml is older than the active one: it is generation "
                f"{self.current.generation}, the newest is {generation}. Nothing is read from the sources here until "
                "the newest file is loaded"
            )
            log.warning(log_events.SOURCES_OUTDATED, problem=self.problem)

    @property
    def is_outdated(self) -> bool:
        """Whether other workers have newer sources."""
        return self._intake.is_outdated

    def count_partitions(self) -> int:
        """Return how many partitions all topics together have that this worker subscribes to."""
        return self._settings.partitions + sum(self._topics.partitions[topic] for topic in self._intake.topics)

    def note_subscribed(self) -> list[str]:
        """Return the topics to subscribe to at the start, and note that it is done."""
        self._subscribed = [*self._intake.topics]
        return self._subscribed

    async def subscribe(self) -> None:
        """Subscribe to the topics of the sources in force, if that is not done yet; the group rebalances then.

        Raises:
            TimeoutError: the group does not come to rest; call it again.
        """
        topics = self._intake.topics
        if self._subscribed is not None and set(self._subscribed) != set(topics):
            async with asyncio.timeout(_REBALANCE_SECONDS):
                await self._reader.change_topics(SOURCES, topics, partitions=self.count_partitions())
            self._subscribed = [*topics]
