"""Held actions: actions above their rule's rate limit, which wait in the store until they are released or discarded.

An order of the operator (`linger rules release`, `discard`) is stored beside the held actions. The partition's owner
carries it out in its next atomic step, so nothing is lost or sent twice if either process dies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from schemas.actions import DISCARDED_DETAIL, EXPIRED_DETAIL, Action
from workers.core.decisions.records import held_back
from workers.core.rules.rule_set import RuleSet
from workers.errors import Fenced, Transient
from workers.kafka.records import decode_record
from workers.processor.active_rules import ActiveRules
from workers.processor.ownership import Ownership
from workers.processor.partition import OwnedPartition
from workers.processor.source_view import SourceView
from workers.processor.steps import Steps
from workers.processor.unit_of_work import UnitOfWork
from workers.state.held_actions import Order
from workers.state.rate_limits import RateLimiter
from workers.state.store import Store

_AT_ONCE: Final = 500
_decode_action: Final = msgspec.json.Decoder(Action).decode


@dataclass(slots=True)
class Orders:
    """The held actions of one partition to release or discard.

    Attributes:
        given: by the operator, at the head of the partition's list of orders.
        spread: released because the rate limit now allows them.
    """

    given: list[Order] = field(default_factory=list)
    spread: list[Order] = field(default_factory=list)

    def all(self) -> list[Order]:
        """Return the orders of both kinds, the operator's first."""
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


class OrderExecutor:
    """Carries out what the release policy orders, one step for each partition."""

    def __init__(
        self,
        store: Store,
        ownership: Ownership,
        steps: Steps,
        rules: ActiveRules,
        sources: SourceView,
        policy: ReleasePolicy,
    ) -> None:
        self._store = store
        self._ownership = ownership
        self._steps = steps
        self._rules = rules
        self._sources = sources
        self._policy = policy

    async def run(self) -> None:
        """Release and discard the held actions that are ordered now; each order once."""
        partitions = {partition.number: partition for partition in self._ownership.usable()}
        ordered = await self._policy.orders(list(partitions), self._rules.current, self._sources.now_ms)
        for number, orders in ordered.items():
            partition = partitions[number]
            await partition.outbox.wait_for_room()
            async with partition.lock:
                if not partition.is_usable:
                    continue
                try:
                    await self._step(partition, orders)
                except Fenced:
                    await self._ownership.lose(partition)
                except Transient as error:
                    await self._ownership.recover_or_lose(partition, error)

    async def _step(self, partition: OwnedPartition, orders: Orders) -> None:
        work = UnitOfWork(partition.meta)
        async with self._steps.begin(partition) as step:
            await step.read(())
            # After the read: from here on, no other worker can release them too.
            held = await self._store.held_actions.records(
                partition.number, [order.action_id for order in orders.all()]
            )
            carry_out(orders, held, work, self._sources.now_ms)
            changes = self._steps.write_set(partition, work)
            changes.orders_done = len(orders.given)
            await step.commit(changes)
        self._steps.publish(partition, changes, work)


def carry_out(orders: Orders, held: Mapping[str, bytes], work: UnitOfWork, now_ms: int) -> None:
    """Add to a step the actions that are released, and a decision for each that is discarded or has expired.

    Args:
        orders: what to carry out; a second order for the same action does nothing.
        held: encoded records of held actions by action id; orders for other actions do nothing.
        work: of the step.
        now_ms: actions that expired by then are not released.
    """
    done: set[str] = set()
    for order in orders.all():
        raw = held.get(order.action_id)
        if raw is None or order.action_id in done:
            continue  # released, discarded or retracted before
        done.add(order.action_id)
        value = decode_record(raw).value
        assert value is not None
        action = _decode_action(value)
        work.released.append((order.rule, order.action_id))
        if order.what == "discard":
            work.decisions.append(held_back(action, DISCARDED_DETAIL))
        elif round(action.expires_at.timestamp() * 1000) <= now_ms:
            work.decisions.append(held_back(action, EXPIRED_DETAIL))
        else:
            work.decisions.append(action)
