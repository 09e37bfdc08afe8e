"""What the action, decision and dead-letter topics hold already: so that a replay publishes nothing again.

Read once, without a group, so that nobody notices. In memory are sixteen bytes and a few bits for each id that can
still matter: one that has expired is never published again anyhow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, get_args
from uuid import UUID

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from schemas.actions import DISCARDED_DETAIL, EXPIRED_DETAIL, Decision, Suppression
from workers.kafka.range_reader import read_through

ACTIVE: Final = 1
RETRACTED: Final = 2
LET_GO: Final = 4
"""It was held, and then discarded, or it expired before it was released."""

_DECISIONS: Final = {name: 8 << place for place, name in enumerate(get_args(Suppression))}
HELD: Final = _DECISIONS["held"]


class _Told(msgspec.Struct):
    """What counts of a published record."""

    action_id: str
    decided_at: datetime
    status: str = ""
    decision: str = ""
    detail: str = ""
    retracted_at: datetime | None = None


_read = msgspec.json.Decoder(_Told).decode


@dataclass(slots=True)
class Published:
    """What has been published.

    Attributes:
        known: by action id, bits of what was said about it.
        latest_ms: by partition, the latest moment that any record is about.
        kept_from_ms: by topic and partition, since when records are kept; missing if none was ever deleted.
        dead: by activity partition, offsets of its records that were dead-lettered.
    """

    known: dict[bytes, int] = field(default_factory=dict)
    latest_ms: dict[int, int] = field(default_factory=dict)
    kept_from_ms: dict[tuple[str, int], int] = field(default_factory=dict)
    dead: dict[int, set[int]] = field(default_factory=dict)

    def of(self, action_id: str) -> int:
        """Return the bits of what was said about an id, 0 for nothing."""
        return self.known.get(UUID(action_id).bytes, 0)

    def has(self, decision: Decision) -> bool:
        """Tell whether this very decision was published."""
        return bool(self.of(decision.action_id) & _DECISIONS[decision.decision])

    def would_be_there(self, topic: str, partition: int, decided_ms: int) -> bool:
        """Tell whether a record about a moment would still be in a topic if it had been published."""
        return decided_ms >= self.kept_from_ms.get((topic, partition), 0)

    def decided_ms(self, partition: int) -> int:
        """Return the latest moment that is known to have been decided in a partition."""
        return self.latest_ms.get(partition, max(self.latest_ms.values(), default=0))

    def note(self, partition: int, value: bytes | None) -> None:
        """Take in one record of an action topic or of the decisions."""
        if value is None:
            return
        told = _read(value)
        said = _said(told)
        name = UUID(told.action_id).bytes
        self.known[name] = self.known.get(name, 0) | said
        at_ms = round((told.retracted_at or told.decided_at).timestamp() * 1000)
        self.latest_ms[partition] = max(at_ms, self.latest_ms.get(partition, 0))

    def note_dead(self, headers: Mapping[str, bytes], topic: str) -> None:
        """Take in one dead letter, if it comes from the activity topic."""
        if headers.get("linger-source-topic", b"").decode(errors="replace") == topic:
            number, offset = (int(headers[f"linger-source-{name}"]) for name in ("partition", "offset"))
            self.dead.setdefault(number, set()).add(offset)


def _said(told: _Told) -> int:
    if told.decision:
        let_go = told.decision == "held" and told.detail in (DISCARDED_DETAIL, EXPIRED_DETAIL)
        return LET_GO if let_go else _DECISIONS.get(told.decision, 0)
    return RETRACTED if told.status == "retracted" else ACTIVE


async def read_published(
    consumer: AIOKafkaConsumer,
    topics: Sequence[str],
    dead_letters: tuple[str, int],
    activity: str,
    partitions: int,
    since_ms: int,
    now_ms: int,
) -> Published:
    """Read what was published.

    Args:
        consumer: started, without a group; its assignment is changed.
        topics: the action topics and the decisions, each with as many partitions as the activity topic.
        dead_letters: their topic, and how many partitions it has; only what comes from `activity` counts.
        activity: the activity topic.
        partitions: of each of `topics`.
        since_ms: records written before can be left out, because whatever they are about has expired.
        now_ms: taken as the first record's time where all records of a partition were deleted.
    """
    published = Published()
    places = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]
    dead = [TopicPartition(dead_letters[0], number) for number in range(dead_letters[1])]
    earliest = await consumer.beginning_offsets([*places, *dead])
    ends = await consumer.end_offsets([*places, *dead])
    later = await consumer.offsets_for_times(dict.fromkeys(places, since_ms))
    starts = dict(earliest)
    for place in places:
        found = later.get(place)
        starts[place] = ends[place] if found is None else max(earliest[place], found.offset)
    # Where old ones were deleted, the first that is left says from when on all are there.
    cut = {place for place in places if earliest[place] > 0 and starts[place] == earliest[place]}
    for place in cut:
        published.kept_from_ms[place.topic, place.partition] = now_ms
    seen: set[TopicPartition] = set()

    def take(place: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        if place in cut and place not in seen:
            published.kept_from_ms[place.topic, place.partition] = records[0].timestamp
        seen.add(place)
        for record in records:
            if place.topic == dead_letters[0]:
                published.note_dead(dict(record.headers), activity)
            else:
                published.note(place.partition, record.value)

    await read_through(consumer, starts, ends, take)
    return published
