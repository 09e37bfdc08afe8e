"""Clocks: the wall clock, and the one that the player of a history keeps in Redis."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock shows.

    Attributes:
        now_ms: epoch milliseconds.
        ends: source partitions (topic and number) and the end offsets they certainly have at that time. A
            player knows them from its confirmed sends; the wall clock knows none.
    """

    now_ms: int
    ends: Mapping[tuple[str, int], int]


class Clock(Protocol):
    """Tells the time that due times and silences are measured by."""

    async def read(self) -> Reading:
        """Return the time. Everything that happened before it has been sent by then."""

    def latest_plausible_ms(self, record_ms: int) -> int:
        """Return the time by which an event in a record with this Kafka timestamp must have occurred."""


class SystemClock:
    """The wall clock."""

    async def read(self) -> Reading:
        """Return the wall clock's time."""
        return Reading(time.time_ns() // 1_000_000, {})

    def latest_plausible_ms(self, record_ms: int) -> int:
        """Now, whatever the record says: a producer whose clock is wrong stamps both."""
        return time.time_ns() // 1_000_000


def believed_ms(clock: Clock, stamped_ms: int) -> int:
    """Return the time that a record's stamp is believed to tell, 0 for none: never later than now."""
    stamped_ms = max(0, stamped_ms)
    return min(stamped_ms, clock.latest_plausible_ms(stamped_ms))
