"""Laws of merging: the oldest records first, and no partition holds up the others without end."""

from dataclasses import replace

from tests.support.builders import day
from tests.support.intake_rig import APP, SITE, Running, lawful, stamped
from tests.support.processor_rig import record
from workers.core.coverage import FOREVER_MS
from workers.intake.merge import MAX_SKEW_MS, PartitionQueue, StallTimeout, merge
from workers.kafka.records import TopicPartition


def queue(partition: TopicPartition, *times_ms: int) -> PartitionQueue:
    """Records at these times, read to the end of the log as it was at time 0."""
    made = PartitionQueue()
    made.records.extend(
        (at_ms, partition, replace(record(offset), topic=partition.topic)) for offset, at_ms in enumerate(times_ms)
    )
    return made


def times(queues: list[PartitionQueue], merge_limit_ms: int = FOREVER_MS, max_records: int = 100) -> list[int]:
    return [at_ms for at_ms, _, _ in merge(queues, merge_limit_ms, max_records)]


def test_records_of_several_partitions_come_in_the_order_of_their_times() -> None:
    app, site = queue(APP, 3, 5, 9), queue(SITE, 1, 4, 6)
    assert times([app, site]) == [1, 3, 4, 5, 6, 9]
    assert (app.next_offset, site.next_offset) == (3, 3)


def test_an_empty_partition_lets_others_run_ahead_by_the_skew_and_no_more() -> None:
    app, site = queue(APP, 1, 2 + MAX_SKEW_MS), queue(SITE, 2)
    site.log_end = 2  # there is a record that has not been fetched
    assert times([app, site]) == [1, 2, 2 + MAX_SKEW_MS]
    later, site = queue(APP, 1, 3 + MAX_SKEW_MS), queue(SITE, 2)
    site.log_end = 2
    assert times([later, site]) == [1, 2]


def test_nothing_beyond_the_limit_is_taken_out_and_never_more_than_asked_for() -> None:
    assert times([queue(APP, 1, 2, 3)], merge_limit_ms=2) == [1, 2]
    assert times([queue(APP, 1, 2, 3)], max_records=1) == [1]


def test_a_limit_that_does_not_move_is_waited_for_only_so_long() -> None:
    stall = StallTimeout(10)
    limits = {("app", 0): 5, ("site", 0): 8}
    assert stall.merge_limit_ms(limits, 0, FOREVER_MS) == 5
    assert stall.merge_limit_ms({**limits, ("site", 0): 9}, 10, FOREVER_MS) == 5
    assert stall.merge_limit_ms({**limits, ("site", 0): 9}, 11, FOREVER_MS) == 9
    assert stall.merge_limit_ms({("app", 0): 6, ("site", 0): 9}, 12, FOREVER_MS) == 6  # it moves again
    assert stall.merge_limit_ms({}, 13, FOREVER_MS) == FOREVER_MS


def test_records_that_were_stamped_out_of_order_are_passed_on_in_the_order_of_the_log() -> None:
    async def law(running: Running) -> None:
        await running.take(APP, stamped(APP, day(9), day(8), day(9.5), day(2)))
        assert running.offsets() == [b"app:0:%d" % number for number in range(4)]

    lawful(law)


def test_of_two_sources_the_older_records_are_passed_on_first() -> None:
    async def law(running: Running) -> None:
        await running.take_backlog({APP: 2, SITE: 2})
        assert running.offsets()[:3] == [b"site:0:0", b"app:0:0", b"site:0:1"]

    lawful(law)


def test_a_backlog_is_passed_on_to_the_ends_that_are_known_without_another_look() -> None:
    async def law(running: Running) -> None:
        await running.take_backlog({APP: 2, SITE: 2})
        assert running.offsets() == [b"site:0:0", b"app:0:0", b"site:0:1", b"app:0:1"]

    lawful(law)


def test_what_lies_behind_an_end_that_is_known_is_waited_for() -> None:
    async def law(running: Running) -> None:
        await running.take_backlog({APP: 2, SITE: 3})
        assert running.offsets() == [b"site:0:0", b"app:0:0", b"site:0:1"]

    lawful(law)
