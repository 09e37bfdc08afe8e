"""The demo's mailer: reads the action topics and keeps the newest record of each action id; a retraction is final.

It sends nothing, so `not_before` and `expires_at` are only shown. `examples/mailer.py` is a mailer that sends.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer

from schemas.actions import Action
from workers.kafka.range_reader import stop_consumer
from workers.kafka.records import TopicPartition

_read = msgspec.json.Decoder(Action).decode


class Mailer:
    """Reads the action topics from their beginning.

    Args:
        connection: keyword arguments of aiokafka's clients.
        action_topics: topics of actions.
        dead_letter_topic: read for its reasons.

    Attributes:
        newest: the newest record of each action id, or its retraction: that is final.
        published: ids and statuses of the distinct actions and retractions.
        differing: by id, two records that should be equal and are not.
        recent: the latest new actions, newest last.
        dead_letters: records in the dead-letter topic by reason.
    """

    def __init__(self, connection: Mapping[str, Any], action_topics: Sequence[str], dead_letter_topic: str) -> None:
        self._topics = [*action_topics, dead_letter_topic]
        self._dead_letter_topic = dead_letter_topic
        self._consumer = AIOKafkaConsumer(enable_auto_commit=False, auto_offset_reset="earliest", **connection)
        self.newest: dict[str, Action] = {}
        self.published: set[tuple[str, str]] = set()
        self.differing: dict[str, tuple[Action, Action]] = {}
        self.recent: deque[Action] = deque(maxlen=8)
        self.dead_letters: Counter[str] = Counter()
        self._contents: dict[tuple[str, str], bytes] = {}

    async def start(self, partitions: int) -> None:
        """Start to read all partitions of the topics, each with this number of partitions."""
        await self._consumer.start()
        self._consumer.assign(
            [TopicPartition(topic, partition) for topic in self._topics for partition in range(partitions)]
        )

    async def read(self) -> None:
        """Take the records that have arrived."""
        fetched = await self._consumer.getmany(timeout_ms=100, max_records=5_000)
        for partition, records in fetched.items():
            for record in records:
                if partition.topic == self._dead_letter_topic:
                    self.dead_letters[dict(record.headers)["linger-reason"].decode()] += 1
                elif record.value is not None:  # a tombstone follows the retractions of an erased customer
                    self._note(record.value)

    async def read_to_the_end(self) -> None:
        """Take all records up to the present ends of the topics, no matter how long that takes."""
        ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
        while any([await self._consumer.position(partition) < end for partition, end in ends.items()]):
            await self.read()

    async def stop(self) -> None:
        """Stop reading."""
        await stop_consumer(self._consumer)

    def _note(self, raw: bytes) -> None:
        action = _read(raw)
        content = (action.action_id, action.status)
        if self._contents.setdefault(content, raw) != raw:
            self.differing[action.action_id] = _read(self._contents[content]), action
        if content in self.published:
            return  # the same record again: Linger publishes at least once
        self.published.add(content)
        before = self.newest.get(action.action_id)
        if before is not None and before.status == "retracted":
            return  # the action is older than its retraction, however late it arrives
        self.newest[action.action_id] = action
        if action.status == "active":
            self.recent.append(action)

    def active_ids(self) -> set[str]:
        """Return the ids of the actions that are active after all retractions."""
        return {action_id for action_id, action in self.newest.items() if action.status == "active"}

    def by_rule(self) -> dict[str, dict[str, int]]:
        """Return by rule the number of actions, and how many of them were retracted."""
        counts: dict[str, dict[str, int]] = {}
        for action in self.newest.values():
            count = counts.setdefault(action.rule.id, {"actions": 0, "retracted": 0})
            count["actions"] += 1
            count["retracted"] += action.status == "retracted"
        return dict(sorted(counts.items()))

    def count(self, kind: str) -> int:
        """Return the number of distinct actions of a kind."""
        return sum(action.action == kind for action in self.newest.values())

    def retracted(self) -> int:
        """Return the number of retracted actions."""
        return sum(action.status == "retracted" for action in self.newest.values())
