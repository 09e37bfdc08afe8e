"""Laws of attribute types: what counts as a number, a text, true or false, a moment, and what is left out."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.attribute_types import AttributeType
from tests.support.builders import event
from workers.core.events.attribute_types import convert, date_ms_of, reads_like_another, typed

KINDS: tuple[AttributeType, ...] = ("number", "text", "true/false", "moment")
values = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=80)
    | st.from_regex(r"[ +-]?[0-9]{0,20}[.,]?[0-9]{0,5}(e[0-9]{1,3})? ?", fullmatch=True)
    | st.sampled_from(["yes", "No ", "TRUE", "2024-01-01", "2024-01-01T00:00:00+02:00", "1704067200000", "", "NaN"])
    | st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())
)


@pytest.mark.parametrize("kind", KINDS)
@given(value=values)
def test_what_is_converted_is_not_converted_again(kind: AttributeType, value: Any) -> None:
    once = convert(value, kind)
    if once is not None:
        again = convert(once, kind)
        assert again == once
        assert again.__class__ is once.__class__


@given(value=st.integers(-(10**15), 10**15) | st.floats(-1e15, 1e15).map(lambda number: round(number, 4)))
def test_a_number_in_quotes_is_the_number_without(value: float) -> None:
    """A table has only texts, so this is why CSV and JSON histories decide the same."""
    assert convert(str(value), "number") == value
    assert convert(f" {value} ", "number") == value


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("9", 9),
        (" 12.50 ", 12.5),
        ("-4", -4),
        ("+4", 4),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("007", 7),
        ("-0", 0),
    ],
)
def test_a_text_that_is_a_number_counts_as_one(text: str, number: float) -> None:
    assert convert(text, "number") == number


@pytest.mark.parametrize(
    "value",
    [
        "12,50",
        "1.234,5",
        "1 000",
        "1_000",
        "NaN",
        "Infinity",
        "-inf",
        "",
        " ",
        "9 EUR",
        "0x10",
        "٤",
        "1e999",
        "9" * 65,
        True,
        False,
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        None,
        [],
        {},
    ],
)
def test_what_is_no_number_is_left_out(value: Any) -> None:
    assert convert(value, "number") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" as it is ", " as it is "),
        (9, "9"),
        (19.99, "19.99"),
        (7.0, "7.0"),
        (True, "true"),
        (False, "false"),
        (Decimal("12.50"), "12.50"),
        (10**20, "1" + "0" * 20),
        (float("nan"), None),
        ([], None),
        ({}, None),
    ],
)
def test_a_text_is_a_text_and_a_number_is_its_digits(value: Any, text: str | None) -> None:
    assert convert(value, "text") == text


@pytest.mark.parametrize("value", [True, "true", " TRUE", "Yes", "y", "t", "on", "1", 1, 1.0, Decimal(1)])
def test_the_spellings_of_true(value: Any) -> None:
    assert convert(value, "true/false") is True


@pytest.mark.parametrize("value", [False, "false", "No ", "n", "f", "OFF", "0", 0, 0.0, Decimal(0)])
def test_the_spellings_of_false(value: Any) -> None:
    assert convert(value, "true/false") is False


@pytest.mark.parametrize("value", ["", "maybe", 2, -1, 0.5, "2", [], float("nan")])
def test_what_is_neither_true_nor_false_is_left_out(value: Any) -> None:
    assert convert(value, "true/false") is None


@pytest.mark.parametrize(
    ("value", "at_ms"),
    [
        ("2024-01-01", 1704067200000),
        (" 2024-01-01T02:00:00+02:00 ", 1704067200000),
        ("1704067200000", 1704067200000),
        (1704067200000, 1704067200000),
        (1704067200000.0, 1704067200000),
        ("1704067200000.0", 1704067200000),  # a table of whole numbers with gaps, as many programs write it
        ("20240101", 1704067200000),
    ],
)
def test_a_moment_is_what_a_date_condition_reads(value: Any, at_ms: int) -> None:
    assert date_ms_of(convert(value, "moment")) == at_ms


@pytest.mark.parametrize("value", ["", "soon", "0000-00-00", "31.12.2024", True, -1, 10**18, float("inf"), "1" * 20])
def test_what_is_no_moment_is_left_out(value: Any) -> None:
    assert convert(value, "moment") is None


@pytest.mark.parametrize("seconds", [1704067200, 20240101, 1704067200.5, 0])
def test_seconds_and_days_without_hyphens_are_not_taken_for_milliseconds_of_1970(seconds: float) -> None:
    assert convert(seconds, "moment") is None


@given(value=st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_text_that_only_other_values_become_is_recognized(value: Any) -> None:
    assert reads_like_another(str(convert(value, "text")))


def test_an_event_without_anything_to_convert_is_the_same_event() -> None:
    given_event = event("nps", 1, score=9, comment="good", other=[1])
    assert typed(given_event, (("score", "number"), ("comment", "text"), ("missing", "number")), []) is given_event


def test_a_value_that_cannot_be_converted_is_left_out_and_said_and_the_event_stays_as_it_came() -> None:
    given_event = event("nps", 1, event_id="e-7", score="many", seats=" 5 ", vip="perhaps")
    left_out: list[tuple[str, str, str, str]] = []
    result = typed(given_event, (("score", "number"), ("seats", "number"), ("vip", "true/false")), left_out)
    assert result.attributes == {"seats": 5}
    assert left_out == [("nps", "e-7", "score", "not_a_number"), ("nps", "e-7", "vip", "not_true_or_false")]
    assert given_event.attributes == {"score": "many", "seats": " 5 ", "vip": "perhaps"}
