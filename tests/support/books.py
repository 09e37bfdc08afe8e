"""Books that are written by hand, and what a report of them is made from."""

from collections.abc import Mapping
from datetime import date

from schemas.durations import DAY_MS
from workers.book.book import Book
from workers.report.document import Figure, Money, Section, Table, Value
from workers.report.figures.basis import Basis
from workers.report.figures.months import day_of, days_of
from workers.report.present_state import PresentState


def day(text: str) -> int:
    """Return a day as days since 1970."""
    return day_of(date.fromisoformat(text))


def book_of(days: Mapping[str, Mapping[str, int]]) -> Book:
    """Return a book of facts, given by day as `2026-03-01`."""
    book = Book()
    for when, fields in days.items():
        for name, number in fields.items():
            book.add(day(when), name, number)
    return book


def basis_of(
    book: Book,
    month: str = "2026-03",
    *,
    seen_until: str | None = None,
    present: PresentState | None = None,
    cost_of_winning: Money | None = None,
) -> Basis:
    """Return a basis for a month; it is over unless a day is given until which everything was seen."""
    period = days_of(month)
    until = period.last if seen_until is None else day(seen_until)
    return Basis(book, period, until, (until + 1) * DAY_MS - 1, present, cost_of_winning=cost_of_winning)


def figure(section: Section, name: str, place: int = 0) -> Figure:
    """Return a figure of a section; of several with the same id, the one at a place."""
    return [one for one in section.figures if one.id == name][place]


def value(section: Section, name: str, place: int = 0) -> Value:
    """Return the value of a figure."""
    return figure(section, name, place).value


def parts(section: Section, name: str, place: int = 0) -> dict[str, Value]:
    """Return the parts of a figure by their ids."""
    return {part.id: part.value for part in figure(section, name, place).parts}


def table(section: Section, name: str, place: int = 0) -> Table:
    """Return a table of a section."""
    return [one for one in section.tables if one.id == name][place]
