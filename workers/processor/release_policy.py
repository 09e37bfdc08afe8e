"""Release policy: which decisions of a step are published, and which held actions are released later.

Live traffic has `LivePolicy`: pauses, rate limits, the brake, and the operator's orders. A rebuild has its own, in
`workers.recovery.release_policy`. A policy changes a unit of work; it must never know who owns a partition or how a
step is taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from schemas.actions import BRAKED_DETAIL, PAUSED_DETAIL
from workers.core.decisions.published import worth_of
from workers.core.rules.rule_set import Pace, RuleSet
from workers.observability import log_events
from workers.pauses.pause_list import PauseList
from workers.pauses.record import PauseRecord
from workers.processor.unit_of_work import UnitOfWork
from workers.state.brake import HOUR_MS, Brake
from workers.state.held_actions import Order
from workers.state.meta import Meta, rules_held
from workers.state.rate_limits import RateLimiter
from workers.state.store import Store

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 500
_RESUMED_AT_ONCE: Final = 100
_AGAIN_MS: Final = 5_000
"""How long a rule whose limit is reached is not asked for again: that asks every partition for its oldest actions."""
RESUME_PACE: Final = Pace(500, 3600, spread=True)
"""How fast the held actions of a rule without a pace are sent after a pause."""


@dataclass(slots=True)
class Orders:
    """Which held actions of one partition are to be released or discarded.

    Attributes:
        given: by the operator, at the head of the partition's list of orders.
        spread: released because the rate limit allows them by now.
        resumed: released because the pause of their rule is over.
        suspected: rules whose `meta` field says that a pause holds actions, although none was found.
    """

    given: list[Order] = field(default_factory=list)
    spread: list[Order] = field(default_factory=list)
    resumed: list[Order] = field(default_factory=list)
    suspected: list[str] = field(default_factory=list)

    def all(self) -> list[Order]:
        """Return all orders, the operator's first."""
        return [*self.given, *self.spread, *self.resumed]


class ReleasePolicy(Protocol):
    """Chooses which decisions of a step are published, and which held actions are released later."""

    async def withhold(self, work: UnitOfWork, rules: RuleSet, now_ms: int) -> None:
        """Take out of a step what must not be published now, and drop withheld actions that the step retracts."""
        ...

    async def orders(self, metas: Mapping[int, Meta], rules: RuleSet, now_ms: int) -> dict[int, Orders]:
        """Return what to release or discard now, by partition; partitions without orders are left out."""
        ...


def paused_detail(pause: PauseRecord | None) -> str:
    """Return why the action of a paused rule is held, in words; None if the pause is over by now."""
    if pause is None:
        return f"{PAUSED_DETAIL} when it was to be sent"
    return f"{PAUSED_DETAIL} by {pause.by}" + (f": {pause.because}" if pause.because else "")


class LivePolicy:
    """The release policy of a worker: pauses, rate limits, the brake, and the operator's orders."""

    def __init__(self, store: Store, pauses: PauseList, partitions: int) -> None:
        """Set up without asking anything.

        Args:
            store: of held actions, and of what all workers count together.
            pauses: the paused rules.
            partitions: how many the activity topic has.
        """
        self._store = store
        self._pauses = pauses
        self._partitions = range(partitions)
        self._limiter = RateLimiter(store)
        self._brake = Brake(store)
        self._braked_hour = -1
        self._resume_again_ms: dict[str, int] = {}

    async def withhold(self, work: UnitOfWork, rules: RuleSet, now_ms: int) -> None:
        """Hold the actions of paused rules and those above a limit, and release those that the step retracts."""
        # Even if the rule has no limit now, the action may be held from before. Harmless if it was published.
        work.released += [(record.rule, record.action_id) for record in work.records if record.status == "retracted"]
        self._hold_paused(work)
        await self._hold_above_pace(work, rules, now_ms)
        await self._hold_above_brake(work, rules, now_ms)

    async def orders(self, metas: Mapping[int, Meta], rules: RuleSet, now_ms: int) -> dict[int, Orders]:
        """Return the operator's orders, and what rate limits and ended pauses allow."""
        if not metas:
            return {}
        given = await self._store.held_actions.orders(list(metas), _AT_ONCE)
        orders_by_partition = {number: Orders() for number in metas}
        for number, orders in given.items():
            orders_by_partition[number].given = orders
        await self._spread(orders_by_partition, rules, now_ms)
        await self._resume(metas, orders_by_partition, rules, now_ms)
        return {number: orders for number, orders in orders_by_partition.items() if orders.all() or orders.suspected}

    # -- a step --------------------------------------------------------------------------------------------

    def _hold_paused(self, work: UnitOfWork) -> None:
        actions = work.new_actions()
        for rule_id in sorted({action.rule for action in actions}):
            if (pause := self._pauses.pause_of(rule_id)) is not None:
                paused = [action for action in actions if action.rule == rule_id]
                work.hold_back(paused, paused_detail(pause), "pause")

    async def _hold_above_pace(self, work: UnitOfWork, rules: RuleSet, now_ms: int) -> None:
        actions = work.new_actions()
        for rule_id in sorted({action.rule for action in actions}):
            rule = rules.by_id.get(rule_id)
            if rule is None or rule.pace is None:
                continue
            new_actions = [action for action in actions if action.rule == rule_id]
            if rule.by_value:
                new_actions.sort(key=worth_of, reverse=True)
            granted = await self._limiter.acquire(rule_id, rule.pace, len(new_actions), now_ms)
            period = {60: "minute", 3600: "hour"}.get(rule.pace.seconds, "day")
            then = "it waits its turn" if rule.pace.spread else "it waits for release or discard"
            work.hold_back(new_actions[granted:], f"more than {rule.pace.most} per {period}: {then}", "pace")

    async def _hold_above_brake(self, work: UnitOfWork, rules: RuleSet, now_ms: int) -> None:
        actions = work.new_actions()
        if not actions:
            return
        granted = await self._brake.acquire(len(actions), rules.brake, now_ms)
        if granted == len(actions):
            return
        limit, hour = self._brake.limit(), now_ms // HOUR_MS
        detail = f"{BRAKED_DETAIL}: more than {limit} per hour of all rules; it waits for release or discard"
        work.hold_back(actions[granted:], detail, "brake")
        if hour != self._braked_hour:  # once an hour: a flood has many steps
            self._braked_hour = hour
            rule_ids = sorted({action.rule for action in actions[granted:]})
            log.error(log_events.BRAKE_HOLDS, limit=limit, held=len(actions) - granted, rules=rule_ids)

    # -- later ---------------------------------------------------------------------------------------------

    async def _spread(self, orders_by_partition: Mapping[int, Orders], rules: RuleSet, now_ms: int) -> None:
        for rule in rules.rules:
            if rule.pace is None or not rule.pace.spread or self._pauses.is_paused(rule.id):
                continue
            if rule.by_value:
                await self._spread_by_value(rule.id, rule.pace, orders_by_partition, rules, now_ms)
                continue
            waiting = await self._store.held_actions.oldest(list(orders_by_partition), rule.id, _AT_ONCE)
            waiting_count = sum(map(len, waiting.values()))
            if not waiting_count:
                continue
            left = await self._granted(rule.id, rule.pace, waiting_count, rules, now_ms)
            for number, action_ids in waiting.items():
                orders = orders_by_partition[number]
                orders.spread += [Order("release", rule.id, action_id) for action_id in action_ids[:left]]
                left -= min(left, len(action_ids))

    async def _spread_by_value(
        self, rule_id: str, pace: Pace, orders_by_partition: Mapping[int, Orders], rules: RuleSet, now_ms: int
    ) -> None:
        """Release the actions for the customers of the greatest value over all partitions, as far as they are ours.

        Held actions are only read while the rate limit allows one.
        """
        if now_ms < self._resume_again_ms.get(rule_id, 0):
            return
        allowed = await self._limiter.acquire(rule_id, pace, 1, now_ms)
        await self._limiter.give_back(rule_id, pace, allowed, now_ms)
        limit = min(pace.most, _AT_ONCE)
        first = (
            await self._store.held_actions.most_valued(self._partitions, rule_id, limit, "pace") if allowed else []
        )
        ours = [(number, action_id) for number, action_id in first if number in orders_by_partition]
        granted = await self._granted(rule_id, pace, len(ours), rules, now_ms) if ours else 0
        if not granted:
            self._resume_again_ms[rule_id] = now_ms + _AGAIN_MS
        for number, action_id in ours[:granted]:
            orders_by_partition[number].spread.append(Order("release", rule_id, action_id))

    async def _resume(
        self, metas: Mapping[int, Meta], orders_by_partition: Mapping[int, Orders], rules: RuleSet, now_ms: int
    ) -> None:
        """Let the held actions of rules go that are paused no longer, oldest first over all partitions."""
        rule_ids = {rule_id for meta in metas.values() for rule_id in rules_held(meta.fields, "pause")}
        for rule_id in sorted(rule_ids):
            rule = rules.by_id.get(rule_id)
            # The action of a rule that no longer acts would not be taken back: it waits for release or discard.
            if rule is None or rule.paused or rule.shadow or self._pauses.is_paused(rule_id):
                continue
            if now_ms < self._resume_again_ms.get(rule_id, 0):
                continue
            oldest = await self._store.held_actions.oldest_of_all(
                self._partitions, rule_id, _RESUMED_AT_ONCE, "pause"
            )
            ours = [(number, action_id) for number, action_id in oldest if number in metas]
            if len(oldest) < _RESUMED_AT_ONCE:  # these are all
                for number in metas.keys() - {number for number, _ in ours}:
                    if rule_id in rules_held(metas[number].fields, "pause"):
                        orders_by_partition[number].suspected.append(rule_id)
            if not ours:
                continue
            granted = await self._granted(rule_id, rule.pace or RESUME_PACE, len(ours), rules, now_ms)
            if granted < len(ours):
                self._resume_again_ms[rule_id] = now_ms + _AGAIN_MS
            for number, action_id in ours[:granted]:
                orders_by_partition[number].resumed.append(Order("release", rule_id, action_id))

    async def _granted(self, rule_id: str, pace: Pace, requested: int, rules: RuleSet, now_ms: int) -> int:
        """Return how many of a rule's held actions its rate limit and the brake let pass now."""
        by_pace = await self._limiter.acquire(rule_id, pace, requested, now_ms)
        granted = 0
        if by_pace:
            granted = await self._brake.acquire(by_pace, rules.brake, now_ms, holds=False)
            await self._limiter.give_back(rule_id, pace, by_pace - granted, now_ms)
        return granted
