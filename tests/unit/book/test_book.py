"""A book adds up by day."""

from workers.book.book import Book


def test_days_are_summed_from_the_first_to_the_last_included() -> None:
    book = Book()
    book.add_all([(1, "new", 2), (2, "new", 3), (4, "new", 5), (2, "first", 1)], [(2, "acted:a", 1)])
    assert book.between(1, 2) == {"new": 5, "first": 1}
    assert book.doings_between(0, 9) == {"acted:a": 1}
    assert (book.first_day, book.last_day) == (1, 4)


def test_books_with_the_same_numbers_are_equal_in_whatever_steps_they_came() -> None:
    one, other = Book(), Book()
    one.add_all([(1, "new", 1), (1, "nps_again:9", 2), (1, "nps_again:9", -2)])
    other.add_all([(1, "new", 1)])
    assert one == other


def test_an_empty_book_has_no_days() -> None:
    assert (Book().first_day, Book().last_day) == (None, None)
