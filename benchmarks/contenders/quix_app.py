"""Quix Streams: an application with its own state store, RocksDB on disk with a changelog topic behind it.

Every customer's state is one entry of the store's partition that belongs to the customer's partition of events, so
only what changed since the last checkpoint is written, to the changelog and to RocksDB. Checkpoints are Quix's own:
every 5 seconds (its default) it flushes what was produced, then commits the offsets, then writes RocksDB. The
guarantee is its default too, at least once: with "exactly-once" nothing could be read before the next checkpoint.

Quix has no timers, and a stateful function sees the state of the record's own key alone; a silence, though, has to be
noticed because of other customers' events. So the function here is given no `State` but takes the partition's open
transaction, in which every customer of the partition can be read and written, and fires what the record's time makes
due. Which customers these are, `DueTimes` knows: it is in memory and rebuilt from the store when a partition is
assigned, so it need not be written and cannot disagree with the states after a crash. It costs one read of the
partition's store per assignment.
"""

import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

from benchmarks.contenders import Contender
from benchmarks.contenders.by_hand import Event, fire, fold, pack, read_event, unpack, write
from benchmarks.contenders.due_times import DueTimes
from benchmarks.contenders.own_python import install, python_in
from benchmarks.workload import Decided

_LOCK: Final = Path(__file__).with_suffix(".lock")
_ROOT: Final = Path(__file__).parents[2]
_NO_PREFIX: Final = b""
_STATIC_MEMBER: Final = {"group.instance.id": "the-only-one"}
"""Started again after a crash it is given its partitions at once, not when the session of the dead one is over."""
_LARGER_BATCHES: Final = {"linger.ms": 50}
"""With the producer's default of 5, Kafka gets several times the requests for the same records."""


class Transaction(Protocol):
    """The part of Quix's `PartitionTransaction` that is used: reads what it wrote, and what the store has."""

    def get_bytes(self, key: bytes, prefix: bytes) -> bytes | None:
        """Return what is stored under this key."""

    def set_bytes(self, key: bytes, value: bytes, prefix: bytes) -> None:
        """Store this under this key."""


def decide(event: Event, states: Transaction, due: DueTimes) -> list[Decided]:
    """Fire all that is due in the partition at the event's time, then fold the event.

    Args:
        states: the packed states of all customers of the event's partition, by customer.
        due: the due times of the same customers.
    """
    decided: list[Decided] = []
    for customer in due.until(event.at_ms):
        key = customer.encode()
        raw = states.get_bytes(key, _NO_PREFIX)
        if raw is None:
            raise LookupError(f"customer {customer} is due, but the store has no state")
        state = unpack(raw)
        decided += fire(customer, state, event.at_ms)
        states.set_bytes(key, pack(state), _NO_PREFIX)
        due.set(customer, state.due_ms)
    key = event.customer.encode()
    raw = states.get_bytes(key, _NO_PREFIX)
    state, folded = fold(None if raw is None else unpack(raw), event)
    states.set_bytes(key, pack(state), _NO_PREFIX)
    due.set(event.customer, state.due_ms)
    return decided + folded


def main() -> None:
    """Run until SIGTERM."""
    from quixstreams import Application, message_context  # type: ignore[import-not-found]
    from quixstreams.models import JSONDeserializer, JSONSerializer  # type: ignore[import-not-found]

    app = Application(
        broker_address=os.environ["BENCH_KAFKA"],
        consumer_group=os.environ["BENCH_GROUP"],
        auto_offset_reset="earliest",
        consumer_extra_config=_STATIC_MEMBER,
        producer_extra_config=_LARGER_BATCHES,
        state_dir=os.environ["BENCH_STATE"],
        loglevel="WARNING",
    )
    events = app.topic(os.environ["BENCH_EVENTS"], value_deserializer=JSONDeserializer(loads=read_event))
    actions = app.topic(
        os.environ["BENCH_ACTIONS"], key_serializer="str", value_serializer=JSONSerializer(dumps=write)
    )
    frame = app.dataframe(events)
    frame.register_store()
    context = frame.processing_context
    stored = context.state_manager.get_store(frame.stream_id).partitions
    # By partition of the store, which is another object after every assignment.
    due_times: MutableMapping[Any, DueTimes] = WeakKeyDictionary()

    def due_times_of(partition: Any) -> DueTimes:
        due = due_times.get(partition)
        if due is None:
            states = ((key.decode(), unpack(raw)) for key, raw in partition.iter_items(b""))
            due = due_times[partition] = DueTimes((customer, state.due_ms) for customer, state in states)
        return due

    def decide_in_partition(event: Event, _key: object, _timestamp: int, _headers: object) -> list[Decided]:
        number = message_context().partition
        states = context.checkpoint.get_store_transaction(frame.stream_id, number)
        return decide(event, states, due_times_of(stored[number]))

    frame.apply(decide_in_partition, expand=True, metadata=True).to_topic(actions, key=lambda one: one.customer)
    app.run()


CONTENDER: Final = Contender(
    name="quix",
    title="Quix Streams 3.28, rules by hand",
    state="RocksDB, with a changelog topic in Kafka",
    delivery="at least once: what was decided since the last checkpoint, up to 5 s, is written again",
    prepare=lambda cache: install(cache, _LOCK),
    command=lambda cache: (str(python_in(cache)), "-m", "benchmarks.contenders.quix_app"),
    environment={"PYTHONPATH": str(_ROOT)},
)

if __name__ == "__main__":
    main()
