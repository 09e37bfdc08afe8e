"""What a claim finds out of the book of a partition: which days are closed, and what its open days have counted."""

from collections.abc import Collection

from workers.errors import StartupError, Transient
from workers.processor.days.counting import DayValues
from workers.processor.days.topic import BookTopic
from workers.state.meta import CLOSED_BEFORE, Meta
from workers.state.store import Store


class ClosedDays:
    """Knows up to where the days of partitions are closed; what Redis has lost of it comes from the topic."""

    def __init__(self, store: Store, topic: BookTopic) -> None:
        self._store = store
        self._topic = topic
        self._ahead: dict[int, int] = {}

    async def read_ahead(self, numbers: Collection[int]) -> None:
        """Read the topic once for all those partitions that are about to be claimed, and of which Redis says nothing.

        Raises:
            Transient: if Redis does not answer, or the topic cannot be read.
        """
        metas = await self._store.metas(numbers)
        self._ahead = await self._of([number for number, fields in metas.items() if CLOSED_BEFORE not in fields])

    async def fields(self, number: int, meta: Meta) -> dict[str, str]:
        """Return what is to be written into `meta`, nothing if it is there.

        Raises:
            Transient: as `read_ahead`.
        """
        if CLOSED_BEFORE in meta.fields:
            return {}
        ahead = self._ahead.pop(number, None)
        return {CLOSED_BEFORE: str((await self._of([number]))[number] if ahead is None else ahead)}

    async def values(self, number: int) -> DayValues:
        """Return which values have fields of their own in the open days of a partition.

        Raises:
            Transient: if Redis does not answer.
        """
        values = DayValues()
        values.note_all(await self._store.fields(self._store.keys.partition(number).facts))
        return values

    async def _of(self, numbers: Collection[int]) -> dict[int, int]:
        if not numbers:
            return {}
        try:
            return await self._topic.closed_before(numbers)
        except StartupError as error:
            raise Transient(str(error)) from error
