"""When a silence is over: not with the first event that comes, but with what the events of the source say.

A source that was silent may send weeks of events again. Until all of them have been read, the customers of the others
look as if they had done nothing. So an event that ends a silence counts with the time at which it happened, and only
once every partition of the source has been read past the moment at which it was written. All other events count with
the time at which they were written, however long ago they happened.

Whether an event ends a silence is a matter of when it was written, not of when it is read: a worker that reads the
events of weeks that it missed finds silences of their time in them, and none of its own. Pure.
"""

from collections.abc import Mapping
from typing import Final

from schemas.durations import duration_ms
from schemas.sources import SourcesFile
from workers.core.watermarks import Progress, silent_from
from workers.intake.cursor import Cursor, Heard, Unproven
from workers.kafka.records import TopicPartition

_NEVER_MS: Final = 1 << 62


class Silence:
    """Since when the sources and types are silent, as one worker knows it.

    Events that end a silence are kept apart in their cursors. They count once they are proven: each partition of the
    source has been read past the time at which they were written. Another record may be written in the same
    millisecond, so a watermark that equals it proves nothing.
    """

    def __init__(self, sources: SourcesFile) -> None:
        self._sources = sources
        self._max_silence_ms = {source.topic: duration_ms(source.max_silence) for source in sources.sources}
        self._silent_from: tuple[dict[str, int], dict[str, int]] | None = None  # not known yet
        self._elsewhere: Mapping[tuple[str, int], Progress] = {}

    def note(self, progress: Mapping[tuple[str, int], Progress], own: Mapping[TopicPartition, Cursor]) -> None:
        """Note the published progress of all source partitions; of its own, the worker has a newer one."""
        here = {(topic, number): cursor.progress for (topic, number), cursor in own.items()}
        self._silent_from = silent_from(self._sources, {**progress, **here})
        self._elsewhere = {place: report for place, report in progress.items() if place not in here}

    def note_event(self, cursor: Cursor, topic: str, event_type: str, at_ms: int, written_ms: int) -> None:
        """Note an event that was passed on.

        Args:
            cursor: of the partition that it came from.
            topic: of the partition.
            event_type: its type.
            at_ms: when it happened, at most `written_ms`.
            written_ms: when its record was written.
        """
        heard, waiting = Heard(at_ms, written_ms), cursor.unproven.get(event_type)
        if waiting is not None:
            waiting.add(heard)
        elif self._ends_silence(topic, event_type, heard):
            cursor.unproven[event_type] = Unproven(heard)
        else:
            self._count(cursor, topic, event_type, written_ms)

    def prove(self, cursors: Mapping[TopicPartition, Cursor]) -> None:
        """Let events count whose source has been read past them; the progress of the cursors must be up to date."""
        if self._silent_from is None:
            return
        for (topic, _), cursor in cursors.items():
            for event_type in list(cursor.unproven):
                while (waiting := cursor.unproven.pop(event_type, None)) is not None:
                    if not self._ends_silence(topic, event_type, waiting.first):
                        self._count(cursor, topic, event_type, waiting.first.written_ms)
                    elif waiting.first.written_ms < self._read_until_ms(topic, cursors):
                        self._count(cursor, topic, event_type, waiting.first.at_ms)
                    else:
                        cursor.unproven[event_type] = waiting
                        break
                    if waiting.later is not None:
                        cursor.unproven[event_type] = Unproven(waiting.later)

    def _ends_silence(self, topic: str, event_type: str, heard: Heard) -> bool:
        """Return whether the source, or the type, was silent when an event was written; also if that is not known."""
        if self._silent_from is None:
            return True
        topics, types = self._silent_from
        return heard.written_ms > min(topics.get(topic, _NEVER_MS), types.get(event_type, _NEVER_MS))

    def _count(self, cursor: Cursor, topic: str, event_type: str, at_ms: int) -> None:
        cursor.progress.note_event(event_type, at_ms)
        if self._silent_from is not None:
            topics, _ = self._silent_from
            if topic in topics:
                topics[topic] = max(topics[topic], at_ms + self._max_silence_ms[topic])

    def _read_until_ms(self, topic: str, own: Mapping[TopicPartition, Cursor]) -> int:
        """Return until when all partitions of a topic have been read, by this worker and the others."""
        here = (cursor.progress.watermark_ms for partition, cursor in own.items() if partition.topic == topic)
        elsewhere = (report.watermark_ms for (name, _), report in self._elsewhere.items() if name == topic)
        return min((*here, *elsewhere))
