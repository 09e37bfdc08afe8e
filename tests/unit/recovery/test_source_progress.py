"""Laws of what intake's progress and the coverage of series are after a rebuild."""

import asyncio
from collections.abc import Sequence
from typing import cast

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import UnsupportedCodecError

from schemas.sources import SourcesFile
from tests.support.builders import day, rule, rules
from tests.support.processor_rig import SOURCE, TYPES, StoppedClock, record
from workers.clock import Reading
from workers.core.source_set import SourceSet
from workers.core.watermarks import Progress
from workers.kafka.topics import LogBounds
from workers.recovery.activity_log import LogHeads
from workers.recovery.source_progress import SourcePartition, covered_since, find_progress
from workers.state.consistency import Log

PARTITION = TopicPartition(SOURCE, 0)
RULES = rules(rule(when={"none": "login", "for": "10 days"}), types=TYPES)
HEADS = LogHeads({0: day(3), 1: day(2)}, {})
NOW = day(100)


def source_file(**fields: str) -> SourcesFile:
    source = {"topic": SOURCE, "format": "canonical", "events": list(TYPES), "max_silence": "3 days", **fields}
    return SourcesFile.model_validate({"event_types": {"nps": {}}, "sources": [source]})


class SourceConsumer:
    """Reads the records of one source partition from any offset."""

    def __init__(self, records: Sequence[ConsumerRecord], undecodable: int | None = None) -> None:
        self.records = records
        self.undecodable = undecodable
        self.offset = 0

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        assert partitions == [PARTITION]

    def seek(self, _: TopicPartition, offset: int) -> None:
        self.offset = offset

    async def getmany(self, **_: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        if self.offset == self.undecodable:
            raise UnsupportedCodecError("Libraries for lz4 compression codec not found")
        return {PARTITION: [message for message in self.records if message.offset >= self.offset][:1]}


def progress_of(
    days: Sequence[int],
    committed: int | None,
    *,
    earliest: int = 0,
    first_day: float | None = None,
    undecodable: int | None = None,
) -> Progress:
    """Find the progress of a source with one record sent on each day, the first at `earliest`; now is day 100."""
    records = [record(earliest + index, sent_day=sent_day) for index, sent_day in enumerate(days)]
    source = SourcePartition(PARTITION, LogBounds(earliest, earliest + len(days)), committed, 1)
    first_ms = {} if first_day is None else {source.topic_partition: day(first_day)}
    consumer = cast(AIOKafkaConsumer, SourceConsumer(records, undecodable))
    progress = asyncio.run(find_progress(consumer, [source], first_ms, Reading(day(100), {}), StoppedClock(100)))
    return progress[SOURCE, 0]


def test_a_source_that_was_read_to_its_end_has_been_seen_until_now() -> None:
    progress = progress_of([1, 2, 3], 3)
    assert (progress.watermark_ms, progress.last_record_ms, progress.since_ms) == (day(100), day(3), day(1))


def test_a_source_that_was_not_read_to_its_end_has_been_seen_until_its_next_record() -> None:
    progress = progress_of([1, 2, 3], 2)
    assert (progress.watermark_ms, progress.last_record_ms) == (day(3) - 1, day(2))


def test_a_source_that_stopped_at_a_batch_that_cannot_be_decoded_has_been_seen_until_the_record_before_it() -> None:
    progress = progress_of([1, 2, 3], 2, undecodable=2)
    assert (progress.watermark_ms, progress.last_record_ms, progress.since_ms) == (day(2) - 1, day(2), day(1))
    assert progress_of([1, 2], 0, undecodable=0).watermark_ms == 0


def test_a_source_that_was_never_read_or_never_written_to_is_covered_from_what_there_is() -> None:
    unread, empty = progress_of([5, 6], None), progress_of([], None)
    assert (unread.watermark_ms, unread.last_record_ms, unread.since_ms) == (day(5) - 1, 0, day(5))
    assert (empty.watermark_ms, empty.last_record_ms, empty.since_ms) == (day(100), 0, day(100))


def test_a_source_whose_first_records_were_deleted_is_covered_since_the_activity_topic_has_records_of_it() -> None:
    assert progress_of([5, 6], 12, earliest=10, first_day=2).since_ms == day(2)
    assert progress_of([5, 6], 2, first_day=2).since_ms == day(5)


def test_a_series_is_covered_since_its_sources_are_or_its_log_begins() -> None:
    sources = source_file(complete_since="2024-01-02")
    whole, truncated = Log("linger.activity", None, 2, 0, 9), Log("linger.activity", None, 2, 4, 9)
    assert set(covered_since(SourceSet(sources), RULES, {}, HEADS, 0, whole, NOW).values()) == {day(1)}
    assert set(covered_since(SourceSet(sources), RULES, {}, HEADS, 0, truncated, NOW).values()) == {day(3)}


def test_a_series_whose_log_has_lost_every_record_is_covered_from_now_on_whatever_is_declared_complete() -> None:
    sources, emptied = source_file(complete_since="2024-01-02"), Log("linger.activity", None, 2, 9, 9)
    assert set(covered_since(SourceSet(sources), RULES, {}, LogHeads({1: day(2)}, {}), 0, emptied, NOW).values()) == {
        NOW
    }


def test_a_series_whose_sources_are_unknown_is_covered_since_the_first_record_of_any_partition() -> None:
    log = Log("linger.activity", None, 2, 0, 9)
    assert set(covered_since(SourceSet(source_file()), RULES, {}, HEADS, 0, log, NOW).values()) == {day(2)}
