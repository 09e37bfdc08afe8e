"""Whether a source skips far more than is usual: a value renamed upstream looks like records that are not wanted.

Pure: moments are arguments. Counts the records of one topic in one worker, since the worker started. Records that
`only_when` skips are compared with those that became events, in three ways:

- everything: nothing has become an event since the start, of at least 100 records, or of 10 within a first minute;
- a row: since the last event, ten times as many were skipped as usual for one event, and at least 100;
- a block: among the latest 100 records, ten times as many were skipped for each event as usual, and one in ten.

What is usual is counted over all blocks that were not reported; the counts are halved at 100,000 records, so that a
slow change becomes usual. An unusual block does not count, so a report lasts until a usual block follows.
"""

from dataclasses import dataclass
from typing import Final

_ENOUGH: Final = 100
_FEW: Final = 10
_FIRST_SECONDS: Final = 60.0
_TIMES: Final = 10
_LEAST_USUAL: Final = 0.01
"""Skipped records for one event that are usual where nearly none was: ten times that is one in ten."""
_FORGET_AT: Final = 100_000


@dataclass(slots=True)
class Skips:
    """The skipped records of one topic.

    Attributes:
        problem: what is unusual, None if nothing is.
    """

    problem: str | None = None
    _events: int = 0
    _skipped: int = 0
    _block_events: int = 0
    _block_skipped: int = 0
    _row: int = 0
    _began: float | None = None

    def note(self, events: int, skipped: int, now: float) -> None:
        """Count the records of one batch.

        Args:
            events: how many became events.
            skipped: how many `only_when` skipped.
            now: seconds of a monotonic clock.
        """
        if not events and not skipped:
            return
        self._began = now if self._began is None else self._began
        if not events:
            self._row += skipped
            self.look(now)
            return
        if self._usual() is None:
            self.problem = None  # it said that nothing has become an event
        self._block_events += events
        self._block_skipped += self._row + skipped
        self._row = 0
        if self._block_events + self._block_skipped >= _ENOUGH:
            self._close_block()

    def look(self, now: float) -> None:
        """Find out whether nothing becomes an event any more; also without a new record, because time has passed."""
        usual, row = self._usual(), self._row
        if usual is None:
            seconds = 0.0 if self._began is None else now - self._began
            if row >= _ENOUGH or (row >= _FEW and seconds >= _FIRST_SECONDS):
                self.problem = f"all {row} records since the start were skipped"
        elif row >= max(_ENOUGH, _TIMES * usual):
            self.problem = f"the last {row} records were skipped, before that {usual:.2g} for each event"

    def _close_block(self) -> None:
        """Compare the latest records with what is usual, and count them as usual if they are."""
        events, skipped = self._block_events, self._block_skipped
        self._block_events = self._block_skipped = 0
        if self._events + self._skipped >= _ENOUGH:
            each, usual = skipped / events, self._skipped / self._events
            if each >= _TIMES * max(usual, _LEAST_USUAL):
                share = f"{skipped} of the last {events + skipped} records were skipped"
                self.problem = f"{share}: {each:.2g} for each event, before that {usual:.2g}"
                return
        self.problem = None
        self._events += events
        self._skipped += skipped
        if self._events + self._skipped > _FORGET_AT:
            self._events, self._skipped = (self._events + 1) // 2, self._skipped // 2

    def _usual(self) -> float | None:
        """Return how many records were skipped for each event until the last event; None if there was none yet."""
        events = self._events + self._block_events
        return (self._skipped + self._block_skipped) / events if events else None
