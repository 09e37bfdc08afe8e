"""The outbox: the decisions of one partition on their way to Kafka, in order.

Records enter after the step that decided them is durable. A later step trims them from Redis, after Kafka has
confirmed them. A crash in between publishes them again, with the same ids and bytes.

An active action is sent only while its rule is not paused, and while that is known for certain. The action of a
paused rule is withheld: it counts as done here, and the step that trims it stores it among the held actions.
Everything else (retractions, decisions, dead letters) is sent in any case, if need be ahead of actions that wait.

Nothing is sent while it is not certain that the partition is still this worker's: see `claim`.

The copy of a mark is sent only after Kafka has confirmed what comes before it. If the topic of marks knew of an
erasure whose retraction Redis then loses, nothing would take the action back.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from workers.core.decisions.published import PublishedRecord
from workers.kafka.producer import Publisher, Withdrawn
from workers.kafka.records import OutboxRecord, PlacedRecord
from workers.observability import metrics
from workers.outbox.sent_action import SentAction, action_in
from workers.outbox.timing import ActionTimes

_AT_ONCE: Final = 500
"""Records handed to the producer in one call; they are confirmed together."""
_STALE_SECONDS: Final = 0.1
"""How often the pauses and the claim are looked at again while it is not known whether a record may be sent."""


class Pauses(Protocol):
    """Which rules are paused, as far as this worker knows.

    Attributes:
        offset: up to where the pauses are known; it grows with each of them.
    """

    offset: int

    def is_fresh(self) -> bool:
        """Return whether that is known well enough to send actions."""
        ...

    def is_paused(self, rule_id: str) -> bool:
        """Return whether a rule is paused."""
        ...


class Claim(Protocol):
    """Whether the partition is this worker's, as far as that is known."""

    def is_certain(self) -> bool:
        """Return whether it was confirmed a moment ago."""
        ...

    async def confirm(self) -> bool:
        """Confirm it, unless that was a moment ago; return whether it is certain."""
        ...


class _Entry:
    """One record of the list in Redis.

    Attributes:
        record: to be sent.
        is_copy: it is a copy of what a step has written, a mark.
        action: what it says of an action, None if it is about something else.
        is_done: it was sent, withheld or dropped, and can be trimmed.
        is_withheld: it was not sent because its rule is paused.
        is_dropped: it was not sent because it was taken back before.
    """

    __slots__ = ("action", "is_copy", "is_done", "is_dropped", "is_withheld", "record")

    def __init__(self, record: OutboxRecord | PublishedRecord) -> None:
        self.record = record
        self.is_copy = isinstance(record, PlacedRecord)
        self.action: SentAction | PublishedRecord | None
        if isinstance(record, PublishedRecord):
            self.action = record if record.is_action else None
        else:
            self.action = action_in(record)
        self.is_done = self.is_withheld = self.is_dropped = False


class Outbox:
    """The outbox of one partition in this worker's memory; Redis holds the same records."""

    def __init__(
        self, publisher: Publisher, waiting: Sequence[OutboxRecord], limit: int, pauses: Pauses, claim: Claim
    ) -> None:
        """Start publishing. Needs a running event loop.

        Args:
            publisher: to Kafka.
            waiting: the records that Redis holds; they are published first.
            limit: unconfirmed records from which on `wait_for_room` waits.
            pauses: asked before each action.
            claim: asked before each record.
        """
        self._publisher = publisher
        self._claim = claim
        self._pauses = pauses
        self._limit = limit
        self._entries: deque[_Entry] = deque()  # as in Redis
        self._queue: deque[_Entry] = deque()  # those not looked at yet
        self._delayed: deque[_Entry] = deque()  # actions that wait until the pauses are known; before the queue
        # Actions that are here and not sent, and retractions that are here: a retraction drops its unsent action.
        self._unsent: dict[str, _Entry] = {}
        self._retracted: set[str] = set()
        self._unconfirmed = 0
        self._times = ActionTimes()
        self._sent_at_offset: int | None = None
        self._is_closed = False
        self._filled = asyncio.Event()
        self._moved = asyncio.Event()
        self.put(waiting)
        self._task = asyncio.create_task(self._publish(), name="outbox")

    def __len__(self) -> int:
        """Return the number of its records in Redis: unconfirmed, or done and not yet trimmed."""
        return len(self._entries)

    @property
    def unconfirmed(self) -> int:
        """How many records Kafka has not confirmed; those withheld are not among them."""
        return self._unconfirmed

    def put(self, records: Sequence[OutboxRecord | PublishedRecord], written_ms: Mapping[str, int] = {}) -> None:
        """Append the records of a committed step.

        Args:
            records: in order.
            written_ms: by action id, when the event was written that led to the action, to measure how long it took.
        """
        if not records:
            return
        self._times.note(written_ms)
        for record in records:
            entry = _Entry(record)
            self._entries.append(entry)
            self._queue.append(entry)
            if entry.action is not None and entry.action.is_active:
                self._unsent[entry.action.action_id] = entry
            elif entry.action is not None:
                self._retracted.add(entry.action.action_id)
                withheld = self._unsent.get(entry.action.action_id)
                if withheld is not None and withheld.is_withheld:
                    withheld.is_withheld, withheld.is_dropped = False, True  # taken back: it must not be held
        self._unconfirmed += len(records)
        self._filled.set()

    def confirmed(self) -> int:
        """Return the number of records at the head of the list in Redis that can be trimmed."""
        number = 0
        for entry in self._entries:
            if not entry.is_done:
                break
            number += 1
        return number

    def withheld(self, number: int) -> list[OutboxRecord | PublishedRecord]:
        """Return those of the first `number` records that the step which trims them must hold, in order."""
        return [entry.record for entry, _ in zip(self._entries, range(number), strict=False) if entry.is_withheld]

    def dropped(self, number: int) -> list[str]:
        """Return the rule of each action among the first `number` records that was never sent, and is not held."""
        entries = (entry for entry, _ in zip(self._entries, range(number), strict=False) if entry.is_dropped)
        return [entry.action.rule for entry in entries if entry.action is not None]

    def trimmed(self, number: int) -> None:
        """Note that a committed step trimmed this number of records."""
        for _ in range(number):
            entry = self._entries.popleft()
            if entry.action is None:
                continue
            if entry.action.is_active:
                self._times.forget(entry.action.action_id)
                if self._unsent.get(entry.action.action_id) is entry:
                    del self._unsent[entry.action.action_id]
            else:
                self._retracted.discard(entry.action.action_id)

    def obeys(self) -> int:
        """Return up to which offset of the pauses this outbox obeys them: no action is in flight that it does not."""
        known = self._pauses.offset
        return known if self._sent_at_offset is None else min(known, self._sent_at_offset)

    async def wait_for_room(self) -> bool:
        """Wait until there are fewer unconfirmed records than the limit: back-pressure while Kafka takes none.

        Returns:
            False if the outbox was closed while waiting.

        Raises:
            Exception: the error that ended publishing permanently.
        """
        while self._unconfirmed >= self._limit and not self._task.done():
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
                while self._unconfirmed and not self._task.done():
                    await self._movement()
        except TimeoutError:
            return

    async def close(self) -> None:
        """Stop publishing; unconfirmed records stay in Redis for the next owner."""
        self._is_closed = True  # `asyncio.wait_for` drops a cancellation that comes as its call ends
        self._filled.set()
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
        while not self._is_closed:
            await self._filled.wait()
            if self._is_closed:
                return
            if not await self._claim.confirm():
                await asyncio.sleep(_STALE_SECONDS)
                continue
            batch = self._next_batch()
            if batch:
                await self._send(batch)
            if not self._queue and not self._is_closed:
                self._filled.clear()
                if self._delayed:
                    await self._until_filled_or_fresh()

    async def _until_filled_or_fresh(self) -> None:
        while not self._queue and not self._is_closed and not self._pauses.is_fresh():
            try:
                await asyncio.wait_for(self._filled.wait(), _STALE_SECONDS)
            except TimeoutError:
                continue
        self._filled.set()

    def _next_batch(self) -> list[_Entry]:
        """Take the next records that may be sent now, and settle those on the way that may not."""
        is_fresh = self._pauses.is_fresh()
        batch: list[_Entry] = []
        for queue in (self._delayed, self._queue) if is_fresh else (self._queue,):
            while queue and len(batch) < _AT_ONCE:
                if batch and queue[0].is_copy and not batch[-1].is_copy:
                    break  # it goes out once what comes before it is confirmed: another topic has no order with it
                entry = queue.popleft()
                if entry.is_done:
                    continue  # taken back while it was delayed
                action = entry.action
                if action is None:
                    batch.append(entry)
                elif not action.is_active:
                    if not is_fresh:
                        self._drop_delayed(action.action_id)
                    batch.append(entry)
                elif not is_fresh:
                    self._delayed.append(entry)
                elif self._pauses.is_paused(action.rule):
                    entry.is_dropped = action.action_id in self._retracted
                    entry.is_withheld = not entry.is_dropped
                    self._settle([entry])
                else:
                    batch.append(entry)
        return batch

    def _drop_delayed(self, action_id: str) -> None:
        """Drop an action that is still delayed: its retraction goes first, and it must not follow."""
        entry = self._unsent.get(action_id)
        if entry is not None and not entry.is_done:
            entry.is_dropped = True
            self._settle([entry])

    async def _send(self, batch: list[_Entry]) -> None:
        rules = {entry.action.rule for entry in batch if entry.action is not None and entry.action.is_active}

        def allowed() -> bool:
            if not self._claim.is_certain():
                return False
            return not rules or (self._pauses.is_fresh() and not any(map(self._pauses.is_paused, rules)))

        self._sent_at_offset = self._pauses.offset if rules else None
        try:
            # Done only after Kafka has confirmed them: if sending fails, they stay unconfirmed.
            await self._publisher.send([entry.record for entry in batch], allowed)
        except Withdrawn:
            # Some may have arrived: they are sent or held again, with the same ids.
            self._queue.extendleft(reversed(batch))
        else:
            self._settle(batch)
            metrics.PUBLISHED.inc(len(batch))
            self._times.confirmed(one.action.action_id for one in batch if one.action and one.action.is_active)
        finally:
            self._sent_at_offset = None

    def _settle(self, entries: Sequence[_Entry]) -> None:
        """Note that records were sent, withheld or dropped."""
        for entry in entries:
            entry.is_done = True
        self._unconfirmed -= len(entries)
        self._moved.set()
