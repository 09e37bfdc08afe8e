"""Sources and records for tests of mapping: what a record becomes, on the fast way and on the checked one."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.events import Event, InvalidEvent
from schemas.sources import Source
from workers.core.events.decoding import decode_event
from workers.core.mapping.converter import Canonical, compile_converter
from workers.core.mapping.mapper import compile_source
from workers.core.mapping.record import SourceRecord
from workers.core.mapping.skipped import Skipped

LATEST = datetime(2030, 1, 1, tzinfo=UTC)
LATEST_MS = round(LATEST.timestamp() * 1000)
DECLARED = ("renewal", "refund")
KEY = b"a key of this test"
FIELDS = {"event_id": "id", "customer_id": "customer", "occurred_at": "at"}
BODY = {"id": "e-1", "customer": "ada", "at": "2025-10-03T16:14:52Z", "total": "64.35", "currency": "EUR"}
PAID = {"amount": "total", "currency": "currency"}


def source(event: str | None = "login", **content: Any) -> Source:
    """Return a source; `fields` are added to those that every event needs."""
    written = {"topic": "t", "max_silence": "1 day", **content, "fields": {**FIELDS, **content.get("fields", {})}}
    return Source.model_validate(written if event is None else {**written, "event": event})


def record(
    body: Any = None, *, headers: Any = (), key: bytes | None = None, at_ms: int = 1759508092797
) -> SourceRecord:
    """Return a record; `body` is added to a good one, unless it is bytes or None."""
    value = body if isinstance(body, bytes) else json.dumps({**BODY, **(body or {})}).encode()
    return SourceRecord("t", 3, 41, at_ms, key, value, tuple(headers))


def result(of: Source, body: Any = None, **parts: Any) -> Event | Skipped | InvalidEvent:
    """Map a record on both ways, and check that they say the same."""
    one = record(body, **parts)
    converted: Canonical | Skipped | InvalidEvent
    try:
        converted = compile_converter(of, DECLARED, KEY)(one, LATEST_MS)
    except InvalidEvent as refusal:
        converted = refusal
    event: Event | InvalidEvent | None
    try:
        event = compile_source(of, DECLARED, KEY)(one, LATEST)
    except InvalidEvent as refusal:
        event = refusal
    if isinstance(event, InvalidEvent):
        assert repr(converted) == repr(event)
        return event
    if isinstance(converted, Skipped):
        assert event is None
        return converted
    assert isinstance(converted, Canonical)
    assert event is not None
    decoded = decode_event(converted.value, DECLARED)
    assert (decoded.event_id, decoded.customer_id, decoded.type) == (event.event_id, event.customer_id, event.type)
    assert decoded.attributes.get("amount") == getattr(event, "amount", None)
    assert converted.left_out == event.left_out()
    return event


def event_of(of: Source, body: Any = None, **parts: Any) -> Any:
    """Return the event that a record becomes."""
    event = result(of, body, **parts)
    assert not isinstance(event, Skipped | InvalidEvent), event
    return event


def refusal_of(of: Source, body: Any = None, **parts: Any) -> InvalidEvent:
    """Return why a record is refused."""
    refusal = result(of, body, **parts)
    assert isinstance(refusal, InvalidEvent), refusal
    return refusal


def skipped_by(of: Source, body: Any = None, **parts: Any) -> str:
    """Return what skips a record."""
    skipped = result(of, body, **parts)
    assert isinstance(skipped, Skipped), skipped
    return skipped.by


def refused_by_the_schema(**content: Any) -> str:
    """Return why a source is refused."""
    with pytest.raises(ValueError, match=r".") as caught:
        source(**content)
    return str(caught.value)
