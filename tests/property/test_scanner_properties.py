"""The fast reader of events takes nothing that the strict ones refuse or change, and reads nothing otherwise.

It is compared with both: `decode_event`, for what intake has written, and the reader of untrusted events. Both of its
ways are tried, byte by byte and by msgspec, whichever of them `scan` takes here.
"""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from random import Random
from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.events import BUILT_IN, MAX_BODY_BYTES, InvalidEvent, encode_event, parse_event
from tests.support.examples import examples
from tests.support.fuzzing import JSON_CHARACTERS, damaged, seeds, seeds_for
from workers.core.events.decoding import DecodedEvent, NotCanonical, Wire, decode_event, number_of, scaled
from workers.core.events.fingerprint import Fingerprint
from workers.core.events.scanner import Scanner
from workers.core.mapping.converter import compile_untrusted_reader
from workers.core.mapping.history import marked

TYPES: Final = ("cancellation", "login", "nps", "purchase", "visit")
PLAIN: Final = frozenset(TYPES) - {"visit"}
DECLARED: Final = ("nps", "visit")
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
LATEST_MS: Final = int(LATEST.timestamp()) * 1000
SCANNER: Final = Scanner(TYPES, PLAIN)
WAYS: Final = [SCANNER.read, SCANNER.decode]
Way = Callable[[bytes, int], bool]

read_untrusted = compile_untrusted_reader(DECLARED)


def found() -> tuple[Any, ...]:
    return (
        TYPES[SCANNER.type_place],
        SCANNER.customer_id(),
        SCANNER.event_id(),
        SCANNER.at_ms,
        SCANNER.history_ms,
        SCANNER.amount,
        SCANNER.fingerprint(),
    )


def strictly(event: DecodedEvent) -> tuple[Any, ...]:
    return (
        event.type,
        event.customer_id,
        event.event_id,
        event.at_ms,
        event.history_ms,
        scaled(event.attributes.get("amount")),
        number_of(event.fingerprint()),
    )


def takes_lawfully(way: Way, raw: bytes) -> bool:
    """Read an event in one way; if it is taken, compare with the strict readers. Return whether it is taken."""
    if not way(raw, LATEST_MS):
        return False
    taken = found()
    assert taken[0] in PLAIN
    try:
        trusted = decode_event(raw, DECLARED)
        untrusted, left_out = read_untrusted(raw, LATEST_MS)
    except (NotCanonical, InvalidEvent) as refused:
        raise AssertionError(f"taken, but refused by the strict reader: {raw!r}") from refused
    assert taken == strictly(trusted) == strictly(untrusted), raw
    assert not left_out, raw
    assert SCANNER.is_of(untrusted.customer_id.encode())
    assert not SCANNER.is_of(untrusted.customer_id.encode() + b"x")
    assert not SCANNER.is_of(None)
    return True


def written(**fields: Any) -> bytes:
    fields = {"event_id": "e-17", "customer_id": "c-0004", "occurred_at": "2024-02-29T03:04:05.123Z", **fields}
    return json.dumps(fields, separators=(",", ":")).encode()


EVENTS: Final = [
    written(type="login"),
    written(type="login", attributes={}),
    written(type="purchase", amount="12.50", currency="EUR"),
    written(type="purchase", amount="0.00005", currency="EUR", order_id="o1", history_until="2025-01-01T00:00:00Z"),
    written(type="purchase", amount=12.5, currency="USD", attributes={"category": "shoes", "size": 42, "new": True}),
    written(type="cancellation", what="plan", reason="price", effective_at="2024-03-01T00:00:00Z"),
    written(type="nps", attributes={"score": 9.5, "n": -1, "ok": False, "none": None, "": "x"}),
    written(type="nps", amount="1000000000000", currency="JPY"),
]
"""Canonical events that are quite usual: each is taken."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("raw", EVENTS)
def test_what_is_usual_is_taken(way: Way, raw: bytes) -> None:
    assert takes_lawfully(way, raw)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("raw", EVENTS)
def test_whatever_intake_writes_of_it_is_taken(way: Way, raw: bytes) -> None:
    by_models = encode_event(parse_event(raw, types=DECLARED, latest=LATEST))
    assert takes_lawfully(way, by_models)
    assert takes_lawfully(way, msgspec.json.encode(msgspec.json.decode(raw, type=Wire)))
    assert takes_lawfully(way, marked(by_models, SCANNER.at_ms + 1000))
    assert SCANNER.history_ms > SCANNER.at_ms
    assert takes_lawfully(way, json.dumps(json.loads(raw), indent=2).encode() + b"\r\n\t ")


@pytest.mark.parametrize("way", WAYS)
def test_an_event_whose_attributes_a_rule_reads_is_left_to_the_strict_reader(way: Way) -> None:
    assert not way(written(type="visit"), LATEST_MS)
    assert not way(written(type="unknown"), LATEST_MS)


@pytest.mark.parametrize("way", WAYS)
def test_an_event_of_the_future_and_history_that_ends_there_are_left_to_the_strict_reader(way: Way) -> None:
    at_ms = strictly(decode_event(EVENTS[0]))[3]
    assert way(EVENTS[0], at_ms + 1)
    assert not way(EVENTS[0], at_ms)
    with_history = written(type="login", history_until="2024-03-01T00:00:00Z")
    until_ms = decode_event(with_history).history_ms
    assert way(with_history, until_ms + 1)
    assert not way(with_history, until_ms)


@pytest.mark.parametrize("way", WAYS)
def test_a_body_as_large_as_bodies_may_be_is_read_and_a_larger_one_is_not(way: Way) -> None:
    assert takes_lawfully(way, EVENTS[0].ljust(MAX_BODY_BYTES))
    assert not takes_lawfully(way, EVENTS[0].ljust(MAX_BODY_BYTES + 1))


AMOUNTS: Final = [
    *(
        "0",
        "0.0",
        "00.5",
        "007",
        "7.",
        ".7",
        "1_0",
        "+1",
        "-1",
        "-0",
        "1e3",
        "NaN",
        "Infinity",
        "",
        " 1",
        "1 ",
        "1..2",
    ),
    *("1000000000000", "1000000000000.0000", "1000000000000.00001", "1000000000001", "999999999999.99995"),
    *(
        "0.00005",
        "0.00015",
        "0.000050000000001",
        "0.00004999999999999",
        "12.300000000000001",
        "0.1234567890123456789",
    ),
    *("123456789012345", "12345678901.2345", "99999999999999999999", "1.999950000000000", "\u0661"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("amount", AMOUNTS)
def test_no_amount_is_read_otherwise(way: Way, amount: str) -> None:
    takes_lawfully(way, written(type="purchase", amount=amount, currency="EUR"))
    bare = written(type="purchase", amount=0, currency="EUR").replace(b'"amount":0', b'"amount":' + amount.encode())
    takes_lawfully(way, bare)


MOMENTS: Final = [
    *("2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2000-02-29T00:00:00Z"),
    *("2024-04-31T00:00:00Z", "2024-12-31T23:59:59Z", "2024-12-31T23:59:60Z", "2016-12-31T23:59:60.5Z"),
    *("2024-01-01T24:00:00Z", "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z"),
    *("1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
    *("2024-01-01T00:00:00.1Z", "2024-01-01T00:00:00.9999Z", "2024-01-01T00:00:00.999999Z", "2024-01-01T00:00:00.Z"),
    *(
        "2024-01-01T00:00:00.9999999Z",
        "2024-01-01T00:00:00.999999999Z",
        "2024-01-01T00:00:00,5Z",
        "2024-01-01T00:00Z",
    ),
    *("2024-01-01T00:00:00+00:00", "2024-01-01T02:00:00+02:00", "2024-01-01T00:00:00", "2024-01-01t00:00:00z"),
    *("2024-01-01 00:00:00Z", "20240101T000000Z", "2024-1-1T00:00:00Z", "1704067200", "2024-01-01T00:00:00-00:00"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_no_moment_is_read_otherwise(way: Way, moment: str) -> None:
    takes_lawfully(way, written(type="login", occurred_at=moment))
    takes_lawfully(way, written(type="login", history_until=moment))
    takes_lawfully(way, written(type="cancellation", effective_at=moment))


def test_every_day_of_two_centuries_is_the_day_that_the_calendar_has() -> None:
    day = datetime(1970, 1, 1, 23, 59, 59, 999_000, tzinfo=UTC)
    while day < LATEST:
        assert SCANNER.read(written(type="login", occurred_at=f"{day:%Y-%m-%dT%H:%M:%S}.999Z"), LATEST_MS)
        assert SCANNER.at_ms == (day - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        day += timedelta(days=1)


IDS: Final = [
    *("", " ", "\t", "a", " a", "a ", "\u2003", "\u00e9", "\U0001f600" * 64, "\U0001f600" * 65, "x" * 256, "x" * 257),
    *('"', "\\", "\x7f", "\x00", "\x1f", "\u0085"),
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("text", IDS)
def test_no_id_is_taken_that_is_none(way: Way, text: str) -> None:
    for field in ("event_id", "customer_id", "order_id"):
        for is_escaped in (True, False):
            fields = json.loads(EVENTS[3]) | {field: text}
            takes_lawfully(way, json.dumps(fields, ensure_ascii=is_escaped).encode())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "attributes",
    [
        '{"a":"' + "x" * 1024 + '"}',
        '{"a":"' + "x" * 1025 + '"}',
        '{"a":"' + "\u00e9" * 600 + '"}',
        "{" + ",".join(f'"a{number}":1' for number in range(64)) + "}",
        "{" + ",".join(f'"a{number}":1' for number in range(65)) + "}",
        "{" + ",".join('"a":1' for _ in range(65)) + "}",
        '{"amount":5}',
        '{"amount":null}',
        *('{"a":1,}', "{,}", '{"a"}', '{"a":}', '{"a" 1}', '{"a":1 2}', "null", "[]", '"x"', "{", '{"a', '{"a":{}}'),
        *(
            '{"a":[1]}',
            '{"a":01}',
            '{"a":-}',
            '{"a":-0}',
            '{"a":1.}',
            '{"a":.5}',
            '{"a":1e5}',
            '{"a":1E400}',
            '{"a":+1}',
        ),
        *(
            '{"a":-01}',
            '{"a":0.5}',
            '{"a":-0.0}',
            '{"a":NaN}',
            '{"a":tru}',
            '{"a":truee}',
            '{"a":nul}',
            '{"a":false}',
        ),
        *(f'{{"a":{10**17}}}', f'{{"a":{10**18}}}', f'{{"a":{2**63}}}', f'{{"a":{2**64}}}', f'{{"a":{10**40}}}'),
        *('{"a":0.' + "1" * 30 + "}", '{"a":"\\n"}', '{"\\u0061mount":5}', '{"a":"\x01"}', '{"(unreadable)":"x"}'),
    ],
)
def test_attributes_that_no_rule_reads_are_checked_as_if_one_did(way: Way, attributes: str) -> None:
    for raw in EVENTS:
        fields = json.loads(raw)
        fields.pop("attributes", None)
        takes_lawfully(way, json.dumps(fields).encode()[:-1] + b',"attributes":' + attributes.encode() + b"}")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("raw", EVENTS)
def test_an_event_that_is_cut_anywhere_is_not_taken(way: Way, raw: bytes) -> None:
    for size in range(len(raw)):
        assert not way(raw[:size], LATEST_MS)


@pytest.mark.parametrize("way", WAYS)
def test_a_field_of_another_type_one_too_many_or_too_few_is_never_taken_where_it_is_refused(way: Way) -> None:
    values = {name: value for raw in EVENTS for name, value in json.loads(raw).items()}
    for raw in EVENTS:
        fields = json.loads(raw)
        for name, value in [*values.items(), ("unknown", 1)]:
            takes_lawfully(way, json.dumps(fields | {name: value}).encode())
            takes_lawfully(way, json.dumps(fields | {name: None}).encode())
            takes_lawfully(way, json.dumps(fields)[:-1].encode() + f',"{name}":{json.dumps(value)}}}'.encode())
            takes_lawfully(way, json.dumps({key: one for key, one in fields.items() if key != name}).encode())


ids = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=40) | st.text(max_size=8)
moments = st.datetimes(datetime(1969, 12, 30), datetime(2201, 1, 2)).map(lambda moment: moment.isoformat() + "Z")
amounts: st.SearchStrategy[Any] = (
    st.decimals(0, 10**13, places=2).map(str)
    | st.decimals(-1, 10**4, places=7).map(str)
    | st.floats(0, 10**13, allow_nan=False).map(repr)
    | st.floats(0, 10**7)
    | st.integers(-1, 10**13)
    | st.sampled_from(AMOUNTS)
)
scalars: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats() | st.text(max_size=6) | st.just("x" * 1024)
)
events = st.fixed_dictionaries(
    {"event_id": ids, "customer_id": ids, "occurred_at": moments, "type": st.sampled_from(TYPES)},
    optional={
        "amount": amounts,
        "currency": st.sampled_from(["EUR", "USD", "eur", "EURO", ""]),
        "order_id": ids,
        "what": st.text(max_size=5),
        "reason": ids,
        "effective_at": moments,
        "history_until": moments,
        "attributes": st.dictionaries(st.text(max_size=6) | st.just("amount"), scalars, max_size=4),
    },
)


@examples(600)
@given(events, st.booleans(), st.sampled_from([None, 1]))
def test_no_event_is_read_otherwise(fields: dict[str, Any], is_escaped: bool, indent: int | None) -> None:
    raw = json.dumps(fields, ensure_ascii=is_escaped, indent=indent).encode(errors="replace")
    for way in WAYS:
        takes_lawfully(way, raw)


@examples(300)
@given(events)
def test_nearly_all_that_intake_writes_is_taken_byte_by_byte(fields: dict[str, Any]) -> None:
    raw = json.dumps(fields).encode()
    try:
        event = parse_event(raw, types=DECLARED, latest=LATEST)
    except InvalidEvent:
        return
    written_by_intake = encode_event(event)
    is_taken = takes_lawfully(SCANNER.read, written_by_intake)
    decoded = decode_event(written_by_intake, DECLARED)
    texts = (decoded.customer_id, decoded.event_id, str(decoded.attributes.get("order_id", "x")))
    is_usual = (
        decoded.type in PLAIN
        and all(
            text.isascii() and text.isprintable() and text[0] != " " and not set('"\\') & set(text) for text in texts
        )
        and set(decoded.attributes) <= {"amount", "currency", "order_id"}
        and event.attributes == {}
        and Decimal(decoded.attributes.get("amount", 0)).as_tuple().exponent in range(-4, 1)  # type: ignore[operator]
        and decoded.at_ms < LATEST_MS > decoded.history_ms
        and "E" not in str(decoded.attributes.get("amount", 0))
    )
    assert is_taken or not is_usual, written_by_intake


def fuzz(rounds: Iterator[int], number: int) -> None:
    taken = 0
    for seed in rounds:
        chance = Random(seed)
        for _ in range(number):
            raw = damaged(chance, EVENTS, JSON_CHARACTERS)
            for way in WAYS:
                taken += takes_lawfully(way, raw)
    assert taken > number // 50, "hardly anything is still taken, so nothing is compared"


def test_damaged_events_are_read_as_the_strict_readers_read_them_or_not_at_all() -> None:
    fuzz(seeds(1), 4_000)


@pytest.mark.rest
def test_many_damaged_events_are_read_as_the_strict_readers_read_them_or_not_at_all() -> None:
    fuzz(seeds(20), 5_000)


@pytest.mark.long
def test_damaged_events_are_read_lawfully_for_minutes(fuzz_minutes: float) -> None:
    fuzz(seeds_for(fuzz_minutes), 5_000)


@examples(300)
@given(st.sampled_from([*BUILT_IN, "a" * 64, "x", "n_p-s"]), st.binary(max_size=300), st.integers(0, 40))
@example("login", b"x" * 122, 0)
@example("login", b"x" * 123, 0)
@example("login", b"", 0)
def test_a_fingerprint_is_the_hash_of_type_and_id(event_type: str, text: bytes, at: int) -> None:
    digest = blake2b(f"{event_type}\n".encode() + text, digest_size=6).digest()
    assert Fingerprint(event_type).of(b"-" * at + text + b"#", at, len(text)) == int.from_bytes(digest, "little")


@pytest.mark.parametrize(("at", "size"), [(-1, 2), (0, 4), (2, 2), (3, 1), (0, -1), (1 << 62, 1 << 62), (4, 0)])
def test_no_fingerprint_is_made_of_what_lies_beyond_the_bytes(at: int, size: int) -> None:
    with pytest.raises(IndexError):
        Fingerprint("login").of(b"abc", at, size)
