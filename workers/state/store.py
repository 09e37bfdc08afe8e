"""The store: activity, due times and outbox of each partition in Redis, changed by one atomic step at a time.

The catalogue of keys is in docs/architecture.md. A step is WATCH + reads in one round trip, and MULTI…EXEC in a
second one, on one connection. It is accepted only if owner and version in `meta` are what this worker wrote last;
a step that changes nothing else still raises the version, because an offset alone would let two workers fire the
same timer. A connection on which anything went wrong is closed, never used again: an answer that nobody read
would be taken for the next one's. Which server a key lies on is asked of `redis_nodes`; all of a partition lies on
one, because its keys share a hash tag.
"""

import asyncio
import re
from binascii import crc_hqx
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any, Final, Literal

import msgspec
from hiredis import pack_command
from redis.asyncio import Connection, ConnectionPool
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from workers.core.watermarks import Progress, decode_progress, encode_progress
from workers.errors import Fenced, Transient
from workers.kafka.records import OutboxRecord, decode_record, encode_record
from workers.state.topology import Nodes, open_nodes

SLOTS: Final = 16_384
MAX_CUSTOMERS: Final = 500
"""Customers in one step; more would block Redis for too long."""

_REVERSED_BITS: Final = 14
_MAX_STEPS: Final = 32
_MAX_CALLS: Final = 32
_REWRITES: Final = 20


@lru_cache(maxsize=8192)
def hash_tag(partition: int) -> str:
    """Return the hash tag of a partition.

    The tags of consecutive partitions lie in slots spread evenly over the cluster for any number of partitions
    (van der Corput's sequence), so that no node gets more than its share.
    """
    wanted = int(f"{partition % SLOTS:0{_REVERSED_BITS}b}"[::-1], 2)
    attempt = 0
    while (crc_hqx(f"{partition}.{attempt}".encode(), 0) - wanted) % SLOTS >= SLOTS >> 8:
        attempt += 1
    return f"{partition}.{attempt}"


class Keys:
    """The keys of one partition."""

    __slots__ = ("_customer", "_held_of", "_waiting", "due", "held", "meta", "orders", "outbox")

    def __init__(self, namespace: str, partition: int) -> None:
        prefix = f"{namespace}:{{{hash_tag(partition)}}}:"
        self.meta = f"{prefix}meta"
        self.due = f"{prefix}due"
        self.outbox = f"{prefix}outbox"
        self.held = f"{prefix}held"
        self.orders = f"{prefix}orders"
        self._held_of = f"{prefix}held:"
        self._customer = f"{prefix}c:"
        self._waiting = f"{prefix}waiting:"

    def customer(self, customer_id: str) -> str:
        """Return the key of a customer's activity."""
        return self._customer + customer_id

    def held_of(self, rule_id: str) -> str:
        """Return the key of the ids of a rule's held actions, oldest first."""
        return self._held_of + rule_id

    def waiting(self, event_type: str) -> str:
        """Return the key of the customers that wait for an event type to be seen."""
        return self._waiting + event_type


@dataclass(slots=True)
class Meta:
    """What a partition's owner knows of it; `fields` holds everything else of the hash, as read."""

    owner: str
    version: int
    offset: int
    topic_id: str | None
    fields: dict[str, str]

    def high_water(self, source: str) -> int:
        """Return the highest offset folded of a source partition (`topic:partition`), -1 for none."""
        return int(self.fields.get(f"hw:{source}", -1))

    def counter(self, name: str) -> int:
        """Return a counter."""
        return int(self.fields.get(f"n:{name}", 0))


@dataclass(frozen=True, slots=True)
class Held:
    """An action above its rule's pace.

    Attributes:
        rule, action_id: whose and which.
        decided_ms: the order in which a rule's actions are released.
        record: the encoded `OutboxRecord` to be published.
    """

    rule: str
    action_id: str
    decided_ms: int
    record: bytes


@dataclass(slots=True)
class WriteSet:
    """Everything that one atomic step writes.

    Attributes:
        offset: the next offset to read, None if it does not move.
        fields: further fields of `meta`, with their new values.
        activities: encoded activities by customer.
        due: due time in milliseconds by customer, 0 to take the customer out.
        waiting: by event type, customers to be put in (moment in ms) or taken out (0).
        outbox: encoded `OutboxRecord`s to append.
        trim: how many records at the head of the outbox are confirmed by Kafka.
        held: actions above their rule's pace, to be kept until they are released or discarded.
        let_go: rule and id of actions that are not held any longer, if they were.
        carried_out: how many orders at the head of the list are done.
    """

    offset: int | None = None
    fields: dict[str, str | int] = field(default_factory=dict)
    activities: dict[str, bytes] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, dict[str, int]] = field(default_factory=dict)
    outbox: list[bytes] = field(default_factory=list)
    trim: int = 0
    held: list[Held] = field(default_factory=list)
    let_go: list[tuple[str, str]] = field(default_factory=list)
    carried_out: int = 0


@dataclass(frozen=True, slots=True)
class Claimed:
    """A partition at the moment it was claimed."""

    meta: Meta
    outbox: list[OutboxRecord]


@dataclass(frozen=True, slots=True)
class Due:
    """Customers whose time has come, in one partition.

    Attributes:
        customers: their ids.
        waited: of these, by event type, those that waited for it and are to be taken out.
    """

    customers: list[str]
    waited: dict[str, list[str]]


class Order(msgspec.Struct, array_like=True, frozen=True):
    """What somebody ordered for one held action."""

    what: Literal["release", "discard"]
    rule: str
    action_id: str


decode_order = msgspec.msgpack.Decoder(Order).decode


class Step:
    """One atomic step, between its read and its commit. Not reusable."""

    def __init__(self, store: "Store", connection: Connection, partition: int, meta: Meta) -> None:
        self._store = store
        self._connection = connection
        self._keys = store.keys(partition)
        self._partition = partition
        self._meta = meta
        self.watching = False

    async def read(self, customers: Sequence[str]) -> list[bytes | None]:
        """Watch `meta`, check the fence, and return the stored activities, None for unknown customers.

        One round trip.

        Raises:
            Fenced: if another worker claimed the partition.
            Transient: if Redis did not answer as it should, or has lost steps of this worker; the partition has to
                be claimed again then.
        """
        commands: list[tuple[Any, ...]] = [
            ("WATCH", self._keys.meta),
            ("HMGET", self._keys.meta, "owner", "version"),
        ]
        if customers:
            commands.append(("MGET", *map(self._keys.customer, customers)))
        answers = await self._store.converse(self._connection, commands)
        self.watching = True
        owner, version = answers[1]
        if owner is None or owner.decode() != self._meta.owner or int(version) > self._meta.version:
            raise Fenced(self._partition)
        if int(version) < self._meta.version:
            # A rival's claim would have raised it: a replica without the last steps was promoted.
            raise Transient(f"Redis has lost steps of partition {self._partition}: it went back to an older state")
        return answers[2] if customers else []

    async def commit(self, changes: WriteSet) -> None:
        """Write everything or nothing; on success `meta` is up to date. One round trip, or two with replicas.

        Raises:
            Fenced: if `meta` was changed since `read`.
            Transient: if Redis did not answer as it should; whether the step was taken is then unknown, and
                the partition has to be claimed anew.
        """
        if not self._connection.is_connected:
            # Sending would connect anew, and on the new connection nothing is watched.
            raise Transient("the connection was lost between reading and writing")
        meta, keys = self._meta, self._keys
        written: dict[str, str | int] = {**changes.fields, "version": meta.version + 1}
        if changes.offset is not None:
            written["offset"] = changes.offset
        commands: list[tuple[Any, ...]] = [("MULTI",)]
        if changes.activities:
            commands.append(
                ("MSET", *(part for name, raw in changes.activities.items() for part in (keys.customer(name), raw)))
            )
        commands += _sorted_set_commands(keys.due, changes.due)
        for event_type, customers in changes.waiting.items():
            commands += _sorted_set_commands(keys.waiting(event_type), customers)
        if changes.trim:
            commands.append(("LTRIM", keys.outbox, changes.trim, -1))
        if changes.outbox:
            commands.append(("RPUSH", keys.outbox, *changes.outbox))
        for held in changes.held:
            commands.append(("HSET", keys.held, held.action_id, held.record))
            commands.append(("ZADD", keys.held_of(held.rule), held.decided_ms, held.action_id))
        if changes.let_go:
            commands.append(("HDEL", keys.held, *(action_id for _, action_id in changes.let_go)))
            for rule_id in {rule_id for rule_id, _ in changes.let_go}:
                names = [action_id for of, action_id in changes.let_go if of == rule_id]
                commands.append(("ZREM", keys.held_of(rule_id), *names))
        if changes.carried_out:
            commands.append(("LTRIM", keys.orders, changes.carried_out, -1))
        commands.append(("HSET", keys.meta, *(part for pair in written.items() for part in pair)))
        commands.append(("EXEC",))
        answers = await self._store.converse(self._connection, commands)
        self.watching = False
        if answers[-1] is None:
            raise Fenced(self._partition)
        if failed := [answer for answer in answers[-1] if isinstance(answer, Exception)]:
            raise Transient(f"Redis took only a part of a step: {failed[0]}")
        meta.version += 1
        if changes.offset is not None:
            meta.offset = changes.offset
        meta.fields.update((name, str(value)) for name, value in changes.fields.items())
        await self._store.wait_for_replicas(self._connection)


def _sorted_set_commands(key: str, scores: Mapping[str, int]) -> list[tuple[Any, ...]]:
    put = [part for name, score in scores.items() if score for part in (score, name)]
    gone = [name for name, score in scores.items() if not score]
    commands: list[tuple[Any, ...]] = []
    if put:
        commands.append(("ZADD", key, *put))
    if gone:
        commands.append(("ZREM", key, *gone))
    return commands


class Store:
    """Linger's state in Redis; see the module's docstring."""

    def __init__(self, nodes: Nodes, namespace: str, *, wait_replicas: int = 0, timeout_ms: int = 5_000) -> None:
        self._nodes = nodes
        self._namespace = namespace
        self._wait_replicas = wait_replicas
        self._timeout_ms = timeout_ms
        self._keys: dict[int, Keys] = {}
        # Apart, because a step may ask something in between: steps must not keep each other's questions waiting.
        self._steps = asyncio.Semaphore(_MAX_STEPS)
        self._calls = asyncio.Semaphore(_MAX_CALLS)

    @property
    def progress_key(self) -> str:
        """Where intake tells what it has seen of each source partition."""
        return f"{self._namespace}:progress"

    async def progress(self) -> dict[str, Progress]:
        """Return what intake has told of each source partition, by `topic:partition`."""
        return await self.publish_progress({})

    async def publish_progress(self, told: Mapping[str, Progress]) -> dict[str, Progress]:
        """Tell the progress of some source partitions, and return that of all. One round trip."""
        fields = [part for name, one in told.items() for part in (name, encode_progress(one))]
        telling = [("HSET", self.progress_key, *fields)] if fields else []
        raw = (await self.call([*telling, ("HGETALL", self.progress_key)]))[-1]
        pairs = raw.items() if isinstance(raw, dict) else zip(*[iter(raw)] * 2, strict=True)
        return {name.decode(): decode_progress(value) for name, value in pairs}

    @property
    def seen_key(self) -> str:
        """Where decide tells up to when each activity partition is decided."""
        return f"{self._namespace}:seen"

    @property
    def clock_key(self) -> str:
        """Where the player of a history tells the time."""
        return f"{self._namespace}:clock"

    @property
    def rules_key(self) -> str:
        """Where the workers agree which rule set is the newest."""
        return f"{self._namespace}:rules"

    def keys(self, partition: int) -> Keys:
        """Return the keys of a partition."""
        if (known := self._keys.get(partition)) is None:
            known = self._keys[partition] = Keys(self._namespace, partition)
        return known

    @asynccontextmanager
    async def step(self, partition: int, meta: Meta) -> AsyncIterator[Step]:
        """Open an atomic step; leaving it without a commit writes nothing."""
        async with self._connection(self.keys(partition).meta) as connection:
            step = Step(self, connection, partition, meta)
            yield step
            if step.watching:
                await self.converse(connection, [("UNWATCH",)])

    async def claim(self, partition: int, owner: str, *, again: bool = False) -> Claimed:
        """Make `owner` the owner of a partition and return what is stored of it.

        Called twice it claims twice. A partition never seen has offset -1. Whatever an earlier owner, or this
        one on a lost connection, still has under way is refused from now on.

        Args:
            partition: which.
            owner: unique token of this worker.
            again: only if `owner` owns it already; for finding out what became of an unanswered step.

        Raises:
            Fenced: with `again`, if somebody else owns it now.
            Transient: if Redis did not answer as it should, or somebody else claimed at the same moment.
        """
        keys = self.keys(partition)
        async with self._connection(keys.meta) as connection:
            answers = await self.converse(
                connection, [("WATCH", keys.meta), ("HGETALL", keys.meta), ("LRANGE", keys.outbox, 0, -1)]
            )
            fields = _text_fields(answers[1])
            version = int(fields.pop("version", 0)) + 1
            if fields.pop("owner", None) != owner and again:
                raise Fenced(partition)
            written: list[Any] = ["owner", owner, "version", version]
            done = await self.converse(connection, [("MULTI",), ("HSET", keys.meta, *written), ("EXEC",)])
            if done[-1] is None:
                raise Transient(f"partition {partition} was claimed by somebody else at the same moment")
            await self.wait_for_replicas(connection)
        offset, topic_id = int(fields.pop("offset", -1)), fields.pop("topic_id", None)
        return Claimed(Meta(owner, version, offset, topic_id, fields), [decode_record(raw) for raw in answers[2]])

    async def due(self, bounds: Mapping[int, tuple[int, Mapping[str, int]]], limit: int) -> dict[int, Due]:
        """Return which customers' time has come, for several partitions in one round trip to each server.

        Args:
            bounds: by partition, up to when timers may be looked at, and the same by event type for those who wait.
            limit: at most so many customers of each kind and partition.
        """
        asked = [
            (partition, name, until_ms)
            for partition, (upto_ms, waiting) in bounds.items()
            for name, until_ms in [(None, upto_ms), *waiting.items()]
        ]
        if not asked:
            return {}
        commands: list[tuple[Any, ...]] = []
        for partition, name, until_ms in asked:
            keys = self.keys(partition)
            key = keys.due if name is None else keys.waiting(name)
            commands.append(("ZRANGE", key, "-inf", until_ms, "BYSCORE", "LIMIT", 0, limit))
        answers = await self.call(commands)
        customers: dict[int, dict[str, None]] = {}
        waited: dict[int, dict[str, list[str]]] = {}
        for (partition, name, _), raw in zip(asked, answers, strict=True):
            if not raw:
                continue
            names = [customer.decode() for customer in raw]
            customers.setdefault(partition, {}).update(dict.fromkeys(names))
            if name is not None:
                waited.setdefault(partition, {})[name] = names
        return {
            partition: Due(list(islice(found, limit)), waited.get(partition, {}))
            for partition, found in customers.items()
        }

    async def activity(self, partition: int, customer_id: str) -> bytes | None:
        """Return a customer's stored activity."""
        raw: bytes | None = (await self.call([("GET", self.keys(partition).customer(customer_id))]))[0]
        return raw

    async def held(self, partition: int, action_ids: Sequence[str]) -> dict[str, bytes]:
        """Return those of some held actions that are still held, encoded."""
        if not action_ids:
            return {}
        answers = (await self.call([("HMGET", self.keys(partition).held, *action_ids)]))[0]
        return {name: raw for name, raw in zip(action_ids, answers, strict=True) if raw is not None}

    async def oldest_held(self, partitions: Sequence[int], rule_id: str, limit: int) -> dict[int, list[str]]:
        """Return the ids of a rule's held actions by partition, oldest first, at most so many of each."""
        commands = [("ZRANGE", self.keys(number).held_of(rule_id), 0, limit - 1) for number in partitions]
        answers = await self.call(commands)
        return {
            number: [name.decode() for name in names]
            for number, names in zip(partitions, answers, strict=True)
            if names
        }

    async def rules_held(self) -> set[str]:
        """Return the ids of all rules of which anything is held; goes through all keys."""
        pattern, names, cursor = f"{_escaped(self._namespace)}:{{*}}:held:*", set[str](), -1
        while cursor:
            cursor, keys = await self._scan(max(0, cursor), pattern, 1_000)
            names |= {raw.decode().rpartition(":")[2] for raw in keys}
        return names

    async def orders(self, partitions: Sequence[int], limit: int) -> dict[int, list[Order]]:
        """Return what people ordered for held actions, by partition, oldest first."""
        answers = await self.call([("LRANGE", self.keys(number).orders, 0, limit - 1) for number in partitions])
        return {
            number: [decode_order(raw) for raw in found]
            for number, found in zip(partitions, answers, strict=True)
            if found
        }

    async def order(self, partition: int, orders: Sequence[Order]) -> None:
        """Order something for held actions; the partition's owner carries it out."""
        await self.call([("RPUSH", self.keys(partition).orders, *map(encode_record, orders))])

    async def count_up(self, key: str, number: int, seconds: int) -> int:
        """Raise a counter that is forgotten after so many seconds; return what it stands at then."""
        answers = await self.call([("INCRBY", key, number), ("EXPIRE", key, seconds)])
        return int(answers[0])

    def pace_key(self, rule_id: str, period: int) -> str:
        """Return the key of the counter of a rule's actions in one period."""
        return f"{self._namespace}:pace:{rule_id}:{period}"

    async def meta(self, partition: int) -> dict[str, str]:
        """Return all fields of a partition's `meta`, without claiming it."""
        return (await self.metas([partition]))[partition]

    async def metas(self, partitions: Iterable[int]) -> dict[int, dict[str, str]]:
        """Return the `meta` of several partitions in one round trip to each server."""
        wanted = list(partitions)
        answers = await self.call([("HGETALL", self.keys(partition).meta) for partition in wanted])
        return {partition: _text_fields(raw) for partition, raw in zip(wanted, answers, strict=True)}

    async def fields(self, key: str) -> dict[str, str]:
        """Return a hash of texts, empty if it is not there."""
        return _text_fields((await self.call([("HGETALL", key)]))[0])

    async def rewrite(
        self, key: str, change: Callable[[Mapping[str, str]], Mapping[str, str] | None]
    ) -> dict[str, str]:
        """Replace a hash of texts by what `change` makes of it, atomically; return what it holds then.

        Args:
            key: of the hash.
            change: called with what it holds, perhaps several times; None to leave it as it is.

        Raises:
            Transient: if Redis does not answer, or others keep changing it.
        """
        for _ in range(_REWRITES):
            async with self._connection(key) as connection:
                answers = await self.converse(connection, [("WATCH", key), ("HGETALL", key)])
                known = _text_fields(answers[1])
                wanted = change(known)
                if wanted is None:
                    await self.converse(connection, [("UNWATCH",)])
                    return known
                fields = [part for pair in wanted.items() for part in pair]
                done = await self.converse(connection, [("MULTI",), ("DEL", key), ("HSET", key, *fields), ("EXEC",)])
                if done[-1] is not None:
                    await self.wait_for_replicas(connection)
                    return dict(wanted)
        raise Transient(f"'{key}' was changed by others again and again")

    async def scan(self, cursor: int, count: int) -> tuple[int, dict[str, list[str]]]:
        """Go through the customers of all partitions, about `count` keys at a time, one server after the other.

        Returns:
            The next cursor, 0 at the end, and customers by hash tag; every customer who is there all the time is
            found at least once.

        Raises:
            Transient: if Redis did not answer as it should, or keys have moved; begin again from cursor 0 then.
        """
        following, keys = await self._scan(cursor, f"{_escaped(self._namespace)}:{{*}}:c:*", count)
        start = len(self._namespace) + 2
        customers: dict[str, list[str]] = {}
        for raw in keys:
            tag, _, customer = raw.decode()[start:].partition("}:c:")
            customers.setdefault(tag, []).append(customer)
        return following, customers

    async def _scan(self, cursor: int, pattern: str, count: int) -> tuple[int, list[bytes]]:
        """Return the next cursor, 0 at the end, and some keys; about `count` are looked at."""
        place = _unpacked(cursor)
        masters = await self._nodes.masters(anew=not cursor)
        pools = list(masters.pools.values())
        if cursor and place.layout != masters.layout:
            raise Transient("the masters of the Redis cluster have changed, so going through all keys begins again")
        question = ("SCAN", place.cursor, "MATCH", pattern, "COUNT", count)
        answer, *survey = await self._ask(pools[place.server], [question, *self._nodes.survey])
        process = self._nodes.check_survey(survey, masters.layout)
        if place.cursor and place.process != process:
            raise Transient("Redis was started anew or replaced, so going through all keys begins again")
        if following := int(answer[0]):
            return _packed(_Place(following, place.server, process, masters.layout)), answer[1]
        is_last = place.server + 1 == len(pools)
        return 0 if is_last else _packed(_Place(0, place.server + 1, 0, masters.layout)), answer[1]

    async def call(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send several independent commands and return their answers; one round trip to each server, at once.

        Args:
            commands: the first argument of each is its key, and there is no other.

        Raises:
            Transient: if any of them was not answered as it should; others may have been carried out.
        """
        if not commands:
            return []
        parts = await self._nodes.split(commands)
        if len(parts) == 1:
            return await self._ask(parts[0][0], commands)
        asked = (self._ask(pool, [commands[number] for number in numbers]) for pool, numbers in parts)
        answers: list[Any] = [None] * len(commands)
        # Each to its end: whoever tries again must not meet a command of the first time still under way.
        for (_, numbers), found in zip(parts, await asyncio.gather(*asked, return_exceptions=True), strict=True):
            if isinstance(found, BaseException):
                raise found
            for number, answer in zip(numbers, found, strict=True):
                answers[number] = answer
        return answers

    async def ask_every_server(self, *command: Any) -> dict[str, Any]:
        """Send a command to every server that holds keys and return the answers by `host:port`."""
        masters = await self._nodes.masters(anew=True)
        return {name: (await self._ask(pool, [command]))[0] for name, pool in masters.pools.items()}

    async def _ask(self, pool: ConnectionPool, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        async with self._calls, self._lent(pool) as connection:
            return await self.converse(connection, commands)

    async def converse(self, connection: Connection, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send commands on one connection in one packet and return their answers in order.

        Raises:
            Transient: for whatever goes wrong; the connection is closed then.
        """
        try:
            await connection.send_packed_command([pack_command(command) for command in commands])
            return [await connection.read_response() for _ in commands]
        except (RedisConnectionError, RedisTimeoutError, OSError) as error:
            self._nodes.failed((connection.host, connection.port), error)
            await connection.disconnect()
            raise Transient(f"Redis does not answer: {error}") from error
        except ResponseError as error:
            self._nodes.failed((connection.host, connection.port), error)
            await connection.disconnect()
            raise Transient(f"Redis refused {commands[0][0]}: {_said(error)}") from error
        except BaseException:
            # Cancelled between question and answer: the answer would be taken for the next question's.
            await connection.disconnect(nowait=True)
            raise

    async def wait_for_replicas(self, connection: Connection) -> None:
        """Wait until enough replicas have what this connection wrote; nothing is published before.

        Raises:
            Transient: if they do not have it in time.
        """
        if not self._wait_replicas:
            return
        # Half of the deadline: the answer has to arrive within the whole of it.
        reached = (await self.converse(connection, [("WAIT", self._wait_replicas, self._timeout_ms // 2)]))[0]
        if reached < self._wait_replicas:
            problem = f"only {reached} of {self._wait_replicas} replicas have the step"
            # They may have left it for a new master.
            self._nodes.failed((connection.host, connection.port), RedisConnectionError(problem))
            raise Transient(problem)

    async def close(self) -> None:
        """Close every connection."""
        await self._nodes.close()

    @asynccontextmanager
    async def _connection(self, key: str) -> AsyncIterator[Connection]:
        """Lend a connection to the server that holds a key, for a step or what is like one."""
        async with self._steps, self._lent(await self._nodes.holding(key)) as connection:
            yield connection

    @asynccontextmanager
    async def _lent(self, pool: ConnectionPool) -> AsyncIterator[Connection]:
        try:
            connection: Connection = await pool.get_connection()  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            place = pool.connection_kwargs
            self._nodes.failed((place["host"], place["port"]), error)
            raise Transient(f"Redis does not answer: {error}") from error
        try:
            yield connection
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        finally:
            await pool.release(connection)

    @property
    def sources_key(self) -> str:
        """Where the id of each source's topic is noted."""
        return f"{self._namespace}:sources"

    async def wipe(
        self, partition: int, meta: Meta, keys: Sequence[str], fields: Mapping[str, str] | None = None
    ) -> None:
        """Delete keys of a partition in one atomic step, if it is still its owner who asks.

        Args:
            partition: whose.
            meta: as its owner wrote it last; brought up to date.
            keys: to be deleted.
            fields: given, `meta` begins anew with these and its owner.

        Raises:
            Fenced: if another worker claimed the partition.
            Transient: if Redis did not answer as it should.
        """
        key = self.keys(partition).meta
        async with self._connection(key) as connection:
            answers = await self.converse(connection, [("WATCH", key), ("HMGET", key, "owner", "version")])
            owner, version = answers[1]
            if owner is None or owner.decode() != meta.owner or int(version) != meta.version:
                raise Fenced(partition)
            written = {**(fields or {}), "owner": meta.owner, "version": str(meta.version + 1)}
            commands: list[tuple[Any, ...]] = [("MULTI",)]
            if keys or fields is not None:
                commands.append(("UNLINK", *keys, *([key] if fields is not None else [])))
            commands.append(("HSET", key, *(part for pair in written.items() for part in pair)))
            done = await self.converse(connection, [*commands, ("EXEC",)])
            if done[-1] is None:
                raise Fenced(partition)
            await self.wait_for_replicas(connection)
        meta.version += 1
        if fields is not None:
            meta.offset, meta.topic_id, meta.fields = -1, None, dict(fields)


def _escaped(text: str) -> str:
    """Return a text that stands for itself in one of Redis's patterns."""
    return re.sub(r"([*?\[\]\\^-])", r"\\\1", text)


def _text_fields(raw: Any) -> dict[str, str]:
    if isinstance(raw, dict):
        return {name.decode(): value.decode() for name, value in raw.items()}
    pairs = iter(raw)
    return {name.decode(): value.decode() for name, value in zip(pairs, pairs, strict=True)}


def open_pool(arguments: Mapping[str, Any], timeout_ms: int) -> Nodes:
    """Return the servers for a store; `arguments` as `Settings.redis_connection` gives them."""
    return open_nodes(arguments, timeout_ms)


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a SCAN over all servers has got.

    Attributes:
        cursor: of the server, 0 at its beginning.
        server: its number.
        process: stands for the process that gave the cursor; to another it means nothing.
        layout: stands for which server holds which keys.
    """

    cursor: int
    server: int
    process: int
    layout: int


def _packed(place: _Place) -> int:
    return ((place.cursor << 16 | place.server) << 32 | place.process) << 32 | place.layout


def _unpacked(cursor: int) -> _Place:
    word = (1 << 32) - 1
    return _Place(cursor >> 80, cursor >> 64 & 0xFFFF, cursor >> 32 & word, cursor & word)


def _said(error: ResponseError) -> str:
    """Return what Redis answered, with the code that redis-py cuts off."""
    code = getattr(error, "status_code", None)
    return f"{code} {error}" if code else str(error)
