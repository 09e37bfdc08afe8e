"""Laws of traces: they say what the mapping that workers use did, and from where."""

import json
from decimal import Decimal
from typing import Any

import pytest

from schemas.events import Event, InvalidEvent
from schemas.sources import Source
from tests.unit.core.mapping.mapped import DECLARED, KEY, LATEST, record, result, source
from tests.unit.core.mapping.test_conditions import SHOP
from workers.core.mapping.skipped import Skipped
from workers.core.mapping.trace import ItemTrace, ValueTrace, compile_trace


def traced(of: Source, body: Any = None, **parts: Any) -> ItemTrace:
    (item,) = compile_trace(of, DECLARED, LATEST, KEY)(record(body, **parts)).items
    return item


def value_of(item: ItemTrace, name: str) -> ValueTrace:
    return next(value for value in item.values if value.name == name)


def test_it_says_which_case_matched_and_which_condition_of_the_others_did_not() -> None:
    item = traced(SHOP, {"live": True, "kind": "gift", "buyer": "bob"})
    assert item.case is not None
    assert (item.case.number, item.case.name, item.case.event) == (3, "purchase", "purchase")
    failed = [
        (case.name, case.failed.key, case.failed.wanted, case.failed.found) for case in item.cases if case.failed
    ]
    assert failed == [("renewal", "kind", "paid", "gift"), ("first order", "kind", "paid", "gift")]
    assert [condition.key for condition in item.shared] == ["live"]


def test_a_skipped_item_has_no_values_and_says_by_what() -> None:
    item = traced(SHOP, {"live": True, "kind": "else"})
    assert (item.result, item.case, len(item.cases), item.values) == (Skipped("no case"), None, 4, ())
    item = traced(SHOP, {"kind": "paid"})
    assert (item.result, item.cases) == (Skipped("only_when"), ())
    assert (item.shared[0].wanted, item.shared[0].found, item.shared[0].holds) == ("true", None, False)


def test_it_says_which_of_several_places_it_was_and_why_not_the_others() -> None:
    where = [{"path": "user", "nothing": [0]}, "ref", {"path": "email", "lower": True}, "customer"]
    value = value_of(traced(source(fields={"customer_id": where}), {"user": 0, "email": "M@x.y"}), "customer_id")
    assert value.place == "path 'email'"
    assert value.others == "3rd of 4 places; 1st is 0, which means nothing; 2nd is empty"
    assert (value.found, value.value, value.changes) == ("M@x.y", "m@x.y", ("lower: 'm@x.y'",))


def test_it_says_how_money_and_times_were_read() -> None:
    of = source(
        "purchase",
        fields={
            "occurred_at": {"path": "us", "format": "microseconds"},
            "amount": {"path": "cents", "unit": "minor"},
            "currency": "currency",
        },
    )
    item = traced(of, {"us": 1759508092797000, "cents": 2900, "currency": "kwd"})
    amount = value_of(item, "amount")
    assert (amount.found, amount.value) == (2900, Decimal("2.900"))
    assert amount.changes == ("2900 minor, 3 decimals → 2.900 KWD",)
    assert value_of(item, "currency").changes == ("in capitals: KWD",)
    assert value_of(item, "occurred_at").changes == (
        "1759508092797000, microseconds → 2025-10-03T16:14:52.797000+00:00",
    )


def test_it_says_what_was_left_out() -> None:
    item = traced(
        source("cancellation", fields={"reason": "why"}, attributes={"n": "lines"}), {"lines": [1], "why": ""}
    )
    assert value_of(item, "n").left_out == "not_flat"
    assert value_of(item, "n").value is None
    assert isinstance(item.result, Event)


def test_a_refused_item_shows_what_could_be_found() -> None:
    item = traced(source(fields={"customer_id": ["a", "b"]}))
    assert isinstance(item.result, InvalidEvent)
    assert value_of(item, "event_id").value == "e-1"
    missing = value_of(item, "customer_id")
    assert (missing.value, missing.others) == (None, "1st is empty; 2nd is empty")
    item = traced(source(fields={"occurred_at": {"path": "at", "format": "seconds"}}))
    assert value_of(item, "occurred_at").left_out.startswith("impossible_time: ")


def test_a_record_that_cannot_be_read_is_refused_as_a_whole() -> None:
    trace = compile_trace(source(), DECLARED, LATEST)(record(b"{"))
    assert trace.items == ()
    assert trace.refusal is not None
    assert trace.refusal.reason == "not_json"


def test_a_canonical_event_is_traced_too() -> None:
    of = Source.model_validate({"topic": "t", "format": "canonical", "events": ["renewal"], "max_silence": "1 day"})
    event = {"type": "renewal", "event_id": "e", "customer_id": "c", "occurred_at": "2025-10-03T16:14:52Z"}
    raw = json.dumps({**event, "attributes": {"a": 1}}).encode()
    item = traced(of, raw)
    assert (value_of(item, "customer_id").value, value_of(item, "a").is_attribute) == ("c", True)


def test_each_item_of_a_list_is_traced_with_its_number() -> None:
    of = source(
        unwrap={"each": "batch"},
        fields={"event_id": {"position": True}, "customer_id": "who", "occurred_at": {"whole": "at"}},
    )
    items = compile_trace(of, DECLARED, LATEST)(record({"batch": [{"who": "a"}, {"who": "b"}]})).items
    assert [(item.number, value_of(item, "event_id").value) for item in items] == [(0, "t:3:41:0"), (1, "t:3:41:1")]
    assert value_of(items[1], "occurred_at").place == "path 'at' of the whole record"


@pytest.mark.parametrize("body", [{}, {"live": True, "kind": "paid"}, {"live": True, "kind": "gift", "total": "x"}])
def test_a_trace_ends_as_the_mapping_does(body: dict[str, Any]) -> None:
    assert repr(traced(SHOP, body).result) == repr(result(SHOP, body))


def test_a_case_that_skips_or_refuses_takes_the_item_and_has_no_values() -> None:
    tests = {"skip": "tests", "only_when": {"test": True}}
    of = source(None, one_of=[tests, {"refuse": "too_large", "only_when": {"order": None}}, {"event": "login"}])
    item = traced(of, {"test": True})
    assert (item.result, item.values) == (Skipped("tests"), ())
    assert item.case is not None
    assert (item.case.name, item.case.event) == ("tests", "")
    item = traced(of, {})
    assert isinstance(item.result, InvalidEvent)
    assert item.result.reason == "too_large"
    assert item.case is not None
    assert [case.name for case in item.cases] == ["tests", "too_large"]
