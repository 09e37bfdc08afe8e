"""What the action, decision and dead-letter topics already hold, so that a rebuild publishes nothing twice.

The topics are read once, without a consumer group, so running workers are not disturbed. Each id that has not
expired takes sixteen bytes and a few bits of memory; an expired one is never published again anyway.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, get_args
from uuid import UUID

import msgspec
from aiokafka import AIOKafkaConsumer

from schemas.actions import BRAKED_DETAIL, DISCARDED_DETAIL, EXPIRED_DETAIL, PAUSED_DETAIL, Suppression
from workers.core.events.decoding import epoch_ms
from workers.dead_letters.record import SOURCE_OFFSET, SOURCE_PARTITION, SOURCE_TOPIC
from workers.kafka.range_reader import OffsetRange, read_ranges
from workers.kafka.records import TopicPartition
from workers.state.step import Because

ACTIVE: Final = 1
RETRACTED: Final = 2
ABANDONED: Final = 4
"""The action was held, and then discarded, or it expired before it was released."""

_DECISIONS: Final = {kind: 8 << index for index, kind in enumerate(get_args(Suppression))}
HELD: Final = _DECISIONS["held"]
HELD_BY_PAUSE: Final = 1 << 30
HELD_BY_BRAKE: Final = 1 << 31
"""Besides `HELD`, if it was not the pace of the rule."""


class _Record(msgspec.Struct):
    """The fields of a published action or decision that a rebuild needs.

    Attributes:
        action_id: of the action, also in a decision about it.
        decided_at: when it was decided.
        status: `active` or `retracted`; empty in a decision.
        decision: kind of a decision; empty in an action.
        detail: reason of a decision, in words.
        retracted_at: when the action was retracted, None if it was not.
    """

    action_id: str
    decided_at: datetime
    status: str = ""
    decision: str = ""
    detail: str = ""
    retracted_at: datetime | None = None

    @property
    def latest_ms(self) -> int:
        """The time of the decision that this record publishes, epoch milliseconds."""
        return round((self.retracted_at or self.decided_at).timestamp() * 1000)

    @property
    def status_bit(self) -> int:
        """The bit of this record's status or decision, 0 for a decision of an unknown kind."""
        if not self.decision:
            return RETRACTED if self.status == "retracted" else ACTIVE
        if self.decision == "held" and self.detail in (DISCARDED_DETAIL, EXPIRED_DETAIL):
            return ABANDONED
        if self.decision == "held" and self.detail.startswith(PAUSED_DETAIL):
            return HELD | HELD_BY_PAUSE
        if self.decision == "held" and self.detail.startswith(BRAKED_DETAIL):
            return HELD | HELD_BY_BRAKE
        return _DECISIONS.get(self.decision, 0)


class _Stage(msgspec.Struct):
    """The fields of a published stage that a rebuild needs."""

    stage: str
    since: datetime


_decode_stage = msgspec.json.Decoder(_Stage).decode
_decode_published = msgspec.json.Decoder(_Record).decode


@dataclass(slots=True)
class Published:
    """Everything published that still matters.

    Attributes:
        statuses: bits of everything published about an action id, by its sixteen bytes.
        latest_ms: time of the latest decision published, by partition.
        kept_from_ms: time of the first record kept, by topic and partition; missing if none was ever deleted.
        stages: by partition and customer, the stage in the newest record, and since when (epoch milliseconds).
        dead_lettered: offsets of dead-lettered records of the activity topic, by its partition.
    """

    statuses: dict[bytes, int] = field(default_factory=dict)
    latest_ms: dict[int, int] = field(default_factory=dict)
    kept_from_ms: dict[tuple[str, int], int] = field(default_factory=dict)
    dead_lettered: dict[int, set[int]] = field(default_factory=dict)
    stages: dict[int, dict[str, tuple[str, int]]] = field(default_factory=dict)

    def status_of(self, action_id: str) -> int:
        """Return the bits of everything published about an id, 0 for nothing."""
        return self.statuses.get(UUID(action_id).bytes, 0)

    def held_because(self, action_id: str) -> Because | None:
        """Return why an action was held that was published neither before nor after, None if it was not held.

        What the brake held once is not let go by itself, and what a pause held is not bound to the pace again.
        """
        bits = self.status_of(action_id)
        if not bits & HELD or bits & (ACTIVE | RETRACTED | ABANDONED):
            return None
        if bits & HELD_BY_BRAKE:
            return "brake"
        return "pause" if bits & HELD_BY_PAUSE else "pace"

    def has_decision(self, action_id: str, decision: str) -> bool:
        """Return whether a decision of this kind was published for this id."""
        return bool(self.status_of(action_id) & _DECISIONS[decision])

    def is_retained(self, topic: str, partition: int, decided_ms: int) -> bool:
        """Return whether a record decided at this time would still be in the topic if it had been published."""
        return decided_ms >= self.kept_from_ms.get((topic, partition), 0)

    def decided_ms(self, partition: int) -> int:
        """Return the latest time that was certainly decided in a partition.

        If nothing was published for it, the latest time of all partitions; 0 if nothing was published at all.
        """
        return self.latest_ms.get(partition, max(self.latest_ms.values(), default=0))

    def add(self, partition: int, value: bytes | None) -> None:
        """Add one record of an action topic or of the decision topic; a tombstone adds nothing."""
        if value is None:
            return
        record = _decode_published(value)
        action_id = UUID(record.action_id).bytes
        self.statuses[action_id] = self.statuses.get(action_id, 0) | record.status_bit
        self.latest_ms[partition] = max(record.latest_ms, self.latest_ms.get(partition, 0))

    def add_stage(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        """Add one record of the topic of stages; a tombstone removes what was said of its customer."""
        if key is None:
            return
        stages = self.stages.setdefault(partition, {})
        if value is None:
            stages.pop(key.decode(), None)
        else:
            record = _decode_stage(value)
            stages[key.decode()] = sys.intern(record.stage), epoch_ms(record.since)

    def add_dead_letter(self, headers: Mapping[str, bytes], activity_topic: str) -> None:
        """Add one dead letter; those that do not come from the activity topic add nothing."""
        if headers.get(SOURCE_TOPIC, b"").decode(errors="replace") == activity_topic:
            partition, offset = int(headers[SOURCE_PARTITION]), int(headers[SOURCE_OFFSET])
            self.dead_lettered.setdefault(partition, set()).add(offset)


@dataclass(frozen=True, slots=True)
class PublishedTopics:
    """Where to read what was published.

    Attributes:
        topics: the action topics and the decision topic.
        partitions: of each of `topics`, and of the activity topic.
        dead_letter_topic: only dead letters from the activity topic count.
        dead_letter_partitions: of the dead-letter topic.
        activity_topic: name of the activity topic.
        stage_topic: name of the topic of stages, with as many partitions as `topics`; None if it is not read.
    """

    topics: Sequence[str]
    partitions: int
    dead_letter_topic: str
    dead_letter_partitions: int
    activity_topic: str
    stage_topic: str | None = None


async def read_published(
    consumer: AIOKafkaConsumer, published_topics: PublishedTopics, since_ms: int, now_ms: int
) -> Published:
    """Read what was published.

    Args:
        consumer: started, without a group; its assignment is changed.
        published_topics: the topics to read.
        since_ms: records written before may be skipped, because what they published has expired.
        now_ms: taken as the time of the first record where all records of a partition were deleted.

    Raises:
        LingerError: if Kafka sends nothing more for a minute.
        KafkaError: if Kafka does not answer.
    """
    published = Published()
    decided = [
        TopicPartition(topic, partition)
        for topic in published_topics.topics
        for partition in range(published_topics.partitions)
    ]
    dead = [
        TopicPartition(published_topics.dead_letter_topic, partition)
        for partition in range(published_topics.dead_letter_partitions)
    ]
    if published_topics.stage_topic is not None:
        dead += [TopicPartition(published_topics.stage_topic, one) for one in range(published_topics.partitions)]
    earliest = await consumer.beginning_offsets([*decided, *dead])
    ends = await consumer.end_offsets([*decided, *dead])
    unexpired = await consumer.offsets_for_times(dict.fromkeys(decided, since_ms))
    starts = dict(earliest)
    for topic_partition in decided:
        first = unexpired.get(topic_partition)
        starts[topic_partition] = (
            ends[topic_partition] if first is None else max(earliest[topic_partition], first.offset)
        )
    # Where old records were deleted, the first one left shows from when on none is missing.
    truncated = {
        topic_partition
        for topic_partition in decided
        if earliest[topic_partition] > 0 and starts[topic_partition] == earliest[topic_partition]
    }
    for topic, partition in truncated:
        published.kept_from_ms[topic, partition] = now_ms
    started: set[TopicPartition] = set()

    ranges = {topic_partition: OffsetRange(start, ends[topic_partition]) for topic_partition, start in starts.items()}
    async for topic_partition, records in read_ranges(consumer, ranges):
        topic, partition = topic_partition
        if topic_partition in truncated and topic_partition not in started:
            published.kept_from_ms[topic, partition] = records[0].timestamp
        started.add(topic_partition)
        for record in records:
            if topic == published_topics.dead_letter_topic:
                published.add_dead_letter(dict(record.headers), published_topics.activity_topic)
            elif topic == published_topics.stage_topic:
                published.add_stage(partition, record.key, record.value)
            else:
                published.add(partition, record.value)
    return published
