"""Held actions: above a limit or of a paused rule, they wait in the store until they are released or discarded.

An order of the operator (`linger rules release`, `discard`) is stored beside the held actions. The partition's owner
carries it out in its next atomic step, so nothing is lost or sent twice if either process dies.
"""

from collections.abc import Mapping

from schemas.actions import DISCARDED_DETAIL, EXPIRED_DETAIL
from workers.core.decisions.published import held_back, read_record
from workers.processor.active_rules import ActiveRules
from workers.processor.ownership import Ownership
from workers.processor.partition import OwnedPartition
from workers.processor.release_policy import Orders, ReleasePolicy
from workers.processor.source_view import SourceView
from workers.processor.steps import Steps
from workers.processor.unit_of_work import UnitOfWork
from workers.state.meta import held_field
from workers.state.store import Store


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
        metas = {number: partition.meta for number, partition in partitions.items()}
        ordered = await self._policy.orders(metas, self._rules.current, self._sources.now_ms)
        for number, orders in ordered.items():
            partition = partitions[number]
            await partition.outbox.wait_for_room()
            async with partition.lock:
                if partition.is_usable:
                    await self._ownership.attempt(partition, self._step(partition, orders))

    async def _step(self, partition: OwnedPartition, orders: Orders) -> None:
        work = UnitOfWork(partition.meta)
        async with self._steps.begin(partition) as step:
            await step.read(())
            # After the read: from here on, no other worker can release them too.
            held = await self._store.held_actions.records(
                partition.number, [order.action_id for order in orders.all()]
            )
            carry_out(orders, held, work, self._sources.now_ms)
            await self._note_emptied(partition.number, orders, work)
            changes = self._steps.write_set(partition, work)
            changes.orders_done = len(orders.given)
            await step.commit(changes)
        self._steps.publish(partition, changes, work)

    async def _note_emptied(self, number: int, orders: Orders, work: UnitOfWork) -> None:
        """Unset the fields of `meta` for rules without held actions."""
        rules = sorted({order.rule for order in orders.resumed} | set(orders.suspected))
        counts = await self._store.held_actions.counts([(number, rule_id, "pause") for rule_id in rules])
        for rule_id, count in zip(rules, counts, strict=True):
            gone = {action_id for rule, action_id in [*work.released, *work.missing] if rule == rule_id}
            if count <= len(gone & {order.action_id for order in orders.resumed}):
                work.emptied.append(held_field(rule_id, "pause"))


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
        if order.action_id in done:
            continue
        raw = held.get(order.action_id)
        if raw is None:  # released, discarded or retracted before
            work.missing.append((order.rule, order.action_id))
            continue
        done.add(order.action_id)
        action = read_record(raw)
        work.released.append((order.rule, order.action_id))
        if order.what == "discard":
            work.records.append(held_back(action, DISCARDED_DETAIL))
        elif action.expires_ms <= now_ms:
            work.records.append(held_back(action, EXPIRED_DETAIL))
        else:
            work.records.append(action)
