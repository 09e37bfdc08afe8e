"""Laws of the conversion of requests: one record for each, in order, and none stops the others."""

import json
from types import SimpleNamespace
from typing import Any

from schemas.orders import parse_order
from workers.clock import SystemClock
from workers.core.source_positions import SOURCE_HEADER, split_position
from workers.dead_letters.record import read_dead_letter
from workers.requests.conversion import Conversion
from workers.requests.position import Position
from workers.settings import read_settings

AT_MS = 1_700_000_000_000


def record(offset: int, value: bytes | None, timestamp: int = AT_MS, **others: Any) -> Any:
    fields = {"topic": "linger.requests", "partition": 0, "key": b"k", "headers": (("trace", b"1"),), **others}
    return SimpleNamespace(offset=offset, value=value, timestamp=timestamp, **fields)


def request(customer_id: str) -> bytes:
    return json.dumps({"request": "suppress", "customer_id": customer_id, "reason": "", "by": "desk"}).encode()


def test_each_request_becomes_one_record_in_the_same_order_with_its_place() -> None:
    conversion = Conversion(read_settings({}), SystemClock())
    converted = conversion.convert([record(4, request("ada")), record(5, b"rubbish"), record(7, request("bob"))])
    first, letter, last = converted.records
    assert [one.topic for one in converted.records] == ["linger.activity", "linger.dead-letter", "linger.activity"]
    assert (first.key, last.key) == (b"ada", b"bob")
    for one, offset in ((first, 4), (last, 7)):
        ((name, position),) = one.headers
        assert name == SOURCE_HEADER
        assert position is not None
        split = split_position(position)
        assert split is not None
        assert (split[0], split[1][0]) == (b"linger.requests:0", offset)
        order = parse_order(one.value or b"", 2 * AT_MS)
        assert order is not None
        assert (order.event_id, order.at_ms()) == (f"linger.requests:0:{offset}", AT_MS)
    assert converted.refused == {"invalid_request": 1}
    read = read_dead_letter(record(0, letter.value, topic="linger.dead-letter", headers=letter.headers))
    assert (read.reason, read.source, read.value) == ("invalid_request", ("linger.requests", 0, 5), b"rubbish")
    assert (letter.key, read.headers) == (b"k", (("trace", b"1"),))


def test_a_request_without_a_moment_is_never_of_the_future_by_the_stamp_of_its_record() -> None:
    conversion = Conversion(read_settings({}), SystemClock())
    (order,) = conversion.convert([record(0, request("ada"), timestamp=1 << 52)]).records
    assert order.topic == "linger.activity"
    (order,) = conversion.convert([record(0, request("ada"), timestamp=-1)]).records
    assert order.topic == "linger.activity"


def test_a_position_is_of_every_topic_that_may_be_the_one_that_was_read() -> None:
    assert Position(3, "id-1").is_of("id-1")
    assert Position(3, "id-1").is_of(None)
    assert Position().is_of("id-2")
    assert not Position(3, "id-1").is_of("id-2")
