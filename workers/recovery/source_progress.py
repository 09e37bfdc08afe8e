"""Where intake stands with its sources, found out anew from Kafka alone, when what Redis knew of it is gone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from workers.clock import Clock, Reading
from workers.core.watermarks import Progress
from workers.kafka.records import TopicPartition
from workers.kafka.topics import LogBounds

_PATIENCE_MS = 10_000


@dataclass(frozen=True, slots=True)
class SourcePartition:
    """One source partition as Kafka shows it.

    Attributes:
        place: topic and partition.
        bounds: of its log.
        committed: the next offset intake reads, None if it never committed one.
        partitions: how many its topic has.
    """

    place: TopicPartition
    bounds: LogBounds
    committed: int | None
    partitions: int


async def find_progress(
    consumer: AIOKafkaConsumer,
    sources: Iterable[SourcePartition],
    first_ms: Mapping[str, int],
    reading: Reading,
    clock: Clock,
) -> dict[tuple[str, int], Progress]:
    """Return the progress of source partitions, by topic and number, as their last reader would report it.

    Args:
        consumer: started, without a group; its assignment is changed.
        sources: to look at.
        first_ms: by `topic:partition`, the earliest trace of it in the activity topic, where there is one.
        reading: of the clock, taken before the bounds.
        clock: says which record times are believed.
    """
    found: dict[tuple[str, int], Progress] = {}
    for source in sources:
        found[source.place] = await _progress(consumer, source, first_ms.get(str(source.place), 0), reading, clock)
    return found


async def _progress(
    consumer: AIOKafkaConsumer, source: SourcePartition, first_ms: int, reading: Reading, clock: Clock
) -> Progress:
    bounds = source.bounds
    committed = bounds.earliest if source.committed is None else max(source.committed, bounds.earliest)
    end = max(bounds.end, reading.ends.get(source.place, 0))

    async def time_at(offset: int) -> int:
        """Return the believed time of the first record from an offset on, 0 if there is none."""
        if not bounds.earliest <= offset < bounds.end:
            return 0
        record = await record_at(consumer, source.place, offset)
        return 0 if record is None else min(record.timestamp, clock.latest_plausible_ms(record.timestamp))

    since_ms = await time_at(bounds.earliest)
    if bounds.earliest > 0 and first_ms:
        # Its first records are gone: the activity topic may have seen it earlier than what is left of it.
        since_ms = min(since_ms or first_ms, first_ms)
    watermark_ms = reading.now_ms
    if committed < end:
        # A live worker fired timers up to the moment before this record came, and none later.
        watermark_ms = min(watermark_ms, max(0, await time_at(committed) - 1))
    return Progress(
        watermark_ms=watermark_ms,
        last_record_ms=min(await time_at(committed - 1), reading.now_ms),
        since_ms=since_ms or reading.now_ms,
        partitions=source.partitions,
        next_ms=watermark_ms,
    )


async def record_at(consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> ConsumerRecord | None:
    """Return the first record from an offset on; None if none comes."""
    consumer.assign([place])
    consumer.seek(place, offset)
    fetched = await consumer.getmany(timeout_ms=_PATIENCE_MS, max_records=1)
    return next((record for records in fetched.values() for record in records), None)
