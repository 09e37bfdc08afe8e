"""`linger rules preview`: reads a history, drives the preview over it, and prints the report.

The outermost layer of the preview: it reads the clock, shows progress and knows where histories come from.
"""

import gc
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from datetime import time as clock_time
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from rich.console import Console

from schemas.rules import RuleBook
from schemas.sources import SourcesFile
from workers.core.decisions.replay import plain_types
from workers.core.rules.attribute_types import types_of_attributes
from workers.core.rules.rule_compiler import HOLD_OUT_KEY
from workers.errors import LingerError, StartupError
from workers.histories.by_customer import EventsByCustomer, Part
from workers.histories.plain_events import PlainReader, without_values
from workers.histories.seen_values import Both, SeenValues
from workers.printing import CommandConsole, json_line
from workers.rule_files.known_names import KnownNames, known_names
from workers.rule_files.rules import ParsedRuleFiles, read_rules
from workers.rule_files.values.ladders import chosen_ladder
from workers.rule_files.values.unseen import compared_in, unseen_in, wanted_values
from workers.rule_preview.document import PreviewResult, document_of
from workers.rule_preview.history_reader import HistoryReader, Mappings, ReadHistory
from workers.rule_preview.outcomes import successes_of
from workers.rule_preview.page import page_of
from workers.rule_preview.parts import PartCounts, Parts, PartsTask
from workers.rule_preview.preview import CustomerEvents, Preview, PreviewCounts, PreviewTask, compiled
from workers.rule_preview.progress import SHOW_EVERY_EVENTS, Advance, Progress
from workers.rule_preview.report import render
from workers.rule_preview.stages import StageCounts, Stages, StagesTask, compiled_ladder
from workers.settings import Settings
from workers.source_files.reading import load_sources

__all__ = ["PreviewOptions", "preview_command"]

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
        html: a file in which a page of HTML is written as well, None for no page.
        list_customers: name every customer reached, gained and lost.
        incomplete: the history is watched only since its beginning; everything before is unknown.
        jobs: how many processes decide, 1 or more.
        ladder: the name of the ladder on which customers are counted; None for the live one, if there is one.
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
    html: Path | None = None
    list_customers: bool = False
    incomplete: bool = False
    jobs: int = 1
    ladder: str | None = None
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
    _check_page(options.html)
    sources = _load_sources(options.sources, options.settings)
    names = known_names(sources)
    types = tuple(names.types or ())
    files, against = _load_rules(options.rules, options.against, names)
    ladder = files.book.ladder if options.ladder is None else chosen_ladder(files.book, options.ladder)
    types_read = types_of_attributes(files.book, with_drafts=True)
    seen = SeenValues(wanted_values(files.documents), types_read, files.book.personal)
    progress = Progress(Console(stderr=True))
    with EventsByCustomer() as store, _rare_collections():
        started = time.monotonic()
        mappings = Mappings(sources, options.source, types)
        books = files.book, None if against is None else against.book
        versions = compiled(*books, types, _hold_out_key(options.settings))
        on_ladder = [] if ladder is None else [compiled_ladder(ladder, files.book, types)]
        # Of successes that ask for values, every event must have them.
        asked = {success.event for success in successes_of(files.book).values() if success.where}
        could_be = plain_types([*versions, *on_ladder], types) - asked
        plain = without_values(could_be, seen, compared_in(files.documents))
        quick = PlainReader(types, plain, seen, store)
        read = HistoryReader(Both(seen, store), mappings, options.settings, progress, quick).read(options.history)
        task = _task(options, books, types, read)
        _check_period(task, read)
        began = time.monotonic()
        with progress.of("deciding", read.gathering.events) as advance:
            preview = Preview(task, versions)
            _decide(preview, task, store, options.jobs, advance)
        parts = _look_at_parts(preview, task, store, options.jobs, progress)
        stages = (
            None
            if ladder is None
            else _look_at_stages(StagesTask(task, ladder), preview, store, options.jobs, progress)
        )
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
        parts=parts,
        stages=stages,
        unseen=unseen_in(files.documents, seen),
        without_zone=gathering.without_zone,
        left_out=gathering.left_out + preview.counts.left_out,
        against=None if options.against is None else ", ".join(map(str, options.against)),
        reading_seconds=began - started,
        deciding_seconds=ended - began,
    )
    document = document_of(previewed)
    if options.html is not None:
        _write_page(options.html, page_of(document))
    if options.as_json:
        sys.stdout.write(json_line(document))
    else:
        console = out or CommandConsole()
        render(document, console, list_customers=options.list_customers)


def _check_page(path: Path | None) -> None:
    if path is not None and not path.absolute().parent.is_dir():
        raise StartupError([f"--html {path}: there is no folder '{path.absolute().parent}'"])


def _write_page(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise LingerError(f"'{path}' cannot be written: {error.strerror or error}") from error


def _task(
    options: PreviewOptions, books: tuple[RuleBook, RuleBook | None], types: tuple[str, ...], read: ReadHistory
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
        all_changed_ids=options.list_customers or options.as_json or options.html is not None,
        hold_out_key=_hold_out_key(options.settings),
    )


def _check_jobs(jobs: int) -> None:
    if jobs < 1:
        raise StartupError([f"--jobs {jobs}: at least one process must decide"])


def _check_period(task: PreviewTask, read: ReadHistory) -> None:
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


def _load_rules(
    rules: Sequence[Path], against: Sequence[Path] | None, names: KnownNames
) -> tuple[ParsedRuleFiles, ParsedRuleFiles | None]:
    """Read the rule files, and those of the other version.

    Attributes that no source fills are not refused: a history can have more than the sources of today.
    """
    names = replace(names, attributes=None)
    files = read_rules(rules, names)
    other = None if against is None else read_rules(against, names)
    problems = [*files.problems, *(() if other is None else other.problems)]
    if problems:
        raise StartupError([str(problem) for problem in problems])
    return files, other


# -- deciding --------------------------------------------------------------------------------------------------


_Task = PreviewTask | PartsTask | StagesTask
_Run = Preview | Parts | Stages


def _run_of(task: _Task) -> _Run:
    if isinstance(task, StagesTask):
        return Stages(task)
    return Preview(task) if isinstance(task, PreviewTask) else Parts(task)


def _decide(run: _Run, task: _Task, store: EventsByCustomer, jobs: int, advance: Advance) -> None:
    """Decide every customer, here or in several processes, and add the results to the run."""
    parts = store.parts()
    if jobs == 1:
        run.replay(_counted(_customers(parts), advance))
        return
    store.spill()
    # More groups than processes, so that one with many events does not keep the others waiting at the end.
    count = jobs * _GROUPS_PER_JOB
    groups = [parts[first::count] for first in range(count)]
    done = 0
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running = {
            pool.submit(_decide_parts, task, group): sum(part.events for part in group) for group in groups if group
        }
        for finished in as_completed(running):
            run.counts.add(finished.result())  # type: ignore[arg-type]  # both are of the same task
            done += running[finished]
            advance(done)


def _decide_parts(task: _Task, parts: Sequence[Part]) -> PreviewCounts | PartCounts | StageCounts:
    """Decide the customers of some parts; runs in a separate process."""
    with _rare_collections():
        run = _run_of(task)
        run.replay(_customers(parts))
        return run.counts


def _look_at_parts(
    preview: Preview, task: PreviewTask, store: EventsByCustomer, jobs: int, progress: Progress
) -> PartCounts | None:
    """Look at the conditions of the rules that never began to hold; None if each of them did."""
    silent = [name for name, counts in preview.counts.rules.items() if not counts.actions and not counts.suppressed]
    if not silent:
        return None
    of_silent = PartsTask(task, tuple(silent))
    parts = Parts(of_silent)
    with progress.of("looking at conditions", preview.counts.events) as advance:
        _decide(parts, of_silent, store, jobs, advance)
    return parts.counts


def _look_at_stages(
    task: StagesTask, preview: Preview, store: EventsByCustomer, jobs: int, progress: Progress
) -> tuple[StagesTask, StageCounts]:
    """Count where customers stood on a ladder."""
    stages = Stages(task)
    with progress.of("looking at stages", preview.counts.events) as advance:
        _decide(stages, task, store, jobs, advance)
    return task, stages.counts


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


def _counted(customers: Iterable[CustomerEvents], advance: Advance) -> Iterator[CustomerEvents]:
    """Yield customers unchanged, and advance the bar by their events."""
    done, shown = 0, 0
    for customer_id, facts in customers:
        yield customer_id, facts
        done += len(facts)
        if done - shown >= SHOW_EVERY_EVENTS:
            advance(done)
            shown = done
