"""`linger state export`: the stored state of partitions, written while it does not change.

Nothing is claimed and nothing is changed, so workers may run. But a file must show one moment: each step raises the
version in `meta`, so a partition whose version is the same before and after was read at one moment. One that changed
is read again, and after a few attempts the export refuses: then the workers are stopped first, or a copy of Redis is
exported.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from workers.clock import iso_text
from workers.core.rules.rule_set import RuleSet
from workers.errors import LingerError, StartupError
from workers.kafka.records import decode_record
from workers.recovery.state_files.customers import StoredCustomers, UnreadableCustomer
from workers.recovery.state_files.found import FoundKeys, PartitionKeysFound, find_keys
from workers.recovery.state_files.lines import (
    FORMAT,
    BookLine,
    CustomerLine,
    HeldLine,
    OrderLine,
    PaceCounter,
    QueueLine,
    RecordLine,
    SharedHash,
    SharedHead,
    hash_fields,
    record_fields,
)
from workers.recovery.state_files.marks import check_of, mark_line
from workers.recovery.state_files.meta_lines import head_of
from workers.recovery.state_files.writing import SHARED_NAME, PartWriter, StateFolder, partition_name
from workers.state import layouts
from workers.state.consistency import Log, partitions_made_with, partitions_mismatch
from workers.state.held_actions import decode_order
from workers.state.meta import REBUILDING, RULES
from workers.state.open_days.stored import read_open_days
from workers.state.rule_sets.experiments import figures_in
from workers.state.store import Store

_ATTEMPTS: Final = 5
_PER_READ: Final = 500
_AT_ONCE: Final = 64
"""Partitions in one scan; each has a file open meanwhile."""


@dataclass(slots=True)
class ExportReport:
    """What an export has written.

    Attributes:
        partitions: how many customers each has, by number.
        unreadable: customers who are stored and left out, because they cannot be read.
        held: held actions.
        unconfirmed: records that Kafka had not confirmed.
        marks: customers who are suppressed, have opted out or were erased.
    """

    partitions: dict[int, int] = field(default_factory=dict)
    unreadable: int = 0
    held: int = 0
    unconfirmed: int = 0
    marks: int = 0


class Export:
    """One export; see the module's docstring."""

    def __init__(self, store: Store, rules: RuleSet, folder: StateFolder, release: str, now_ms: int) -> None:
        """Set up; nothing is read.

        Args:
            store: of the state.
            rules: those in force: they know the names of what is stored.
            folder: to write to.
            release: of Linger, which is written down.
            now_ms: the time, which is written down.
        """
        self._store = store
        self._rules = rules
        self._customers = StoredCustomers(rules, layouts.newest())
        self._folder = folder
        self._release = release
        self._written_at = iso_text(now_ms)

    async def run(
        self, logs: Mapping[int, Log], published: Mapping[int, Mapping[str, int]], advance: Callable[[int], None]
    ) -> ExportReport:
        """Write everything that is stored of some partitions, and what all share.

        Args:
            logs: of the partitions.
            published: by partition and topic, the end of what was published; read before this is called.
            advance: called with a number of customers when they are written.

        Raises:
            StartupError: if the state of a partition is not whole, or nothing is stored.
            LingerError: if partitions kept changing, or this release cannot read them. Then there is no file.
        """
        report = ExportReport()
        self._folder.make()
        try:
            await self._write_shared()
            numbers = list(logs)
            for start in range(0, len(numbers), _AT_ONCE):
                some = numbers[start : start + _AT_ONCE]
                await self._write_partitions({number: logs[number] for number in some}, published, report, advance)
            for name in [SHARED_NAME, *map(partition_name, report.partitions)]:
                self._folder.finish(name)
        finally:
            self._folder.drop_unfinished()
        return report

    async def _write_partitions(
        self,
        logs: Mapping[int, Log],
        published: Mapping[int, Mapping[str, int]],
        report: ExportReport,
        advance: Callable[[int], None],
    ) -> None:
        remaining = dict(logs)
        for _ in range(_ATTEMPTS):
            before = await self._store.metas(remaining)
            _require_whole(before, remaining)
            found = await find_keys(self._store, remaining)
            try:
                counts = {
                    number: await self._write(
                        number, before[number], log, found.partitions[number], published[number]
                    )
                    for number, log in remaining.items()
                }
            finally:
                found.close()
            after = await self._store.metas(remaining)
            for number in list(remaining):
                if _version(before[number]) == _version(after[number]):
                    del remaining[number]
                    _add(report, number, counts[number])
                    advance(counts[number].customers)
            if not remaining:
                return
        raise LingerError(
            f"partitions {', '.join(map(str, remaining))} were changed while they were read, {_ATTEMPTS} times: a "
            "file must show one moment, and none was written. Stop the workers and run this again, or export a copy: "
            "start another Redis from the RDB file of this one, and set LINGER_REDIS_URL to it"
        )

    async def _write(
        self,
        number: int,
        fields: Mapping[str, str],
        log: Log,
        found: PartitionKeysFound,
        published: Mapping[str, int],
    ) -> "_Counts":
        """Write one partition, as it is at this moment."""
        is_current = fields.get(RULES) == self._rules.hash
        head = head_of(
            number,
            fields,
            log,
            namespace=self._store.keys.namespace,
            release=self._release,
            written_at=self._written_at,
            rule_versions={rule.id: rule.version for rule in self._rules.rules} if is_current else {},
            published=published,
            marks_key=check_of(await self._store.marks.key_fields()),
            experiments=await figures_in(self._store, number),
        )
        counts = _Counts()
        with self._folder.open(partition_name(number)) as file:
            writer = PartWriter(file, head)
            counts.marks = await self._write_marks(number, writer)
            await self._write_book(number, writer)
            await self._write_actions(number, found, writer, counts)
            await self._write_queues(number, found, writer)
            await self._write_customers(number, found, writer, counts)
            writer.end(counts.unreadable)
        return counts

    async def _write_marks(self, number: int, writer: PartWriter) -> int:
        """Write the marks, and return how many there are."""
        marks = await self._store.marks.of_partition(number)
        for ref, mark in sorted(marks.items()):
            writer.add(mark_line(ref, mark))
        return len(marks)

    async def _write_book(self, number: int, writer: PartWriter) -> None:
        open_days = (await read_open_days(self._store, [number]))[number]
        for day in open_days.days():
            writer.add(BookLine(day=day, facts=open_days.facts.get(day, {}), lasting=open_days.lasting.get(day, {})))

    async def _write_actions(
        self, number: int, found: PartitionKeysFound, writer: PartWriter, counts: "_Counts"
    ) -> None:
        """Write what Kafka has not confirmed, what is held, and the orders for it."""
        keys = self._store.keys.partition(number)
        outbox, orders = await self._store.redis.call(
            [("LRANGE", keys.outbox, 0, -1), ("LRANGE", keys.orders, 0, -1)]
        )
        for raw in outbox:
            writer.add(RecordLine(**record_fields(decode_record(raw))))
        for raw in orders:
            order = decode_order(raw)
            writer.add(OrderLine(what=order.what, rule=order.rule, action_id=order.action_id))
        counts.unconfirmed = len(outbox)
        for rule, because in sorted(found.held):
            async for scores in _scored(self._store, keys.held_of(rule, because)):
                records = await self._store.held_actions.records(number, list(scores))
                for action_id, raw in records.items():
                    fields = record_fields(decode_record(raw))
                    writer.add(
                        HeldLine(rule=rule, because=because, action_id=action_id, decided=scores[action_id], **fields)
                    )
                counts.held += len(records)

    async def _write_queues(self, number: int, found: PartitionKeysFound, writer: PartWriter) -> None:
        keys = self._store.keys.partition(number)
        async for scores in _scored(self._store, keys.due):
            writer.add(QueueLine(at=scores))
        for event_type in sorted(found.waiting):
            async for scores in _scored(self._store, keys.waiting(event_type)):
                writer.add(QueueLine(waits_for=event_type, at=scores))

    async def _write_customers(
        self, number: int, found: PartitionKeysFound, writer: PartWriter, counts: "_Counts"
    ) -> None:
        keys = self._store.keys.partition(number)
        for some in _batches(found.customer_ids(), _PER_READ):
            values = (await self._store.redis.call([("MGET", *map(keys.customer, some))]))[0]
            for customer, raw in zip(some, values, strict=True):
                if raw is None:
                    continue  # gone since: then the version has changed, too
                try:
                    facts = self._customers.facts(raw)
                except UnreadableCustomer:
                    counts.unreadable += 1
                    continue
                writer.add(CustomerLine(customer=customer, facts=facts))
                counts.customers += 1

    async def _write_shared(self) -> None:
        found = await find_keys(self._store, ())
        found.close()
        head = SharedHead(
            format=FORMAT,
            release=self._release,
            written_at=self._written_at,
            namespace=self._store.keys.namespace,
        )
        with self._folder.open(SHARED_NAME) as file:
            writer = PartWriter(file, head)
            async for line in self._shared_lines(found):
                writer.add(line)
            writer.end()

    async def _shared_lines(self, found: FoundKeys) -> Any:
        namespace = self._store.keys.namespace
        for name in sorted(found.hashes):
            raw = (await self._store.redis.call([("HGETALL", f"{namespace}:{name}")]))[0]
            pairs = raw if isinstance(raw, dict) else dict(zip(*[iter(raw)] * 2, strict=True))
            yield SharedHash(name=name, fields=hash_fields(pairs))
        for rule, period in sorted(found.pace):
            value = (await self._store.redis.call([("GET", self._store.keys.pace(rule, period))]))[0]
            if value is not None:
                yield PaceCounter(rule=rule, period=period, number=max(0, int(value)))


@dataclass(slots=True)
class _Counts:
    customers: int = 0
    unreadable: int = 0
    held: int = 0
    unconfirmed: int = 0
    marks: int = 0


def _add(report: ExportReport, number: int, counts: _Counts) -> None:
    report.partitions[number] = counts.customers
    report.unreadable += counts.unreadable
    report.held += counts.held
    report.unconfirmed += counts.unconfirmed
    report.marks += counts.marks


def _require_whole(metas: Mapping[int, Mapping[str, str]], logs: Mapping[int, Log]) -> None:
    problems = []
    for number, fields in metas.items():
        if fields.get(REBUILDING):
            problems.append(f"partition {number}: its rebuild was not finished, so there is nothing to export yet")
        elif mismatch := partitions_mismatch(partitions_made_with(fields), logs[number].topic, len(logs)):
            problems.append(f"partition {number}: {mismatch}")
    if problems:
        raise StartupError(problems)


def _version(fields: Mapping[str, str]) -> str | None:
    return fields.get("version")


async def _scored(store: Store, key: str) -> Any:
    """Yield the members of a sorted set with their scores, some at a time."""
    start = 0
    while True:
        answer = (await store.redis.call([("ZRANGE", key, start, start + _PER_READ - 1, "WITHSCORES")]))[0]
        if not answer:
            return
        pairs = zip(*[iter(answer)] * 2, strict=True) if isinstance(answer[0], bytes) else answer
        yield {member.decode(): int(float(score)) for member, score in pairs}
        start += _PER_READ


def _batches(names: Iterator[str], size: int) -> Iterator[list[str]]:
    while some := list(islice(names, size)):
        yield some
