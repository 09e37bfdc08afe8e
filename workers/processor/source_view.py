"""A processor's view of its sources: their declaration and the last progress snapshot."""

import asyncio
from collections.abc import Mapping

from schemas.events import BUILT_IN
from schemas.sources import SourcesFile
from workers.core.direct_producers import direct_source, only_direct
from workers.core.watermarks import Progress, complete_types, type_limits, watched_since


class SourceView:
    """The sources of one processor.

    Attributes:
        sources: as declared.
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
        self.sources = sources
        self.activity_topic = activity_topic
        self.event_types = frozenset([*BUILT_IN, *sources.event_types])
        self.complete_types = complete_types(sources)
        self.direct_source = direct_source(sources, activity_topic)
        self.direct_types = only_direct(sources, activity_topic)
        self.progress: Mapping[tuple[str, int], Progress] = {}
        self.type_limits: Mapping[str, int] = {}
        self.now_ms = 0
        self._updated = asyncio.Event()

    def update(self, progress: Mapping[tuple[str, int], Progress], now_ms: int) -> None:
        """Store a new snapshot and wake every caller of `wait_for_update`."""
        self.progress, self.now_ms = progress, now_ms
        self.type_limits = type_limits(self.sources, progress)
        self._updated.set()
        self._updated = asyncio.Event()

    async def wait_for_update(self) -> None:
        """Wait for the next snapshot."""
        await self._updated.wait()

    def watched_since(self) -> dict[str, int] | None:
        """Return since when each event type is watched, or None before every source partition has reported."""
        return None if not self.now_ms else watched_since(self.sources, self.progress)
