"""A processor's view of its sources: the generation in force and the last progress snapshot."""

import asyncio
from collections.abc import Mapping

from schemas.events import BUILT_IN
from schemas.sources import SourcesFile
from workers.core.direct_producers import direct_source, only_direct
from workers.core.source_set import SourceSet, earliest_since
from workers.core.watermarks import Progress, complete_types, type_limits, watched_since


class SourceView:
    """The sources of one processor.

    Attributes:
        sources: those by which it is counted up to when each type has been seen.
        generation: of the sources; 0 if they are not agreed with other workers, as in a rebuild.
        activity_topic: the name of the activity topic.
        event_types: every type that an event can have.
        complete_types: types whose sources all declare a complete history.
        direct_source: the source that declares direct producers, or None.
        direct_types: types that come only from direct producers.
        progress: of every source partition, in the last snapshot.
        type_limits: see `workers.core.watermarks.type_limits`, of the last snapshot.
        now_ms: the time of the last snapshot, 0 before the first one.
    """

    def __init__(self, sources: SourcesFile, activity_topic: str) -> None:
        self.activity_topic = activity_topic
        self.progress: Mapping[tuple[str, int], Progress] = {}
        self.now_ms = 0
        self._updated = asyncio.Event()
        self.replace(SourceSet(sources))

    def replace(self, sources: SourceSet) -> None:
        """Look at other sources, or at other topics of their patterns, from now on."""
        self._set = sources
        self.sources = sources.counted
        self.generation = sources.generation
        self.event_types = frozenset([*BUILT_IN, *self.sources.event_types])
        self.complete_types = complete_types(sources.written)
        self.direct_source = direct_source(self.sources, self.activity_topic)
        self.direct_types = only_direct(self.sources, self.activity_topic)
        self.type_limits: Mapping[str, int] = type_limits(self.sources, self.progress)
        self._wake()

    def update(self, progress: Mapping[tuple[str, int], Progress], now_ms: int) -> None:
        """Store a new snapshot and wake every caller of `wait_for_update`."""
        self.progress, self.now_ms = progress, now_ms
        self.type_limits = type_limits(self.sources, progress)
        self._wake()

    async def wait_for_update(self) -> None:
        """Wait for the next snapshot, or for other sources."""
        await self._updated.wait()

    def next_update(self) -> asyncio.Event:
        """Return what is set by the next snapshot, or by other sources."""
        return self._updated

    def watched_since(self) -> dict[str, int] | None:
        """Return since when each event type is watched, or None before every source partition has reported."""
        return None if not self.now_ms else watched_since(self._set.from_beginning, self.progress)

    def earliest_since(self) -> Mapping[str, int]:
        """Return by type the moment before which it does not count as watched, once `watched_since` knows all."""
        return earliest_since(self._set, self.progress)

    def _wake(self) -> None:
        self._updated.set()
        self._updated = asyncio.Event()
