"""The book of a run, compared with a count over the log that shares no code with the workers."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.support.naive_book import Heard, NaiveBook
from workers.book.book import Book

AFTER_CLOSING = "after_closing"
_NOT_COUNTED = (AFTER_CLOSING, "move:")
"""What a count over the log alone cannot say."""


@dataclass
class Compared:
    """What differs.

    Attributes:
        missing: days and fields with a number that is too small.
        too_much: those with one that is too large.
        after_closing: events that came when their day was closed.
        fields: how many days and fields there should be.
    """

    missing: list[str] = field(default_factory=list)
    too_much: list[str] = field(default_factory=list)
    after_closing: int = 0
    fields: int = 0


def compare_book(log: Iterable[Heard], book: Book, currency: str | None = None) -> Compared:
    """Compare the facts of a book with the events of a log, in its order.

    An event that came when its day was closed is not among the facts, and counts as such. Then the book may have as
    many events less.

    Args:
        log: every event that the activity topic holds, once.
        book: as it is read when everything is folded.
        currency: of what a customer is worth; None if no rule file says what that is.
    """
    expected = NaiveBook(currency=currency).read(log)
    found: Counter[tuple[int, str]] = Counter()
    compared = Compared(fields=len(expected))
    for day, fields in book.facts.items():
        compared.after_closing += fields[AFTER_CLOSING]
        for name, number in fields.items():
            if not name.startswith(_NOT_COUNTED):
                found[day, name] += number
    less = {place: expected[place] - found[place] for place in {*expected, *found}}
    unseen = sum(number for (_, name), number in less.items() if name.startswith("events:"))
    for (day, name), number in sorted(less.items()):
        if number < 0:
            compared.too_much.append(f"{name} on day {day}: {-number}")
        elif number and (unseen != compared.after_closing or not unseen):
            compared.missing.append(f"{name} on day {day}: {number}")
    return compared
