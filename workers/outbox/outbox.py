"""The outbox: the decisions of one partition on their way to Kafka, in order.

Records enter after the step that decided them is durable. A later step trims them from Redis, after Kafka has
confirmed them. A crash in between publishes them again, with the same ids and bytes.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from workers.kafka.producer import Publisher
from workers.kafka.records import OutboxRecord

_AT_ONCE: Final = 500
"""Records handed to the producer in one call; they are confirmed together."""


class Outbox:
    """The outbox of one partition in this worker's memory; Redis holds the same records."""

    def __init__(self, publisher: Publisher, waiting: Sequence[OutboxRecord], limit: int) -> None:
        """Start publishing. Needs a running event loop.

        Args:
            publisher: to Kafka.
            waiting: the records that Redis holds; they are published first.
            limit: unconfirmed records from which on `wait_for_room` waits.
        """
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
        """Return the number of its records in Redis: unconfirmed, or confirmed and not yet trimmed."""
        return len(self._waiting) + self._confirmed

    @property
    def unconfirmed(self) -> int:
        """How many records Kafka has not confirmed."""
        return len(self._waiting)

    def put(self, records: Sequence[OutboxRecord]) -> None:
        """Append the records of a committed step."""
        if records:
            self._waiting.extend(records)
            self._filled.set()

    def confirmed(self) -> int:
        """Return the number of records at the head of the list in Redis that can be trimmed."""
        return self._confirmed

    def trimmed(self, number: int) -> None:
        """Note that a committed step trimmed this number of records."""
        self._confirmed -= number

    async def wait_for_room(self) -> bool:
        """Wait until there are fewer unconfirmed records than the limit: back-pressure while Kafka takes none.

        Returns:
            False if the outbox was closed while waiting.

        Raises:
            Exception: the error that ended publishing permanently.
        """
        while len(self._waiting) >= self._limit and not self._task.done():
            await self._movement()
        if (failure := self.failure()) is not None:
            raise failure
        return not self._task.done()

    def failure(self) -> BaseException | None:
        """Return the error that ended publishing permanently, None while it works."""
        return self._task.exception() if self._task.done() and not self._task.cancelled() else None

    async def drain(self, seconds: float) -> None:
        """Wait until every record is confirmed, at most this long."""
        try:
            async with asyncio.timeout(seconds):
                while self._waiting and not self._task.done():
                    await self._movement()
        except TimeoutError:
            return

    async def close(self) -> None:
        """Stop publishing; unconfirmed records stay in Redis for the next owner."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def _movement(self) -> None:
        """Wait until a record is confirmed or publishing ends."""
        self._moved.clear()
        moved = asyncio.create_task(self._moved.wait())
        try:
            await asyncio.wait({moved, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            moved.cancel()

    async def _publish(self) -> None:
        while True:
            await self._filled.wait()
            batch = [self._waiting[index] for index in range(min(_AT_ONCE, len(self._waiting)))]
            # Removed only after Kafka has confirmed them: if sending fails, they stay unconfirmed.
            await self._publisher.send(batch)
            for _ in batch:
                self._waiting.popleft()
            self._confirmed += len(batch)
            self._moved.set()
            if not self._waiting:
                self._filled.clear()
