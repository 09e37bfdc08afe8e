"""Pauses in a running worker: the list is kept fresh, and operators' commands learn what its partitions obey.

It also counts what is held, because both concern the same partitions.
"""

import asyncio
import time
from typing import Final, get_args

import structlog

from workers.errors import Transient
from workers.observability import log_events, metrics
from workers.runtime.parts import Parts
from workers.state.meta import rules_held
from workers.state.step import Because

log = structlog.get_logger(__name__)

_EVERY_SECONDS: Final = 0.2
_AGAIN_SECONDS: Final = 5.0
"""How often what is obeyed is written although it has not changed, for Redis may have lost it."""
_PATIENCE_SECONDS: Final = 5.0
"""How long the list of pauses may be out of date before the condition `pauses` holds."""


class PauseWatch:
    """Keeps the pauses of one worker.

    Attributes:
        brake_problem: that the brake holds actions of its partitions; None if it does not.
    """

    def __init__(self, parts: Parts) -> None:
        self._reader = parts.pauses
        self._store = parts.store
        self._processor = parts.processor
        self._written: dict[str, str] = {}
        self._written_at = float("-inf")
        self.brake_problem: str | None = None

    async def start(self) -> None:
        """Read all pauses.

        Raises:
            StartupError: if they cannot be read.
        """
        await self._reader.start()

    async def read(self) -> None:
        """Keep the list fresh until cancelled."""
        await self._reader.run()

    async def report(self) -> None:
        """Write what the partitions obey, and count what they hold, until cancelled."""
        while True:
            try:
                await self._write_obeyed()
            except Transient as error:
                self._written_at = float("-inf")
                log.debug(log_events.STEP_RETRIED, error=str(error))
            await asyncio.sleep(_EVERY_SECONDS)

    async def stop(self) -> None:
        """Disconnect."""
        await self._reader.stop()

    @property
    def problem(self) -> str | None:
        """Why actions are not sent although Kafka takes them; None if the pauses are known."""
        seconds = self._reader.pauses.stale_seconds
        if seconds is not None and seconds <= _PATIENCE_SECONDS:
            return None
        return "the topic of pauses cannot be read; actions wait, retractions do not"

    async def _write_obeyed(self) -> None:
        # Also those that are stopped: what waited in their outbox is still sent.
        partitions = {number: one for number, one in self._processor.partitions.items() if one.lost_at is None}
        obeyed = {str(number): str(partition.outbox.obeys()) for number, partition in partitions.items()}
        is_time = time.monotonic() - self._written_at >= _AGAIN_SECONDS
        if obeyed and (obeyed != self._written or is_time):
            await self._store.set_fields(self._store.keys.obeyed, obeyed)
            self._written = obeyed
        if is_time:
            await self._count_held()
            self._written_at = time.monotonic()

    async def _count_held(self) -> None:
        metas = {number: one.meta for number, one in self._processor.partitions.items() if one.is_usable}
        counts: dict[Because, int] = dict.fromkeys(get_args(Because), 0)
        names: list[tuple[int, str, Because]] = [
            (number, rule_id, because)
            for number, meta in metas.items()
            for because in get_args(Because)
            for rule_id in rules_held(meta.fields, because)
        ]
        found = await self._store.held_actions.counts(names)
        for (_, _, because), count in zip(names, found, strict=True):
            counts[because] += count
        # Those of before are in no other list.
        counts["pace"] = await self._store.held_actions.total(list(metas)) - counts["pause"] - counts["brake"]
        metrics.HELD.show({because: max(0, count) for because, count in counts.items()})
        braked = counts["brake"]
        self.brake_problem = (
            f"it holds {braked} actions: linger rules held, then linger rules release or discard" if braked else None
        )
