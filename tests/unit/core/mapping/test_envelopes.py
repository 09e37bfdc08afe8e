"""Laws of `unwrap`: which documents are in a record, what is skipped, and what is refused with which reason."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest

from schemas.events import MAX_BODY_BYTES, MAX_DEPTH, InvalidEvent, read_json
from workers.core.mapping.envelopes import MAX_ITEMS, Envelope, Item, compile_unwrap
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped

CLOUDEVENTS, DEBEZIUM = Envelope("cloudevents"), Envelope("debezium")
BASE64, EACH = Envelope("base64"), Envelope("each")
STRUCTURED = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "paid", "data": {"amount": "5"}}
BINARY = (("ce_specversion", b"1.0"), ("ce_id", b"1"), ("ce_source", b"/shop"), ("ce_type", b"paid"))
ROW = {"before": None, "after": {"id": 1}, "source": {"lsn": 7}, "op": "c", "ts_ms": 1}


def record(value: Any, headers: Sequence[tuple[str, bytes]] = ()) -> SourceRecord:
    raw = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    return SourceRecord("shop", 0, 1, 0, None, raw, headers)


def unwrapped(
    envelopes: Sequence[Envelope], value: Any, headers: Sequence[tuple[str, bytes]] = (), *, names_op: bool = False
) -> list[Item | Skipped | InvalidEvent]:
    unwrap = compile_unwrap(envelopes, lambda record: read_json(record.value), names_op=names_op)
    return unwrap(record(value, headers))


def documents(envelopes: Sequence[Envelope], value: Any, headers: Sequence[tuple[str, bytes]] = ()) -> list[Any]:
    return [entry.document if isinstance(entry, Item) else entry for entry in unwrapped(envelopes, value, headers)]


def refused(envelopes: Sequence[Envelope], value: Any, headers: Sequence[tuple[str, bytes]] = ()) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        unwrapped(envelopes, value, headers)
    return caught.value


def coded(value: Any) -> str:
    return base64.b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()


# -- CloudEvents -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        [("content-type", b"application/cloudevents+json; charset=UTF-8")],
        [("Content-Type", b"Application/CloudEvents+JSON")],
        [("content-type", b"application/cloudevents")],
        [],
    ],
)
def test_a_structured_cloudevent_is_its_own_document_even_without_its_headers(headers: list[Any]) -> None:
    assert documents([CLOUDEVENTS], STRUCTURED, headers) == [STRUCTURED]


def test_attributes_of_binary_mode_stand_where_those_of_structured_mode_do() -> None:
    headers = [*BINARY, ("content-type", b"application/json"), ("other", b"x")]
    [document] = documents([CLOUDEVENTS], {"amount": "5"}, headers)
    assert document == {**STRUCTURED, "datacontenttype": "application/json"}


def test_names_of_binary_headers_have_no_case_and_the_last_of_two_counts() -> None:
    headers = [("CE_Id", b"old"), ("ce_id", b"new"), ("ce_type", b"paid")]
    assert documents([CLOUDEVENTS], {}, headers) == [{"id": "new", "type": "paid", "data": {}}]


def test_structured_mode_wins_over_headers_that_repeat_its_attributes() -> None:
    headers = [*BINARY, ("content-type", b"application/cloudevents+json")]
    assert documents([CLOUDEVENTS], STRUCTURED, headers) == [STRUCTURED]


def test_a_binary_cloudevent_may_have_no_body_or_a_text() -> None:
    [document] = documents([CLOUDEVENTS], b"", BINARY)
    assert "data" not in document
    assert document["id"] == "1"
    [document] = documents([CLOUDEVENTS], b"gone", [*BINARY, ("content-type", b"text/plain; charset=utf-8")])
    assert document["data"] == "gone"


def test_a_batch_gives_an_item_for_each_event_and_refuses_a_bad_one_alone() -> None:
    headers = [("content-type", b"application/cloudevents-batch+json")]
    second = {**STRUCTURED, "id": "2"}
    first, bad, last = unwrapped([CLOUDEVENTS], [STRUCTURED, {"id": "x"}, second], headers)
    assert isinstance(first, Item)
    assert first.document == STRUCTURED
    assert first.whole == STRUCTURED
    assert isinstance(bad, InvalidEvent)
    assert bad.reason == "not_cloudevents"
    assert isinstance(last, Item)
    assert last.document == second
    assert documents([CLOUDEVENTS], [], headers) == [Skipped("empty list")]


def test_data_of_a_structured_cloudevent_may_be_in_base64() -> None:
    event = {**STRUCTURED, "data_base64": coded({"amount": "7"})}
    assert documents([CLOUDEVENTS], event)[0]["data"] == {"amount": "7"}
    image = {**event, "datacontenttype": "image/png", "data": None}
    assert documents([CLOUDEVENTS], image) == [image]


@pytest.mark.parametrize(
    ("value", "headers", "words"),
    [
        ({"id": 1, "amount": 5}, [], "the keys id, amount"),
        ({"id": 1}, [("content-type", b"application/json")], "specversion"),
        ("text", [], "found 'text'"),
        (b"\x00", [("content-type", b"application/cloudevents+avro")], "application/cloudevents+avro"),
    ],
)
def test_what_is_no_cloudevent_is_refused_and_says_what_was_found(value: Any, headers: Any, words: str) -> None:
    error = refused([CLOUDEVENTS], value, headers)
    assert error.reason == "not_cloudevents"
    assert words in error.detail


def test_a_header_that_is_no_text_is_refused() -> None:
    assert refused([CLOUDEVENTS], {}, [("ce_id", b"\xff")]).reason == "bad_text"


# -- Debezium ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [ROW, {"schema": {"type": "struct"}, "payload": ROW}, {"payload": ROW}])
def test_a_row_is_found_with_and_without_the_wrapper_of_its_schema(value: Any) -> None:
    assert unwrapped([DEBEZIUM], value) == [Item(ROW, ROW)]


@pytest.mark.parametrize(("op", "by"), [("d", "deleted row"), ("t", "truncated table"), ("m", "logged message")])
def test_what_is_nobodys_activity_is_skipped_unless_a_condition_names_op(op: str, by: str) -> None:
    row = {**ROW, "op": op}
    assert unwrapped([DEBEZIUM], row) == [Skipped(by)]
    assert unwrapped([DEBEZIUM], row, names_op=True) == [Item(row, row, no_activity=by)]


@pytest.mark.parametrize("value", [None, {"schema": None, "payload": None}, b"null"])
def test_a_tombstone_in_any_form_is_skipped(value: Any) -> None:
    assert unwrapped([DEBEZIUM], value) == [Skipped("tombstone")]
    assert unwrapped([CLOUDEVENTS], None, BINARY) == [Skipped("tombstone")]


@pytest.mark.parametrize(
    ("snapshot", "is_history"),
    [("true", True), (True, True), ("last", True), ("false", False), (False, False), (None, False), ([], False)],
)
def test_an_insert_that_a_snapshot_wrote_is_history_too(snapshot: Any, is_history: bool) -> None:
    row = {**ROW, "op": "c", "source": {"snapshot": snapshot}}
    [item] = unwrapped([DEBEZIUM], row)
    assert isinstance(item, Item)
    assert item.is_history is is_history
    [later] = unwrapped([DEBEZIUM], {**row, "op": "u"})
    assert isinstance(later, Item)
    assert not later.is_history


def test_a_row_of_a_snapshot_is_history() -> None:
    [item] = unwrapped([DEBEZIUM], {**ROW, "op": "r"})
    assert isinstance(item, Item)
    assert item.is_history
    [item] = unwrapped([DEBEZIUM], {**ROW, "op": "u"})
    assert isinstance(item, Item)
    assert not item.is_history


@pytest.mark.parametrize("value", [{"id": 1}, {"op": "x"}, {"op": 1}, [1], {"schema": 1, "payload": {"id": 1}}])
def test_what_is_no_change_of_a_row_is_refused(value: Any) -> None:
    error = refused([DEBEZIUM], value)
    assert error.reason == "not_debezium"
    assert "'op'" in error.detail


def test_a_cloudevent_of_debezium_has_its_row_under_data() -> None:
    event = {**STRUCTURED, "iodebeziumop": "r", "data": {"schema": {}, "payload": {"after": {"id": 1}}}}
    [item] = unwrapped([CLOUDEVENTS, DEBEZIUM], event)
    assert isinstance(item, Item)
    assert item.is_history
    assert item.document["op"] == "r"
    assert item.document["data"] == {"after": {"id": 1}}


# -- base64 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        coded(ROW).encode(),
        json.dumps(coded(ROW)).encode(),
        json.dumps(coded({**ROW})).replace("/", "\\/").encode(),
        coded(ROW).encode().rstrip(b"="),
        b"\n".join(coded(ROW).encode()[at : at + 40] for at in range(0, len(coded(ROW)), 40)),
        base64.urlsafe_b64encode(json.dumps(ROW).encode()),
        json.dumps(ROW).encode(),
    ],
)
def test_a_whole_value_in_base64_is_read_in_every_usual_form(value: bytes) -> None:
    assert documents([BASE64], value) == [ROW]


def test_both_alphabets_of_base64_are_read() -> None:
    document = {"text": "~~~???>>>ÿÿÿ"}
    raw = json.dumps(document, ensure_ascii=False).encode()
    assert {*"+/"} & {*base64.b64encode(raw).decode()}
    assert documents([BASE64], base64.b64encode(raw)) == [document]
    assert documents([BASE64], base64.urlsafe_b64encode(raw)) == [document]


def test_what_was_encoded_takes_the_place_of_its_text() -> None:
    value = {"message": {"data": coded({"id": 1}), "messageId": "m"}, "list": [coded({"id": 2})]}
    [document] = documents([Envelope("base64", ("message", "data")), Envelope("base64", ("list", -1))], value)
    assert document == {"message": {"data": {"id": 1}, "messageId": "m"}, "list": [{"id": 2}]}


@pytest.mark.parametrize("value", [{"data": {"id": 1}}, {"data": None}, {"other": 1}, {"data": ""}])
def test_what_is_no_text_is_left_as_it_is(value: Any) -> None:
    assert documents([Envelope("base64", ("data",))], value) == [value]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("über", "not_base64"), ("a", "not_base64"), (coded(b"no json"), "not_json"), ("a*b=", "not_base64")],
)
def test_what_cannot_be_decoded_is_refused_and_says_where(text: str, reason: str) -> None:
    error = refused([Envelope("base64", ("data",))], {"data": text})
    assert error.reason == reason


def test_bounds_hold_for_what_was_in_base64() -> None:
    nested: Any = 1
    for _ in range(MAX_DEPTH):
        nested = [nested]
    assert refused([Envelope("base64", ("a",))], {"a": coded(nested)}).reason == "too_deep"
    assert documents([Envelope("base64", ("a",))], {"a": coded(nested[0])}) == [{"a": nested[0]}]
    assert refused([BASE64], coded("x" * MAX_BODY_BYTES).encode()).reason == "too_large"
    assert refused([BASE64], b"").reason == "empty"


# -- each --------------------------------------------------------------------------------------------------------


def test_each_element_of_a_list_is_an_item_that_knows_the_whole_record() -> None:
    value = {"batch": [{"id": 1}, {"id": 2}], "shop": "x"}
    entries = unwrapped([Envelope("each", ("batch",))], value)
    assert entries == [Item({"id": 1}, value), Item({"id": 2}, value)]
    assert documents([EACH], [{"id": 1}, {"id": 2}]) == [{"id": 1}, {"id": 2}]


def test_an_object_in_place_of_the_list_is_one_item_and_nothing_is_the_document_itself() -> None:
    assert documents([Envelope("each", ("batch",))], {"batch": {"id": 1}}) == [{"id": 1}]
    assert documents([Envelope("each", ("batch",))], {"id": 1}) == [{"id": 1}]
    assert documents([EACH], {"id": 1}) == [{"id": 1}]
    assert documents([EACH], []) == [Skipped("empty list")]


def test_json_lines_are_a_list_for_each_and_broken_json_stays_broken() -> None:
    assert documents([EACH], b'{"id": 1}\n{"id": 2}\r\n\n') == [{"id": 1}, {"id": 2}]
    assert documents([EACH, Envelope("each", ("data",))], b'{"data": {"id": 1}}\n{"data": {"id": 2}}') == [
        {"id": 1},
        {"id": 2},
    ]
    assert refused([EACH], b'{"id": 1}\n{"id": ').reason == "not_json"
    assert refused([EACH], b'{"id": 1').reason == "not_json"
    assert refused([Envelope("each", ("data",))], b'{"id": 1}\n{"id": 2}').reason == "not_json"


def test_items_are_numbered_through_everything_that_came_of_one_record() -> None:
    value = [{"lines": [{"id": 1}, {"id": 2}]}, {"lines": []}, 7, {"lines": [{"id": 3}]}]
    first, second, skipped, bad, last = unwrapped([EACH, Envelope("each", ("lines",))], value)
    assert isinstance(first, Item)
    assert first.document == {"id": 1}
    assert first.whole == value
    assert isinstance(second, Item)
    assert second.document == {"id": 2}
    assert skipped == Skipped("empty list")
    assert isinstance(bad, InvalidEvent)
    assert bad.reason == "not_an_object"
    assert isinstance(last, Item)
    assert last.document == {"id": 3}
    assert last.whole == value


def test_the_whole_record_is_out_of_its_envelope_too() -> None:
    value = {**STRUCTURED, "data": {"rows": [{"id": 1}]}}
    [item] = unwrapped(
        [CLOUDEVENTS, Envelope("each", ("data", "rows"))], value["data"], [*BINARY, ("ce_tenant", b"t")]
    )
    assert isinstance(item, Item)
    assert item.document == {"id": 1}
    assert item.whole["tenant"] == "t"


def test_one_bad_item_in_base64_is_refused_alone() -> None:
    first, bad = unwrapped([EACH, Envelope("base64", ("d",))], [{"d": coded({"id": 1})}, {"d": "*"}])
    assert isinstance(first, Item)
    assert first.document == {"d": {"id": 1}}
    assert isinstance(bad, InvalidEvent)
    assert bad.reason == "not_base64"


def test_a_record_with_too_many_items_is_refused_as_a_whole_and_says_how_many_are_read() -> None:
    assert len(documents([EACH], [{}] * MAX_ITEMS)) == MAX_ITEMS
    error = refused([EACH], [{}] * (MAX_ITEMS + 1))
    assert error.reason == "too_many_items"
    assert f"{MAX_ITEMS + 1} items" in error.detail
    assert "10000" in error.detail
    half: list[dict[str, list[Any]]] = [{"i": [{}] * (MAX_ITEMS // 2 + 1)}] * 2
    assert refused([EACH, Envelope("each", ("i",))], half).reason == "too_many_items"


def test_a_document_without_an_envelope_is_one_item() -> None:
    assert unwrapped([], {"id": 1}) == [Item({"id": 1}, {"id": 1})]
