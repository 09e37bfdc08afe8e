"""The contract of the store in plain dictionaries: a model to compare Redis with, and a store for unit tests.

One suite runs over this store and the real one (tests/property/test_store_model.py), so it can be trusted.
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from workers.core.decisions.published import read_record
from workers.errors import Fenced, Transient
from workers.kafka.records import decode_record
from workers.state.held_actions import Order
from workers.state.keys import Keys, hash_tag
from workers.state.marks.mark import Mark, decode_mark
from workers.state.meta import ITEMS_FORMAT, Meta, has_older_owner, ownership_fields, topic_id_of, without_ownership
from workers.state.step import Because, Held, WriteSet
from workers.state.store import Claimed, Due, Store


@dataclass
class Content:
    """What is stored for one partition."""

    meta: dict[str, str] = field(default_factory=dict)
    activities: dict[str, bytes] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, dict[str, int]] = field(default_factory=dict)
    outbox: list[bytes] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    marks: dict[bytes, bytes] = field(default_factory=dict)
    experiments: Counter[str] = field(default_factory=Counter)
    facts: dict[str, int] = field(default_factory=dict)
    doings: dict[str, int] = field(default_factory=dict)

    @property
    def owner(self) -> str | None:
        return self.meta.get("owner")

    @property
    def version(self) -> int:
        return int(self.meta.get("version", 0))


class MemoryStep:
    """One atomic step; see `workers.state.step.Step`."""

    def __init__(self, store: "MemoryStore", partition: int, meta: Meta) -> None:
        self._store = store
        self._content = store.contents[partition]
        self._partition = partition
        self._meta = meta
        self._version_read = -1

    async def read(self, customers: Sequence[str]) -> list[bytes | None]:
        self._store.answer()
        self._version_read = self._content.version
        if self._content.owner != self._meta.owner or self._content.version > self._meta.version:
            raise Fenced(self._partition)
        if self._content.version < self._meta.version:
            raise Transient("Redis has lost steps")
        return [self._content.activities.get(customer) for customer in customers]

    async def commit(self, changes: WriteSet) -> None:
        self._store.answer()
        content, meta = self._content, self._meta
        if content.version != self._version_read:
            raise Fenced(self._partition)
        _write(content.activities, changes.activities)
        _write(content.marks, changes.marks)
        content.experiments.update(changes.experiments)
        for name in changes.no_experiments:
            del content.experiments[name]
        _count(content.facts, changes.facts, changes.no_facts)
        _count(content.doings, changes.doings, changes.no_doings)
        _score(content.due, changes.due)
        for event_type, customers in changes.waiting.items():
            _score(content.waiting.setdefault(event_type, {}), customers)
        del content.outbox[: changes.trim]
        content.outbox += changes.outbox
        content.held |= {held.action_id: held for held in changes.held}
        for _, action_id in changes.released:
            content.held.pop(action_id, None)
        del content.orders[: changes.orders_done]
        fields = {name: str(value) for name, value in changes.fields.items()}
        content.meta |= fields
        content.meta["version"] = str(meta.version + 1)
        if changes.offset is not None:
            content.meta["offset"] = str(changes.offset)
        if self._store.losing:
            self._store.losing -= 1
            raise Transient("Redis does not answer: its answer was lost")
        meta.version += 1
        meta.fields |= fields
        if changes.offset is not None:
            meta.offset = changes.offset


class MemoryStore:
    """Linger's state in this process's memory.

    Attributes:
        contents: what is stored, by partition.
        failing: how many of the next calls get no answer and write nothing.
        losing: how many of the next commits are taken but get no answer.
        counters: of rate limits, by key.
        hashes: those that all partitions share, by key.
        keys: of the namespace.
        held_actions: held actions and orders.
        marks: of customers.
    """

    def __init__(self, partitions: int = 1) -> None:
        self.contents = {partition: Content() for partition in range(partitions)}
        self.counters: dict[str, int] = {}
        self.hashes: dict[str, dict[str, str]] = {}
        self.keys = Keys("memory")
        self.held_actions = MemoryHeldActions(self.contents)
        self.marks = MemoryMarks(self.contents)
        self.failing = 0
        self.losing = 0

    def as_store(self) -> Store:
        """Return this store under the type that the agents take; it has the methods that they call."""
        return cast(Store, self)

    def answer(self) -> None:
        """Answer a call.

        Raises:
            Transient: while `failing` is not 0.
        """
        if self.failing:
            self.failing -= 1
            raise Transient("Redis does not answer: the test wants it so")

    @asynccontextmanager
    async def step(self, partition: int, meta: Meta) -> AsyncIterator[MemoryStep]:
        yield MemoryStep(self, partition, meta)

    async def claim(self, partition: int, owner: str, *, again: bool = False) -> Claimed:
        self.answer()
        content = self.contents[partition]
        if again and content.owner != owner:
            raise Fenced(partition)
        content.meta |= {**ownership_fields(owner), "version": str(content.version + 1)}
        fields = without_ownership(content.meta)
        version, offset = int(fields.pop("version")), int(fields.pop("offset", -1))
        topic_id = topic_id_of(fields)
        fields.pop("topic_id", None)
        meta = Meta(owner, version, offset, topic_id, fields)
        return Claimed(meta, [decode_record(raw) for raw in content.outbox])

    async def due(self, bounds: Mapping[int, tuple[int, Mapping[str, int]]], limit: int) -> dict[int, Due]:
        self.answer()
        due = {}
        for partition, (upto_ms, waiting) in bounds.items():
            content = self.contents[partition]
            ready = _upto(content.due, upto_ms, limit)
            waited = {
                event_type: customers
                for event_type, until_ms in waiting.items()
                if (customers := _upto(content.waiting.get(event_type, {}), until_ms, limit))
            }
            every = dict.fromkeys([*ready, *(customer for customers in waited.values() for customer in customers)])
            if every:
                due[partition] = Due([*every][:limit], waited)
        return due

    async def count_up(self, key: str, number: int, seconds: int) -> int:
        self.counters[key] = self.counters.get(key, 0) + number
        return self.counters[key]

    async def count_in(self, key: str, field: str, number: int) -> int:
        self.answer()
        fields = self.hashes.setdefault(key, {})
        fields[field] = str(int(fields.get(field, 0)) + number)
        return int(fields[field])

    async def fields(self, key: str) -> dict[str, str]:
        self.answer()
        for partition, content in self.contents.items():
            keys = self.keys.partition(partition)
            counted = (
                (keys.facts, content.facts),
                (keys.doings, content.doings),
                (keys.experiments, content.experiments),
            )
            for name, numbers in counted:
                if key == name:
                    return {own: str(number) for own, number in numbers.items()}
        return dict(self.hashes.get(key, {}))

    async def set_fields(self, key: str, fields: Mapping[str, str]) -> None:
        self.answer()
        self.hashes.setdefault(key, {}).update(fields)

    async def remove_fields(self, key: str, names: Iterable[str]) -> None:
        self.answer()
        for name in names:
            self.hashes.get(key, {}).pop(name, None)

    async def scan(self, cursor: int, count: int) -> tuple[int, dict[str, list[str]]]:
        self.answer()
        return 0, {hash_tag(number): list(content.activities) for number, content in self.contents.items()}

    async def activity(self, partition: int, customer_id: str) -> bytes | None:
        return self.contents[partition].activities.get(customer_id)

    async def meta(self, partition: int) -> dict[str, str]:
        return (await self.metas([partition]))[partition]

    async def metas(self, partitions: Iterable[int]) -> dict[int, dict[str, str]]:
        return {partition: dict(self.contents[partition].meta) for partition in partitions}

    async def older_owners(self, partitions: Iterable[int], wire_format: int = ITEMS_FORMAT) -> list[int]:
        metas = await self.metas(partitions)
        return [number for number, meta in metas.items() if has_older_owner(meta, wire_format)]


class MemoryHeldActions:
    """Held actions and orders; see `workers.state.held_actions`."""

    def __init__(self, contents: Mapping[int, Content]) -> None:
        self.contents = contents

    async def records(self, partition: int, action_ids: Sequence[str]) -> dict[str, bytes]:
        held = self.contents[partition].held
        return {action_id: held[action_id].record for action_id in action_ids if action_id in held}

    async def oldest(
        self, partitions: Sequence[int], rule_id: str, limit: int, because: Because = "pace"
    ) -> dict[int, list[str]]:
        oldest = {}
        for partition in partitions:
            if actions := self._sorted(partition, rule_id, because):
                oldest[partition] = [held.action_id for held in actions[:limit]]
        return oldest

    async def oldest_of_all(
        self, partitions: Sequence[int], rule_id: str, limit: int, because: Because
    ) -> list[tuple[int, str]]:
        found = [
            (held.decided_ms, held.action_id, partition)
            for partition in partitions
            if partition in self.contents
            for held in self._sorted(partition, rule_id, because)
        ]
        return [(partition, action_id) for _, action_id, partition in sorted(found)[:limit]]

    async def of_customers(self, partition: int, customer_ids: Collection[str]) -> list[tuple[str, str]]:
        held = self.contents[partition].held
        return [(one.rule, name) for name, one in held.items() if read_record(one.record).customer_id in customer_ids]

    async def counts(self, names: Sequence[tuple[int, str, Because]]) -> list[int]:
        return [len(self._sorted(*name)) for name in names]

    async def total(self, partitions: Sequence[int]) -> int:
        return sum(len(self.contents[partition].held) for partition in partitions)

    def _sorted(self, partition: int, rule_id: str, because: Because) -> list[Held]:
        actions = [
            held for held in self.contents[partition].held.values() if (held.rule, held.because) == (rule_id, because)
        ]
        return sorted(actions, key=lambda held: (held.decided_ms, held.action_id))

    async def orders(self, partitions: Sequence[int], limit: int) -> dict[int, list[Order]]:
        stored = {partition: self.contents[partition].orders for partition in partitions}
        return {partition: orders[:limit] for partition, orders in stored.items() if orders}

    async def order(self, partition: int, orders: Sequence[Order]) -> None:
        self.contents[partition].orders += orders


class MemoryMarks:
    """Marks; see `workers.state.marks.in_redis`.

    Attributes:
        key: what is known of the key of the hashes.
    """

    def __init__(self, contents: Mapping[int, Content]) -> None:
        self.contents = contents
        self.key = {"key": "07" * 32}

    async def of_partition(self, partition: int) -> dict[bytes, Mark]:
        return {ref: decode_mark(raw) for ref, raw in self.contents[partition].marks.items()}

    async def of_customer(self, partition: int, ref: bytes) -> Mark:
        raw = self.contents[partition].marks.get(ref)
        return Mark() if raw is None else decode_mark(raw)

    async def key_fields(self) -> dict[str, str]:
        return dict(self.key)

    async def keep_key(self, field: str, value: str) -> dict[str, str]:
        self.key.setdefault(field, value)
        return dict(self.key)


def _write(values: MutableMapping[Any, bytes], changes: Mapping[Any, bytes | None]) -> None:
    for name, value in changes.items():
        if value is None:
            values.pop(name, None)
        else:
            values[name] = value


def _count(numbers: dict[str, int], added: Mapping[str, int], removed: Sequence[str]) -> None:
    for name, number in added.items():
        numbers[name] = numbers.get(name, 0) + number
    for name in removed:
        numbers.pop(name, None)


def _score(scores: dict[str, int], changes: Mapping[str, int]) -> None:
    for customer, score in changes.items():
        if score:
            scores[customer] = score
        else:
            scores.pop(customer, None)


def _upto(scores: Mapping[str, int], upto_ms: int, limit: int) -> list[str]:
    ready = [(score, customer.encode()) for customer, score in scores.items() if score <= upto_ms]
    return [customer.decode() for _, customer in sorted(ready)[:limit]]  # by bytes, like Redis
