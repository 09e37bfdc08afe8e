"""Days of experiments: once a day, figures of days that were finished a week ago are kept together."""

from typing import Final

from schemas.durations import DAY_MS
from workers.experiments.figures import Counted, long_finished
from workers.processor.ownership import Ownership
from workers.processor.partition import OwnedPartition
from workers.processor.source_view import SourceView
from workers.processor.steps import Steps
from workers.state.rule_sets.experiments import figures_in, read_entries
from workers.state.store import Store

_MOST: Final = 2_000
"""Figures that go in one step."""


class Cohorts:
    """Keeps the figures of the partitions that are owned small, however long an experiment goes on."""

    def __init__(self, store: Store, ownership: Ownership, steps: Steps, sources: SourceView) -> None:
        self._store = store
        self._ownership = ownership
        self._steps = steps
        self._sources = sources
        self._done: dict[int, int] = {}

    async def run(self) -> None:
        """Look at each partition once a day; more often only while there is more than fits into a step.

        Raises:
            Transient: if Redis does not answer.
        """
        day = self._sources.now_ms // DAY_MS
        for partition in self._ownership.usable():
            if self._done.get(partition.number) == day or partition.is_replayed:
                continue
            async with partition.lock:
                if partition.is_usable and await self._keep_together(partition):
                    self._done[partition.number] = day

    async def _keep_together(self, partition: OwnedPartition) -> bool:
        """Take the step for one partition, if there is anything to do; return whether nothing is left."""
        entries = await read_entries(self._store)
        if not entries:
            return True
        counted = Counted(await figures_in(self._store, partition.number), partition.watermarks.by_type)
        added, gone = long_finished(entries, counted, _MOST)
        if not gone:
            return True
        changes = self._steps.empty_write_set(partition)
        changes.experiments, changes.no_experiments = added, gone
        is_taken = await self._ownership.attempt(partition, self._steps.commit(partition, changes))
        return bool(is_taken) and len(gone) < _MOST
