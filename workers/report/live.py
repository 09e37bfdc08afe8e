"""The report of what is live: the book as workers have counted it, and a scan."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schemas.durations import DAY_MS
from schemas.rules import RuleBook
from workers.book.book import Book
from workers.core.rules.rule_set import RuleSet
from workers.errors import StartupError
from workers.report.asking import basis_for, lapse_days_of, period_asked
from workers.report.assembling import report_of
from workers.report.document import Report, Word
from workers.report.figures.forecast import forecast as forecast_section
from workers.report.figures.months import date_of
from workers.report.figures.rules import Ended, Judged, rules
from workers.report.stored_customers import StoredCustomers
from workers.scan.forecast import Forecast, Question
from workers.scan.scan_file import Advance, opened

FORECAST_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class LiveQuestion:
    """What is asked of a running installation.

    Attributes:
        scan: the path of a scan.
        written: the rules as written.
        rules: the same compiled.
        book: what happened, day by day.
        judged: every experiment that goes on, with what can be said of it.
        ended: every experiment that has ended, with what could be said of it at last.
        month: as `2026-03`; None for the latest that is over.
    """

    scan: Path
    written: RuleBook
    rules: RuleSet
    book: Book
    judged: Sequence[Judged] = ()
    month: str | None = None
    ended: Sequence[Ended] = ()


def live_report(question: LiveQuestion, advance: Advance = lambda _, __: None) -> Report:
    """Return the report of a month, with the present state as of the scan.

    Raises:
        StartupError: if the file is no scan, was cut or changed, or the month is none or has not begun.
        LingerError: if another release wrote a customer.
    """
    with opened(question.scan) as scan:
        at_ms = scan.head.at
        today = at_ms // DAY_MS
        first = question.book.first_day
        period = period_asked(question.month, today if first is None else first, today - 1)
        if period.first > today:
            raise StartupError([f"--month {question.month}: it is {date_of(today)} and that month has not begun"])
        lapse_days = lapse_days_of(question.rules)
        counting = StoredCustomers(question.rules, (at_ms, period, lapse_days))
        ahead = Forecast(Question(question.scan, question.written, question.rules, FORECAST_DAYS), scan.head)
        for part in scan.parts(advance):
            counting.count(part)
            ahead.run(part)
        assert scan.end is not None
        present, due = counting.finish(), ahead.document(scan.end.took_ms)
    basis = basis_for(question.written, question.rules, period, at_ms, (question.book, present))
    uncompared = [rule.id for rule in question.written.rules if rule.status == "live" and rule.hold_out is None]
    sections = (forecast_section(due, at_ms), rules(basis, question.judged, uncompared, question.ended))
    return report_of(basis, Word("source.live"), sections)
