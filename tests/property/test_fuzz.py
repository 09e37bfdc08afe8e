"""For any bytes, a reader returns or raises what it documents, soon and in little memory.

Each call may take a second of processor time, and memory in proportion to what it was given. The examples are the
same on every run; what once went wrong is kept as an example of its own.
"""

import gc
import json
import tracemalloc
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.events import InvalidEvent, encode_event, parse_event
from tests.support.builders import event, rule, rules, watched
from tests.support.decided import LAYOUTS, decide, in_layout
from tests.support.examples import examples
from tests.support.fuzzing import within_seconds
from tests.support.paths import ROOT
from workers.core.customer.stored import UnknownLayout
from workers.core.decisions.decide import decider_of
from workers.core.events.decoding import NotCanonical, decode_event
from workers.core.mapping.mapper import compile_source
from workers.core.mapping.record import SourceRecord
from workers.customer_facts.facts_of import facts_of
from workers.rule_files.files import read_text
from workers.rule_lint.check import check_texts
from workers.source_files.reading import load_sources, read_sources

Answer = TypeVar("Answer")

LATEST: Final = datetime(2030, 1, 1, tzinfo=UTC)
DECLARED: Final = ("nps",)
SECONDS: Final = 1.0
KIBI: Final = 1 << 10


def bounded(call: Callable[[], Answer], given_bytes: int, *, at_least_kib: int, per_byte: int) -> Answer:
    """Call something, and fail if it takes more than its time or its memory.

    Args:
        call: what is called.
        given_bytes: how much it reads.
        at_least_kib: what it may take for nothing.
        per_byte: and for each byte that it reads.
    """
    peak = peak_of(call)
    allowed = at_least_kib * KIBI + per_byte * given_bytes
    assert peak < allowed, f"{given_bytes} bytes took {peak} bytes of memory, allowed are {allowed}"
    with within_seconds(SECONDS, f"{given_bytes} bytes"):
        return call()


def peak_of(call: Callable[[], object]) -> int:
    """Return how much memory a call takes at most, in bytes; a call of its own, because this makes it slow."""
    tracemalloc.start()
    try:
        with suppress(Exception):
            call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_call_is_not_charged_for_what_was_made_before_it() -> None:
    def still_looked_at() -> bool:
        return any(one is before for one in gc.get_objects())

    before = ["made before"]
    assert still_looked_at()
    assert not bounded(still_looked_at, 0, at_least_kib=64_000, per_byte=0)
    assert still_looked_at()


# --- bytes --------------------------------------------------------------------------------------------------------

TOKENS: Final = [
    *(bytes([one]) for one in (*range(0x20), 0x7F, 0x80, 0x90, 0xC0, 0xC1, 0xF5, 0xFF)),
    *b'" \\ { } [ ] , : null true NaN -0 1e400 1E-999999999 \\ud800 \\u0000'.split(),
    *b"| > # ' ~ --- ... &a *a !!python/object:os.system %YAML 50% 2024-02-30".split(),
    *(b"<<: ", b"!!binary ", b"? ", b"- ", b"  ", b"%YAML 9.9\n", b"45 days", b"999999 weeks", b"0 days"),
    *(b"9" * 400, b"[" * 200, b'{"a":' * 200),
    *("\N{GRINNING FACE}".encode(), "\N{RIGHT-TO-LEFT OVERRIDE}".encode(), b"\xed\xa0\x80"),
    # heads of msgpack that announce more than there can be
    *(bytes([head]) + b"\xff\xff\xff\xff" for head in (0xC6, 0xD6, 0xDB, 0xDD, 0xDF)),
]


@st.composite
def mutated(draw: st.DrawFn, originals: Iterable[bytes]) -> bytes:
    """Something good with a few pieces cut out, inserted or repeated."""
    raw = draw(st.sampled_from(list(originals)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(raw)))
        gone = draw(st.sampled_from([0, 0, 1, 2, 10, 100]))
        piece = draw(st.sampled_from(TOKENS) | st.binary(max_size=8) | st.just(raw[at : at + 60]))
        raw = raw[:at] + piece + raw[at + gone :]
    return raw


def anything(originals: Iterable[bytes]) -> st.SearchStrategy[bytes]:
    return mutated(originals) | st.binary(max_size=300)


# --- events -------------------------------------------------------------------------------------------------------

EVENTS: Final = [
    orjson.dumps({"event_id": "e1", "customer_id": "ada", "occurred_at": "2024-01-02T03:04:05Z", **more})
    for more in (
        {"type": "purchase", "amount": "12.50", "currency": "EUR", "order_id": "o1"},
        {"type": "login", "attributes": {"device": "phone", "n": 1, "ok": True, "none": None}},
        {"type": "cancellation", "what": "plan", "reason": "price", "effective_at": "2024-02-01T00:00:00+01:00"},
        {"type": "nps", "attributes": {"score": 9.5}},
    )
]


UNNOTICED: Final = ("future_time", "not_json", "too_deep")
"""What the fast reader does not notice: what time it is, whole numbers of hundreds of digits, what it skips."""
UNCHECKED: Final = ("order_id", "effective_at", "attributes")
"""Fields whose content it passes on without being sure of it."""


def purchase_of(amount: str) -> bytes:
    return EVENTS[0].replace(b'"12.50"', amount.encode())


def read_event(raw: bytes) -> None:
    """Read bytes with both readers, which have to agree."""
    size = len(raw)
    parsed, reason, detail, field = None, "", "", None
    try:
        parsed = bounded(lambda: parse_event(raw, types=DECLARED, latest=LATEST), size, at_least_kib=128, per_byte=64)
    except InvalidEvent as refused:
        reason, detail, field = refused.reason, refused.detail, refused.field
    assert (parsed is None) == bool(reason)
    assert len(detail.encode()) < 2_000
    try:
        decoded = bounded(lambda: decode_event(raw, DECLARED), size, at_least_kib=128, per_byte=64)
    except NotCanonical:
        decoded = None
    if parsed is not None:
        written = encode_event(parsed)
        again = decode_event(written, DECLARED)
        assert (again.event_id, again.customer_id, again.type) == (parsed.event_id, parsed.customer_id, parsed.type)
    if decoded is not None and reason not in UNNOTICED and field not in UNCHECKED:
        assert parsed is not None, f"{reason} was not noticed by decode_event"
        assert (decoded.event_id, decoded.customer_id, decoded.type) == (
            parsed.event_id,
            parsed.customer_id,
            parsed.type,
        )


@examples(300)
@given(anything(EVENTS))
@example(b"[" * 500_000)
@example(b'{"a":' * 100_000)
@example(b'{"type":' + b"9" * 900_000 + b"}")
@example(b"[" + b"{}," * 300_000 + b"{}]")
@example(b"{" + b",".join(b'"%d":0' % number for number in range(90_000)) + b"}")
@example(purchase_of("1e999999999"))
@example(purchase_of('"1e999999999"'))
@example(purchase_of('"1e-999999999"'))
@example(purchase_of('"' + "0" * 900_000 + '"'))
@example(purchase_of('"0.' + "1" * 900_000 + '"'))
@example(EVENTS[1].replace(b'"n":1', b'"n":' + b"9" * 4_000))
@example(EVENTS[1].replace(b'"n":1', b'"n":1e400'))
@example(EVENTS[0].replace(b"o1", b""))
@example(EVENTS[2].replace(b"2024-02-01", b"1924-02-01"))
@example(EVENTS[1].replace(b"ada", b"\\ud800"))
@example(EVENTS[1].replace(b"2024-01-02T03:04:05Z", b"9999-12-31T23:59:59-23:59"))
@example(EVENTS[1].replace(b"2024-01-02T03:04:05Z", b"0001-01-01T00:00:00+23:59"))
def test_an_event_is_read_or_refused_with_a_reason(raw: bytes) -> None:
    read_event(raw)


# --- mappings -----------------------------------------------------------------------------------------------------

SHIPPED_SOURCES: Final = (ROOT / "sources.yaml").read_bytes()

names = st.sampled_from(["id", "who", "at", "total", "list", "customer", "order"])
paths = (
    names
    | st.builds("{}.{}".format, names, names)
    | st.builds("{}[{}]".format, names, st.integers(0, 9_999))
    | st.sampled_from(["a..b", "", "[0]", "a[99999]", " ", "a.b[0][1].c", "\ud7ff", "x" * 301])
)
places: st.SearchStrategy[Any] = (
    paths
    | st.builds(lambda path: {"path": path}, paths)
    | st.sampled_from([{"key": True}, {"topic": True}, {"position": True}, {"header": "who"}, {"constant": "EUR"}])
    | st.sampled_from([{"constant": None}, {"path": "id", "key": True}, {}, [], None, 7, {"header": ""}])
)
times = places | st.builds(
    lambda path, form, zone: {"path": path, "format": form} | ({} if zone is None else {"zone": zone}),
    paths,
    st.sampled_from(["iso", "seconds", "milliseconds", "weeks"]),
    st.sampled_from([None, "Europe/Berlin", "UTC", "../../etc/passwd", "Mars", ""]),
)
fields = st.fixed_dictionaries(
    {"event_id": places, "customer_id": places, "occurred_at": times},
    optional={"amount": places, "currency": places, "order_id": places, "effective_at": times, "what": places},
)
scalars: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=6)
)
sources = st.fixed_dictionaries(
    {
        "topic": st.sampled_from(["t", "shop.orders", "a b", ""]),
        "event": st.sampled_from(["purchase", "login", "cancellation", "nps", "unknown", "Not A Type"]),
        "max_silence": st.sampled_from(["1 day", "3 days", "1 month", "x", 7]),
        "fields": fields,
    },
    optional={
        "attributes": st.dictionaries(names, places, max_size=3),
        "only_when": st.dictionaries(paths, scalars | st.lists(scalars, max_size=2), max_size=2),
        "format": st.sampled_from(["json", "canonical", "xml"]),
        "complete_since": st.sampled_from(["2024-01-01", "2024-13-01", "9999-12-31", 20240101, None]),
    },
)
likely = st.fixed_dictionaries(
    {
        "topic": st.just("t"),
        "event": st.just("nps"),
        "max_silence": st.just("1 day"),
        "fields": st.fixed_dictionaries({"event_id": paths, "customer_id": paths, "occurred_at": times}),
    },
    optional={"attributes": st.dictionaries(names, paths, max_size=3)},
)
mappings = st.builds(
    lambda sources: json.dumps({"event_types": {"nps": {}}, "sources": sources}).encode(),
    st.lists(sources | likely, min_size=1, max_size=2),
)
payloads = st.recursive(
    scalars | st.sampled_from(["2024-01-02T03:04:05Z", "1704164645", 1704164645000, "12.50", "1e999999999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6),
    max_leaves=15,
)
records = st.builds(
    SourceRecord,
    st.just("t"),
    st.integers(0, 9),
    st.integers(0, 2**63 - 1),
    st.integers(-1, 2**62),
    st.none() | st.binary(max_size=20),
    st.builds(lambda body: json.dumps(body).encode(), payloads) | anything(EVENTS) | st.none(),
    st.lists(st.tuples(st.sampled_from(["who", "trace"]), st.binary(max_size=8)), max_size=3),
    item=st.none(),
    whole=st.none(),
)


@examples(100)
@given(mappings | mutated([SHIPPED_SOURCES]), st.lists(records, min_size=1, max_size=3))
def test_a_mapping_is_refused_with_places_or_maps_and_refuses_records_with_reasons(
    raw: bytes, source_records: list[SourceRecord]
) -> None:
    text = raw.decode(errors="replace")
    file, problems = bounded(lambda: read_sources("sources.yaml", text), len(raw), at_least_kib=2_048, per_byte=400)
    assert (file is None) == bool(problems)
    if file is None:
        return
    for source in file.sources:
        mapper = compile_source(source, tuple(file.event_types))
        for record in source_records:
            size = len(record.value or b"")
            try:
                mapped = bounded(lambda m=mapper, r=record: m(r, LATEST), size, at_least_kib=128, per_byte=64)  # type: ignore[misc]
            except InvalidEvent as refused:
                refused.detail.encode()
            else:
                assert mapped is None or decode_event(encode_event(mapped), tuple(file.event_types)) is not None


# --- rule files ---------------------------------------------------------------------------------------------------

SHIPPED_RULES: Final = [path.read_bytes() for path in sorted((ROOT / "rules").glob("*.yaml"))]
KNOWN: Final = load_sources(ROOT / "sources.yaml")[0]


def check_rules(folder: Path, raw: bytes) -> None:
    path = folder / "rules.yaml"
    path.write_bytes(raw)
    text, problems = bounded(lambda: read_text(path), len(raw), at_least_kib=512, per_byte=16)
    assert (text is None) == bool(problems)
    if text is not None:
        checked = bounded(
            lambda: check_texts({"rules.yaml": text}, KNOWN, LATEST), len(raw), at_least_kib=2_048, per_byte=400
        )
        for problem in (*checked.mistakes, *checked.warnings):
            assert (problem.line, problem.column) >= (1, 1)
            str(problem).encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@examples(60)
@given(raw=anything(SHIPPED_RULES))
@example(raw=b"rules:\n" + b"- " * 20_000)
@example(raw=b"rules: " + b"[" * 20_000)
@example(raw=b"rules: " + b"{a: " * 5_000)
@example(raw=b"a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nrules: *c\n")
@example(raw=b"rules: " + b"9" * 100_000)
@example(raw=b"rules: 0x" + b"f" * 100_000)
@example(raw=b"rules: 1:" + b"59:" * 20_000 + b"0")
@example(raw=b"\xff\xfer\x00u\x00l\x00e\x00s\x00")
@example(raw=SHIPPED_RULES[0] * 20)
@example(raw=b"rules: !!python/object/apply:os.system [id]")
def test_a_rule_file_is_read_or_every_problem_has_a_place(folder: Path, raw: bytes) -> None:
    check_rules(folder, raw)


# --- stored activities --------------------------------------------------------------------------------------------


KEPT_FOR: Final = rules(
    rule("quiet"),
    rule("few", when={"count": "login", "at most": 1, "within": "60 days"}),
    rule("sum", when={"sum": "purchase.amount", "at least": 100, "within": "90 days"}),
)


def stored_activities() -> list[bytes]:
    """Activities as they are stored in each layout: after one event, and after some years of them."""
    found = []
    for layout in LAYOUTS:
        for number in (1, 40):
            story = [event("purchase" if at % 3 else "login", at * 9, event_id=f"e{at}") for at in range(number)]
            after = decide("ada", None, story, KEPT_FOR, watched(KEPT_FOR)).stored
            assert after is not None
            found.append(in_layout(after, KEPT_FOR, layout))
    return found


STORED: Final = stored_activities()
DECIDER: Final = decider_of(KEPT_FOR)


@examples(500)
@given(anything(STORED))
@example(STORED[1])
@example(STORED[3])
@example(b"\x9f\x02" + b"\x00" * 13)
@example(b"\xdd\xff\xff\xff\xff\x01")
@example(b"\x03")
@example(b"\x03\x04" + b"\x00" * 7)  # due at the earliest of no moments
@example(b"\x03\x00" + b"\x00" * 4 + b"\xf8" + b"\xff" * 8)  # a count of series only
@example(b"\x03\x00" + b"\x00" * 3 + b"\xf8" + b"\x7f" * 8)
@example(b"\x03\x00\xf8" + b"\xff" * 7 + b"\x7f" + b"\x00" * 6)  # beyond every calendar
@example(b"\x03\x00" + b"\x00" * 4 + b"\x01\x60\x00\x01\x01\x00\xf4\xff\xff\xff\x7f")  # a count of values only
@example(b"\x03\x00" + b"\x00" * 4 + b"\x01\x00\x02\xff\xff" + b"\x00" * 6)  # a key that is no text
@example(b"\x03\x10" + b"\x00" * 7 + b"\xdd\x3f\xff\xff\xff")
@example(b"\x03\x10" + b"\x00" * 7 + b"\x91\x81\xa1a" + b"\x91" * 50_000)
@example(b"\x03\x10" + b"\x00" * 7 + b"\x91\x81\xa1\xff\x00")
@example(b"\x03\x10" + b"\x00" * 7 + b"\x91\x81\xa1a\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff")
def test_a_stored_activity_is_read_or_refused_as_unknown(raw: bytes) -> None:
    try:
        bounded(lambda: DECIDER.read(raw), len(raw), at_least_kib=128, per_byte=100)
    except UnknownLayout:
        return
    bounded(lambda: facts_of(DECIDER.names), len(raw), at_least_kib=128, per_byte=800)
    for layout in LAYOUTS:
        bounded(lambda of=layout: DECIDER.stored.write(of), len(raw), at_least_kib=128, per_byte=100)  # type: ignore[misc]
