"""Laws of canonical events: what never gets in, and what is kept of the rest."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from schemas.events import (
    MAX_ATTRIBUTES,
    MAX_BODY_BYTES,
    MAX_DEPTH,
    UNREADABLE,
    Cancellation,
    Event,
    InvalidEvent,
    Purchase,
    encode_event,
    parse_event,
    read_json,
)

LATEST = datetime(2026, 10, 4, tzinfo=UTC)


def purchase(**changes: Any) -> dict[str, Any]:
    return {
        "type": "purchase",
        "event_id": "A-1",
        "customer_id": "ada",
        "occurred_at": "2026-10-03T09:14:52Z",
        "amount": "64.35",
        "currency": "USD",
        **changes,
    }


def login(**changes: Any) -> dict[str, Any]:
    event = {"type": "login", "event_id": "L-1", "customer_id": "ada", "occurred_at": "2026-10-03T09:14:52Z"}
    return {**event, **changes}


def parsed(document: Any, types: tuple[str, ...] = ()) -> Event:
    return parse_event(json.dumps(document).encode(), types=types, latest=LATEST)


def refused(document: Any) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        parsed(document)
    return caught.value


def refused_bytes(raw: bytes | None) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        parse_event(raw, latest=LATEST)
    return caught.value


# --- times ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["2026-10-03T09:14:52", "2026-10-03 09:14:52", "2026-10-03"])
def test_a_time_without_a_zone_is_refused(text: str) -> None:
    error = refused(purchase(occurred_at=text))
    assert (error.reason, error.field) == ("naive_time", "occurred_at")
    assert text in error.detail


def test_a_time_is_kept_in_utc() -> None:
    event = parsed(purchase(occurred_at="2026-10-03T09:14:52-07:00"))
    assert event.occurred_at == datetime(2026, 10, 3, 16, 14, 52, tzinfo=UTC)
    assert event.occurred_at.utcoffset() == timedelta(0)


def test_the_latest_plausible_moment_is_let_in_and_the_next_one_is_not() -> None:
    assert parsed(login(occurred_at=LATEST.isoformat())).occurred_at == LATEST
    error = refused(login(occurred_at=(LATEST + timedelta(microseconds=1)).isoformat()))
    assert error.reason == "future_time"


def test_only_the_end_of_something_cancelled_may_lie_ahead() -> None:
    event = parsed({**login(), "type": "cancellation", "effective_at": "2027-01-01T00:00:00Z"})
    assert isinstance(event, Cancellation)
    assert event.effective_at == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("time", [1759508092, 1759508092.5, "1759508092", "20261003", True, [], {}])
def test_a_number_is_no_time(time: object) -> None:
    assert refused(login(occurred_at=time)).reason == "impossible_time"


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00Z", "1970-06-01T00:00:00Z", "1971-01-01T00:00:00Z"])
def test_1970_is_the_first_year_that_is_accepted(text: str) -> None:
    assert parsed(login(occurred_at=text)).occurred_at == datetime.fromisoformat(text)


@pytest.mark.parametrize("text", ["1969-12-31T23:59:59Z", "1970-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"])
def test_nothing_happened_before_1970_utc(text: str) -> None:
    assert refused(login(occurred_at=text)).reason == "impossible_time"


def test_a_time_that_utc_cannot_express_is_refused() -> None:
    assert refused(login(occurred_at="9999-12-31T23:59:59-14:00")).reason == "impossible_time"


# --- money ------------------------------------------------------------------------------------------------------


def test_a_negative_amount_is_refused() -> None:
    error = refused(purchase(amount="-0.01"))
    assert (error.reason, error.field) == ("negative_amount", "amount")


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "inf"])
def test_an_amount_that_is_not_finite_is_refused(text: str) -> None:
    assert refused(purchase(amount=text)).reason == "not_finite_amount"


@pytest.mark.parametrize("amount", ["1000000000000.01", "64,35", "", True, [], None])
def test_an_impossible_amount_is_refused(amount: object) -> None:
    assert refused(purchase(amount=amount)).reason == "impossible_amount"


@pytest.mark.parametrize("amount", ["64.35", 64.35])
def test_an_amount_keeps_its_decimals_as_text_and_as_number(amount: object) -> None:
    event = parsed(purchase(amount=amount))
    assert isinstance(event, Purchase)
    assert event.amount == Decimal("64.35")


def test_nothing_may_be_paid() -> None:
    event = parsed(purchase(amount=0))
    assert isinstance(event, Purchase)
    assert event.amount == 0


@pytest.mark.parametrize("currency", ["usd", "US", "DOLLAR", ""])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    assert refused(purchase(currency=currency)).field == "currency"


# --- ids --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["event_id", "customer_id"])
@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_an_empty_id_is_refused(name: str, text: str) -> None:
    error = refused(purchase(**{name: text}))
    assert (error.reason, error.field) == ("impossible_id", name)


@pytest.mark.parametrize("letter", ["x", "é", "漢"])
def test_an_id_has_at_most_256_bytes_of_utf_8(letter: str) -> None:
    longest = letter * (256 // len(letter.encode()))
    assert parsed(login(customer_id=longest)).customer_id == longest
    assert refused(login(customer_id=longest + letter)).reason == "impossible_id"


def test_a_whole_number_becomes_an_id_exactly() -> None:
    assert parsed(login(customer_id=115310627314723954)).customer_id == "115310627314723954"


@pytest.mark.parametrize("value", [True, False, 1.0, 1e19, [], {}])
def test_a_truth_a_fraction_or_a_structure_is_no_id(value: object) -> None:
    assert refused(login(customer_id=value)).reason == "impossible_id"


def test_two_numbers_beyond_64_bits_never_become_one_customer() -> None:
    assert refused_bytes(b'{"type":"login","event_id":"a","customer_id":36893488147419103233}').field == "customer_id"


@pytest.mark.parametrize("name", ["type", "event_id", "customer_id", "occurred_at", "amount", "currency"])
def test_a_missing_field_is_named(name: str) -> None:
    document = purchase()
    del document[name]
    error = refused(document)
    assert (error.reason, error.field) == ("missing_field", name)
    assert name in error.detail


# --- types ------------------------------------------------------------------------------------------------------


def test_a_type_has_to_be_declared() -> None:
    assert parsed(login(type="complaint"), types=("complaint",)).type == "complaint"
    assert refused(login(type="complaint")).reason == "unknown_type"


@pytest.mark.parametrize("value", [1, [], {}, "", "Purchase"])
def test_a_type_is_one_of_the_known_texts(value: object) -> None:
    assert refused(login(type=value)).reason == "unknown_type"


@pytest.mark.parametrize("document", [[], "text", 1, True, None])
def test_an_event_is_an_object(document: object) -> None:
    assert refused(document).reason == "not_an_object"


# --- what else the sender wrote ---------------------------------------------------------------------------------


def test_unknown_fields_are_counted_and_not_sent_on() -> None:
    event = parsed(login(browser="x", ip="y"))
    assert event.unknown_fields() == 2
    assert orjson.loads(encode_event(event)).keys() == {*login(), "attributes"}


def test_an_event_without_unknown_fields_counts_none() -> None:
    assert parsed(login()).unknown_fields() == 0


# --- optional values ----------------------------------------------------------------------------------------------


def cancellation(**changes: Any) -> dict[str, Any]:
    return login(type="cancellation", **changes)


def test_attributes_are_flat_and_few() -> None:
    event = parsed(login(attributes={"a": "x", "b": 1, "c": 0.5, "d": True, "e": None}))
    assert event.attributes["b"] == 1
    assert event.left_out() == ()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([1], "not_flat"),
        ({}, "not_flat"),
        (2**64, "beyond_64_bits"),
        (-(2**63) - 1, "beyond_64_bits"),
        (float("nan"), "not_finite"),
        (float("-inf"), "not_finite"),
        (10**400, "beyond_64_bits"),
    ],
)
def test_an_attribute_that_cannot_be_kept_is_left_out_and_the_others_stay(value: Any, reason: str) -> None:
    event = parsed(login(attributes={"before": 1, "odd": value, "after": "x"}))
    marked = {} if reason == "not_finite" else {UNREADABLE: "odd"}
    assert event.attributes == {"before": 1, "after": "x", **marked}
    assert event.left_out() == (("odd", reason),)


@pytest.mark.parametrize("value", [2**63, 2**64 - 1, -(2**63), 1e19, 1.5e300, -1e30])
def test_a_number_that_64_bits_or_a_float_can_hold_is_kept_as_it_is(value: Any) -> None:
    event = parsed(login(attributes={"n": value}))
    assert event.attributes == {"n": value}
    assert event.left_out() == ()


@pytest.mark.parametrize("letter", ["x", "é", "😡"])
def test_a_long_attribute_is_cut_between_two_letters(letter: str) -> None:
    event = parsed(login(attributes={"comment": letter * 1025, "score": 1}))
    assert event.attributes == {"comment": letter * (1024 // len(letter.encode())), "score": 1}
    assert event.left_out() == (("comment", "too_long"),)


def test_of_too_many_attributes_the_first_are_kept() -> None:
    event = parsed(login(attributes={f"a{n}": n for n in range(MAX_ATTRIBUTES + 9)}))
    assert list(event.attributes) == [f"a{n}" for n in range(MAX_ATTRIBUTES)]
    assert event.left_out() == (("attributes", "too_many"),)


@pytest.mark.parametrize(
    ("value", "left_out"), [([], (("attributes", "not_flat"),)), ("x", (("attributes", "not_flat"),)), (None, ())]
)
def test_attributes_that_are_no_object_are_left_out(value: Any, left_out: Any) -> None:
    event = parsed(login(attributes=value))
    assert (event.attributes, event.left_out()) == ({}, left_out)


@pytest.mark.parametrize("name", ["what", "reason"])
def test_a_long_text_of_a_cancellation_is_cut(name: str) -> None:
    event = parsed(cancellation(**{name: "ü" * 1100}))
    assert getattr(event, name) == "ü" * 1024
    assert event.left_out() == ((name, "too_long"),)


@pytest.mark.parametrize("value", [["too expensive"], {}, True, float("inf")])
def test_what_is_no_text_is_left_out_of_a_cancellation(value: Any) -> None:
    event = parsed(cancellation(reason=value))
    assert isinstance(event, Cancellation)
    assert event.reason is None
    assert [name for name, _ in event.left_out()] == ["reason"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [("", "empty"), (" ", "empty"), ("x" * 257, "impossible_id"), (1.5, "impossible_id"), ([], "impossible_id")],
)
def test_an_impossible_order_id_is_left_out(value: Any, reason: str) -> None:
    event = parsed(purchase(order_id=value))
    assert isinstance(event, Purchase)
    assert event.order_id is None
    assert event.left_out() == (("order_id", reason),)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "empty"),
        ("0000-00-00 00:00:00", "impossible_time"),
        ("2026-01-01T00:00:00", "naive_time"),
        ("1960-01-01T00:00:00Z", "impossible_time"),
        (1759508092, "impossible_time"),
        ("soon", "impossible_time"),
    ],
)
def test_an_impossible_end_is_left_out_of_a_cancellation(value: Any, reason: str) -> None:
    event = parsed(cancellation(effective_at=value))
    assert isinstance(event, Cancellation)
    assert event.effective_at is None
    assert event.left_out() == (("effective_at", reason),)


def test_a_byte_order_mark_before_a_document_is_no_part_of_it() -> None:
    raw = json.dumps(login()).encode()
    assert parse_event(b"\xef\xbb\xbf" + raw, latest=LATEST) == parse_event(raw, latest=LATEST)


@pytest.mark.parametrize("odd", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 400])
def test_a_number_that_is_none_costs_nothing_in_a_field_that_nobody_needs(odd: str) -> None:
    raw = json.dumps(login(note="é😡")).encode()[:-1] + f', "extra": [{odd}]}}'.encode()
    assert parse_event(raw, latest=LATEST).unknown_fields() == 2


def test_a_needed_field_that_is_not_finite_is_still_refused() -> None:
    assert refused(purchase(amount=float("nan"))).reason == "not_finite_amount"
    assert refused(login(customer_id=float("inf"))).reason == "impossible_id"
    assert refused(login(occurred_at=float("nan"))).reason == "impossible_time"


def test_half_a_character_is_no_text_beside_a_number_that_is_none_either() -> None:
    raw = json.dumps(login()).encode()[:-1] + b', "a": NaN, "b": "\\ud83d"}'
    assert refused_bytes(raw).reason == "not_json"


def test_what_is_written_reads_back_as_the_same_event() -> None:
    event = parsed(purchase(attributes={"plan": "gold"}, order_id=7))
    assert parse_event(encode_event(event), latest=LATEST) == event


# --- bodies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [None, b""])
def test_a_record_without_a_value_is_refused(raw: bytes | None) -> None:
    assert refused_bytes(raw).reason == "empty"


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b"nan", b"{'a': 1}", b'{"a": 1} {"b": 2}', b'"\\ud800"', b"\x00"])
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    assert refused_bytes(raw).reason == "not_json"


def test_a_body_has_at_most_one_mebibyte() -> None:
    frame = len(b'{"a":""}')
    assert read_json(b'{"a":"%s"}' % (b"x" * (MAX_BODY_BYTES - frame)))
    assert refused_bytes(b'{"a":"%s"}' % (b"x" * (MAX_BODY_BYTES - frame + 1))).reason == "too_large"


def nested(depth: int, opening: bytes, closing: bytes) -> bytes:
    return opening * depth + b"0" + closing * depth


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")])
def test_a_body_is_nested_at_most_32_deep(opening: bytes, closing: bytes) -> None:
    levels = MAX_DEPTH // (opening.count(b"[") + opening.count(b"{"))
    read_json(nested(levels, opening, closing))
    with pytest.raises(InvalidEvent, match="too_deep"):
        read_json(nested(levels + 1, opening, closing))


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_no_nesting_is_too_deep_to_be_refused_in_peace(depth: int) -> None:
    assert refused_bytes(nested(depth, b"[", b"]")).reason == "too_deep"
    assert refused_bytes(b"[" * depth).reason in ("too_deep", "not_json")


def test_many_shallow_brackets_are_not_deep() -> None:
    assert len(read_json(b"[" + b",".join([b"[]"] * 1000) + b"]")) == 1000


def test_a_refusal_shows_no_more_than_the_beginning_of_what_was_found() -> None:
    assert len(refused(login(customer_id="x" * 100_000)).detail) < 300
    assert len(refused_bytes(b"x" * 100_000).detail) < 300
