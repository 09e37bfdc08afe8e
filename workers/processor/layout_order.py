"""Carries out the order to write another layout, partition by partition; see `workers.state.layouts`."""

from collections.abc import Iterable
from typing import Final

import structlog

from workers.observability import log_events
from workers.processor.partition import OwnedPartition
from workers.state import layouts
from workers.state.meta import LAYOUT_OF_OLD, layout_fields
from workers.state.step import WriteSet
from workers.state.store import Store

log: Final = structlog.get_logger(__name__)


class LayoutOrder:
    """The layout that all workers are to write, as last read.

    Attributes:
        layout: the layout.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.layout = LAYOUT_OF_OLD

    async def read(self) -> None:
        """Read it again.

        Raises:
            Transient: if Redis does not answer.
        """
        self.layout = await layouts.ordered(self._store)

    def behind(self, partitions: Iterable[OwnedPartition]) -> list[OwnedPartition]:
        """Return those partitions that are written in an earlier layout."""
        return [partition for partition in partitions if partition.layout < self.layout]

    def fields(self, partition: OwnedPartition) -> dict[str, str]:
        """Return the fields of `meta` with which a partition begins to be written as ordered; none if it is."""
        if partition.layout >= self.layout:
            return {}
        log.info(log_events.LAYOUT_BEGAN, partition=partition.number, layout=self.layout)
        return layout_fields(partition.meta.topic_id, self.layout)

    async def begin(self, partition: OwnedPartition) -> None:
        """Take a step with which a partition begins to be written as ordered. The caller holds the lock.

        Raises:
            Fenced: if another worker owns the partition.
            Transient: if it is unknown whether the step was taken.
        """
        if fields := self.fields(partition):
            await partition.commit(self._store, WriteSet(fields=dict(fields)))
