"""Laws of history in sources: which events are history, and up to when, stands in the canonical event."""

from datetime import UTC, datetime

import orjson
import pytest

from schemas.events import InvalidEvent, encode_event, parse_event
from schemas.sources import Source
from tests.support.builders import DAY, START, day
from workers.clock import iso_text
from workers.core.events.decoding import decode_event
from workers.core.mapping.converter import Canonical, compile_converter, compile_many, compile_untrusted_reader
from workers.core.mapping.history import history_until_ms, marked, named_ms
from workers.core.mapping.mapper import compile_source
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.trace import compile_trace

LATEST = day(500)
FIELDS = {"event_id": "id", "customer_id": "who", "occurred_at": "at", "amount": "sum", "currency": "in"}


def source(**more: object) -> Source:
    return Source.model_validate({"topic": "shop", "max_silence": "3 days", **more})


def mapped(**more: object) -> Source:
    return source(event="purchase", fields=FIELDS, **more)


def order(at_day: float, number: float | str = "12.50") -> SourceRecord:
    document = {"id": "e1", "who": "ada", "at": iso_text(day(at_day)), "sum": number, "in": "EUR"}
    return SourceRecord("shop", 0, 7, day(at_day), b"k", orjson.dumps(document), ())


def canonical(at_day: float, **more: object) -> bytes:
    document = {"event_id": "e1", "type": "purchase", "customer_id": "ada", "occurred_at": iso_text(day(at_day))}
    return orjson.dumps({**document, "amount": "12.50", "currency": "EUR", **more})


@pytest.mark.parametrize("number", ["12.50", 12.5, 12])
def test_an_event_from_before_the_named_moment_is_history_until_then(number: float | str) -> None:
    convert = compile_converter(mapped(history_before="2024-04-10"), ())
    for at_day, until_ms in ((99.99, day(100)), (100, 0), (101, 0)):
        event = convert(order(at_day, number), LATEST)
        assert isinstance(event, Canonical)
        assert decode_event(event.value).history_ms == until_ms
        assert event.at_ms == day(at_day)


def test_a_source_without_the_word_writes_what_it_wrote() -> None:
    plain, past = compile_converter(mapped(), ()), compile_converter(mapped(history_before="2024-04-10"), ())
    for at_day in (50, 150):
        event = plain(order(at_day), LATEST)
        assert isinstance(event, Canonical)
        assert b"history" not in event.value
    assert plain(order(150), LATEST) == past(order(150), LATEST)


def test_history_is_read_as_the_same_event_apart_from_its_mark() -> None:
    plain, past = compile_converter(mapped(), ()), compile_converter(mapped(history_before="2024-04-10"), ())
    before, after = plain(order(50), LATEST), past(order(50), LATEST)
    assert isinstance(before, Canonical)
    assert isinstance(after, Canonical)
    one, other = decode_event(before.value), decode_event(after.value)
    other.history_ms = 0
    assert one == other


def test_what_maps_events_for_a_preview_marks_them_too() -> None:
    latest = datetime(2030, 1, 1, tzinfo=UTC)
    own = canonical(50, history_until=iso_text(day(120)))
    of_shop = mapped(history_before="2024-04-10")
    of_events = source(format="canonical", events=["purchase"], history_before="2024-04-10")
    for one, record, until_ms in (
        (of_shop, order(50), day(100)),
        (of_shop, order(100), 0),
        (of_events, order(50)._replace(value=canonical(50)), day(100)),
        (of_events, order(50)._replace(value=own), day(120)),
    ):
        event = compile_source(one, ())(record, latest)
        assert event is not None
        assert decode_event(encode_event(event)).history_ms == until_ms


def test_a_canonical_source_marks_its_events_too_and_keeps_a_later_mark() -> None:
    convert = compile_converter(source(format="canonical", events=["purchase"], history_before="2024-04-10"), ())
    for own, until_ms in ((None, day(100)), (day(60), day(100)), (day(120), day(120))):
        raw = canonical(50) if own is None else canonical(50, history_until=iso_text(own))
        event = convert(SourceRecord("shop", 0, 7, 0, b"k", raw, ()), LATEST)
        assert isinstance(event, Canonical)
        assert decode_event(event.value).history_ms == until_ms


def test_a_direct_producer_can_write_history_itself() -> None:
    read = compile_untrusted_reader(())
    event, left_out = read(canonical(50, history_until=iso_text(day(100))), LATEST)
    assert (event.history_ms, left_out) == (day(100), ())
    raw = canonical(50, history_until="2024-04-10T02:00:00+02:00", order_id=7)  # the strict reader's
    assert read(raw, LATEST)[0].history_ms == day(100)
    written = encode_event(parse_event(raw, latest=datetime(2030, 1, 1, tzinfo=UTC)))
    assert decode_event(written).history_ms == day(100)


@pytest.mark.parametrize("until", ["2026-01-01T00:00:00Z", "1969-12-31T00:00:00Z", "2024-04-10T00:00:00", "soon", 17])
def test_an_impossible_end_of_history_is_refused_and_not_left_out(until: object) -> None:
    """Left out, its event would act."""
    with pytest.raises(InvalidEvent) as caught:
        compile_untrusted_reader(())(canonical(50, history_until=until), LATEST)
    assert caught.value.reason in ("future_time", "impossible_time", "naive_time")
    assert caught.value.field == "history_until"


def test_rows_of_a_snapshot_are_history_until_they_were_written_or_until_the_named_moment() -> None:
    def until(at_day: float, before: int = 0, written: int = day(200), *, is_snapshot: bool = True) -> int:
        return history_until_ms(before, day(at_day), is_snapshot=is_snapshot, written_ms=written, latest_ms=day(300))

    assert until(50) == day(200)
    assert until(50, is_snapshot=False) == 0
    assert until(50, before=day(100)) == until(150, before=day(100)) == day(100)
    assert until(150, before=day(100), is_snapshot=False) == 0
    assert until(50, written=-1) == day(50) + 1
    assert until(201) == day(201) + 1
    assert until(50, written=day(400)) == day(300)


def change(operation: str, at_day: float, written_day: float, wrap: str = "plain") -> SourceRecord:
    row = {"id": "e1", "who": "ada", "at": iso_text(day(at_day)), "sum": "12.50", "in": "EUR"}
    document: object = {"op": operation, "before": None, "after": row, "source": {"snapshot": "false"}}
    if wrap == "with schema":
        document = {"schema": {}, "payload": document}
    return SourceRecord("shop", 0, 7, day(written_day), b"k", orjson.dumps(document), ())


ROWS = {name: f"after.{path}" for name, path in FIELDS.items()}


@pytest.mark.parametrize("wrap", ["plain", "with schema"])
def test_rows_of_a_snapshot_are_history_and_later_changes_of_the_same_table_are_not(wrap: str) -> None:
    table = source(event="purchase", fields=ROWS, unwrap="debezium")
    convert, map_one, latest = (
        compile_converter(table, ()),
        compile_source(table, ()),
        datetime(2030, 1, 1, tzinfo=UTC),
    )
    for operation, until_ms in (("r", day(200)), ("c", 0), ("u", 0)):
        record = change(operation, 50, 200, wrap)
        (traced,) = compile_trace(table, (), latest)(record).items
        assert traced.result == map_one(record, latest)
        event, mapped_event = convert(record, LATEST), map_one(record, latest)
        assert isinstance(event, Canonical)
        assert mapped_event is not None
        assert decode_event(event.value).history_ms == until_ms
        assert decode_event(encode_event(mapped_event)).history_ms == until_ms


def test_the_named_moment_goes_before_the_time_of_a_snapshot_and_counts_for_changes_too() -> None:
    convert = compile_converter(
        source(event="purchase", fields=ROWS, unwrap="debezium", history_before="2024-04-10"), ()
    )
    for operation, at_day, until_ms in (
        ("r", 50, day(100)),
        ("c", 50, day(100)),
        ("c", 150, 0),
        ("r", 150, day(100)),
    ):
        event = convert(change(operation, at_day, 200), LATEST)
        assert isinstance(event, Canonical)
        assert decode_event(event.value).history_ms == until_ms


def test_each_item_of_a_record_is_history_or_not() -> None:
    many = source(event="purchase", fields=FIELDS, unwrap={"each": "orders"}, history_before="2024-04-10")
    items = [
        {"id": f"e{place}", "who": "ada", "at": iso_text(day(at_day)), "sum": "12.50", "in": "EUR"}
        for place, at_day in enumerate((50, 150, 99))
    ]
    record = SourceRecord("shop", 0, 7, day(200), b"k", orjson.dumps({"orders": items}), ())
    found = [
        decode_event(event.value).history_ms
        for event in compile_many(many, ())(record, LATEST)
        if isinstance(event, Canonical)
    ]
    assert found == [day(100), 0, day(100)]


def test_what_is_no_history_is_not_written_again() -> None:
    raw = canonical(50)
    assert marked(raw, 0) is raw
    assert named_ms(mapped()) == 0
    assert named_ms(mapped(history_before="2024-04-10")) == START + 100 * DAY
