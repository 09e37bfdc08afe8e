"""The store: activity, due times and outbox of each partition in Redis, changed by one atomic step at a time.

`workers.state.keys` has the keys, `workers.state.step` the atomic step, `workers.state.connection` the commands to
the servers. All keys of a partition are on one server, because they share a hash tag. Activities are bytes here: the
store knows nothing of rules or conditions.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from workers.core.watermarks import Progress, decode_progress, encode_progress
from workers.errors import Fenced, Transient
from workers.kafka.records import OutboxRecord, TopicPartition, decode_record
from workers.state.connection import RedisServers, text_fields
from workers.state.held_actions import HeldActions, Order, decode_order
from workers.state.keys import Keys
from workers.state.marks.in_redis import StoredMarks
from workers.state.meta import (
    ITEMS_FORMAT,
    OWNERSHIP,
    Meta,
    has_older_owner,
    ownership_fields,
    topic_id_of,
    without_ownership,
)
from workers.state.scan import escaped, scan_keys
from workers.state.step import Step


@dataclass(frozen=True, slots=True)
class Claimed:
    """A partition at the moment it was claimed.

    Attributes:
        meta: its `meta`, with the new owner.
        outbox: the records that Kafka has not confirmed, in order.
    """

    meta: Meta
    outbox: list[OutboxRecord]


@dataclass(frozen=True, slots=True)
class Due:
    """Customers who can be decided now, in one partition.

    Attributes:
        customers: their ids.
        waited: by event type, those among them that waited for its watermark. The step that decides them removes them
            from the waiting set.
    """

    customers: list[str]
    waited: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class CustomerRecords:
    """What a partition holds that may be of one customer.

    Attributes:
        activity: the customer's stored activity, None if there is none.
        held: the held actions of all customers of the partition, by action id.
        orders: operators' orders for held actions, of all customers.
        outbox: records of all customers that Kafka has not confirmed, in order.
    """

    activity: bytes | None
    held: dict[str, OutboxRecord]
    orders: list[Order]
    outbox: list[OutboxRecord]


class Store:
    """Linger's state in Redis, under one namespace.

    Attributes:
        keys: the keys of its namespace.
        redis: the servers, for commands outside a step.
        held_actions: actions that wait, and the orders for them.
    """

    def __init__(self, redis: RedisServers, namespace: str) -> None:
        self.keys = Keys(namespace)
        self.redis = redis
        self.held_actions = HeldActions(self.redis, self.keys)
        self.marks = StoredMarks(self.redis, self.keys)

    async def progress(self) -> dict[tuple[str, int], Progress]:
        """Return the progress of each source partition, by topic and number."""
        return await self.publish_progress({})

    async def publish_progress(self, reports: Mapping[tuple[str, int], Progress]) -> dict[tuple[str, int], Progress]:
        """Publish the progress of some source partitions, and return that of all. One round trip."""
        fields = [
            part
            for (topic, partition), progress in reports.items()
            for part in (str(TopicPartition(topic, partition)), encode_progress(progress))
        ]
        writes = [("HSET", self.keys.progress, *fields)] if fields else []
        raw = (await self.redis.call([*writes, ("HGETALL", self.keys.progress)]))[-1]
        pairs = raw.items() if isinstance(raw, dict) else zip(*[iter(raw)] * 2, strict=True)
        return {TopicPartition.parse(text.decode()): decode_progress(value) for text, value in pairs}

    @asynccontextmanager
    async def step(self, partition: int, meta: Meta) -> AsyncIterator[Step]:
        """Open an atomic step; leaving it without a commit writes nothing."""
        async with self.redis.connection(self.keys.partition(partition).meta) as connection:
            step = Step(self.redis, connection, self.keys.partition(partition), partition, meta)
            yield step
            if step.watching:
                await self.redis.converse(connection, [("UNWATCH",)])

    async def claim(self, partition: int, owner: str, *, again: bool = False) -> Claimed:
        """Make `owner` the owner of a partition, and return its `meta` and outbox.

        Called twice, it claims twice. A partition without state has offset -1. From now on, any step still in flight
        is refused, from an earlier owner or from this one on a lost connection.

        Args:
            partition: its number.
            owner: unique token of this worker.
            again: claim only if `owner` already owns the partition, to find out whether an unanswered step was
                accepted.

        Raises:
            Fenced: with `again`, if another worker owns it now.
            Transient: if Redis did not answer as it should, or another worker claimed at the same moment.
        """
        keys = self.keys.partition(partition)
        async with self.redis.connection(keys.meta) as connection:
            answers = await self.redis.converse(
                connection, [("WATCH", keys.meta), ("HGETALL", keys.meta), ("LRANGE", keys.outbox, 0, -1)]
            )
            stored = text_fields(answers[1])
            version = int(stored.get("version", 0)) + 1
            if stored.get("owner") != owner and again:
                raise Fenced(partition)
            written = {**ownership_fields(owner), "version": version}
            claim = ("HSET", keys.meta, *(part for pair in written.items() for part in pair))
            done = await self.redis.converse(connection, [("MULTI",), claim, ("EXEC",)])
            if done[-1] is None:
                raise Transient(f"partition {partition} was claimed by another worker at the same moment")
            await self.redis.wait_for_replicas(connection)
        fields = without_ownership(stored)
        fields.pop("version", None)
        topic_id = topic_id_of(fields)
        fields.pop("topic_id", None)
        offset = int(fields.pop("offset", -1))
        return Claimed(Meta(owner, version, offset, topic_id, fields), [decode_record(raw) for raw in answers[2]])

    async def due(self, bounds: Mapping[int, tuple[int, Mapping[str, int]]], limit: int) -> dict[int, Due]:
        """Return the customers who can be decided now, for several partitions in one round trip to each server.

        Args:
            bounds: by partition, the moment up to which due times may fire, and by event type its watermark, for
                customers who wait for it.
            limit: at most this many customers per partition and set.
        """
        queries = [
            (partition, event_type, until_ms)
            for partition, (upto_ms, waiting) in bounds.items()
            for event_type, until_ms in [(None, upto_ms), *waiting.items()]
        ]
        if not queries:
            return {}
        commands: list[tuple[Any, ...]] = []
        for partition, event_type, until_ms in queries:
            keys = self.keys.partition(partition)
            key = keys.due if event_type is None else keys.waiting(event_type)
            commands.append(("ZRANGE", key, "-inf", until_ms, "BYSCORE", "LIMIT", 0, limit))
        answers = await self.redis.call(commands)
        customers: dict[int, dict[str, None]] = {}
        waited: dict[int, dict[str, list[str]]] = {}
        for (partition, event_type, _), raw in zip(queries, answers, strict=True):
            if not raw:
                continue
            customer_ids = [customer.decode() for customer in raw]
            customers.setdefault(partition, {}).update(dict.fromkeys(customer_ids))
            if event_type is not None:
                waited.setdefault(partition, {})[event_type] = customer_ids
        return {
            partition: Due(list(islice(due, limit)), waited.get(partition, {}))
            for partition, due in customers.items()
        }

    async def activity(self, partition: int, customer_id: str) -> bytes | None:
        """Return a customer's stored activity."""
        raw: bytes | None = (await self.redis.call([("GET", self.keys.partition(partition).customer(customer_id))]))[
            0
        ]
        return raw

    async def of_customer(self, partition: int, customer_id: str) -> CustomerRecords:
        """Return everything in which a customer can be found, in one round trip; the caller picks it out."""
        keys = self.keys.partition(partition)
        activity, held, orders, outbox = await self.redis.call(
            [
                ("GET", keys.customer(customer_id)),
                ("HGETALL", keys.held),
                ("LRANGE", keys.orders, 0, -1),
                ("LRANGE", keys.outbox, 0, -1),
            ]
        )
        pairs = held.items() if isinstance(held, dict) else zip(*[iter(held)] * 2, strict=True)
        return CustomerRecords(
            activity,
            {action_id.decode(): decode_record(raw) for action_id, raw in pairs},
            [decode_order(raw) for raw in orders],
            [decode_record(raw) for raw in outbox],
        )

    async def meta(self, partition: int) -> dict[str, str]:
        """Return all fields of a partition's `meta`, without claiming it."""
        return (await self.metas([partition]))[partition]

    async def metas(self, partitions: Iterable[int]) -> dict[int, dict[str, str]]:
        """Return the `meta` of several partitions in one round trip to each server."""
        numbers = list(partitions)
        answers = await self.redis.call([("HGETALL", self.keys.partition(partition).meta) for partition in numbers])
        return {partition: text_fields(raw) for partition, raw in zip(numbers, answers, strict=True)}

    async def older_owners(self, partitions: Iterable[int], wire_format: int = ITEMS_FORMAT) -> list[int]:
        """Return the partitions whose owner does not know a format. One round trip to each server."""
        numbers = list(partitions)
        answers = await self.redis.call(
            [("HMGET", self.keys.partition(partition).meta, *OWNERSHIP) for partition in numbers]
        )
        return [
            partition
            for partition, values in zip(numbers, answers, strict=True)
            if has_older_owner(
                {name: value.decode() for name, value in zip(OWNERSHIP, values, strict=True) if value}, wire_format
            )
        ]

    async def decided_ms(self, partition: int) -> int:
        """Return until when a partition is decided, in epoch milliseconds; 0 if it never was."""
        raw = (await self.redis.call([("HGET", self.keys.seen, str(partition))]))[0]
        return 0 if raw is None else int(raw.split()[0])

    async def scan(self, cursor: int, count: int) -> tuple[int, dict[str, list[str]]]:
        """Scan the customers of all partitions, about `count` keys at a time, one server after the other.

        Returns:
            The next cursor, 0 at the end, and customers by hash tag. A customer who is stored during the whole scan
            is returned at least once.

        Raises:
            Transient: if Redis did not answer as it should, or keys have moved; begin again from cursor 0 then.
        """
        following, keys = await scan_keys(self.redis, cursor, f"{escaped(self.keys.namespace)}:{{*}}:c:*", count)
        start = len(self.keys.namespace) + 2
        customers: dict[str, list[str]] = {}
        for raw in keys:
            tag, _, customer = raw.decode()[start:].partition("}:c:")
            customers.setdefault(tag, []).append(customer)
        return following, customers

    async def wipe(
        self,
        partition: int,
        meta: Meta,
        keys: Sequence[str],
        fields: Mapping[str, str] | None = None,
        outbox: Sequence[bytes] = (),
    ) -> None:
        """Delete keys of a partition in one atomic step, if the caller still owns it.

        Args:
            partition: its number.
            meta: as its owner wrote it last; it is updated.
            keys: the keys to delete.
            fields: if given, `meta` is replaced by these fields and its owner.
            outbox: encoded records that the outbox has then.

        Raises:
            Fenced: if another worker claimed the partition.
            Transient: if Redis did not answer as it should.
        """
        key = self.keys.partition(partition).meta
        async with self.redis.connection(key) as connection:
            answers = await self.redis.converse(connection, [("WATCH", key), ("HMGET", key, "owner", "version")])
            owner, version = answers[1]
            if owner is None or owner.decode() != meta.owner or int(version) != meta.version:
                raise Fenced(partition)
            written = {**(fields or {}), **ownership_fields(meta.owner), "version": str(meta.version + 1)}
            commands: list[tuple[Any, ...]] = [("MULTI",)]
            if keys or fields is not None:
                commands.append(("UNLINK", *keys, *([key] if fields is not None else [])))
            if outbox:
                commands.append(("RPUSH", self.keys.partition(partition).outbox, *outbox))
            commands.append(("HSET", key, *(part for pair in written.items() for part in pair)))
            done = await self.redis.converse(connection, [*commands, ("EXEC",)])
            if done[-1] is None:
                raise Fenced(partition)
            await self.redis.wait_for_replicas(connection)
        meta.version += 1
        if fields is not None:
            meta.offset, meta.topic_id, meta.fields = -1, None, dict(fields)

    async def count_up(self, key: str, number: int, seconds: int) -> int:
        """Add to a counter and return its new value; the counter expires after `seconds`."""
        answers = await self.redis.call([("INCRBY", key, number), ("EXPIRE", key, seconds)])
        return int(answers[0])

    async def count_in(self, key: str, field: str, number: int) -> int:
        """Add to a counter in a hash and return its new value."""
        return int((await self.redis.call([("HINCRBY", key, field, number)]))[0])

    async def fields(self, key: str) -> dict[str, str]:
        """Return a hash of texts, empty if the key does not exist."""
        return await self.redis.fields(key)

    async def set_fields(self, key: str, fields: Mapping[str, str]) -> None:
        """Set fields of a hash, at least one."""
        await self.redis.call([("HSET", key, *(part for pair in fields.items() for part in pair))])

    async def remove_fields(self, key: str, names: Iterable[str]) -> None:
        """Remove fields of a hash, at least one."""
        await self.redis.call([("HDEL", key, *names)])

    async def close(self) -> None:
        """Close every connection."""
        await self.redis.close()
