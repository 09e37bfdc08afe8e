"""What goes out while state is made again: only what was never published, and only if it stands at the end.

A replay decides in the order of the log what live workers decided at other times: some of it never (a late event came
before the timer), some of it and took it back. So a new action is put aside, in the store and in the very step that
decides it, until its partition has been read to the end; what is taken back meanwhile never gets out.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from schemas.actions import Action, Decision, encode
from workers.core.rules.rule_set import RuleSet
from workers.dead_letters.record import SOURCE_OFFSET
from workers.kafka.records import OutboxRecord, decode_record, encode_record
from workers.processor.held_actions import Holding, Orders
from workers.processor.unit_of_work import UnitOfWork
from workers.recovery.published import ABANDONED, ACTIVE, HELD, RETRACTED, Published
from workers.state.meta import Meta
from workers.state.step import Held
from workers.state.store import Store

ASIDE: Final = "*rebuild"
"""Stands for a rule among the held actions, where those that were put aside are; no rule can be called so."""

_read: Final = msgspec.json.Decoder(Action).decode


@dataclass(slots=True)
class Tally:
    """What became of what the replay decided, by rule.

    Attributes:
        published: actions that had never got out.
        unsure: actions that are not published, because nobody can tell whether they were, or whether their rule
            counted then.
    """

    published: Counter[str] = field(default_factory=Counter)
    unsure: Counter[str] = field(default_factory=Counter)


class Replayed(Holding):
    """Stands in for `Holding` while one partition is made again.

    Attributes:
        decided_ms: the latest moment at which workers certainly decided and published, before the rebuild began.
    """

    def __init__(
        self,
        store: Store,
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
            partition: whose replay it is.
            topic_prefix: of the action topics.
            published: what is out already.
            tally: counted up.
            rules_known: since when each rule counts was not lost. Where it was, an action from before the latest
                that was certainly decided may be one of a rule that was not there yet.
        """
        super().__init__(store)
        self._partition = partition
        self._topic_prefix = topic_prefix
        self._published = published
        self._tally = tally
        self._rules_known = rules_known
        self.decided_ms = published.decided_ms(partition)

    async def keep_pace(self, work: UnitOfWork, rules: RuleSet, now_ms: int) -> None:
        """Leave in a step only what is to be published; put new actions aside."""
        decisions, work.decisions = work.decisions, []
        dead = self._published.dead_lettered.get(self._partition, set())
        work.dead_letters = [one for one in work.dead_letters if _offset(dict(one.headers)) not in dead]
        for one in decisions:
            rule = rules.by_id.get(one.rule.id)
            if isinstance(one, Decision):
                expires_ms = _ms(one) + (0 if rule is None else rule.expires_after_ms)
                (work.decisions if expires_ms > now_ms and self._is_new(one) else work.known).append(one)
            elif _expires_ms(one) <= now_ms:
                work.known.append(one)
            elif one.status == "retracted":
                self._take_back(one, work)
            else:
                self._put_aside(one, work, f"{self._topic_prefix}.{one.action}")

    async def orders(self, partitions: Sequence[int], rules: RuleSet, now_ms: int) -> dict[int, Orders]:
        """Return nothing: held actions wait for the workers."""
        return {}

    async def let_out(self, meta: Meta, rules: RuleSet, now_ms: int, at_most: int) -> UnitOfWork | None:
        """Return a step that lets actions out that were put aside, by their rules' paces; None if there are none."""
        store, number = self._store, self._partition
        names = (await store.held_actions.oldest([number], ASIDE, at_most)).get(number, [])
        if not names:
            return None
        values = [decode_record(raw).value for raw in (await store.held_actions.records(number, names)).values()]
        work = UnitOfWork(meta)
        work.decisions += [_read(value) for value in values if value is not None]
        work.let_go += [(ASIDE, name) for name in names]
        self._tally.published.update(one.rule.id for one in work.decisions)
        await super().keep_pace(work, rules, now_ms)
        return work

    def _is_new(self, one: Decision) -> bool:
        # Only what comes after everything that is out: a replay may find other reasons for what is past.
        return not self._published.has_decision(one) and _ms(one) > self.decided_ms

    def _put_aside(self, one: Action, work: UnitOfWork, topic: str) -> None:
        said, rule_id = self._published.status_of(one.action_id), one.rule.id
        if said & (ACTIVE | RETRACTED | ABANDONED):
            work.known.append(one)
        elif said & HELD:
            work.held.append(one)
        elif not self._published.is_retained(topic, self._partition, _ms(one)) or (
            not self._rules_known and _ms(one) <= self.decided_ms
        ):
            self._tally.unsure[rule_id] += 1
        else:
            name = _aside(one)
            work.let_go = [(rule, let_go) for rule, let_go in work.let_go if let_go != name]
            work.aside.append(Held(ASIDE, name, _ms(one), encode_record(OutboxRecord(topic, None, encode(one), ()))))

    def _take_back(self, one: Action, work: UnitOfWork) -> None:
        """Retract what is out and was not retracted yet; what was only put aside just goes."""
        work.held = [held for held in work.held if held.action_id != one.action_id]
        work.aside = [held for held in work.aside if held.action_id != _aside(one)]
        work.let_go += [(ASIDE, _aside(one)), (one.rule.id, one.action_id)]
        said = self._published.status_of(one.action_id)
        if said & RETRACTED:
            work.known.append(one)
        elif said & ACTIVE:
            work.decisions.append(one)


def _aside(one: Action) -> str:
    # Not the id alone: the same action may be held by its rule's pace.
    return f"{ASIDE}:{one.action_id}"


def _ms(one: Action | Decision) -> int:
    return round(one.decided_at.timestamp() * 1000)


def _expires_ms(one: Action) -> int:
    return round(one.expires_at.timestamp() * 1000)


def _offset(headers: Mapping[str, bytes | None]) -> int:
    return int(headers[SOURCE_OFFSET] or -1)
