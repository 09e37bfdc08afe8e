"""A worker that dies at a chosen point, has a wrong clock, or lacks one of its guards.

    python -m tests.faults.saboteur [--die POINT:NUMBER] [--clock-ms N] [--without GUARD]

It is the worker that operators run (`linger run`). Only the named place is changed, in this process alone.
"""

# mypy: disable-error-code="method-assign,assignment,attr-defined"

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Final

from workers import clock
from workers.__main__ import main as linger
from workers.core import watermarks
from workers.core.customer import customer
from workers.core.customer.standing import AS_ANYBODY
from workers.core.decisions import episodes, turn
from workers.core.events import decoding, fingerprint
from workers.core.rules import contact_policy
from workers.core.source_positions import SOURCE_HEADER, split_position
from workers.intake import agent as intake
from workers.kafka import faust_batches
from workers.kafka.producer import Publisher
from workers.kafka.records import OutboxRecord
from workers.processor import agent as processor
from workers.processor import event_reader, partition, unit_of_work
from workers.processor.orders.mark_topic import Copies, MarkTopic
from workers.runtime import assignment
from workers.state import connection
from workers.state.marks.mark import Mark
from workers.state.step import Step, WriteSet

POINTS: Final = (
    *("read", "folded", "sent", "committed", "published", "passed-on", "between-items", "acknowledging"),
    *("order-folded", "order-committed", "retracted"),
)
CORE_GUARDS: Final = ("silence", "types", "consent", "type-in-ids", "partition-check", "doubt", "history")
"""These need the core in plain Python: compiled, it cannot be changed from outside."""
GUARDS: Final = (
    *("fence", "safe-time", "high-water", "items", "explicit-ack", "publish-gate"),
    *("marks", "erased", "mark-topic", "stages"),
    *CORE_GUARDS,
)


def main() -> None:
    """Apply the changes that the arguments name, and run a worker."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--die")
    parser.add_argument("--clock-ms", type=int, default=0)
    parser.add_argument("--without", choices=GUARDS)
    parser.add_argument(
        "--trace", action="store_true", help="report on stderr what intake takes, passes on and commits"
    )
    arguments = parser.parse_args()
    if arguments.die:
        point, _, number = arguments.die.partition(":")
        _die_at(point, int(number))
    if arguments.trace:
        _trace()
    if arguments.clock_ms:
        _set_clock(arguments.clock_ms)
    if arguments.without:
        _WITHOUT[arguments.without]()
    sys.argv = ["linger", "run"]
    linger()


def _trace() -> None:
    """Report on stderr what is read, from where, and what is committed to Kafka."""

    def say(what: str, *values: Any) -> None:
        sys.stderr.write(f"TRACE {time.time():.3f} {what} {' '.join(map(str, values))}\n")
        sys.stderr.flush()

    accept, assign, pass_on = intake.Intake.accept, intake.Intake.assign, intake.Intake._pass_on
    seek, commit = faust_batches.BatchConsumer.seek_partition, faust_batches.BatchConsumer._filter_committable_offsets

    def accepted(this: Any, place: Any, delivery: Any, done: Any) -> Any:
        result = accept(this, place, delivery, done)
        span = (delivery.follows, delivery.records[0].offset, delivery.end, delivery.epoch)
        say("take", place, *span, result)
        return result

    def assigned(this: Any, positions: Any, progress: Any, stops: Any) -> None:
        say("assign", positions)
        assign(this, positions, progress, stops)

    async def passed_on(this: Any, cursors: Any, merged: Any) -> Any:
        spans: dict[Any, list[int]] = {}
        for _, _, record in merged:
            spans.setdefault((record.topic, record.partition), []).append(record.offset)
        ranges = {place: (offsets[0], offsets[-1], len(offsets)) for place, offsets in spans.items()}
        say("passing", ranges)
        resumed = await pass_on(this, cursors, merged)
        say(
            "passed",
            ranges,
            {place: cursor.offset for place, cursor in cursors.items() if place in ranges},
            cursors is this._cursors,
        )
        return resumed

    async def sought(this: Any, tp: Any, offset: int) -> None:
        say("seek", tuple(tp), offset)
        await seek(this, tp, offset)

    def committed(this: Any, tps: Any) -> Any:
        result = commit(this, tps)
        if result:
            say("commit", {tuple(tp): offset for tp, offset in result.items()})
        return result

    intake.Intake.accept, intake.Intake.assign, intake.Intake._pass_on = accepted, assigned, passed_on
    faust_batches.BatchConsumer.seek_partition = sought
    faust_batches.BatchConsumer._filter_committable_offsets = committed


class _Fuse:
    """Ends the process by SIGKILL when `light` has been called this often."""

    def __init__(self, number: int) -> None:
        self._left = number

    def light(self) -> None:
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _die_at(point: str, number: int) -> None:
    fuse = _Fuse(number)
    if point == "read":
        _after(Step, "read", fuse.light)
    elif point == "folded":
        _before(Step, "commit", fuse.light)
    elif point == "sent":
        _die_waiting_for_the_answer(fuse)
    elif point == "committed":
        _after(Step, "commit", fuse.light)
    elif point == "acknowledging":
        _after(processor.Processor, "process", fuse.light)
    elif point in ("published", "passed-on"):
        _die_after_sending(fuse, of_intake=point == "passed-on")
    elif point in ("order-folded", "order-committed"):
        _die_at_an_order(fuse, is_before=point == "order-folded")
    elif point == "retracted":
        _die_after_retracting(number)
    elif point == "between-items":
        _die_between_items(number)
    else:
        raise SystemExit(f"no such point: {point}; there are {', '.join(POINTS)}")


def _after(owner: type, name: str, then: Callable[[], None]) -> None:
    original = getattr(owner, name)

    async def changed(*arguments: Any, **named: Any) -> Any:
        result = await original(*arguments, **named)
        then()
        return result

    setattr(owner, name, changed)


def _before(owner: type, name: str, first: Callable[[], None]) -> None:
    original = getattr(owner, name)

    async def changed(*arguments: Any, **named: Any) -> Any:
        first()
        return await original(*arguments, **named)

    setattr(owner, name, changed)


def _die_waiting_for_the_answer(fuse: _Fuse) -> None:
    original = Step.commit

    async def changed(step: Step, changes: WriteSet) -> None:
        connection: Any = step._connection
        read = connection.read_response

        async def instead(*arguments: Any, **named: Any) -> Any:
            fuse.light()
            return await read(*arguments, **named)

        connection.read_response = instead
        try:
            await original(step, changes)
        finally:
            connection.read_response = read

    Step.commit = changed


def _die_after_sending(fuse: _Fuse, *, of_intake: bool) -> None:
    original = Publisher.send

    async def changed(publisher: Publisher, records: Sequence[OutboxRecord], *more: Any) -> Any:
        result = await original(publisher, records, *more)
        if any(record.topic.endswith("activity") for record in records) == of_intake:
            fuse.light()
        return result

    Publisher.send = changed


def _die_between_items(number: int) -> None:
    """Die when Kafka has confirmed the first item of a record, and nothing behind it, for the given time."""
    original, seen = Publisher.send, 0

    async def changed(publisher: Publisher, records: Sequence[OutboxRecord], *more: Any) -> Any:
        nonlocal seen
        for place, record in enumerate(records):
            position = split_position(dict(record.headers).get(SOURCE_HEADER) or b"")
            if position is None or position[1][1] != 1:
                continue
            seen += 1
            if seen == number:
                await original(publisher, records[:place], *more)
                os.kill(os.getpid(), signal.SIGKILL)
        return await original(publisher, records, *more)

    Publisher.send = changed


def _die_at_an_order(fuse: _Fuse, *, is_before: bool) -> None:
    """Die before a step that carries out an order, or after it and before anything of it is published."""
    original = Step.commit

    async def changed(step: Step, changes: WriteSet) -> None:
        is_of_an_order = any(name.startswith("n:order:") for name in changes.fields)
        if is_of_an_order and is_before:
            fuse.light()
        await original(step, changes)
        if is_of_an_order and not is_before:
            fuse.light()

    Step.commit = changed


def _die_after_retracting(number: int) -> None:
    """Die when Kafka has confirmed what comes before a tombstone, and neither that nor anything behind it."""
    original, seen = Publisher.send, 0

    async def changed(publisher: Publisher, records: Sequence[OutboxRecord], *more: Any) -> Any:
        nonlocal seen
        for place, record in enumerate(records):
            seen += record.value is None
            if record.value is None and seen == number:
                await original(publisher, records[:place], *more)
                os.kill(os.getpid(), signal.SIGKILL)
        return await original(publisher, records, *more)

    Publisher.send = changed


def _set_clock(offset_ms: int) -> None:
    original = clock.time.time_ns
    clock.time = type("WrongClock", (), {"time_ns": staticmethod(lambda: original() + offset_ms * 1_000_000)})


# -- guards ----------------------------------------------------------------------------------------------------


def _no_fence() -> None:
    """The last worker to write wins, whether or not it owns the partition."""

    async def read(step: Step, customers: Sequence[str]) -> list[bytes | None]:
        commands: list[tuple[Any, ...]] = [("PING",)]
        if customers:
            commands.append(("MGET", *map(step._keys.customer, customers)))
        answers = await step._redis.converse(step._connection, commands)
        return answers[1] if customers else []

    Step.read = read


def _no_watermarks() -> None:
    """Timers fire as soon as the clock says so, without waiting for watermarks."""

    def update(this: Any, position: int, required_position: int, by_type: Any) -> None:
        this.by_type = by_type

    watermarks.PartitionWatermarks.update = update
    original = processor.Processor.observe

    def changed(this: Any, reading: Any, *others: Any) -> None:
        def watermarks_by_type(sources: Any, *_: Any) -> dict[str, int]:
            return {name: reading.now_ms for source in sources.sources for name in source.types()}

        processor.watermarks_by_type = watermarks_by_type
        original(this, reading, *others)

    processor.Processor.observe = changed


def _no_high_water() -> None:
    """What intake sends twice is folded twice, and no event id is remembered."""
    unit_of_work.UnitOfWork.is_above_high_water = lambda self, source: True


def _no_items() -> None:
    """A record is known as a whole once its first item has been folded."""
    unit_of_work.is_above = lambda pair, high_water: pair[0] > high_water[0]


def _no_explicit_ack() -> None:
    """A batch counts as done as soon as it is taken, and its offset is committed at once."""
    take = assignment.Deliveries.take_source

    async def changed(this: Any, tp: Any, delivery: Any, done: Callable[[], object]) -> None:
        done()
        await asyncio.sleep(0)
        await take(this, tp, delivery, lambda: None)

    assignment.Deliveries.take_source = changed


def _no_publish_gate() -> None:
    """Decisions are published before a replica has them."""

    async def wait_for_replicas(*_: Any) -> None:
        return

    connection.RedisServers.wait_for_replicas = wait_for_replicas


def _no_marks() -> None:
    """Marks are written, and no one looks at what they say of suppressions and opt-outs."""
    Mark.standing = lambda this, offset: AS_ANYBODY


def _no_erased() -> None:
    """What happened before an erasure counts again if it comes after it."""
    Mark.is_erased = lambda this, offset, at_ms: False


def _no_mark_topic() -> None:
    """Marks that Redis has lost are lost."""

    async def read(this: Any, partitions: Any) -> Copies:
        return Copies({number: {} for number in partitions})

    MarkTopic.read = read


def _no_stages() -> None:
    """Of what a step publishes of the stages of one customer, the last record is left out."""
    add = unit_of_work.UnitOfWork.add

    def changed(this: Any, customer_id: str, decided: Any, **named: Any) -> None:
        decided.stages = decided.stages[:-1]
        add(this, customer_id, decided, **named)

    unit_of_work.UnitOfWork.add = changed


def _no_silence() -> None:
    """Every record ends a silence, also one that is skipped."""

    def last_event_ms(reports: Any, event_type: str | None = None) -> int:
        reports = list(reports)
        latest_ms: int = max(report.last_record_ms for report in reports)
        return latest_ms or max(report.since_ms for report in reports)

    watermarks._last_event_ms = last_event_ms


def _no_types() -> None:
    """Values count as they are written."""
    turn.typed = lambda event, types, left_out: event


def _no_consent() -> None:
    """Only three spellings mean no, and everything else is a yes."""

    def is_opted_out(this: Any, attributes: Any) -> bool:
        known = None if this.policy.consent is None else attributes.get(this.policy.consent.from_)
        return known is not None and (known[0] is False or known[0] in ("no", "withdrawn"))

    contact_policy.ContactPolicy.is_opted_out = is_opted_out


def _no_type_in_ids() -> None:
    """Two events with one id are one, of any types."""
    decoding.DecodedEvent.fingerprint = decoding.DecodedEvent.fingerprint_of_0_1

    def begin(this: Any, event_type: str) -> None:
        this._hashed = blake2b(digest_size=decoding.FINGERPRINT_BYTES)

    fingerprint.Fingerprint.__init__ = begin


def _no_partition_check() -> None:
    """A direct producer may put its records into any partition."""

    class Anywhere:
        def __mod__(self, partitions: int) -> "Anywhere":
            return self

        def __ne__(self, partition: object) -> bool:
            return False

    event_reader.hash_of = lambda key: Anywhere()
    partition.OwnedPartition.has = lambda this, customer_id: True


def _no_doubt() -> None:
    """A waiting action waits only for what was before its start, also if others come late."""
    episodes.Episodes.doubt = lambda *_: None


def _no_history() -> None:
    """History acts like everything else."""
    customer.Customer.floor_ms = lambda *_: 0


_WITHOUT: Final[dict[str, Callable[[], None]]] = {
    "fence": _no_fence,
    "safe-time": _no_watermarks,
    "high-water": _no_high_water,
    "items": _no_items,
    "explicit-ack": _no_explicit_ack,
    "publish-gate": _no_publish_gate,
    "marks": _no_marks,
    "erased": _no_erased,
    "mark-topic": _no_mark_topic,
    "stages": _no_stages,
    "silence": _no_silence,
    "types": _no_types,
    "consent": _no_consent,
    "type-in-ids": _no_type_in_ids,
    "partition-check": _no_partition_check,
    "doubt": _no_doubt,
    "history": _no_history,
}

if __name__ == "__main__":
    main()
