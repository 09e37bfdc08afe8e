"""When a silence is over: not with the first event that comes, but with what the events of the source say.

A source that was silent may send weeks of events again. Until all of them have been read, the customers of the others
look as if they had done nothing. So an event that ends a silence counts with the time at which it happened, and only
once every partition of the source has been read past the moment at which it was written. All other events count with
the time at which they were written, however long ago they happened: those of a source that is not silent, and those
of a backlog that end no silence, because they were written too long ago. Pure.
"""

from collections.abc import Mapping

from schemas.durations import duration_ms
from schemas.sources import SourcesFile
from workers.core.watermarks import Progress, silent_sources, silent_types
from workers.intake.cursor import Cursor, Heard, Unproven
from workers.kafka.records import TopicPartition


class Silence:
    """The silent sources and types, as one worker knows them.

    Events that come during a silence are kept apart in their cursors. They count once they are proven: each partition
    of the source has been read past the time at which they were written. Another record may be written in the same
    millisecond, so a watermark that equals it proves nothing.
    """

    def __init__(self, sources: SourcesFile) -> None:
        self._sources = sources
        self._max_silence_ms = {source.topic: duration_ms(source.max_silence) for source in sources.sources}
        self._now_ms = 0
        self._silent: tuple[frozenset[str], frozenset[str]] | None = None  # not known yet
        self._elsewhere: Mapping[tuple[str, int], Progress] = {}

    def note(
        self,
        progress: Mapping[tuple[str, int], Progress],
        own: Mapping[TopicPartition, Cursor],
        now_ms: int,
    ) -> None:
        """Note the published progress of all source partitions."""
        self._now_ms = now_ms
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
        if self._silent is not None and (
            not self._is_silent(topic, event_type) or written_ms + self._max_silence_ms[topic] < self._now_ms
        ):
            cursor.progress.note_event(event_type, written_ms)
            return
        heard, waiting = Heard(at_ms, written_ms), cursor.unproven.get(event_type)
        if waiting is None:
            cursor.unproven[event_type] = Unproven(heard)
        else:
            waiting.add(heard)

    def prove(self, cursors: Mapping[TopicPartition, Cursor]) -> None:
        """Let events count whose source has been read past them; the progress of the cursors must be up to date."""
        if self._silent is None:
            return
        for partition, cursor in cursors.items():
            for event_type, waiting in list(cursor.unproven.items()):
                if not self._is_silent(partition.topic, event_type):
                    cursor.progress.note_event(event_type, waiting.latest().written_ms)
                    del cursor.unproven[event_type]
                elif waiting.first.written_ms < self._read_until_ms(partition.topic, cursors):
                    cursor.progress.note_event(event_type, waiting.first.at_ms)
                    if waiting.later is None:
                        del cursor.unproven[event_type]
                    else:
                        cursor.unproven[event_type] = Unproven(waiting.later)

    def _is_silent(self, topic: str, event_type: str) -> bool:
        return self._silent is not None and (topic in self._silent[0] or event_type in self._silent[1])

    def _read_until_ms(self, topic: str, own: Mapping[TopicPartition, Cursor]) -> int:
        """Return until when all partitions of a topic have been read, by this worker and the others."""
        here = (cursor.progress.watermark_ms for partition, cursor in own.items() if partition.topic == topic)
        elsewhere = (report.watermark_ms for (name, _), report in self._elsewhere.items() if name == topic)
        return min((*here, *elsewhere))
