"""Records on their way to the activity topic: what is sent for them, and what they say of their partitions."""

from collections.abc import Mapping, Sequence

from workers.intake.conversion import Converted, Tally
from workers.intake.cursor import Cursor
from workers.intake.merge import QueuedRecord
from workers.intake.silence import Silence
from workers.kafka.records import OutboxRecord, TopicPartition


class Passage:
    """See the module's docstring.

    Attributes:
        outgoing: what is sent.
        tally: counts what the records became.
    """

    def __init__(self, cursors: Mapping[TopicPartition, Cursor], now_ms: int) -> None:
        self.outgoing: list[OutboxRecord] = []
        self.tally = Tally()
        self._cursors = cursors
        self._now_ms = now_ms
        self._origins: list[Cursor] = []
        self._last_record_ms: dict[TopicPartition, int] = {}
        self._event_ms: dict[tuple[TopicPartition, str], tuple[int, int]] = {}
        self._held: dict[TopicPartition, list[QueuedRecord]] = {}

    def holds(self, partition: TopicPartition) -> bool:
        """Return whether a record of a partition is held back: those after it have to wait, too."""
        return partition in self._held

    def hold(self, queued: QueuedRecord) -> None:
        """Hold a record back."""
        self._held.setdefault(queued[1], []).append(queued)

    def put_back(self) -> None:
        """Put the records that are held back into their queues, as if they had never been taken out."""
        for partition, records in self._held.items():
            self._cursors[partition].put_back(records)

    def add(self, queued: QueuedRecord, converted: Converted) -> None:
        """Add what a record became."""
        at_ms, partition, _ = queued
        cursor, written_ms = self._cursors[partition], at_ms or self._now_ms
        progress = cursor.progress
        progress.since_ms = progress.since_ms or written_ms
        if converted.is_readable:
            self._last_record_ms[partition] = max(self._last_record_ms.get(partition, 0), written_ms)
        for event in converted.events:
            # What is sent again after weeks is news of weeks ago: the source is silent until it reports today.
            place = (partition, event.type)
            known_ms, known_written_ms = self._event_ms.get(place, (0, 0))
            self._event_ms[place] = max(known_ms, min(written_ms, event.at_ms)), max(known_written_ms, written_ms)
        for out in converted.outgoing:
            self.outgoing.append(out)
            self._origins.append(cursor)

    def note_sent(self, places: Sequence[tuple[int, int]], activity_topic: str, silence: Silence) -> None:
        """Note in the progress of the partitions that everything was sent.

        Only now: a worker's death loses the records that it has read but not forwarded, so they must not count as
        seen.

        Args:
            places: partition and offset of each record of `outgoing`.
            activity_topic: its name.
            silence: notes the events.
        """
        for cursor, out, (activity_partition, offset) in zip(self._origins, self.outgoing, places, strict=True):
            if out.topic == activity_topic:
                sent = cursor.progress.sent
                sent[activity_partition] = max(sent.get(activity_partition, 0), offset + 1)
        for partition, at_ms in self._last_record_ms.items():
            progress = self._cursors[partition].progress
            progress.known_events()  # before the time of the last record moves: it may stand for the last event
            progress.last_record_ms = max(progress.last_record_ms, at_ms)
        for (partition, event_type), (at_ms, written_ms) in self._event_ms.items():
            silence.note_event(self._cursors[partition], partition.topic, event_type, at_ms, written_ms)
