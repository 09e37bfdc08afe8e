"""Logs and counts sources and types that are silent for too long, and sources that skip more than is usual."""

from collections.abc import Mapping

import structlog

from schemas.durations import write_duration
from schemas.sources import SourcesFile
from workers.core.watermarks import Progress, silent_sources, silent_types
from workers.intake.agent import Intake
from workers.observability import log_events, metrics

log = structlog.get_logger(__name__)


class SilenceWatch:
    """Notes which sources and types are silent, and logs every change.

    Attributes:
        topics: of the sources that are silent now.
        types: the event types that are silent now by a limit of their own.
    """

    def __init__(self, sources: SourcesFile) -> None:
        self._sources = sources
        self.topics: list[str] = []
        self.types: list[str] = []

    def take_sources(self, sources: SourcesFile) -> None:
        """Watch other sources from now on."""
        self._sources = sources

    def problem(self) -> str | None:
        """Return what is silent now in one line, None if nothing is."""
        parts = []
        if self.topics:
            parts.append(f"silent: {', '.join(self.topics)}")
        if self.types:
            parts.append(f"silent types: {', '.join(self.types)}")
        return "; ".join(parts) or None

    def note(self, progress: Mapping[tuple[str, int], Progress], now_ms: int) -> None:
        """Compare the progress of all source partitions with the clock."""
        silent = silent_sources(self._sources, progress, now_ms)
        metrics.SILENT.show({source.topic: source.topic in silent for source in self._sources.sources})
        for source in self._sources.sources:
            was_silent, is_silent = source.topic in self.topics, source.topic in silent
            if is_silent and not was_silent:
                limit = write_duration(source.max_silence)
                log.warning(
                    log_events.SOURCE_SILENT, topic=source.topic, max_silence=limit, held=list(source.types())
                )
            elif was_silent and not is_silent:
                log.info(log_events.SOURCE_SPEAKS_AGAIN, topic=source.topic)
        self.topics = list(silent)
        self._note_types(sorted(silent_types(self._sources, progress, now_ms)))

    def _note_types(self, silent: list[str]) -> None:
        types = {event_type for source in self._sources.sources for event_type in source.types()}
        metrics.TYPE_SILENT.show({event_type: event_type in silent for event_type in types})
        for event_type in silent:
            if event_type not in self.types:
                log.warning(log_events.TYPE_SILENT, type=event_type)
        for event_type in self.types:
            if event_type not in silent:
                log.info(log_events.TYPE_SPEAKS_AGAIN, type=event_type)
        self.types = silent


class SkipWatch:
    """Notes the sources whose records this worker skips more than is usual, and logs every change.

    Attributes:
        problems: by topic, what is unusual now.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self.problems: Mapping[str, str] = {}

    def look(self, now_seconds: float) -> None:
        """Look at what was skipped; `now_seconds` is of a monotonic clock."""
        problems = self._intake.skips(now_seconds)
        metrics.SKIPS_UNUSUAL.show({topic: topic in problems for topic in self._intake.topics})
        for topic in self._intake.topics:
            if topic in problems and topic not in self.problems:
                log.warning(log_events.SOURCE_SKIPS_UNUSUAL, topic=topic, problem=problems[topic])
            elif topic in self.problems and topic not in problems:
                log.info(log_events.SOURCE_SKIPS_USUAL, topic=topic)
        self.problems = problems
