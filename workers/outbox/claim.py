"""Whether a partition is certainly still this worker's.

A worker that slept does not know that another one has taken over, and Kafka takes records from both. Where the newest
record of a key counts, an older one that comes last would stay. So the outbox sends only shortly after the store has
named this worker as the owner.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from workers.errors import Transient

CERTAIN_SECONDS: Final = 2.0
"""For how long an answer counts. A worker is replaced only after its session timeout, which is longer."""


class StoredClaim:
    """The claim of one partition, as the store knows it."""

    def __init__(
        self,
        meta: Callable[[], Awaitable[Mapping[str, str]]],
        owner: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with a claim that is not confirmed.

        Args:
            meta: asks the store for the `meta` of the partition; raises `Transient` if it does not answer.
            owner: what stands there while the partition is this worker's.
            monotonic: returns seconds that never go back.
        """
        self._meta, self._owner = meta, owner
        self._monotonic = monotonic
        self._confirmed_at: float | None = None

    def is_certain(self) -> bool:
        """Return whether the claim was confirmed a moment ago."""
        return self._confirmed_at is not None and self._monotonic() - self._confirmed_at <= CERTAIN_SECONDS

    async def confirm(self) -> bool:
        """Ask the store, unless it has answered a moment ago; return whether the claim is certain."""
        if not self.is_certain():
            asked_at = self._monotonic()
            try:
                meta = await self._meta()
            except Transient:
                return False
            if meta.get("owner") == self._owner:
                self._confirmed_at = asked_at
        return self.is_certain()
