"""The clock of a replay: simulated time, kept in Redis."""

from collections.abc import Mapping
from typing import Final

import msgspec

from workers.clock import Reading
from workers.kafka.records import TopicPartition
from workers.state.store import Store

_NOT_STARTED: Final = Reading(0, {})


_read = msgspec.msgpack.Decoder(tuple[int, dict[str, int]]).decode


class ReplayClock:
    """The clock of a replayed history: its player moves it on after Kafka confirmed all records until then."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self) -> Reading:
        """Return what the player announced last, the year 1970 before it starts. One round trip."""
        raw = (await self._store.redis.call([("GET", self._store.keys.clock)]))[0]
        if raw is None:
            return _NOT_STARTED
        now_ms, ends = _read(raw)
        return Reading(now_ms, {TopicPartition.parse(text): end for text, end in ends.items()})

    async def announce(self, now_ms: int, ends: Mapping[TopicPartition, int]) -> None:
        """Move the clock on; for the player only."""
        raw = msgspec.msgpack.encode((now_ms, {str(partition): end for partition, end in ends.items()}))
        await self._store.redis.call([("SET", self._store.keys.clock, raw)])

    def latest_plausible_ms(self, record_ms: int) -> int:
        """A record of the past carries the time it was sent at."""
        return record_ms
