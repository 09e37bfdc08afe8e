"""How long it took from an event until Kafka had the action that it led to; nothing is done for other records."""

import time
from collections.abc import Iterable, Mapping

from workers.observability import metrics


class ActionTimes:
    """The actions of one outbox that wait for Kafka, with the moment at which their event was written."""

    def __init__(self) -> None:
        self._written_ms: dict[str, int] = {}

    def note(self, written_ms: Mapping[str, int]) -> None:
        """Note when the events were written that led to some actions; by action id, in epoch milliseconds."""
        if written_ms:
            self._written_ms.update(written_ms)

    def forget(self, action_id: str) -> None:
        """Forget an action, whether it was sent or not."""
        if self._written_ms:
            self._written_ms.pop(action_id, None)

    def confirmed(self, action_ids: Iterable[str]) -> None:
        """Measure the actions that Kafka confirmed now; those that no event led to are left out."""
        if not self._written_ms:
            return
        now_ms = time.time() * 1000
        for action_id in action_ids:
            if (written_ms := self._written_ms.pop(action_id, None)) is not None:
                metrics.EVENT_TO_ACTION.observe(max(0, now_ms - written_ms) / 1000)
