"""The pause list: which rules are paused, as far as the topic of pauses has been read, and how fresh that is.

A worker sends an active action only while the list is fresh: the end of the topic was asked for within the last
second, and everything before it has been read. So no action of a rule that was paused longer ago is sent. The list
reads nothing itself; `workers.pauses.reader` fills it.
"""

import time
from collections.abc import Callable
from typing import Final

from workers.pauses.record import ALL_RULES, PauseRecord

FRESH_SECONDS: Final = 1.0
"""For how long the list may be acted on after its end was confirmed. A pause counts within two seconds."""


class PauseList:
    """Which rules are paused.

    Attributes:
        offset: the first offset of the topic that has not been read.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start with an empty list that is not fresh.

        Args:
            monotonic: returns seconds that never go back.
        """
        self.offset = 0
        self._monotonic = monotonic
        self._newest: dict[str, PauseRecord] = {}
        self._confirmed_at: float | None = None

    def add(self, record: PauseRecord) -> None:
        """Add the next record of the topic."""
        self._newest[record.rule] = record

    def remove(self, rule_id: str) -> None:
        """Forget a rule whose record was deleted by a tombstone."""
        self._newest.pop(rule_id, None)

    def confirm(self, offset: int, asked_at: float) -> None:
        """Note that everything before `offset` has been read, and that it was the end of the topic.

        Args:
            offset: the first offset that has not been read.
            asked_at: when the end was asked for; it may be later than the topic's end, never earlier.
        """
        self.offset = offset
        self._confirmed_at = asked_at

    def is_fresh(self) -> bool:
        """Return whether actions may be sent by this list."""
        return self._confirmed_at is not None and self._monotonic() - self._confirmed_at <= FRESH_SECONDS

    @property
    def stale_seconds(self) -> float | None:
        """How long ago the end of the topic was confirmed last, None if it never was."""
        return None if self._confirmed_at is None else self._monotonic() - self._confirmed_at

    def pause_of(self, rule_id: str) -> PauseRecord | None:
        """Return why a rule is paused: its own pause, or that of all rules; None if it is not paused."""
        for name in (rule_id, ALL_RULES):
            record = self._newest.get(name)
            if record is not None and record.paused:
                return record
        return None

    def is_paused(self, rule_id: str) -> bool:
        """Return whether a rule is paused, by itself or with all rules."""
        return self.pause_of(rule_id) is not None

    def paused(self) -> list[PauseRecord]:
        """Return what is paused, all rules together first, then by id."""
        return sorted((record for record in self._newest.values() if record.paused), key=lambda record: record.rule)

    def newest(self, rule_id: str) -> PauseRecord | None:
        """Return what was done last with a rule, or with all rules (`*`); None if nothing is known."""
        return self._newest.get(rule_id)
