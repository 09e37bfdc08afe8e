"""Liveness: whether a worker gets on with what waits for it. Being up is not enough: it can stall without a word.

Pure: the moments are given. What is outside (a Kafka or Redis that does not answer, an action topic that takes
nothing) is no standstill of the worker, and no restart would mend it.
"""

from dataclasses import dataclass, field
from typing import Final

LEAST_PATIENCE_SECONDS: Final = 30.0


@dataclass(slots=True)
class Liveness:
    """Remembers when something last moved; all times are seconds of a monotonic clock.

    Attributes:
        patience_seconds: standing still for so long counts as stalled, and for twice as long ends the worker.
    """

    patience_seconds: float
    _ticked_at: float
    _moved_at: float
    _state: object = field(default=None)

    def tick(self, now: float) -> None:
        """Note that clock, sources and due times were looked at, or that something outside did not answer."""
        self._ticked_at = now

    def note(self, now: float, state: object, *, waits: bool) -> None:
        """Note how far everything is.

        Args:
            now: when.
            state: anything that changes with every step.
            waits: something could be done by this worker.
        """
        if not waits or state != self._state:
            self._moved_at, self._state = now, state

    def problem(self, now: float) -> str | None:
        """Return what is wrong, None while all is well."""
        if (untold := now - self._ticked_at) > self.patience_seconds:
            return f"no tick for {untold:.0f} s"
        if (still := now - self._moved_at) > self.patience_seconds:
            return f"nothing was done for {still:.0f} s, although records wait and Kafka and Redis answer"
        return None

    def is_hopeless(self, now: float) -> bool:
        """Tell whether it has stood still for so long that the worker should end, to be started anew."""
        return now - min(self._ticked_at, self._moved_at) > 2 * self.patience_seconds
