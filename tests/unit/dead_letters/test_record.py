"""Laws of dead letters: kept as they were, with the reason; and too many of them stop the worker."""

import pytest

from schemas.events import InvalidEvent
from workers.dead_letters.record import CUT_FROM, DeadLetterLimit, cut_dead_letters, dead_letter
from workers.errors import TooManyDeadLetters
from workers.kafka.records import OutboxRecord, decode_record, encode_record

KIBI = 1 << 10
WHY = InvalidEvent("naive_time", "'occurred_at': must have a zone", field="occurred_at")


def letter(
    value: bytes | None = b"{", key: bytes | None = b"k", headers: tuple[tuple[str, bytes], ...] = ()
) -> OutboxRecord:
    return dead_letter("linger.dead-letter", ("shop.orders", 3, 41), (key, value, headers), WHY)


def action(size: int) -> OutboxRecord:
    return OutboxRecord("linger.at-risk", b"ada", b"x" * size, (("ce_id", b"1"),))


# --- one dead letter ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [b"", b"{", b"\xff\x00", None, b"x" * (2 << 20)])
@pytest.mark.parametrize("key", [None, b"", b"\xff"])
def test_key_and_value_are_kept_as_they_were(key: bytes | None, value: bytes | None) -> None:
    kept = letter(value, key)
    assert (kept.topic, kept.key, kept.value) == ("linger.dead-letter", key, value)


def test_it_says_why_and_where_it_came_from() -> None:
    assert dict(letter().headers) == {
        "linger-reason": b"naive_time",
        "linger-detail": b"'occurred_at': must have a zone",
        "linger-source-topic": b"shop.orders",
        "linger-source-partition": b"3",
        "linger-source-offset": b"41",
    }


def test_headers_are_kept_in_their_order_and_repeated_ones_too() -> None:
    headers = (("trace", b"1"), ("trace", b"2"), ("linger-reason", b"an older one"))
    kept = letter(headers=headers)
    assert kept.headers[:3] == headers
    assert [name for name, _ in kept.headers].count("linger-reason") == 2


def test_a_detail_that_is_no_unicode_is_written_all_the_same() -> None:
    why = InvalidEvent("not_json", "it begins with \ud800")
    headers = dict(dead_letter("t", ("s", 0, 0), (None, None, ()), why).headers)
    assert headers["linger-detail"] == b"it begins with ?"


def test_it_survives_the_outbox() -> None:
    kept = letter(None, None, (("trace", b"\xff"),))
    assert decode_record(encode_record(kept)) == kept


def test_equal_records_give_equal_dead_letters() -> None:
    assert letter() == letter()


# --- a dead letter that is too large for its topic ----------------------------------------------------------------


def test_a_dead_letter_that_is_too_large_is_cut_and_says_so() -> None:
    (cut,) = cut_dead_letters([letter(b"x" * (300 * KIBI))])
    assert cut.value == b"x" * (256 * KIBI)
    assert dict(cut.headers)[CUT_FROM] == str(300 * KIBI).encode()
    assert dict(cut.headers)["linger-source-offset"] == b"41"


def test_cutting_changes_nothing_else() -> None:
    small, large, act = letter(b"x" * 10), letter(b"x" * (300 * KIBI)), action(300 * KIBI)
    cut = cut_dead_letters([small, large, act])
    assert (cut[0], cut[2]) == (small, act)


@pytest.mark.parametrize("records", [[], [letter(b"x" * (256 * KIBI))], [letter(None)], [action(300 * KIBI)]])
def test_when_there_is_nothing_to_cut_somebody_has_to_be_told(records: list[OutboxRecord]) -> None:
    with pytest.raises(ValueError, match=r"max\.message\.bytes"):
        cut_dead_letters(records)


def test_nothing_is_cut_twice() -> None:
    cut = cut_dead_letters([letter(b"x" * (300 * KIBI))])
    with pytest.raises(ValueError, match=r"max\.message\.bytes"):
        cut_dead_letters(cut)


# --- too many of them ---------------------------------------------------------------------------------------------


def fed(limit: DeadLetterLimit, *readable: bool) -> int:
    """Count records; returns how many were counted before the limit was passed, all of them if it was not."""
    for number, one in enumerate(readable):
        try:
            limit.count(readable=one, reason="not_json")
        except TooManyDeadLetters:
            return number
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


def test_a_share_is_told_in_numbers() -> None:
    limit = DeadLetterLimit("orders", 1_000, 0.5)
    assert fed(limit, *[False] * 199) == 199
    with pytest.raises(TooManyDeadLetters, match="200 of the last 200 records"):
        limit.count(readable=False, reason="not_json")
