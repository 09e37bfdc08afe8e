"""Direct producers: they write canonical events to the activity topic themselves, with no intake in between.

`sources.yaml` names them like any source, under the activity topic's own name. Intake leaves that one alone; the
owner of each activity partition tells for it what intake tells for the others, because silence is silence: a
producer that died is no reason to write to everybody.
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from schemas.sources import Source, SourcesFile
from workers.core.watermarks import Progress

SOURCE_HEADER: Final = "linger-source"
"""`topic:partition:offset` of the foreign record, on every record of the activity topic that intake wrote."""

UNORDERED_MS: Final = 60_000
"""Producers beside each other, and one that tries again, stamp their records out of order by less than this."""


def direct_source(sources: SourcesFile, activity_topic: str) -> Source | None:
    """Return what is declared of direct producers, None if nothing is."""
    return next((source for source in sources.sources if source.topic == activity_topic), None)


def foreign_sources(sources: SourcesFile, activity_topic: str) -> list[Source]:
    """Return the sources that intake reads."""
    return [source for source in sources.sources if source.topic != activity_topic]


def only_direct(sources: SourcesFile, activity_topic: str) -> frozenset[str]:
    """Return the types that come from direct producers and from nowhere else."""
    source = direct_source(sources, activity_topic)
    elsewhere = {name for one in foreign_sources(sources, activity_topic) for name in one.types()}
    return frozenset(() if source is None else source.types()) - elsewhere


def direct_problems(sources: SourcesFile, activity_topic: str) -> list[str]:
    """Return what cannot be declared of direct producers: nothing maps or filters what they write."""
    source = direct_source(sources, activity_topic)
    if source is None:
        return []
    problems = []
    if source.format != "canonical":
        problems.append("needs 'format: canonical' and 'events': nothing maps what is in it")
    if source.only_when:
        problems.append("cannot have 'only_when': nothing filters what is in it")
    return [f"source '{activity_topic}' is Linger's own activity topic, so it {problem}" for problem in problems]


@dataclass(slots=True)
class DirectProducerProgress:
    """What the owner of one activity partition has heard there of direct producers.

    Attributes:
        progress: as it is told to everybody; filled in by `told`.
        last_direct_ms: the latest time of such a record since this owner began. Records of intake are stamped when
            they are passed on, which says nothing: in a replay that is years later.
    """

    progress: Progress = field(default_factory=Progress)
    last_direct_ms: int = 0

    @classmethod
    def going_on(cls, before: Progress | None) -> "DirectProducerProgress":
        """Go on from what the owner before told."""
        return cls(Progress() if before is None else msgspec.structs.replace(before))

    def begin(self, at_ms: int) -> None:
        """Note since when the partition is watched, if that is not known yet."""
        self.progress.since_ms = self.progress.since_ms or at_ms

    def hear(self, at_ms: int) -> None:
        """Note the latest time of records that came directly, and were folded."""
        self.last_direct_ms = max(self.last_direct_ms, at_ms)
        self.progress.last_record_ms = max(self.progress.last_record_ms, at_ms)

    @property
    def watermark_ms(self) -> int:
        """Until when everything has been read, going by the records alone: more may come with older stamps."""
        return self.last_direct_ms - UNORDERED_MS

    def told(self, watermark_ms: int, partitions: int) -> Progress:
        """Return what is told to everybody.

        Args:
            watermark_ms: until when the partition has been read.
            partitions: how many the activity topic has.
        """
        self.progress.watermark_ms, self.progress.partitions = watermark_ms, partitions
        return self.progress
