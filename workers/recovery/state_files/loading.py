"""Loads a part of a state file into a partition of Redis that was wiped before.

Until everything is there, the mark of an unfinished rebuild stands in `meta`, so no worker uses half of it. It is
replaced in the step that writes the rest of `meta`, which is the last.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from workers.customer_facts.texts import UnreadableFacts
from workers.kafka.records import OutboxRecord, encode_record
from workers.recovery.state_files.customers import StoredCustomers
from workers.recovery.state_files.lines import (
    BookLine,
    CustomerLine,
    HeldLine,
    Inner,
    MarkLine,
    OrderLine,
    PaceCounter,
    PartitionHead,
    QueueLine,
    RecordLine,
    SharedHash,
    order_of,
    raw_bytes,
    record_of,
)
from workers.recovery.state_files.marks import PresentMarks
from workers.recovery.state_files.meta_lines import meta_of
from workers.recovery.state_files.reading import Part
from workers.sealed_lines import DamagedFile
from workers.state.held_actions import Order
from workers.state.marks.key import MarkKey
from workers.state.marks.mark import Mark
from workers.state.marks.merging import all_merged
from workers.state.meta import CLOSED_BEFORE, REBUILDING, Meta, held_field, layout_fields
from workers.state.open_days.stored import stored_field
from workers.state.rule_sets.experiments import figures_in
from workers.state.step import Held, WriteSet
from workers.state.store import Store

_PER_STEP: Final = 500


class Sieve(Protocol):
    """Says what of a file's actions is still to be done."""

    def of_outbox(self, records: Sequence[OutboxRecord]) -> tuple[list[OutboxRecord], list[Held]]:
        """Return which records, not confirmed then, are published now, and which actions are held instead."""

    def of_held(self, held: Held, record: OutboxRecord) -> bool:
        """Return whether an action that was held then is held now."""


class Everything:
    """Nothing has happened since: what was to be published is published, what was held is held."""

    def of_outbox(self, records: Sequence[OutboxRecord]) -> tuple[list[OutboxRecord], list[Held]]:
        """Return all."""
        return list(records), []

    def of_held(self, held: Held, record: OutboxRecord) -> bool:
        """Return true."""
        return True


@dataclass(slots=True)
class Loaded:
    """What was loaded of one partition.

    Attributes:
        customers, held, unconfirmed, marks: how many of each.
        erased: customers of the file who are left out, because they were erased since it was written.
    """

    customers: int = 0
    held: int = 0
    unconfirmed: int = 0
    marks: int = 0
    erased: int = 0


async def load_partition(
    store: Store,
    head: PartitionHead,
    part: Part,
    customers: StoredCustomers,
    mark: str,
    sieve: Sieve,
    key: MarkKey | None = None,
    copied: Mapping[bytes, Mark] | None = None,
) -> Loaded:
    """Load a part, in atomic steps.

    Args:
        store: of the state; the partition is wiped, and marked as unfinished.
        head: its first line.
        part: its lines.
        customers: turns facts into what is stored.
        mark: the mark of a rebuild that stands in `meta` afterwards, "" for none.
        sieve: what of the actions is still to be done.
        key: of marks; None if there are none.
        copied: marks of the partition that the topic of marks has.

    Raises:
        DamagedFile: if the part was changed since it was checked.
        UnreadableFacts: if a customer cannot be stored.
        Fenced: if a worker claims the partition.
        Transient: if Redis does not answer.
    """
    number = head.partition
    meta = (await store.claim(number, uuid.uuid4().hex[:16])).meta
    present = PresentMarks(
        head, all_merged(await store.marks.of_partition(number), copied or {}, head.topic_id or ""), key
    )
    # What was done stays in Redis when a partition is wiped, and says more than the file.
    has_doings = bool(await store.fields(store.keys.partition(number).doings))
    loading = _Loading(customers, sieve, present, has_doings=has_doings)
    for line in part.lines():
        loading.add(line)
        if loading.size >= _PER_STEP:
            await _commit(store, number, meta, loading.taken())
    if loading.orders:
        await store.held_actions.order(number, loading.orders)
    loaded = loading.loaded
    published, held = sieve.of_outbox(loading.outbox)
    changes = loading.taken()
    changes.held += held
    changes.outbox = [encode_record(record) for record in published]
    changes.offset = head.offset
    paused = {held_field(one.rule, one.because): "1" for one in held if one.because != "pace"}
    # Days may have been closed since the file was written. `meta` says so, as it was wiped; if Redis has lost it, the
    # next claim reads it from the topic of the book. What the file says would open these days again.
    closed = {name: value for name, value in meta.fields.items() if name == CLOSED_BEFORE}
    stored = {name: value for name, value in meta_of(head).items() if name != CLOSED_BEFORE}
    layout = layout_fields(head.topic_id, customers.layout)
    changes.fields = {**stored, **layout, **paused, **closed, REBUILDING: mark}
    if not await figures_in(store, number):
        changes.experiments = head.experiments
    await _commit(store, number, meta, changes)
    loaded.unconfirmed = len(published)
    loaded.held += len(held)
    return loaded


def check_part(head: PartitionHead, part: Part, customers: StoredCustomers) -> None:
    """Read a part as `load_partition` does, and write nothing.

    Raises:
        DamagedFile: if it was changed, or a customer in it cannot be stored.
    """
    loading = _Loading(customers, Everything(), PresentMarks(head, {}, None))
    for number, line in enumerate(part.lines(), start=2):
        try:
            loading.add(line)
        except UnreadableFacts as error:
            raise DamagedFile(f"line {number} of its part: {error}") from None
        loading.taken()
        loading.outbox.clear()
        loading.orders.clear()


class _Loading:
    """What the next step writes, and what the last one does.

    Attributes:
        loaded: what was added so far.
        outbox: records that were not confirmed, in order.
        orders: operators' orders, in order.
        size: how much the next step writes.
    """

    def __init__(
        self, customers: StoredCustomers, sieve: Sieve, marks: PresentMarks, *, has_doings: bool = False
    ) -> None:
        self.loaded = Loaded()
        self.outbox: list[OutboxRecord] = []
        self.orders: list[Order] = []
        self.size = 0
        self._changes = WriteSet()
        self._new_marks: dict[bytes, bytes | None] = {}
        self._customers = customers
        self._sieve = sieve
        self._marks = marks
        self._has_doings = has_doings

    def taken(self) -> WriteSet:
        """Return what the next step writes, and begin another one."""
        changes, self._changes, self.size = self._changes, WriteSet(), 0
        changes.marks, self._new_marks = self._new_marks, {}
        return changes

    def add(self, line: Inner) -> None:
        """Add one line.

        Raises:
            UnreadableFacts: if a customer cannot be stored.
        """
        match line:
            case MarkLine():
                ref, mark = self._marks.joined(line)
                self._new_marks[ref] = mark
                self.loaded.marks += 1
                self.size += 1
            case CustomerLine():
                self._add_customer(line)
            case QueueLine():
                at = {name: at_ms for name, at_ms in line.at.items() if not self._marks.is_erased(name)}
                waiting = self._changes.waiting
                queue = self._changes.due if line.waits_for is None else waiting.setdefault(line.waits_for, {})
                queue.update(at)
                self.size += len(at)
            case HeldLine():
                self._add_held(line)
            case RecordLine():
                if not self._marks.is_of_erased(record := record_of(line)):
                    self.outbox.append(record)
            case OrderLine():
                self.orders.append(order_of(line))
            case BookLine():
                self._changes.facts = {**self._changes.facts, **_stored(line.day, line.facts)}
                if not self._has_doings:
                    self._changes.doings = {**self._changes.doings, **_stored(line.day, line.lasting)}
                self.size += len(line.facts) + len(line.lasting)

    def _add_customer(self, line: CustomerLine) -> None:
        if self._marks.is_erased(line.customer):
            self.loaded.erased += 1
            return
        self._changes.activities[line.customer] = self._customers.stored(line.facts)
        self.loaded.customers += 1
        self.size += 1

    def _add_held(self, line: HeldLine) -> None:
        record = record_of(line)
        held = Held(line.rule, line.action_id, line.decided, encode_record(record), line.because)
        if self._sieve.of_held(held, record) and not self._marks.is_of_erased(record):
            self._changes.held.append(held)
            self.loaded.held += 1
            self.size += 1


def _stored(day: int, numbers: Mapping[str, int]) -> dict[str, int]:
    return {stored_field(day, name): number for name, number in numbers.items()}


async def _commit(store: Store, number: int, meta: Meta, changes: WriteSet) -> None:
    async with store.step(number, meta) as step:
        await step.read(())
        await step.commit(changes)


async def load_shared(
    store: Store, lines: Iterator[Inner], paces: dict[str, int], without: Sequence[str] = ()
) -> None:
    """Load what all partitions share; what is there already stays as it is.

    Args:
        store: of the state.
        lines: of the shared part.
        paces: by rule, the length in seconds of the period of its rate limit.
        without: names of hashes that are left out.

    Raises:
        Transient: if Redis does not answer.
    """
    namespace = store.keys.namespace
    for line in lines:
        if isinstance(line, SharedHash) and line.fields and line.name not in without:
            await _load_hash(store, namespace, line)
        elif isinstance(line, PaceCounter) and line.rule in paces:
            key = store.keys.pace(line.rule, line.period)
            if line.number and not await _exists(store, key):
                await store.count_up(key, line.number, 2 * paces[line.rule])


async def _load_hash(store: Store, namespace: str, line: SharedHash) -> None:
    key = f"{namespace}:{line.name}"
    if (await store.redis.call([("HLEN", key)]))[0]:
        return
    kind, is_block, block = line.name.partition(":")
    if is_block:
        await store.redis.call([("SADD", f"{namespace}:{kind}", block)])
    fields = [part for name, value in line.fields.items() for part in (name, raw_bytes(value) or b"")]
    await store.redis.call([("HSET", key, *fields)])


async def _exists(store: Store, key: str) -> bool:
    return (await store.redis.call([("GET", key)]))[0] is not None
