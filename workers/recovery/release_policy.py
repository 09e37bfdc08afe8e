"""Deferred actions: published only if they are new and still hold at the end of the log.

A replay decides in log order; live workers decided at other times. So a replay decides some actions that they never
decided (a late event came before the timer), and some that they retracted. A new action is therefore deferred: the
step that decides it also stores it, until its partition has been read to the end. If it is retracted before that, it
is never published.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from workers.core.decisions.published import PublishedRecord, content_of, read_record, record_of
from workers.core.rules.rule_set import RuleSet
from workers.dead_letters.record import SOURCE_OFFSET
from workers.kafka.records import decode_record
from workers.pauses.pause_list import PauseList
from workers.processor.release_policy import LivePolicy, Orders
from workers.processor.unit_of_work import UnitOfWork
from workers.recovery.published import ABANDONED, ACTIVE, RETRACTED, Published
from workers.state.meta import Meta
from workers.state.step import Held
from workers.state.store import Store

DEFERRED: Final = "*rebuild"
"""Replaces the rule id of deferred actions among the held actions. No rule can have this id."""


@dataclass(slots=True)
class Tally:
    """Counts of what the replay decided, by rule.

    Attributes:
        published: actions that had never been published.
        unsure: actions that are not published, because it is unknown whether they were published before, or
            whether their rule was active then.
    """

    published: Counter[str] = field(default_factory=Counter)
    unsure: Counter[str] = field(default_factory=Counter)


class RebuildPolicy:
    """The release policy while one partition is rebuilt.

    Attributes:
        decided_ms: the latest moment at which workers certainly decided and published, before the rebuild began.
        counts: whether the figures of experiments are counted again (`recovery.mark`).
    """

    def __init__(
        self,
        store: Store,
        pauses: PauseList,
        partition: int,
        topic_prefix: str,
        published: Published,
        tally: Tally,
        *,
        rules_known: bool,
    ) -> None:
        """Set up.

        Args:
            store: of the state.
            pauses: the paused rules.
            partition: that is rebuilt.
            topic_prefix: of the action topics.
            published: what the topics already hold.
            tally: counted up.
            rules_known: whether Redis still has the moment at which each rule was activated. If not, an action from
                before `decided_ms` may belong to a rule that did not exist yet.
        """
        self.decided_ms = published.decided_ms(partition)
        self.counts = False
        self._store = store
        self._limits = LivePolicy(store, pauses, 0)
        self._partition = partition
        self._topic_prefix = topic_prefix
        self._published = published
        self._tally = tally
        self._rules_known = rules_known

    async def withhold(self, work: UnitOfWork, rules: RuleSet, now_ms: int) -> None:
        """Defer the new actions of a step, and remove those that were published before or have expired."""
        if not self.counts:
            work.experiments.clear()
        records, work.records = work.records, []
        published_letters = self._published.dead_lettered.get(self._partition, set())
        work.dead_letters = [
            letter for letter in work.dead_letters if _source_offset(dict(letter.headers)) not in published_letters
        ]
        for record in records:
            rule = rules.by_id.get(record.rule)
            if not record.is_action:
                expires_ms = record.decided_ms + (0 if rule is None else rule.expires_after_ms)
                is_published = expires_ms > now_ms and self._is_new(record)
                (work.records if is_published else work.counted_only).append(record)
            elif record.expires_ms <= now_ms:
                work.counted_only.append(record)
            elif record.is_active:
                self._defer(record, work, rules.meaning_since_ms)
            else:
                self._retract(record, work)

    async def orders(self, metas: Mapping[int, Meta], rules: RuleSet, now_ms: int) -> dict[int, Orders]:
        """Return nothing: orders wait for the workers."""
        return {}

    async def publish_deferred(self, meta: Meta, rules: RuleSet, now_ms: int, at_most: int) -> UnitOfWork | None:
        """Return a step that publishes deferred actions; those of paused rules and above a limit are held.

        The caller takes the step, which removes them, and calls this again.

        Args:
            meta: of the partition.
            rules: the active rule set.
            now_ms: the time at which the rate limits count them.
            at_most: how many actions a step may have.

        Returns:
            None if no action is deferred.
        """
        held, partition = self._store.held_actions, self._partition
        names = (await held.oldest([partition], DEFERRED, at_most)).get(partition, [])
        if not names:
            return None
        work = UnitOfWork(meta)
        work.records += [self._read(raw) for raw in (await held.records(partition, names)).values()]
        work.released += [(DEFERRED, name) for name in names]
        self._tally.published.update(record.rule for record in work.records)
        await self._limits.withhold(work, rules, now_ms)
        return work

    def _read(self, raw: bytes) -> PublishedRecord:
        """Read a deferred action."""
        record = decode_record(raw)
        if record.headers or record.value is None:
            return read_record(raw)
        # A rebuild of release 0.1, which stored only the content, was interrupted.
        return record_of(content_of(record.value, is_action=True), self._topic_prefix)

    def _is_new(self, decision: PublishedRecord) -> bool:
        # Only decisions later than everything published: a replay may find other reasons for the past.
        return (
            not self._published.has_decision(decision.action_id, decision.status)
            and decision.decided_ms > self.decided_ms
        )

    def _defer(self, action: PublishedRecord, work: UnitOfWork, meaning_since_ms: int) -> None:
        """Store a new action until the end of the log, unless it was published or may have been.

        What was decided before the present meaning of rules began was decided by another one.
        """
        bits, decided_ms = self._published.status_of(action.action_id), action.decided_ms
        if bits & (ACTIVE | RETRACTED | ABANDONED):
            work.counted_only.append(action)
        elif (because := self._published.held_because(action.action_id)) is not None:
            work.held.append((action, because))
        elif not self._published.is_retained(action.topic, self._partition, decided_ms) or (
            decided_ms <= (meaning_since_ms if self._rules_known else max(self.decided_ms, meaning_since_ms))
        ):
            self._tally.unsure[action.rule] += 1
        else:
            name = deferred_name(action.action_id)
            work.released = [(rule, action_id) for rule, action_id in work.released if action_id != name]
            work.deferred.append(Held(DEFERRED, name, decided_ms, action.stored))

    def _retract(self, action: PublishedRecord, work: UnitOfWork) -> None:
        """Retract an action that was published and not retracted yet; an action that is only deferred is dropped."""
        name = deferred_name(action.action_id)
        work.held = [held for held in work.held if held[0].action_id != action.action_id]
        work.deferred = [deferred for deferred in work.deferred if deferred.action_id != name]
        work.released += [(DEFERRED, name), (action.rule, action.action_id)]
        bits = self._published.status_of(action.action_id)
        if bits & RETRACTED:
            work.counted_only.append(action)
        elif bits & ACTIVE:
            work.records.append(action)


def deferred_name(action_id: str) -> str:
    """Return the name under which a deferred action is stored among the held ones."""
    # Not the id alone: the same action may also be held by its rule's rate limit.
    return f"{DEFERRED}:{action_id}"


def _source_offset(headers: Mapping[str, bytes | None]) -> int:
    return int(headers[SOURCE_OFFSET] or -1)
