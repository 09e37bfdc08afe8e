"""Puts a report together: all sections, and what must be said of all of it. Pure."""

from typing import Final

from schemas.durations import DAY_MS
from workers.core.book.fields import AFTER_CLOSING
from workers.report.document import Count, Day, Note, Report, Section, Word
from workers.report.figures.basis import Basis, labelled
from workers.report.figures.churn import churn
from workers.report.figures.customers import customers
from workers.report.figures.money import lost, revenue, value
from workers.report.figures.pareto import pareto
from workers.report.figures.purchases import one_time, retention
from workers.report.figures.standing import slipping, stages
from workers.report.figures.voices import nps, reasons

_FEW: Final = 20
"""Up to one event of this many is few."""


def report_of(basis: Basis, source: Word, more: tuple[Section, ...] = ()) -> Report:
    """Return the report.

    Args:
        basis: what it is made from.
        source: from where the numbers are.
        more: sections that are not made from the book: the forecast and the rules.
    """
    sections = (
        customers(basis),
        churn(basis),
        one_time(basis),
        retention(basis),
        revenue(basis),
        value(basis),
        lost(basis),
        pareto(basis),
        stages(basis),
        slipping(basis),
        reasons(basis),
        nps(basis),
        *more,
    )
    return Report(
        period=basis.period, source=source, at_ms=basis.at_ms, sections=sections, notes=tuple(_notes(basis))
    )


def _notes(basis: Basis) -> list[Note]:
    first = basis.book.first_day
    if first is None or not basis.ever:
        return [Note("no_data"), *_after_closing(basis)]
    notes = []
    if first > basis.period.first:
        notes.append(Note("began", {"day": Day(first)}))
    if not basis.is_whole:
        notes.append(Note("incomplete"))
    if min(basis.at_ms // DAY_MS, basis.book.last_day or 0) == first:
        notes.append(Note("one_day"))
    if basis.ever["new"] == 1:
        notes.append(Note("one_customer"))
    if len(basis.currencies()) > 1:
        notes.append(Note("several_currencies"))
    if late := sum(number for _, number in labelled(basis.facts, "late")):
        notes.append(Note("late", {"n": Count(late)}))
    return notes + _after_closing(basis)


def _after_closing(basis: Basis) -> list[Note]:
    """Return a note on events that came when their days were closed, which may be those of the period."""
    number = basis.book.since(basis.period.first)[AFTER_CLOSING]
    if not number:
        return []
    counted = sum(number for _, number in labelled(basis.facts, "events"))
    return [Note("much_after_closing" if number * _FEW > counted else "after_closing", {"n": Count(number)})]
