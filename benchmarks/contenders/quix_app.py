"""Quix Streams: an application with its own state store, RocksDB on disk with a changelog topic behind it.

Every customer's state is one entry of the store's partition that belongs to the customer's partition of events, so
only what changed since the last checkpoint is written, to the changelog and to RocksDB. Checkpoints are Quix's own:
every 5 seconds (its default) it flushes what was produced, then commits the offsets, then writes RocksDB. The
guarantee is its default too, at least once: with "exactly-once" nothing could be read before the next checkpoint.

Quix has no timers, and a stateful function sees the state of the record's own key alone; a silence, though, has to be
noticed because of other customers' events. So the function here is given no `State` but takes the partition's open
transaction, in which every customer of the partition can be read and written, and fires what the record's time makes
due. Which customers these are, `DueTimes` knows: it is in memory and made anew from the store when a partition is
assigned, so that it need not be written, and cannot disagree with the states after a crash. It costs one read of the
partition's store per assignment.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, MutableMapping
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

from benchmarks.contenders import Contender, Missing
from benchmarks.contenders.by_hand import Event, fire, fold, pack, read_event, unpack, write
from benchmarks.workload import Decided

_LOCK: Final = Path(__file__).with_suffix(".lock")
_ROOT: Final = Path(__file__).parents[2]
_NO_PREFIX: Final = b""
_STATIC_MEMBER: Final = {"group.instance.id": "the-only-one"}
"""Started again after a crash it is given its partitions at once, not when the session of the dead one is over."""
_LARGER_BATCHES: Final = {"linger.ms": 50}
"""With the producer's default of 5, Kafka gets several times the requests for the same records."""


class DueTimes:
    """When each customer has to be looked at again because of time alone.

    A customer whose due time moves on, as it does with most events, stays queued for the earlier one and is queued
    anew when that has come: most of these moves never touch the heap.
    """

    def __init__(self, due_ms: Iterable[tuple[str, int]] = ()) -> None:
        """Start with so many customers.

        Args:
            due_ms: customers and their due times, in milliseconds since 1970; 0 for never.
        """
        self._due = {customer: at_ms for customer, at_ms in due_ms if at_ms}
        self._queued = dict(self._due)
        self._heap = [(at_ms, customer) for customer, at_ms in self._due.items()]
        heapify(self._heap)

    def set(self, customer: str, due_ms: int) -> None:
        """Note when this customer is due next; 0 for never."""
        if not due_ms:
            self._due.pop(customer, None)
            return
        self._due[customer] = due_ms
        queued_ms = self._queued.get(customer)
        if queued_ms is None or due_ms < queued_ms:
            self._queue(customer, due_ms)

    def until(self, at_ms: int) -> Iterator[str]:
        """Yield every customer that is due at this time; whoever takes one calls `set` for it before the next."""
        heap = self._heap
        while heap and heap[0][0] <= at_ms:
            queued_ms, customer = heappop(heap)
            if self._queued.get(customer) != queued_ms:
                continue  # it was queued anew for an earlier time, and that is over
            del self._queued[customer]
            due_ms = self._due.get(customer)
            if due_ms is None:
                continue
            if due_ms > at_ms:
                self._queue(customer, due_ms)
            else:
                yield customer

    def _queue(self, customer: str, due_ms: int) -> None:
        self._queued[customer] = due_ms
        heappush(self._heap, (due_ms, customer))


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


def python_in(folder: Path) -> Path:
    """Return where the Python of a virtual environment is."""
    return folder / "bin" / "python"


def install(folder: Path, lock: Path) -> None:
    """Make a virtual environment of this very Python with what a lock file names, if it is not there already.

    Raises:
        Missing: with what pip printed, if it fails.
    """
    done = folder / lock.name  # a copy of the lock, put there last
    if done.exists() and done.read_bytes() == lock.read_bytes():
        return
    pip = (python_in(folder), "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    for command in (
        (sys.executable, "-m", "venv", "--clear", folder),
        (*pip, "--require-hashes", "--only-binary", ":all:", "--requirement", lock),
    ):
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if run.returncode:
            raise Missing(f"{lock.name} cannot be installed into {folder}:\n{run.stdout}{run.stderr}".strip())
    done.write_bytes(lock.read_bytes())


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
