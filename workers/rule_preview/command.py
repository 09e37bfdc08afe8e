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
from workers.rule_files.known_names import event_types
from workers.rule_files.rules import load_book
from workers.rule_files.sources import load_sources
from workers.rule_preview.preview import CustomerEvents, Preview, PreviewTask, Tally
from workers.rule_preview.report import Previewed, document_of, render
from workers.settings import Settings

__all__ = ["preview_command"]

_HOME: Final = Path(__file__).resolve().parents[2]
_TOPIC_PREFIXES: Final = ("topic:", "kafka:")
_DEMOS: Final = ("simulated", "cdnow")
_DEMO_TOPICS: Final = frozenset({ORDERS, LOGINS, CANCELLATIONS})
_MAX_FUTURE: Final = timedelta(minutes=5)
_SHOW_EVERY_EVENTS: Final = 2_000
_GROUPS_PER_JOB: Final = 4
_COLLECTIONS: Final = (100_000, 50, 50)


def preview_command(
    *,
    history: str,
    rules: Sequence[Path],
    against: Sequence[Path] | None = None,
    since: date | None = None,
    until: date | None = None,
    sources: Path | None = None,
    source: str | None = None,
    as_json: bool = False,
    list_customers: bool = False,
    incomplete: bool = False,
    jobs: int = 1,
    settings: Settings | None = None,
    out: Console | None = None,
) -> None:
    """Say who would have been reached over a past period.

    Args:
        history: a file of canonical events or a dump of a source topic (JSON lines or CSV, also gzipped), a folder
            of such files, `topic:NAME` or `kafka:NAME` (several with commas between) for what Kafka holds, or
            `simulated` or `cdnow` to try it.
        rules: rule files and folders.
        against: another version of them, to compare with.
        since: actions from this day or moment on count; those before only have their after-effects. Without a zone
            it is UTC. Left out, from the beginning.
        until: the history ends before this day or moment. Left out, with its last event.
        sources: `sources.yaml`, for event types of your own, `source` and source topics.
        source: the topic in it whose mapping reads the files or topics.
        as_json: print one JSON object.
        list_customers: name every customer reached, gained and lost.
        incomplete: the history is watched since its beginning only; what was before is unknown.
        jobs: so many processes decide.
        settings: of the worker: where Kafka is; needed for topics only.
        out: where to print; standard output if left out.

    Raises:
        StartupError: with every problem of the files, or because the history cannot be read.
    """
    _check_jobs(jobs)
    found_sources = _load_sources(sources, settings)
    types = tuple(BUILT_IN if found_sources is None else event_types(found_sources))
    book, other = _load_books(rules, against, types)
    progress = _Progress(Console(stderr=True))
    with EventsByCustomer() as store, _rare_collections():
        started = time.monotonic()
        read = _HistoryReader(store, types, found_sources, source, settings, progress).read(history)
        task = PreviewTask(
            book=book,
            types=types,
            start_ms=read.start_ms,
            since_ms=read.start_ms if since is None else max(read.start_ms, _epoch_ms(since)),
            upto_ms=read.end_ms if until is None else _epoch_ms(until) - 1,
            whole=not incomplete,
            against=other,
            all_ids=list_customers,
            all_changed_ids=list_customers or as_json,
            hold_out_key=_hold_out_key(settings),
        )
        _check_period(task, read)
        gathering = read.gathering
        began = time.monotonic()
        with progress.of("deciding", gathering.events) as advance:
            running = Preview(task)
            _decide(running, task, store, jobs, advance)
        ended = time.monotonic()
    found = Previewed(
        history=history,
        task=task,
        tally=running.tally,
        first_ms=gathering.first_ms,
        last_ms=gathering.last_ms,
        reads={rule.id: rule.types for rule in running.rules.rules},
        unreadable=gathering.unreadable,
        examples=gathering.examples,
        skipped=gathering.skipped,
        without_zone=gathering.without_zone,
        against=None if against is None else ", ".join(map(str, against)),
        reading_seconds=began - started,
        deciding_seconds=ended - began,
    )
    document = document_of(found)
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        render(document, out or Console(highlight=False, emoji=False), list_customers=list_customers)


def _check_jobs(jobs: int) -> None:
    if jobs < 1:
        raise StartupError([f"--jobs {jobs}: at least one process has to decide"])


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
    rules: Sequence[Path], against: Sequence[Path] | None, types: Sequence[str]
) -> tuple[RuleBook, RuleBook | None]:
    book, problems = load_book(rules, types)
    other = None
    if against is not None:
        other, more = load_book(against, types)
        problems = [*problems, *more]
    if problems:
        raise StartupError([str(problem) for problem in problems])
    return book, other


# -- the history -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Read:
    """A history that was read: from when it is watched, and until when its timers go."""

    gathering: Gathering
    start_ms: int
    end_ms: int


class _HistoryReader:
    """Reads a history of any kind into the store."""

    def __init__(
        self,
        store: EventsByCustomer,
        types: Sequence[str],
        sources: SourcesFile | None,
        source: str | None,
        settings: Settings | None,
        progress: "_Progress",
    ) -> None:
        self._store = store
        self._declared = frozenset(types) - frozenset(BUILT_IN)
        self._sources = {} if sources is None else {one.topic: one for one in sources.sources}
        self._source = None if source is None else self._named(source)
        self._settings = settings
        self._progress = progress

    def read(self, history: str) -> _Read:
        """Read it."""
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

    def _named(self, topic: str) -> Source:
        if (found := self._sources.get(topic)) is None:
            known = ", ".join(self._sources) or "none, name the file with --sources"
            raise StartupError([f"--source {topic}: sources.yaml has no such topic; it has: {known}"])
        return found

    def _read_files(self, files: Sequence[Path], gathering: Gathering) -> None:
        with self._progress.of("reading", sum(file.stat().st_size for file in files)) as advance:
            before = 0
            for file in files:
                read_file(file, gathering, self._declared, self._source, advance.beyond(before))
                before += file.stat().st_size

    def _read_topics(self, names: str, gathering: Gathering) -> None:
        if self._settings is None:
            raise StartupError(["a topic needs the settings of a worker, to know where Kafka is"])
        readers = {
            name: self._reader_of(name, self._settings.topic("activity"), gathering.latest)
            for name in (part.strip() for part in names.split(","))
        }
        with self._progress.of("reading", None) as advance:
            passed = 0

            def move(number: int) -> None:
                nonlocal passed
                passed += number
                advance(passed)

            asyncio.run(
                read_topics(self._settings.kafka_connection(), readers, gathering, move, self._progress.expect)
            )

    def _reader_of(self, topic: str, activity: str, latest: datetime) -> SourceReader:
        """Return what reads a topic: the mapping of a source, or for the activity topic that of canonical events."""
        source = self._source or self._sources.get(topic)
        if source is not None:
            return source_reader(source, self._declared, latest)
        if topic != activity:
            known = ", ".join([activity, *self._sources])
            raise StartupError(
                [
                    f"how to read the topic '{topic}' is not known; known are {known}. "
                    "Say whose mapping reads it: --source TOPIC"
                ]
            )
        canonical = canonical_reader(self._declared, latest)
        return lambda record: canonical(record.value)

    def _read_demo(self, name: str) -> _Read:
        history = _demo_history(name)
        gathering = self._gathering(datetime.fromtimestamp(history.end_ms / 1000, UTC))
        readers = {
            topic: source_reader(source, self._declared, gathering.latest)
            for topic, source in self._demo_sources().items()
        }
        with self._progress.of("reading", len(history.records)) as advance:
            for number, record in enumerate(history.records):
                foreign = SourceRecord(record.topic, 0, number, record.at_ms, record.key, record.value, ())
                gathering.take(record.topic, number, readers[record.topic], foreign)
                if not number % _SHOW_EVERY_EVENTS:
                    advance(number)
        gathering.check()
        return _Read(gathering, history.start_ms, history.end_ms)

    def _demo_sources(self) -> dict[str, Source]:
        """Return the mappings of the demo's topics: those of `sources.yaml` if it still has them."""
        if set(self._sources) >= _DEMO_TOPICS:
            return {topic: self._sources[topic] for topic in _DEMO_TOPICS}
        shipped, problems = load_sources(_HOME / "sources.yaml")
        if shipped is None or problems:
            raise StartupError([str(problem) for problem in problems])
        return {one.topic: one for one in shipped.sources}


def _demo_history(name: str) -> History:
    if name == "simulated":
        return simulate()
    try:
        return cdnow.load(_HOME / ".cache" if (_HOME / "Makefile").exists() else Path.home() / ".cache" / "linger")
    except HistoryError as error:
        raise StartupError([str(error)]) from error


# -- deciding --------------------------------------------------------------------------------------------------


def _decide(running: Preview, task: PreviewTask, store: EventsByCustomer, jobs: int, advance: "_Advance") -> None:
    parts = store.parts()
    if jobs == 1:
        running.look_at(_watched(_customers(parts), advance))
        return
    store.spill()
    groups = [parts[number :: jobs * _GROUPS_PER_JOB] for number in range(jobs * _GROUPS_PER_JOB)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(_decide_parts, task, group) for group in groups if group]
        for one in as_completed(waiting):
            running.tally.add(one.result())
            advance(running.tally.events + running.tally.duplicates)


def _decide_parts(task: PreviewTask, parts: Sequence[Part]) -> Tally:
    """Decide about the customers of some parts; runs in a process of its own."""
    with _rare_collections():
        running = Preview(task)
        running.look_at(_customers(parts))
        return running.tally


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for cycles rarely: events are many and have none, and looking took a third of the time."""
    before = gc.get_threshold()
    gc.set_threshold(*_COLLECTIONS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _customers(parts: Iterable[Part]) -> Iterator[CustomerEvents]:
    for part in parts:
        yield from part.customers()


def _watched(customers: Iterable[CustomerEvents], advance: "_Advance") -> Iterator[CustomerEvents]:
    done, shown = 0, 0
    for customer_id, facts in customers:
        yield customer_id, facts
        done += len(facts)
        if done - shown >= _SHOW_EVERY_EVENTS:
            advance(done)
            shown = done


# -- progress --------------------------------------------------------------------------------------------------


class _Advance:
    """Moves a bar; does nothing if there is none."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar

    def __call__(self, done: int) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done)

    def beyond(self, before: int) -> Callable[[int], None]:
        """Return what moves the same bar for the next part of the work."""
        return lambda done: self(before + done)


class _Progress:
    """One bar after the other on a terminal; elsewhere nothing."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None

    @contextmanager
    def of(self, what: str, total: int | None) -> Iterator[_Advance]:
        """Show a bar for the length of a `with` block."""
        if not self._console.is_terminal:
            yield _Advance(None)
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._console, transient=True) as bar:
            bar.add_task(what, total=total)
            self._bar = bar
            yield _Advance(bar)
        self._bar = None

    def expect(self, total: int) -> None:
        """Say how much there is, once that is known."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], total=total)
