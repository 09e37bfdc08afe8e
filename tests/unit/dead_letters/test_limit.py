"""Laws of the limit of dead letters: a source with too many records that cannot be read is stopped, and it alone."""

import pytest

from workers.dead_letters.limit import DeadLetterLimit, Excess


def fed(limit: DeadLetterLimit, *readable: bool) -> int:
    """Count records and return how many were counted before the limit was exceeded; all of them if it was not."""
    for count, is_readable in enumerate(readable):
        if limit.count(readable=is_readable, reason="not_json") is not None:
            return count
    return len(readable)


def exceeded(limit: DeadLetterLimit, reason: str = "not_json") -> Excess:
    excess = limit.count(readable=False, reason=reason)
    assert excess is not None
    return excess


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


def test_the_message_names_the_reason_the_command_and_the_settings() -> None:
    limit = DeadLetterLimit("shop.orders", 1, 1.0)
    assert limit.count(readable=False, reason="naive_time") is None
    excess = exceeded(limit, "negative_amount")
    assert (excess.run, excess.unreadable, excess.seen) == (2, 2, 2)
    for part in (
        "2 records in a row",
        "linger sources resume shop.orders",
        "negative_amount",
        "LINGER_DEAD_LETTER_MAX_CONSECUTIVE",
    ):
        assert part in excess.problem


def test_a_share_is_reported_in_numbers() -> None:
    limit = DeadLetterLimit("orders", 1_000, 0.5)
    assert fed(limit, *[False] * 199) == 199
    excess = exceeded(limit)
    assert excess.problem.startswith("200 of the last 200 records cannot be read")
    assert (excess.run, excess.unreadable, excess.seen) == (200, 200, 200)


def test_after_the_limit_was_exceeded_everything_counts_anew() -> None:
    limit = DeadLetterLimit("orders", 3, 1.0)
    for _ in range(4):
        assert fed(limit, *[False] * 10) == 3


@pytest.mark.parametrize(
    ("waiting", "is_over"),
    [([], False), ([False], False), ([False, False, True], True), ([True, True, False], False)],
)
def test_a_row_is_over_when_the_newest_record_that_waits_can_be_read(waiting: list[bool], is_over: bool) -> None:
    assert DeadLetterLimit("orders", 3, 0.5).is_over(4, 4, 4, waiting) is is_over


@pytest.mark.parametrize(
    ("waiting", "is_over"),
    [([], False), ([True], True), ([False, True], True), ([False, False, True], False), ([False], False)],
)
def test_a_share_is_over_when_no_more_than_that_of_what_waits_cannot_be_read(
    waiting: list[bool], is_over: bool
) -> None:
    assert DeadLetterLimit("orders", 1_000, 0.5).is_over(1, 102, 200, waiting) is is_over


def test_what_was_stopped_goes_on_when_the_settings_would_not_have_stopped_it() -> None:
    assert DeadLetterLimit("orders", 100, 1.0).is_over(4, 4, 4, [False])
    assert DeadLetterLimit("orders", 100, 0.6).is_over(1, 102, 200, [False])
