"""One generation of `sources.yaml`, and the topics that its patterns match.

Pure. A pattern becomes one source for each topic that matches it, with the words of the pattern. Everything that reads
or counts sources sees only those. Which topics there are is agreed between the workers (`workers.state.source_sets`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

import msgspec

from schemas.sources import Source, SourcesFile
from workers.core.source_changes import Mapped, key_of


class PatternTopic(msgspec.Struct, frozen=True, omit_defaults=True):
    """A topic that is read because a pattern matches it. It is stored as JSON: new fields have defaults.

    Attributes:
        pattern: which one.
        joined_ms: when it appeared; 0 if it was there when the pattern was first read. What it held before that
            moment is history.
        counts: it has been read up to the moment at which it appeared. Until then no rule waits for it.
    """

    pattern: str
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
        """Those by which it is counted up to when each type has been seen."""
        return self._with([name for name, topic in self.topics.items() if topic.counts])

    @cached_property
    def from_beginning(self) -> SourcesFile:
        """Those by which it is counted since when each type is watched: a topic that appeared later lacks nothing."""
        return self._with([name for name, topic in self.topics.items() if not topic.joined_ms])

    @cached_property
    def later(self) -> SourcesFile:
        """Those among `from_beginning` before whose first record its types do not count as watched."""
        sources = [source for source in self.from_beginning.sources if self._is_later(source)]
        return self.written.model_copy(update={"sources": sources})

    def with_topics(self, topics: Mapping[str, PatternTopic]) -> "SourceSet":
        """Return the same generation with other topics of its patterns."""
        return replace(self, topics=topics)

    def _is_later(self, source: Source) -> bool:
        mapped = self.mapped.get(_written_key(source, self.topics))
        return mapped is not None and mapped.later and not mapped.complete

    def _with(self, names: Iterable[str]) -> SourcesFile:
        """Return the file with each pattern replaced by those of its topics that are named."""
        by_pattern: dict[str, list[str]] = {}
        for name in sorted(names):
            by_pattern.setdefault(self.topics[name].pattern, []).append(name)
        sources: list[Source] = []
        for source in self.written.sources:
            if pattern_of(source) is None:
                sources.append(source)
            else:
                sources += [self._one(source, name) for name in by_pattern.get(key_of(source), ())]
        return self.written.model_copy(update={"sources": sources})

    def _one(self, source: Source, name: str) -> Source:
        update: dict[str, object] = {"topic": name}
        if joined_ms := self.topics[name].joined_ms:
            joined = datetime.fromtimestamp(joined_ms / 1000, UTC)
            update["history_before"] = max(joined, source.history_before or joined)
        return source.model_copy(update=update)


def pattern_of(source: Source) -> str | None:
    """Return the pattern of a source's topics, None if it names one topic."""
    return None if source.topics is None else source.topics.pattern


def _written_key(source: Source, topics: Mapping[str, PatternTopic]) -> str:
    """Return what a source is known by in the file, for one of its topics."""
    topic = topics.get(source.topic)
    return key_of(source) if topic is None else topic.pattern


@dataclass(frozen=True, slots=True)
class Matches:
    """Which topics the patterns of a file match.

    Attributes:
        topics: the pattern of each topic that exactly one matches, by topic.
        ambiguous: topics that several patterns match, with those; none of them reads it.
    """

    topics: Mapping[str, str]
    ambiguous: Mapping[str, tuple[str, ...]]

    def problems(self) -> list[str]:
        """Return a sentence for each topic that is not read, because several patterns match it."""
        return [
            f"topic '{name}' matches {' and '.join(f'the pattern {pattern}' for pattern in patterns)}, so it is not "
            "read: name it in a source of its own, or make the patterns narrower"
            for name, patterns in sorted(self.ambiguous.items())
        ]
