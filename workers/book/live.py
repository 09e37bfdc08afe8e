"""The book as workers have counted it: the open days from Redis, the closed ones from the topic."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from schemas.book import BookRecord, decode_book, read_book_key
from workers.book.book import Book
from workers.book.topic import BookTopic
from workers.core.book.fields import is_doing, with_most_frequent
from workers.kafka.records import decode_record
from workers.state.meta import CLOSED_BEFORE
from workers.state.open_days.stored import OpenDays, days_in
from workers.state.store import Store


async def read_book(store: Store, topic: BookTopic, partitions: int) -> Book:
    """Return the sums of all partitions, of every day.

    Workers may go on meanwhile. A day that is being closed counts once: it is in Redis, in an outbox or in the topic,
    and they are read in this order.

    Args:
        store: of the state.
        topic: of the book.
        partitions: how many the activity topic has.

    Raises:
        StartupError: if the topic cannot be read.
        Transient: if Redis does not answer.
    """
    open_days: dict[int, OpenDays] = {}
    closed: dict[tuple[int, int], BookRecord] = {}
    closed_before: list[int] = []
    for number in range(partitions):
        keys = store.keys.partition(number)
        facts, lasting, meta = [await store.fields(key) for key in (keys.facts, keys.doings, keys.meta)]
        open_days[number] = OpenDays(days_in(facts), days_in(lasting))
        closed_before.append(int(meta.get(CLOSED_BEFORE) or 0))
        (outbox,) = await store.redis.call([("LRANGE", keys.outbox, 0, -1)])
        for record in map(decode_record, outbox):
            if record.topic == topic.name:
                _take(closed, record.key, record.value)
    async for _, key, value in topic.records(range(partitions)):
        _take(closed, key, value)
    return book_of(open_days, closed, min(closed_before, default=0))


def book_of(
    open_days: Mapping[int, OpenDays], closed: Mapping[tuple[int, int], BookRecord], closed_before: int
) -> Book:
    """Return the sums of all partitions; pure.

    Args:
        open_days: by partition.
        closed: by day and partition. One that is here counts, also where the day is still open.
        closed_before: days before this one are closed in every partition.
    """
    book = Book(closed_before=closed_before)
    for number, own in open_days.items():
        for day in own.days():
            if (day, number) not in closed:
                _add(book, day, with_most_frequent(own.facts.get(day, {})), own.lasting.get(day, {}))
    for (day, _), record in closed.items():
        _add(book, day, record.facts, record.doings)
    return book


def _add(book: Book, day: int, *numbers: Mapping[str, int]) -> None:
    for name, number in _items(numbers):
        (book.add_doing if is_doing(name) else book.add)(day, name, number)


def _items(numbers: Iterable[Mapping[str, int]]) -> Iterable[tuple[str, int]]:
    return (item for fields in numbers for item in fields.items())


def _take(closed: dict[tuple[int, int], BookRecord], key: bytes | None, value: Any) -> None:
    """Take one record; one that cannot be read is left out."""
    place = read_book_key(key)
    if place is None or value is None:
        return
    try:
        closed[place] = decode_book(value)
    except msgspec.DecodeError:
        return
