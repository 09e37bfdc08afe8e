"""Pacing: how many actions of a rule may go out in a stretch of time, over all partitions.

A place is reserved before the atomic step that uses it. A worker that dies in between wastes the place: fewer go
out, never more.
"""

from workers.core.rules.rule_set import Pace
from workers.state.store import Store


class RateLimiter:
    """Reserves places; one per worker, all share the counters in Redis."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def acquire(self, rule_id: str, pace: Pace, wanted: int, now_ms: int) -> int:
        """Return how many of the wanted actions may go out now.

        Args:
            rule_id: whose pace it is.
            pace: the most actions in a period; periods begin at whole multiples of their length.
            wanted: how many there are, at least one.
            now_ms: which period it is.

        Raises:
            Transient: if Redis does not answer.
        """
        period = now_ms // (pace.seconds * 1000)
        key = self._store.keys.pace(rule_id, period)
        taken = await self._store.count_up(key, wanted, 2 * pace.seconds)
        granted = max(0, min(wanted, pace.most - (taken - wanted)))
        if granted < wanted:
            await self._store.count_up(key, granted - wanted, 2 * pace.seconds)
        return granted
