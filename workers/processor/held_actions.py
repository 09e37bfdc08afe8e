"""Holding: actions above their rule's pace wait in the store until they are released, discarded, or due by the pace.

What people order (`linger rules release`, `discard`) is written beside the held actions; the partition's owner
carries it out in its next atomic step, so nothing is lost or sent twice if either dies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from schemas.actions import Action
from workers.core.decisions.records import held_back
from workers.core.rules.rule_set import RuleSet
from workers.kafka.records import decode_record
from workers.processor.unit_of_work import UnitOfWork
from workers.state.held_actions import Order
from workers.state.rate_limits import RateLimiter
from workers.state.store import Store

DISCARDED: Final = "discarded by hand"
EXPIRED: Final = "it had expired before it was released"

_AT_ONCE: Final = 500
_read: Final = msgspec.json.Decoder(Action).decode


@dataclass(slots=True)
class Orders:
    """What is to become of some held actions of one partition.

    Attributes:
        given: by people, at the head of the partition's list of orders.
        spread: released because the pace allows them by now.
    """

    given: list[Order] = field(default_factory=list)
    spread: list[Order] = field(default_factory=list)

    def all(self) -> list[Order]:
        """Return both."""
        return [*self.given, *self.spread]


class Holding:
    """Decides which actions go out now; one per worker."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._paces = RateLimiter(store)

    async def keep_pace(self, work: UnitOfWork, rules: RuleSet, now_ms: int) -> None:
        """Hold back the actions of a step that are above their rule's pace, and let go of those taken back."""
        actions = [one for one in work.decisions if isinstance(one, Action)]
        # Whatever the rule says by now: it may have been held before. Harmless for what was sent.
        work.let_go += [(one.rule.id, one.action_id) for one in actions if one.status == "retracted"]
        for rule_id in sorted({one.rule.id for one in actions}):
            rule = rules.by_id.get(rule_id)
            if rule is None or rule.pace is None:
                continue
            if not (actions := work.actions_of(rule_id)):
                continue
            granted = await self._paces.acquire(rule_id, rule.pace, len(actions), now_ms)
            if granted < len(actions):
                period = {60: "minute", 3600: "hour"}.get(rule.pace.seconds, "day")
                then = "it waits its turn" if rule.pace.spread else "it waits for release or discard"
                work.hold(actions[granted:], f"more than {rule.pace.most} per {period}: {then}")

    async def orders(self, partitions: Sequence[int], rules: RuleSet, now_ms: int) -> dict[int, Orders]:
        """Return what is to be carried out, by partition."""
        if not partitions:
            return {}
        given = await self._store.held_actions.orders(partitions, _AT_ONCE)
        found = {number: Orders(given=orders) for number, orders in given.items()}
        for rule in rules.rules:
            if rule.pace is None or not rule.pace.spread:
                continue
            waiting = await self._store.held_actions.oldest(partitions, rule.id, _AT_ONCE)
            number_waiting = sum(map(len, waiting.values()))
            if not number_waiting:
                continue
            left = await self._paces.acquire(rule.id, rule.pace, number_waiting, now_ms)
            for number, names in waiting.items():
                orders = found.setdefault(number, Orders())
                orders.spread += [Order("release", rule.id, name) for name in names[:left]]
                left -= min(left, len(names))
        return {number: orders for number, orders in found.items() if orders.all()}

    def carry_out(self, orders: Orders, held: Mapping[str, bytes], work: UnitOfWork, now_ms: int) -> None:
        """Put released actions into a step, and what became of the others; each held action counts once."""
        done: set[str] = set()
        for order in orders.all():
            raw = held.get(order.action_id)
            if raw is None or order.action_id in done:
                continue  # released, discarded or taken back before
            done.add(order.action_id)
            value = decode_record(raw).value
            assert value is not None
            action = _read(value)
            work.let_go.append((order.rule, order.action_id))
            if order.what == "discard":
                work.decisions.append(held_back(action, DISCARDED))
            elif round(action.expires_at.timestamp() * 1000) <= now_ms:
                work.decisions.append(held_back(action, EXPIRED))
            else:
                work.decisions.append(action)
