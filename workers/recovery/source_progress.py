"""The progress of intake, rebuilt from Kafka alone when Redis has lost it; and since when each series is covered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError

from workers.clock import Clock, Reading
from workers.core.rules.rule_set import RuleSet
from workers.core.source_set import SourceSet, earliest_since
from workers.core.watermarks import Progress, watched_since
from workers.kafka.records import TopicPartition
from workers.kafka.topics import LogBounds
from workers.recovery.activity_log import LogHeads
from workers.state.consistency import Log

_FETCH_TIMEOUT_MS = 10_000


@dataclass(frozen=True, slots=True)
class SourcePartition:
    """One source partition as Kafka shows it.

    Attributes:
        topic_partition: topic and partition.
        bounds: of its log.
        committed: the next offset that intake reads, None if it never committed one.
        partitions: how many partitions its topic has.
    """

    topic_partition: TopicPartition
    bounds: LogBounds
    committed: int | None
    partitions: int


async def find_progress(
    consumer: AIOKafkaConsumer,
    sources: Iterable[SourcePartition],
    first_ms: Mapping[TopicPartition, int],
    reading: Reading,
    clock: Clock,
) -> dict[tuple[str, int], Progress]:
    """Return the progress that intake last reported for source partitions.

    Args:
        consumer: started, without a group; its assignment is changed.
        sources: the partitions whose progress is lost.
        first_ms: time of the earliest record in the activity topic that came from a source partition; missing
            where there is none.
        reading: of the clock, taken before the bounds.
        clock: limits which record times are plausible.
    """
    return {
        source.topic_partition: await _progress(
            consumer, source, first_ms.get(source.topic_partition, 0), reading, clock
        )
        for source in sources
    }


def covered_since(
    sources: SourceSet,
    rules: RuleSet,
    progress: Mapping[tuple[str, int], Progress],
    heads: LogHeads,
    partition: int,
    log: Log,
    now_ms: int,
) -> dict[str, int]:
    """Return since when each series of the rules is covered in a rebuilt partition, epoch milliseconds.

    Args:
        sources: where the event types come from.
        rules: which series there are.
        progress: of all source partitions.
        heads: the first records of the activity topic.
        partition: of the activity topic.
        log: of that partition.
        now_ms: the time when the rebuild began.
    """
    since_by_type = watched_since(sources.from_beginning, progress) or {}
    earliest = earliest_since(sources, progress)
    default_ms = min(heads.first_ms.values(), default=0)
    # Records deleted from the log are not in the state, however far back the sources reach.
    floor_ms = heads.first_ms.get(partition, now_ms) if log.earliest > 0 else 0
    return {
        spec.key: max(since_by_type.get(spec.type, default_ms), earliest.get(spec.type, 0), floor_ms)
        for spec in rules.specs()
    }


async def _progress(
    consumer: AIOKafkaConsumer, source: SourcePartition, first_ms: int, reading: Reading, clock: Clock
) -> Progress:
    bounds = source.bounds
    committed = bounds.earliest if source.committed is None else max(source.committed, bounds.earliest)
    end = max(bounds.end, reading.ends.get(source.topic_partition, 0))

    async def time_at(offset: int) -> int:
        """Return the plausible time of the first record from an offset on, 0 if there is none."""
        if not bounds.earliest <= offset < bounds.end:
            return 0
        record = await record_at(consumer, source.topic_partition, offset)
        return 0 if record is None else min(record.timestamp, clock.latest_plausible_ms(record.timestamp))

    since_ms = await time_at(bounds.earliest)
    if bounds.earliest > 0 and first_ms:
        # Its first records were deleted: the activity topic may hold older ones than the source does.
        since_ms = min(since_ms or first_ms, first_ms)
    watermark_ms = reading.now_ms
    if committed < end:
        # A live worker fired timers up to the moment before this record arrived, and none later.
        # If it cannot be decoded, the record before it is the evidence, as for a live worker.
        next_ms = await time_at(committed) or await time_at(committed - 1)
        watermark_ms = min(watermark_ms, max(0, next_ms - 1))
    return Progress(
        watermark_ms=watermark_ms,
        last_record_ms=min(await time_at(committed - 1), reading.now_ms),
        since_ms=since_ms or reading.now_ms,
        partitions=source.partitions,
        next_ms=watermark_ms,
    )


async def record_at(
    consumer: AIOKafkaConsumer, topic_partition: TopicPartition, offset: int
) -> ConsumerRecord | None:
    """Return the first record from an offset on; None if none arrives within ten seconds, or it cannot be decoded."""
    consumer.assign([topic_partition])
    consumer.seek(topic_partition, offset)
    try:
        fetched = await consumer.getmany(timeout_ms=_FETCH_TIMEOUT_MS, max_records=1)
    except (UnsupportedCodecError, CorruptRecordException):
        return None  # such a source is stopped, and the only one: the workers name it
    return next((record for records in fetched.values() for record in records), None)
