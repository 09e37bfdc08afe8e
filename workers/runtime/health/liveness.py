"""Liveness: whether a worker makes progress with waiting work. A running worker can stall silently.

Pure: moments are arguments. It is not a stall if Kafka or Redis does not answer, or an action topic accepts nothing:
a restart would not fix that.
"""

from dataclasses import dataclass, field
from typing import Final

LEAST_PATIENCE_SECONDS: Final = 30.0


@dataclass(slots=True)
class Liveness:
    """Keeps the time of the last progress; all times are seconds of a monotonic clock.

    Attributes:
        patience_seconds: after this time without progress, the worker counts as stalled; after twice this, it ends.
    """

    patience_seconds: float
    _ticked_at: float
    _moved_at: float
    _state: object = field(default=None)

    def tick(self, now: float) -> None:
        """Note that a tick has ended, completely or because something outside did not answer."""
        self._ticked_at = now

    def note(self, now: float, state: object, *, waits: bool) -> None:
        """Note the state of the work.

        Args:
            now: the time.
            state: a value that changes with every step.
            waits: whether there is work that this worker could do now.
        """
        if not waits or state != self._state:
            self._moved_at, self._state = now, state

    def problem(self, now: float) -> str | None:
        """Return why the worker counts as stalled, None if it does not."""
        if (without_tick := now - self._ticked_at) > self.patience_seconds:
            return f"no tick for {without_tick:.0f} s"
        if (without_step := now - self._moved_at) > self.patience_seconds:
            return f"nothing was done for {without_step:.0f} s, although records wait and Kafka and Redis answer"
        return None

    def is_hopeless(self, now: float) -> bool:
        """Return whether the stall has lasted long enough to end the worker, so that it is started again."""
        return now - min(self._ticked_at, self._moved_at) > 2 * self.patience_seconds
