"""Rate limits: how many actions of a rule may be published in a period, over all partitions.

Actions are counted before the atomic step that uses them. If a worker dies in between, fewer are published, never
more. Two periods meet at a border: around it, up to twice the limit may be published within one period's length.
This module does not know customers, and does not decide what happens to an action above the limit.
"""

from workers.core.rules.rule_set import Pace
from workers.state.store import Store


class RateLimiter:
    """Grants actions within the limits. Each worker has one; all share the counters in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def acquire(self, rule_id: str, pace: Pace, requested: int, now_ms: int) -> int:
        """Count some actions against a rule's limit, and return how many of them may be published now.

        Called again, it counts again.

        Args:
            rule_id: the rule.
            pace: the most actions in a period; periods begin at whole multiples of their length.
            requested: how many actions, at least one.
            now_ms: the time, which selects the period.

        Raises:
            Transient: if Redis does not answer.
        """
        period = now_ms // (pace.seconds * 1000)
        key = self._store.keys.pace(rule_id, period)
        total = await self._store.count_up(key, requested, 2 * pace.seconds)
        granted = max(0, min(requested, pace.most - (total - requested)))
        if granted < requested:
            await self._store.count_up(key, granted - requested, 2 * pace.seconds)
        return granted

    async def give_back(self, rule_id: str, pace: Pace, number: int, now_ms: int) -> None:
        """Uncount actions that were counted and are not published after all."""
        if number:
            period = now_ms // (pace.seconds * 1000)
            await self._store.count_up(self._store.keys.pace(rule_id, period), -number, 2 * pace.seconds)
