"""Laws of the live book: every day counts once, wherever it is."""

from schemas.book import BookRecord, book_key, day_text, read_book_key
from workers.book.live import book_of
from workers.state.open_days.stored import OpenDays, days_in


def closed(day: int, partition: int, **facts: int) -> BookRecord:
    return BookRecord(day=day_text(day), partition=partition, facts=facts, doings={"acted:gone": 1})


def test_open_days_of_all_partitions_add_up() -> None:
    book = book_of(
        {
            0: OpenDays(days_in({"20|new": "2", "20|revenue:EUR": "5"}), days_in({"20|acted:gone": "3"})),
            1: OpenDays(days_in({"20|new": "1"}), days_in({"21|move:a:b": "1", "21|after_closing": "4"})),
        },
        {},
        7,
    )
    assert book.facts == {20: {"new": 3, "revenue:EUR": 5}, 21: {"move:a:b": 1, "after_closing": 4}}
    assert book.doings == {20: {"acted:gone": 3}}
    assert book.closed_before == 7


def test_a_day_that_is_being_closed_counts_once() -> None:
    book = book_of(
        {0: OpenDays(days_in({"20|new": "2"}), {}), 1: OpenDays(days_in({"20|new": "1"}), {})},
        {(20, 0): closed(20, 0, new=2), (19, 1): closed(19, 1, new=9)},
        0,
    )
    assert book.facts == {20: {"new": 3}, 19: {"new": 9}}
    assert book.doings == {20: {"acted:gone": 1}, 19: {"acted:gone": 1}}


def test_a_key_says_day_and_partition() -> None:
    assert book_key(20, 3) == b"20|3"
    assert [read_book_key(key) for key in (b"20|3", b"key", None, b"20|x")] == [(20, 3), None, None, None]
