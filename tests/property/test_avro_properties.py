"""Laws of reading Avro: what another library has written is read exactly, and no bytes end the process."""

import io
import itertools
import math
from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import MAX_DEPTH, InvalidEvent
from tests.support.examples import examples
from workers.core.formats.avro import ReadBody, compile_avro

Typed = tuple[Any, st.SearchStrategy[tuple[Any, Any]]]
"""A schema, and a strategy of what is written and what is to be read."""

TEXTS = st.text(st.characters(codec="utf-8"), max_size=80)
LONGS = st.integers(-(1 << 63), (1 << 63) - 1)


def same(value: Any) -> tuple[Any, Any]:
    return value, value


def shown(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.hex()


class Exactly:
    """Equals a number with the same digits, be it a float."""

    def __init__(self, number: Decimal) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return Decimal(str(other)) == self.number

    def __hash__(self) -> int:
        return hash(self.number)


def exact_decimal(unscaled: int) -> tuple[Any, Any]:
    number = Decimal(unscaled).scaleb(-4, Context(prec=100))
    return number, Exactly(number)


PRIMITIVES: list[Typed] = [
    ("null", st.just((None, None))),
    ("boolean", st.booleans().map(same)),
    ("int", st.integers(-(1 << 31), (1 << 31) - 1).map(same)),
    ("long", LONGS.map(same)),
    ("float", st.floats(width=32, allow_nan=False).map(same)),
    ("double", st.floats(allow_nan=False).map(same)),
    ("string", TEXTS.map(same)),
    ("bytes", st.binary(max_size=80).map(lambda raw: (raw, shown(raw)))),
    ({"type": "long", "logicalType": "timestamp-millis"}, LONGS.map(same)),
    ({"type": "int", "logicalType": "date"}, st.integers(-100_000, 100_000).map(same)),
    (
        {"type": "bytes", "logicalType": "decimal", "precision": 60, "scale": 4},
        (st.integers(-(10**59), 10**59) | st.integers(-(10**16), 10**16)).map(exact_decimal),
    ),
]


@st.composite
def types(draw: st.DrawFn, depth: int = 3) -> Typed:
    kind = draw(st.sampled_from(["plain", "plain", "record", "array", "map", "union", "enum", "fixed"]))
    if kind == "enum":
        symbols = ["A", "B", "C"][: draw(st.integers(1, 3))]
        schema: Any = {"type": "enum", "name": "E", "symbols": symbols}
        return schema, st.sampled_from(symbols).map(same)
    if kind == "fixed":
        size = draw(st.integers(1, 20))
        schema = {"type": "fixed", "name": "F", "size": size}
        return schema, st.binary(min_size=size, max_size=size).map(lambda raw: (raw, shown(raw)))
    if kind == "plain" or not depth:
        return draw(st.sampled_from(PRIMITIVES))
    if kind == "union":
        branch, values = draw(types(depth - 1).filter(lambda typed: not isinstance(typed[0], list)))
        return (branch, values) if branch == "null" else (["null", branch], st.just((None, None)) | values)
    if kind == "record":
        inner = draw(st.lists(types(depth - 1), max_size=4))
        fields = [{"name": f"f{place}", "type": schema} for place, (schema, _) in enumerate(inner)]
        both = st.tuples(*(values for _, values in inner)).map(
            lambda pairs: (
                {f"f{place}": pair[0] for place, pair in enumerate(pairs)},
                {f"f{place}": pair[1] for place, pair in enumerate(pairs)},
            )
        )
        return {"type": "record", "name": "R", "fields": fields}, both
    schema, values = draw(types(depth - 1))
    if kind == "map":
        entries = st.dictionaries(TEXTS, values, max_size=4)
        return {"type": "map", "values": schema}, entries.map(
            lambda pairs: ({k: v[0] for k, v in pairs.items()}, {k: v[1] for k, v in pairs.items()})
        )
    items = st.lists(values, max_size=4)
    has_bytes = {"type": "record", "name": "I", "fields": [{"name": "v", "type": schema}, *ONE_BYTE]}
    return {"type": "array", "items": has_bytes}, items.map(
        lambda pairs: ([{"v": w, "b": True} for w, _ in pairs], [{"v": r, "b": True} for _, r in pairs])
    )


ONE_BYTE = [{"name": "b", "type": "boolean"}]


def with_own_names(schema: Any, numbers: Iterator[int]) -> Any:
    """The same schema, in which no two types have one name."""
    if isinstance(schema, list):
        return [with_own_names(branch, numbers) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    names = {"name": f"T{next(numbers)}"} if schema.get("type") in ("record", "enum", "fixed") else {}
    parts = {key: with_own_names(part, numbers) for key, part in schema.items() if key != "symbols"}
    return {**schema, **parts, **names}


@st.composite
def written(draw: st.DrawFn) -> tuple[ReadBody, bytes, Any]:
    schema, values = draw(types())
    named: dict[str, Any] = {}
    parsed = parse_schema(with_own_names(schema, itertools.count()), named)
    value, expected = draw(values)
    out = io.BytesIO()
    schemaless_writer(out, parsed, value)
    return compile_avro(parsed, named), out.getvalue(), expected


@given(written())
@examples(200)
def test_what_another_library_has_written_is_read_exactly(case: tuple[ReadBody, bytes, Any]) -> None:
    read, raw, expected = case
    assert read(b"\0\0\0\0\7" + raw, 5) == expected


@given(written(), st.data())
@examples(200)
def test_a_body_that_is_cut_or_has_more_bytes_is_refused(
    case: tuple[ReadBody, bytes, Any], data: st.DataObject
) -> None:
    read, raw, _ = case
    more = raw + data.draw(st.binary(min_size=1, max_size=3))
    less = raw[: data.draw(st.integers(0, max(0, len(raw) - 1)))]
    for spoilt in [more] + [less] * bool(raw):
        with pytest.raises(InvalidEvent, match="undecodable"):
            read(spoilt, 0)


@given(written(), st.binary(max_size=60))
@examples(200)
def test_any_bytes_are_read_or_refused(case: tuple[ReadBody, bytes, Any], raw: bytes) -> None:
    read, _, _ = case
    assert refusal(read, raw) in ("", "undecodable", "too_deep")


def refusal(read: ReadBody, raw: bytes) -> str:
    """The reason for which bytes are refused, none if they are read."""
    try:
        read(raw, 0)
    except InvalidEvent as error:
        return error.reason
    return ""


@given(st.integers(0, 200_000))
def test_a_chain_of_any_length_is_read_up_to_the_depth_of_json_and_refused_beyond(length: int) -> None:
    chain = {"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]}
    named: dict[str, Any] = {}
    read = compile_avro(parse_schema(chain, named), named)
    raw = b"\2" * length + b"\0"
    assert refusal(read, raw) == ("too_deep" if length >= MAX_DEPTH else "")


def test_a_number_that_is_none_is_read_as_such() -> None:
    read = compile_avro("double", {})
    out = io.BytesIO()
    schemaless_writer(out, parse_schema("double"), math.nan)
    assert math.isnan(read(out.getvalue(), 0))
