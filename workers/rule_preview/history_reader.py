"""Reads the history that a preview or a check runs over: files, topics of Kafka, or one of the demo's histories."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from aiokafka import ConsumerRecord
from rich.console import Console

from schemas.events import BUILT_IN
from schemas.sources import Source, SourcesFile
from workers.core.mapping.record import SourceRecord
from workers.core.rules.attribute_types import types_of_attributes
from workers.errors import StartupError
from workers.histories import cdnow
from workers.histories.files import Gathering, SourceReader, canonical_reader, files_of, read_file, source_reader
from workers.histories.history import CANCELLATIONS, LOGINS, ORDERS, History, HistoryError
from workers.histories.plain_events import PlainReader
from workers.histories.seen_values import SeenValues, TakesEvents
from workers.histories.simulated import simulate
from workers.histories.topics import read_topics
from workers.registry.schemas import Schemas, named_by, reader_of, schemas_of
from workers.rule_files.known_names import known_names
from workers.rule_files.rules import ParsedRuleFiles
from workers.rule_files.values.unseen import wanted_values
from workers.rule_preview.progress import SHOW_EVERY_EVENTS, Progress
from workers.settings import Settings
from workers.source_files.reading import load_sources
from workers.source_files.shop import further_sources

_HOME: Final = Path(__file__).resolve().parents[2]
TOPIC_PREFIXES: Final = ("topic:", "kafka:")
"""How the name of a history in Kafka begins."""
_DEMOS: Final = ("simulated", "cdnow")
_DEMO_TOPICS: Final = frozenset({ORDERS, LOGINS, CANCELLATIONS})
_MAX_FUTURE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """A history that was read.

    Attributes:
        gathering: what was read.
        start_ms: coverage begins here.
        end_ms: timers fire until here.
    """

    gathering: Gathering
    start_ms: int
    end_ms: int


class Mappings:
    """Finds the mapping that reads a topic or a file.

    Attributes:
        chosen: the source that `--source` names; None if it is left out.
        declared: event types beyond the built-in ones.
        personal: the personal attributes, as `type.attribute`.
    """

    def __init__(self, sources: SourcesFile | None, chosen: str | None, types: Sequence[str]) -> None:
        self._sources = {} if sources is None else {source.name: source for source in sources.sources}
        self.personal = frozenset[str]() if sources is None else sources.personal()
        self.declared = frozenset(types) - frozenset(BUILT_IN)
        self.chosen = None if chosen is None else self._source_of(chosen)

    def _known(self, topic: str) -> Source | None:
        """Return the source of a topic, also one whose pattern matches it; None if there is none."""
        if (source := self._sources.get(topic)) is not None:
            return source
        return next((one.of_topic(topic) for one in self._sources.values() if one.is_topic_of(topic)), None)

    def _source_of(self, topic: str) -> Source:
        source = self._known(topic)
        if source is None:
            choices = ", ".join(self._sources) or "none, name the file with --sources"
            raise StartupError([f"--source {topic}: sources.yaml has no such topic; it has: {choices}"])
        return source

    def reader_of(
        self, topic: str, activity: str, gathering: Gathering, schemas: Schemas | None = None
    ) -> SourceReader:
        """Return the reader of a topic: that of a source, or that of canonical events for the activity topic."""
        source = self.chosen or self._known(topic)
        if source is not None:
            return source_reader(source, self.declared, gathering, reader_of(source.format, schemas))
        if topic != activity:
            choices = ", ".join([activity, *self._sources])
            raise StartupError(
                [
                    f"how to read the topic '{topic}' is not known; known are {choices}. "
                    "Name the source whose mapping reads it: --source TOPIC"
                ]
            )
        canonical = canonical_reader(self.declared, gathering)
        return lambda record: canonical(record.value)

    def demo_readers(self, gathering: Gathering) -> dict[str, SourceReader]:
        """Return the readers of the demo's topics, with the mappings in `sources.yaml` if it still has them.

        A topic of events whose type is not declared has none.
        """
        if set(self._sources) >= _DEMO_TOPICS:
            sources = [self._sources[topic] for topic in _DEMO_TOPICS]
        else:
            shipped, problems = load_sources(_HOME / "sources.yaml")
            if shipped is None or problems:
                raise StartupError([str(problem) for problem in problems])
            sources = list(shipped.sources)
        sources += further_sources({source.topic for source in sources}, self.declared)
        return {source.topic: source_reader(source, self.declared, gathering) for source in sources}


class HistoryReader:
    """Reads a history of any kind into the store."""

    def __init__(
        self,
        store: TakesEvents,
        mappings: Mappings,
        settings: Settings | None,
        progress: Progress,
        plain: PlainReader | None = None,
    ) -> None:
        """Prepare to read.

        Args:
            store: takes the events.
            mappings: of the sources.
            settings: of the worker, to connect to Kafka.
            progress: shows how far it is.
            plain: takes the plain ones of canonical events in files; None to give all of them to `store`.
        """
        self._store = store
        self._plain = plain
        self._mappings = mappings
        self._settings = settings
        self._progress = progress

    def read(self, history: str) -> ReadHistory:
        """Read a history, named as in `PreviewOptions`."""
        if history in _DEMOS:
            return self._read_demo(history)
        gathering = self._gathering()
        if history.startswith(TOPIC_PREFIXES):
            self._read_topics(history.partition(":")[2], gathering)
        else:
            self._read_files(files_of(history), gathering)
        gathering.check()
        return ReadHistory(gathering, gathering.first_ms, gathering.last_ms)

    def _gathering(self, latest: datetime | None = None) -> Gathering:
        future = _MAX_FUTURE if self._settings is None else self._settings.max_future
        hash_key = None if self._settings is None else self._settings.hash_key
        until = latest or datetime.now(UTC) + future
        return Gathering(self._store, until, hash_key, self._plain, self._mappings.personal)

    def _read_files(self, files: Sequence[Path], gathering: Gathering) -> None:
        with self._progress.of("reading", sum(file.stat().st_size for file in files)) as advance:
            before = 0
            for file in files:
                read_file(file, gathering, self._mappings.declared, self._mappings.chosen, advance.beyond(before))
                before += file.stat().st_size

    def _read_topics(self, topics: str, gathering: Gathering) -> None:
        if self._settings is None:
            raise StartupError(["a topic needs the settings of a worker, to know where Kafka is"])
        activity, schemas = self._settings.topic("activity"), schemas_of(self._settings.registry_connection())
        readers = {
            topic: self._mappings.reader_of(topic, activity, gathering, schemas)
            for topic in (part.strip() for part in topics.split(","))
        }
        with self._progress.of("reading", None) as advance:
            passed = 0

            def move(records: int) -> None:
                nonlocal passed
                passed += records
                advance(passed)

            async def learn(records: Sequence[ConsumerRecord]) -> None:
                if schemas is not None:
                    await schemas.learn(named_by(record.value for record in records))

            connection = self._settings.kafka_connection()
            asyncio.run(read_topics(connection, readers, gathering, move, self._progress.expect, learn))

    def _read_demo(self, name: str) -> ReadHistory:
        history = _demo_history(name)
        gathering = self._gathering(datetime.fromtimestamp(history.end_ms / 1000, UTC))
        readers = self._mappings.demo_readers(gathering)
        with self._progress.of("reading", len(history.records)) as advance:
            for index, record in enumerate(history.records):
                if (reader := readers.get(record.topic)) is not None:
                    foreign = SourceRecord(record.topic, 0, index, record.at_ms, record.key, record.value, ())
                    gathering.take(record.topic, index, reader, foreign)
                if not index % SHOW_EVERY_EVENTS:
                    advance(index)
        gathering.check()
        return ReadHistory(gathering, history.start_ms, history.end_ms)


def count_values(
    history: str,
    files: ParsedRuleFiles,
    sources: SourcesFile | None = None,
    source: str | None = None,
    settings: Settings | None = None,
) -> tuple[SeenValues, int]:
    """Count what rule files name in a history, without keeping its events.

    Args:
        history: as in `PreviewOptions`.
        files: the rule files; what can be read of them counts.
        sources: the content of `sources.yaml`, for your own event types and source topics.
        source: the topic in `sources` whose mapping reads the files or topics.
        settings: of the worker, to connect to Kafka; needed for topics only.

    Returns:
        The counts, and the number of events.

    Raises:
        StartupError: if the history cannot be read.
    """
    types_read = types_of_attributes(files.book, with_drafts=True)
    seen = SeenValues(wanted_values(files.documents), types_read, files.book.personal)
    mappings = Mappings(sources, source, tuple(known_names(sources).types or ()))
    progress = Progress(Console(stderr=True))
    return seen, HistoryReader(seen, mappings, settings, progress).read(history).gathering.events


def _demo_history(name: str) -> History:
    if name == "simulated":
        return simulate()
    try:
        return cdnow.load(_HOME / ".cache" if (_HOME / "Makefile").exists() else Path.home() / ".cache" / "linger")
    except HistoryError as error:
        raise StartupError([str(error)]) from error
