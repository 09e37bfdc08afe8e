"""Topics that match a pattern of `sources.yaml`: found about every minute, agreed between the workers, taken over.

A topic that appears is read from its beginning like any other. What it held before it appeared is history, and no
rule waits for it until that has been read.
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from workers.core.source_set import SourceSet
from workers.core.watermarks import Progress
from workers.errors import Transient
from workers.intake.source_identity import recreated
from workers.kafka.topics import TopicsError
from workers.observability import log_events
from workers.observability.conditions import Note
from workers.operations.pattern_topics import find_topics
from workers.runtime.parts import Parts
from workers.runtime.sources import SourcesInForce
from workers.state.source_sets.stored import as_agreed
from workers.state.source_sets.topics import agree_on_topics, let_count

log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 1.0
"""How often a worker asks which topics the others have found."""


class PatternTopics:
    """Finds the topics of patterns.

    Attributes:
        problems: by topic that matches and is not read, why.
    """

    def __init__(self, parts: Parts, sources: SourcesInForce) -> None:
        self._settings = parts.settings
        self._store = parts.store
        self._clock = parts.clock
        self._reader = parts.reader
        self._intake = parts.intake
        self._processor = parts.processor
        self._sources = sources
        self._next_search = 0.0
        self.problems: Mapping[str, str] = {}

    def notes(self) -> str | None:
        """Return which topics are not read although they match, or as a note which patterns match nothing."""
        if self.problems:
            return "; ".join(f"{topic}: {problem}" for topic, problem in self.problems.items())
        read = {topic.source for topic in self._sources.current.topics.values()}
        names = (source.name for source in self._sources.current.written.sources if source.pattern is not None)
        nothing = [name for name in names if name not in read]
        return Note(f"no topic matches {', '.join(nothing)} yet") if nothing else None

    async def watch(self, reloading: asyncio.Lock) -> None:
        """Take over topics that appear and leave out those that are gone, until cancelled.

        Args:
            reloading: held while other sources or rules are taken over.
        """
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                async with reloading:
                    await self._look()
            except (Transient, KafkaError, TopicsError, TimeoutError, OSError) as error:
                log.warning(log_events.STEP_RETRIED, error=f"{type(error).__name__}: {error}")

    async def _look(self) -> None:
        sources = self._sources.current
        if all(source.pattern is None for source in sources.written.sources) or self._sources.is_outdated:
            await self._sources.subscribe()
            return
        agreed = await as_agreed(self._store, sources.written)
        if agreed.generation != sources.generation:
            return  # the tick finds out that these sources are outdated
        if time.monotonic() >= self._next_search:
            agreed = await self._search(agreed)
            self._next_search = time.monotonic() + self._settings.topics_poll_ms / 1000
        if caught_up := topics_caught_up(agreed, await self._store.progress()):
            agreed = await let_count(self._store, agreed, caught_up)
        if agreed.topics != sources.topics:
            await self._take_over(agreed)
        await self._sources.subscribe()

    async def _search(self, agreed: SourceSet) -> SourceSet:
        """Return the sources with the topics that Kafka has now."""
        found, topics = await find_topics(self._settings, agreed.written)
        ids = await self._store.redis.fields(self._store.keys.sources)
        new = {name: topics[name] for name in found.topics if name not in agreed.topics}
        again = {name: recreated(ids, {name: topic}) for name, topic in new.items()}
        self.problems = found.problems() | {name: problems[0] for name, problems in again.items() if problems}
        joining = {name: found.topics[name] for name in new if not again[name]}
        leaving = agreed.topics.keys() - found.topics.keys()
        if not joining and not leaving:
            return agreed
        now_ms = (await self._clock.read()).now_ms
        return await agree_on_topics(self._store, agreed, joining, leaving, now_ms)

    async def _take_over(self, agreed: SourceSet) -> None:
        before = self._sources.current.topics.keys()
        joined, left = agreed.topics.keys() - before, before - agreed.topics.keys()
        topics = await self._reader.describe(joined)
        if len(topics) < len(joined):
            raise TopicsError(
                [f"topic '{name}' is not visible to this worker yet" for name in joined - topics.keys()]
            )
        async with self._intake.passing_on:
            await self._sources.take_over(agreed, self._processor.rules, topics)
        if joined or left:
            log.info(log_events.PATTERN_TOPICS_CHANGED, joined=sorted(joined), left=sorted(left))


def topics_caught_up(sources: SourceSet, progress: Mapping[tuple[str, int], Progress]) -> Collection[str]:
    """Return the topics that do not count yet, and have been read up to the moment at which they appeared. Pure.

    Args:
        sources: with the topics of their patterns.
        progress: of all source partitions, by topic and number.
    """
    caught_up = []
    for name, topic in sources.topics.items():
        first = progress.get((name, 0))
        if topic.counts or first is None or not first.partitions:
            continue
        reports = [progress.get((name, number)) for number in range(first.partitions)]
        if all(report is not None and report.watermark_ms >= topic.joined_ms for report in reports):
            caught_up.append(name)
    return caught_up
