"""Reads the book of what is live: the days that are open from Redis, and those that are closed from their topic."""

from collections.abc import Mapping
from typing import Any

from schemas.book import decode_book, read_book_key
from workers.book.book import Book
from workers.core.book.fields import is_doing
from workers.errors import StartupError
from workers.processor.days.topic import BookTopic
from workers.state.open_days.stored import OpenDays, read_open_days
from workers.state.store import Store

_Place = tuple[int, int]
"""A day, and a partition."""


async def read_book(store: Store, connection: Mapping[str, Any], topic: str, partitions: int) -> Book:
    """Return the book of all partitions.

    A day that is closed meanwhile counts once: what its record says goes before what was open.

    Args:
        store: of the state.
        connection: keyword arguments of aiokafka's clients.
        topic: the name of the topic of the book.
        partitions: of the activity topic.

    Raises:
        Transient: if Redis does not answer.
        StartupError: if the topic cannot be read, or has a record that is none.
    """
    # The open days first: what is closed after that is in the topic by the time at which it is read.
    open_days = await read_open_days(store, range(partitions))
    closed: dict[_Place, bytes] = {}
    async for _, key, value in BookTopic(connection, topic).records(range(partitions)):
        place = read_book_key(key)
        if place is not None and value is not None:
            closed[place] = value
    return _together(open_days, closed)


def _together(open_days: Mapping[int, OpenDays], closed: Mapping[_Place, bytes]) -> Book:
    book = Book()
    for (day, partition), raw in closed.items():
        try:
            record = decode_book(raw)
        except ValueError as error:
            raise StartupError([f"the book of partition {partition}, day {day}, cannot be read: {error}"]) from error
        for numbers in (record.facts, record.doings):
            _add(book, day, numbers)
    for partition, days in open_days.items():
        for by_day in (days.facts, days.lasting):
            for day, numbers in by_day.items():
                if (day, partition) not in closed:
                    _add(book, day, numbers)
    book.closed_before = 1 + max((day for day, _ in closed), default=-1)
    return book


def _add(book: Book, day: int, numbers: Mapping[str, int]) -> None:
    for name, number in numbers.items():
        add = book.add_doing if is_doing(name) else book.add
        add(day, name, number)
