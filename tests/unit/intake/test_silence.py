"""Laws of the end of a silence: events count by when they happened, once all of their source has been read so far."""

from dataclasses import replace
from datetime import UTC, datetime

from tests.support.builders import day
from tests.support.intake_rig import APP, SITE, SOURCES, Running, lawful, settled, stamped
from workers.core.watermarks import Progress, silent_sources, watermarks_by_type
from workers.intake.cursor import Cursor
from workers.intake.silence import Silence
from workers.kafka.faust_batches import Delivery
from workers.kafka.records import TopicPartition


def happened(delivery: Delivery, *days: float) -> Delivery:
    """Return the same records with log-ins of these days."""
    records = []
    for number, (record, at_day) in enumerate(zip(delivery.records, days, strict=True)):
        at = datetime.fromtimestamp(day(at_day) / 1000, UTC).isoformat()
        value = f'{{"type":"login","event_id":"{number}-{at}","customer_id":"c1","occurred_at":"{at}"}}'
        records.append(replace(record, value=value.encode()))
    return Delivery(records, delivery.follows)


def test_what_is_sent_again_after_a_silence_is_news_of_the_day_on_which_it_happened() -> None:
    """On day 20, the log-ins of days 3 and 4 are sent again; those of the days until 20 will follow."""

    async def law(running: Running) -> None:
        running.clock.now_ms = day(2)
        await running.take(APP, happened(stamped(APP, day(2)), 2))
        running.clock.now_ms = day(20)
        await running.take(SITE, happened(stamped(SITE, day(20)), 20))
        await running.take(APP, happened(after(1, day(20)), 3))
        await running.take_snapshot()
        await running.take(APP, happened(after(2, day(20)), 4))
        for _ in range(2):
            running.clock.now_ms += 1
            snapshot = await running.take_snapshot()
        assert silent_sources(SOURCES, snapshot, day(20)) == {"app": day(4)}
        assert watermarks_by_type(SOURCES, snapshot)["login"] == day(7)

    lawful(law)


def test_a_record_from_before_its_event_does_not_hide_a_silence() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, happened(stamped(APP, day(2)), 9))
        assert (await running.take_snapshot())["app", 0].last_event_ms() == day(2)

    lawful(law)


def test_a_silence_ends_when_every_partition_of_the_source_has_been_read_past_its_first_event() -> None:
    """The other partition of the source is read by another worker, which has died on day 19."""
    silence, cursor = Silence(SOURCES), spoke_on(2)
    elsewhere = spoke_on(2).progress
    progress = {("app", 0): cursor.progress, ("app", 1): elsewhere}
    cursor.progress.watermark_ms = day(21)
    silence.note_event(cursor, "app", "login", day(20), day(20))
    for read_until_ms, last_event_ms in ((day(19), day(2)), (day(20), day(2)), (day(20) + 1, day(20))):
        elsewhere.watermark_ms = read_until_ms
        silence.note(progress, {APP: cursor})
        silence.prove({APP: cursor})
        assert cursor.progress.last_event_ms() == last_event_ms


def test_a_silence_ends_while_events_never_cease() -> None:
    """The other worker is always a moment behind the newest event."""
    silence, cursor, elsewhere = Silence(SOURCES), spoke_on(2), spoke_on(2).progress
    progress = {("app", 0): cursor.progress, ("app", 1): elsewhere}
    for second in range(4):
        now_ms = day(20) + 1000 * second
        silence.note_event(cursor, "app", "login", day(3 + second), now_ms - 1)
        elsewhere.watermark_ms, cursor.progress.watermark_ms = now_ms - 500, now_ms
        silence.note(progress, {APP: cursor})
        silence.prove({APP: cursor})
    assert cursor.progress.last_event_ms() == day(5), "that of the newest second is not proven yet"


def test_what_came_after_the_log_was_looked_at_waits_for_the_next_look() -> None:
    """The partition next to it may have got events in the same moment, which no one has looked for."""
    silence, cursor, beside = Silence(SOURCES), spoke_on(2), spoke_on(2)
    own = {APP: cursor, TopicPartition("app", 1): beside}
    progress = {("app", 0): cursor.progress, ("app", 1): beside.progress}
    silence.note(progress, own)
    silence.note_event(cursor, "app", "login", day(19), day(20) + 5)
    for looked_at_ms, last_event_ms in ((day(20), day(2)), (day(20) + 6, day(19))):
        for one in own.values():
            one.report(looked_at_ms, one.offset, one.offset, is_outdated=False)
        silence.prove(own)
        assert cursor.progress.last_event_ms() == last_event_ms


def spoke_on(at_day: float) -> Cursor:
    cursor = Cursor(0, Progress(watermark_ms=day(at_day), since_ms=day(1), partitions=2), None)
    cursor.progress.note_event("login", day(at_day))
    return cursor


def test_a_silence_does_not_end_while_a_partition_of_the_source_is_behind() -> None:
    async def law(running: Running) -> None:
        running.clock.now_ms = day(20)
        await running.take(APP, happened(stamped(APP, day(2)), 2))
        assert silent_sources(SOURCES, await running.take_snapshot(), day(20)).keys() == {"app"}
        running.ends[APP] = 3  # the log has one more than is delivered
        await running.take_snapshot()
        running.intake.accept(APP, Delivery(happened(after(1, day(20)), 20).records, 1), lambda: None)
        await settled()
        running.clock.now_ms += 1
        await running.take_snapshot()
        assert silent_sources(SOURCES, await running.take_snapshot(), day(20)).keys() == {"app"}
        running.intake.accept(APP, Delivery(happened(after(2, day(20)), 20).records, 2), lambda: None)
        await settled()
        running.clock.now_ms += 1
        await running.take_snapshot()
        assert silent_sources(SOURCES, await running.take_snapshot(), day(20)) == {}

    lawful(law)


def after(offset: int, at_ms: int) -> Delivery:
    (record,) = stamped(APP, at_ms).records
    return Delivery([replace(record, offset=offset)], offset)


def test_a_worker_that_does_not_know_yet_which_sources_are_silent_lets_no_event_count_at_once() -> None:
    silence, cursor = Silence(SOURCES), spoke_on(2)
    silence.note_event(cursor, "app", "login", day(4), day(20))
    silence.prove({APP: cursor})
    assert cursor.progress.last_event_ms() == day(2)
    beside = spoke_on(2)
    cursor.progress.watermark_ms = beside.progress.watermark_ms = day(21)
    own = {APP: cursor, TopicPartition("app", 1): beside}
    silence.note({("app", 0): cursor.progress, ("app", 1): spoke_on(2).progress}, own)
    silence.prove(own)
    assert cursor.progress.last_event_ms() == day(4)


def test_an_event_of_long_ago_counts_as_news_while_its_source_is_not_silent() -> None:
    """A source may report late; who tries Linger sends an order of last month."""

    async def law(running: Running) -> None:
        running.clock.now_ms = day(20)
        await running.take(APP, happened(stamped(APP, day(20)), 3))
        assert silent_sources(SOURCES, await running.take_snapshot(), day(20)) == {}

    lawful(law)


def test_a_backlog_is_read_by_when_it_was_written() -> None:
    """The worker was away for weeks: no silence ends with what was written while there was none; timers follow it."""
    silence, cursor = Silence(SOURCES), spoke_on(2)
    silence.note({("app", 0): cursor.progress, ("app", 1): spoke_on(2).progress}, {APP: cursor})
    silence.note_event(cursor, "app", "login", day(1), day(5))
    assert cursor.progress.last_event_ms() == day(5)


def test_while_a_source_speaks_every_event_counts_at_once() -> None:
    silence, cursor = Silence(SOURCES), spoke_on(2)
    silence.note({("app", 0): cursor.progress, ("app", 1): spoke_on(2).progress}, {APP: cursor})
    silence.note_event(cursor, "app", "login", day(3), day(3))
    assert cursor.progress.last_event_ms() == day(3)


def test_a_silence_is_found_in_a_backlog_too() -> None:
    """Read on day 20: on day 9 the log-ins of days 3 to 9 were sent again, and a dead worker has read until day 8."""
    silence, cursor, elsewhere = Silence(SOURCES), spoke_on(2), spoke_on(2).progress
    progress = {("app", 0): cursor.progress, ("app", 1): elsewhere}
    cursor.progress.watermark_ms, elsewhere.watermark_ms = day(20), day(8)
    for read_until_ms, last_event_ms in ((day(8), day(2)), (day(10), day(9))):
        elsewhere.watermark_ms = read_until_ms
        silence.note(progress, {APP: cursor})
        silence.prove({APP: cursor})
        silence.note_event(cursor, "app", "login", day(3), day(9))
        silence.note_event(cursor, "app", "login", day(9), day(9))
        assert cursor.progress.last_event_ms() == last_event_ms
