"""Laws of the limit of dead letters: too many of them stop the worker."""

import pytest

from workers.dead_letters.limit import DeadLetterLimit
from workers.errors import TooManyDeadLetters


def fed(limit: DeadLetterLimit, *readable: bool) -> int:
    """Count records and return how many were counted before the limit was exceeded; all of them if it was not."""
    for count, is_readable in enumerate(readable):
        try:
            limit.count(readable=is_readable, reason="not_json")
        except TooManyDeadLetters:
            return count
    return len(readable)


def test_as_many_in_a_row_as_are_allowed_are_let_through_and_one_more_is_not() -> None:
    assert fed(DeadLetterLimit("orders", 3, 1.0), *[False] * 10) == 3


def test_a_readable_record_begins_a_new_row() -> None:
    assert fed(DeadLetterLimit("orders", 3, 1.0), *[False, False, False, True] * 40) == 160


def test_a_share_says_nothing_before_there_are_enough_records() -> None:
    limit = DeadLetterLimit("orders", 1_000, 0.5)
    assert fed(limit, *[False] * 300) == 199


def test_exactly_the_allowed_share_is_let_through_and_more_is_not() -> None:
    assert fed(DeadLetterLimit("orders", 1_000, 0.5), *[True, False] * 2_000) == 4_000
    assert fed(DeadLetterLimit("orders", 1_000, 0.5), *[False, False, True] * 2_000) < 220


def test_what_was_long_ago_is_forgotten() -> None:
    limit = DeadLetterLimit("orders", 10_000, 0.5)
    assert fed(limit, *[True] * 2_000) == 2_000
    # The readable ones leave the window one by one.
    assert fed(limit, *[False] * 2_000) == 1_000


def test_bad_records_that_left_the_window_do_not_count() -> None:
    limit = DeadLetterLimit("orders", 10_000, 0.5)
    for _ in range(5):
        assert fed(limit, *[True] * 1_500, *[False] * 900) == 2_400
        assert fed(limit, *[True] * 2_000) == 2_000


def test_the_message_names_the_topic_the_reason_and_the_settings() -> None:
    limit = DeadLetterLimit("shop.orders", 1, 1.0)
    limit.count(readable=False, reason="naive_time")
    with pytest.raises(TooManyDeadLetters) as caught:
        limit.count(readable=False, reason="negative_amount")
    for part in ("2 records in a row", "shop.orders", "negative_amount", "LINGER_DEAD_LETTER_MAX_CONSECUTIVE"):
        assert part in str(caught.value)


def test_a_share_is_reported_in_numbers() -> None:
    limit = DeadLetterLimit("orders", 1_000, 0.5)
    assert fed(limit, *[False] * 199) == 199
    with pytest.raises(TooManyDeadLetters, match="200 of the last 200 records"):
        limit.count(readable=False, reason="not_json")
