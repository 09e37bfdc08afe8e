"""Reload: reads the rule files and `sources.yaml` again, and activates all of it or nothing.

At the start, it joins the newest generations instead. If the files are refused then, the worker has the rules and the
sources of these generations from Redis, and follows them until its files are accepted.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP

from schemas.sources import SourcesFile
from workers.book.lost_experiments import read_back
from workers.core.rules.rule_set import RuleSet
from workers.core.source_changes import SourceChanges, changes_between, content_hash
from workers.core.source_set import SourceSet
from workers.errors import Fenced, StartupError, Transient
from workers.kafka.topics import TopicsError
from workers.loading import Configuration, load_configuration, newest_configuration
from workers.observability import log_events, metrics
from workers.observability.http_server import Reloaded
from workers.operations.pattern_topics import find_topics
from workers.rule_files.files import fingerprint
from workers.runtime.measures.beginnings import begin_rules
from workers.runtime.parts import Parts
from workers.runtime.preflight import Preflight
from workers.runtime.sources import SourcesInForce
from workers.runtime.survivors import AGREED_EVERY_SECONDS, wait_for_survivors
from workers.state.rule_sets.activation import (
    Activation,
    OlderRules,
    activate,
    is_active,
    newest_generation,
    reactivate,
    require_not_older,
    stored_rules,
)
from workers.state.rule_sets.last_good import TOO_LARGE, FilesRead, keep_files
from workers.state.rule_sets.restoring import is_lost, restore
from workers.state.source_sets.activation import OlderSources, activate_sources
from workers.state.source_sets.restoring import are_lost
from workers.state.source_sets.stored import newest_sources, stored_sources

log = structlog.get_logger(__name__)

_REST_SECONDS: Final = 10.0
"""How long a reload waits until Kafka has confirmed what was made by the sources before."""


class Reload:
    """Keeps the rules and the sources of this worker up to date.

    Attributes:
        problem: why the files were refused at the start or at the last reload, None if they were not.
        running: held while rules, sources or topics are taken over.
    """

    def __init__(
        self, parts: Parts, preflight: Preflight, sources: SourcesInForce, configuration: Configuration
    ) -> None:
        self._settings = parts.settings
        self._store = parts.store
        self._clock = parts.clock
        self._reader = parts.reader
        self._topics = parts.topics
        self._intake = parts.intake
        self._processor = parts.processor
        self._preflight = preflight
        self._sources = sources
        self._rules = configuration.rules
        self._files = configuration.files
        self._remembered: Mapping[str, str] = {}
        self._follows = bool(configuration.refused)
        self.running = asyncio.Lock()
        self._try_again = False
        self._paths = parts.settings.rules, parts.settings.sources
        self._read: object = None
        self._looked_at = (0, 0)
        self.problem = _summed_up(configuration.refused)
        metrics.LAST_GOOD.set(self._follows)

    async def join(self) -> None:
        """Activate the rules and sources that this worker was started with, or join workers that already have them.

        Raises:
            StartupError: newer ones have replaced these.
            KafkaError: no broker answers.
            Transient: Redis does not answer.
        """
        sources, refused = self._sources.current.written, self.problem
        try:
            await wait_for_survivors(self._store, self._settings)
            await require_not_older(self._store, self._rules)
            await self._keep(self._files, self._rules, sources)
            now_ms = (await self._clock.read()).now_ms
            await read_back(self._store, self._settings, now_ms)
            found, topics = await find_topics(self._settings, sources)
            joined = await activate_sources(self._store, sources, found.topics, now_ms, allow_rollback=False)
            activation = await activate(self._store, self._rules, now_ms, allow_rollback=False)
        except (OlderRules, OlderSources) as error:
            raise StartupError([str(error)]) from error
        # What Kafka does not have any more joins when it does, like one that appears.
        there = {name: topic for name, topic in joined.sources.topics.items() if name in topics}
        described = {name: topics[name] for name in there}
        await self._sources.take_over(joined.sources.with_topics(there), activation.rules, described)
        self._sources.remembered = joined.stored
        self._note_sources(joined.sources, joined.changes)
        self._note_rules(activation)
        self.problem = refused

    async def reload(self, *, asked: bool = True) -> Reloaded:
        """Read the files again and activate them: all of them, or none if there is any problem.

        Args:
            asked: whether the operator requests it, so that rules or sources that were active before may return.
                Otherwise they may return only if this worker has the newest ones, because then the files were changed
                back. A worker that is behind must not bring old ones back.

        Returns:
            The problems, as `file:line:column: …`; what was active stays active then. Or what is different.
        """
        async with self.running:
            self._try_again = False
            is_new, refused = False, self.problem
            self._read = await asyncio.to_thread(fingerprint, *self._paths)  # before they are read
            try:
                await self._agree()  # what is activated next must not begin to count again at 1
                configuration = await self._load()
                sources, rules = configuration.sources, configuration.rules
                has_sources = content_hash(sources) != content_hash(self._sources.current.written)
                has_sources = has_sources or bool(configuration.refused)  # the same can be a newer generation
                is_new = has_sources or rules.hash != self._rules.hash
                if has_sources and (problems := await self._preflight.problems_of_sources(sources)):
                    return self._refuse(problems)
                changes = SourceChanges()
                if has_sources:
                    changes = await self._take_over_sources(configuration, asked=asked)
                else:
                    await self._take_over_rules(configuration, asked=asked)
                await self._sources.subscribe()
                await self._reclaim_stopped()
                if configuration.refused:
                    return self._refuse(list(configuration.refused))
            except (OlderRules, OlderSources) as error:
                return self._refuse([str(error)]) if is_new else Reloaded()
            except StartupError as error:
                return self._refuse(list(error.problems))
            except (Transient, Fenced, KafkaError, TopicsError, TimeoutError, OSError) as error:
                self._try_again = True  # when the files are polled next
                return self._refuse([f"{error or type(error).__name__}; it is tried again"])
            if refused is not None:
                log.info(log_events.RULES_ACCEPTED_AGAIN, was_refused=refused, rule_set=self._rules.hash)
            self.problem, self._follows = None, False
            metrics.LAST_GOOD.set(0)
            return Reloaded(changes=changes.sentences())

    async def obey(self, asked: asyncio.Event) -> None:
        """Reload whenever it is asked for, until cancelled; what is asked during a reload is one more, not many."""
        while True:
            await asked.wait()
            asked.clear()
            await self.reload()

    async def _load(self) -> Configuration:
        """Read the files; if they are broken and never were not, take the newest rules and sources from Redis."""
        try:
            return await asyncio.to_thread(load_configuration, self._settings)
        except StartupError as refused:
            if not self._follows:
                raise
            self._looked_at = await self._newest()
            if self._looked_at == self._present():
                raise
            return await newest_configuration(self._settings, self._store, refused)

    async def watch(self) -> None:
        """Reload the files when they change, until cancelled; a change counts once the files are at rest."""
        seen = await asyncio.to_thread(fingerprint, *self._paths)
        await self.reload(asked=False)  # they may have changed while the worker started
        while True:
            await asyncio.sleep(self._settings.rules_poll_ms / 1000)
            current = await asyncio.to_thread(fingerprint, *self._paths)
            # Compared with what any reload has read: one that was asked for may have met half a file.
            if current == seen and (current != self._read or self._try_again or await self._must_reload()):
                await self.reload(asked=False)
            seen = current

    async def keep_agreed(self) -> None:
        """Look every second whether Redis knows of rules and sources what this worker knows, until cancelled."""
        while True:
            await asyncio.sleep(AGREED_EVERY_SECONDS)
            async with self.running:
                try:
                    await self._agree()
                except (Transient, Fenced, KafkaError, TopicsError, TimeoutError, OSError) as error:
                    log.debug(log_events.STEP_RETRIED, error=str(error))  # the tick reports it

    async def _agree(self) -> None:
        """Give back to Redis what it has lost, and work by what it says of the rules and sources of this worker."""
        sources, stored = await stored_sources(self._store), await stored_rules(self._store)
        if are_lost(self._sources.remembered, sources) or is_lost(self._remembered, stored):
            await self._keep(self._files, self._rules, self._sources.current.written)
        await self._sources.agree(sources)  # before the rules: a start that waits for them needs both
        if is_lost(self._remembered, stored):
            now_ms = (await self._clock.read()).now_ms
            await read_back(self._store, self._settings, now_ms)
            stored = await restore(self._store, self._rules, self._remembered, now_ms)
            log.warning(log_events.RULES_GIVEN_BACK, generation=self._rules.generation, rule_set=self._rules.hash)
        if stored == self._remembered or not is_active(self._rules, stored):
            return
        activation = await reactivate(self._store, self._rules, stored)
        problem = self.problem
        await self._processor.activate(activation.rules)
        self._note_rules(activation)
        self.problem = problem
        await self._reclaim_stopped()

    async def _must_reload(self) -> bool:
        """Return whether unchanged files are read again: newer generations of other workers can be followed."""
        if self._processor.outdated() or not self._follows:
            return bool(self._processor.outdated())
        try:
            return await self._newest() not in (self._present(), self._looked_at)
        except Transient:
            return False  # the tick reports it

    async def _newest(self) -> tuple[int, int]:
        """Return the newest generations of rules and of sources."""
        return await newest_generation(self._store), await newest_sources(self._store)

    def _present(self) -> tuple[int, int]:
        return self._rules.generation, self._sources.current.generation

    def _refuse(self, problems: list[str]) -> Reloaded:
        metrics.RELOADS.labels("refused").inc()
        self.problem = _summed_up(problems)
        log.error(log_events.RULES_REFUSED, problems=problems, as_activated=self._rules.hash)
        return Reloaded(problems=problems)

    async def _take_over_rules(self, configuration: Configuration, *, asked: bool) -> None:
        await self._keep(configuration.files, configuration.rules, configuration.sources)
        activation = await self._activate_rules(configuration.rules, asked=asked)
        self._files = configuration.files
        if activation.rules.generation != self._rules.generation:
            await self._processor.activate(activation.rules)
            self._note_rules(activation)
            metrics.RELOADS.labels("loaded").inc()

    async def _take_over_sources(self, configuration: Configuration, *, asked: bool) -> SourceChanges:
        """Activate sources, and the rules that were read with them; return what is different about the sources."""
        before, sources, rules = self._sources.current, configuration.sources, configuration.rules
        # Files that were never accepted here are not changed back: they may be those of an older generation.
        is_newest = not self._follows and before.generation == await newest_sources(self._store)
        present = None if self._follows else self._rules.generation
        await require_not_older(self._store, rules, present, asked=asked)
        await self._keep(configuration.files, rules, sources)
        found, topics = await find_topics(self._settings, sources)
        named = {source.topic for source in sources.sources if source.pattern is None}
        topics |= await self._reader.describe(named - self._topics.partitions.keys())
        async with asyncio.timeout(_REST_SECONDS):
            await self._intake.passing_on.acquire()
        try:
            now_ms = (await self._clock.read()).now_ms
            activated = await activate_sources(
                self._store, sources, found.topics, now_ms, allow_rollback=asked or is_newest
            )
            activation = await self._activate_rules(rules, asked=asked)
            read = {name: topic for name, topic in activated.sources.topics.items() if name in topics}
            now_read = {name: topics[name] for name in {*named, *read} if name in topics}
            await self._sources.take_over(activated.sources.with_topics(read), activation.rules, now_read)
            self._sources.remembered = activated.stored
        finally:
            self._intake.passing_on.release()
        # Where another worker was first, it has activated it: then this worker has what differs from its own.
        changes = activated.changes
        if changes == SourceChanges():
            changes = changes_between(before.mapped, activated.sources.mapped)
        self._files = configuration.files
        self._note_sources(activated.sources, changes)
        self._note_rules(activation)
        metrics.RELOADS.labels("loaded").inc()
        return changes

    async def _activate_rules(self, rules: RuleSet, *, asked: bool) -> Activation:
        is_new = rules.hash != self._rules.hash
        now_ms = (await self._clock.read()).now_ms
        is_newest = not self._follows and self._rules.generation == await newest_generation(self._store)
        return await activate(self._store, rules, now_ms, allow_rollback=is_new and (asked or is_newest))

    async def _keep(self, files: FilesRead, rules: RuleSet, sources: SourcesFile) -> None:
        if not await keep_files(self._store, files, rules.hash, content_hash(sources)):
            log.warning(log_events.LAST_GOOD_NOT_KEPT, problem=TOO_LARGE)

    def _note_rules(self, activation: Activation) -> None:
        self._rules, self.problem = activation.rules, None
        self._remembered = activation.stored
        metrics.GENERATION.set(self._rules.generation)
        begin_rules(self._rules)
        log.info(
            log_events.RULES_LOADED,
            generation=self._rules.generation,
            rule_set=self._rules.hash,
            rules=len(self._rules.rules),
            from_now_on=list(activation.began),
        )

    def _note_sources(self, sources: SourceSet, changes: SourceChanges) -> None:
        log.info(
            log_events.SOURCES_LOADED,
            generation=sources.generation,
            sources=[source.name for source in sources.written.sources],
            added=list(changes.added),
            removed=list(changes.removed),
            changed=list(changes.changed),
            from_now_on=list(changes.again),
            from_first_record=list(changes.from_first),
        )
        counts = {"added": changes.added, "removed": changes.removed, "changed": changes.changed}
        for what, names in {**counts, "type_again": (*changes.again, *changes.from_first)}.items():
            metrics.SOURCE_CHANGES.labels(what).inc(len(names))

    async def _reclaim_stopped(self) -> None:
        """Claim partitions again that were stopped because only newer rules could decide for them."""
        for partition in self._processor.outdated():
            tp = TP(self._topics.activity, partition)
            bounds = (await self._reader.bounds([tp]))[tp]
            offset = await self._processor.reclaim(partition, bounds, self._topics.activity_id)
            if offset is not None:
                await self._reader.seek(tp, offset)


def _summed_up(problems: Sequence[str]) -> str | None:
    """Return problems as one line, None if there are none."""
    return f"{problems[0]}{f' and {len(problems) - 1} more problems' if problems[1:] else ''}" if problems else None
