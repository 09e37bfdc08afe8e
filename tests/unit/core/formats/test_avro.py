"""Laws of reading Avro: the forms of values, and bytes that no schema fits."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastavro import parse_schema, schemaless_writer

from schemas.events import MAX_DEPTH, InvalidEvent
from workers.core.formats.avro import UnusableSchema, compile_avro


def record(*types: Any) -> Any:
    fields = [{"name": f"f{place}", "type": kind} for place, kind in enumerate(types)]
    return {"type": "record", "name": "shop.R", "fields": fields}


def reader(schema: Any) -> Any:
    named: dict[str, Any] = {}
    return compile_avro(parse_schema(schema, named), named)


def read(kind: Any, raw: bytes) -> Any:
    return reader(record(kind))(raw, 0)["f0"]


def rewritten(kind: Any, value: Any) -> Any:
    out = io.BytesIO()
    schemaless_writer(out, parse_schema(record(kind)), {"f0": value})
    return read(kind, out.getvalue())


def refusal(kind: Any, raw: bytes) -> str:
    with pytest.raises(InvalidEvent) as caught:
        read(kind, raw)
    assert caught.value.reason == "undecodable"
    return caught.value.detail


LARGEST = b"\xfe" + b"\xff" * 8 + b"\x01"
MOMENT = datetime(2026, 10, 3, 9, 14, 52, 760_000, UTC)


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ({"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}, Decimal("64.35"), 64.35),
        ({"type": "bytes", "logicalType": "decimal", "precision": 20}, Decimal(-7), -7),
        ({"type": "bytes", "logicalType": "decimal", "precision": 40}, Decimal(10**26 + 1), 10**26 + 1),
        (
            {"type": "fixed", "name": "D", "size": 9, "logicalType": "decimal", "precision": 20, "scale": 3},
            Decimal("-12345678901234567.891"),
            Decimal("-12345678901234567.891"),
        ),
        ({"type": "long", "logicalType": "timestamp-millis"}, MOMENT, 1_791_018_892_760),
        ({"type": "long", "logicalType": "timestamp-micros"}, MOMENT, 1_791_018_892_760_000),
        ({"type": "int", "logicalType": "date"}, date(2026, 10, 3), 20_729),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, 1_791_018_892_760, "2026-10-03T09:14:52.760"),
        ({"type": "long", "logicalType": "local-timestamp-micros"}, 1_000_001, "1970-01-01T00:00:01.000001"),
        ({"type": "string", "logicalType": "uuid"}, UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        ({"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}, UUID(int=7).bytes, str(UUID(int=7))),
        ("bytes", "Zoë".encode(), "Zoë"),
        ("bytes", b"\xff\x00", "ff00"),
        ({"type": "enum", "name": "E", "symbols": ["paid", "open"]}, "open", "open"),
        (["null", "string", "long"], 5, 5),
        (["null", "string", "long"], None, None),
        ({"type": "map", "values": "int"}, {"a": 1}, {"a": 1}),
        ({"type": "array", "items": ["null", "string"]}, ["x", None], ["x", None]),
    ],
)
def test_a_value_has_the_form_in_which_a_mapping_reads_it(kind: Any, value: Any, expected: Any) -> None:
    found = rewritten(kind, value)
    assert (found, found.__class__) == (expected, expected.__class__)


def test_a_type_is_found_by_its_name_also_in_another_namespace_and_in_a_second_schema() -> None:
    named: dict[str, Any] = {}
    address = {
        "type": "record",
        "name": "Address",
        "namespace": "com.acme",
        "fields": [{"name": "c", "type": "string"}],
    }
    parse_schema(address, named)
    fields = [{"name": "bill", "type": "com.acme.Address"}, {"name": "ship", "type": ["null", "com.acme.Address"]}]
    order = {"type": "record", "name": "Order", "namespace": "org.shop", "fields": fields}
    read_order = compile_avro(parse_schema(order, named), named)
    assert read_order(b"\x04US\x02\x04DE", 0) == {"bill": {"c": "US"}, "ship": {"c": "DE"}}


def test_blocks_of_a_list_may_say_how_long_they_are() -> None:
    assert read({"type": "array", "items": "int"}, b"\x03\x04\x02\x04" + b"\x02\x06" + b"\x00") == [1, 2, 3]


@pytest.mark.parametrize(
    ("kind", "raw", "said"),
    [
        ("boolean", b"\x07", "byte 0 is 7"),
        ({"type": "enum", "name": "E", "symbols": ["a", "b"]}, b"\x01", "symbol -1"),
        ({"type": "enum", "name": "E", "symbols": ["a", "b"]}, b"\x04", "symbol 2"),
        (["null", "string"], b"\x01", "branch -1"),
        (["string", "int", "null"], b"\x06", "branch 3"),
        ("string", b"\x03abc", "length"),
        ("string", b"\x04\xff\xfe", "not UTF-8"),
        ("string", b"\x14abc", "ends within a value"),
        ("double", b"\x00" * 7, "ends within a value"),
        ("float", b"\x00" * 3, "ends within a value"),
        ({"type": "fixed", "name": "F", "size": 4}, b"abc", "ends within a value"),
        ("int", b"\x80\x80\x80\x80\x20", "no int"),
        ("long", b"\xff" * 9 + b"\x03", "64 bits"),
        ("long", b"\xff" * 11, "64 bits"),
        ("string", b"\x02ab", "its value ends at byte 2"),
        ({"type": "array", "items": "int"}, LARGEST, "more than the record has bytes"),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, LARGEST, "9999"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 5}, b"\xa0\x1f" + b"\x7f" * 2000, "digits"),
    ],
)  # fmt: skip
def test_bytes_that_are_no_value_of_the_schema_are_refused(kind: Any, raw: bytes, said: str) -> None:
    assert said in refusal(kind, raw)


@pytest.mark.parametrize("items", ["null", record(), {"type": "fixed", "name": "F", "size": 0}, record("null")])
def test_a_schema_of_which_a_few_bytes_name_millions_of_values_is_refused(items: Any) -> None:
    with pytest.raises(UnusableSchema, match="without bytes"):
        reader({"type": "array", "items": items})


def test_a_schema_that_nests_deeper_than_json_may_is_refused() -> None:
    schema: Any = "string"
    for _ in range(MAX_DEPTH + 1):
        schema = {"type": "array", "items": schema}
    with pytest.raises(UnusableSchema, match="deeper"):
        reader(schema)


def test_a_schema_that_names_each_type_many_times_is_compiled_once_for_each() -> None:
    named: dict[str, Any] = {}
    parse_schema({"type": "record", "name": "R0", "fields": [{"name": "v", "type": "int"}]}, named)
    for level in range(1, 25):
        fields = [{"name": f"f{place}", "type": f"R{level - 1}"} for place in range(8)]
        top = parse_schema({"type": "record", "name": f"R{level}", "fields": fields}, named)
    assert compile_avro(top, named) is not None


def test_lists_inside_records_of_their_own_kind_are_bounded_too() -> None:
    tree = {"type": "record", "name": "T", "fields": [{"name": "c", "type": {"type": "array", "items": "T"}}]}
    with pytest.raises(InvalidEvent) as caught:
        reader(tree)(b"\x02" * 20 + b"\x00" * 21, 0)
    assert caught.value.reason == "too_deep"
    assert reader(tree)(b"\x02" * 10 + b"\x00" * 11, 0)["c"][0]["c"] != []
