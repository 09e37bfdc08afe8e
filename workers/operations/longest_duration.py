"""The longest time that rules look back: how long topics must keep records."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from schemas.rules import RuleBook


def longest_duration(book: RuleBook) -> timedelta:
    """Return the longest duration in any condition of a rule book, however deeply nested; zero if there is none."""
    return max(_durations(rule.when for rule in book.rules), default=timedelta())


def _durations(values: Iterable[Any]) -> Iterator[timedelta]:
    for value in values:
        if isinstance(value, timedelta):
            yield value
        elif isinstance(value, BaseModel):
            yield from _durations(getattr(value, field) for field in type(value).model_fields)
        elif isinstance(value, Mapping):
            yield from _durations(value.values())
        elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
            yield from _durations(value)
