"""Gaps in what was read: whether skipped offsets held records that were deleted before they were read.

Markers of transactions and aborted records leave gaps, too, and Kafka's client does not distinguish them. What
starts below the earliest offset of the log was deleted.
"""

import asyncio

import structlog
from faust.types import TP

from workers.errors import LingerError
from workers.observability import log_events, metrics
from workers.runtime.reader import Reader
from workers.state.consistency import offset_mismatch

log = structlog.get_logger(__name__)


class GapCheck:
    """Checks gaps once a tick, and makes deliveries of the activity topic wait for the check."""

    def __init__(self, reader: Reader, activity: str) -> None:
        self._reader = reader
        self._activity = activity
        self._checked = asyncio.Event()

    async def check(self) -> None:
        """Report the records that were deleted before they were read, and confirm all gaps.

        Raises:
            LingerError: records of the activity topic were deleted.
            TimeoutError: Kafka did not answer in time.
        """
        gaps = self._reader.gaps()
        if gaps:
            earliest = await self._reader.earliest(gaps)
            for tp, skipped in gaps.items():
                deleted = [
                    range(gap.start, min(gap.stop, earliest[tp])) for gap in skipped if gap.start < earliest[tp]
                ]
                if deleted and tp.topic == self._activity:
                    raise LingerError(await self._mismatch(tp, deleted[0].start))
                for offsets in deleted:
                    report_lost(tp, offsets)
            self._reader.confirm_gaps(gaps)
        self._checked.set()
        self._checked = asyncio.Event()

    async def until_confirmed(self, tp: TP) -> None:
        """Wait until the partition has no unconfirmed gap; if activity records were deleted, wait for the end."""
        while self._reader.gaps_of(tp):
            await self._checked.wait()

    async def _mismatch(self, tp: TP, offset: int) -> str:
        """Describe why a partition cannot be continued at an offset that was deleted."""
        bounds = (await self._reader.bounds([tp]))[tp]
        return f"partition {tp.partition}: {offset_mismatch(offset, tp.topic, bounds.earliest, bounds.end)}"


def report_lost(tp: TP, offsets: range) -> None:
    """Count and log source records that were deleted before they were read."""
    metrics.RECORDS_LOST.labels(tp.topic).inc(len(offsets))
    log.error(
        log_events.SOURCE_RECORDS_LOST,
        topic=tp.topic,
        partition=tp.partition,
        problem=f"offsets {offsets.start} to {offsets.stop - 1} were deleted before they were read; "
        "rules may act on customers who were active then",
    )
