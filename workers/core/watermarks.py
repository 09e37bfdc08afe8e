"""Watermarks: up to when each event type has certainly been seen in a partition.

Pure. Intake reports the progress of each source partition (`Progress`), and `watermarks_by_type` derives a watermark
for each event type. `PartitionWatermarks` delays it for one activity partition until that partition has been read as
far. Nothing here knows Kafka or Redis: a source partition is its topic and its number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from schemas.durations import duration_ms
from schemas.events import BUILT_IN
from schemas.sources import SourcesFile

NO_WATERMARK_MS: Final = 0
"""Watermark of a type before anything is known of its sources."""


class Progress(msgspec.Struct, array_like=True):
    """How far intake has read one source partition. It is stored: fields keep their order, new ones come last.

    Attributes:
        watermark_ms: every record sent to the partition until then has been forwarded, confirmed by Kafka.
        last_record_ms: time of the last readable record, 0 for none.
        since_ms: since when it is watched; 0 while that is unknown.
        partitions: how many partitions its topic has.
        sent: by activity partition, the offset after the last record that came from this source partition.
        next_ms: no older record is expected from this source partition; it only keeps a backlog in order.
    """

    watermark_ms: int = NO_WATERMARK_MS
    last_record_ms: int = 0
    since_ms: int = 0
    partitions: int = 0
    sent: dict[int, int] = {}
    next_ms: int = 0


encode_progress = msgspec.msgpack.Encoder().encode
decode_progress = msgspec.msgpack.Decoder(Progress).decode


def _progress_of(topic: str, progress: Mapping[tuple[str, int], Progress]) -> list[Progress] | None:
    """Return the progress of every partition of a topic, None while that of one is unknown."""
    first = progress.get((topic, 0))
    if first is None or not first.partitions:
        return None
    reports = [progress.get((topic, partition)) for partition in range(first.partitions)]
    return None if None in reports else [report for report in reports if report is not None]


def _last_record_ms(reports: Iterable[Progress]) -> int:
    """Return the time of a source's last record, or since when the source is watched if it had none."""
    reports = list(reports)
    return max(report.last_record_ms for report in reports) or max(report.since_ms for report in reports)


def watermarks_by_type(
    sources: SourcesFile, progress: Mapping[tuple[str, int], Progress], awaited: Mapping[str, int] = {}
) -> dict[str, int]:
    """Return the watermark of each type that comes from sources, in epoch milliseconds.

    It is the lowest over all partitions of all sources of the type. A source that has been silent for longer than its
    `max_silence` does not move past that limit: no data does not mean no customers.

    Args:
        sources: where the types come from.
        progress: of all source partitions, by topic and number.
        awaited: by topic, a watermark that replaces that of its partitions. The caller waits, with a
            `PartitionWatermarks`, until it has read every record it needs up to there.
    """
    watermarks: dict[str, int] = {}
    for source in sources.sources:
        reports = _progress_of(source.topic, progress)
        watermark_ms = NO_WATERMARK_MS
        if reports is not None:
            silent_from_ms = _last_record_ms(reports) + duration_ms(source.max_silence)
            least_ms = min(report.watermark_ms for report in reports)
            watermark_ms = min(awaited.get(source.topic, least_ms), silent_from_ms)
        for event_type in source.types():
            watermarks[event_type] = min(watermark_ms, watermarks.get(event_type, watermark_ms))
    return watermarks


def watermarks_in_partition(
    sources: SourcesFile, progress: Mapping[tuple[str, int], Progress], now_ms: int, decided_ms: int | None
) -> dict[str, int]:
    """Return until when each type has been seen in a partition.

    Args:
        sources: where the types come from; a type that comes from no source has been seen until now.
        progress: of all source partitions.
        now_ms: the clock, read before the progress.
        decided_ms: until when the partition is decided, if it has not yet read everything that intake sent it.
    """
    seen = watermarks_by_type(sources, progress)
    latest_ms = now_ms if decided_ms is None else decided_ms
    return {
        event_type: min(latest_ms, seen.get(event_type, now_ms)) for event_type in (*BUILT_IN, *sources.event_types)
    }


def silent_sources(sources: SourcesFile, progress: Mapping[tuple[str, int], Progress], now_ms: int) -> list[str]:
    """Return the topics that have been silent for longer than their `max_silence`."""
    silent = []
    for source in sources.sources:
        reports = _progress_of(source.topic, progress)
        if reports is not None:
            last_record_ms = _last_record_ms(reports)
            if last_record_ms and now_ms > last_record_ms + duration_ms(source.max_silence):
                silent.append(source.topic)
    return silent


def watched_since(sources: SourcesFile, progress: Mapping[tuple[str, int], Progress]) -> dict[str, int] | None:
    """Return since when each type is watched, None while that is unknown for one source partition.

    A declared `complete_since` counts; otherwise the latest start among the source's partitions.
    """
    since: dict[str, int] = {}
    for source in sources.sources:
        if source.complete_since is not None:
            since_ms = int(source.complete_since.timestamp() * 1000)
        else:
            reports = _progress_of(source.topic, progress)
            if reports is None or not all(report.since_ms for report in reports):
                return None
            since_ms = max(report.since_ms for report in reports)
        for event_type in source.types():
            since[event_type] = max(since_ms, since.get(event_type, 0))
    return since


def complete_types(sources: SourcesFile) -> frozenset[str]:
    """Return the types whose sources all declare their history complete."""
    incomplete = {
        event_type for source in sources.sources if source.complete_since is None for event_type in source.types()
    }
    return frozenset(event_type for source in sources.sources for event_type in source.types()) - incomplete


def sent_to(partition: int, progress: Iterable[Progress]) -> int:
    """Return the offset that an activity partition must be read to, to include every record that intake sent."""
    return max((report.sent.get(partition, 0) for report in progress), default=0)


@dataclass(slots=True)
class PartitionWatermarks:
    """The watermarks of one activity partition.

    One update is kept until the partition has been read to the position it requires; only then does it take effect.
    If each newer update replaced it, under steady load each would require a little more, and none would take effect.

    Attributes:
        by_type: the watermarks that hold now, by event type.
    """

    by_type: Mapping[str, int]
    _awaited: tuple[int, Mapping[str, int]] | None = None

    def update(self, position: int, required_position: int, by_type: Mapping[str, int]) -> None:
        """Offer newer watermarks; they are dropped while an earlier update waits.

        Args:
            position: the partition is read to here now.
            required_position: the watermarks hold once the partition is read to here.
            by_type: the watermarks.
        """
        self.reach(position)
        if self._awaited is None:
            self._awaited = (required_position, by_type)
            self.reach(position)

    def advance(self, types: Iterable[str], watermark_ms: int) -> None:
        """Raise the watermarks of some types to a moment; a later one stays."""
        if raised := [name for name in types if self.by_type.get(name, NO_WATERMARK_MS) < watermark_ms]:
            self.by_type = {**self.by_type, **dict.fromkeys(raised, watermark_ms)}

    def reach(self, position: int) -> bool:
        """Note that the partition is read to a position; return whether newer watermarks took effect."""
        if self._awaited is None or self._awaited[0] > position:
            return False
        self.by_type, self._awaited = self._awaited[1], None
        return True
