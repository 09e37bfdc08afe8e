"""One generation of `sources.yaml`, and the topics that its patterns match.

Pure. A pattern becomes one source for each topic that matches it, with the words of the pattern. Everything that
reads or counts sources sees only those. Which topics there are is agreed between the workers
(`workers.state.source_sets`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

import msgspec

from schemas.sources import Source, SourcesFile
from workers.core.source_changes import Mapped
from workers.core.watermarks import Progress, watched_since


class PatternTopic(msgspec.Struct, frozen=True, omit_defaults=True):
    """A topic that is read because a pattern matches it. It is stored as JSON: new fields have defaults.

    Attributes:
        source: the name of the source with the pattern.
        joined_ms: when it appeared; 0 if it was there when the pattern was first read. What it held before that
            moment is history.
        counts: it has been read up to the moment at which it appeared. Until then no rule waits for it.
    """

    source: str
    joined_ms: int = 0
    counts: bool = True


@dataclass(frozen=True)
class SourceSet:
    """`sources.yaml` in one generation; immutable.

    Attributes:
        written: the file.
        generation: its number; 0 if it is not agreed, as in tools.
        began: by event type, since when it is watched at the earliest, in milliseconds: its mapping changed then.
        mapped: the sources as they are compared with those of the next generation.
        topics: those of patterns, by name.
    """

    written: SourcesFile
    generation: int = 0
    began: Mapping[str, int] = field(default_factory=dict)
    mapped: Mapping[str, Mapped] = field(default_factory=dict)
    topics: Mapping[str, PatternTopic] = field(default_factory=dict)

    @cached_property
    def read(self) -> SourcesFile:
        """The sources that are read, one for each topic."""
        return self._with(self.topics)

    @cached_property
    def counted(self) -> SourcesFile:
        """Those by which it is counted up to when each type has been seen.

        A type that only patterns without such a topic give has been seen up to nothing: no data does not mean no
        customers. They stay, as sources that have never reported.
        """
        counted = self._with([name for name, topic in self.topics.items() if topic.counts])
        given = {event_type for source in counted.sources for event_type in source.types()}
        unknown = [
            source.model_copy(update={"event": None, "one_of": None, "events": unseen})
            for source in self.written.sources
            if source.pattern is not None and (unseen := [name for name in source.types() if name not in given])
        ]
        return counted.model_copy(update={"sources": [*counted.sources, *unknown]}) if unknown else counted

    @cached_property
    def from_beginning(self) -> SourcesFile:
        """Those by which it is counted since when each type is watched: a topic that appeared later lacks nothing."""
        return self._with([name for name, topic in self.topics.items() if not topic.joined_ms])

    @cached_property
    def later(self) -> SourcesFile:
        """Those among `from_beginning` before whose first record its types do not count as watched."""
        sources = [source for source in self.from_beginning.sources if self._is_later(source)]
        return self.written.model_copy(update={"sources": sources})

    @property
    def joining(self) -> frozenset[str]:
        """The topics whose past is being read."""
        return frozenset(name for name, topic in self.topics.items() if not topic.counts)

    def with_topics(self, topics: Mapping[str, PatternTopic]) -> "SourceSet":
        """Return the same generation with other topics of its patterns."""
        return replace(self, topics=topics)

    def _is_later(self, source: Source) -> bool:
        mapped = self.mapped.get(source.name if source.pattern is None else _name_of(source.pattern))
        return mapped is not None and mapped.later and not mapped.complete

    def _with(self, names: Iterable[str]) -> SourcesFile:
        """Return the file with each pattern replaced by those of its topics that are named."""
        by_source: dict[str, list[str]] = {}
        for name in sorted(names):
            by_source.setdefault(self.topics[name].source, []).append(name)
        sources: list[Source] = []
        for source in self.written.sources:
            if source.pattern is None:
                sources.append(source)
            else:
                sources += [self._one(source, name) for name in by_source.get(source.name, ())]
        return self.written.model_copy(update={"sources": sources})

    def _one(self, source: Source, name: str) -> Source:
        """Return the source that reads one topic of a pattern. It keeps the pattern: they are silent together."""
        update: dict[str, object] = {"one_topic": name}
        if joined_ms := self.topics[name].joined_ms:
            joined = datetime.fromtimestamp(joined_ms / 1000, UTC)
            update["history_before"] = max(joined, source.history_before or joined)
        return source.model_copy(update=update)


def _name_of(pattern: str) -> str:
    return f"/{pattern}/"


@dataclass(frozen=True, slots=True)
class Matches:
    """Which topics the patterns of a file match.

    Attributes:
        topics: by topic that exactly one pattern matches, the name of its source.
        ambiguous: by topic that several patterns match, the names of their sources; none of them reads it.
    """

    topics: Mapping[str, str]
    ambiguous: Mapping[str, tuple[str, ...]]

    def problems(self) -> dict[str, str]:
        """Return by topic why it is not read although a pattern matches it."""
        return {
            name: f"{' and '.join(sources)} both match it, so it is not read: name it in a source of its own, or "
            "make the patterns narrower"
            for name, sources in sorted(self.ambiguous.items())
        }


def earliest_since(sources: SourceSet, progress: Mapping[tuple[str, int], Progress]) -> dict[str, int]:
    """Return by type the moment (ms) before which it does not count as watched.

    Its mapping has changed then, or a source was added that nothing is known of before its first record. A source
    that has not reported yet is left out.
    """
    later = watched_since(sources.later, progress) or {}
    return {name: max(sources.began.get(name, 0), later.get(name, 0)) for name in {*sources.began, *later}}


def matches(sources: SourcesFile, topics: Iterable[str]) -> Matches:
    """Return which of some topics belong to the patterns of a file; a topic that a source names belongs to that one.

    Args:
        sources: the file.
        topics: those that exist, without Kafka's and Linger's own.
    """
    named = {source.topic for source in sources.sources if source.pattern is None}
    patterns = [source for source in sources.sources if source.pattern is not None]
    found: dict[str, str] = {}
    ambiguous: dict[str, tuple[str, ...]] = {}
    for topic in topics if patterns else ():
        names = tuple(source.name for source in patterns if source.is_topic_of(topic))
        if topic in named or not names:
            continue
        if len(names) == 1:
            found[topic] = names[0]
        else:
            ambiguous[topic] = names
    return Matches(found, ambiguous)
