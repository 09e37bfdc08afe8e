"""Membership: when the consumer group last took this worker for a member. All times are of a monotonic clock.

aiokafka says it nowhere, so its coordinator is watched. Must not know what is read.
"""

import time
from typing import Any

from workers.kafka.static_member import watch_instance


class Membership:
    """When the group last confirmed that this worker is a member: it joined, or a heartbeat was answered.

    Attributes:
        confirmed_at: seconds; None before the worker joined for the first time.
        is_taken: whether another member has the group instance id of this one; then this one is no member any more.
    """

    def __init__(self) -> None:
        self.confirmed_at: float | None = None
        self.is_taken = False
        self._coordinator: Any = None

    @property
    def end(self) -> str | None:
        """Why aiokafka joins no group any more, None while it would: no one else asks its coordinator.

        It ends, for example, with a broker that was frozen while the group was joined.
        """
        coordinator = self._coordinator
        if coordinator is None or coordinator._closing.done() or not coordinator._coordination_task.done():
            return None
        task = coordinator._coordination_task
        error = None if task.cancelled() else task.exception()
        return f"the consumer has lost its group for good: {error or 'its coordinator has ended'}"

    def confirm(self, now: float) -> None:
        """Note that the group has just confirmed it."""
        self.confirmed_at = now

    def _take(self) -> None:
        self.is_taken = True

    def unconfirmed_seconds(self, now: float) -> float | None:
        """Return for how long the group has not confirmed it; None before the worker joined for the first time."""
        return None if self.confirmed_at is None else max(0.0, now - self.confirmed_at)

    def watch(self, coordinator: Any) -> None:
        """Note from now on what aiokafka's coordinator of the group learns.

        A heartbeat during a rebalance counts, too: the broker then keeps the member until it has joined again.

        Args:
            coordinator: of a consumer that has subscribed to nothing yet.
        """
        self._coordinator = coordinator
        watch_instance(coordinator, self._take)
        beat, complete = coordinator._do_heartbeat, coordinator._on_join_complete

        async def watched_beat() -> bool:
            is_confirmed: bool = await beat()
            if is_confirmed:
                self.confirm(time.monotonic())
            return is_confirmed

        async def watched_complete(*joined: Any) -> None:
            self.confirm(time.monotonic())
            await complete(*joined)

        coordinator._do_heartbeat, coordinator._on_join_complete = watched_beat, watched_complete
