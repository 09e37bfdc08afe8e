"""Actions above their rule's pace, as they wait in Redis, and what people order for them."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from workers.state.connection import RedisServers
from workers.state.keys import Keys
from workers.state.scan import escaped, scan_keys


class Order(msgspec.Struct, array_like=True, frozen=True):
    """What somebody ordered for one held action."""

    what: Literal["release", "discard"]
    rule: str
    action_id: str


_decode_order = msgspec.msgpack.Decoder(Order).decode
_encode_order = msgspec.msgpack.Encoder().encode


class HeldActions:
    """Held actions and orders of all partitions; only a step adds or removes a held action."""

    def __init__(self, redis: RedisServers, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def records(self, partition: int, action_ids: Sequence[str]) -> dict[str, bytes]:
        """Return those of some held actions that are still held, encoded."""
        if not action_ids:
            return {}
        answers = (await self._redis.call([("HMGET", self._keys.partition(partition).held, *action_ids)]))[0]
        return {name: raw for name, raw in zip(action_ids, answers, strict=True) if raw is not None}

    async def oldest(self, partitions: Sequence[int], rule_id: str, limit: int) -> dict[int, list[str]]:
        """Return the ids of a rule's held actions by partition, oldest first, at most so many of each."""
        commands = [("ZRANGE", self._keys.partition(number).held_of(rule_id), 0, limit - 1) for number in partitions]
        answers = await self._redis.call(commands)
        return {
            number: [name.decode() for name in names]
            for number, names in zip(partitions, answers, strict=True)
            if names
        }

    async def rules(self) -> set[str]:
        """Return the ids of all rules of which anything is held; goes through all keys."""
        pattern, names, cursor = f"{escaped(self._keys.namespace)}:{{*}}:held:*", set[str](), -1
        while cursor:
            cursor, keys = await scan_keys(self._redis, max(0, cursor), pattern, 1_000)
            names |= {raw.decode().rpartition(":")[2] for raw in keys}
        return names

    async def orders(self, partitions: Sequence[int], limit: int) -> dict[int, list[Order]]:
        """Return what people ordered for held actions, by partition, oldest first."""
        answers = await self._redis.call(
            [("LRANGE", self._keys.partition(number).orders, 0, limit - 1) for number in partitions]
        )
        return {
            number: [_decode_order(raw) for raw in found]
            for number, found in zip(partitions, answers, strict=True)
            if found
        }

    async def order(self, partition: int, orders: Sequence[Order]) -> None:
        """Order something for held actions; the partition's owner carries it out."""
        await self._redis.call([("RPUSH", self._keys.partition(partition).orders, *map(_encode_order, orders))])
