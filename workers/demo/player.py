"""The player: replays a history into Kafka and keeps the replay's clock.

The clock advances only after Kafka has confirmed every record up to that time. It announces the end of each source
partition at that time. A worker that has read up to these ends has read everything, even if the broker lists lower
end offsets.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from workers.histories.history import History, Record
from workers.state.replay_clock import ReplayClock

_STEPS_PER_SECOND: Final = 10
_STEPS_AT_ONCE: Final = 500


class Player:
    """Plays one history once.

    Args:
        history: what is played.
        connection: keyword arguments of aiokafka's clients.
        clock: the replay's clock.
        topic_prefix: put before the topics of the history.

    Attributes:
        played: number of records that Kafka has confirmed.
        now_ms: the time of the replay's clock, UTC epoch milliseconds.
        started_at: when playing began, by the monotonic clock; None before.
    """

    def __init__(
        self, history: History, connection: Mapping[str, Any], clock: ReplayClock, topic_prefix: str
    ) -> None:
        self._history = history
        self._producer = AIOKafkaProducer(**connection, acks="all", linger_ms=2, max_batch_size=128 << 10)
        self._clock = clock
        self._topic_prefix = topic_prefix
        self._ends: dict[str, int] = {}
        self.played = 0
        self.now_ms = history.start_ms
        self.started_at: float | None = None

    async def play(self, seconds: float | None) -> None:
        """Play the history in about this number of seconds; None plays it as fast as possible."""
        await self._producer.start()
        try:
            self.started_at = time.monotonic()
            steps = _STEPS_AT_ONCE if seconds is None else max(1, round(seconds * _STEPS_PER_SECOND))
            for step, (until_ms, records) in enumerate(_steps(self._history, steps), start=1):
                await self._send(records)
                self.now_ms = until_ms
                await self._clock.announce(until_ms, self._ends)
                if seconds is not None:
                    await asyncio.sleep(max(0.0, self.started_at + step * seconds / steps - time.monotonic()))
        finally:
            await self._producer.stop()

    async def _send(self, records: Sequence[Record]) -> None:
        futures = [
            await self._producer.send(
                self._topic_prefix + record.topic, value=record.value, key=record.key, timestamp_ms=record.at_ms
            )
            for record in records
        ]
        for confirmed in await asyncio.gather(*futures):
            partition = f"{confirmed.topic}:{confirmed.partition}"
            self._ends[partition] = max(self._ends.get(partition, 0), confirmed.offset + 1)
        self.played += len(records)


def _steps(history: History, count: int) -> Iterator[tuple[int, Sequence[Record]]]:
    """Divide a history into steps of equal simulated length; yield the end of each, and its records."""
    span_ms, end = history.end_ms - history.start_ms, 0
    borders = [history.start_ms + span_ms * step // count for step in range(count + 1)]
    for _, until_ms in pairwise(borders):
        start = end
        while end < len(history.records) and history.records[end].at_ms < until_ms:
            end += 1
        yield until_ms, history.records[start:end]
