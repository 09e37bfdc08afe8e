"""Closing days of the book: a week after its end, a day goes to the topic, and never changes again."""

from typing import Final

from schemas.durations import DAY_MS
from workers.processor.days.topic import BookTopic
from workers.processor.ownership import Ownership
from workers.processor.partition import OwnedPartition
from workers.processor.steps import Steps
from workers.processor.unit_of_work import UnitOfWork
from workers.state.meta import CLOSED_BEFORE
from workers.state.open_days.stored import OpenDays, read_open_days, stored_field
from workers.state.store import Store

OPEN_DAYS: Final = 7
"""For so long after its end a day stays open."""
_DAYS_AT_ONCE: Final = 10
"""How many days of a partition are closed before others have their turn."""


class Closing:
    """Closes the days of the partitions that are owned, each in a step of its own."""

    def __init__(self, store: Store, ownership: Ownership, steps: Steps, topic: BookTopic) -> None:
        self._store = store
        self._ownership = ownership
        self._steps = steps
        self._topic = topic

    async def run(self) -> None:
        """Close what is to be closed now, a few days of each partition.

        Raises:
            Transient: if Redis does not answer.
        """
        for partition in self._ownership.usable():
            if due_before(partition) > partition.closed_before and not partition.is_replayed:
                await self._close(partition)

    async def _close(self, partition: OwnedPartition) -> None:
        async with partition.lock:
            if not partition.is_usable:
                return
            upto = due_before(partition)
            stored = (await read_open_days(self._store, [partition.number]))[partition.number]
            days = [day for day in stored.days() if day < upto]
            for day in days[:_DAYS_AT_ONCE]:
                if not await self._ownership.attempt(partition, self._step(partition, stored, day, day + 1)):
                    return
            if len(days) <= _DAYS_AT_ONCE:
                await self._ownership.attempt(partition, self._step(partition, OpenDays(), None, upto))

    async def _step(self, partition: OwnedPartition, stored: OpenDays, day: int | None, closed_before: int) -> None:
        """Take the step that closes a day, or says that there is nothing before one."""
        work = UnitOfWork(partition.meta)
        facts = {} if day is None else stored.facts.get(day, {})
        lasting = {} if day is None else stored.lasting.get(day, {})
        if day is not None:
            work.copies.append(self._topic.record(day, partition.number, facts, lasting))
        changes = self._steps.write_set(partition, work)
        changes.fields[CLOSED_BEFORE] = str(max(closed_before, partition.closed_before))
        if day is not None:
            changes.no_facts = [stored_field(day, name) for name in facts]
            changes.no_doings = [stored_field(day, name) for name in lasting]
        await self._steps.commit(partition, changes)
        self._steps.publish(partition, changes, work)
        partition.values.forget(partition.closed_before)


def due_before(partition: OwnedPartition) -> int:
    """Return the day before which all days of a partition are to be closed; below 1 if that is not known."""
    seen_ms = min(partition.watermarks.by_type.values(), default=0)
    return seen_ms // DAY_MS - OPEN_DAYS
