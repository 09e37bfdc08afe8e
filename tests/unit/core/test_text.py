from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.actions import action_id, begun_hash
from workers.core.text import Text, escaped, inside_quotes, quoted

_DAY_MS = 86_400_000
_END_MS = 253_402_300_800_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST = 2**63 - 1

moments = st.integers(0, _END_MS - 1) | st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)).map(
    lambda at: int(at.replace(tzinfo=UTC).timestamp()) * 1000
)
numbers = st.integers(-_MOST, _MOST) | st.integers(-(10**7), 10**7)
amounts = st.integers(-(2**62), 2**62) | st.integers(-(10**11), 10**11) | st.integers(-(10**6), 10**6)


def _written(method: str, *values: int) -> str:
    text = Text()
    text.copy(b"before ")
    getattr(text, method)(*values)
    made = text.made()
    assert made.startswith(b"before ")
    return made.removeprefix(b"before ").decode()


def _datetime(at_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at_ms)


@given(moments)
@example(0)
@example(999)
@example(_END_MS - 1)
@example(951_782_400_000)  # a leap day
def test_moments_are_written_as_datetime_and_msgspec_write_them(at_ms: int) -> None:
    at = _datetime(at_ms)
    assert _written("day", at_ms) == at.date().isoformat()
    assert _written("moment", at_ms) == f"{at:%H:%M} UTC".join([at.date().isoformat() + " ", ""])
    assert _written("instant", at_ms) == msgspec.json.encode(at)[1:-1].decode()
    assert _written("spaced_instant", at_ms) == str(at)


def test_every_day_of_the_calendar_is_written_as_date_does() -> None:
    text, day = Text(), _EPOCH.date()
    for at_ms in range(0, _END_MS, 7 * _DAY_MS):
        text.clear()
        text.day(at_ms)
        assert text.made().decode() == day.isoformat()
        if at_ms + 7 * _DAY_MS < _END_MS:
            day += timedelta(days=7)


@pytest.mark.parametrize("at_ms", [-1, -_DAY_MS, _END_MS, _MOST, -_MOST])
def test_a_moment_outside_of_the_calendar_is_never_and_no_instant(at_ms: int) -> None:
    assert _written("moment", at_ms) == "never"
    for method in ("day", "instant", "spaced_instant"):
        with pytest.raises(OverflowError, match="not between the years 1970 and 9999"):
            getattr(Text(), method)(at_ms)


@given(numbers)
@example(0)
@example(-_MOST)
@example(_MOST)
@example(10**18)
def test_whole_numbers_are_written_as_str_does(value: int) -> None:
    assert _written("decimal", value) == str(value)


@given(amounts)
@example(0)
@example(1)
@example(-9)
@example(10)
@example(-10)
@example(10**15)
@example(10**15 - 1)
@example(2**53 + 1)
def test_amounts_are_written_as_json_writes_the_float_of_them(value: int) -> None:
    assert _written("amount", value) == msgspec.json.encode(value / 10_000).decode()


@given(amounts)
@example(999_999)
@example(10**6)
@example(-1)
@example(9_999_999)
def test_short_amounts_and_numbers_are_written_as_the_format_g_does(value: int) -> None:
    assert _written("short_amount", value) == f"{value / 10_000:g}"
    assert _written("short_number", value) == f"{value:g}"


@given(st.integers(0, 10**14) | st.integers(0, 400_000).map(lambda twentieths: twentieths * _DAY_MS // 20) | amounts)
@example(_DAY_MS // 4)
@example(3 * _DAY_MS // 4)
@example(10**6 * _DAY_MS + _DAY_MS // 20)
def test_lengths_are_written_in_days_to_a_tenth(span_ms: int) -> None:
    assert _written("in_days", span_ms) == f"{span_ms / _DAY_MS:.1f}"


@given(st.lists(st.binary(max_size=3000), max_size=8), st.data())
def test_text_is_written_piece_by_piece_however_long_it_grows(pieces: list[bytes], data: st.DataObject) -> None:
    text, expected = Text(), b""
    for piece in pieces:
        text.copy(piece)
        expected += piece
        from_ = data.draw(st.integers(0, len(expected)))
        size = data.draw(st.integers(0, len(expected) - from_))
        text.again(from_, size)
        assert text.part(from_, size) == expected[from_ : from_ + size]
        expected += expected[from_ : from_ + size]
        text.byte(65)
        expected += b"A"
    assert text.made() == expected
    assert text.at == len(expected) <= text.size
    text.clear()
    assert text.made() == b""


@pytest.mark.parametrize(("from_", "size"), [(-1, 1), (0, 4), (3, 1), (0, -1), (4, 0)])
def test_what_is_not_written_yet_is_not_written_again(from_: int, size: int) -> None:
    text = Text()
    text.copy(b"abc")
    with pytest.raises(IndexError, match="3 are written"):
        text.again(from_, size)
    with pytest.raises(IndexError, match="3 are written"):
        text.part(from_, size)


@given(st.text() | st.text('\x00\x1f"\\/\x7f\u2028a', max_size=8))
def test_texts_are_quoted_as_json_does(text: str) -> None:
    assert quoted(text) == msgspec.json.encode(text) == b'"' + inside_quotes(text) + b'"'
    assert escaped(text.encode()) == inside_quotes(text)


@given(st.text(min_size=1), st.integers(0, _END_MS), st.text())
def test_the_id_of_an_action_is_written_as_uuid5_makes_it(rule: str, start_ms: int, customer: str) -> None:
    hashed = begun_hash(rule).copy()
    hashed.update(f"{start_ms}\n{customer}".encode())
    text = Text()
    text.uuid(hashed.digest())
    assert text.made().decode() == action_id(rule, customer, start_ms)
    assert UUID(text.made().decode()).version == 5


def test_fewer_bytes_are_no_uuid() -> None:
    with pytest.raises(IndexError, match="not 15"):
        Text().uuid(bytes(15))
