"""Readiness: whether an orchestrator may go on because this worker does its part, as in a rolling update.

It is no alarm. A worker that has once become ready stays so while a rule file is broken, a source is silent, or Redis
or Kafka is away: no other process would do better. Pure: moments are arguments.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

SESSIONS: Final = 2
"""For how many session timeouts the group may be lost."""


@dataclass(slots=True)
class Readiness:
    """Keeps what was reached once since the start, and what of the partitions was known last.

    Attributes:
        session_seconds: the session timeout of the group.
        is_reached: Redis and Kafka have answered once.
        is_ending: the worker was asked to end, or ends because of an error.
    """

    session_seconds: float
    is_reached: bool = False
    is_ending: bool = False
    _was_claimed: bool = False
    _all_stopped: bool = False

    def note_claimed(self, stopped: Collection[bool]) -> None:
        """Note what is owned while no claim is under way.

        Args:
            stopped: for each owned partition of the activity topic, whether it is stopped. A spare worker has none.
        """
        self._was_claimed = True
        self._all_stopped = bool(stopped) and all(stopped)

    def problem(self, unconfirmed_seconds: float | None) -> str | None:
        """Return why the worker is not ready, None if it is.

        Args:
            unconfirmed_seconds: for how long the group has not confirmed that the worker is a member of it; None
                before it joined for the first time.
        """
        if self.is_ending:
            return "the worker is ending"
        if not self.is_reached:
            return "Redis and Kafka have not both answered since the start"
        if unconfirmed_seconds is None:
            return "the worker has not joined the consumer group yet"
        if not self._was_claimed:
            return "the worker has joined the consumer group, and has not claimed its partitions yet"
        if unconfirmed_seconds > SESSIONS * self.session_seconds:
            return f"the consumer group has not confirmed this worker as a member for {unconfirmed_seconds:.0f} s"
        if self._all_stopped:
            return "every partition that this worker owns is stopped; the log says why"
        return None
