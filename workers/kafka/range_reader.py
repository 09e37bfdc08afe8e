"""Read a range of offsets of each partition, without a consumer group and without moving a committed offset.

The only module that reads a bounded range of a topic. It handles the embedded broker's end offsets, which are too
low, and gives up when Kafka stalls. It does not know what the records mean.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError

from workers.errors import LingerError, StartupError
from workers.kafka.clients.connecting import connect
from workers.kafka.records import TopicPartition
from workers.kafka.topics import TopicsError

__all__ = [
    "Advance",
    "OffsetRange",
    "ReadStalled",
    "opened_reader",
    "read_ranges",
    "stop_consumer",
]

_FETCH_BYTES: Final = 4 << 20
_FETCH_MS: Final = 500
_MAX_RECORDS: Final = 5_000
_STALL_SECONDS: Final = 60.0

Advance = Callable[[int], object]
"""Called with the progress since the previous call, such as a number of offsets."""


class ReadStalled(LingerError):
    """Kafka has sent nothing for a minute although the ranges are not read to their ends."""


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Offsets of one partition: `start <= offset < end`; empty if both are equal.

    Attributes:
        start: the first offset to read.
        end: the first offset not to read.
        to_log_end: whether `end` is the end of the log as the broker listed it. The embedded broker lists ends that
            are too low, so the high watermark of the first fetch replaces a lower `end`.
    """

    start: int
    end: int
    to_log_end: bool = False


@asynccontextmanager
async def opened_reader(connection: Mapping[str, Any]) -> AsyncIterator[AIOKafkaConsumer]:
    """Connect a consumer for the duration of a `with` block, and report its failures as `StartupError`.

    Args:
        connection: keyword arguments of aiokafka's clients.

    Raises:
        StartupError: if Kafka does not answer, or a request to it fails or stalls inside the block.
    """
    consumer = AIOKafkaConsumer(
        **connection,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
    try:
        try:
            await connect(consumer)
        except (KafkaError, OSError) as error:
            servers = ",".join(connection["bootstrap_servers"])
            raise StartupError([f"no Kafka broker answers at {servers}: {error}"]) from error
        yield consumer
    except TopicsError as error:
        raise StartupError(error.problems) from error
    except ReadStalled as error:
        raise StartupError([str(error)]) from error
    except (KafkaError, OSError) as error:
        raise StartupError([f"Kafka cannot be read: {error}"]) from error
    finally:
        await stop_consumer(consumer)


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, and ignore the cancellation of its own fetch that aiokafka lets escape."""
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise  # the caller itself was cancelled


async def read_ranges(
    consumer: AIOKafkaConsumer, ranges: Mapping[TopicPartition, OffsetRange], advance: Advance = lambda _: None
) -> AsyncIterator[tuple[TopicPartition, Sequence[ConsumerRecord]]]:
    """Yield the records of each range in order, a few thousand at a time; partitions are interleaved.

    Offsets without a record (transaction markers, compaction, retention) count as passed.

    Args:
        consumer: started, without a group; its assignment is replaced.
        ranges: the offsets of each partition; empty ranges are left out.
        advance: called with the number of offsets passed.

    Raises:
        ReadStalled: if Kafka sends nothing more for a minute.
        KafkaError: if Kafka does not answer.
    """
    ends = {
        partition: offset_range.end
        for partition, offset_range in ranges.items()
        if offset_range.start < offset_range.end
    }
    if not ends:
        return
    passed = {partition: ranges[partition].start for partition in ends}
    consumer.assign(list(ends))
    for partition, start in passed.items():
        consumer.seek(partition, start)
    fetched: set[TopicPartition] = set()
    loop = asyncio.get_running_loop()
    moved_at = loop.time()
    while ends:
        answer = await consumer.getmany(*ends, timeout_ms=_FETCH_MS, max_records=_MAX_RECORDS)
        for key, records in answer.items():
            partition = TopicPartition(*key)
            if ranges[partition].to_log_end and partition not in fetched:
                fetched.add(partition)
                # The high watermark comes with the fetched records; it is correct even where a listed end is not.
                ends[partition] = max(ends[partition], consumer.highwater(partition) or 0)
            if within := [record for record in records if record.offset < ends[partition]]:
                yield partition, within
        moved = 0
        for partition in list(ends):
            position = await consumer.position(partition)
            moved += position - passed[partition]
            passed[partition] = position
            if position >= ends[partition]:
                del ends[partition]
                consumer.pause(partition)
        if moved:
            moved_at = loop.time()
            advance(moved)
        elif loop.time() - moved_at > _STALL_SECONDS:
            stuck = ", ".join(str(TopicPartition(*partition)) for partition in sorted(ends))
            raise ReadStalled(f"Kafka has sent nothing more of {stuck} for {_STALL_SECONDS:.0f} s; run it again")
