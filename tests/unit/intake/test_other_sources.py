"""Laws of intake when its sources change: what is held, what goes on, and what is read as the past."""

from schemas.sources import SourcesFile
from tests.support.builders import day
from tests.support.intake_rig import APP, SITE, SOURCES, Running, lawful, settled, stamped
from workers.intake.agent import NotAssigned


def only_app() -> SourcesFile:
    return SOURCES.model_copy(update={"sources": SOURCES.sources[:1]})


def test_nothing_becomes_an_event_by_older_sources_and_nothing_is_lost_meanwhile() -> None:
    async def law(running: Running) -> None:
        running.intake.is_outdated = True
        await running.take(APP, stamped(APP, day(3), day(4)))
        snapshot = await running.take_snapshot()
        assert running.offsets() == []
        assert not running.intake.is_behind()  # it is no stall of this worker
        assert snapshot[APP].watermark_ms < day(10)
        assert snapshot[APP].next_ms == day(10)  # others need not wait for it
        running.intake.is_outdated = False
        running.intake.take_sources(SOURCES)
        await settled()
        assert running.offsets() == [b"app:0:0", b"app:0:1"]
        assert running.done == [APP]

    lawful(law)


def test_a_partition_of_a_topic_that_is_no_source_any_more_is_dropped_and_the_rest_goes_on() -> None:
    async def law(running: Running) -> None:
        running.intake.is_outdated = True
        await running.take(APP, stamped(APP, day(3)))
        await running.take(SITE, stamped(SITE, day(2)))
        running.intake.is_outdated = False
        running.intake.take_sources(only_app())
        await settled()
        assert running.offsets() == [b"app:0:0"]
        assert running.done == [APP]  # the other one is not acknowledged: the next reader begins there
        assert isinstance(running.intake.accept(SITE, stamped(SITE, day(4)), lambda: None), NotAssigned)
        running.intake.assign({APP: 1, SITE: 0}, {}, {})
        assert running.intake.partitions == [APP]

    lawful(law)


def test_the_past_of_a_topic_that_has_appeared_holds_nothing_up() -> None:
    async def law(running: Running) -> None:
        running.intake.take_sources(SOURCES, joining=["site"])
        running.ends = {APP: 2, SITE: 1_000}
        await running.take_snapshot()
        # Nothing of it has arrived yet: another partition would be waited for.
        running.intake.accept(APP, stamped(APP, day(3), day(9)), lambda: None)
        await settled()
        assert running.offsets() == [b"app:0:0", b"app:0:1"]
        running.intake.accept(SITE, stamped(SITE, day(1), day(2)), lambda: None)
        await settled()
        assert running.offsets()[2:] == [b"site:0:0", b"site:0:1"]

    lawful(law)


def test_the_offset_before_which_everything_was_forwarded_is_published() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, stamped(APP, day(3), day(4)))
        assert (await running.take_snapshot())[APP].offset == 2

    lawful(law)
