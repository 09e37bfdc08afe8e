"""The player: replays a history into Kafka and keeps the replay's clock.

The clock is moved on only after Kafka confirmed every record until then, and it says where each source partition
ends at that time. So a worker that has read that far has certainly seen everything, whatever the broker says of
its end offsets.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from workers.histories.history import History, Record
from workers.kafka.records import TopicPartition
from workers.state.replay_clock import ReplayClock

_STEPS_PER_SECOND: Final = 10
_STEPS_AT_ONCE: Final = 500


class Player:
    """Plays one history once.

    Attributes:
        played: records sent and confirmed.
        now_ms: what the replay's clock shows.
    """

    def __init__(
        self, history: History, connection: Mapping[str, Any], clock: ReplayClock, topic_prefix: str
    ) -> None:
        self._history = history
        self._producer = AIOKafkaProducer(**connection, acks="all", linger_ms=2, max_batch_size=128 << 10)
        self._clock = clock
        self._topic_prefix = topic_prefix
        self._ends: dict[TopicPartition, int] = {}
        self.played = 0
        self.now_ms = history.start_ms
        self.started_at: float | None = None

    async def play(self, seconds: float | None) -> None:
        """Play the history in about so many seconds, or as fast as it goes."""
        await self._producer.start()
        try:
            self.started_at = time.monotonic()
            steps = _STEPS_AT_ONCE if seconds is None else max(1, round(seconds * _STEPS_PER_SECOND))
            for number, (until_ms, records) in enumerate(_steps(self._history, steps), start=1):
                await self._send(records)
                self.now_ms = until_ms
                await self._clock.announce(until_ms, self._ends)
                if seconds is not None:
                    await asyncio.sleep(max(0.0, self.started_at + number * seconds / steps - time.monotonic()))
        finally:
            await self._producer.stop()

    async def _send(self, records: Sequence[Record]) -> None:
        futures = [
            await self._producer.send(
                self._topic_prefix + record.topic, value=record.value, key=record.key, timestamp_ms=record.at_ms
            )
            for record in records
        ]
        for placed in await asyncio.gather(*futures):
            place = TopicPartition(placed.topic, placed.partition)
            self._ends[place] = max(self._ends.get(place, 0), placed.offset + 1)
        self.played += len(records)


def _steps(history: History, number: int) -> Iterator[tuple[int, Sequence[Record]]]:
    """Cut a history into steps of equal simulated length: until when, and the records until then."""
    span_ms, at = history.end_ms - history.start_ms, 0
    borders = [history.start_ms + span_ms * step // number for step in range(number + 1)]
    for _, until_ms in pairwise(borders):
        begin = at
        while at < len(history.records) and history.records[at].at_ms < until_ms:
            at += 1
        yield until_ms, history.records[begin:at]
