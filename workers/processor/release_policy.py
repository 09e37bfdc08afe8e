"""Release policy: which decisions of a step are published, and which held actions are released later.

Live traffic has `LivePolicy`: rate limits, and the operator's orders. A rebuild has its own, in
`workers.recovery.release_policy`. A policy changes a unit of work; it must never know who owns a partition or how a
step is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from schemas.actions import Action
from workers.core.rules.rule_set import RuleSet
from workers.processor.unit_of_work import UnitOfWork
from workers.state.held_actions import Order
from workers.state.rate_limits import RateLimiter
from workers.state.store import Store

_AT_ONCE: Final = 500


@dataclass(slots=True)
class Orders:
    """Which held actions of one partition are to be released or discarded.

    Attributes:
        given: by the operator, at the head of the partition's list of orders.
        spread: released because the rate limit allows them by now.
    """

    given: list[Order] = field(default_factory=list)
    spread: list[Order] = field(default_factory=list)

    def all(self) -> list[Order]:
        """Return both, the operator's first."""
        return [*self.given, *self.spread]


class ReleasePolicy(Protocol):
    """Chooses which decisions of a step are published, and which held actions are released later."""

    async def withhold(self, work: UnitOfWork, rules: RuleSet, now_ms: int) -> None:
        """Take out of a step what must not be published now, and drop withheld actions that the step retracts."""
        ...

    async def orders(self, partitions: Sequence[int], rules: RuleSet, now_ms: int) -> dict[int, Orders]:
        """Return what to release or discard now, by partition; partitions without orders are left out."""
        ...


class LivePolicy:
    """The release policy of a worker: rate limits, and the operator's orders."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._limiter = RateLimiter(store)

    async def withhold(self, work: UnitOfWork, rules: RuleSet, now_ms: int) -> None:
        """Hold back the actions of a step above their rule's rate limit, and release those that it retracts."""
        actions = [decision for decision in work.decisions if isinstance(decision, Action)]
        # Even if the rule has no limit now, the action may be held from before. Harmless if it was published.
        work.released += [(action.rule.id, action.action_id) for action in actions if action.status == "retracted"]
        for rule_id in sorted({action.rule.id for action in actions}):
            rule = rules.by_id.get(rule_id)
            if rule is None or rule.pace is None:
                continue
            if not (new_actions := work.actions_of(rule_id)):
                continue
            granted = await self._limiter.acquire(rule_id, rule.pace, len(new_actions), now_ms)
            if granted < len(new_actions):
                period = {60: "minute", 3600: "hour"}.get(rule.pace.seconds, "day")
                then = "it waits its turn" if rule.pace.spread else "it waits for release or discard"
                work.hold_back(new_actions[granted:], f"more than {rule.pace.most} per {period}: {then}")

    async def orders(self, partitions: Sequence[int], rules: RuleSet, now_ms: int) -> dict[int, Orders]:
        """Return the operator's orders, and what the rate limits of rules that spread their actions allow."""
        if not partitions:
            return {}
        given = await self._store.held_actions.orders(partitions, _AT_ONCE)
        orders_by_partition = {number: Orders(given=orders) for number, orders in given.items()}
        for rule in rules.rules:
            if rule.pace is None or not rule.pace.spread:
                continue
            waiting = await self._store.held_actions.oldest(partitions, rule.id, _AT_ONCE)
            waiting_count = sum(map(len, waiting.values()))
            if not waiting_count:
                continue
            left = await self._limiter.acquire(rule.id, rule.pace, waiting_count, now_ms)
            for number, action_ids in waiting.items():
                orders = orders_by_partition.setdefault(number, Orders())
                orders.spread += [Order("release", rule.id, action_id) for action_id in action_ids[:left]]
                left -= min(left, len(action_ids))
        return {number: orders for number, orders in orders_by_partition.items() if orders.all()}
