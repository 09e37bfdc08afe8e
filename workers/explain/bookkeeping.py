"""The block `book` of the rule files in plain English: which events mean what in the figures over all customers."""

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

from schemas.durations import write_duration
from schemas.rules import RuleBook
from workers.core.book.meant import Meant, meant_in
from workers.core.phrases import listed


def book_explained(book: RuleBook, types: Collection[str] | None) -> list[dict[str, Any]]:
    """Explain the block `book` of a rule book that has no problems; nothing if no file has one.

    Args:
        book: all rule files.
        types: all event types; None if they are unknown. What no event can say is left out.

    Returns:
        One entry, whose `book` has a phrase for each word of the block.
    """
    if book.book is None:
        return []
    meant = meant_in(book, _Any() if types is None else types)
    return [{"book": dict(_phrases(meant))}]


class _Any(Collection[str]):
    """Every name, where the event types are unknown."""

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _phrases(meant: Meant) -> Iterator[tuple[str, str]]:
    nothing = "nothing: no such event type"
    revenue = [f"{name}.{attribute}" for name, attribute in meant.revenue]
    less = [f"{name}.{attribute}" for name, attribute in meant.refunds]
    minus = f", less {listed(less, 'and')}" if less else ""
    yield "purchase", _either(meant.purchases) or nothing
    yield "revenue", f"{listed(revenue, 'and')}{minus}" if revenue else nothing
    yield "cancellation", _with(meant.cancellation, "for the reason in", meant.reason) or nothing
    yield "failed renewal", meant.failed_renewal or nothing
    yield "complaint", _with(meant.complaint, "about what is in", meant.subject) or nothing
    yield "recommends", nothing if meant.recommends is None else f"{'.'.join(meant.recommends)}, from 0 to 10"
    began = f"{_either(meant.contract)} begins one or goes on with it" if meant.contract else "there are no contracts"
    yield "contract", began
    after = write_duration(timedelta(milliseconds=meant.break_ms))
    yield "break after", f"a customer is back with a purchase {after} or more after the one before"


def _either(names: Collection[str]) -> str:
    return listed(list(names), "or") if names else ""


def _with(event_type: str | None, words: str, attribute: str | None) -> str | None:
    if event_type is None or attribute is None:
        return event_type
    return f"{event_type}, {words} {event_type}.{attribute}"


def lines_of_book(entry: dict[str, Any]) -> Iterator[str]:
    """Yield the lines that explain the block to people, and an empty one."""
    yield "book: what is counted over all customers"
    for word, phrase in entry["book"].items():
        yield f"  {word}: {phrase}"
    yield ""
