"""Held actions in Redis, by the reason why each is held, and the operators' orders for them.

Does not decide when a held action is released: the processor does.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from workers.core.decisions.published import read_record, worth_of
from workers.kafka.records import decode_record
from workers.state.connection import RedisServers
from workers.state.keys import Keys
from workers.state.scan import escaped, scan_keys
from workers.state.step import Because

_SCANNED_AT_ONCE: Final = 500
MOST_RANKED: Final = 20_000
"""Held actions of a rule and a partition that are ordered by value."""


class Order(msgspec.Struct, array_like=True, frozen=True):
    """An operator's order for one held action. It is stored: fields keep their order.

    Attributes:
        what: whether to release it or discard it.
        rule: id of its rule.
        action_id: the action.
    """

    what: Literal["release", "discard"]
    rule: str
    action_id: str


decode_order = msgspec.msgpack.Decoder(Order).decode
_encode_order = msgspec.msgpack.Encoder().encode


class HeldActions:
    """Held actions and orders of all partitions; only a step adds or removes a held action."""

    def __init__(self, redis: RedisServers, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def records(self, partition: int, action_ids: Sequence[str]) -> dict[str, bytes]:
        """Return the encoded records of actions, by id; actions that are no longer held are left out."""
        if not action_ids:
            return {}
        answers = (await self._redis.call([("HMGET", self._keys.partition(partition).held, *action_ids)]))[0]
        return {action_id: raw for action_id, raw in zip(action_ids, answers, strict=True) if raw is not None}

    async def oldest(
        self, partitions: Sequence[int], rule_id: str, limit: int, because: Because = "pace"
    ) -> dict[int, list[str]]:
        """Return the ids of a rule's held actions by partition, oldest first, at most `limit` of each partition.

        Args:
            partitions: to ask for.
            rule_id: the rule.
            limit: the most of each partition.
            because: only those that are held for this reason.
        """
        commands = [
            ("ZRANGE", self._keys.partition(partition).held_of(rule_id, because), 0, limit - 1)
            for partition in partitions
        ]
        answers = await self._redis.call(commands)
        return {
            partition: [action_id.decode() for action_id in action_ids]
            for partition, action_ids in zip(partitions, answers, strict=True)
            if action_ids
        }

    async def oldest_of_all(
        self, partitions: Sequence[int], rule_id: str, limit: int, because: Because
    ) -> list[tuple[int, str]]:
        """Return the oldest of a rule's held actions over several partitions: partition and id, at most `limit`."""
        commands = [
            ("ZRANGE", self._keys.partition(partition).held_of(rule_id, because), 0, limit - 1, "WITHSCORES")
            for partition in partitions
        ]
        found: list[tuple[float, str, int]] = []
        for partition, answer in zip(partitions, await self._redis.call(commands), strict=True):
            scores = zip(*[iter(answer)] * 2, strict=True) if answer and isinstance(answer[0], bytes) else answer
            found += [(float(score), action_id.decode(), partition) for action_id, score in scores]
        return [(partition, action_id) for _, action_id, partition in sorted(found)[:limit]]

    async def most_valued(
        self, partitions: Sequence[int], rule_id: str, limit: int, because: Because
    ) -> list[tuple[int, str]]:
        """Return a rule's held actions for the customers of the greatest value: partition and id, at most `limit`.

        Of the same value, the one that was decided first comes first. It reads the oldest `MOST_RANKED` actions of
        each partition.
        """
        found: list[tuple[float, int, str, int]] = []
        for partition, ids in (await self.oldest(partitions, rule_id, MOST_RANKED, because)).items():
            for start in range(0, len(ids), _SCANNED_AT_ONCE):
                raw = await self.records(partition, ids[start : start + _SCANNED_AT_ONCE])
                for action_id, action in ((one, read_record(stored)) for one, stored in raw.items()):
                    found.append((-worth_of(action), action.decided_ms, action_id, partition))
        return [(partition, action_id) for _, _, action_id, partition in sorted(found)[:limit]]

    async def of_customers(self, partition: int, customer_ids: Collection[str]) -> list[tuple[str, str]]:
        """Return rule and id of every action that is held of some customers, by a scan of what the partition holds.

        Only the partition's owner may ask, within a step: nothing else adds a held action.
        """
        keys = {customer_id.encode() for customer_id in customer_ids}
        found: dict[str, str] = {}
        cursor = -1
        while cursor:
            command = ("HSCAN", self._keys.partition(partition).held, max(0, cursor), "COUNT", _SCANNED_AT_ONCE)
            following, pairs = (await self._redis.call([command]))[0]
            cursor = int(following)
            for name, raw in _pairs(pairs):
                if decode_record(raw).key in keys and not name.startswith(b"*"):
                    found[name.decode()] = read_record(raw).rule
        return [(rule_id, action_id) for action_id, rule_id in found.items()]

    async def counts(self, names: Sequence[tuple[int, str, Because]]) -> list[int]:
        """Return how many actions are held, for each partition, rule and reason."""
        keys = [self._keys.partition(partition).held_of(rule_id, because) for partition, rule_id, because in names]
        return [int(count) for count in await self._redis.call([("ZCARD", key) for key in keys])]

    async def total(self, partitions: Sequence[int]) -> int:
        """Return how many actions these partitions hold, for any reason."""
        return sum(await self._redis.call([("HLEN", self._keys.partition(number).held) for number in partitions]))

    async def rules(self) -> set[str]:
        """Return the ids of all rules with held actions. It scans all keys."""
        pattern, rule_ids, cursor = f"{escaped(self._keys.namespace)}:{{*}}:held*:*", set[str](), -1
        while cursor:
            cursor, keys = await scan_keys(self._redis, max(0, cursor), pattern, 1_000)
            rule_ids |= {raw.decode().rpartition(":")[2] for raw in keys}
        return rule_ids

    async def orders(self, partitions: Sequence[int], limit: int) -> dict[int, list[Order]]:
        """Return the orders for held actions by partition, oldest first, at most `limit` of each partition."""
        answers = await self._redis.call(
            [("LRANGE", self._keys.partition(partition).orders, 0, limit - 1) for partition in partitions]
        )
        return {
            partition: [decode_order(raw) for raw in orders]
            for partition, orders in zip(partitions, answers, strict=True)
            if orders
        }

    async def order(self, partition: int, orders: Sequence[Order]) -> None:
        """Append orders for held actions; the partition's owner carries them out."""
        await self._redis.call([("RPUSH", self._keys.partition(partition).orders, *map(_encode_order, orders))])


def _pairs(answer: Any) -> Iterable[tuple[bytes, bytes]]:
    """Return the fields and values of a hash, however the protocol gives them."""
    return answer.items() if isinstance(answer, Mapping) else zip(*[iter(answer)] * 2, strict=True)
