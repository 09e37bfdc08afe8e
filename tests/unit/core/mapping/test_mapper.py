"""Laws of mapping: where a value is, how it is written, and what is said when it is neither."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.events import UNREADABLE, Cancellation, Event, InvalidEvent, Purchase
from schemas.sources import Source
from tests.support.paths import ROOT
from workers.core.mapping.mapper import Mapper, compile_source
from workers.core.mapping.record import SourceRecord
from workers.rule_files.sources import load_sources

LATEST = datetime(2026, 12, 1, tzinfo=UTC)
AT = datetime(2025, 10, 3, 16, 14, 52, tzinfo=UTC)
SHIPPED = ROOT / "sources.yaml"


def record(
    value: Any, *, key: bytes | None = None, headers: tuple[tuple[str, Any], ...] = (), topic: str = "shop.orders"
) -> SourceRecord:
    raw = value if isinstance(value, bytes | None) else json.dumps(value).encode()
    return SourceRecord(topic, 3, 41, 0, key, raw, headers)


def source(event: str = "login", *, at: Any = "at", **changes: Any) -> Source:
    fields: dict[str, Any] = {"event_id": "id", "customer_id": "customer", "occurred_at": at}
    fields |= changes.pop("fields", {})
    return Source.model_validate(
        {"topic": "shop.orders", "event": event, "fields": fields, "max_silence": "1 day", **changes}
    )


def canonical(*events: str) -> Source:
    return Source.model_validate(
        {"topic": "linger.in", "format": "canonical", "events": list(events), "max_silence": "1 day"}
    )


def payload(**changes: Any) -> dict[str, Any]:
    return {"id": "e-1", "customer": "ada", "at": "2025-10-03T16:14:52Z", **changes}


def mapped(of: Source, value: Any, declared: tuple[str, ...] = (), **record_parts: Any) -> Event:
    event = compile_source(of, declared)(record(value, **record_parts), LATEST)
    assert event is not None
    return event


def refused(of: Source, value: Any, declared: tuple[str, ...] = (), **record_parts: Any) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        compile_source(of, declared)(record(value, **record_parts), LATEST)
    return caught.value


def skips(of: Source, value: Any) -> bool:
    return compile_source(of, ())(record(value), LATEST) is None


# --- places -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("customer", {"customer": "ada"}),
        ("customer.id", {"customer": {"id": "ada"}}),
        ("lines[1].buyer", {"lines": [{}, {"buyer": "ada"}]}),
        ("grid[1][0]", {"grid": [[], ["ada"]]}),
        ("a.b[0].c.d", {"a": {"b": [{"c": {"d": "ada"}}]}}),
        ("größe.名前", {"größe": {"名前": "ada"}}),
        ("a.0", {"a": {"0": "ada"}}),
    ],
)
def test_a_path_leads_through_objects_and_lists(path: str, body: dict[str, Any]) -> None:
    assert mapped(source(fields={"customer_id": path}), {**payload(), **body}).customer_id == "ada"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("buyer", {}),
        ("buyer", {"buyer": None}),
        ("buyer.id", {"buyer": None}),
        ("buyer.id", {"buyer": "ada"}),
        ("buyer.id", {"buyer": ["ada"]}),
        ("buyer.id", {"buyer.id": "ada"}),
        ("buyer[0]", {"buyer": []}),
        ("buyer[0]", {"buyer": {"0": "ada"}}),
        ("buyer[0]", {"buyer": "ada"}),
    ],
)
def test_a_path_that_leads_nowhere_or_to_null_names_itself_and_the_field(path: str, body: dict[str, Any]) -> None:
    error = refused(source(fields={"customer_id": path}), {**payload(), **body})
    assert (error.reason, error.field) == ("missing_field", "customer_id")
    assert f"'{path}'" in error.detail
    assert "'customer_id'" in error.detail


def test_optional_fields_and_attributes_that_are_not_there_are_left_out() -> None:
    of = source("cancellation", fields={"what": "plan", "reason": "why.code"}, attributes={"seats": "seats"})
    event = mapped(of, payload(why=None))
    assert isinstance(event, Cancellation)
    assert (event.what, event.reason, event.attributes) == (None, None, {})


def test_the_last_of_several_headers_counts() -> None:
    of = source(fields={"customer_id": {"header": "who"}})
    headers = (("who", b"old"), ("who", "adä".encode()), ("other", b"x"))
    assert mapped(of, payload(), headers=headers).customer_id == "adä"


def test_header_names_count_without_regard_to_case_and_the_last_one_counts() -> None:
    of = source(fields={"customer_id": {"header": "X-Who"}})
    assert mapped(of, payload(), headers=(("x-who", b"ada"),)).customer_id == "ada"
    assert mapped(of, payload(), headers=(("X-Who", b"old"), ("X-WHO", b"ada"), ("x-wh", b"no"))).customer_id == "ada"
    assert refused(of, payload(), headers=(("x-whom", b"ada"),)).reason == "missing_field"


def test_a_header_without_a_value_is_missing() -> None:
    of = source(fields={"customer_id": {"header": "who"}})
    assert refused(of, payload(), headers=(("who", None),)).reason == "missing_field"


def test_a_header_that_is_no_utf_8_is_bad_text() -> None:
    error = refused(source(fields={"customer_id": {"header": "who"}}), payload(), headers=(("who", b"\xff"),))
    assert error.reason == "bad_text"
    assert "'who'" in error.detail


def test_the_key_is_text() -> None:
    of = source(fields={"customer_id": {"key": True}})
    assert mapped(of, payload(), key=b"ada").customer_id == "ada"
    assert refused(of, payload(), key=b"\x00\x80").reason == "bad_text"
    assert refused(of, payload(), key=None).reason == "missing_field"


def test_topic_position_and_constants_are_places_too() -> None:
    of = source(fields={"event_id": {"position": True}}, attributes={"from": {"topic": True}, "n": {"constant": 7}})
    event = mapped(of, payload())
    assert event.event_id == "shop.orders:3:41"
    assert event.attributes == {"from": "shop.orders", "n": 7}


@pytest.mark.parametrize("place", [{"constant": "x"}, {"constant": None}, {"topic": True}])
def test_an_event_id_that_is_always_the_same_is_refused_in_the_source(place: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="dropped as a duplicate"):
        source(fields={"event_id": place})


@pytest.mark.parametrize("value", [{"a": 1}, [1], [], {}])
def test_an_attribute_that_is_not_flat_is_left_out(value: object) -> None:
    event = mapped(source(attributes={"sku": "line.sku", "n": "n"}), payload(line={"sku": value}, n=1))
    assert event.attributes == {"n": 1, UNREADABLE: "sku"}
    assert event.left_out() == (("sku", "not_flat"),)


@pytest.mark.parametrize("mail", ["no", False, 0, ["no"]])
def test_a_value_on_the_way_to_an_attribute_is_there_and_cannot_be_read(mail: object) -> None:
    event = mapped(source(attributes={"consent": "mail.ok", "n": "n"}), payload(mail=mail, n=1))
    assert event.attributes == {"n": 1, UNREADABLE: "consent"}
    assert event.left_out() == (("consent", "not_flat"),)


@pytest.mark.parametrize("mail", [None, "", {}, [], {"other": 1}, {"ok": None}])
def test_nothing_on_the_way_to_an_attribute_is_nothing(mail: object) -> None:
    event = mapped(source(attributes={"consent": "mail.ok", "n": "n"}), payload(mail=mail, n=1))
    assert (event.attributes, event.left_out()) == ({"n": 1}, ())


def test_a_whole_number_beyond_64_bits_is_left_out_and_never_rounded() -> None:
    of = source(attributes={"big": "big", "n": "n"})
    event = mapped(
        of, b'{"id":"e","customer":"ada","at":"2025-10-03T16:14:52Z","big":12345678901234567890123,"n":1e20}'
    )
    assert event.attributes == {"n": 1e20, UNREADABLE: "big"}
    assert event.left_out() == (("big", "beyond_64_bits"),)


@pytest.mark.parametrize(
    ("format", "value", "reason"),
    [
        ({}, "", "empty"),
        ({}, "soon", "impossible_time"),
        ({}, "2026-01-01 00:00:00", "naive_time"),
        ({"format": "seconds"}, "2026-01-01T00:00:00Z", "impossible_time"),
        ({"format": "seconds"}, float("nan"), "impossible_time"),
        ({"format": "milliseconds"}, 1759508092, "impossible_time"),
    ],
)
def test_an_end_that_cannot_be_read_is_left_out(format: Any, value: Any, reason: str) -> None:
    of = source("cancellation", fields={"effective_at": {"path": "end", **format}})
    event = mapped(of, payload(end=value))
    assert isinstance(event, Cancellation)
    assert event.effective_at is None
    assert event.left_out() == (("effective_at", reason),)


def test_optional_values_in_headers_that_are_no_utf_8_are_left_out() -> None:
    of = source("cancellation", fields={"reason": {"header": "why"}}, attributes={"key": {"key": True}})
    event = mapped(of, payload(), headers=(("why", b"\xff"),), key=b"\xff")
    assert event.attributes == {UNREADABLE: "key"}
    assert set(event.left_out()) == {("reason", "bad_text"), ("key", "bad_text")}


# --- ids --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, -7, 6120045871299, 2**53 + 1, 115310627314723954, 2**64 - 1])
def test_ids_that_are_whole_numbers_stay_exact(number: int) -> None:
    assert mapped(source(), payload(customer=number)).customer_id == str(number)


@pytest.mark.parametrize("value", [True, False, 1.5, 2.0, 2**64, [], {}])
def test_truths_fractions_and_structures_are_no_ids(value: object) -> None:
    error = refused(source(), payload(customer=value))
    assert (error.reason, error.field) == ("impossible_id", "customer_id")
    assert "path 'customer'" in error.detail


@pytest.mark.parametrize("value", ["", "  ", "x" * 257])
def test_what_the_event_refuses_is_said_with_the_place_in_the_source(value: str) -> None:
    error = refused(source(fields={"customer_id": "who.id"}), payload(who={"id": value}))
    assert error.reason == "impossible_id"
    assert "path 'who.id'" in error.detail


# --- times ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2025-10-03T16:14:52Z",
        "2025-10-03T16:14:52.000Z",
        "2025-10-03T09:14:52-07:00",
        "2025-10-03 18:14:52+0200",
        "20251003T161452Z",
        "2025-10-03T16:14:52.000000123Z",
    ],
)
def test_iso_times_with_a_zone_are_that_moment(text: str) -> None:
    assert mapped(source(), payload(at=text)).occurred_at == AT


def test_a_zone_in_the_text_wins_over_the_declared_one() -> None:
    of = source(at={"path": "at", "zone": "Asia/Tokyo"})
    assert mapped(of, payload(at="2025-10-03T16:14:52Z")).occurred_at == AT


def test_a_time_without_a_zone_needs_a_declared_one() -> None:
    local = payload(at="2025-10-03 18:14:52")
    error = refused(source(), local)
    assert (error.reason, error.field) == ("naive_time", "occurred_at")
    assert "path 'at'" in error.detail
    assert mapped(source(at={"path": "at", "zone": "Europe/Berlin"}), local).occurred_at == AT


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        # 02:30 happened twice: the first time is meant, still in summer time.
        ("2025-10-26T02:30:00", datetime(2025, 10, 26, 0, 30, tzinfo=UTC)),
        # 02:30 never happened: the offset from before the change is taken.
        ("2025-03-30T02:30:00", datetime(2025, 3, 30, 1, 30, tzinfo=UTC)),
        ("2025-07-01", datetime(2025, 6, 30, 22, 0, tzinfo=UTC)),
    ],
)
def test_local_times_at_the_edges_of_summer_time_have_one_meaning(local: str, utc: datetime) -> None:
    of = source(at={"path": "at", "zone": "Europe/Berlin"})
    assert mapped(of, payload(at=local)).occurred_at == utc


@pytest.mark.parametrize("number", [1759508092, 1759508092.0, "1759508092", "1759508092.0", "+1759508092"])
def test_seconds_may_be_numbers_or_numeric_text(number: object) -> None:
    assert mapped(source(at={"path": "at", "format": "seconds"}), payload(at=number)).occurred_at == AT


@pytest.mark.parametrize("number", [1759508092797, "1759508092797", 1759508092797.0])
def test_milliseconds_keep_their_milliseconds(number: object) -> None:
    event = mapped(source(at={"path": "at", "format": "milliseconds"}), payload(at=number))
    assert event.occurred_at == AT + timedelta(milliseconds=797)


@pytest.mark.parametrize("unit", ["seconds", "milliseconds"])
@pytest.mark.parametrize(
    "value",
    [1e300, -1e300, 10**18, "9" * 20, 0, -1, -(10**15), True, "", " ", "1e9", "1_000", "nan", "inf", "٣", [], {}],
)
def test_a_number_that_is_no_time_is_refused(unit: str, value: object) -> None:
    error = refused(source(at={"path": "at", "format": unit}), payload(at=value))
    assert (error.reason, error.field) == ("impossible_time", "occurred_at")
    assert "path 'at'" in error.detail


def test_seconds_taken_for_milliseconds_do_not_become_january_1970() -> None:
    error = refused(source(at={"path": "at", "format": "milliseconds"}), payload(at=1759508092))
    assert "larger unit" in error.detail


def test_milliseconds_taken_for_seconds_do_not_become_the_far_future() -> None:
    error = refused(source(at={"path": "at", "format": "seconds"}), payload(at=1759508092797))
    assert "smaller unit" in error.detail


@pytest.mark.parametrize("value", [1759508092, True, "", "yesterday", "2025-13-01T00:00:00Z", [], "1759508092"])
def test_what_is_no_iso_time_is_refused(value: object) -> None:
    assert refused(source(), payload(at=value)).reason == "impossible_time"


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati"])
def test_the_ends_of_the_calendar_are_refused_in_peace(text: str, zone: str) -> None:
    error = refused(source(at={"path": "at", "zone": zone}), payload(at=text))
    assert error.reason in ("impossible_time", "future_time")


def test_what_occurred_after_the_latest_moment_is_refused() -> None:
    assert refused(source(), payload(at="2026-12-01T00:00:00.000001Z")).reason == "future_time"


def test_the_end_of_something_cancelled_may_be_written_another_way() -> None:
    of = source("cancellation", fields={"effective_at": {"path": "ends", "format": "seconds"}})
    event = mapped(of, payload(ends=1800000000))
    assert isinstance(event, Cancellation)
    assert event.effective_at == datetime(2027, 1, 15, 8, 0, tzinfo=UTC)


# --- which records ----------------------------------------------------------------------------------------------


def test_records_that_differ_are_skipped() -> None:
    of = source(only_when={"result": "ok"})
    assert not skips(of, payload(result="ok"))
    assert skips(of, payload(result="failed"))
    assert skips(of, payload())


def test_a_list_of_values_means_any_of_them_and_several_paths_all_of_them() -> None:
    of = source(only_when={"state.name": ["paid", "sent"], "test": False})
    assert not skips(of, payload(state={"name": "sent"}, test=False))
    assert skips(of, payload(state={"name": "open"}, test=False))
    assert skips(of, payload(state={"name": "paid"}, test=True))


def test_null_means_null_or_not_there() -> None:
    of = source(only_when={"error": None})
    assert not skips(of, payload())
    assert not skips(of, payload(error=None))
    assert skips(of, payload(error="expired"))


@pytest.mark.parametrize(("wanted", "value"), [(True, 1), (1, True), (0, False), ("1", 1), (1, "1"), ("x", ["x"])])
def test_values_of_different_kinds_are_different(wanted: Any, value: object) -> None:
    assert skips(source(only_when={"flag": wanted}), payload(flag=value))


def test_a_whole_number_is_the_same_with_a_decimal_point() -> None:
    assert not skips(source(only_when={"flag": 1}), payload(flag=1.0))


def test_a_skipped_record_need_not_be_complete() -> None:
    assert skips(source(only_when={"result": "ok"}), {"result": "failed"})


def test_a_tombstone_is_skipped_with_and_without_a_condition_and_in_canonical_topics() -> None:
    assert skips(source(only_when={"op": "c"}), None)
    assert skips(source(), None)
    canonical = Source.model_validate(
        {"topic": "events", "format": "canonical", "events": ["login"], "max_silence": "1 day"}
    )
    assert skips(canonical, None)


def test_a_value_that_is_there_and_empty_is_no_tombstone() -> None:
    assert refused(source(), b"").reason == "empty"


@pytest.mark.parametrize("body", [[], "x", 1, None])
def test_a_body_that_is_no_object_is_refused_even_where_only_some_records_count(body: object) -> None:
    raw = json.dumps(body).encode()
    assert refused(source(only_when={"op": "c"}), raw).reason == "not_an_object"


# --- canonical topics -------------------------------------------------------------------------------------------


def canonical_login(**changes: Any) -> dict[str, Any]:
    return {"type": "login", "event_id": "e", "customer_id": "ada", "occurred_at": "2025-10-03T16:14:52Z", **changes}


def test_canonical_events_are_taken_as_they_are() -> None:
    assert mapped(canonical("login"), canonical_login()).occurred_at == AT


def test_a_canonical_topic_brings_only_the_types_that_it_lists() -> None:
    error = refused(canonical("login", "nps"), canonical_login(type="purchase", amount=1, currency="EUR"), ("nps",))
    assert error.reason == "unexpected_type"
    assert "login, nps" in error.detail


def test_declared_types_come_from_canonical_and_from_foreign_topics() -> None:
    assert mapped(canonical("nps"), canonical_login(type="nps"), ("nps",)).type == "nps"
    assert mapped(source("nps"), payload(), ("nps",)).type == "nps"


# --- the shipped example ----------------------------------------------------------------------------------------


def shipped_mapper(topic: str) -> Mapper:
    sources, problems = load_sources(SHIPPED)
    assert problems == []
    assert sources is not None
    return next(compile_source(source, ()) for source in sources.sources if source.topic == topic)


def test_the_shipped_sources_map_the_payloads_they_describe() -> None:
    order = {"order_id": "A-1", "customer": "ada", "total": "64.35", "currency": "USD", "placed_at": AT.isoformat()}
    attempt = {"session": "s-1", "user": "ada", "time": 1759508092000, "result": "ok"}
    cancelled = {"id": "x-1", "account": "ada", "plan": "gold", "reason": "too dear", "requested": 1759508092}

    bought = shipped_mapper("shop.orders")(record(order), LATEST)
    logged_in = shipped_mapper("shop.logins")(record(attempt), LATEST)
    gone = shipped_mapper("shop.cancellations")(record(cancelled), LATEST)

    assert isinstance(bought, Purchase)
    assert isinstance(gone, Cancellation)
    assert logged_in is not None
    assert {bought.occurred_at, logged_in.occurred_at, gone.occurred_at} == {AT}
    assert {bought.customer_id, logged_in.customer_id, gone.customer_id} == {"ada"}
    assert (gone.what, gone.reason) == ("gold", "too dear")
    assert shipped_mapper("shop.logins")(record({**attempt, "result": "failed"}), LATEST) is None
