"""Bytewax: a dataflow with Kafka at both ends, and its recovery store (SQLite) for the state.

Bytewax keeps the state of a stateful step in memory, one logic object per key, and writes a snapshot of every key
that was awake at the end of each epoch, here 5 seconds of the wall clock; after a crash it takes the newest epoch
that is whole and reads the events behind it again. What was written is confirmed by Kafka before an epoch ends, so
nothing is lost and some is written again.

A logic can be woken by the wall clock alone (`notify_at`), and only for its own key, while due times here are to fire
in the partition's time. So the key is the Kafka partition and not the customer: one logic has all customers of it,
sees the partition's time move on, and finds in `DueTimes` who is due. Everything that goes through the dataflow is a
batch of records, which is what Bytewax is quick with: the way between Rust and Python is taken once for thousands of
events. The price is that a snapshot has all customers of the partition, not only those that changed. Their states
are packed only if they changed, so the rest is one copy of a dictionary, one pickle and one row of SQLite per
partition and epoch: far less than a row for each of the customers that 5 seconds of work touch.
"""

import gc
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks.contenders import Contender
from benchmarks.contenders.by_hand import State, fire, fold, pack, read_event, unpack
from benchmarks.contenders.by_hand import write as written
from benchmarks.contenders.due_times import DueTimes
from benchmarks.contenders.own_python import install, python_in
from benchmarks.workload import Decided

_LOCK: Final = Path(__file__).with_suffix(".lock")
_ROOT: Final = Path(__file__).parents[2]
_EPOCH: Final = timedelta(seconds=5)
_BATCH_EVENTS: Final = 5_000
"""Most events in one batch; the sink waits for Kafka once per batch."""
_NEVER_GIVE_UP: Final = {"message.timeout.ms": "0"}
"""The sink waits until its producer has no records left, and does not ask whether it sent them or gave them up."""
_GARBAGE_THRESHOLD: Final = 100_000
"""All states are live objects and none is part of a cycle: with Python's default (700) the search for cycles among
them took a tenth of the time."""
_RETAIN: Final = False
"""Bytewax is to keep the logic, not to discard it."""

Packed = dict[str, bytes]
"""A snapshot: packed states by customer."""


class PartitionLogic:
    """All customers of one partition, in the way that Bytewax wants it of a stateful step."""

    def __init__(self, packed: Packed | None) -> None:
        """Start with nothing, or with a snapshot."""
        self._packed = packed or {}
        self._states: dict[str, State] = {customer: unpack(raw) for customer, raw in self._packed.items()}
        self._changed: set[str] = set()
        self._due = DueTimes((customer, state.due_ms) for customer, state in self._states.items())

    def on_batch(self, batches: Sequence[Sequence[bytes]]) -> tuple[list[Decided], bool]:
        """Fold events in their order, then fire what is due at the time of the last of them.

        A customer due before its own next event of the batch is fired by `fold`, at the same due time.

        Args:
            batches: records of the events topic.
        """
        decided: list[Decided] = []
        at_ms = 0
        for batch in batches:
            for value in batch:
                event = read_event(value)
                customer, at_ms = event.customer, event.at_ms
                state, folded = fold(self._states.get(customer), event)
                self._keep(customer, state)
                decided += folded
        for customer in self._due.until(at_ms):
            state = self._states[customer]
            decided += fire(customer, state, at_ms)
            self._keep(customer, state)
        return decided, _RETAIN

    def _keep(self, customer: str, state: State) -> None:
        self._states[customer] = state
        self._changed.add(customer)
        self._due.set(customer, state.due_ms)

    def on_notify(self) -> tuple[list[Decided], bool]:
        """Decide nothing; it is never asked for."""
        return [], _RETAIN

    def on_eof(self) -> tuple[list[Decided], bool]:
        """Decide nothing; the stream does not end."""
        return [], _RETAIN

    def notify_at(self) -> None:
        """Ask for no call by the wall clock."""
        return None

    def snapshot(self) -> Packed:
        """Return all states; Bytewax pickles them later, so it gets a copy."""
        for customer in self._changed:
            self._packed[customer] = pack(self._states[customer])
        self._changed.clear()
        return self._packed.copy()


def by_partition(messages: Sequence[Any]) -> list[tuple[str, list[bytes]]]:
    """Put the values of Kafka messages together by their partition, in their order; keys are text in Bytewax."""
    values: dict[str, list[bytes]] = {}
    for message in messages:
        values.setdefault(str(message.partition), []).append(message.value)
    return list(values.items())


def main() -> None:
    """Run until SIGTERM."""
    from bytewax import operators as op  # type: ignore[import-not-found]
    from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource  # type: ignore[import-not-found]
    from bytewax.dataflow import Dataflow  # type: ignore[import-not-found]
    from bytewax.recovery import RecoveryConfig, init_db_dir  # type: ignore[import-not-found]
    from bytewax.run import cli_main  # type: ignore[import-not-found]

    def messages(batch: Sequence[tuple[str, Decided]]) -> list[Any]:
        return [KafkaSinkMessage(one.customer.encode(), written(one)) for _, one in batch]

    gc.set_threshold(_GARBAGE_THRESHOLD)
    op.StatefulBatchLogic.register(PartitionLogic)
    brokers = [os.environ["BENCH_KAFKA"]]
    flow = Dataflow("linger_by_hand")
    source = KafkaSource(brokers, [os.environ["BENCH_EVENTS"]], batch_size=_BATCH_EVENTS)
    events = op.input("events", flow, source)
    batches = op.flat_map_batch("by_partition", events, by_partition)
    decided = op.stateful_batch("decide", batches, PartitionLogic)
    actions = op.flat_map_batch("write", decided, messages)
    op.output("actions", actions, KafkaSink(brokers, os.environ["BENCH_ACTIONS"], add_config=_NEVER_GIVE_UP))

    recovery = Path(os.environ["BENCH_STATE"])
    if not any(recovery.iterdir()):
        init_db_dir(recovery, 1)
    cli_main(flow, epoch_interval=_EPOCH, recovery_config=RecoveryConfig(recovery))


CONTENDER: Final = Contender(
    name="bytewax",
    title="Bytewax 0.21, rules by hand",
    state="memory, with a snapshot in SQLite every 5 s",
    delivery="at least once: what was decided since the last snapshot, up to 5 s, is written again",
    prepare=lambda cache: install(cache, _LOCK),
    command=lambda cache: (str(python_in(cache)), "-m", "benchmarks.contenders.bytewax_flow"),
    environment={"PYTHONPATH": str(_ROOT)},
)

if __name__ == "__main__":
    main()
