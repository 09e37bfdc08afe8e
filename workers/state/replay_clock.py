"""The clock of a replay: simulated time, kept in Redis. Never reads the machine's clock."""

from collections.abc import Mapping
from typing import Final

import msgspec

from workers.clock import Reading
from workers.kafka.records import TopicPartition
from workers.state.store import Store

_NOT_STARTED: Final = Reading(0, {})


_read = msgspec.msgpack.Decoder(tuple[int, dict[str, int]]).decode


class ReplayClock:
    """The clock of a replayed history.

    The player advances it after Kafka has confirmed all records up to the new time.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self) -> Reading:
        """Return the last reading that the player announced; before the first one, time 0. One round trip."""
        raw = (await self._store.redis.call([("GET", self._store.keys.clock)]))[0]
        if raw is None:
            return _NOT_STARTED
        now_ms, ends = _read(raw)
        return Reading(now_ms, {TopicPartition.parse(text): end for text, end in ends.items()})

    async def announce(self, now_ms: int, ends: Mapping[TopicPartition, int]) -> None:
        """Set the clock, for the player only.

        Args:
            now_ms: the simulated time.
            ends: the end offsets that source partitions certainly have at that time.
        """
        raw = msgspec.msgpack.encode((now_ms, {str(partition): end for partition, end in ends.items()}))
        await self._store.redis.call([("SET", self._store.keys.clock, raw)])

    def latest_plausible_ms(self, record_ms: int) -> int:
        """Return the record's own timestamp: a record of the past carries the time at which it was sent."""
        return record_ms
