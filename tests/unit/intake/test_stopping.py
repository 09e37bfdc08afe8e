"""Laws of stopped sources: a broken one stops alone, loses nothing, and goes on when its cause is over."""

from dataclasses import replace
from typing import Any, Final

from tests.support.builders import day
from tests.support.intake_rig import APP, SITE, Running, lawful, settled, stamped
from tests.support.processor_rig import record
from workers.core.watermarks import Progress
from workers.kafka.faust_batches import Delivery
from workers.kafka.records import TopicPartition
from workers.state.stopped_sources import Stop, StoredStops

FEW: Final[dict[str, Any]] = {"dead_letter_max_consecutive": 2}


def mixed(place: TopicPartition, first: int, *readable: bool | None) -> Delivery:
    """Records of day 9 from an offset on: log-ins, records that cannot be read (False) and tombstones (None)."""
    raw = {True: record(0).value, False: b"<html>", None: None}
    records = [
        replace(record(first + number, raw=b""), topic=place.topic, timestamp=day(9), value=raw[kind])
        for number, kind in enumerate(readable)
    ]
    return Delivery(records, first)


async def look(running: Running, **ends: int) -> dict[tuple[str, int], Progress]:
    running.ends |= {TopicPartition(topic, 0): end for topic, end in ends.items()}
    return await running.take_snapshot()


def test_records_up_to_the_limit_are_passed_on_and_those_from_it_on_wait() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, mixed(APP, 0, True, False, False, False, True))
        assert len(running.publisher.sent) == 3
        (stop,) = running.intake.stopping.stops().values()
        assert (stop.cause, stop.offset, stop.run) == ("dead_letters", 3, 3)
        assert running.intake.positions()[APP] == 3
        assert running.done == [], "the delivery is not acknowledged"

    lawful(law, **FEW)


def test_another_source_goes_on_at_once_whatever_the_stopped_one_still_has() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, mixed(APP, 0, *[False] * 5))
        sent = len(running.publisher.sent)
        await running.take(SITE, stamped(SITE, day(9), day(9) + 3_600_000))
        assert len(running.publisher.sent) == sent + 2
        assert list(running.intake.stopping.stops()) == [APP]

    lawful(law, **FEW)


def test_the_watermark_of_a_stopped_source_stands_still_and_its_records_do_not_count_as_a_stall() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, mixed(APP, 0, True, False, False, False))
        before = (await look(running))["app", 0].watermark_ms
        running.clock.now_ms = day(30)
        after = await look(running)
        assert after["app", 0].watermark_ms == before < day(10)
        assert after["site", 0].watermark_ms == day(30)
        assert after["app", 0].next_ms == day(30), "no other worker waits for it"
        assert not running.intake.is_behind()

    lawful(law, **FEW)


def test_it_goes_on_by_itself_when_the_newest_record_that_waits_can_be_read_and_sends_nothing_to_find_out() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, mixed(APP, 0, *[False] * 5))
        running.intake.stopping.go_on_if_readable("app")
        await settled()
        assert list(running.intake.stopping.stops()) == [APP]
        assert len(running.publisher.sent) == 2
        await running.take(APP, mixed(APP, 5, True))
        assert len(running.publisher.sent) == 2
        running.intake.stopping.go_on_if_readable("app")
        await settled()
        assert running.intake.stopping.stops() == {}
        assert len(running.publisher.sent) == 6
        assert running.done == [APP, APP]

    lawful(law, **FEW)


def test_an_operator_lets_everything_through_that_the_topic_holds_and_what_comes_later_counts_again() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, mixed(APP, 0, *[False] * 5))
        await look(running, app=8)
        running.intake.stopping.go_on_at_once("app")
        await settled()
        assert len(running.publisher.sent) == 5
        running.intake.accept(APP, mixed(APP, 5, *[False] * 3), lambda: None)
        await settled()
        assert len(running.publisher.sent) == 8
        assert running.intake.stopping.stops() == {}
        await running.take(APP, mixed(APP, 8, *[False] * 5))
        assert len(running.publisher.sent) == 10
        assert running.intake.stopping.stops()[APP].offset == 10

    lawful(law, **FEW)


def test_a_stopped_source_looks_some_records_ahead_and_no_further() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, mixed(APP, 0, *[False] * 5))
        for first in range(5, 1_900, 379):
            await running.take(APP, mixed(APP, first, *[False] * 379))
        assert running.intake.stopping.has_room(APP)
        await running.take(APP, mixed(APP, 1_900, *[False] * 200))
        assert not running.intake.stopping.has_room(APP)

    lawful(law, **FEW)


def test_a_batch_that_cannot_be_decoded_stops_its_partition_until_what_lies_behind_it_arrives() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, mixed(APP, 0, True))
        await look(running, app=9)
        running.intake.stopping.stop_undecodable(APP, 1, "UnsupportedCodecError: lz4", day(10))
        stop = running.intake.stopping.stops()[APP]
        assert (stop.cause, stop.offset) == ("undecodable", 1)
        assert stop.problem == "its batch at offset 1 cannot be decoded: UnsupportedCodecError: lz4"
        running.intake.stopping.go_on_if_decoded(APP)
        assert running.intake.stopping.stops() == {APP: stop}
        running.intake.accept(APP, mixed(APP, 1, True), lambda: None)
        running.intake.stopping.go_on_if_decoded(APP)
        assert running.intake.stopping.stops() == {}

    lawful(law)


def test_a_source_that_could_never_be_read_is_watched_from_now_on_so_that_others_need_not_wait() -> None:
    async def law(running: Running) -> None:
        await look(running, app=9)
        assert (await look(running))["app", 0].since_ms == 0
        running.intake.stopping.stop_undecodable(APP, 0, "CorruptRecordException: bad", day(10))
        assert (await look(running))["app", 0].since_ms == day(10)

    lawful(law)


def test_a_worker_that_takes_over_knows_what_is_stopped_and_holds_it_until_it_was_tried() -> None:
    async def law(running: Running) -> None:
        stop = Stop("dead_letters", "3 records in a row cannot be read", day(9), 0, 3, 3, 3)
        running.intake.assign({APP: 0, SITE: 0}, {}, {APP: stop})
        await running.take(APP, mixed(APP, 0, False, False))
        assert running.publisher.sent == []
        assert running.intake.stopping.stops() == {APP: stop}
        await running.take(APP, mixed(APP, 2, True))
        running.intake.stopping.go_on_if_readable("app")
        await settled()
        assert len(running.publisher.sent) == 3

    lawful(law, **FEW)


def test_tombstones_are_neither_dead_letters_nor_events_and_end_no_silence() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, mixed(APP, 0, *[None] * 50))
        assert running.publisher.sent == []
        assert running.done == [APP]
        assert running.intake.stopping.stops() == {}
        assert (await look(running))["app", 0].last_event_ms() == 0
        await running.take(APP, mixed(APP, 50, True, None))
        assert (await look(running))["app", 0].event_ms == {"login": day(9)}

    lawful(law, **FEW)


def test_stops_are_told_by_topic_with_their_partitions() -> None:
    stops = {TopicPartition("app", number): Stop("undecodable", f"bad {number}", 0, 0) for number in (2, 1)}
    assert StoredStops(stops).problems() == {"app": "partitions 1, 2: bad 1"}
