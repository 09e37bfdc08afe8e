"""Laws of the record of a dead letter: it keeps what came, says why, and is read back as it was written."""

from typing import Any

import pytest

from schemas.events import InvalidEvent
from tests.support.dead_letters import TOPIC, dead_letter_at, stored
from workers.dead_letters.record import CUT_FROM, asked_item, cut_dead_letters, dead_letter, read_dead_letter
from workers.errors import LingerError
from workers.kafka.records import OutboxRecord, decode_record, encode_record

KIBI = 1 << 10
WHY = InvalidEvent("naive_time", "'occurred_at': must have a zone", field="occurred_at")


def written(
    value: bytes | None = b"{", key: bytes | None = b"k", headers: tuple[tuple[str, bytes], ...] = ()
) -> OutboxRecord:
    return dead_letter("linger.dead-letter", ("shop.orders", 3, 41), (key, value, headers), WHY)


def action(size: int) -> OutboxRecord:
    return OutboxRecord("linger.at-risk", b"ada", b"x" * size, (("ce_id", b"1"),))


# --- written ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [b"", b"{", b"\xff\x00", None, b"x" * (2 << 20)])
@pytest.mark.parametrize("key", [None, b"", b"\xff"])
def test_key_and_value_are_kept_as_they_were(key: bytes | None, value: bytes | None) -> None:
    kept = written(value, key)
    assert (kept.topic, kept.key, kept.value) == ("linger.dead-letter", key, value)


def test_it_says_why_and_where_it_came_from() -> None:
    assert dict(written().headers) == {
        "linger-reason": b"naive_time",
        "linger-detail": b"'occurred_at': must have a zone",
        "linger-source-topic": b"shop.orders",
        "linger-source-partition": b"3",
        "linger-source-offset": b"41",
    }


def test_headers_are_kept_in_their_order_and_repeated_ones_too() -> None:
    headers = (("trace", b"1"), ("trace", b"2"), ("linger-reason", b"an older one"))
    kept = written(headers=headers)
    assert kept.headers[:3] == headers
    assert [name for name, _ in kept.headers].count("linger-reason") == 2


def test_an_item_of_a_record_is_named_and_is_no_copy_of_another_item_of_it() -> None:
    headers = (("trace", b"1"), ("linger-item", b"9"))
    letters = [
        dead_letter("linger.dead-letter", ("shop.orders", 3, 41), (b"k", b"[]", headers), WHY, item)
        for item in (0, 1, 1, None)
    ]
    first, second, copy, whole = (read_dead_letter(stored(letter)) for letter in letters)
    assert (first.item, second.item, copy.item) == (0, 1, 1)
    assert first.headers == (("trace", b"1"), ("linger-item", b"0"))
    assert whole.item == 9
    assert len({letter.digest() for letter in (first, second, copy, whole)}) == 3
    assert asked_item([("linger-item", b"x")]) is None
    assert asked_item([("linger-item", None)]) is None


def test_a_detail_that_is_no_unicode_is_written_all_the_same() -> None:
    why = InvalidEvent("not_json", "it begins with \ud800")
    headers = dict(dead_letter("t", ("s", 0, 0), (None, None, ()), why).headers)
    assert headers["linger-detail"] == b"it begins with ?"


def test_it_survives_the_outbox() -> None:
    kept = written(None, None, (("trace", b"\xff"),))
    assert decode_record(encode_record(kept)) == kept


def test_equal_records_give_equal_dead_letters() -> None:
    assert written() == written()


# --- too large for its topic ------------------------------------------------------------------------------------


def test_a_dead_letter_that_is_too_large_is_cut_and_says_so() -> None:
    (cut,) = cut_dead_letters([written(b"x" * (300 * KIBI))])
    assert cut.value == b"x" * (256 * KIBI)
    assert dict(cut.headers)[CUT_FROM] == str(300 * KIBI).encode()
    assert dict(cut.headers)["linger-source-offset"] == b"41"


def test_cutting_changes_nothing_else() -> None:
    small, large, act = written(b"x" * 10), written(b"x" * (300 * KIBI)), action(300 * KIBI)
    cut = cut_dead_letters([small, large, act])
    assert (cut[0], cut[2]) == (small, act)


@pytest.mark.parametrize("records", [[], [written(b"x" * (256 * KIBI))], [written(None)], [action(300 * KIBI)]])
def test_when_there_is_nothing_to_cut_an_error_is_raised(records: list[OutboxRecord]) -> None:
    with pytest.raises(LingerError, match=r"max\.message\.bytes"):
        cut_dead_letters(records)


def test_nothing_is_cut_twice() -> None:
    cut = cut_dead_letters([written(b"x" * (300 * KIBI))])
    with pytest.raises(LingerError, match=r"max\.message\.bytes"):
        cut_dead_letters(cut)


# --- read back --------------------------------------------------------------------------------------------------


def test_a_letter_says_what_was_written_into_it() -> None:
    read_back = dead_letter_at(headers=[("trace", b"1")], value=None)
    assert (read_back.position, read_back.reason, read_back.detail, read_back.source) == (
        (2, 7),
        "missing_field",
        "why",
        (TOPIC, 3, 41),
    )
    assert (read_back.key, read_back.value, read_back.headers) == (b"k", None, (("trace", b"1"),))
    assert (read_back.replays, read_back.cut_from) == (0, None)


def test_headers_of_an_older_letter_are_kept_and_not_taken_for_its_own() -> None:
    first = dead_letter("t", ("old", 0, 0), (b"k", b"v", ()), InvalidEvent("not_json", "older"))
    second = dead_letter("t", (TOPIC, 1, 2), (b"k", b"v", first.headers), InvalidEvent("naive_time", "newer"))  # type: ignore[arg-type]
    read_back = read_dead_letter(stored(second))
    assert (read_back.reason, read_back.source, read_back.headers) == ("naive_time", (TOPIC, 1, 2), first.headers)


def test_a_cut_letter_knows_how_long_it_was() -> None:
    read_back = dead_letter_at(value=b"x" * (1 << 20), headers=[("trace", b"1")], cut=True)
    assert (read_back.cut_from, read_back.headers, read_back.reason) == (1 << 20, (("trace", b"1"),), "missing_field")


@pytest.mark.parametrize("raw", [b"", b"-1", b"many", b"\xff", b"9" * 5_000, None])
def test_a_number_of_replays_that_is_none_counts_as_none(raw: Any) -> None:
    assert dead_letter_at(headers=[("linger-replays", raw)]).replays == 0
