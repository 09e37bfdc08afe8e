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

ANY_TYPE: Final = ""
"""Stands for every event type in `Progress.event_ms`, where the type of the last event is not known."""


class Progress(msgspec.Struct, array_like=True):
    """How far intake has read one source partition. It is stored: fields keep their order, new ones come last.

    Attributes:
        watermark_ms: every record sent to the partition until then has been forwarded, confirmed by Kafka.
        last_record_ms: time of the last readable record, skipped or not; 0 for none.
        since_ms: since when it is watched; 0 while that is unknown.
        partitions: how many partitions its topic has.
        sent: by activity partition, the offset after the last record that came from this source partition.
        next_ms: no older record is expected from this source partition; it only keeps a backlog in order.
        event_ms: by event type, when the record of the latest event that it brought was written; for an event that
            ends a silence, when it happened. None in what 0.1.0 wrote, which skips this field when it reads: then the
            last record counts as the last event, of any type.
        offset: every record before it has been forwarded. Kafka's committed offset may lie before it, within a batch.
    """

    watermark_ms: int = NO_WATERMARK_MS
    last_record_ms: int = 0
    since_ms: int = 0
    partitions: int = 0
    sent: dict[int, int] = {}
    next_ms: int = 0
    event_ms: dict[str, int] | None = None
    offset: int = 0

    def note_event(self, event_type: str, at_ms: int) -> None:
        """Note the time of a record that became an event; an earlier one changes nothing."""
        events = self.known_events()
        events[event_type] = max(events.get(event_type, 0), at_ms)

    def known_events(self) -> dict[str, int]:
        """Return `event_ms`; what 0.1.0 wrote is brought into its form first."""
        if self.event_ms is None:
            self.event_ms = {ANY_TYPE: self.last_record_ms} if self.last_record_ms else {}
        return self.event_ms

    def last_event_ms(self, event_type: str | None = None) -> int:
        """Return the time of the last record that became an event, of one type or of any; 0 for none."""
        if self.event_ms is None:
            return self.last_record_ms
        if event_type is None:
            return max(self.event_ms.values(), default=0)
        return max(self.event_ms.get(event_type, 0), self.event_ms.get(ANY_TYPE, 0))


encode_progress = msgspec.msgpack.Encoder().encode
decode_progress = msgspec.msgpack.Decoder(Progress).decode


def _progress_of(topic: str, progress: Mapping[tuple[str, int], Progress]) -> list[Progress] | None:
    """Return the progress of every partition of a topic, None while that of one is unknown."""
    first = progress.get((topic, 0))
    if first is None or not first.partitions:
        return None
    reports = [progress.get((topic, partition)) for partition in range(first.partitions)]
    return None if None in reports else [report for report in reports if report is not None]


def _heard_of(
    sources: SourcesFile, progress: Mapping[tuple[str, int], Progress]
) -> tuple[dict[str, list[Progress]], dict[str, list[Progress]]]:
    """Return by topic the reports of its partitions, and those by which it is judged whether its source is silent.

    The topics of one pattern are one source: one of them may be quiet for as long as it likes.
    """
    known = {
        source.topic: reports
        for source in sources.sources
        if (reports := _progress_of(source.topic, progress)) is not None
    }
    of_pattern: dict[str, list[Progress]] = {}
    for source in sources.sources:
        if source.pattern is not None:
            of_pattern.setdefault(source.pattern, []).extend(known.get(source.topic, ()))
    heard = {
        source.topic: known[source.topic] if source.pattern is None else of_pattern[source.pattern]
        for source in sources.sources
        if source.topic in known
    }
    return known, heard


def _last_event_ms(reports: Iterable[Progress], event_type: str | None = None) -> int:
    """Return the time of a source's last event, or since when the source is watched if it had none."""
    reports = list(reports)
    latest_ms = max(report.last_event_ms(event_type) for report in reports)
    return latest_ms or max(report.since_ms for report in reports)


def _type_limits_ms(
    sources: SourcesFile, progress: Mapping[tuple[str, int], Progress]
) -> dict[tuple[str, str], tuple[int, int]]:
    """Return the last event of each type that has a `max_silence` of its own, and that limit in milliseconds.

    The keys are topic and type. A limit under `event_types` is about the type, whichever of its sources sent the
    event; one under `type_max_silence` of a source is about what this source sends, and goes before.
    """
    _, known = _heard_of(sources, progress)
    latest: dict[str, int] = {}
    for source in sources.sources:
        for event_type in source.types():
            if (reports := known.get(source.topic)) is not None:
                latest[event_type] = max(latest.get(event_type, 0), _last_event_ms(reports, event_type))
    limits: dict[tuple[str, str], tuple[int, int]] = {}
    for source in sources.sources:
        reports = known.get(source.topic)
        if reports is None:
            continue
        for event_type in source.types():
            own = source.silence_of(event_type)
            declared = sources.event_types.get(event_type)
            if own is not None:
                limits[source.topic, event_type] = _last_event_ms(reports, event_type), duration_ms(own)
            elif declared is not None and declared.max_silence is not None:
                limits[source.topic, event_type] = latest[event_type], duration_ms(declared.max_silence)
    return limits


def watermarks_by_type(
    sources: SourcesFile, progress: Mapping[tuple[str, int], Progress], awaited: Mapping[str, int] = {}
) -> dict[str, int]:
    """Return the watermark of each type that comes from sources, in epoch milliseconds.

    It is the lowest over all partitions of all sources of the type. A source that brought no event for longer than
    its `max_silence` does not move past that limit, and a type that has a limit of its own not past that: no data
    does not mean no customers.

    Args:
        sources: where the types come from.
        progress: of all source partitions, by topic and number.
        awaited: by topic, a watermark that replaces that of its partitions. The caller waits, with a
            `PartitionWatermarks`, until it has read every record it needs up to there.
    """
    watermarks: dict[str, int] = {}
    type_limits = _type_limits_ms(sources, progress)
    known, heard = _heard_of(sources, progress)
    for source in sources.sources:
        reports = known.get(source.topic)
        watermark_ms = NO_WATERMARK_MS
        if reports is not None:
            silent_from_ms = _last_event_ms(heard[source.topic]) + duration_ms(source.max_silence)
            least_ms = min(report.watermark_ms for report in reports)
            watermark_ms = min(awaited.get(source.topic, least_ms), silent_from_ms)
        for event_type in source.types():
            until_ms = watermark_ms
            if (limit := type_limits.get((source.topic, event_type))) is not None:
                until_ms = min(until_ms, sum(limit))
            watermarks[event_type] = min(until_ms, watermarks.get(event_type, until_ms))
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


def type_limits(sources: SourcesFile, progress: Mapping[tuple[str, int], Progress]) -> dict[str, int]:
    """Return the moment that a type's watermark does not pass, for the types with a `max_silence` of their own."""
    limits: dict[str, int] = {}
    for (_, event_type), limit in _type_limits_ms(sources, progress).items():
        limits[event_type] = min(sum(limit), limits.get(event_type, sum(limit)))
    return limits


def silent_from(
    sources: SourcesFile, progress: Mapping[tuple[str, int], Progress]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return by topic, and by event type with a `max_silence` of its own, the moment after which it counts as silent.

    It holds if no further event comes. What is not watched yet, or not by all partitions, is left out.
    """
    _, heard = _heard_of(sources, progress)
    topics = {
        source.topic: last_event_ms + duration_ms(source.max_silence)
        for source in sources.sources
        if source.topic in heard and (last_event_ms := _last_event_ms(heard[source.topic]))
    }
    types: dict[str, int] = {}
    for (_, event_type), (last_event_ms, limit_ms) in _type_limits_ms(sources, progress).items():
        if last_event_ms:
            until_ms = last_event_ms + limit_ms
            types[event_type] = min(until_ms, types.get(event_type, until_ms))
    return topics, types


def silent_sources(sources: SourcesFile, progress: Mapping[tuple[str, int], Progress], now_ms: int) -> dict[str, int]:
    """Return the topics that brought no event for longer than their `max_silence`.

    The values are the time of the last event, or since when a source that never had one is watched.
    """
    from_ms, _ = silent_from(sources, progress)
    return {
        source.topic: from_ms[source.topic] - duration_ms(source.max_silence)
        for source in sources.sources
        if now_ms > from_ms.get(source.topic, now_ms)
    }


def silent_types(sources: SourcesFile, progress: Mapping[tuple[str, int], Progress], now_ms: int) -> dict[str, int]:
    """Return the event types that are silent for longer than a `max_silence` of their own.

    The values are the time of the last event, or since when the type's source is watched if it never had one.
    """
    silent: dict[str, int] = {}
    for (_, event_type), (last_event_ms, limit_ms) in _type_limits_ms(sources, progress).items():
        if last_event_ms and now_ms > last_event_ms + limit_ms:
            silent[event_type] = min(last_event_ms, silent.get(event_type, last_event_ms))
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

    def advance(self, types: Iterable[str], watermark_ms: int, limits: Mapping[str, int] = {}) -> None:
        """Raise the watermarks of some types to a moment; a later one stays.

        Args:
            types: whose watermarks.
            watermark_ms: the moment.
            limits: by type, the latest moment for it; see `type_limits`.
        """
        offered = {name: min(watermark_ms, limits.get(name, watermark_ms)) for name in types}
        raised = {name: until for name, until in offered.items() if self.by_type.get(name, NO_WATERMARK_MS) < until}
        if raised:
            self.by_type = {**self.by_type, **raised}

    def reach(self, position: int) -> bool:
        """Note that the partition is read to a position; return whether newer watermarks took effect."""
        if self._awaited is None or self._awaited[0] > position:
            return False
        self.by_type, self._awaited = self._awaited[1], None
        return True
