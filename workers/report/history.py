"""The report of a history: every customer is decided from the first event on, and nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from schemas.durations import DAY_MS
from schemas.rules import RuleBook
from schemas.sources import SourcesFile
from workers.book.from_history import HistoryBook
from workers.core.coverage import Coverage
from workers.core.decisions.decide import decider_of
from workers.core.decisions.replay import Events, until
from workers.core.events.decoding import DecodedEvent
from workers.core.rules.rule_compiler import compile_rules
from workers.errors import StartupError
from workers.histories.by_customer import EventsByCustomer
from workers.report.asking import basis_for, lapse_days_of, period_asked
from workers.report.assembling import report_of
from workers.report.bought_events import BoughtEvents
from workers.report.document import Label, Period, Report, Word
from workers.report.figures.forecast import forecast
from workers.report.figures.months import date_of
from workers.report.figures.rules import rules
from workers.report.present import Counting
from workers.report.stored_customers import CustomerReader
from workers.rule_files.known_names import known_names
from workers.rule_files.rules import read_rules
from workers.rule_preview.history_reader import HistoryReader, Mappings, ReadHistory
from workers.rule_preview.progress import SHOW_EVERY_EVENTS, Progress
from workers.settings import Settings


@dataclass(frozen=True, slots=True)
class HistoryQuestion:
    """What is asked of a history.

    Attributes:
        history: a file or folder of events, `topic:NAME`, or `simulated` or `cdnow`.
        rules: rule files and folders; none for what holds without any.
        month: as `2026-03`; None for the latest that is over.
        sources: the content of `sources.yaml`, None for none.
        source: the topic in `sources` whose mapping reads the files or topics.
        settings: of the worker, to connect to Kafka; needed for topics only.
    """

    history: str
    rules: Sequence[Path] = ()
    month: str | None = None
    sources: SourcesFile | None = None
    source: str | None = None
    settings: Settings | None = None


def history_report(question: HistoryQuestion) -> Report:
    """Return the report of a month of a history, as of the end of the month or of the history.

    Raises:
        StartupError: if the history or a rule file cannot be read, or nothing happened up to the end of the month.
    """
    names = replace(known_names(question.sources), attributes=None)
    types = tuple(names.types or ())
    files = read_rules(question.rules, names)
    if files.problems:
        raise StartupError([str(problem) for problem in files.problems])
    progress = Progress(Console(stderr=True))
    with EventsByCustomer() as store:
        mappings = Mappings(question.sources, question.source, types)
        read = HistoryReader(store, mappings, question.settings, progress).read(question.history)
        period = _period(question, read)
        at_ms = min(read.end_ms, (period.last + 1) * DAY_MS - 1)
        counting = _Count(files.book, types, read.start_ms, period, at_ms)
        with progress.of("counting", read.gathering.events) as advance:
            done = 0
            for part in store.parts():
                for customer_id, events in part.customers():
                    counting.count(customer_id, events)
                    done += len(events)
                    if done % SHOW_EVERY_EVENTS < len(events):
                        advance(done)
    return counting.report(question.history)


def _period(question: HistoryQuestion, read: ReadHistory) -> Period:
    """Return the days of the month that is asked for."""
    first = read.gathering.first_ms // DAY_MS
    period = period_asked(question.month, first, (read.end_ms + 1) // DAY_MS - 1)
    if period.last < first:
        raise StartupError([f"--month {question.month}: the history begins on {date_of(first)}"])
    return period


class _Count:
    """Counts the customers of a history: what happened, and where they stand at a moment."""

    def __init__(self, written: RuleBook, types: Sequence[str], start_ms: int, period: Period, at_ms: int) -> None:
        self._written, self._period, self._at_ms = written, period, at_ms
        self._rules = compile_rules(written, types)
        keys = [spec.key for spec in self._rules.specs()]
        self._observed = Coverage(since=dict.fromkeys(keys, start_ms), complete=frozenset(keys))
        self._book = HistoryBook(self._rules, types, self._observed)
        self._present = Counting(at_ms, period, lapse_days_of(self._rules))
        self._bought = BoughtEvents(self._rules.meant, written.value, at_ms // DAY_MS)
        self._reader = CustomerReader(decider_of(self._rules).program, (), at_ms)
        self._reader.note_what_is_known(self._present.state)

    def count(self, customer_id: str, all_events: Events) -> None:
        """Count a customer, if anything happened up to the moment."""
        events = until(all_events, self._at_ms)
        if not events:
            return
        self._book.count(customer_id, events, self._at_ms)
        customer = self._book.replay.turn.customer
        if customer.is_known:
            self._reader.stand(customer, self._observed, self._present.state)
            self._present.add(self._bought.bought(_once(events)))

    def report(self, name: str) -> Report:
        """Return the report, when all customers are counted."""
        present = self._present.finish()
        # A history has all days, also those that rules do not keep.
        present.year_is_known = True
        counted = self._book.finish(), present
        basis = basis_for(self._written, self._rules, self._period, self._at_ms, counted)
        sections = forecast(None, self._at_ms, "not_in_history"), rules(basis, None)
        return report_of(basis, Word("source.history", {"name": Label(name)}), sections)


def _once(events: Events) -> list[DecodedEvent]:
    """Return the events without those that came twice."""
    seen: dict[tuple[str, str], DecodedEvent] = {}
    for event in events:
        assert isinstance(event, DecodedEvent)  # no reader of plain events was given
        seen.setdefault((event.type, event.event_id), event)
    return list(seen.values())
