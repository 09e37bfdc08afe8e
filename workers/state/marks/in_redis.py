"""Marks in Redis. Only a step writes a mark; only the key of their hashes is written here."""

from workers.state.connection import RedisServers
from workers.state.keys import Keys
from workers.state.marks.mark import Mark, decode_mark


class StoredMarks:
    """The marks of all partitions, and the key of their hashes."""

    def __init__(self, redis: RedisServers, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def of_partition(self, partition: int) -> dict[bytes, Mark]:
        """Return the marks of a partition by the ref of the customer.

        Raises:
            Transient: if Redis does not answer.
        """
        (answer,) = await self._redis.call([("HGETALL", self._keys.partition(partition).marks)])
        pairs = answer.items() if isinstance(answer, dict) else zip(*[iter(answer)] * 2, strict=True)
        return {bytes(ref): decode_mark(raw) for ref, raw in pairs}

    async def of_customer(self, partition: int, ref: bytes) -> Mark:
        """Return the mark of one customer; one that says nothing if there is none.

        Raises:
            Transient: if Redis does not answer.
        """
        raw = (await self._redis.call([("HGET", self._keys.partition(partition).marks, ref)]))[0]
        return Mark() if raw is None else decode_mark(raw)

    async def key_fields(self) -> dict[str, str]:
        """Return what is known of the key of the hashes; see `workers.state.marks.stored`."""
        return await self._redis.fields(self._keys.marks_key)

    async def keep_key(self, field: str, value: str) -> dict[str, str]:
        """Store what is known of the key, unless another worker has; return what is stored then."""
        await self._redis.call([("HSETNX", self._keys.marks_key, field, value)])
        return await self.key_fields()
