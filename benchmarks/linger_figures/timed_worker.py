"""A worker whose stages are timed: `python -m benchmarks.linger_figures.timed_worker REPORT`.

It is the worker that operators run (`linger run`). At each SIGUSR1 it appends one line of JSON to REPORT: the time
spent in each stage so far.
"""

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypedDict

from aiokafka import AIOKafkaProducer
from aiokafka.producer.sender import Sender

from benchmarks.linger_figures.stopwatch import Spent, Stopwatch
from workers.__main__ import main as linger
from workers.intake import agent as intake
from workers.kafka import faust_batches
from workers.kafka.producer import Publisher
from workers.kafka.records import OutboxRecord
from workers.processor.deciding import Deciding
from workers.processor.event_reader import EventReader
from workers.processor.unit_of_work import UnitOfWork
from workers.runtime import tick
from workers.state import step

STAGES: Final = {
    "read": "fetch from Kafka, source and activity topic: what of it is done beside Faust's thread",
    "map": "read source records, validate, write canonical events, the oldest first",
    "pass on": "hand events to the producer",
    "parse": "read canonical events, drop those folded before",
    "load": "ask Redis for activities",
    "decide": "from stored bytes and events to stored bytes and records of what is decided",
    "encode": "collect what a step writes",
    "commit": "write one atomic step to Redis",
    "publish": "hand decisions to the producer",
    "send": "the producer's own work for both topics: batches, requests, answers",
    "tick": "look at the clock, the sources, and which due times have come",
}

_PATCHED: Final[tuple[tuple[str, Any, str], ...]] = (
    ("map", intake, "merge"),
    ("map", intake.Intake, "_convert"),
    ("parse", EventReader, "sort"),
    ("decide", Deciding, "fold"),
    ("decide", Deciding, "fire"),
    ("encode", UnitOfWork, "changes"),
)
_PATCHED_ASYNC: Final[tuple[tuple[str, Any, str], ...]] = (
    ("read", faust_batches.BatchConsumer, "_getmany"),
    ("load", step.Step, "read"),
    ("commit", step.Step, "commit"),
    ("send", Sender, "_sender_routine"),
    ("send", Sender, "_send_produce_req"),
    ("tick", tick.Tick, "run"),
)


class Snapshot(TypedDict):
    """What a worker has spent so far.

    Attributes:
        stages: on the event loop.
        threads: CPU seconds by thread, the event loop's and others.
        process: CPU seconds in all.
    """

    stages: dict[str, Spent]
    threads: dict[str, float]
    process: float


def main() -> None:
    """Time the stages and run a worker."""
    report = Path(sys.argv[1])
    watch = Stopwatch()
    watch.add(*STAGES)
    for stage, owner, name in _PATCHED:
        setattr(owner, name, watch.timed(stage, getattr(owner, name)))
    for stage, owner, name in _PATCHED_ASYNC:
        setattr(owner, name, watch.timed_async(_always(stage), getattr(owner, name)))
    # Not `send`: it hands the work to a task of its own.
    sending: Any = watch.timed_async(_stage_of_sending, Publisher._send_once)
    setattr(Publisher, "_send_once", staticmethod(sending))  # noqa: B010

    def write_report(*_: object) -> None:
        with report.open("a") as file:
            file.write(json.dumps(_snapshot(watch)) + "\n")

    signal.signal(signal.SIGUSR1, write_report)
    sys.argv = ["linger", "run"]
    linger()


def _always(stage: str) -> Callable[..., str]:
    return lambda *_, **__: stage


def _stage_of_sending(_: AIOKafkaProducer, records: Sequence[OutboxRecord]) -> str:
    return "pass on" if records[0].topic.endswith(".activity") else "publish"


def _snapshot(watch: Stopwatch) -> Snapshot:
    threads: dict[str, float] = {}
    for thread in threading.enumerate():
        if thread.ident is not None:
            used = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
            threads[thread.name] = threads.get(thread.name, 0.0) + used
    return {"stages": watch.spent(), "threads": threads, "process": time.process_time()}


if __name__ == "__main__":
    main()
