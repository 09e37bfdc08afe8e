"""Watermarks: up to when each event type has certainly been seen in a partition.

Pure. Intake reports the progress of each source partition (`Progress`); `seen_by_type` turns that into a moment
per event type; `PartitionWatermarks` delays it for one activity partition until that partition has been read as far.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from schemas.durations import duration_ms
from schemas.sources import SourcesFile

UNSEEN_MS: Final = 0


class Progress(msgspec.Struct, array_like=True):
    """What intake has seen of one source partition.

    Attributes:
        watermark_ms: everything sent to it until then has been passed on, confirmed by Kafka.
        last_record_ms: time of the last readable record, 0 for none.
        since_ms: since when it is watched; 0 while that is unknown.
        partitions: how many partitions its topic has.
        sent: by activity partition, the offset behind the last record that came from here.
        next_ms: nothing older than this is expected from here any more; only for keeping a backlog in order.
    """

    watermark_ms: int = UNSEEN_MS
    last_record_ms: int = 0
    since_ms: int = 0
    partitions: int = 0
    sent: dict[int, int] = {}
    next_ms: int = 0


encode_progress = msgspec.msgpack.Encoder().encode
decode_progress = msgspec.msgpack.Decoder(Progress).decode


def _of_topic(topic: str, progress: Mapping[str, Progress]) -> list[Progress] | None:
    """Return the progress of every partition of a topic, None while one is unknown."""
    first = progress.get(f"{topic}:0")
    if first is None or not first.partitions:
        return None
    known = [progress.get(f"{topic}:{partition}") for partition in range(first.partitions)]
    return None if None in known else [one for one in known if one is not None]


def _last_record_ms(partitions: Iterable[Progress]) -> int:
    """Return when a source spoke last; if it never did, since when it is watched."""
    known = list(partitions)
    return max(one.last_record_ms for one in known) or max(one.since_ms for one in known)


def seen_by_type(
    sources: SourcesFile, progress: Mapping[str, Progress], awaited: Mapping[str, int] = {}
) -> dict[str, int]:
    """Return until when each type that comes from sources has been seen, in epoch milliseconds.

    The least over all partitions of all sources of the type. A source that has been silent for longer than its
    `max_silence` stops at that: no data is not no customers.

    Args:
        sources: where the types come from.
        progress: of all source partitions.
        awaited: by topic, until when it counts as seen however far its partitions are: the caller waits, with a
            `PartitionWatermarks`, until it has read to there whatever is of interest to it.
    """
    until: dict[str, int] = {}
    for source in sources.sources:
        partitions = _of_topic(source.topic, progress)
        watermark_ms = UNSEEN_MS
        if partitions is not None:
            last_record_ms = _last_record_ms(partitions)
            least_ms = min(one.watermark_ms for one in partitions)
            watermark_ms = min(awaited.get(source.topic, least_ms), last_record_ms + duration_ms(source.max_silence))
        for name in source.types():
            until[name] = min(watermark_ms, until.get(name, watermark_ms))
    return until


def silent_sources(sources: SourcesFile, progress: Mapping[str, Progress], now_ms: int) -> list[str]:
    """Return the topics that have been silent for longer than they may be."""
    silent = []
    for source in sources.sources:
        partitions = _of_topic(source.topic, progress)
        if partitions is not None:
            last_record_ms = _last_record_ms(partitions)
            if last_record_ms and now_ms > last_record_ms + duration_ms(source.max_silence):
                silent.append(source.topic)
    return silent


def watched_since(sources: SourcesFile, progress: Mapping[str, Progress]) -> dict[str, int] | None:
    """Return since when each type is watched, None while a source partition has not been looked at yet.

    `complete_since` decides where the operator declared it; otherwise the latest of the source's partitions.
    """
    since: dict[str, int] = {}
    for source in sources.sources:
        if source.complete_since is not None:
            since_ms = int(source.complete_since.timestamp() * 1000)
        else:
            partitions = _of_topic(source.topic, progress)
            if partitions is None or not all(one.since_ms for one in partitions):
                return None
            since_ms = max(one.since_ms for one in partitions)
        for name in source.types():
            since[name] = max(since_ms, since.get(name, 0))
    return since


def whole_types(sources: SourcesFile) -> frozenset[str]:
    """Return the types of which every source declares its history complete."""
    partial = {name for source in sources.sources if source.complete_since is None for name in source.types()}
    return frozenset(name for source in sources.sources for name in source.types()) - partial


def sent_to(partition: int, progress: Iterable[Progress]) -> int:
    """Return the offset that an activity partition has to be read to, to have all that intake has sent."""
    return max((one.sent.get(partition, 0) for one in progress), default=0)


@dataclass(slots=True)
class PartitionWatermarks:
    """Up to when an activity partition is complete, by event type.

    One look at the sources is kept until reading has got as far as it demands; only then does it count. Taking a
    newer look each time would, under steady load, demand a little more every time and never be met.

    Attributes:
        until: what holds now.
    """

    until: Mapping[str, int]
    _awaited: tuple[int, Mapping[str, int]] | None = None

    def look(self, offset: int, needed: int, until: Mapping[str, int]) -> None:
        """Take a look: `until` holds once the partition is read to `needed`; it is read to `offset` now."""
        self.reach(offset)
        if self._awaited is None:
            self._awaited = (needed, until)
            self.reach(offset)

    def hear(self, types: Iterable[str], until_ms: int) -> None:
        """Let types count as seen until a moment, at least."""
        if later := [name for name in types if self.until.get(name, UNSEEN_MS) < until_ms]:
            self.until = {**self.until, **dict.fromkeys(later, until_ms)}

    def reach(self, offset: int) -> bool:
        """Return whether something more holds, now that the partition is read to an offset."""
        if self._awaited is None or self._awaited[0] > offset:
            return False
        self.until, self._awaited = self._awaited[1], None
        return True
