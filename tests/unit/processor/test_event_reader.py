"""Laws of reading records: what cannot be read is dead-lettered, and a repeated record is dropped."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest
from aiokafka import ConsumerRecord

from schemas.events import BUILT_IN, InvalidEvent, parse_event
from schemas.sources import SourcesFile
from tests.support.builders import day
from tests.support.memory_store import MemoryStore
from tests.support.processor_rig import Agent, lawful, record, stored
from workers.core.events.decoding import NotCanonical, decode_event
from workers.core.source_positions import SOURCE_HEADER, position_of_item
from workers.core.source_set import SourceSet
from workers.kafka.partitioner import partition_of
from workers.processor.results import Processed

JUNK: Final = [
    record(0, raw=b"junk"),
    record(0, raw=b""),
    record(0, raw=b"\xff"),
    record(0, raw=b"[" * 100_000),
    record(0, key=None),
    record(0, key=b"bob"),
    record(0, "pageview"),
    record(0, at="yesterday"),
    record(0, at="2024-01-02T00:00:00"),
    record(0, at="2031-01-01T00:00:00Z"),
    record(0, customer=" "),
    record(0, customer="x" * 257),
    record(0, "purchase", amount="-1", currency="EUR"),
    record(0, "nps", amount="1", customer=" "),
]


def test_what_intake_sent_twice_is_dropped_by_its_source_position() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        source = (("linger-source", b"shop.events:0:7"),)
        other = (("linger-source", b"shop.events:1:7"),)
        await agent.process(record(0, headers=source), record(1, headers=source), record(2, headers=other))
        await agent.process(record(3, headers=source))
        assert stored(store).series["login"].total == 2
        assert store.contents[0].meta["n:duplicates"] == "2"

    lawful(law)


def test_every_item_of_a_record_is_folded_once_by_its_source_position() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        def item(offset: int, *position: int) -> ConsumerRecord:
            return record(offset, headers=((SOURCE_HEADER, position_of_item("shop.events", 0, *position)),))

        await agent.process(item(0, 7, 0))
        # The worker was killed here: intake reads the record again.
        await agent.process(item(1, 7, 0), item(2, 7, 1))
        await agent.process(item(3, 7, 1), item(4, 8, 0), item(5, 7, 1))
        assert stored(store).series["login"].total == 3
        assert store.contents[0].meta["n:duplicates"] == "3"
        assert store.contents[0].meta["hw:shop.events:0+"] == "800000"

    lawful(law)


@pytest.mark.parametrize("bad", JUNK)
def test_what_cannot_be_read_is_dead_lettered_and_its_neighbours_go_on(bad: ConsumerRecord) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.process(bad, record(1, customer="bob")) == Processed()
        dead = await agent.published("linger.dead-letter")
        assert [(message.key, message.value) for message in dead] == [(bad.key, bad.value)]
        assert stored(store, "bob").series["login"].total == 1

    lawful(law)


@pytest.mark.parametrize(
    "bad",
    [
        record(0, at="9999-12-31T23:59:59-05:00"),
        record(0, headers=(("linger-source", b"shop.events:0:" + b"9" * 5_000),)),
    ],
    ids=["after the year 9999", "an offset of 5000 digits"],
)
def test_no_record_stops_its_partition(bad: ConsumerRecord) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        assert await agent.process(bad, record(1, customer="bob")) == Processed()
        assert stored(store, "bob").series["login"].total == 1

    lawful(law)


def elsewhere(partitions: int) -> str:
    """A customer who does not belong to partition 0."""
    return next(name for name in (f"c{number}" for number in range(100)) if partition_of(name, partitions))


def at_home(partitions: int) -> str:
    """A customer who belongs to partition 0."""
    return next(name for name in (f"c{number}" for number in range(100)) if not partition_of(name, partitions))


def test_a_direct_record_in_a_partition_where_its_key_does_not_belong_is_dead_lettered_and_names_the_remedy() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        away, home = elsewhere(4), at_home(4)
        await agent.process(record(0, customer=away), record(1, customer=home))
        (dead,) = await agent.published("linger.dead-letter")
        headers = {name: (value or b"").decode() for name, value in dead.headers}
        assert headers["linger-reason"] == "wrong_partition"
        assert f"belongs to partition {partition_of(away, 4)} by murmur2" in headers["linger-detail"]
        assert "is in partition 0" in headers["linger-detail"]
        assert "partitioner=murmur2_random" in headers["linger-detail"]
        assert set(store.contents[0].activities) == {home}

    lawful(law, partitions=4)


def test_what_intake_wrote_is_folded_where_intake_put_it() -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        away = elsewhere(4)
        await agent.process(record(0, customer=away, headers=(("linger-source", b"shop.events:0:7"),)))
        assert not await agent.published("linger.dead-letter")
        assert stored(store, away).series["login"].total == 1

    lawful(law, partitions=4)


@pytest.mark.parametrize("headers", [(), (("linger-source", b"shop.events:0:7"),)], ids=["direct", "intake"])
@pytest.mark.parametrize(
    "fields",
    [
        {"at": "2024-01-02T10:00Z"},
        {"at": "2024-01-02T10:00:00,500Z"},
        {"at": "2024-01-02T10:00:00\N{MINUS SIGN}05:00"},
        {"event_id": 17},
        {"customer_id": 17, "customer": "17"},
        {"order_id": True},
    ],
    ids=[
        "no seconds",
        "a comma",
        "a minus sign",
        "a number as event id",
        "a number as customer",
        "extra",
    ],
)
def test_what_the_parser_accepts_is_folded(fields: dict[str, Any], headers: Any) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0, headers=headers, **fields))
        assert not await agent.published("linger.dead-letter")
        assert stored(store, fields.get("customer", "ada")).series["login"].total == 1

    lawful(law)


@pytest.mark.parametrize(
    "lenient",
    [
        record(0, at="1970-01-01T00:30:00+05:00"),
        record(0, at="9999-12-31T23:59:59-05:00"),
        record(0, "purchase", amount="1", currency="euro"),
        record(0, attributes={f"a{number}": 1 for number in range(65)}),
        record(0, attributes={"text": "x" * 1025}),
        record(0, "cancellation", reason="x" * 1025),
        record(0, "cancellation", effective_at="soon"),
        record(0, event_id="ü" * 200),
    ],
    ids=[
        "before 1970 in UTC",
        "after 9999 in UTC",
        "no currency code",
        "65 attributes",
        "a long attribute",
        "a long reason",
        "a time that is none",
        "an event id of 400 bytes",
    ],
)
def test_what_the_hot_path_accepts_the_door_accepts_too(lenient: ConsumerRecord) -> None:
    try:
        decode_event(lenient.value)
    except NotCanonical:
        return
    try:
        parse_event(lenient.value, latest=datetime(9999, 12, 31, tzinfo=UTC))
    except InvalidEvent as error:
        pytest.fail(f"refused: {error}")


def with_direct_producers(*events: str) -> SourcesFile:
    """Return sources whose events all come from direct producers."""
    source = {"topic": "linger.activity", "format": "canonical", "events": list(events), "max_silence": "3 days"}
    declared: dict[str, dict[str, Any]] = {name: {} for name in events if name not in BUILT_IN}
    return SourcesFile.model_validate({"event_types": declared, "sources": [source]})


def test_a_direct_event_of_a_type_that_the_sources_no_longer_declare_is_dead_lettered() -> None:
    """The rules know the type for as long as they read it."""

    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(record(0, "nps", event_id="a"))
        await agent.processor.activate(agent.processor.rules, SourceSet(with_direct_producers("login")))
        await agent.process(record(1, "nps", event_id="b"), record(2, event_id="c"))
        (dead,) = await agent.published("linger.dead-letter")
        assert dict(dead.headers)["linger-reason"] == b"unknown_type"
        series = stored(store).series
        assert (series["nps"].total, series["login"].total) == (1, 1)

    lawful(law, sources=with_direct_producers("login", "nps"))


@pytest.mark.parametrize("event_id", ["e1", "ë1"], ids=["plain", "left to the strict reader"])
def test_a_direct_event_says_up_to_when_its_producers_were_heard(event_id: str) -> None:
    async def law(agent: Agent, store: MemoryStore) -> None:
        await agent.process(
            record(0, event_id=event_id, sent_day=7),
            record(1, event_id="e2", sent_day=5),
            record(2, event_id="e3", sent_day=9, headers=((SOURCE_HEADER, b"shop.events:0:7"),)),
        )
        heard = agent.processor.partitions[0].direct_producers.progress.known_events()
        assert heard == {"login": day(7)}

    lawful(law, sources=with_direct_producers("login"))
