"""When a silence is over: not with the first event, but once every partition of the source has been read so far.

A source that was silent may send weeks of events at once. Until all of them have been read, the customers of the
others look as if they had done nothing. Pure.
"""

from collections.abc import Mapping

from schemas.sources import SourcesFile
from workers.core.watermarks import Progress, silent_sources, silent_types
from workers.intake.cursor import Cursor
from workers.kafka.records import TopicPartition


class Silence:
    """The silent sources and types, as one worker knows them.

    Events that come during a silence are kept apart in their cursors. They count once they are proven: each partition
    of the source has been read up to the time at which they were written.
    """

    def __init__(self, sources: SourcesFile) -> None:
        self._sources = sources
        self._silent: tuple[frozenset[str], frozenset[str]] | None = None
        self._elsewhere: Mapping[tuple[str, int], Progress] = {}

    def note(
        self,
        progress: Mapping[tuple[str, int], Progress],
        own: Mapping[TopicPartition, Cursor],
        now_ms: int,
    ) -> None:
        """Note the published progress of all source partitions."""
        self._silent = (
            frozenset(silent_sources(self._sources, progress, now_ms)),
            frozenset(silent_types(self._sources, progress, now_ms)),
        )
        self._elsewhere = {place: report for place, report in progress.items() if TopicPartition(*place) not in own}

    def note_event(self, cursor: Cursor, topic: str, event_type: str, at_ms: int, written_ms: int) -> None:
        """Note an event that was passed on.

        Args:
            cursor: of the partition that it came from.
            topic: of the partition.
            event_type: its type.
            at_ms: when it happened, at most `written_ms`.
            written_ms: when its record was written.
        """
        if self._silent is not None and topic not in self._silent[0] and event_type not in self._silent[1]:
            cursor.progress.note_event(event_type, at_ms)
            return
        cursor.unproven_ms[event_type] = max(cursor.unproven_ms.get(event_type, 0), at_ms)
        cursor.unproven_written_ms = max(cursor.unproven_written_ms, written_ms)

    def prove(self, cursors: Mapping[TopicPartition, Cursor]) -> None:
        """Let events count whose source has been read up to them; `is_behind` of the cursors must be up to date."""
        for topic in {partition.topic for partition, cursor in cursors.items() if cursor.unproven_ms}:
            own = [cursor for partition, cursor in cursors.items() if partition.topic == topic]
            written_ms = max(cursor.unproven_written_ms for cursor in own)
            if any(cursor.is_behind for cursor in own) or not self._is_read_elsewhere(topic, written_ms):
                continue
            for cursor in own:
                for event_type, at_ms in cursor.unproven_ms.items():
                    cursor.progress.note_event(event_type, at_ms)
                cursor.unproven_ms.clear()

    def _is_read_elsewhere(self, topic: str, until_ms: int) -> bool:
        return all(report.watermark_ms >= until_ms for (name, _), report in self._elsewhere.items() if name == topic)
