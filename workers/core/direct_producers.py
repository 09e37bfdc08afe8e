"""Direct producers: they write canonical events to the activity topic themselves, without intake.

Pure. `sources.yaml` declares them like any source, under the activity topic's own name. Intake does not read that
source: the owner of each activity partition reports its progress, as intake does for the others. Silence counts there
too: a direct producer that has stopped is no reason to send an action to every customer.
"""

from dataclasses import dataclass, field
from typing import Final

from schemas.sources import Source, SourcesFile
from workers.core.watermarks import Progress, decode_progress, encode_progress

MAX_OUT_OF_ORDER_MS: Final = 60_000
"""Records of concurrent or retrying producers are out of order by less than this."""


def direct_source(sources: SourcesFile, activity_topic: str) -> Source | None:
    """Return the source that declares direct producers, None if there is none."""
    return next((source for source in sources.sources if source.topic == activity_topic), None)


def intake_sources(sources: SourcesFile, activity_topic: str) -> list[Source]:
    """Return the sources that intake reads: all but direct producers."""
    return [source for source in sources.sources if source.topic != activity_topic]


def only_direct(sources: SourcesFile, activity_topic: str) -> frozenset[str]:
    """Return the event types that come from direct producers only."""
    direct = direct_source(sources, activity_topic)
    other_types = {event_type for source in intake_sources(sources, activity_topic) for event_type in source.types()}
    return frozenset(() if direct is None else direct.types()) - other_types


def direct_problems(sources: SourcesFile, activity_topic: str) -> list[str]:
    """Return the problems in how this source is declared: nothing maps or filters the records of direct producers."""
    source = direct_source(sources, activity_topic)
    if source is None:
        return []
    problems = []
    if source.format != "canonical":
        problems.append("needs 'format: canonical' and 'events': nothing maps what is in it")
    if source.only_when:
        problems.append("cannot have 'only_when': nothing filters what is in it")
    if source.history_before is not None:
        problems.append("cannot have 'history_before': its producers write 'history_until' themselves")
    return [f"source '{activity_topic}' is Linger's own activity topic, so it {problem}" for problem in problems]


@dataclass(slots=True)
class DirectProducerProgress:
    """How far the owner of one activity partition has read the records of direct producers there.

    Attributes:
        progress: as it is published; `progress_report` brings it up to date.
        last_direct_ms: the latest time of such a record since this owner claimed the partition. Records of intake do
            not count: they are stamped when they are forwarded, in a replay years after their events.
    """

    progress: Progress = field(default_factory=Progress)
    last_direct_ms: int = 0

    @classmethod
    def resumed(cls, published: Progress | None) -> "DirectProducerProgress":
        """Continue from the progress that the previous owner published, None if there is none."""
        return cls(Progress() if published is None else decode_progress(encode_progress(published)))

    def watch_from(self, at_ms: int) -> None:
        """Note since when the partition is watched, unless that is known already."""
        self.progress.since_ms = self.progress.since_ms or at_ms

    def note_event(self, event_type: str, at_ms: int) -> None:
        """Note the latest time of direct records that were folded as events of a type; an earlier one is nothing."""
        self.progress.note_event(event_type, at_ms)
        self.last_direct_ms = max(self.last_direct_ms, at_ms)
        self.progress.last_record_ms = max(self.progress.last_record_ms, at_ms)

    @property
    def watermark_ms(self) -> int:
        """The watermark by the records alone; records with older stamps may follow, up to a limit."""
        return self.last_direct_ms - MAX_OUT_OF_ORDER_MS

    def progress_report(self, watermark_ms: int, partitions: int) -> Progress:
        """Return the progress to publish.

        Args:
            watermark_ms: the partition's watermark for the types of direct producers.
            partitions: how many partitions the activity topic has.
        """
        self.progress.watermark_ms, self.progress.partitions = watermark_ms, partitions
        return self.progress
