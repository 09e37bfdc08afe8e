"""Closing days of the book: a week after its end, a day goes to the topic, and never changes again."""

from typing import Final

from workers.book.topic import BookTopic
from workers.processor.ownership import Ownership
from workers.processor.partition import OwnedPartition
from workers.processor.steps import Steps
from workers.processor.unit_of_work import UnitOfWork
from workers.state.meta import CLOSED_BEFORE
from workers.state.open_days.stored import OpenDays, read_open_days, stored_field
from workers.state.store import Store

_DAYS_AT_ONCE: Final = 10
"""How many days of a partition are closed before others have their turn."""


class Closing:
    """Closes the days of the partitions that are owned, each in a step of its own.

    Where no day is to be closed, any other step says that the days before one are closed (`Steps.write_set`).
    """

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
            if partition.due_before > partition.open_days.oldest and not partition.is_replayed:
                await self._close(partition)

    async def _close(self, partition: OwnedPartition) -> None:
        async with partition.lock:
            if not partition.is_usable:
                return
            stored = (await read_open_days(self._store, [partition.number]))[partition.number]
            days = stored.days()
            due = [day for day in days if day < partition.due_before]
            for day in due[:_DAYS_AT_ONCE]:
                if not await self._ownership.attempt(partition, self._step(partition, stored, day)):
                    return
            partition.open_days.begin_with(days[len(due[:_DAYS_AT_ONCE]) :])

    async def _step(self, partition: OwnedPartition, stored: OpenDays, day: int) -> None:
        """Take the step that closes a day. What a state file has brought of one that was closed since is dropped."""
        work = UnitOfWork(partition.meta)
        facts, lasting = stored.facts.get(day, {}), stored.lasting.get(day, {})
        if day >= partition.closed_before:
            work.copies.append(self._topic.record(day, partition.number, facts, lasting))
        changes = self._steps.write_set(partition, work)
        changes.fields[CLOSED_BEFORE] = str(max(day + 1, partition.closed_before))
        changes.no_facts = [stored_field(day, name) for name in facts]
        changes.no_doings = [stored_field(day, name) for name in lasting]
        await self._steps.commit(partition, changes)
        self._steps.publish(partition, changes, work)
