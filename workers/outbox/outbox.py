"""The outbox: what a partition has decided, on its way to Kafka, in order.

Records enter after the step that decided them is durable, and are trimmed from Redis by a later step after Kafka
confirmed them. A crash in between publishes them again, with the same ids and bytes.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from workers.kafka.producer import Publisher
from workers.kafka.records import OutboxRecord

_AT_ONCE: Final = 500


class Outbox:
    """The outbox of one partition in this worker's memory; Redis holds the same records."""

    def __init__(self, publisher: Publisher, waiting: Sequence[OutboxRecord], limit: int) -> None:
        self._publisher = publisher
        self._waiting: deque[OutboxRecord] = deque(waiting)
        self._limit = limit
        self._confirmed = 0
        self._filled = asyncio.Event()
        self._moved = asyncio.Event()
        if self._waiting:
            self._filled.set()
        self._task = asyncio.create_task(self._publish(), name="outbox")

    def __len__(self) -> int:
        """Return how many records Redis holds of it: not confirmed, or confirmed and not trimmed."""
        return len(self._waiting) + self._confirmed

    @property
    def unconfirmed(self) -> int:
        """How many records Kafka has not confirmed."""
        return len(self._waiting)

    def put(self, records: Sequence[OutboxRecord]) -> None:
        """Take records over from a step that was committed."""
        if records:
            self._waiting.extend(records)
            self._filled.set()

    def confirmed(self) -> int:
        """Return how many records at the head of the list in Redis can be trimmed."""
        return self._confirmed

    def trimmed(self, number: int) -> None:
        """Note that a committed step trimmed so many."""
        self._confirmed -= number

    async def wait_for_room(self) -> bool:
        """Wait until there are fewer records than the limit: the back-pressure of a dead action topic.

        Returns:
            False if the outbox was closed meanwhile.

        Raises:
            Exception: what ended the publishing for good.
        """
        while len(self._waiting) >= self._limit and not self._task.done():
            await self._movement()
        if (failure := self.failure()) is not None:
            raise failure
        return not self._task.done()

    def failure(self) -> BaseException | None:
        """Return what ended the publishing, None while it works."""
        return self._task.exception() if self._task.done() and not self._task.cancelled() else None

    async def drain(self, seconds: float) -> None:
        """Wait until everything is confirmed, at most so long."""
        try:
            async with asyncio.timeout(seconds):
                while self._waiting and not self._task.done():
                    await self._movement()
        except TimeoutError:
            return

    async def close(self) -> None:
        """Stop publishing; what is unconfirmed stays in Redis for the next owner."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _movement(self) -> None:
        """Wait until something was confirmed, or the publishing ended."""
        self._moved.clear()
        moved = asyncio.create_task(self._moved.wait())
        try:
            await asyncio.wait({moved, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            moved.cancel()

    async def _publish(self) -> None:
        while True:
            await self._filled.wait()
            batch = [self._waiting[place] for place in range(min(_AT_ONCE, len(self._waiting)))]
            await self._publisher.send(batch)
            for _ in batch:
                self._waiting.popleft()
            self._confirmed += len(batch)
            self._moved.set()
            if not self._waiting:
                self._filled.clear()
