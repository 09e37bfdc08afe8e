"""What a claim finds out of the book of a partition: which days are closed, and what its open days have counted."""

from collections.abc import Collection

from workers.book.topic import BookTopic
from workers.errors import StartupError, Transient
from workers.processor.days.counting import Counted
from workers.state.meta import CLOSED_BEFORE, Meta
from workers.state.store import Store


class ClosedDays:
    """Knows up to where the days of partitions are closed; what Redis has lost of it comes from the topic."""

    def __init__(self, store: Store, topic: BookTopic) -> None:
        self._store = store
        self._topic = topic
        self._ahead: dict[int, int] = {}

    async def read_ahead(self, numbers: Collection[int]) -> None:
        """Read the topic once for all partitions that are about to be claimed, if Redis does not say it of them.

        Raises:
            Transient: if Redis does not answer, or the topic cannot be read.
        """
        metas = await self._store.metas(numbers)
        self._ahead = await self._of([number for number, fields in metas.items() if CLOSED_BEFORE not in fields])

    async def read(self, number: int, meta: Meta) -> tuple[Counted, dict[str, str]]:
        """Return what a partition has counted, and what is to be written into `meta`, nothing if it is there.

        Raises:
            Transient: as `read_ahead`.
        """
        keys, counted = self._store.keys.partition(number), Counted()
        for key in (keys.facts, keys.doings):
            counted.note(await self._store.fields(key))
        if CLOSED_BEFORE in meta.fields:
            return counted, {}
        ahead = self._ahead.pop(number, None)
        return counted, {CLOSED_BEFORE: str((await self._of([number]))[number] if ahead is None else ahead)}

    async def _of(self, numbers: Collection[int]) -> dict[int, int]:
        if not numbers:
            return {}
        try:
            return await self._topic.closed_before(numbers)
        except StartupError as error:
            raise Transient(str(error)) from error
