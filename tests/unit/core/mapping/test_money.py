"""Laws of money: minor units come out exact, and nothing that is not certain becomes an amount."""

import json
from decimal import Decimal
from typing import Any

import pytest

from schemas.events import InvalidEvent
from schemas.sources import Source
from tests.unit.core.mapping.mapped import DECLARED, PAID, event_of, refusal_of, refused_by_the_schema, source
from workers.core.events.decoding import decode_event
from workers.core.mapping.converter import Canonical, compile_converter
from workers.core.mapping.record import SourceRecord

MINOR = source("purchase", fields={**PAID, "amount": {"path": "total", "unit": "minor"}})


CANONICAL = Source.model_validate({"topic": "t", "format": "canonical", "events": ["refund"], "max_silence": "1 day"})


def minor(**written: Any) -> Any:
    return source("purchase", fields={**PAID, "amount": {"path": "total", **written}})


@pytest.mark.parametrize(
    ("currency", "amount"),
    [
        ("usd", "29.00"),
        (" Eur ", "29.00"),
        ("JPY", "2900"),
        ("KRW", "2900"),
        ("ISK", "2900"),
        ("UGX", "2900"),
        ("HUF", "29.00"),
        ("IDR", "29.00"),
        ("KWD", "2.900"),
        ("TND", "2.900"),
        ("CLF", "0.2900"),
    ],
)
def test_iso_4217_says_how_many_decimals_a_currency_has(currency: str, amount: str) -> None:
    event = event_of(MINOR, {"total": 2900, "currency": currency})
    assert (str(event.amount), event.currency) == (amount, currency.strip().upper())


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (2900, "29.00"),
        ("2900", "29.00"),
        (" 2900 ", "29.00"),
        (2900.0, "29.000"),
        ("2900.00", "29.0000"),
        ("1e3", "1E+1"),
        (1, "0.01"),
        (0, "0.00"),
        (99999999999999, "999999999999.99"),
    ],
)
def test_a_minor_amount_is_shifted_exactly(value: Any, amount: str) -> None:
    assert event_of(MINOR, {"total": value}).amount == Decimal(amount)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (-2900, "negative_amount"),
        ("-1", "negative_amount"),
        ("29,00", "impossible_amount"),
        ("1_000", "impossible_amount"),
        ("٢٩٠٠", "impossible_amount"),
        ("", "impossible_amount"),
        ("USD 29", "impossible_amount"),
        (True, "impossible_amount"),
        ([2900], "impossible_amount"),
        ("NaN", "not_finite_amount"),
        ("Infinity", "not_finite_amount"),
        ("1e99999", "impossible_amount"),
        ("1e-99999", "impossible_amount"),
        (10**15, "impossible_amount"),
        (None, "missing_field"),
        (64.35, "fractional_minor_amount"),
        ("64.35", "fractional_minor_amount"),
        ("2900.5", "fractional_minor_amount"),
        ("0.05", "fractional_minor_amount"),
        ("1e-3", "fractional_minor_amount"),
    ],
)
def test_what_is_no_amount_is_refused_with_the_field(value: Any, reason: str) -> None:
    refusal = refusal_of(MINOR, {"total": value})
    assert (refusal.reason, refusal.field) == (reason, "amount")


@pytest.mark.parametrize("currency", ["BTC", "XXX", "XAU", "ABC", "US", "dollar"])
def test_a_currency_without_decimals_of_its_own_is_refused_not_guessed(currency: str) -> None:
    refusal = refusal_of(MINOR, {"total": 2900, "currency": currency})
    assert (refusal.reason, refusal.field) == ("unknown_decimals", "amount")
    assert currency.upper() in refusal.detail
    assert event_of(minor(decimals=8), {"total": 2900, "currency": "BTC"}).amount == Decimal("0.00002900")


@pytest.mark.parametrize("expression", ["sum(lines[].price)", "sum(lines[].price) | {x: @} | x"])
def test_the_amounts_of_lines_add_up_exactly(expression: str) -> None:
    of = source("purchase", fields={**PAID, "amount": {"find": expression}})
    assert event_of(of, {"lines": [{"price": 0.1}, {"price": 0.2}, {"price": 1}]}).amount == Decimal("1.3")


def test_a_missing_currency_is_refused_before_the_amount_is_read() -> None:
    assert refusal_of(MINOR, {"total": 2900, "currency": None}).field == "currency"


def test_a_table_names_only_what_differs_from_iso() -> None:
    stripe = minor(decimals={"ISK": 2, "UGX": 2})
    for currency, amount in (("isk", "29.00"), ("UGX", "29.00"), ("JPY", "2900"), ("USD", "29.00")):
        assert str(event_of(stripe, {"total": 2900, "currency": currency}).amount) == amount


@pytest.mark.parametrize(("digits", "amount"), [(2, "29.00"), (0, "2900"), ("3", "2.900"), (2.0, "29.00")])
def test_decimals_can_be_at_a_path(digits: Any, amount: str) -> None:
    assert str(event_of(minor(decimals="digits"), {"total": 2900, "digits": digits}).amount) == amount


@pytest.mark.parametrize("digits", [None, "two", -1, 13, True, 1.5, [2]])
def test_decimals_that_are_no_such_number_are_refused(digits: Any) -> None:
    refusal = refusal_of(minor(decimals="digits"), {"total": 2900, "digits": digits})
    assert (refusal.reason, refusal.field) == ("unknown_decimals", "amount")
    assert "path 'digits'" in refusal.detail


def test_each_place_of_an_amount_has_its_own_unit() -> None:
    of = source(
        "purchase", fields={**PAID, "amount": [{"path": "cents", "unit": "minor"}, {"path": "total", "nothing": [0]}]}
    )
    assert event_of(of, {"cents": 2900}).amount == Decimal("29.00")
    assert event_of(of, {"cents": 2900, "total": "7"}).amount == Decimal("29.00")
    assert event_of(of, {"cents": "", "total": "7"}).amount == Decimal(7)
    assert refusal_of(of, {"cents": None, "total": 0}).reason == "missing_field"


def test_a_currency_in_small_letters_is_one_on_every_way() -> None:
    plain = source("purchase", fields=PAID)
    assert event_of(plain, {"currency": "eur"}).currency == "EUR"
    assert event_of(plain, {"currency": " Usd\n"}).currency == "USD"
    assert event_of(plain, {"currency": "usd", "total": 64.35}).amount == Decimal("64.35")
    assert refusal_of(plain, {"currency": "€"}).field == "currency"
    assert refusal_of(plain, {"currency": "\u0131nr"}).field == "currency"
    words = source("purchase", fields={**PAID, "currency": {"path": "currency", "words": {"€": "eur"}}})
    assert event_of(words, {"currency": "€"}).currency == "EUR"


def test_a_declared_type_may_have_money_under_the_checks_of_a_purchase() -> None:
    refund = source("refund", fields={**PAID, "amount": {"path": "total", "unit": "minor"}})
    event = event_of(refund, {"total": 2900, "currency": "kwd"})
    assert (event.type, str(event.amount), event.currency) == ("refund", "2.900", "KWD")
    assert refusal_of(refund, {"total": -2900}).reason == "negative_amount"
    assert refusal_of(refund, {"total": None}).reason == "missing_field"
    assert refusal_of(source("refund", fields=PAID), {"total": "-5"}).reason == "negative_amount"
    assert refusal_of(source("refund", fields=PAID), {"currency": "euros"}).field == "currency"


def test_rules_find_the_money_of_a_declared_type_as_attributes() -> None:
    refund = source("refund", fields=PAID)
    event = event_of(refund)
    assert (event.amount, event.currency) == (Decimal("64.35"), "EUR")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"event": "refund", "fields": {"amount": "total"}}, "'amount' needs 'currency'"),
        ({"event": "refund", "fields": {"currency": "c"}}, "'currency' needs 'amount'"),
        ({"event": "login", "fields": PAID}, "a login has no amount, currency"),
        ({"event": "refund", "fields": PAID, "attributes": {"amount": "x"}}, "'amount' is under 'fields' already"),
    ],
)
def test_money_is_whole_or_not_there(content: dict[str, Any], words: str) -> None:
    assert words in refused_by_the_schema(**content)


@pytest.mark.parametrize("half", [{"amount": "5"}, {"currency": "EUR"}, {"amount": 5, "currency": None}])
def test_half_of_money_in_a_canonical_event_is_left_out_as_it_was_before(half: dict[str, Any]) -> None:
    raw = json.dumps(
        {"type": "refund", "event_id": "e", "customer_id": "c", "occurred_at": "2025-10-03T16:14:52Z", **half}
    ).encode()
    converted = compile_converter(CANONICAL, DECLARED)(SourceRecord("t", 0, 0, 0, None, raw, ()), 2**41)
    assert isinstance(converted, Canonical)
    assert converted.left_out == (("amount" if "amount" in half else "currency", "half_of_money"),)
    assert decode_event(converted.value, DECLARED).attributes == {}


def test_money_of_a_canonical_declared_event_is_checked() -> None:
    convert = compile_converter(CANONICAL, DECLARED)
    event = {"type": "refund", "event_id": "e", "customer_id": "c", "occurred_at": "2025-10-03T16:14:52Z"}
    good = json.dumps({**event, "amount": "5.10", "currency": "EUR"}).encode()
    converted = convert(SourceRecord("t", 0, 0, 0, None, good, ()), 2**41)
    assert isinstance(converted, Canonical)
    assert decode_event(converted.value, DECLARED).attributes == {"amount": Decimal("5.10"), "currency": "EUR"}
    bad = json.dumps({**event, "amount": "-5.10", "currency": "EUR"}).encode()
    with pytest.raises(InvalidEvent, match="negative_amount"):
        convert(SourceRecord("t", 0, 0, 0, None, bad, ()), 2**41)
