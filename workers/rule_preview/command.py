"""`linger rules preview`: reads a history, drives the preview over it, and prints the report.

The outermost layer of the preview: it reads the clock, shows progress and knows where histories come from.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from schemas.events import BUILT_IN
from schemas.rules import RuleBook
from schemas.sources import Source, SourcesFile
from workers.core.events.mapping import SourceRecord
from workers.core.rules.rule_compiler import HOLD_OUT_KEY
from workers.errors import StartupError
from workers.histories import cdnow
from workers.histories.by_customer import EventsByCustomer, Part
from workers.histories.files import Gathering, SourceReader, canonical_reader, files_of, read_file, source_reader
from workers.histories.history import CANCELLATIONS, LOGINS, ORDERS, History, HistoryError
from workers.histories.simulated import simulate
from workers.histories.topics import read_topics
from workers.rule_files.known_names import KnownNames, event_types, known_types
from workers.rule_files.rules import load_book
from workers.rule_files.sources import load_sources
from workers.rule_preview.document import PreviewResult, document_of
from workers.rule_preview.preview import CustomerEvents, Preview, PreviewCounts, PreviewTask
from workers.rule_preview.report import render
from workers.settings import Settings

__all__ = ["PreviewOptions", "preview_command"]

_HOME: Final = Path(__file__).resolve().parents[2]
_TOPIC_PREFIXES: Final = ("topic:", "kafka:")
_DEMOS: Final = ("simulated", "cdnow")
_DEMO_TOPICS: Final = frozenset({ORDERS, LOGINS, CANCELLATIONS})
_MAX_FUTURE: Final = timedelta(minutes=5)
_SHOW_EVERY_EVENTS: Final = 2_000
_GROUPS_PER_JOB: Final = 4
_COLLECTIONS: Final = (100_000, 50, 50)


@dataclass(frozen=True, slots=True)
class PreviewOptions:
    """What to preview, over which history, and how to print it.

    Attributes:
        history: a file of canonical events or a dump of a source topic (JSON lines or CSV, also gzipped), a folder
            of such files, `topic:NAME` or `kafka:NAME` (several with commas between) for what Kafka holds, or
            `simulated` or `cdnow` to try it.
        rules: rule files and folders.
        against: another version of the rules, to compare with; None for no comparison.
        since: actions count from this day or moment on; earlier ones only affect later decisions. Without a zone it
            is UTC. None for the beginning of the history.
        until: the history ends before this day or moment. None for its last event.
        sources: `sources.yaml`, for your own event types, `source` and source topics.
        source: the topic in `sources` whose mapping reads the files or topics.
        as_json: print one JSON object.
        list_customers: name every customer reached, gained and lost.
        incomplete: the history is watched only since its beginning; everything before is unknown.
        jobs: how many processes decide, 1 or more.
        settings: of the worker, to connect to Kafka; needed for topics only.
    """

    history: str
    rules: Sequence[Path]
    against: Sequence[Path] | None = None
    since: date | None = None
    until: date | None = None
    sources: Path | None = None
    source: str | None = None
    as_json: bool = False
    list_customers: bool = False
    incomplete: bool = False
    jobs: int = 1
    settings: Settings | None = None


def preview_command(options: PreviewOptions, out: Console | None = None) -> None:
    """Report which customers rules would have reached over a past period.

    Args:
        options: what was asked for on the command line.
        out: where to print for people; None for standard output.

    Raises:
        StartupError: with every problem of the files, or because the history cannot be read.
    """
    _check_jobs(options.jobs)
    sources = _load_sources(options.sources, options.settings)
    types = tuple(BUILT_IN if sources is None else event_types(sources))
    books = _load_books(options.rules, options.against, known_types(sources))
    progress = _Progress(Console(stderr=True))
    with EventsByCustomer() as store, _rare_collections():
        started = time.monotonic()
        mappings = _Mappings(sources, options.source, types)
        read = _HistoryReader(store, mappings, options.settings, progress).read(options.history)
        task = _task(options, books, types, read)
        _check_period(task, read)
        began = time.monotonic()
        with progress.of("deciding", read.gathering.events) as advance:
            preview = Preview(task)
            _decide(preview, task, store, options.jobs, advance)
        ended = time.monotonic()
    gathering = read.gathering
    previewed = PreviewResult(
        history=options.history,
        task=task,
        counts=preview.counts,
        first_ms=gathering.first_ms,
        last_ms=gathering.last_ms,
        reads={rule.id: rule.types for rule in preview.rules.rules},
        unreadable=gathering.unreadable,
        examples=gathering.examples,
        skipped=gathering.skipped,
        without_zone=gathering.without_zone,
        left_out=gathering.left_out + preview.counts.left_out,
        against=None if options.against is None else ", ".join(map(str, options.against)),
        reading_seconds=began - started,
        deciding_seconds=ended - began,
    )
    document = document_of(previewed)
    if options.as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        console = out or Console(highlight=False, emoji=False)
        render(document, console, list_customers=options.list_customers)


def _task(
    options: PreviewOptions, books: tuple[RuleBook, RuleBook | None], types: tuple[str, ...], read: "_Read"
) -> PreviewTask:
    book, other = books
    return PreviewTask(
        book=book,
        types=types,
        start_ms=read.start_ms,
        since_ms=read.start_ms if options.since is None else max(read.start_ms, _epoch_ms(options.since)),
        upto_ms=read.end_ms if options.until is None else _epoch_ms(options.until) - 1,
        whole=not options.incomplete,
        against=other,
        all_ids=options.list_customers,
        all_changed_ids=options.list_customers or options.as_json,
        hold_out_key=_hold_out_key(options.settings),
    )


def _check_jobs(jobs: int) -> None:
    if jobs < 1:
        raise StartupError([f"--jobs {jobs}: at least one process must decide"])


def _check_period(task: PreviewTask, read: "_Read") -> None:
    if task.since_ms > task.upto_ms or task.upto_ms < read.gathering.first_ms:
        raise StartupError(
            [
                f"the period from {_shown(task.since_ms)} to {_shown(task.upto_ms)} is empty; the history goes from "
                f"{_shown(read.gathering.first_ms)} to {_shown(read.gathering.last_ms)}"
            ]
        )


def _hold_out_key(settings: Settings | None) -> bytes:
    key = None if settings is None else settings.hold_out_key
    return HOLD_OUT_KEY if key is None else key.get_secret_value().encode()


def _epoch_ms(moment: date) -> int:
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, clock_time())
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def _shown(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


# -- files that say what to do ---------------------------------------------------------------------------------


def _load_sources(path: Path | None, settings: Settings | None) -> SourcesFile | None:
    """Read the named sources, or those of the settings if they are there."""
    if path is None:
        if settings is None or not settings.sources.exists():
            return None
        path = settings.sources
    sources, problems = load_sources(path)
    if sources is None or problems:
        raise StartupError([str(problem) for problem in problems])
    return sources


def _load_books(
    rules: Sequence[Path], against: Sequence[Path] | None, names: KnownNames
) -> tuple[RuleBook, RuleBook | None]:
    book, problems = load_book(rules, names)
    other = None
    if against is not None:
        other, more = load_book(against, names)
        problems = [*problems, *more]
    if problems:
        raise StartupError([str(problem) for problem in problems])
    return book, other


# -- the history -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Read:
    """A history that was read.

    Attributes:
        gathering: what was read.
        start_ms: coverage begins here.
        end_ms: timers fire until here.
    """

    gathering: Gathering
    start_ms: int
    end_ms: int


class _Mappings:
    """Finds the mapping that reads a topic or a file.

    Attributes:
        chosen: the source that `--source` names; None if it is left out.
        declared: event types beyond the built-in ones.
    """

    def __init__(self, sources: SourcesFile | None, chosen: str | None, types: Sequence[str]) -> None:
        self._sources = {} if sources is None else {source.topic: source for source in sources.sources}
        self.declared = frozenset(types) - frozenset(BUILT_IN)
        self.chosen = None if chosen is None else self._source_of(chosen)

    def _source_of(self, topic: str) -> Source:
        source = self._sources.get(topic)
        if source is None:
            choices = ", ".join(self._sources) or "none, name the file with --sources"
            raise StartupError([f"--source {topic}: sources.yaml has no such topic; it has: {choices}"])
        return source

    def reader_of(self, topic: str, activity: str, gathering: Gathering) -> SourceReader:
        """Return the reader of a topic: that of a source, or that of canonical events for the activity topic."""
        source = self.chosen or self._sources.get(topic)
        if source is not None:
            return source_reader(source, self.declared, gathering)
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
        """Return the readers of the demo's topics, with the mappings in `sources.yaml` if it still has them."""
        if set(self._sources) >= _DEMO_TOPICS:
            sources = [self._sources[topic] for topic in _DEMO_TOPICS]
        else:
            shipped, problems = load_sources(_HOME / "sources.yaml")
            if shipped is None or problems:
                raise StartupError([str(problem) for problem in problems])
            sources = list(shipped.sources)
        return {source.topic: source_reader(source, self.declared, gathering) for source in sources}


class _HistoryReader:
    """Reads a history of any kind into the store."""

    def __init__(
        self, store: EventsByCustomer, mappings: _Mappings, settings: Settings | None, progress: "_Progress"
    ) -> None:
        self._store = store
        self._mappings = mappings
        self._settings = settings
        self._progress = progress

    def read(self, history: str) -> _Read:
        """Read a history, named as in `PreviewOptions`."""
        if history in _DEMOS:
            return self._read_demo(history)
        gathering = self._gathering()
        if history.startswith(_TOPIC_PREFIXES):
            self._read_topics(history.partition(":")[2], gathering)
        else:
            self._read_files(files_of(history), gathering)
        gathering.check()
        return _Read(gathering, gathering.first_ms, gathering.last_ms)

    def _gathering(self, latest: datetime | None = None) -> Gathering:
        future = _MAX_FUTURE if self._settings is None else self._settings.max_future
        return Gathering(self._store, latest or datetime.now(UTC) + future)

    def _read_files(self, files: Sequence[Path], gathering: Gathering) -> None:
        with self._progress.of("reading", sum(file.stat().st_size for file in files)) as advance:
            before = 0
            for file in files:
                read_file(file, gathering, self._mappings.declared, self._mappings.chosen, advance.beyond(before))
                before += file.stat().st_size

    def _read_topics(self, topics: str, gathering: Gathering) -> None:
        if self._settings is None:
            raise StartupError(["a topic needs the settings of a worker, to know where Kafka is"])
        activity = self._settings.topic("activity")
        readers = {
            topic: self._mappings.reader_of(topic, activity, gathering)
            for topic in (part.strip() for part in topics.split(","))
        }
        with self._progress.of("reading", None) as advance:
            passed = 0

            def move(records: int) -> None:
                nonlocal passed
                passed += records
                advance(passed)

            asyncio.run(
                read_topics(self._settings.kafka_connection(), readers, gathering, move, self._progress.expect)
            )

    def _read_demo(self, name: str) -> _Read:
        history = _demo_history(name)
        gathering = self._gathering(datetime.fromtimestamp(history.end_ms / 1000, UTC))
        readers = self._mappings.demo_readers(gathering)
        with self._progress.of("reading", len(history.records)) as advance:
            for index, record in enumerate(history.records):
                foreign = SourceRecord(record.topic, 0, index, record.at_ms, record.key, record.value, ())
                gathering.take(record.topic, index, readers[record.topic], foreign)
                if not index % _SHOW_EVERY_EVENTS:
                    advance(index)
        gathering.check()
        return _Read(gathering, history.start_ms, history.end_ms)


def _demo_history(name: str) -> History:
    if name == "simulated":
        return simulate()
    try:
        return cdnow.load(_HOME / ".cache" if (_HOME / "Makefile").exists() else Path.home() / ".cache" / "linger")
    except HistoryError as error:
        raise StartupError([str(error)]) from error


# -- deciding --------------------------------------------------------------------------------------------------


def _decide(preview: Preview, task: PreviewTask, store: EventsByCustomer, jobs: int, advance: "_Advance") -> None:
    """Decide every customer, here or in several processes, and add the results to the preview."""
    parts = store.parts()
    if jobs == 1:
        preview.replay(_counted(_customers(parts), advance))
        return
    store.spill()
    # More groups than processes, so that one with many events does not keep the others waiting at the end.
    count = jobs * _GROUPS_PER_JOB
    groups = [parts[first::count] for first in range(count)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running = [pool.submit(_decide_parts, task, group) for group in groups if group]
        for finished in as_completed(running):
            preview.counts.add(finished.result())
            advance(preview.counts.events + preview.counts.duplicates)


def _decide_parts(task: PreviewTask, parts: Sequence[Part]) -> PreviewCounts:
    """Decide the customers of some parts; runs in a separate process."""
    with _rare_collections():
        preview = Preview(task)
        preview.replay(_customers(parts))
        return preview.counts


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Collect garbage rarely: events are many and have no cycles, and collecting took a third of the time."""
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECTIONS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _customers(parts: Iterable[Part]) -> Iterator[CustomerEvents]:
    for part in parts:
        yield from part.customers()


def _counted(customers: Iterable[CustomerEvents], advance: "_Advance") -> Iterator[CustomerEvents]:
    """Yield customers unchanged, and advance the bar by their events."""
    done, shown = 0, 0
    for customer_id, facts in customers:
        yield customer_id, facts
        done += len(facts)
        if done - shown >= _SHOW_EVERY_EVENTS:
            advance(done)
            shown = done


# -- progress --------------------------------------------------------------------------------------------------


class _Advance:
    """Advances a bar; without a bar it does nothing."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar

    def __call__(self, done: int) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done)

    def beyond(self, before: int) -> Callable[[int], None]:
        """Return a function that moves the same bar, for the work that follows what is done before."""
        return lambda done: self(before + done)


class _Progress:
    """Shows one bar after another on a terminal; elsewhere it shows nothing."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None

    @contextmanager
    def of(self, description: str, total: int | None) -> Iterator[_Advance]:
        """Show a bar for the duration of a `with` block."""
        if not self._console.is_terminal:
            yield _Advance(None)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            bar.add_task(description, total=total)
            self._bar = bar
            yield _Advance(bar)
        self._bar = None

    def expect(self, total: int) -> None:
        """Set the total of the current bar, once it is known."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], total=total)
