"""For any record, a mapper returns an event, skips it, or raises `InvalidEvent`; nothing else, ever."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.events import Event, InvalidEvent, LeftOut, Purchase, encode_event, parse_event
from schemas.sources import Source
from workers.core.events.decoding import DecodedEvent, decode_event, epoch_ms
from workers.core.mapping.converter import Canonical, compile_converter, compile_untrusted_reader
from workers.core.mapping.mapper import compile_source
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped

Headers = list[tuple[str, bytes]]

LATEST = datetime(2030, 1, 1, tzinfo=UTC)
DECLARED = ("nps",)


def place(name: str, **more: Any) -> dict[str, Any]:
    return {"path": name, **more}


def source(event: str, **content: Any) -> Source:
    return Source.model_validate({"topic": "t", "event": event, "max_silence": "1 day", **content})


COMMON = {"event_id": "id", "customer_id": "who.id", "occurred_at": "at"}
MONEY = {"amount": place("total", unit="minor"), "currency": ["currency", {"constant": "kwd"}]}
WORDY = [
    source(
        "purchase",
        only_when={"header x": {"given": False}, "id": {"other than": ["no", 1]}, "find": "total || `1`"},
        fields={
            "event_id": [{"join": ["id", ["list[-1].id", "at"]]}, "id", {"position": True}],
            "customer_id": [
                place("customer_id", nothing=[0, "ad*"], lower=True),
                {"find": "list[?id].id | [0]"},
                {"header": "who", "hashed": True},
                place("who.id", words={"20417": "ada", "7": None}),
            ],
            "occurred_at": [
                place("amount", format="microseconds", nothing=["", "NaN", "64*"]),
                place("occurred_at", format="%Y-%m-%dT%H:%M:%S%z"),
                {"timestamp": True},
            ],
            "amount": [place("amount", decimals={"EUR": 3}), place("total", decimals="list[0].id"), "total"],
            "currency": [place("currency", words={"1": "EUR"}), {"constant": "eur"}],
            "order_id": {"find": "max_by(list, &id).id"},
        },
        attributes={"a": ["who.id.x", {"header": "at"}], "b": {"find": "length(list)"}, "c": {"timestamp": True}},
    ),
    Source.model_validate(
        {
            "topic": "t",
            "max_silence": "1 day",
            "fields": COMMON,
            "attributes": {"kind": place("type", lower=True)},
            "one_of": [
                {"event": "nps", "only_when": {"total": {"more than": 0}}, "fields": MONEY},
                {
                    "event": "cancellation",
                    "only_when": {"type": {"matches": "(?i)^pur"}, "total": {"from": -5, "to": 9}},
                },
                {"event": "login", "only_when": {"key": {"given": True}, "topic": "t"}},
                {
                    "event": "purchase",
                    "only_when": {"type": ["purchase", None, 1]},
                    "fields": {**MONEY, "occurred_at": place("at", format="days", zone="Asia/Tokyo")},
                },
            ],
        }
    ),
]
SOURCES = [
    source("purchase", fields={**COMMON, "amount": "total", "currency": {"constant": "EUR"}, "order_id": "id"}),
    source(
        "cancellation",
        fields={
            **COMMON,
            "occurred_at": place("at", format="seconds"),
            "what": "total",
            "effective_at": place("amount", format="milliseconds"),
        },
    ),
    source(
        "login",
        fields={**COMMON, "occurred_at": place("at", zone="America/New_York")},
        only_when={"total": [1, True, "ok", None]},
        attributes={"a": "total", "b": "list[0].id"},
    ),
    source(
        "nps",
        fields={"event_id": {"key": True}, "customer_id": {"header": "who"}, "occurred_at": {"header": "at"}},
        attributes={"score": "total", "where": {"position": True}},
    ),
    *WORDY,
    Source.model_validate(
        {"topic": "t", "format": "canonical", "events": ["purchase", "nps"], "max_silence": "1 day"}
    ),
]
MAPPERS = [compile_source(source, DECLARED, b"key") for source in SOURCES]
UNTRUSTED_READER = compile_untrusted_reader(DECLARED)
CONVERTERS = [compile_converter(source, DECLARED, b"key") for source in SOURCES]

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats()
    | st.text(max_size=20)
    | st.text(st.sampled_from("xü😡"), min_size=250, max_size=260).map(lambda text: text * 5)
    | st.datetimes().map(datetime.isoformat)
    | st.datetimes(timezones=st.timezones()).map(datetime.isoformat)
    | st.integers(0, 2 * 10**12).map(str)
    | st.sampled_from(["purchase", "login", "nps", "EUR", "ok", "", " ", "NaN", "-1", "1e400", "9" * 400])
)
names = st.sampled_from(
    ["id", "who", "at", "total", "list", "type", "event_id", "customer_id", "occurred_at", "amount"]
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.text(max_size=3), inner, max_size=5),
    max_leaves=12,
)
# A good body with a few things changed: what is odd is then odd alone, and gets further in.
good = st.fixed_dictionaries(
    {
        "id": st.just("e-1"),
        "who": st.just({"id": 20417}),
        "at": st.sampled_from(["2025-10-03T16:14:52Z", "2025-10-03 16:14:52", 1759508092, "1759508092"]),
        "total": st.sampled_from(["64.35", 1, True, "ok", None]),
        "type": st.sampled_from(["purchase", "nps"]),
        "event_id": st.just("e-1"),
        "customer_id": st.just("ada"),
        "occurred_at": st.just("2025-10-03T16:14:52Z"),
        "amount": st.just("64.35"),
        "currency": st.just("EUR"),
    }
)
likely = st.builds(dict[str, Any].__or__, good, st.dictionaries(names, values, max_size=2))
raw_headers = st.lists(st.tuples(st.sampled_from(["who", "at", "x"]), st.binary(max_size=30)), max_size=4)


def outcome(number: int, value: bytes | None, key: bytes | None, headers: Headers) -> Event | InvalidEvent | None:
    """Map; anything but a refusal goes through as an error of the test."""
    try:
        return MAPPERS[number](SourceRecord("t", 0, 7, 0, key, value, headers), LATEST)
    except InvalidEvent as refusal:
        return refusal


def assert_lawful(result: Event | InvalidEvent | None) -> None:
    if isinstance(result, InvalidEvent):
        assert result.reason.isidentifier()
        assert 0 < len(result.detail) < 2_000
    elif result is not None:
        assert result.occurred_at.utcoffset() == timedelta(0)
        assert result.occurred_at <= LATEST
        written = encode_event(result)
        assert encode_event(parse_event(written, types=DECLARED, latest=LATEST)) == written


@pytest.mark.parametrize("number", range(len(SOURCES)))
@given(document=likely | values, key=st.none() | st.binary(max_size=20), headers=raw_headers)
def test_no_json_breaks_a_mapper(number: int, document: Any, key: bytes | None, headers: Headers) -> None:
    assert_lawful(outcome(number, json.dumps(document).encode(), key, headers))


@pytest.mark.parametrize("number", range(len(SOURCES)))
@given(raw=st.none() | st.binary(max_size=200) | st.text(max_size=100).map(str.encode), key=st.binary(max_size=5))
def test_no_bytes_break_a_mapper(number: int, raw: bytes | None, key: bytes) -> None:
    assert_lawful(outcome(number, raw, key, [("who", key), ("at", raw or b"")]))


def passed(number: int, record: SourceRecord) -> Canonical | Skipped | InvalidEvent:
    try:
        return CONVERTERS[number](record, round(LATEST.timestamp() * 1000))
    except InvalidEvent as refusal:
        return refusal


@pytest.mark.parametrize(("number", "event_type"), [(4, "purchase"), (5, "nps"), (5, "cancellation"), (5, "login")])
def test_sources_with_many_words_make_events_of_good_records(number: int, event_type: str) -> None:
    total = {"purchase": 1, "nps": 6435, "cancellation": -4, "login": True}[event_type]
    kind = "Other" if event_type == "login" else "purchase"
    body = {"id": "e-1", "who": {"id": 20417}, "at": "2025-10-03T16:14:52Z", "total": total, "type": kind}
    money = {"amount": "6435", "currency": "EUR", "occurred_at": "2025-10-03T16:14:52Z", "customer_id": "ada"}
    raw = json.dumps({**body, **(money if number == 4 else {})}).encode()
    result = passed(number, SourceRecord("t", 0, 7, 0, b"k", raw, []))
    assert isinstance(result, Canonical), result
    assert result.type == event_type
    assert_passes_as_mapped(number, raw, b"k", [])


def assert_passes_as_mapped(number: int, raw: bytes | None, key: bytes | None, headers: Headers) -> None:
    mapped = outcome(number, raw, key, headers)
    resumed = passed(number, SourceRecord("t", 0, 7, 0, key, raw, headers))
    if isinstance(resumed, Skipped):
        assert mapped is None
        return
    if not isinstance(resumed, Canonical):
        assert repr(resumed) == repr(mapped)
        return
    assert mapped is not None
    assert not isinstance(mapped, InvalidEvent)
    assert decode_event(resumed.value, DECLARED) == decode_event(encode_event(mapped), DECLARED)
    assert (resumed.customer_id, resumed.type) == (mapped.customer_id, mapped.type)
    assert resumed.unknown_fields == mapped.unknown_fields()
    assert resumed.left_out == mapped.left_out()


@pytest.mark.parametrize("number", range(len(SOURCES)))
@given(document=likely | values, key=st.none() | st.binary(max_size=20), headers=raw_headers)
def test_what_is_passed_on_says_what_the_mapper_says(
    number: int, document: Any, key: bytes | None, headers: Headers
) -> None:
    assert_passes_as_mapped(number, json.dumps(document).encode(), key, headers)


canonical = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["purchase", "nps", "login", "cancellation"]),
        "event_id": st.just("e-1") | scalars,
        "customer_id": st.sampled_from(["ada", "ä" * 100, "", " \u2003"]) | scalars,
        "occurred_at": st.sampled_from(
            [
                "2025-10-03T16:14:52Z",
                "2025-10-03T16:14:52.1234567+02:00",
                "2029-12-31T23:59:59.9999Z",
                "2031-01-01T00:00Z",
            ]
        )
        | scalars,
    },
    optional={
        "amount": st.sampled_from(["64.35", 64.35, 7, "7.", ".5", "1e3", "-0", "1_0", "1000000000001", "٣"])
        | scalars,
        "currency": st.sampled_from(["EUR", "eur", "EUR\n"]) | scalars,
        "order_id": st.sampled_from(["o-1", "x" * 300, ""]) | scalars,
        "what": scalars,
        "reason": scalars,
        "effective_at": st.sampled_from(["2040-01-01T00:00:00Z", "1960-01-01T00:00:00Z"]) | scalars,
        "attributes": st.dictionaries(st.text(max_size=5), values | st.just("é" * 600), max_size=3)
        | st.just({f"a{number}": number for number in range(70)})
        | scalars,
        "extra": scalars,
    },
)


@given(canonical)
@example(
    {
        "type": "purchase",
        "event_id": "e-1",
        "customer_id": "ada",
        "occurred_at": "2025-10-03T16:14:52Z",
        "amount": "64.35",
        "currency": "EUR\n",
    }
)
def test_what_is_canonical_is_passed_on_as_the_mapper_says(document: dict[str, Any]) -> None:
    for raw in (json.dumps(document).encode(), json.dumps(document, ensure_ascii=False).encode(errors="replace")):
        assert_passes_as_mapped(len(SOURCES) - 1, raw, None, [])


ODD_NUMBERS = ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "9" * 30, "-" + "9" * 30, "9" * 400, "1e20", "5"]


@pytest.mark.parametrize("odd", ODD_NUMBERS)
@pytest.mark.parametrize("where", ["attributes", "beside"])
def test_an_odd_number_means_the_same_on_every_way(odd: str, where: str) -> None:
    start = '{"type":"nps","event_id":"e","customer_id":"ada","occurred_at":"2025-10-03T16:14:52Z"'
    rest = f',"attributes":{{"score":{odd}}}}}' if where == "attributes" else f',"extra":{odd}}}'
    raw = (start + rest).encode()
    assert_passes_as_mapped(len(SOURCES) - 1, raw, None, [])
    assert read_untrusted(raw) == parsed_and_read(raw)
    foreign = f'{{"total":{odd}}}' if where == "attributes" else f'{{"total":1,"x":{odd}}}'
    headers = [("who", b"ada"), ("at", b"2025-10-03T16:14:52Z")]
    assert_passes_as_mapped(3, foreign.encode(), b"k", headers)
    assert isinstance(passed(3, SourceRecord("t", 0, 7, 0, b"k", foreign.encode(), headers)), Canonical)


def test_an_unremarkable_canonical_event_is_passed_on_as_it_came() -> None:
    event = {"type": "nps", "event_id": "e", "customer_id": "ada", "occurred_at": "2025-10-03T16:14:52Z"}
    raw = json.dumps({**event, "attributes": {"score": 7}}).encode()
    resumed = passed(len(SOURCES) - 1, SourceRecord("t", 0, 7, 0, b"ada", raw, []))
    assert isinstance(resumed, Canonical)
    assert resumed.value is raw


@pytest.mark.parametrize("number", range(len(SOURCES)))
@given(document=likely, key=st.just(b"k"), headers=raw_headers)
def test_the_same_record_is_the_same_event_every_time(
    number: int, document: Any, key: bytes, headers: Headers
) -> None:
    raw = json.dumps(document).encode()
    assert repr(outcome(number, raw, key, headers)) == repr(outcome(number, raw, key, headers))


@given(
    moment=st.datetimes(datetime(1973, 4, 1), datetime(2029, 12, 31)),
    unit=st.sampled_from([("seconds", 10**6), ("milliseconds", 10**3)]),
    as_text=st.booleans(),
)
def test_every_plausible_moment_survives_being_written_as_a_number(
    moment: datetime, unit: tuple[str, int], as_text: bool
) -> None:
    name, microseconds = unit
    at = moment.replace(tzinfo=UTC)
    at -= timedelta(microseconds=at.microsecond % microseconds)
    number = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=microseconds)
    mapper = compile_source(source("login", fields={**COMMON, "occurred_at": place("at", format=name)}), ())
    body = {"id": "e", "who": {"id": "ada"}, "at": str(number) if as_text else number}
    event = mapper(SourceRecord("t", 0, 7, 0, None, json.dumps(body).encode(), ()), LATEST)
    assert event is not None
    assert event.occurred_at == at


@given(number=st.integers(-(2**63), 2**64 - 1))
def test_every_whole_number_of_64_bits_is_an_exact_id(number: int) -> None:
    body = {"id": number, "who": {"id": number}, "at": "2025-10-03T16:14:52Z", "total": 1}
    event = outcome(0, json.dumps(body).encode(), None, [])
    assert isinstance(event, Purchase)
    assert event.event_id == event.customer_id == str(number)


def read_untrusted(raw: bytes | None) -> tuple[DecodedEvent, LeftOut] | str:
    try:
        return UNTRUSTED_READER(raw, round(LATEST.timestamp() * 1000))
    except InvalidEvent as refusal:
        return repr(refusal)


def parsed_and_read(raw: bytes | None) -> tuple[DecodedEvent, LeftOut] | str:
    try:
        event = parse_event(raw, types=DECLARED, latest=LATEST)
        return decode_event(encode_event(event), DECLARED), event.left_out()
    except InvalidEvent as refusal:
        return repr(refusal)


ALL_TYPES = Source.model_validate(
    {
        "topic": "t",
        "format": "canonical",
        "events": ["purchase", "login", "cancellation", "nps"],
        "max_silence": "1 day",
    }
)
THROUGH_INTAKE = compile_converter(ALL_TYPES, DECLARED)
LATEST_MS = round(LATEST.timestamp() * 1000)


def read_directly(raw: bytes | None) -> DecodedEvent | str:
    try:
        return UNTRUSTED_READER(raw, LATEST_MS)[0]
    except InvalidEvent as refusal:
        return repr(refusal)


def read_through_intake(raw: bytes | None) -> DecodedEvent | str:
    try:
        passed_on = THROUGH_INTAKE(SourceRecord("t", 0, 7, 0, None, raw, []), LATEST_MS)
    except InvalidEvent as refusal:
        return repr(refusal)
    assert isinstance(passed_on, Canonical)
    return decode_event(passed_on.value, DECLARED)


def parsed_or_refused(raw: bytes | None) -> Event | str:
    try:
        return parse_event(raw, types=DECLARED, latest=LATEST)
    except InvalidEvent as refusal:
        return repr(refusal)


def assert_folded_alike(raw: bytes | None) -> None:
    """What a canonical source accepts, a direct producer may write; and nothing else."""
    directly = read_directly(raw)
    assert directly == read_through_intake(raw)
    parsed = parsed_or_refused(raw)
    if isinstance(parsed, str):
        assert directly == parsed
        return
    assert isinstance(directly, DecodedEvent)
    assert (directly.event_id, directly.type, directly.customer_id) == (
        parsed.event_id,
        parsed.type,
        parsed.customer_id,
    )
    # The fast path rounds a time finer than a microsecond, the parser cuts it off.
    assert 0 <= directly.at_ms - epoch_ms(parsed.occurred_at) <= 1


@given(canonical)
@example({"type": "nps", "event_id": 7, "customer_id": 20417, "occurred_at": "2024-01-22T10:00Z"})
@example({"type": "nps", "event_id": "e", "customer_id": -(2**63), "occurred_at": "2024-01-22T10:00:00Z"})
@example(
    {
        "type": "nps",
        "event_id": "e",
        "customer_id": "ada",
        "occurred_at": "2024-01-22T10:00:00Z",
        "attributes": {"n": 10**30, "more": 10**400},
    }
)
def test_what_a_canonical_source_accepts_a_direct_producer_may_write(document: dict[str, Any]) -> None:
    for raw in (json.dumps(document).encode(), json.dumps(document, ensure_ascii=False).encode(errors="replace")):
        assert_folded_alike(raw)


TIMES = [
    "2024-01-02T00:00:00Z",
    "2024-01-02T00:00:00+0000",
    "2024-01-02T00:00:00+00",
    "2024-01-02 00:00:00Z",
    "2024-01-02T00:00:00,500Z",
    "2024-01-02T00:00:00.123456789Z",
    "2024-01-02T00:00:00.9999999Z",
    "2016-12-31T23:59:60Z",
    "2024-01-02T24:00:00Z",
    "2024-01-02T00:00Z",
    "2024-01-22T10:00+01:00",
    "2024-01-02t00:00:00z",
    "2024-01-02T00:00:00\N{MINUS SIGN}05:00",
    "2024-01-02T00:00:00+00:00[Europe/Berlin]",
    "2024-02-29T12:00:00Z",
    "2023-02-29T12:00:00Z",
    "2024-W01-2T00:00:00Z",
    "2024-01-02T00:00:00-00:00",
    "2024-01-02T00:00:00.Z",
    "2024-01-02T00:00:00+14:00",
    "2024-01-02T00:00:00+23:59",
    "2024-01-02",
    "20240102T000000Z",
    "2024-01-02T00:00:00 Z",
    "2024-01-02T00:00:00+02:00:30",
    "\u0662\u0660\u0662\u0664-01-02T00:00:00Z",
    "2024-01-02T00:00:00Z ",
    "2024-01-02T00Z",
    "1970-01-01T00:30:00+05:00",
    "2029-12-31T23:59:59.999Z",
    "2030-01-01T00:00:00Z",
    "2030-01-01T00:00:00.001Z",
]


@pytest.mark.parametrize("time", TIMES)
@pytest.mark.parametrize("field", ["occurred_at", "effective_at"])
def test_a_time_is_read_alike_through_a_source_and_directly(time: str, field: str) -> None:
    document = {"type": "cancellation", "event_id": "e", "customer_id": "c", "occurred_at": "2024-01-01T00:00:00Z"}
    assert_folded_alike(json.dumps({**document, field: time}).encode())


@pytest.mark.parametrize(
    "piece",
    [
        b'"event_id":"a","event_id":"b"',
        b'"amount":1e2',
        b'"amount":1E-3',
        b'"amount":12.50',
        b'"amount":" 12.50 "',
        b'"amount":"1_000"',
        b'"amount":"+5"',
        b'"amount":-0.0',
        b'"amount":true',
        b'"amount":null',
        b'"amount":1000000000000',
        b'"amount":0.1234567890123456789',
        b'"amount":"0E-400"',
        b'"currency":null',
        b'"order_id":17',
        b'"order_id":17.5',
        b'"order_id":true',
        b'"order_id":null',
        b'"what":"gold"',
        b'"reason":5',
        b'"attributes":null',
        b'"attributes":{}',
        b'"attributes":{"a":1,"a":2}',
        b'"attributes":{"a":1e400}',
        b'"attributes":{"a":-0}',
        b'"attributes":{"a":18446744073709551615}',
        b'"attributes":{"a":"\\u0000"}',
        b'"attributes":{"":""}',
        b'"customer_id":9223372036854775808',
        b'"customer_id":1.0',
        b'"customer_id":"  ada "',
        b'"customer_id":"\\ud83d\\ude00"',
        b'"customer_id":"\\ud83d"',
        b'"extra":{"deep":[1,2,{"x":null}]}',
        b'"type":"purchase" , "\\u0074ype":"login"',
    ],
)
@pytest.mark.parametrize("kind", ["purchase", "login", "cancellation", "nps"])
def test_a_field_is_read_alike_through_a_source_and_directly(piece: bytes, kind: str) -> None:
    usual = {
        "type": kind,
        "event_id": "e",
        "customer_id": "ada",
        "occurred_at": "2024-01-22T10:00:00Z",
        **({"amount": "1", "currency": "EUR"} if kind == "purchase" else {}),
    }
    assert_folded_alike(json.dumps(usual).encode()[:-1] + b"," + piece + b"}")


@given(st.binary(max_size=100))
@example(b"\xef\xbb\xbf{}")
def test_no_bytes_break_the_reader_of_what_comes_directly(raw: bytes) -> None:
    assert_folded_alike(raw)


moments = st.datetimes(datetime(1970, 1, 2), datetime(9998, 12, 30), timezones=st.just(UTC))


@given(moments, st.integers(-23 * 60, 23 * 60))
def test_a_moment_is_the_same_millisecond_in_every_zone(moment: datetime, minutes: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    exact = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert epoch_ms(moment) == epoch_ms(elsewhere) == exact
