"""Laws of records that hold several items: each is sent once by its own position, or is a dead letter of its own."""

import json
from dataclasses import replace
from typing import Any, Final

from schemas.sources import SourcesFile
from tests.support.builders import day
from tests.support.dead_letters import stored
from tests.support.intake_rig import APP, SITE, Running, lawful, settled, stamped
from tests.support.processor_rig import record
from workers.core.source_positions import position_of_item
from workers.dead_letters.record import read_dead_letter
from workers.dead_letters.replay import replayed_headers
from workers.kafka.faust_batches import Delivery
from workers.kafka.records import OutboxRecord
from workers.state.stopped_sources import Stop

FIELDS: Final = {"event_id": "id", "customer_id": "customer", "occurred_at": "at"}
SOURCES: Final = SourcesFile.model_validate(
    {
        "sources": [
            {
                "topic": "app",
                "unwrap": "each",
                "event": "login",
                "only_when": {"kind": "login"},
                "fields": FIELDS,
                "max_silence": "3 days",
            },
            {"topic": "site", "format": "canonical", "events": ["login"], "max_silence": "3 days"},
        ]
    }
)


def item(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"e{number}", "customer": "ada", "at": "2024-01-09T08:00:00Z", "kind": "login", **changes}


def delivery(*values: Any, first: int = 0, headers: tuple[tuple[str, bytes], ...] = ()) -> Delivery:
    records = [
        replace(
            record(first + number, raw=b""),
            topic="app",
            timestamp=day(9),
            value=value if isinstance(value, bytes | None) else json.dumps(value).encode(),
            headers=headers,
        )
        for number, value in enumerate(values)
    ]
    return Delivery(records, first)


def positions(running: Running) -> list[bytes | None]:
    return [
        dict(message.headers)["linger-source"] for message in running.publisher.sent if "activity" in message.topic
    ]


def letters(running: Running) -> list[OutboxRecord]:
    return [message for message in running.publisher.sent if "dead-letter" in message.topic]


async def release(running: Running) -> None:
    running.intake.stopping.note_older_owners([], day(10))
    await settled()


def test_each_item_is_sent_with_a_position_of_its_own_and_the_record_is_acknowledged_with_the_last() -> None:
    async def law(running: Running) -> None:
        await release(running)
        await running.take(APP, delivery([item(1), item(2, kind="other"), item(3)], [item(4)]))
        assert positions(running) == [position_of_item("app", 0, *pair) for pair in ((0, 0), (0, 2), (1, 0))]
        assert running.intake.positions()[APP] == 2
        assert running.done == [APP]
        assert (await running.take_snapshot())["app", 0].sent == {0: 3}

    lawful(law, SOURCES)


def test_an_item_that_cannot_be_read_is_a_dead_letter_of_its_own_and_is_replayed_alone() -> None:
    async def law(running: Running) -> None:
        await release(running)
        value = [item(1), item(2, at="yesterday"), item(3)]
        await running.take(APP, delivery(value, headers=(("trace", b"x"),)))
        assert len(positions(running)) == 2
        [sent] = letters(running)
        letter = read_dead_letter(stored(sent))
        assert (letter.item, letter.source, letter.reason) == (1, ("app", 0, 0), "impossible_time")
        # The mapping is fixed, and the letter is replayed: the record comes once more, at the end of the topic.
        headers: Any = replayed_headers(letter, "linger.activity")
        fixed = [item(1), item(2), item(3)]
        await running.take(APP, delivery(fixed, first=1, headers=headers))
        assert positions(running)[2:] == [position_of_item("app", 0, 1, 1)]
        # One that still cannot be read is the same item again.
        await running.take(APP, delivery(value, first=2, headers=headers))
        assert [dict(message.headers)["linger-item"] for message in letters(running)] == [b"1", b"1"]
        # And one that the record does not have any more is said to be missing.
        await running.take(APP, delivery([item(1)], first=3, headers=headers))
        assert dict(letters(running)[2].headers)["linger-reason"] == b"no_such_item"

    lawful(law, SOURCES)


def test_a_record_that_cannot_be_read_at_all_is_one_dead_letter() -> None:
    async def law(running: Running) -> None:
        await release(running)
        await running.take(APP, delivery(b"<html>", [1, 2]))
        assert ["linger-item" in dict(message.headers) for message in letters(running)] == [False, True, True]

    lawful(law, SOURCES)


def test_the_limit_of_dead_letters_counts_records_by_what_most_of_their_items_are() -> None:
    async def law(running: Running) -> None:
        await release(running)
        bad = item(0, at="yesterday")
        await running.take(APP, delivery(*[[bad, item(1), item(2)]] * 9))
        assert running.intake.stopping.stops() == {}
        await running.take(APP, delivery(*[[bad, bad, item(1)]] * 3, first=9))
        (stop,) = running.intake.stopping.stops().values()
        assert (stop.cause, stop.run, stop.offset) == ("dead_letters", 3, 11)
        assert len(letters(running)) == 9 + 2 * 2, "nothing is sent of the record that is too much"

    lawful(law, SOURCES, dead_letter_max_consecutive=2)


def test_silence_ends_with_any_event_of_a_record() -> None:
    async def law(running: Running) -> None:
        await release(running)
        await running.take(APP, delivery([item(1, kind="other"), item(2, at="2024-01-08T08:00:00Z"), item(3)]))
        progress = (await running.take_snapshot())["app", 0]
        assert progress.known_events() == {"login": day(9)}

    lawful(law, SOURCES)


def test_it_waits_until_no_worker_of_an_older_release_owns_a_partition_and_others_go_on() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, delivery([item(1), item(2)]))
        await running.take(SITE, stamped(SITE, day(9)))
        assert [message.headers for message in running.publisher.sent] == [(("linger-source", b"site:0:0"),)]
        assert running.intake.stopping.stops() == {}, "it is not known yet whether it has to wait"

        running.intake.stopping.note_older_owners([3, 5], day(10))
        [(place, stop)] = running.intake.stopping.stops().items()
        assert (place, stop.cause, stop.since_ms, stop.offset) == (APP, "older_release", day(10), 0)
        assert "partitions 3, 5" in stop.problem
        running.intake.stopping.note_older_owners([5], day(11))
        [stop] = running.intake.stopping.stops().values()
        assert stop.since_ms == day(10)
        assert "partition 5 " in stop.problem
        running.intake.stopping.go_on_at_once("app")
        await settled()
        assert len(running.publisher.sent) == 1
        assert running.intake.positions()[APP] == 0
        await running.take_snapshot()
        assert not running.intake.is_behind(), "nothing waits that this worker alone could do"

        await release(running)
        assert running.intake.stopping.stops() == {}
        assert len(running.publisher.sent) == 3
        assert running.done == [SITE, APP]

    lawful(law, SOURCES)


def test_a_worker_of_an_older_release_that_claims_later_stops_it_again() -> None:
    async def law(running: Running) -> None:
        await release(running)
        await running.take(APP, delivery([item(1)]))
        running.intake.stopping.note_older_owners([0], day(10))
        await running.take(APP, delivery([item(2)], first=1))
        assert len(running.publisher.sent) == 1
        # Assigned again, and another worker had stopped it too.
        running.intake.assign({APP: 1, SITE: 0}, {}, {APP: Stop("older_release", "an old one", day(9), 1)})
        await running.take(APP, delivery([item(2)], first=1))
        assert len(running.publisher.sent) == 1
        await release(running)
        assert positions(running)[1:] == [position_of_item("app", 0, 1, 0)]

    lawful(law, SOURCES)
