"""The atomic step: WATCH and reads in one round trip, MULTI…EXEC in a second one, on one connection.

A step is accepted only if owner and version in `meta` are those that this worker wrote last. Even a step that
changes nothing else raises the version: an offset alone would let two workers fire the same timer. Nothing here
decides what is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from redis.asyncio import Connection

from workers.errors import Fenced, Transient
from workers.state.connection import RedisServers
from workers.state.keys import PartitionKeys
from workers.state.meta import Meta

MAX_CUSTOMERS: Final = 500
"""Customers in one step; more would block Redis for too long."""


Because = Literal["pace", "pause", "brake"]
"""Why an action is held: it is above its rule's rate limit, its rule is paused, or it is above the brake."""


@dataclass(frozen=True, slots=True)
class Held:
    """A held action.

    Attributes:
        rule: id of the rule.
        action_id: the action.
        decided_ms: when it was decided; a rule's actions are released in this order.
        record: the encoded `OutboxRecord` to publish.
        because: why it is held.
    """

    rule: str
    action_id: str
    decided_ms: int
    record: bytes
    because: Because = "pace"


@dataclass(slots=True)
class WriteSet:
    """Everything that one atomic step writes.

    Attributes:
        offset: the next offset to read, None if it does not move.
        fields: further fields of `meta`, with their new values.
        activities: encoded activities by customer, None to remove one.
        due: due time in milliseconds by customer, 0 to remove the customer.
        waiting: by event type, the watermark in milliseconds that a customer waits for, 0 to remove the customer.
        outbox: encoded `OutboxRecord`s to append.
        trim: number of records at the head of the outbox that Kafka has confirmed.
        held: actions to be kept until they are released or discarded.
        released: rule and id of actions that are no longer held; they need not have been held.
        missing: rule and id of actions that are listed as held and are not: an older release forgets to unlist them.
        marks: encoded marks by the ref of a customer, None to remove one.
        experiments: what is added to the figures of experiments, by the name of the figure.
        no_experiments: the names of those that are removed.
        orders_done: number of orders at the head of the list that were carried out.
        facts, doings: by how much fields of the open days of the book grow.
        no_facts, no_doings: those that are removed.
    """

    offset: int | None = None
    fields: dict[str, str | int] = field(default_factory=dict)
    activities: dict[str, bytes | None] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, dict[str, int]] = field(default_factory=dict)
    outbox: list[bytes] = field(default_factory=list)
    trim: int = 0
    held: list[Held] = field(default_factory=list)
    released: list[tuple[str, str]] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    marks: Mapping[bytes, bytes | None] = field(default_factory=dict)
    experiments: Mapping[str, int] = field(default_factory=dict)
    no_experiments: Sequence[str] = ()
    orders_done: int = 0
    facts: Mapping[str, int] = field(default_factory=dict)
    doings: Mapping[str, int] = field(default_factory=dict)
    no_facts: Sequence[str] = ()
    no_doings: Sequence[str] = ()


class Step:
    """One atomic step, from its read to its commit. It cannot be used again.

    Attributes:
        watching: the connection watches `meta`, so it must commit or unwatch.
    """

    def __init__(
        self, redis: RedisServers, connection: Connection, keys: PartitionKeys, partition: int, meta: Meta
    ) -> None:
        self._redis = redis
        self._connection = connection
        self._keys = keys
        self._partition = partition
        self._meta = meta
        self.watching = False

    async def read(self, customers: Sequence[str]) -> list[bytes | None]:
        """Watch `meta`, check the fence, and return the stored activities, None for unknown customers.

        One round trip.

        Raises:
            Fenced: if another worker claimed the partition.
            Transient: if Redis did not answer as it should, or has lost steps of this worker; then the partition must
                be claimed again.
        """
        commands: list[tuple[Any, ...]] = [
            ("WATCH", self._keys.meta),
            ("HMGET", self._keys.meta, "owner", "version"),
        ]
        if customers:
            commands.append(("MGET", *map(self._keys.customer, customers)))
        answers = await self._redis.converse(self._connection, commands)
        self.watching = True
        owner, version = answers[1]
        if owner is None or owner.decode() != self._meta.owner or int(version) > self._meta.version:
            raise Fenced(self._partition)
        if int(version) < self._meta.version:
            # A claim of another worker would have raised it: a replica without the last steps was promoted.
            raise Transient(f"Redis has lost steps of partition {self._partition}: it went back to an older state")
        return answers[2] if customers else []

    async def commit(self, changes: WriteSet) -> None:
        """Write everything or nothing; on success `meta` is up to date. One round trip, or two with replicas.

        Raises:
            Fenced: if `meta` was changed since `read`.
            Transient: if Redis did not answer as it should. Then it is unknown whether the step was accepted, and the
                partition must be claimed again.
        """
        if not self._connection.is_connected:
            # Sending would open a new connection, which watches nothing.
            raise Transient("the connection was lost between reading and writing")
        meta, keys = self._meta, self._keys
        written: dict[str, str | int] = {**changes.fields, "version": meta.version + 1}
        if changes.offset is not None:
            written["offset"] = changes.offset
        commands: list[tuple[Any, ...]] = [("MULTI",)]
        stored = {customer: raw for customer, raw in changes.activities.items() if raw is not None}
        if stored:
            commands.append(
                ("MSET", *(part for customer, raw in stored.items() for part in (keys.customer(customer), raw)))
            )
        if len(stored) < len(changes.activities):
            gone = changes.activities.keys() - stored.keys()
            commands.append(("UNLINK", *map(keys.customer, gone)))
        commands += _sorted_set_commands(keys.due, changes.due)
        for event_type, customers in changes.waiting.items():
            commands += _sorted_set_commands(keys.waiting(event_type), customers)
        if changes.trim:
            commands.append(("LTRIM", keys.outbox, changes.trim, -1))
        if changes.outbox:
            commands.append(("RPUSH", keys.outbox, *changes.outbox))
        # Before what is held now: the same action may be held again.
        commands += _unlisting(keys, changes.missing)
        for held in changes.held:
            commands.append(("HSET", keys.held, held.action_id, held.record))
            commands.append(("ZADD", keys.held_of(held.rule, held.because), held.decided_ms, held.action_id))
        if changes.released:
            commands.append(("HDEL", keys.held, *(action_id for _, action_id in changes.released)))
            commands += _unlisting(keys, changes.released)
        commands += _hash_commands(keys.marks, changes.marks)
        commands += _counting_commands(keys.experiments, changes.experiments, changes.no_experiments)
        commands += _counting_commands(keys.facts, changes.facts, changes.no_facts)
        commands += _counting_commands(keys.doings, changes.doings, changes.no_doings)
        if changes.orders_done:
            commands.append(("LTRIM", keys.orders, changes.orders_done, -1))
        commands.append(("HSET", keys.meta, *(part for pair in written.items() for part in pair)))
        commands.append(("EXEC",))
        answers = await self._redis.converse(self._connection, commands)
        self.watching = False
        if answers[-1] is None:
            raise Fenced(self._partition)
        if failed := [answer for answer in answers[-1] if isinstance(answer, Exception)]:
            raise Transient(f"Redis accepted only a part of a step: {failed[0]}")
        meta.version += 1
        if changes.offset is not None:
            meta.offset = changes.offset
        meta.fields.update((name, str(value)) for name, value in changes.fields.items())
        await self._redis.wait_for_replicas(self._connection)


def _unlisting(keys: PartitionKeys, actions: Sequence[tuple[str, str]]) -> list[tuple[Any, ...]]:
    """Return the commands that remove actions from the lists of their rules, for every reason."""
    by_rule: dict[str, list[str]] = {}
    for rule_id, action_id in actions:
        by_rule.setdefault(rule_id, []).append(action_id)
    return [
        ("ZREM", keys.held_of(rule_id, because), *action_ids)
        for rule_id, action_ids in by_rule.items()
        for because in get_args(Because)
    ]


def _hash_commands(key: str, values: Mapping[bytes, bytes | None]) -> list[tuple[Any, ...]]:
    added = [part for name, value in values.items() if value is not None for part in (name, value)]
    removed = [name for name, value in values.items() if value is None]
    commands: list[tuple[Any, ...]] = []
    if added:
        commands.append(("HSET", key, *added))
    if removed:
        commands.append(("HDEL", key, *removed))
    return commands


def _counting_commands(key: str, added: Mapping[str, int], removed: Sequence[str]) -> list[tuple[Any, ...]]:
    commands: list[tuple[Any, ...]] = [("HINCRBY", key, name, number) for name, number in added.items()]
    if removed:
        commands.append(("HDEL", key, *removed))
    return commands


def _sorted_set_commands(key: str, scores: Mapping[str, int]) -> list[tuple[Any, ...]]:
    added = [part for member, score in scores.items() if score for part in (score, member)]
    removed = [member for member, score in scores.items() if not score]
    commands: list[tuple[Any, ...]] = []
    if added:
        commands.append(("ZADD", key, *added))
    if removed:
        commands.append(("ZREM", key, *removed))
    return commands
