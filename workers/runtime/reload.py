"""Rule reload: reads the rule files again, and activates all rules or none; joins the newest generation at start."""

import asyncio

import structlog
from aiokafka.errors import KafkaError
from faust.types import TP

from workers.core.rules.rule_set import RuleSet
from workers.errors import Fenced, StartupError, Transient
from workers.loading import load_rule_set
from workers.observability import log_events, metrics
from workers.rule_files.watch import fingerprint
from workers.runtime.parts import Parts
from workers.state.rule_sets import Activation, OlderRules, activate, newest_generation

log = structlog.get_logger(__name__)


class RuleReload:
    """Keeps the rules of this worker up to date.

    Attributes:
        problem: why the last reload was refused, None if it was not.
    """

    def __init__(self, parts: Parts, rules: RuleSet) -> None:
        self._settings = parts.settings
        self._sources = parts.sources
        self._store = parts.store
        self._clock = parts.clock
        self._reader = parts.reader
        self._topics = parts.topics
        self._processor = parts.processor
        self._rules = rules
        self._reloading = asyncio.Lock()
        self._try_again = False
        self.problem: str | None = None

    async def join(self) -> None:
        """Activate the rules that this worker was started with, or join workers that already have them.

        Raises:
            StartupError: newer rules have replaced these.
        """
        try:
            reading = await self._clock.read()
            activation = await activate(self._store, self._rules, reading.now_ms, allow_rollback=False)
        except OlderRules as error:
            raise StartupError([str(error)]) from error
        await self._take_over(activation)

    async def reload(self, *, asked: bool = True) -> list[str]:
        """Read the rule files again and activate them: all of them, or none if there is any problem.

        Args:
            asked: whether the operator requests it, so that rules that were active before may return. Otherwise they
                may return only if this worker has the newest rules, because then the files were changed back. A
                worker that is behind must not bring old rules back.

        Returns:
            The problems, as `file:line:column: …`; the old rules stay active then.
        """
        async with self._reloading:
            self._try_again = False
            try:
                rules = await asyncio.to_thread(load_rule_set, self._settings, self._sources)
                is_new = rules.hash != self._rules.hash
                now_ms = (await self._clock.read()).now_ms
                is_newest = self._rules.generation == await newest_generation(self._store)
                allow_rollback = is_new and (asked or is_newest)
                activation = await activate(self._store, rules, now_ms, allow_rollback=allow_rollback)
                if activation.rules.generation != self._rules.generation:
                    await self._take_over(activation)
                    metrics.RELOADS.labels("loaded").inc()
                await self._reclaim_stopped()
            except OlderRules as error:
                return self._refuse([str(error)]) if is_new else []
            except StartupError as error:
                return self._refuse(list(error.problems))
            except (Transient, Fenced, KafkaError, OSError) as error:
                self._try_again = True  # when the files are polled next
                return self._refuse([f"{error}; it is tried again"])
            self.problem = None
            return []

    async def watch(self) -> None:
        """Reload the rule files when they change, until cancelled; a change counts once the files are at rest."""
        loaded = seen = await asyncio.to_thread(fingerprint, self._settings.rules)
        await self.reload(asked=False)  # they may have changed while the worker started
        while True:
            await asyncio.sleep(self._settings.rules_poll_ms / 1000)
            current = await asyncio.to_thread(fingerprint, self._settings.rules)
            if current == seen and (current != loaded or self._try_again or self._processor.outdated()):
                loaded = current
                await self.reload(asked=False)
            seen = current

    def _refuse(self, problems: list[str]) -> list[str]:
        metrics.RELOADS.labels("refused").inc()
        self.problem = f"{problems[0]}{f' and {len(problems) - 1} more problems' if problems[1:] else ''}"
        log.error(log_events.RULES_REFUSED, problems=problems, as_activated=self._rules.hash)
        return problems

    async def _take_over(self, activation: Activation) -> None:
        self._rules, self.problem = activation.rules, None
        await self._processor.activate(self._rules)
        metrics.GENERATION.set(self._rules.generation)
        log.info(
            log_events.RULES_LOADED,
            generation=self._rules.generation,
            rule_set=self._rules.hash,
            rules=len(self._rules.rules),
            from_now_on=list(activation.began),
        )

    async def _reclaim_stopped(self) -> None:
        """Claim partitions again that were stopped because only newer rules could decide for them."""
        for partition in self._processor.outdated():
            tp = TP(self._topics.activity, partition)
            bounds = (await self._reader.bounds([tp]))[tp]
            offset = await self._processor.reclaim(partition, bounds, self._topics.activity_id)
            if offset is not None:
                await self._reader.seek(tp, offset)
