"""Clocks: the interface of a clock, and the wall clock. The clock of a replay is `workers.state.replay_clock`.

`iso_text` writes a moment for people and for JSON.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reading:
    """A clock's reading.

    Attributes:
        now_ms: epoch milliseconds.
        ends: the least end offsets at that time, by source partition (topic and number). The player of a replay knows
            them from its confirmed sends; the wall clock knows none.
    """

    now_ms: int
    ends: Mapping[tuple[str, int], int]


class Clock(Protocol):
    """The clock by which due times and silences are measured."""

    async def read(self) -> Reading:
        """Return the time; every event that happened before it has been sent to Kafka."""

    def latest_plausible_ms(self, record_ms: int) -> int:
        """Return the time by which an event in a record with this Kafka timestamp must have occurred."""


class SystemClock:
    """The wall clock."""

    async def read(self) -> Reading:
        """Return the wall clock's time."""
        return Reading(time.time_ns() // 1_000_000, {})

    def latest_plausible_ms(self, record_ms: int) -> int:
        """Return the present time, not the record's: a producer whose clock is wrong stamps both event and record."""
        return time.time_ns() // 1_000_000


def believed_ms(clock: Clock, stamped_ms: int) -> int:
    """Return a record's timestamp if it is plausible: 0 for none, and never later than the clock allows."""
    stamped_ms = max(0, stamped_ms)
    return min(stamped_ms, clock.latest_plausible_ms(stamped_ms))


def iso_text(at_ms: int) -> str:
    """Return epoch milliseconds as ISO 8601 in UTC with `Z`, to the second."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
