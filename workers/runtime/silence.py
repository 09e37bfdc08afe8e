"""Logs and counts the sources that have been silent for longer than their `max_silence`."""

from collections.abc import Mapping

import structlog

from schemas.durations import write_duration
from schemas.sources import SourcesFile
from workers.core.watermarks import Progress, silent_sources
from workers.observability import log_events, metrics

log = structlog.get_logger(__name__)


class SilenceWatch:
    """Notes which sources are silent, and logs every change.

    Attributes:
        topics: of the sources that are silent now.
    """

    def __init__(self, sources: SourcesFile) -> None:
        self._sources = sources
        self.topics: list[str] = []

    def note(self, progress: Mapping[tuple[str, int], Progress], now_ms: int) -> None:
        """Compare the progress of all source partitions with the clock."""
        silent = silent_sources(self._sources, progress, now_ms)
        for source in self._sources.sources:
            was_silent, is_silent = source.topic in self.topics, source.topic in silent
            metrics.SILENT.labels(source.topic).set(is_silent)
            if is_silent and not was_silent:
                limit = write_duration(source.max_silence)
                log.warning(
                    log_events.SOURCE_SILENT, topic=source.topic, max_silence=limit, held=list(source.types())
                )
            elif was_silent and not is_silent:
                log.info(log_events.SOURCE_SPEAKS_AGAIN, topic=source.topic)
        self.topics = silent
